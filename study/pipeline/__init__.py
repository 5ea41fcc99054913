"""Runs a study from settings to report.

Settings come in; a finished folder goes out. Open `run.py` first; `preflight.py` refuses what
cannot work before Ray starts; `finalize.py` does what follows the search.
"""
