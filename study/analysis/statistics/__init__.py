"""Statistics of the comparison: intervals, tests, ranks and sample sizes from held-out losses.

Read `bootstrap.py` first. The file of each method cites its paper.
"""
