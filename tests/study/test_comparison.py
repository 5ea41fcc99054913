"""What is said of the arms is what the intervals say."""

import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from hemomodel import FitConfig
from hemomodel.schema import load_schema
from study.comparison import compare, comparison_table, task_table
from study.confirm import Confirmed, Finalist
from study.screen import comparison_svg, show_comparison

TASKS = load_schema().tasks
SEEDS = [0, 0, 1, 1, 2, 2]


def study(gaps):
    """Compares arms whose losses lie `gap` below those of the first, with a little noise."""
    random = np.random.default_rng(0)
    trivial = random.gamma(9, 0.2, (6, 50, 10))
    base = trivial * 0.8
    chosen, confirmed = [], []
    for number, (name, gap) in enumerate(gaps.items()):
        losses = base - gap + random.normal(0, 0.02, base.shape)
        trial = SimpleNamespace(params={"lr": 0.01}, value=0.2)
        chosen.append(Finalist(name, number, trial, FitConfig()))
        metrics = {"skill": losses.mean(1), "rmse": np.full((6, 10), np.nan)}
        metrics["rmse"][:, 4] = 20.0
        confirmed.append(Confirmed(losses, trivial, metrics, {}))
    trials = pd.DataFrame({"arm": [*gaps, *gaps], "state": "complete", "seconds": 2.0})
    return compare(chosen, confirmed, SEEDS, TASKS, trials)


@pytest.mark.parametrize(
    ("gaps", "says"),
    [
        ({"equal": 0, "fixed": 0}, "No balancer is distinguishable from equal"),
        ({"equal": 0, "fixed": 0.1}, "better than that of equal: fixed"),
        ({"fixed": -0.1, "equal": 0}, "worse than that of equal: fixed"),
        (
            {"equal": 0, "fixed": 0.1, "gradnorm": 0, "uncertainty": -0.1},
            (
                "better than that of equal: fixed; worse than that of equal: uncertainty; "
                "not distinguishable from that of equal: gradnorm"
            ),
        ),
        ({"gradnorm": 0}, "Only one arm was compared."),
        ({"gradnorm": 0, "fixed": 0.1}, "better than that of gradnorm: fixed"),
    ],
    ids=str,
)
def test_the_verdict_follows_from_the_intervals(gaps, says):
    found = study(gaps)
    assert says in found["verdict"]
    for arm in found["arms"]:
        if arm["difference"] is not None:
            outside = arm["difference"]["low"] > 0 or arm["difference"]["high"] < 0
            assert arm["distinguishable"] == outside
            assert ("not distinguishable" in arm["verdict"]) != outside


def test_more_arms_ask_for_wider_intervals():
    two = study({"equal": 0, "fixed": 0.1})
    four = study({"equal": 0, "fixed": 0.1, "gradnorm": 0, "uncertainty": 0})
    assert two["simultaneous_level"] == pytest.approx(0.95)
    assert four["simultaneous_level"] == pytest.approx(1 - 0.05 / 3)


def test_the_tables_hold_the_same_figures():
    found = study({"equal": 0, "fixed": 0.1})
    table = comparison_table(found).set_index("arm")
    assert table.loc["fixed", "difference"] == found["arms"][1]["difference"]["estimate"]
    assert table.loc["equal", "trials"] == 2
    skills = task_table(found).query("metric == 'skill'").groupby("arm")["value"].mean()
    for arm in found["arms"]:
        assert skills[arm["arm"]] == pytest.approx(arm["score"]["estimate"])
    flows = task_table(found).query("metric == 'rmse'")
    assert set(flows["task"]) == {"blood_flow"}


def test_the_screen_fits_into_eighty_columns():
    found = study({"equal": 0, "fixed": 0.1, "gradnorm": 0, "uncertainty": -0.1})
    console = Console(file=io.StringIO(), width=80)
    show_comparison(console, found, TASKS)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    for arm in found["arms"]:
        row = next(line for line in lines if line.startswith(arm["arm"]))
        assert f"{arm['score']['estimate']:.3f}" in row
    assert comparison_svg(found, TASKS).startswith("<svg")
