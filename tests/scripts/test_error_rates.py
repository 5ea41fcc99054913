"""The script as a person runs it, on a file that already contains all studies."""

import json
import subprocess
import sys

import pytest

from tests.support.paths import ROOT


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "scripts.reproduce.error_rates", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def record(seed, *, called):
    one = {
        "estimate": 0.1,
        "low": 0.05 if called else -0.05,
        "high": 0.15,
        "p_holm": 0.01,
        "distinguishable": called,
        "regret": {"estimate": -0.1},
    }
    studies = {
        name: [{**one, "arm": arm}]
        for name, arm in (("null", "equal-2"), ("half", "half"), ("most", "most"))
    }
    return {"seed": seed, "seconds": 1.0, "studies": studies}


@pytest.mark.slow
def test_the_table_counts_what_the_file_holds(tmp_path):
    file = tmp_path / "c.jsonl"
    lines = [json.dumps(record(seed, called=seed == 0)) for seed in range(4)]
    file.write_text("\n".join(lines) + "\n" + lines[0][:40])  # the last line was cut off
    ended = run("--studies", 4, "--out", file, "--resume")
    assert ended.returncode == 0, ended.stderr
    assert "| null | 4 | +0.100 | -0.100 | **25%** | 25% | 100% | 25.0% |" in ended.stdout
    assert file.read_text().splitlines() == lines


@pytest.mark.slow
def test_a_file_that_exists_is_not_overwritten(tmp_path):
    file = tmp_path / "c.jsonl"
    file.write_text("")
    ended = run("--out", file)
    assert ended.returncode == 2
    assert f"{file} exists" in ended.stderr
    assert "--resume" in ended.stderr
