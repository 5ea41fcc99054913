"""Ray: started or joined, its devices, its nodes, and studies submitted as jobs.

Open `ray_session.py` first; `node_monitor.py` reports nodes that join or are lost.
"""
