"""Weights & Biases: runs are logged, repaired after a crash, and sent to a server.

Reports of trials come in; W&B runs go out. Open `tracker.py` first, then `wandb_payload.py` for
what a run holds.
"""
