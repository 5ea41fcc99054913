"""Recommends prescriptions: a model folder on disk, and its predictions as a table.

A fitted model or its folder comes in; recommendations per patient go out.
Open `model.py` first, then `recommendations.py` and `decision_constraints.py`.
"""
