"""Checks of the method itself: studies whose truth is known, coverage, the published setting.

Open `known_truth.py` first. No user's study runs this.
"""
