"""Writes blocks as HTML, Markdown, CSV, LaTeX, PNG and SVG."""
