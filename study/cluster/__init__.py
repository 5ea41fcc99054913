"""Starts or joins Ray, chooses devices, watches nodes, and submits studies as jobs.

Open `ray_session.py` first; `node_monitor.py` reports nodes that join or are lost.
"""
