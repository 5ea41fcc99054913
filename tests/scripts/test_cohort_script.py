"""The script as a person runs it."""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from hemomodel.cohort.cohort import load_cohort
from hemomodel.cohort.synthetic.cohort import synthetic_cohort, synthetic_workbook
from hemomodel.schema.schema import Schema
from hemomodel.schema.strict_yaml import parse_yaml
from hemomodel.tables.output_files import write_table
from tests.support.paths import ROOT

SCRIPT = ROOT / "scripts" / "cohort.py"


class Ended(NamedTuple):
    """The result of a run of the script."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch, capsys) -> Run:
    """Runs the script in this process, which saves imports; one test starts a real process."""
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
    assert "Missing values in the kept rows" in result.stdout
    assert "AIDS" not in result.stdout
    assert max(map(len, lines)) <= 100


def test_describe_all_shows_rare_codes(run, written):
    assert "AIDS" in run("describe", written, "--all", "--require-comorbidities").stdout


def test_describe_json_is_json_alone(run, written):
    data = json.loads(run("describe", written, "--json").stdout)
    assert data["attrition"]["kept"] == 229


@pytest.fixture
def visits(tmp_path) -> Path:
    """Sixty visits of twenty people; two lack the stage."""
    i = np.arange(60)
    table = pd.DataFrame({
        "id": i // 3,
        "sex": np.where(i // 3 % 2, "f", "m"),
        "age": 40 + i // 3,
        "smokes": np.where(i % 5, "No", "Yes"),
        "stage": np.where(i < 2, np.nan, 1 + i % 3),
        "bili": 0.5 + i % 7,
    })  # fmt: skip
    table.to_csv(tmp_path / "visits.csv", index=False)
    return tmp_path / "visits.csv"


def test_a_draft_is_written_once_and_read_by_describe(run, visits):
    out = visits.with_suffix(".yaml")
    drafted = run("schema", visits, "--tasks", "stage, smokes", "--out", out)
    assert drafted.returncode == 0, drafted.stderr
    assert f"describe {visits} --schema {out}" in drafted.stdout
    before = out.read_bytes()
    again = run("schema", visits, "--tasks", "stage", "--out", out)
    assert (again.returncode, out.read_bytes()) == (2, before)
    assert "exists already" in again.stderr

    described = run("describe", visits, "--schema", out).stdout
    assert "a label is missing 2 58" in " ".join(described.split())
    assert "Prescription" not in described
    assert "kept (n = 60)" in run("describe", visits, "--schema", out, "--labels", "partial").stdout


def test_a_draft_can_be_printed(run, visits):
    text = run("schema", visits, "--tasks", "bili", "--group", "id").stdout
    schema = Schema.model_validate(parse_yaml(text, "draft"))
    assert schema.columns_with_role("group") == ("id",)
    assert [task.kind for task in schema.tasks] == ["ordinal"]


def test_a_header_with_commas_can_be_named(run, visits):
    table = pd.read_csv(visits).rename(columns={"bili": "bilirubin, total"})
    table.to_csv(visits, index=False)
    arguments = ["--tasks", "stage", "--task", "bilirubin, total", "--group", "id"]
    schema = Schema.model_validate(parse_yaml(run("schema", visits, *arguments).stdout, "draft"))
    assert [schema.read[task.column].name for task in schema.tasks] == ["stage", "bilirubin, total"]


def test_a_draft_that_cannot_be_written_is_refused_before_the_table_is_read(run, tmp_path):
    there = tmp_path / "there.yaml"
    there.write_text("", encoding="utf-8")
    places = {
        there: "exists already",
        "no/where.yaml": "the folder no does not exist",
        "draft.txt": "a .yaml file",
    }
    for place, said in places.items():
        ended = run("schema", "nothing.csv", "--out", place)
        assert ended.returncode == 2
        assert said in ended.stderr


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
