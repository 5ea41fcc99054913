"""Tables of the report, as cells of text."""
