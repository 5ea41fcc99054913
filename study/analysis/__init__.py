"""The analysis after the search: finalists, the comparison on held-out rows, exported models.

Input: finished trials. Output: `comparison.json`, the winners' tables and `best/`. It does not
depend on how the search worked. Read `finalists.py` first, then `comparison/build.py`.
"""
