"""What the user asks for: the settings, the search space, the splits, the analysis plan.

A YAML file, `--set` changes and flags come in; an immutable `Settings` goes out. Neither Ray nor
Optuna's samplers are needed here. Open `settings.py` first, then `search_space.py`.
"""
