"""The script as a person runs it."""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from hemomodel.cohort import load_cohort
from hemomodel.synthetic import synthetic_cohort, synthetic_workbook
from hemomodel.writing import write_table

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "cohort.py"


class Ended(NamedTuple):
    """What a run of the script left."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch, capsys) -> Run:
    """Runs the script in this process, which spares the imports; one test starts a real one."""
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", [SCRIPT.name, *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPT), run_name="__main__")
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("script") / "HD.csv"
    write_table(synthetic_workbook(465, seed=4)[0], path)
    return path


def test_a_real_run_ends_with_one_line_and_code_2(tmp_path):
    command = [sys.executable, str(SCRIPT), "describe", "nothing.xlsx"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        command, capture_output=True, encoding="utf-8", env=environment, cwd=tmp_path, check=False
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == "error: nothing.xlsx: does not exist; give the path of a table\n"


def test_write_gives_the_synthetic_cohort(run, tmp_path):
    path = tmp_path / "HD.xlsx"
    ended = run("write", "--rows", "465", "--seed", "4", "--out", path)
    assert ended.returncode == 0
    assert "465 rows, 58 columns" in " ".join(ended.stderr.split())
    assert load_cohort(path).digest == synthetic_cohort(465, seed=4).digest


def test_describe_reads_like_a_paper(run, written):
    result = run("describe", written)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "kept (n = 229)" in result.stdout
    assert any(line.startswith("  Age, years") and line.count("±") == 2 for line in lines)
    assert "Kt/V at most 1.2 8 229" in [" ".join(line.split()) for line in lines]
    assert "Missing in the kept rows" in result.stdout
    assert "AIDS" not in result.stdout
    assert max(map(len, lines)) <= 100


def test_describe_all_shows_rare_codes(run, written):
    assert "AIDS" in run("describe", written, "--all", "--require-comorbidities").stdout


def test_describe_json_is_json_alone(run, written):
    data = json.loads(run("describe", written, "--json").stdout)
    assert data["attrition"]["kept"] == 229


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["write", "--out", "HD.ods"], "HD.ods: suffix .ods is no kind of table"),
        (["write", "--rows", "2000000", "--out", "HD.xlsx"], "a sheet holds 1,048,575 rows"),
        (["write", "--rows", "0", "--out", "HD.csv"], "at least one row, found rows=0"),
        (["write", "--seed", "-1", "--out", "HD.csv"], "from 0 up, found -1"),
        (["describe", "nothing.xlsx"], "nothing.xlsx: does not exist"),
        (["describe", "nothing.xlsx", "--schema", "other"], "there is no schema 'other'"),
    ],
    ids=["suffix", "too long", "no rows", "seed", "no file", "no schema"],
)
def test_bad_input_is_one_line(run, arguments, message):
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_a_file_is_kept_unless_forced(run, tmp_path):
    path = tmp_path / "HD.csv"
    table, _ = synthetic_workbook(30, seed=1)
    write_table(table, path)
    before = path.read_bytes()
    refused = run("write", "--rows", "30", "--seed", "2", "--out", path)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert path.read_bytes() == before
    assert run("write", "--rows", "30", "--seed", "2", "--out", path, "--force").returncode == 0
    assert path.read_bytes() != before


def test_help_shows_how(run):
    text = run("--help").stdout
    assert "python scripts/cohort.py describe HD.xlsx" in text
    assert "exit codes" in text
