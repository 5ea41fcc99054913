"""Logs runs to Weights & Biases, repairs them after a crash, and sends them to a server.

The input is reports of trials; the output is W&B runs. Open `tracker.py` first, then
`wandb_payload.py` for the contents of a run.
"""
