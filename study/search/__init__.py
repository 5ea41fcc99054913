"""The search: Ray Tune runs trials, Optuna suggests them, one sampler and one ASHA per arm.

A prepared study comes in; finished trials in the store go out. Open `tune.py` first, then
`searcher.py`, `asha.py` and `trial.py`.
"""
