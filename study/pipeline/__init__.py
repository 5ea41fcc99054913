"""Runs a study: checks the settings, searches, compares the arms and writes the report.

The input is settings; the output is a finished folder. Open `run.py` first. `preflight.py` refuses
input that cannot work, before Ray starts. `finalize.py` does what follows the search.
"""
