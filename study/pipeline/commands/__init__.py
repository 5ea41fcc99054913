"""The six commands that a person types, each a `main`.

`pip install` makes `hemomodel-NAME` of each; in a checkout, `scripts/NAME.py` starts the same.
What is slow to import is imported after the command line was read, so that `--help` is fast.
"""
