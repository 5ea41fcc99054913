"""A study as a job on a cluster of two nodes, with a token, as docs/cluster.md prints it."""

import subprocess

import pandas as pd
import pytest

from hemomodel import InputError
from study.cluster import check_paths, start_ray
from study.folder import Folder
from study.jobs import EXCLUDES, entrypoint
from study.report.importance import journal_trials
from tests.study.nodes import cluster
from tests.study.studies import SHORT, script

TRIALS = 8


@pytest.mark.slow
def test_a_job_survives_the_loss_of_a_node(tmp_path):
    pytest.importorskip("aiohttp_cors", reason="the extra `cluster` (ray[default]) is missing")
    database = {"HEMOMODEL_STORAGE": f"sqlite:///{tmp_path}/shared.db"}
    with cluster(tmp_path, database, dashboard=True) as nodes:
        second = nodes.join()
        nodes.ready(2)
        out = tmp_path / "out"
        command = script(
            "submit.py", "--address", f"http://127.0.0.1:{nodes.dashboard}", "--out", out,
            "--name", "j", *SHORT, "--set", "fit.epochs=40", "--set", "early_stopping=null",
            "--trials", TRIALS, "--wandb", "disabled", "--storage", "env:HEMOMODEL_STORAGE",
        )  # fmt: skip
        wrong = subprocess.run(
            command, env={**nodes.env, "RAY_AUTH_TOKEN": "0" * 64}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert wrong.returncode == 2
        assert "asks for another token" in wrong.stderr
        assert len(wrong.stderr.splitlines()) == 1
        said = []
        with subprocess.Popen(
            command, env=nodes.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as job:
            for line in job.stdout:
                said.append(line)
                if line.startswith(f"2/{TRIALS} trials"):
                    nodes.lose(second)
        assert job.returncode == 0, "".join(said)
    assert any("was lost; its trials are taken up elsewhere" in line for line in said), said
    trials = pd.read_parquet(out / "j" / "trials.parquet")
    assert trials["number"].tolist() == list(range(TRIALS))
    assert (trials["state"] == "complete").all()
    assert (trials["epochs"] == 40).all()
    copied = journal_trials(Folder(out / "j"))
    assert set(copied) == {"equal", "fixed", "uncertainty", "gradnorm"}
    assert {len(own) for own in copied.values()} == {TRIALS // 4}


@pytest.mark.parametrize("words", [["--data", "HD.xlsx"], ["--data=HD.xlsx"]], ids=" ".join)
def test_a_job_takes_no_patients_along(words):
    with pytest.raises(InputError, match=r"--data HD\.xlsx: a job runs in a copy"):
        entrypoint("/shared", "a", words)
    assert {"*.xlsx", "*.csv", "*.parquet"} <= set(EXCLUDES)


def test_the_command_of_a_job_is_quoted():
    command = entrypoint("/shared", "a", ["--set", "space.lr=[1e-3, 1e-2]"])
    assert command.endswith("--out /shared --name a --set 'space.lr=[1e-3, 1e-2]'")


def test_a_job_keeps_nothing_in_its_own_folder(monkeypatch):
    check_paths(out="studies", data="HD.xlsx")
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    check_paths(out="/shared", data="synthetic:465")
    for name in ("out", "data"):
        with pytest.raises(InputError, match=f"--{name} here: a Ray job"):
            check_paths(**{"out": "/shared", "data": "/x.csv", name: "here"})


def test_a_url_is_no_folder():
    with pytest.raises(InputError, match="no URL will do"):
        check_paths(out="s3://bucket/studies")


def test_a_ray_client_is_refused():
    with pytest.raises(InputError, match=r"scripts/submit\.py"):
        start_ray("ray://head:10001", None)


def test_submit_without_a_server_is_one_line():
    pytest.importorskip("aiohttp_cors", reason="the extra `cluster` (ray[default]) is missing")
    done = subprocess.run(
        script("submit.py", "--address", "http://127.0.0.1:1", "--out", "/shared"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: no job server answers at http://127.0.0.1:1")
    assert len(done.stderr.splitlines()) == 1
