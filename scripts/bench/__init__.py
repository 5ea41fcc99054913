"""The benches: `python -m scripts.bench`; README.md says which question each one answers."""
