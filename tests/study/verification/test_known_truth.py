"""Error rates count significant differences, and simulated studies have their stated truth."""

import json

import numpy as np
import pytest

from study.verification import known_truth as calibration
from study.verification.known_truth import STUDIES, error_rates, simulate_study


def one(arm, estimate, low, high, p_holm):
    outside = low > 0 or high < 0
    return {
        "arm": arm,
        "estimate": estimate,
        "low": low,
        "high": high,
        "p_holm": p_holm,
        "distinguishable": outside and p_holm < 0.05,
        "regret": {"estimate": -estimate / 2},
    }


def test_any_pair_of_a_null_study_counts_and_only_the_handicapped_arms_of_the_others():
    called = one("equal-2", 0.2, 0.1, 0.3, 0.01)
    unsure = one("equal-3", 0.1, 0.01, 0.2, 0.5)
    silent = one("equal-4", 0.0, -0.1, 0.1, 0.9)
    known = one("half", -0.2, -0.3, -0.1, 0.01)
    records = [
        {"studies": {"null": [called, silent], "half": [called, known], "most": [silent]}},
        {"studies": {"null": [unsure, silent], "half": [called, silent], "most": [silent]}},
    ]
    for record in records:
        record["studies"]["most"] = [{**silent, "arm": "most"}]
    records[1]["studies"]["half"][1] = {**silent, "arm": "half"}
    found = error_rates(records)
    assert found["null"]["any_called"] == 0.5
    assert found["null"]["any_interval"] == 1
    assert found["null"]["any_test"] == 0.5
    assert found["null"]["pair_called"] == 0.25
    assert (found["half"]["any_called"], found["half"]["pair_called"]) == (0.5, 0.5)
    assert found["half"]["skill"] == pytest.approx(-0.1)
    assert found["half"]["regret"] == pytest.approx(0.05)
    assert found["most"]["any_called"] == 0
    assert found["most"]["half_width"] == pytest.approx(0.1)


@pytest.mark.thorough
def test_a_known_study_is_plain_data_and_comes_out_the_same_again(monkeypatch):
    for name, value in {"_TRIALS": 3, "_STARTUP": 2, "_EPOCHS": 12, "_FRESH_SEEDS": (1, 2)}.items():
        monkeypatch.setattr(calibration, name, value)
    first, second = simulate_study(5), simulate_study(5)
    assert json.loads(json.dumps(first["studies"], allow_nan=False)) == first["studies"]
    assert first["studies"] == second["studies"]
    assert set(first["studies"]) == set(STUDIES)
    assert {len(found) for found in first["studies"].values()} == {6}
    # All arms of a null study use one balancer, but each search found a different network.
    assert all(found["estimate"] for found in first["studies"]["null"])
    handicapped = [found for found in first["studies"]["most"] if found["arm"] == "most"]
    assert np.mean([found["estimate"] for found in handicapped]) < 0
    assert np.mean([found["regret"]["estimate"] for found in handicapped]) > 0
