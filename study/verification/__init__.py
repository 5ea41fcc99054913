"""Checks the method: studies with a known truth, coverage, the published setting, failures.

Open `known_truth.py` first. A user's study never runs this code.
"""
