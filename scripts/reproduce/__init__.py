"""Programs that measure the numbers in docs/. Run `python -m scripts.reproduce.NAME`."""
