"""Studies and models that commit 4ca2f17 wrote are still read, and not resumed."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from study.settings.analysis_plan import RULES
from tests.support.paths import FIXTURES
from tests.support.refusals import assert_names, one_refusal
from tests.support.studies import run

pytestmark = pytest.mark.slow


@pytest.fixture
def studies(tmp_path):
    """A folder with copies of the studies, so that nothing is written into the fixtures."""
    return Path(shutil.copytree(FIXTURES / "rules_1", tmp_path / "studies"))


def test_the_report_of_an_earlier_study_is_written(studies, tmp_path):
    run("report.py", studies / "ended", "--out", tmp_path / "report")
    verdict = json.loads((studies / "ended" / "comparison.json").read_text())["verdict"]
    text = (tmp_path / "report" / "report.md").read_text()
    assert verdict in text
    assert (tmp_path / "report" / "report.html").stat().st_size > 100_000
    assert len(list((tmp_path / "report" / "tables").glob("*.csv"))) > 5


def test_an_unfinished_earlier_study_has_no_report_yet(studies):
    refused = run("report.py", studies / "stopped", code=2)
    assert "no comparison" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_an_earlier_model_recommends(studies, tmp_path):
    patients, advice = tmp_path / "patients.csv", tmp_path / "advice.csv"
    run("cohort.py", "write", "--rows", 12, "--out", patients)
    model = studies / "ended" / "best" / "equal"
    run("recommend.py", "--model", model, "--data", patients, "--out", advice)
    table = pd.read_csv(advice)
    assert len(table) == 12
    assert any("modality" in column for column in table.columns)


def test_an_earlier_study_is_refused_under_later_rules(studies):
    refused = run("search.py", "--resume", "stopped", "--out", studies, code=2)
    line = one_refusal(2, refused.stderr)
    assert_names(line, ["stopped", "rules 1", f"rules {RULES}", "--name"])
