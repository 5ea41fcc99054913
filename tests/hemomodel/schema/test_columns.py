"""Kinds of columns that the hospital's workbook does not have, and the tasks made from them."""

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemomodel.cohort.cohort import build_cohort
from hemomodel.cohort.summary import category_summary
from hemomodel.errors import InputError
from hemomodel.recommender.recommendations import headings
from tests.support.fields import FIELDS, schema

TABLE = pd.DataFrame({
    "Wet": ["yes", "N", None, "1.0"],
    "Sown on": ["2024-03-05", "1999/12/31", "", "2024-02-29 00:00:00"],
    "soil=1": [1, 0, None, 0], "soil=2": [0, 1, None, 0], "soil=3": [0, 0, None, 1],
    "作物": ["rye", "No", "wheat", None],
    "Grade": ["A", "C", None, "B"],
    "Sold": [True, False, True, None],
    "flat": ["0", "1", "1.0", ""], "steep": ["1", "0", "0", "NA"],
    "Yield": [1.0, np.e, 10.0, None],
    "Weeds": [0, 7, None, 3.0],
})  # fmt: skip


def load(table: pd.DataFrame, text: str = FIELDS):
    return build_cohort(table, schema(text), source="t")


def test_cells_become_flags_days_and_codes():
    table = load(TABLE).table
    np.testing.assert_array_equal(table["wet"], [1, 0, np.nan, 1])
    days = np.array(["2024-03-05", "1999-12-31", "NaT", "2024-02-29"], dtype="datetime64[D]")
    np.testing.assert_array_equal(table["sown_on"].to_numpy().astype("datetime64[D]"), days)
    assert table["soil"].fillna("-").tolist() == ["soil=1", "soil=2", "-", "soil=3"]
    assert table["crop"].fillna("-").tolist() == ["rye", "No", "wheat", "-"]


def test_labels_are_places_of_codes_logarithms_and_counts():
    expected = [
        [1, 2, 1, 1, 0, 0],
        [2, 0, 0, 0, 1, 7],
        [0, np.nan, 1, 0, np.log(10), np.nan],
        [np.nan, 1, np.nan, np.nan, np.nan, 3],
    ]
    np.testing.assert_allclose(load(TABLE).labels, expected, rtol=1e-15)


def test_names_titles_and_meanings_follow_from_the_name():
    crop, grade, sold, slope, harvest, _ = schema().tasks
    assert (crop.name, crop.title, crop.second_title) == ("crop", "作物", "")
    assert (grade.name, grade.title) == ("grade", "Grade")
    assert crop.levels == crop.meanings == ("wheat", "rye", "No")
    assert (grade.levels, grade.meanings) == (("C", "B", "A"), ("poor", "fair", "good"))
    assert (sold.levels, sold.meanings) == ((0.0, 1.0), ("no", "yes"))
    assert (slope.levels, harvest.transform) == (("flat", "steep"), "log")
    assert schema().columns[1].english == "sown_on"


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("Wet", "maybe", "column 'Wet', row 4: 'maybe' is neither yes nor no"),
        ("Wet", 2, "column 'Wet', row 4: '2' is neither yes nor no"),
        ("Sown on", "45/6/7", "column 'Sown on', row 4: '45/6/7' is not a date yyyy-mm-dd"),
        ("Sown on", "2023-02-29", "'2023-02-29' is not a date yyyy-mm-dd"),
        ("soil=2", 1, "column 'soil=1, soil=2, soil=3', row 4: 'nan, 1, nan"),
        ("soil=2", 1, "1, nan'"),
        ("steep", 1, "column 'flat, steep', row 4: '1.0, 1'"),
        ("steep", 0.5, "row 4: '1.0, 0.5'"),
        ("steep", "", "row 4: '1.0, '"),
        ("作物", "wheat ", None),
        ("作物", "Wheat", "'Wheat' is not one of the declared codes: wheat, rye, No;"),
        ("Yield", 0, "row 4: '0' has no logarithm, which task 'yield'"),
        ("Yield", -2.5, "row 4: '-2.5' has no logarithm"),
        ("Weeds", 2.5, "row 4: '2.5' is not a count"),
        ("Weeds", -1, "row 4: '-1' is not a count"),
    ],
)
def test_a_cell_of_another_kind_is_refused_by_its_headers_and_row(column, value, message):
    table = TABLE.astype(object)
    table.loc[2, column] = value
    if message is None:
        load(table)
        return
    with pytest.raises(InputError, match=re.escape(message)):
        load(table)


def test_a_code_that_is_no_level_is_refused():
    fewer = FIELDS.replace(
        "task: {kind: classification}", "task: {kind: binary, levels: [rye, No]}"
    )
    message = "column '作物', row 4: 'wheat' is not a level of task 'crop' (rye, No);"
    with pytest.raises(InputError, match=re.escape(message)):
        load(TABLE, fewer)


