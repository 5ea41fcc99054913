"""Studies and models that commit 4ca2f17 wrote are still read, and resumed under the same rules."""

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


@pytest.mark.skipif(RULES == 1, reason="this version computes by the rules of these studies")
def test_an_earlier_study_is_refused_under_later_rules(studies):
    refused = run("search.py", "--resume", "stopped", "--out", studies, code=2)
    line = one_refusal(2, refused.stderr)
    assert_names(line, ["stopped", "rules 1", f"rules {RULES}", "--name"])


@pytest.mark.thorough
@pytest.mark.skipif(RULES != 1, reason="these studies were begun under rules 1")
def test_an_earlier_stopped_study_is_resumed_to_its_end(studies, search_here):
    search_here("--resume", "stopped", "--out", studies)
    columns = ["number", "arm", "state", "best_epoch", "epochs", "score"]
    found = pd.read_parquet(studies / "stopped" / "trials.parquet")[columns]
    expected = pd.read_parquet(FIXTURES / "rules_1" / "resumed" / "trials.parquet")[columns]
    pd.testing.assert_frame_equal(found, expected, rtol=1e-3, atol=1e-3)

    comparison = json.loads((studies / "stopped" / "comparison.json").read_text())
    before = json.loads((FIXTURES / "rules_1" / "resumed" / "comparison.json").read_text())
    assert [arm["arm"] for arm in comparison["arms"]] == [arm["arm"] for arm in before["arms"]]
    for arm, same in zip(comparison["arms"], before["arms"], strict=True):
        assert arm["score"] == pytest.approx(same["score"], abs=1e-2)
