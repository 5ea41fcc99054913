"""The record: no file paths when it is shared, and the rules when a study is resumed."""

import pytest

from hemomodel.errors import InputError
from study.settings.analysis_plan import analysis_plan, recorded_rules
from study.settings.settings import Settings
from study.store import record
from study.store.record import check_unchanged, read_record, shareable, shareable_settings
from study.store.study_folder import StudyFolder
from tests.support.paths import FIXTURES
from tests.support.refusals import assert_ends_with_advice, assert_names

DATA = {"data": "/ward/chen/HD.xlsx", "schema_file": None, "out": "studies", "address": None}


@pytest.mark.parametrize(
    "flag",
    ["--config /secret/cfg.yaml", "--config=/secret/cfg.yaml", "--conf /secret/my cfg.yaml"],
)
@pytest.mark.parametrize("rest", ["", " --trials 4"])
def test_the_command_names_no_file(flag, rest):
    command = f"search.py --data /ward/chen/HD.xlsx {flag}{rest}"
    said = shareable({"settings": DATA, "command": command})["command"]
    assert said == f"search.py --data <a xlsx file> {flag[: flag.index('/')]}<a file>{rest}"


def test_a_file_that_is_called_synthetic_is_a_file():
    assert shareable_settings({"data": "synthetic:465"})["data"] == "synthetic:465"
    assert shareable_settings({"data": "synthetic_chen.csv"})["data"] == "a csv file"


def earlier_study():
    """A study whose record has the sentences of rules 1 but no rules number."""
    folder = StudyFolder(FIXTURES / "rules_1" / "stopped")
    stored = read_record(folder)
    assert "rules" not in stored["declared"]
    return folder, stored, Settings.model_validate(stored["settings"]), stored["data_digest"]


def test_a_record_without_a_number_is_known_by_its_sentences(monkeypatch):
    monkeypatch.setattr(record, "RULES", 1)
    check_unchanged(*earlier_study())


def test_a_record_of_earlier_rules_is_refused(monkeypatch):
    monkeypatch.setattr(record, "RULES", 2)
    with pytest.raises(InputError) as refused:
        check_unchanged(*earlier_study())
    assert_names(str(refused.value), ["rules 1", "rules 2", "--name"])
    assert_ends_with_advice(str(refused.value))


@pytest.mark.parametrize("number", [True, 1.0, "1", None, [1]])
def test_what_is_no_number_is_not_taken_for_one(number):
    assert recorded_rules({**analysis_plan(), "rules": number}) is None


def test_the_sentences_may_change_under_the_same_number():
    folder, stored, settings, digest = earlier_study()
    declared = {**analysis_plan(settings.finalists), "rule": "other words for the same"}
    check_unchanged(folder, {**stored, "declared": declared}, settings, digest)
