"""The files that a study writes into its folder agree with each other."""

import json
import os
import subprocess
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import optuna
import pandas as pd
import pytest
import yaml

from hemomodel import fit, load, load_cohort
from study.pipeline.preflight import checked_space
from study.settings.analysis_plan import EXPORTED_REFERENCES
from study.settings.cohort_and_splits import search_replicates
from study.settings.settings import Settings
from study.verification.aftermath import wandb_runs
from tests.support.fake_wandb_server import Server
from tests.support.privacy import PERSON, TOKENS, marks, object_store, plant, private, traces
from tests.support.studies import SHORT, merged, run, script, search
from tests.support.wandb_study import everything_sent, sync


def read(path):
    return pd.read_excel(path, dtype={"ID": str, "生日": str})


@pytest.fixture(scope="module")
def workbook(tmp_path_factory):
    """A workbook full of personal data, in a folder with a person's name."""
    path = tmp_path_factory.mktemp("data") / PERSON / "HD.xlsx"
    path.parent.mkdir()
    run("cohort.py", "write", "--rows", 465, "--out", path)
    plant(read(path)).to_excel(path, index=False)
    return path


@pytest.fixture(scope="module")
def ray_folder():
    """The folder of Ray's session; sockets need a short path."""
    with TemporaryDirectory(prefix="ray", dir="/tmp") as place:
        yield Path(place)


@pytest.fixture(scope="module")
def study(workbook, ray_folder):
    """Runs a study of 24 trials on a workbook; returns its folder and its output.

    During the run, the object store is searched for personal data and for the expected data.
    """
    out, people = workbook.parents[1], private(read(workbook))
    command = script("search.py", *SHORT, "--out", out, "--data", workbook, "--trials", 24,
                     "--name", "w1")  # fmt: skip
    log = out / "printed"
    with log.open("w") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=file,
            env={**os.environ, **TOKENS, "RAY_TMPDIR": str(ray_folder)},
        )  # fmt: skip
    seen, stacks = set(), 0
    while process.poll() is None:
        stored = object_store(process.pid)
        seen |= marks(stored, people, (PERSON, *TOKENS.values()))
        stacks += b"blood_flow" in stored
        time.sleep(0.5)
    printed = log.read_text()
    assert process.returncode == 0, printed
    assert stacks
    assert seen == set()
    return out / "w1", printed


@pytest.mark.slow
class TestStudyFolder:
    def test_every_file_is_there(self, study):
        folder, _ = study
        names = {path.name for path in folder.iterdir()}
        assert names == {
            *("study.yaml", "study.lock", "study.journal", "trials.parquet", "scores.parquet"),
            *("history.parquet", "comparison.json", "attrition.json", "wandb", "best"),
            *("held_out.parquet", "references.parquet", "curves.parquet", "cosines.parquet"),
            *("calibration.parquet", "table_one.parquet", "trial_cosines.parquet"),
            *("ensemble_calibration.parquet", "ensemble_scores.parquet", "permutation.parquet"),
            *("subgroups.parquet",),
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
        fitted = {"regularised_linear", "gradient_boosting", "forest"}
        assert set(models["model"]) == {"base_rate", *fitted}
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

    def test_no_patient_leaves_the_machine(self, study, workbook, ray_folder):
        """A study writes no personal data and no token, neither to files nor to the screen.

        The exception is `study.yaml`: it names the workbook, which a resumed study needs.
        """
        folder, printed = study
        people = private(read(workbook))
        assert len(people) > 1200
        words = (PERSON, *TOKENS.values())
        found = [*traces(folder, people, words), *traces(ray_folder, people, words)]
        models = {path for path, _ in found if folder / "best" in path.parents}
        cards = {path for path in models if path.stem == "card"}
        inside = [(path, mark) for path, mark in found if path not in models - cards]
        assert inside == [(folder / "study.yaml", PERSON)]
        assert not {mark for path, mark in found if path in models} & set(words)
        table = pd.read_excel(workbook, dtype=str).to_csv().encode()
        assert marks(table, people, (PERSON,)) == {*people, PERSON}  # the search finds them
        assert len(list(ray_folder.rglob("*.log"))) > 2
        assert not any(word in printed for word in words)

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

    def test_the_best_of_each_arm_can_be_loaded(self, study, workbook):
        folder, _ = study
        for arm in ("equal", "fixed", "gradnorm", "uncertainty"):
            model = load(folder / "best" / arm)
            about = model.fitted.about
            assert about["configuration"]["balancer"]["name"] == about["arm"] == arm
            assert len(model.fitted.offset) == len(about["replicates"]) == 4
            outputs = sum(task.size for task in model.tasks)
            widths = [32, *about["configuration"]["hidden"], outputs]
            shapes = [model.fitted.layers[f"layer{i}.weight"].shape for i in range(len(widths) - 1)]
            assert shapes == [(4, 1, *pair) for pair in pairwise(widths)]
            assert len(model.recommend(read(workbook))) == len(read(workbook))

    def test_the_reference_models_can_be_loaded(self, study, workbook):
        folder, _ = study
        scores = pd.read_parquet(folder / "references.parquet")
        ensembles = pd.read_parquet(folder / "ensemble_scores.parquet")
        for name, family in EXPORTED_REFERENCES.items():
            model = load(folder / "best" / name)
            assert len(model.recommend(read(workbook))) == len(read(workbook))
            assert (folder / "best" / name / "card.html").exists()
            single = scores[(scores["model"] == family) & (scores["metric"] == "skill")]
            pooled = ensembles[(ensembles["arm"] == name) & (ensembles["metric"] == "skill")]
            # The mean of the folds' predictions is not worse than the mean fold.
            assert pooled["value"].mean() > single["value"].mean() - 0.01

    def test_its_upload_has_the_figures_that_its_report_shows_and_no_patient(self, study, workbook):
        folder, _ = study
        table = pd.read_parquet(folder / "trials.parquet").set_index("wandb_id")
        scores = pd.read_parquet(folder / "scores.parquet").groupby(["trial", "metric", "task"])
        skill = scores["value"].mean()[:, "skill"]
        with Server() as server:
            sync(folder, WANDB_BASE_URL=server.url)
            assert set(server.runs) == {*table.index, "w1-study"}
            for name, row in table.iterrows():
                summary = json.loads(server.uploads[f"{name}/wandb-summary.json"])
                assert summary["best/score"] == pytest.approx(row["score"])
                for task, value in skill[row["number"]].items():
                    assert summary[f"best/skill/{task}"] == pytest.approx(value)
                assert len(server.streams[name]["wandb-history.jsonl"]) == row["epochs"]
            sent = everything_sent(server)
        people = private(read(workbook))
        assert marks(sent, people, (PERSON, *TOKENS.values(), str(folder.parent))) == set()

    def test_each_trial_is_what_the_library_makes_of_its_parameters(self, study, workbook):
        """In any process, next to any other trials, and also if it was stopped early."""
        folder, _ = study
        trials = pd.read_parquet(folder / "trials.parquet")
        settings = Settings(**yaml.safe_load((folder / "study.yaml").read_text())["settings"])
        space, cohort = checked_space(settings), load_cohort(workbook)
        assert set(trials["state"]) == {"complete", "pruned"}
        for row in trials.itertuples():
            config = replace(space.build(json.loads(row.params)), epochs=row.epochs)
            score = fit(config, cohort, search_replicates(settings)).history.score
            assert float(score.max()) == pytest.approx(row.score, rel=1e-6)
            assert int(score.argmax()) + 1 == row.best_epoch

    @pytest.mark.thorough
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
