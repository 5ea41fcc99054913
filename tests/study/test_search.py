"""Whole studies, as a person starts them: real Ray, real Optuna, offline W&B."""

import importlib.util
import json
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from study.cli import run_cli
from tests.study.studies import ROOT, SHORT, run, script, search, wandb_runs


def comparable(folder):
    trials = pd.read_parquet(folder / "trials.parquet")
    return trials.drop(columns=["seconds", "step_seconds", "wandb_id"])


@pytest.mark.slow
def test_one_worker_gives_the_same_study_twice(tmp_path):
    for name in ("a", "b"):
        search(
            tmp_path, "--trials", 12, "--name", name, "--max-concurrent", 1, "--wandb", "disabled"
        )
    pd.testing.assert_frame_equal(comparable(tmp_path / "a"), comparable(tmp_path / "b"))
    scores = [pd.read_parquet(tmp_path / name / "scores.parquet") for name in ("a", "b")]
    pd.testing.assert_frame_equal(*scores)
    verdicts = [json.loads((tmp_path / n / "comparison.json").read_text()) for n in ("a", "b")]
    for verdict in verdicts:
        for arm in verdict["arms"]:
            del arm["seconds_per_trial"], arm["seconds_per_step"]
    assert verdicts[0] == verdicts[1]


@pytest.mark.slow
def test_two_workers_give_the_same_scores_for_the_same_parameters(tmp_path):
    # Random trials, none stopped early: what is tried cannot depend on who ends first.
    common = ("--trials", 8, "--wandb", "disabled", "--set", "startup_trials=99",
              "--set", "early_stopping=null")  # fmt: skip
    for workers in (1, 2):
        search(tmp_path, *common, "--name", f"w{workers}", "--max-concurrent", workers)
    pd.testing.assert_frame_equal(comparable(tmp_path / "w1"), comparable(tmp_path / "w2"))


@pytest.mark.slow
def test_an_interrupted_study_goes_on_to_exactly_its_trials(tmp_path):
    command = script(
        "search.py", *SHORT, "--out", tmp_path, "--trials", 16, "--name", "i1",
        "--set", "fit.epochs=40", "--set", "fit.batch_size=8",
    )  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    parts = tmp_path / "i1" / "parts"
    for _ in range(1800):
        if parts.is_dir() and len(list(parts.glob("*.scores.parquet"))) >= 3:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    printed = process.communicate(timeout=60)[0]
    assert process.returncode == 130
    assert "python scripts/search.py --resume i1" in printed
    first = pd.read_parquet(tmp_path / "i1" / "trials.parquet")
    ended = first[first["state"] != "unfinished"]
    assert 3 <= len(ended) < 16
    command = script("search.py", "--resume", "i1", "--out", tmp_path)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    time.sleep(25)  # in the middle of starting, searching or comparing: no trial is lost
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    subprocess.run(command, check=True, capture_output=True)  # so does the same command
    last = pd.read_parquet(tmp_path / "i1" / "trials.parquet")
    assert last["number"].tolist() == list(range(16))
    assert not (last["state"] == "unfinished").any()
    kept = last.set_index("number").loc[ended["number"]].reset_index()
    pd.testing.assert_frame_equal(kept, ended.reset_index(drop=True))
    history = pd.read_parquet(tmp_path / "i1" / "history.parquet")
    for number_, own in history.groupby("trial"):
        epochs = own["epoch"].unique().tolist()
        assert epochs == list(range(1, last["epochs"][number_] + 1))
    assert len(wandb_runs(tmp_path / "i1")) == 17


@pytest.mark.slow
def test_joint_allocation_and_a_time_budget(tmp_path):
    search(
        tmp_path, "--trials", 500, "--name", "j", "--allocation", "joint", "--time-budget", 40,
        "--balancers", "equal,gradnorm", "--wandb", "disabled",
    )  # fmt: skip
    trials = pd.read_parquet(tmp_path / "j" / "trials.parquet")
    assert 0 < len(trials) < 500
    assert set(trials["arm"]) == {"joint"}
    assert set(trials["balancer"]) == {"equal", "gradnorm"}
    assert (tmp_path / "j" / "comparison.json").exists()


@pytest.mark.slow
def test_a_nested_study_holds_out_every_row_once(tmp_path):
    search(
        tmp_path, "--trials", 4, "--name", "n", "--balancers", "equal,single_task",
        "--outer-folds", 3, "--set", "fit.epochs=4", "--set", "seeds=1",
    )  # fmt: skip
    folder = tmp_path / "n"
    trials = pd.read_parquet(folder / "trials.parquet")
    assert trials.groupby(["arm", "outer_fold"]).size().tolist() == [2] * 6
    comparison = json.loads((folder / "comparison.json").read_text())
    assert (comparison["held_out_rows"], comparison["outer_folds"]) == (229, 3)
    for arm in comparison["arms"]:
        chosen = [one for one in arm["finalists"] if one["chosen"]]
        assert [one["outer_fold"] for one in chosen] == [0, 1, 2]
    places = sorted(path.name for path in (folder / "best").iterdir())
    assert places == [f"{arm}@{fold}" for arm in ("equal", "single_task") for fold in range(3)]
    assert len(wandb_runs(folder)) == 13


@pytest.mark.slow
def test_failures_are_counted_and_said(tmp_path):
    done = search(
        tmp_path, "--trials", 4, "--name", "f", "--balancers", "equal,fixed",
        "--set", "fit.lr=1e30", code=2,
    )  # fmt: skip
    assert "no trial of f ended with a score" in done.stderr
    trials = pd.read_parquet(tmp_path / "f" / "trials.parquet")
    assert trials["state"].tolist() == ["failed"] * 4
    assert trials["error"].str.contains("not finite").all()
    runs = wandb_runs(tmp_path / "f")
    assert len(runs) == 4
    for records in runs.values():
        assert [r["exit"]["exit_code"] for r in records if r["type"] == "exit"] == [1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--trials", "0"], "trials is 0"),
        (["--balancers", "gradnrom"], "did you mean gradnorm?"),
        (["--data", "none.xlsx"], "none.xlsx"),
        (["--data", "synthetic:many"], "give synthetic:ROWS"),
        (["--config", "none.yaml"], "none.yaml"),
        (["--set", "fit.lr=-1"], "lr is -1"),
        (["--set", "space.lr=[1, 2]"], "within 0.0001 to 0.03"),
        (["--resume", "never-run"], "there is no study never-run"),
        (["--name", "../up"], "name is '../up'"),
        (["--set", "fit.features=all"], "no feature set 'all'"),
        (["--time-budget", "-3"], "time_budget is -3"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_line(tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.setattr(sys, "argv", ["search.py", "--out", str(tmp_path), *arguments])
    spec = importlib.util.spec_from_file_location("search_script", ROOT / "scripts" / "search.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert run_cli(module.main) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.startswith("error: ")
    assert len(said.splitlines()) == 1


def test_help_is_worth_reading():
    shown = run("search.py", "--help").stdout
    for flag in (
        *("--trials", "--config", "--data", "--name", "--out", "--balancers", "--allocation"),
        *("--address", "--wandb", "--seed", "--resume", "--max-concurrent", "--time-budget"),
        *("--set", "examples:", "exit codes:"),
    ):
        assert flag in shown
