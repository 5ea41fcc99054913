"""The study on disk: its folder, its lock, the Optuna storage, the tables of the trials.

This package writes all data that must survive a crash. Read `study_folder.py` first, then
`optuna_storage.py` and `trial_tables.py`. `failures.py` handles a full disk.
"""
