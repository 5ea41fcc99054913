"""No text becomes a formula when a file is opened in a spreadsheet program."""

import csv
import io
import unicodedata

import openpyxl
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hemomodel.tables.streaming_writers import WRITERS
from study.report.render.table_files import to_csv

SIGNS = "=+-@＝＋－＠"
INVISIBLE = " \t\n\x0b\x1f\x85\xa0\u200b\u2060\u3000\ufeff"
UNSEEN = {"Cc", "Cf", "Co", "Zl", "Zp", "Zs"}
HOSTILE = [
    *("=1+1", "+1+1", "-1+1", "-x", "@SUM(A1)", "=cmd|'/c calc'!A1", "-nan()"),
    *("\t=1", "\r=1", "\n=1", " =1", "＝1+1", "\u200b=1", "\ufeff=1"),
]
HARMLESS = [
    *("-", "-0.5", "+3", "+886912345678", "-1e-5", "-inf"),
    *("a=b", "a-b", "1-2", "", "plain", "patient 7", "血"),
]
texts = st.text(
    st.one_of(
        st.sampled_from(SIGNS), st.sampled_from(INVISIBLE), st.characters(exclude_categories=["Cs"])
    ),
    min_size=1,
)


def in_a_report(text, path):
    return rows_of(to_csv(pd.DataFrame({text: [text]})))


def in_recommendations(text, path):
    with WRITERS["csv"](path, [], {}) as writer:
        writer.write(pd.DataFrame({text: [text]}))
    return rows_of(path.read_bytes().decode("utf-8-sig"))


def in_a_workbook(text, path):
    with WRITERS["xlsx"](path, [], {}) as writer:
        writer.write(pd.DataFrame({text: pd.Categorical([text])}))
    sheet = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))["Recommendations"]
    assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)
    return [[cell.value or "" for cell in row] for row in sheet.iter_rows()]


USERS = pytest.mark.parametrize("user", [in_a_report, in_recommendations, in_a_workbook])


def rows_of(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def begins_with_a_sign(text):
    shown = "".join(letter for letter in text if unicodedata.category(letter) not in UNSEEN)
    return shown[:1] in {*SIGNS}


def would_run(text):
    return begins_with_a_sign(text) and not is_number(text) and text != "-"


@USERS
@pytest.mark.parametrize("text", HOSTILE)
def test_a_formula_gets_an_apostrophe(user, text, tmp_path):
    safe = "'" + text.replace("\r", " ")
    assert user(text, tmp_path / "file") == [[safe], [safe]]


@USERS
@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_stays_as_it_is(user, text, tmp_path):
    assert user(text, tmp_path / "file")[-1] in ([text], [])


@USERS
@given(text=texts)
@example(text="-\n1")
@example(text="+1\x00")
def test_no_text_is_run(user, text, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "file"
    for row in user(text, path):
        for cell in row:
            assert not would_run(cell)
            if text.isprintable() and not begins_with_a_sign(text):
                assert cell == text
