"""The tables of the report, as cells of text."""
