"""A whole search raced against plain Ray Tune and Optuna.

`race.py` runs the competitors, each a program of its own, and compares what they took. It is not
imported here, so that a competitor's workers import what they need and no more.
"""
