"""The winners on held-out rows: calibration, permutation importance, subgroups.

Open `tables.py` first.
"""
