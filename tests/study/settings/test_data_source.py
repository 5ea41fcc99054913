"""The source of a study's rows, parsed once and recorded without a path."""

import pytest

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


def test_the_record_says_where_the_rows_came_from():
    assert study_record(Settings(), "ab")["data_source"] == SYNTHETIC
