"""Turns a cohort into a stack: folds and seeds as replicates, features fitted on training rows.

A `Cohort` and `Replicates` come in; a `Stack` of arrays that lead with R goes out.
Open `splits.py` first, then `preprocessor.py` and `stack.py`.
"""
