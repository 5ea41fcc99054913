"""What a table means: its columns, units, limits, filters, feature sets and tasks.

A schema file (YAML) comes in; an immutable `Schema` goes out. Nothing here reads a table.
Open `schema.py` first, then `columns.py` for one column and `entries.py` for the other entries.
"""
