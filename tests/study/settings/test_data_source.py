"""The source of a study's rows, parsed once and recorded without a path."""

import pytest

from hemomodel import SyntheticOptions, synthetic_cohort
from hemomodel.errors import InputError
from study.settings.cohort_and_splits import open_cohort
from study.settings.data_source import DataSource
from study.settings.settings import Settings
from study.store.record import study_record

SYNTHETIC = {"kind": "synthetic", "rows": 465}


@pytest.mark.parametrize(
    ("text", "entry", "label"),
    [
        ("synthetic:465", SYNTHETIC, "synthetic:465"),
        (
            "synthetic:2000,interactions=1,shared=0.5,conflict=0,sessions=3",
            {"kind": "synthetic", "rows": 2000, "interactions": 1.0, "shared": 0.5, "sessions": 3},
            "synthetic:2000,interactions=1,shared=0.5,conflict=0,sessions=3",
        ),
        ("synthetic:465,interactions=0", SYNTHETIC, "synthetic:465,interactions=0"),
        ("/ward/chen/HD.XLSX", {"kind": "file", "format": "xlsx"}, "a XLSX file"),
        ("synthetic_chen.csv", {"kind": "file", "format": "csv"}, "a csv file"),
        ("synthetic/chen", {"kind": "file", "format": ""}, "a path"),
    ],
)
def test_a_source_is_described_without_its_path(text, entry, label):
    source = DataSource.parse(text)
    assert source.to_dict() == entry
    assert source.label == label


@pytest.mark.parametrize("rows", ["", "0", "-1", "1e3", "many", "9" * 5000, "465:1"])
def test_a_number_of_rows_that_is_none_is_refused(rows):
    for text in (f"synthetic:{rows}", "synthetic"):
        with pytest.raises(InputError, match="synthetic:ROWS"):
            open_cohort(Settings(data=text))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "NAME=VALUE"),
        ("shard=1", "did you mean shared"),
        ("shared=1,shared=1", "shared is given twice"),
        ("shared=2", "shared is 2.0; give a number from 0 to 1"),
        ("sessions=x", "sessions is 'x'"),
    ],
)
def test_options_that_cannot_be_are_refused_with_the_setting(options, message):
    with pytest.raises(InputError, match=f"^--data synthetic:300,{options}: .*{message}"):
        open_cohort(Settings(data=f"synthetic:300,{options}"))


def test_a_study_has_the_cohort_of_its_options():
    settings = Settings(data="synthetic:300,interactions=1,sessions=2", seed=5)
    expected = synthetic_cohort(300, seed=5, options=SyntheticOptions(interactions=1.0, sessions=2))
    assert open_cohort(settings).digest == expected.digest


def test_the_record_says_where_the_rows_came_from():
    assert study_record(Settings(), "ab")["data_source"] == SYNTHETIC
