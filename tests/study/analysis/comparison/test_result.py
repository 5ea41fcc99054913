"""The comparison as typed data, and its form in `comparison.json`."""

import json

import pytest
from pydantic import ValidationError

from study.analysis.comparison.result import from_json, held_out_phrase, to_json
from study.analysis.statistics.interval import Interval
from tests.support.paths import ROOT

FILES = sorted((ROOT / "tests" / "fixtures").rglob("comparison.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_a_file_is_written_as_it_was_read(path):
    text = path.read_text(encoding="utf-8")
    again = to_json(from_json(json.loads(text)))
    assert json.dumps(again, indent=1, ensure_ascii=False) + "\n" == text


def arm(**figures):
    return {"arm": "equal", "trials": {"complete": 3}, "tasks": {}, **figures}


def comparison(**entries):
    return {"verdict": "Only one arm was compared.", "arms": [arm()], "differences": [], **entries}


def test_what_an_earlier_version_did_not_write_has_a_default():
    found = from_json(comparison())
    assert (found.unit, found.outer_folds, found.held_out_rows) == ("rows", 1, None)
    assert (found.missing, found.references, found.ranks) == ((), (), None)
    (equal,) = found.arms
    assert (equal.score, equal.finalists, equal.expected_best) == (None, (), ())


def test_what_this_version_does_not_know_is_left_out():
    found = from_json(comparison(weather="fine", arms=[arm(colour="blue")]))
    assert found == from_json(comparison())


def test_the_figures_of_a_task_are_one_object_in_the_file():
    skill = {"estimate": 0.2, "low": 0.1, "high": 0.3}
    tasks = {"calcium": {"skill": skill, "rmse": 0.4}, "potassium": {"skill": 0.5}}
    (equal,) = from_json(comparison(arms=[arm(tasks=tasks)])).arms
    assert equal.tasks["calcium"].skill == Interval(0.2, 0.1, 0.3)
    assert equal.tasks["calcium"].metrics == {"rmse": 0.4}
    assert [result.skill_estimate for result in equal.tasks.values()] == [0.2, 0.5]
    (plain,) = to_json(from_json(comparison(arms=[arm(tasks=tasks)])))["arms"]
    assert plain["tasks"] == tasks


@pytest.mark.parametrize(
    ("entries", "place"),
    [
        ({"arms": [arm(arm=5)]}, "arms.0.arm"),
        ({"arms": [arm(score=0.2)]}, "arms.0.score"),
        ({"arms": [arm(tasks={"calcium": 5})]}, "arms.0.tasks.calcium"),
        ({"arms": [arm(finalists=[{"trial": 1, "params": {}}])]}, "arms.0.finalists.0.epochs"),
        ({"held_out_rows": "46"}, "held_out_rows"),
    ],
    ids=str,
)
def test_an_entry_of_another_kind_is_refused(entries, place):
    with pytest.raises(ValidationError) as error:
        from_json(comparison(**entries))
    assert ".".join(map(str, error.value.errors()[0]["loc"])) == place


def test_arms_are_ranked_by_score_and_one_without_a_score_comes_last():
    scores = {"low": 0.1, "none": None, "high": 0.3}
    arms = [
        arm(arm=name, score=score and {"estimate": score, "low": 0.0, "high": 1.0})
        for name, score in scores.items()
    ]
    ranked = from_json(comparison(arms=arms)).ranked
    assert [result.name for result in ranked] == ["high", "low", "none"]


def test_rows_that_are_not_known_are_not_counted():
    assert held_out_phrase(None, "rows", None) == "held-out rows"
    assert held_out_phrase(46, "rows", 46) == "46 held-out rows"
