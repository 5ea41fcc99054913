"""The comparison of the arms on held-out rows, as data and in words.

`ComparisonData` comes in; a `Comparison` goes out. Open `build.py` first, then `differences.py`
for what is called a difference and `verdict.py` for the words.
"""
