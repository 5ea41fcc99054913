"""The search: Ray Tune runs trials, Optuna suggests them, one sampler and one ASHA per arm.

Input: a prepared study. Output: finished trials in the store. Read `tune.py` first, then
`searcher.py`, `asha.py` and `trial.py`.
"""
