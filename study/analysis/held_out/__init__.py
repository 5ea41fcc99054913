"""The winners on held-out rows: calibration, permutation importance, subgroups.

Read `tables.py` first.
"""
