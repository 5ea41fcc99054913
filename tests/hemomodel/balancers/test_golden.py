"""Scores of a short training with each balancer equal the recorded scores."""

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
    # Another processor rounds the matrix products differently. Instructions of older processors
    # (ATEN_CPU_CAPABILITY, MKL_CBWR) change a score by at most 5e-12; relative noise of 1e-13 in
    # every Gramian changes it by at most 3e-10.
    assert scores == [pytest.approx(row, rel=1e-6, abs=1e-8) for row in golden[name]]
