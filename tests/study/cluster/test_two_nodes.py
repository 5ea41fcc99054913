"""A study as a job on a cluster of two nodes, with a token, as in docs/cluster.md."""

import re
import shutil
import subprocess
from contextlib import ExitStack
from fnmatch import fnmatchcase
from importlib import resources

import pandas as pd
import pytest
import yaml
from ray._private.thirdparty.pathspec import PathSpec

from hemomodel import InputError
from study.analysis.hyperparameter_importance import journal_trials
from study.cluster.jobs import EXCLUDES, code_to_send, entrypoint, job_command
from study.cluster.ray_session import check_paths, start_ray
from study.settings.data_source import DataSource
from study.store.study_folder import StudyFolder
from tests.support.nodes import Cable, cluster
from tests.support.paths import ROOT
from tests.support.studies import SHORT, script

TRIALS, EPOCHS = 8, 80
TABLES = [
    *("HD.xlsx", "HD.XLSX", "HD.xls", "HD.Xlsm", "HD.ODS", "HD.csv", "HD.CSV", "HD.csv.gz"),
    *("HD.tsv", "HD.parquet", "HD.Parquet", "deep/er/HD.XLSX"),
]


@pytest.fixture(
    params=[
        pytest.param("power", marks=pytest.mark.slow),
        pytest.param("cable", marks=pytest.mark.thorough),
    ]
)
def cable(request):
    """The failure: a node loses power, or the cable to a node with a separate network is cut."""
    if request.param == "power":
        yield None
        return
    if not shutil.which("ip"):
        pytest.skip("there is no `ip` (Debian: apt-get install iproute2)")
    with ExitStack() as stack:
        try:
            made = stack.enter_context(Cable())
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network of its own can be made here ({error.stderr.strip()})")
        yield made


def test_a_job_goes_on_as_a_node_joins_and_is_lost(tmp_path, cable):
    pytest.importorskip("aiohttp_cors", reason="the extra `cluster` (ray[default]) is missing")
    database = {"HEMOMODEL_STORAGE": f"sqlite:///{tmp_path}/shared.db"}
    with cluster(tmp_path, database, cable=cable, dashboard=True) as nodes:
        nodes.ready(1)
        out = tmp_path / "out"
        command = script(
            "submit.py", "--address", f"http://127.0.0.1:{nodes.dashboard}", "--out", out,
            "--name", "j", *SHORT, "--set", f"fit.epochs={EPOCHS}", "--set", "early_stopping=null",
            "--set", "fit.batch_size=16", "--max-concurrent", 2, "--trials", TRIALS,
            "--wandb", "disabled", "--storage", "env:HEMOMODEL_STORAGE",
        )  # fmt: skip
        wrong = subprocess.run(
            command, env={**nodes.env, "RAY_AUTH_TOKEN": "0" * 64}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert wrong.returncode == 2
        assert "RAY_AUTH_TOKEN" in wrong.stderr
        assert len(wrong.stderr.splitlines()) == 1
        said, second = [], None
        with subprocess.Popen(
            command, env=nodes.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as job:
            for line in job.stdout:
                said.append(line)
                if line.startswith(f"1/{TRIALS} trials"):
                    second = nodes.join()
                elif second and f"/{TRIALS} trials" in line and "joined" in "".join(said[:-1]):
                    cable.cut() if cable else nodes.lose(second)
                    second = None
        assert job.returncode == 0, "".join(said)
    told = "".join(said)
    place = Cable.NODE if cable else ""
    assert re.search(rf"node {place}\S* \(\w+\) joined", told), told
    assert re.search(rf"node {place}\S* \(\w+\) was lost", told), told
    trials = pd.read_parquet(out / "j" / "trials.parquet")
    assert trials["number"].tolist() == list(range(TRIALS))
    assert (trials["state"] == "complete").all()
    assert (trials["epochs"] == EPOCHS).all()
    copied = journal_trials(StudyFolder(out / "j"))
    assert set(copied) == {"equal", "fixed", "uncertainty", "gradnorm"}
    assert {len(own) for own in copied.values()} == {TRIALS // 4}


@pytest.mark.parametrize("words", [["--data", "HD.xlsx"], ["--data=HD.xlsx"]], ids=" ".join)
def test_a_job_takes_no_patients_along(words):
    with pytest.raises(InputError, match=r"--data HD\.xlsx: a job runs in a copy"):
        entrypoint("/shared", "a", words)


def test_the_code_goes_with_a_job_and_no_table_does():
    left_out = PathSpec.from_lines("gitwildmatch", EXCLUDES)  # as Ray reads them
    assert set(left_out.match_files(TABLES)) == set(TABLES)
    assert left_out.match_file("studies/w1/study.yaml")
    code = ["pyproject.toml", "hemomodel/schema/builtin/hemodialysis.yaml"]
    code += ["study/settings/builtin/search.yaml"]
    code += [str(path.relative_to(ROOT)) for path in (ROOT / "study").rglob("*.py")]
    assert list(left_out.match_files(code)) == []


def test_the_checkout_goes_with_a_job_or_the_two_installed_packages(monkeypatch, tmp_path):
    assert code_to_send() == {"working_dir": str(ROOT), "excludes": list(EXCLUDES)}
    packages = [tmp_path / "hemomodel", tmp_path / "study"]
    monkeypatch.setattr(resources, "files", lambda name: tmp_path / name)
    assert code_to_send() == {"py_modules": [*map(str, packages)], "excludes": list(EXCLUDES)}


def test_no_table_goes_to_a_machine_that_ray_starts():
    cluster = yaml.safe_load((ROOT / "configs" / "cluster" / "ray-cluster.yaml").read_text())
    for table in TABLES:  # rsync matches a pattern without a slash against the name only
        name = table.rpartition("/")[2]
        assert any(fnmatchcase(name, pattern) for pattern in cluster["rsync_exclude"]), table


def test_the_command_of_a_job_is_quoted():
    command = entrypoint("/shared", "a", ["--set", "space.lr=[1e-3, 1e-2]"])
    assert command.endswith("--out /shared --name a --set 'space.lr=[1e-3, 1e-2]'")


def test_what_to_do_with_a_job_has_its_address():
    assert job_command("logs -f", "j1", None) == "ray job logs -f j1"
    assert job_command("stop", "j1", "http://h:1") == "ray job stop --address http://h:1 j1"


def test_a_job_keeps_nothing_in_its_own_folder(monkeypatch):
    data = DataSource.parse("HD.xlsx")
    check_paths("studies", data)
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    check_paths("/shared", DataSource.parse("synthetic:465"))
    check_paths("/shared", DataSource.parse("/HD.xlsx"))
    with pytest.raises(InputError, match="--out studies: a job runs in a copy"):
        check_paths("studies", data)
    with pytest.raises(InputError, match=r"--data HD\.xlsx: a job runs in a copy"):
        check_paths("/shared", data)


def test_a_url_is_no_folder():
    with pytest.raises(InputError, match="--out s3://bucket/studies"):
        check_paths("s3://bucket/studies", None)


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
