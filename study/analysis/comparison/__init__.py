"""The comparison of the arms on held-out rows, as data and in words.

Input: `ComparisonData`. Output: a `Comparison`. Read `build.py` first, then `differences.py` for
the rule of significant differences and `verdict.py` for the words.
"""
