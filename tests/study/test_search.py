"""Whole studies, as a person starts them: real Ray, real Optuna, offline W&B."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
import torch
import yaml

from study.cli import run_cli

ROOT = Path(__file__).parents[2]
SHORT = [
    *("--set", "fit.epochs=12", "--set", "early_stopping={grace: 3, factor: 2}"),
    *("--set", "folds=2", "--set", "seeds=2", "--set", "confirm_seeds=2"),
    *("--set", "startup_trials=3", "--set", "report_every=4", "--set", "finalists=2"),
    *("--balancers", "equal,fixed,uncertainty,gradnorm"),
]


def script(name, *arguments):
    return [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)]


def run(name, *arguments, code=0):
    done = subprocess.run(script(name, *arguments), capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def search(out, *arguments, code=0):
    return run("search.py", *SHORT, "--out", out, *arguments, code=code)


def wandb_runs(folder):
    """Returns each offline run's records, by run id."""
    runs = {}
    for file in sorted((folder / "wandb").glob("offline-run-*/*.wandb")):
        shown = subprocess.run(
            [str(Path(sys.executable).with_name("wandb")), "leet", "inspect", "--json", str(file)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "WANDB_ERROR_REPORTING": "false"},
        )
        runs.setdefault(file.stem.removeprefix("run-"), []).extend(
            json.loads(line) for line in shown.stdout.splitlines()
        )
    return runs


def merged(records, kind, key="update"):
    found = {}
    for record in records:
        if record["type"] == kind:
            found.update(record[kind].get(key, {}))
    return found


