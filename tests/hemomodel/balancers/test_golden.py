"""Scores of a short training of each balancer, as they were when last recorded."""

import json
from pathlib import Path

import pytest

from hemomodel import FitConfig, Replicates, fit
from hemomodel.balancers._base import BALANCERS

FILE = Path(__file__).with_name("golden.json")


@pytest.mark.parametrize("name", sorted(BALANCERS))
def test_scores_are_as_recorded(double, cohort, name, request):
    config = FitConfig(epochs=5, batch_size=16, dropout=0.1, balancer=BALANCERS[name]())
    scores = fit(config, cohort, Replicates(folds=2, seeds=1)).scores.tolist()
    golden = json.loads(FILE.read_text()) if FILE.exists() else {}
    if request.config.getoption("--record"):
        golden[name] = scores
        FILE.write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n")
    # Another processor rounds the matrix products differently. The instructions of older ones
    # (ATEN_CPU_CAPABILITY, MKL_CBWR) move no score by more than 5e-12, and relative noise of 1e-13
    # in every Gramian none by more than 3e-10.
    assert scores == [pytest.approx(row, rel=1e-6, abs=1e-8) for row in golden[name]]
