"""The benchmark of studies: its arithmetic, how it watches processes, and a short run."""

import subprocess
import sys
import time

import pytest

from hemomodel import FitConfig, Replicates, fit, synthetic_cohort
from hemomodel.balancers._base import BALANCERS
from hemomodel.dataset.preparation import prepare
from scripts.bench.resources import Moment, Usage, watch
from scripts.bench.study.plain import trained
from scripts.bench.study.race import Outcome, rows
from tests.support.paths import ROOT

BENCH = [sys.executable, "-m", "scripts.bench"]


def outcome(*, epochs=(100, 50, 50), minutes=0.5, clocks=None):
    start = {"driver": 4.0, "worker": 6.0, "wandb": 0.0, "engine": 2.0}
    end = {"driver": 7.0, "worker": 36.0, "wandb": 1.0, "engine": 5.0}
    moments = {
        "first": Moment(10.0, start),
        "searched": Moment(10.0 + 60 * minutes, end),
    }
    return Outcome(Usage(moments=moments), epochs, 27.0, clocks or {}, 15, 100)


def test_rates_count_an_epoch_as_its_share_of_a_training():
    one = outcome()
    assert one.trials == pytest.approx(6)
    assert one.trainings == pytest.approx(60)  # two full trials of 15 trainings in 0.5 min


def test_the_split_is_the_whole_time_until_the_search_ended():
    one = outcome(clocks={"W&B": 0.5, "tables": 0.3, "Optuna": 0.9})
    parts = {name: seconds * 3 for name, seconds in one.split().items()}
    assert parts["training"] == pytest.approx(27)
    assert parts["logging"] == pytest.approx(1.8)
    assert parts["start-up"] == pytest.approx(12)
    assert sum(parts.values()) == pytest.approx(49)


def test_each_competitor_has_a_cell_in_every_row():
    found = {"ours": outcome(), "tune": outcome(minutes=5)}
    table = rows(found)
    assert {len(cells) for cells in table.values()} == {2}
    assert table["ours / peer"] == ["1.0x", "10.0x"]


def test_a_program_and_its_children_are_watched_to_the_end(tmp_path):
    sign = tmp_path / "sign"
    child = "sum(i * i for i in range(6_000_000))"
    program = (
        f"import pathlib, subprocess, sys; pathlib.Path({str(sign)!r}).touch(); "
        f"subprocess.run([sys.executable, '-c', {child!r}])"
    )
    found = watch([sys.executable, "-c", program], {"sign": sign.exists}, tmp_path / "log")
    assert found.code == 0
    assert found.moments["sign"].seconds < found.seconds
    assert found.cpu["engine"] > 0.05  # the child: not a worker, so counted here
    assert found.peak["driver"] > 1


def test_the_usual_way_learns_what_ours_does():
    cohort = synthetic_cohort(465, seed=0)
    stack = prepare(cohort, Replicates(folds=2, seeds=1))
    config = FitConfig(epochs=6, dropout=0.1, balancer=BALANCERS["uncertainty"]())
    reports = list(trained(config, stack, [2, 6]))
    assert [epoch for epoch, _, _ in reports] == [2, 6]
    run = fit(config, cohort, Replicates(folds=2, seeds=1))
    assert abs(reports[-1][1] - float(run.scores.mean())) < 0.1


def test_a_sign_that_comes_with_the_end_is_seen_and_the_callers_signs_stay(tmp_path):
    sign = tmp_path / "sign"
    signs = {"sign": sign.exists, "never": (tmp_path / "never").exists}
    program = f"open({str(sign)!r}, 'w').close()"
    found = watch([sys.executable, "-S", "-c", program], signs, tmp_path / "log")
    assert set(found.moments) == {"sign"}
    assert set(signs) == {"sign", "never"}


@pytest.mark.slow
def test_training_does_not_count_what_the_caller_does_meanwhile():
    stack = prepare(synthetic_cohort(465, seed=0), Replicates(folds=2, seeds=1))
    reports = trained(FitConfig(epochs=3), stack, [2, 3])
    _, _, before = next(reports)
    end = time.thread_time() + 2
    while time.thread_time() < end:
        pass
    _, _, after = next(reports)
    assert before < after < before + 1


@pytest.mark.slow
def test_sizes_that_make_no_sense_are_one_line():
    ended = subprocess.run(
        [*BENCH, "study", "--epochs", "6"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "early_stopping.grace is 10, and trials train for 6 epochs" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.thorough
def test_the_short_form_prints_every_row():
    sizes = ("--trials", "3", "--peer-trials", "2", "--epochs", "12", "--seeds", "1")
    lanes = ("--lanes", "ours,tune-reuse", "--balancers", "equal")
    ended = subprocess.run(
        [*BENCH, "study", *sizes, *lanes],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = [line.split("│") for line in ended.stdout.splitlines() if line.startswith("│")]
    table = {name.strip(): [cell.strip() for cell in cells] for _, name, *cells, _ in lines}
    assert list(table) == [name.strip() for name in rows({"ours": outcome()})]
    for name, cells in table.items():
        assert len(cells) == 2, name
        assert all(float(cell.removesuffix("x")) >= 0 for cell in cells), name