@pytest.fixture(scope="module")
def workbook(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "HD.xlsx"
    run("cohort.py", "write", "--rows", 465, "--out", path)
    return path


@pytest.fixture(scope="module")
def study(workbook):
    """A study of 24 trials on a workbook; returns its folder and what was printed."""
    done = search(workbook.parent, "--data", workbook, "--trials", 24, "--name", "w1")
    return workbook.parent / "w1", done.stdout


@pytest.mark.slow
class TestStudyFolder:
    def test_every_file_is_there(self, study):
        folder, _ = study
        names = {path.name for path in folder.iterdir()}
        assert names == {
            *("study.yaml", "study.journal", "trials.parquet", "scores.parquet"),
            *("history.parquet", "comparison.json", "attrition.json", "wandb", "best"),
            *("held_out.parquet", "references.parquet", "curves.parquet", "cosines.parquet"),
            *("calibration.parquet", "table_one.parquet", "trial_cosines.parquet"),
            *("report.html", "report.md", "tables"),
        }

    def test_every_arm_has_as_many_trials(self, study):
        trials = pd.read_parquet(study[0] / "trials.parquet")
        assert trials["number"].tolist() == list(range(24))
        assert trials.groupby("arm").size().to_dict() == dict.fromkeys(
            ["equal", "fixed", "gradnorm", "uncertainty"], 6
        )
        assert (trials["arm"] == trials["balancer"]).all()
        assert set(trials["state"]) <= {"complete", "pruned"}
        assert np.isfinite(trials["score"]).all()

    def test_the_record_says_what_was_run(self, study):
        record = yaml.safe_load((study[0] / "study.yaml").read_text())
        assert record["settings"]["trials"] == 24
        assert record["versions"]["torch"].startswith("2.13.0")
        assert len(record["data_digest"]) == 64
        ledger = json.loads((study[0] / "attrition.json").read_text())
        assert (ledger["start"], ledger["kept"]) == (465, 229)

    def test_scores_are_those_of_the_trials(self, study):
        folder, _ = study
        trials = pd.read_parquet(folder / "trials.parquet").set_index("number")
        scores = pd.read_parquet(folder / "scores.parquet")
        skill = scores[scores["metric"] == "skill"].groupby("trial")["value"].agg(["mean", "size"])
        assert (skill["size"] == 4 * 10).all()
        np.testing.assert_allclose(skill["mean"], trials["score"], rtol=1e-4, atol=1e-5)

    def test_histories_run_to_the_last_epoch_without_a_gap(self, study):
        folder, _ = study
        trials = pd.read_parquet(folder / "trials.parquet").set_index("number")
        history = pd.read_parquet(folder / "history.parquet")
        for number, own in history.groupby("trial"):
            count = own.groupby("epoch").size()
            assert count.index.tolist() == list(range(1, trials["epochs"][number] + 1))
            assert (count == 10 * 6).all()
        skill = history[history["metric"] == "skill"]
        best = skill.groupby(["trial", "epoch"])["mean"].mean().groupby("trial").max()
        np.testing.assert_allclose(best, trials["score"], rtol=1e-4, atol=1e-5)

    def test_the_telemetry_is_whole(self, study):
        folder, _ = study
        trials = pd.read_parquet(folder / "trials.parquet").set_index("number")
        cosines = pd.read_parquet(folder / "trial_cosines.parquet")
        assert set(cosines["trial"]) == set(trials.index)
        assert cosines["cosine"].between(-1, 1).all()
        assert (cosines.groupby(["trial", "epoch"]).size() == 45).all()
        np.testing.assert_allclose(
            trials["step_seconds"] * trials["steps"].astype(float), trials["seconds"]
        )
        assert (trials["unsolved"] == 0).all()

    def test_the_winners_tables_agree_with_the_comparison(self, study):
        folder, _ = study
        comparison = json.loads((folder / "comparison.json").read_text())
        held_out = pd.read_parquet(folder / "held_out.parquet")
        skill = held_out[held_out["metric"] == "skill"].groupby("arm")["value"]
        assert (skill.size() == 4 * 10).all()
        curves = pd.read_parquet(folder / "curves.parquet").query("metric == 'held_out_skill'")
        for arm in comparison["arms"]:
            assert skill.mean()[arm["arm"]] == pytest.approx(arm["score"]["estimate"], abs=1e-5)
            chosen = [one for one in arm["finalists"] if one["chosen"]]
            assert len(chosen) == 1
            own = curves[curves["arm"] == arm["arm"]]
            assert own["epoch"].max() == chosen[0]["epochs"]
            last = own[own["epoch"] == own["epoch"].max()]["mean"].mean()
            assert last == pytest.approx(arm["score"]["estimate"], abs=1e-5)
        models = pd.read_parquet(folder / "references.parquet")
        assert set(models["model"]) == {"base_rate", "regularised_linear", "gradient_boosting"}
        base = models.query("model == 'base_rate' and metric == 'skill'")["value"]
        np.testing.assert_allclose(base, 0, atol=1e-6)

    def test_optuna_holds_the_same_trials(self, study):
        folder, _ = study
        storage = optuna.storages.JournalStorage(
            optuna.storages.journal.JournalFileBackend(str(folder / "study.journal"))
        )
        trials = pd.read_parquet(folder / "trials.parquet").set_index("number")
        names = optuna.get_all_study_names(storage)
        assert sorted(names) == ["equal", "fixed", "gradnorm", "uncertainty"]
        for place, arm in enumerate(["equal", "fixed", "uncertainty", "gradnorm"]):
            loaded = optuna.load_study(study_name=arm, storage=storage)
            for trial in loaded.trials:
                row = trials.loc[trial.number * 4 + place]
                assert trial.state.name.lower() == row["state"]
                assert trial.value == pytest.approx(row["score"])
                assert json.loads(row["params"]) == {"balancer": arm, **trial.params}

    def test_wandb_agrees_with_the_tables(self, study):
        folder, _ = study
        trials = pd.read_parquet(folder / "trials.parquet").set_index("wandb_id")
        runs = wandb_runs(folder)
        assert set(runs) == {*trials.index, "w1-study"}
        for name, row in trials.iterrows():
            records = runs[name]
            config = next(r["run"]["config"]["update"] for r in records if r["type"] == "run")
            opened = next(r["run"] for r in records if r["type"] == "run")
            assert opened["run_group"] == "w1"
            assert opened["tags"] == [row["balancer"]]
            assert json.loads(row["params"]).items() <= config.items()
            epochs = [r for r in records if r["type"] == "history"]
            assert len(epochs) == row["epochs"]
            summary = merged(records, "summary")
            assert summary["best/score"] == pytest.approx(row["score"])
            assert summary["best/epoch"] == row["best_epoch"]
            assert summary["state"] == row["state"]
            assert [r["exit"].get("exit_code", 0) for r in records if r["type"] == "exit"] == [0]

    def test_no_patient_leaves_the_machine(self, study, workbook):
        """No identifier and no birthday of the workbook stands in what W&B would send."""
        table = pd.read_excel(workbook)
        folder, _ = study
        sent = b"".join(
            path.read_bytes() for path in (folder / "wandb").rglob("*") if path.is_file()
        )
        private = {str(v) for v in table["ID"]} | {str(v) for v in table["生日"]}
        private |= {str(v) for v in table["合併症"].dropna() if len(str(v)) > 6}
        assert len(private) > 800
        # Digits within a longer number are a score, not an identifier.
        words = set(re.findall(rb"(?<![\d.])[\d/-]{6,}(?![\d.])", sent))
        assert not {value.encode() for value in private} & words

    def test_the_comparison_is_on_the_screen_and_on_disk(self, study):
        folder, printed = study
        comparison = json.loads((folder / "comparison.json").read_text())
        assert comparison["baselines"] == ["equal", "fixed"]
        assert comparison["held_out_rows"] == 46
        assert len(comparison["arms"]) == 4
        for arm in comparison["arms"]:
            score = arm["score"]
            assert score["low"] < score["estimate"] < score["high"]
            assert f"{score['estimate']:.3f}" in printed
            skills = [figures["skill"]["estimate"] for figures in arm["tasks"].values()]
            assert np.mean(skills) == pytest.approx(score["estimate"])
        scores = {arm["arm"]: arm["score"]["estimate"] for arm in comparison["arms"]}
        assert len(comparison["differences"]) == 5
        for one in comparison["differences"]:
            gap = scores[one["arm"]] - scores[one["baseline"]]
            assert one["estimate"] == pytest.approx(gap)
            outside = one["low"] > 0 or one["high"] < 0
            assert one["distinguishable"] == (outside and one["p_holm"] < 0.05)
            assert one["verdict"] in " ".join(printed.split())
        assert comparison["verdict"] in " ".join(printed.split())

    def test_the_best_of_each_arm_can_be_loaded(self, study):
        folder, _ = study
        for arm in ("equal", "fixed", "gradnorm", "uncertainty"):
            place = folder / "best" / arm
            state = torch.load(place / "weights.pt", weights_only=True)
            settings = json.loads((place / "settings.json").read_text())
            assert settings["config"]["balancer"]["name"] == arm
            learned = np.load(place / "preprocessing.npz", allow_pickle=False)
            assert len(learned["offset"]) == len(settings["replicates"]) == 4
            outputs = sum(task["outputs"] for task in settings["tasks"])
            widths = [32, *settings["config"]["hidden"], outputs]
            count = sum((i + 1) * o for i, o in pairwise(widths))
            assert len(state["parameters"]) == 4 * count

    def test_running_it_again_runs_no_trial(self, study, workbook):
        folder, _ = study
        before = pd.read_parquet(folder / "trials.parquet")
        search(folder.parent, "--data", workbook, "--trials", 24, "--name", "w1")
        after = pd.read_parquet(folder / "trials.parquet")
        pd.testing.assert_frame_equal(before, after)

    def test_other_settings_are_refused(self, study, workbook):
        folder, _ = study
        common = ("--data", workbook, "--trials", 24, "--name", "w1")
        done = search(folder.parent, *common, "--set", "report_every=5", code=2)
        assert "was run with report_every = 4, not 5" in done.stderr
        done = search(folder.parent, "--trials", 24, "--name", "w1", code=2)
        assert "was run with data" in done.stderr


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
