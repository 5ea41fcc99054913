"""What the study found: finalists retrained, the comparison on held-out rows, exported models.

Finished trials come in; `comparison.json`, the winners' tables and `best/` go out. It does not know
how the search worked. Open `finalists.py` first, then `comparison/build.py`.
"""
