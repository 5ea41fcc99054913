"""Trains a stack, scores it, and fits the reference models on the same rows.

A `FitConfig` and a `Stack` come in; parameters, histories and metrics go out.
Open `loop.py` first, then `metrics.py` for the scores.
"""
