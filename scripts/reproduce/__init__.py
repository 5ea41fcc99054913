"""Programs that measure the numbers in docs/: `python -m scripts.reproduce.NAME`."""
