"""Compares the time of a complete search with plain Ray Tune and Optuna.

`race.py` runs each competitor as a separate program and compares the results. It is not imported
here, so that a competitor's workers import only what they need.
"""
