"""Blocks to files: HTML, Markdown, CSV, LaTeX, PNG and SVG."""
