"""What is on disk: the study's folder, its lock, the Optuna storage, the tables of the trials.

Everything that must survive a crash goes through here. Open `study_folder.py` first, then
`optuna_storage.py` and `trial_tables.py`; `failures.py` says what a full disk becomes.
"""
