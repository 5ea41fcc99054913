"""Reads and writes tables: .xlsx, .csv, .parquet and .arff files.

A path and a schema come in; a `Sheet` of raw cells, and then parsed columns, go out. Files are
checked against limits before they are opened. Open `readers.py` first, then `parsing.py`.
"""
