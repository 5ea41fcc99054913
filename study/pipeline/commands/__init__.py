"""The six commands that a user runs. Each module has a `main`.

`pip install` makes `hemomodel-NAME` for each; in a checkout, `scripts/NAME.py` starts the same.
Slow imports come after the command line is read, so that `--help` is fast.
"""
