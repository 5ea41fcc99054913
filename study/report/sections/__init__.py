"""Sections of the report: which blocks, in which order."""
