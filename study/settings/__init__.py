"""The user's input: the settings, the search space, the splits, the analysis plan.

Input: a YAML file, `--set` changes and flags. Output: an immutable `Settings`. This package needs
neither Ray nor Optuna's samplers. Read `settings.py` first, then `search_space.py`.
"""
