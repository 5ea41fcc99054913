"""Real processes, started as a person starts them, in a broken environment."""

import os
import re
import subprocess
import sys
import time

import pytest

from hemomodel import InputError
from study.cluster.ray_session import start_ray
from tests.support.paths import ROOT
from tests.support.refusals import assert_names, one_refusal

SEARCH = ["search.py", "--trials", "5", "--out", "out"]


def start(arguments, folder, **options):
    command = [sys.executable, str(ROOT / "scripts" / arguments[0]), *arguments[1:]]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | options.pop("env", {})
    return subprocess.run(
        command, cwd=folder, env=environment, text=True, check=False, timeout=90,
        stderr=subprocess.PIPE, **{"stdout": subprocess.PIPE, **options},
    )  # fmt: skip


REFUSED = {
    "an unknown flag": (["search.py", "--nope"], {}, "--nope"),
    "a file that is gone": (["cohort.py", "describe", "gone.csv"], {}, "gone.csv"),
    "in plain ASCII": (["cohort.py", "describe", "研究.csv"], {"LC_ALL": "C"}, "研究.csv"),
    "no home": (["report.py", "gone"], {"HOME": "/nonexistent"}, "study.yaml"),
    "W&B at no address": (["sync.py", "gone"], {"WANDB_BASE_URL": "nonsense"}, "trials.parquet"),
    "a Ray that is not there": (
        ["search.py", "--data", "synthetic:1"], {"RAY_ADDRESS": "10.255.255.1:1"}, "50"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "env", "name"), REFUSED.values(), ids=REFUSED)
def test_a_real_process(tmp_path, arguments, env, name):
    ended = start(arguments, tmp_path, env=env)
    assert_names(one_refusal(ended.returncode, ended.stderr), (name,))


@pytest.mark.slow
def test_an_output_that_is_full(tmp_path):
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        ended = start(["cohort.py", "describe", str(written(tmp_path))], tmp_path, stdout=full)
    assert "No space left" in one_refusal(ended.returncode, ended.stderr)


@pytest.mark.slow
def test_an_output_that_is_closed(tmp_path):
    script = f'"{sys.executable}" "{ROOT}/scripts/cohort.py" describe gone.csv >&-'
    ended = subprocess.run(
        ["sh", "-c", script], env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    one_refusal(ended.returncode, ended.stderr)


@pytest.mark.slow
def test_a_reader_that_has_had_enough(tmp_path):
    script = f'"{sys.executable}" "{ROOT}/scripts/cohort.py" describe t.csv --json | head -c 1'
    written(tmp_path)
    ended = subprocess.run(
        ["sh", "-c", script], env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    assert ended.stderr == ""


def written(folder):
    ended = start(["cohort.py", "write", "--rows", "60", "--out", "t.csv"], folder)
    assert ended.returncode == 0
    return folder / "t.csv"


@pytest.mark.parametrize("address", ["127.0.0.1:1", "host:port", "[::1]:1",
                                     "127.0.0.1:99999999999", "nobody.invalid:6379"])  # fmt: skip
def test_a_cluster_of_nobody_is_given_up_in_time(address):
    begun = time.monotonic()
    with pytest.raises(InputError, match=re.escape(address)):
        start_ray(address, None)
    assert time.monotonic() - begun < 30


@pytest.mark.slow
def test_a_search_on_a_cluster_of_nobody(tmp_path):
    ended = start([*SEARCH, "--address", "127.0.0.1:1"], tmp_path)
    assert "127.0.0.1:1" in one_refusal(ended.returncode, ended.stderr)
