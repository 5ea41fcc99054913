"""Whole studies, as a person starts them: real Ray, real Optuna, offline W&B."""

import contextlib
import json

import optuna
import pandas as pd
import pytest

from tests.support.studies import SHORT, run


@pytest.mark.slow
def test_joint_allocation_and_a_time_budget(tmp_path, search_here):
    common = (*SHORT, "--out", tmp_path, "--trials", 500, "--name", "j", "--allocation", "joint",
              "--balancers", "equal,gradnorm", "--wandb", "disabled", "--set", "fit.epochs=3",
              "--set", "early_stopping=null", "--set", "fit.batch_size=64",
              "--max-concurrent", 1)  # fmt: skip
    for budget in (12, 160):  # on a slow machine, perhaps no trial ends within 12 s
        with contextlib.suppress(SystemExit):
            search_here(*common, "--time-budget", budget)
            break
    trials = pd.read_parquet(tmp_path / "j" / "trials.parquet")
    assert 0 < len(trials) < 500
    assert set(trials["arm"]) == {"joint"}
    assert set(trials["balancer"]) <= {"equal", "gradnorm"}
    assert (tmp_path / "j" / "comparison.json").exists()


@pytest.mark.slow
def test_a_nested_study_holds_out_every_row_once(tmp_path, search_here):
    search_here(
        *SHORT, "--out", tmp_path, "--wandb", "disabled", "--trials", 4, "--name", "n",
        "--balancers", "equal,single_task",
        "--outer-folds", 2, "--set", "fit.epochs=4", "--set", "seeds=1", "--set", "finalists=1",
        "--set", "fit.hidden=[8]", "--set", "fit.batch_size=64",
    )  # fmt: skip
    folder = tmp_path / "n"
    trials = pd.read_parquet(folder / "trials.parquet")
    assert trials.groupby(["arm", "outer_fold"]).size().tolist() == [2] * 4
    comparison = json.loads((folder / "comparison.json").read_text())
    assert (comparison["held_out_rows"], comparison["outer_folds"]) == (229, 2)
    for arm in comparison["arms"]:
        chosen = [one for one in arm["finalists"] if one["chosen"]]
        assert [one["outer_fold"] for one in chosen] == [0, 1]
    places = sorted(path.name for path in (folder / "best").iterdir())
    models = ("equal", "forest", "linear", "single_task")
    assert places == [f"{name}@{fold}" for name in models for fold in range(2)]


@pytest.mark.slow
def test_failures_are_counted_and_said(tmp_path, search_here):
    line = search_here(
        *SHORT, "--out", tmp_path, "--trials", 4, "--name", "f", "--balancers", "equal,fixed",
        "--set", "fit.lr=1e30", "--wandb", "disabled", code=2,
    )  # fmt: skip
    assert str(tmp_path / "f" / "trials.parquet") in line
    trials = pd.read_parquet(tmp_path / "f" / "trials.parquet")
    assert trials["state"].tolist() == ["failed"] * 4
    assert trials["error"].str.contains("not finite").all()


@pytest.mark.slow
def test_a_new_study_does_not_join_one_of_its_name_in_a_database(
    tmp_path, search_here, monkeypatch
):
    url = f"sqlite:///{tmp_path}/shared.db"
    monkeypatch.setenv("HEMOMODEL_STORAGE", url)
    storage = optuna.storages.RDBStorage(url)
    optuna.create_study(storage=storage, study_name="taken/equal", direction="maximize")
    line = search_here(
        *SHORT, "--out", tmp_path, "--name", "taken", "--storage", "env:HEMOMODEL_STORAGE",
        "--trials", 4, "--wandb", "disabled", code=2,
    )  # fmt: skip
    assert "the database already has a study taken" in line


def test_help_is_worth_reading():
    shown = run("search.py", "--help").stdout
    for flag in (
        *("--trials", "--config", "--data", "--name", "--out", "--balancers", "--allocation"),
        *("--address", "--wandb", "--seed", "--resume", "--max-concurrent", "--time-budget"),
        *("--set", "examples:", "exit codes:"),
    ):
        assert flag in shown
