"""Makes one predictor of the networks of a stack: averaged, calibrated, with coverage sets.

Trained parameters come in; an `Ensemble` with temperatures, conformal scores and a training domain
goes out. Open `build.py` first, then `ensemble.py`.
"""