@pytest.mark.parametrize("gone", [["soil=2"], ["flat", "steep"]])
def test_a_column_in_parts_is_there_as_a_whole(gone):
    with pytest.raises(InputError, match=f"missing columns? '{gone[0]}'"):
        load(TABLE.drop(columns=gone))
    optional = FIELDS.replace("one_hot, role: feature", "one_hot, role: feature, optional: true")
    if gone == ["soil=2"]:
        assert load(TABLE.drop(columns=gone), optional).table["soil"].isna().all()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "english: crop, ",
            "",
            "'作物' cannot be converted to a name for the code; give `english`",
        ),
        ("name: Grade", "name: 2nd", "'2nd' cannot be converted to a name for the code"),
        ("codes: [flat, steep], ", "", "a column of kind 'one_hot' needs `codes`"),
        ("codes: [flat, steep]", "codes: [flat, soil=1]", "column name 'soil=1' appears twice"),
        ("codes: [flat, steep]", "codes: [flat, Wet]", "column name 'Wet' appears twice"),
        ("codes: [flat, steep]", "header: x, codes: [flat, steep]", "has its headers in `codes`"),
        ("codes: [flat, steep]", "codes: [true, steep]", "write true and false in quotes"),
        ("codes: [flat, steep]", "codes: [a, b, c]", "a binary needs two levels"),
        (
            "flag, role: feature",
            "flag, role: feature, codes: {2: x}",
            "the `codes` of a flag must be 0 and 1",
        ),
        (
            "kind: number, role: task, unit: t",
            "codes: [a], kind: number, role: task",
            "is it a cat",
        ),
        ("{kind: binary}", "{kind: count}", "a count task cannot use a column of kind 'flag'"),
        ("{kind: binary}", "{kind: ordinal}", "a flag is a binary task"),
        ("[C, B, A]", "[C, B, D]", "a level is not among the `codes`"),
        ("log}", "root}", "none' or 'log'"),
        ("{kind: count}", "{kind: count, transform: log}", "only a regression has a transform"),
    ],
)
def test_a_faulty_column_is_refused(old, new, message):
    assert old in FIELDS
    with pytest.raises(ValueError, match=re.escape(message)):
        schema(FIELDS.replace(old, new, 1))


def test_codes_that_are_numbers_may_be_written_as_numbers():
    text = FIELDS.replace("{C: poor, B: fair, A: good}", "{1: poor, 2: fair, 0.5: bad}")
    text = text.replace("levels: [C, B, A]", "levels: [0.5, 1, 2]")
    cohort = load(TABLE.assign(Grade=["2.0", "1", 0.5, "02"]), text)
    assert cohort.labels[:, 1].tolist() == [2, 1, 0, 2]


def test_an_identifier_keeps_its_digits():
    ids = "  - {name: Plot, kind: text, role: group}\ncolumns:\n"
    text = FIELDS.replace("columns:\n", "columns:\n" + ids.partition("columns")[0])
    cohort = load(TABLE.assign(Plot=["007", "7", "07", "7.0"]), text)
    assert cohort.table["plot"].tolist() == ["007", "7", "07", "7"]
    assert cohort.groups.tolist() == [0, 1, 2, 1]
    numbers = load(TABLE.assign(Plot=[7.0, 117.0, np.nan, 7.0]), text)
    assert numbers.table["plot"].fillna("-").tolist() == ["7", "117", "-", "7"]


def test_levels_of_many_digits_keep_them():
    text = FIELDS.replace("{C: poor, B: fair, A: good}", "{1234567: poor, 7654321.0: fair, 1.0: x}")
    text = text.replace("levels: [C, B, A]", "levels: [1, 1234567, 7654321]")
    text += """  - {name: Lot, kind: number, role: task, codes: {1.0: one, 20000001: two},
     task: {kind: ordinal, levels: [1, 20000001]}}"""
    table = TABLE.assign(Grade=["7654321", "1.0", None, 1234567], Lot=[1, 20000001, 1, None])
    cohort = load(table, text)
    assert cohort.labels[:, 1].tolist()[::3] == [2, 1]
    grade, lot = cohort.schema.tasks[1], cohort.schema.tasks[-1]
    assert (grade.levels, grade.meanings) == (("1", "1234567", "7654321"), ("x", "poor", "fair"))
    assert lot.meanings == ("one", "two")
    assert headings(cohort.schema)[-1].labels == ("1 one", "20000001 two")
    shown = category_summary(cohort.schema, cohort.table)
    assert shown[shown["variable"] == "lot"]["label"].tolist() == ["one", "two"]
    with pytest.raises(InputError, match=re.escape("task 'lot' (1, 20000001)")):
        load(table.assign(Lot=20001001.0), text.replace("codes: {1.0: one, 20000001: two},", ""))


@given(st.lists(st.sampled_from(["wheat", "rye", "No", None]), min_size=2, max_size=30))
def test_a_code_has_one_place_whatever_rows_it_stands_in(crops):
    table = TABLE.loc[np.arange(len(crops)) % 4].reset_index(drop=True).assign(作物=crops)
    labels = load(table).labels[:, 0]
    places = {"wheat": 0, "rye": 1, "No": 2, None: np.nan}
    np.testing.assert_array_equal(labels, [places[crop] for crop in crops])


@given(st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=20).map(sorted))
def test_the_logarithm_keeps_the_order_and_the_ratio(values):
    table = TABLE.loc[np.zeros(len(values), dtype=int)].reset_index(drop=True)
    labels = load(table.assign(Yield=values)).labels[:, 4]
    for (low, high), (a, b) in zip(pairwise(values), pairwise(labels), strict=True):
        assert b - a == pytest.approx(np.log(high / low), abs=1e-9)
