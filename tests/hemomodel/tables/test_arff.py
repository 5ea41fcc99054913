"""Weka's files give the same cells as any other kind of file."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import arff

from hemomodel.cohort.cohort import load_cohort
from hemomodel.errors import InputError
from hemomodel.schema.schema import Schema
from hemomodel.schema.strict_yaml import parse_yaml
from hemomodel.tables.arff import read_arff
from tests.support.refusals import assert_names

HEADER = """% a comment
@RELATION 'two words'
@attribute 'Grain size' NUMERIC
@attribute kind {sand, 'fine clay', 粘土}
@attribute day date 'yyyy-MM-dd'

@attribute "depth" real
@attribute note string

@DATA
"""
ROWS = """% rows
1.5,sand,2024-03-05,3,'it\\'s here, or there'
?,'fine clay',?,4.5,?

2e-1, 粘土 ,1999-12-31,?,plain
"""
SCHEMA = """
name: grains
title: Grains
columns:
  - {name: Grain size, kind: number, role: feature}
  - {name: kind, kind: category, role: task, codes: [sand, fine clay, 粘土],
     task: {kind: classification}}
  - {name: day, kind: date, role: context}
  - {name: depth, kind: number, role: feature}
  - {name: note, kind: text, role: context}
"""


@pytest.fixture
def write(tmp_path):
    def to(text, encoding="utf-8"):
        path = tmp_path / "t.arff"
        path.write_bytes(text.encode(encoding))
        return path

    return to


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp950"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_attributes_and_rows_are_read(write, encoding, end):
    path = write((HEADER + ROWS).replace("\n", end), encoding)
    cohort = load_cohort(path, Schema.model_validate(parse_yaml(SCHEMA, "t")))
    np.testing.assert_array_equal(cohort.table["grain_size"], [1.5, np.nan, 0.2])
    np.testing.assert_array_equal(cohort.table["depth"], [3, 4.5, np.nan])
    assert cohort.labels[:, 0].tolist() == [0, 1, 2]
    assert cohort.table["note"].fillna("-").tolist() == ["it's here, or there", "-", "plain"]
    assert cohort.table["day"].isna().tolist() == [False, True, False]


def test_the_same_rows_as_a_csv_are_the_same_cohort(write, tmp_path):
    schema = Schema.model_validate(parse_yaml(SCHEMA, "t"))
    names, frame = read_arff(write(HEADER + ROWS))
    frame.set_axis(names, axis=1).to_csv(tmp_path / "t.csv", index=False)
    assert (
        load_cohort(tmp_path / "t.csv", schema).digest
        == load_cohort(tmp_path / "t.arff", schema).digest
    )


words = st.text("abc xyz", min_size=1, max_size=5).map(str.strip).filter(bool)
cells = st.one_of(st.none(), st.floats(-1e9, 1e9, allow_nan=False))


@given(
    table=st.lists(st.tuples(cells, st.sampled_from(["p", "q", None])), min_size=1, max_size=8),
    names=st.lists(words, min_size=2, max_size=2, unique=True),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_scipy_reads_the_same(write, table, names):
    head = (
        f"@relation r\n@attribute '{names[0]}' numeric\n@attribute '{names[1]}' {{p, q}}\n@data\n"
    )
    rows = [",".join("?" if cell is None else str(cell) for cell in row) for row in table]
    text = head + "\n".join(rows)
    theirs, meta = arff.loadarff(io.StringIO(text.replace("q}", "q, '?'}")))
    found, frame = read_arff(write(text))
    assert found == [name.strip("'") for name in meta.names()] == names
    numbers = pd.to_numeric(frame[0]).to_numpy(dtype=float, na_value=np.nan)
    np.testing.assert_array_equal(numbers, theirs[meta.names()[0]])
    assert frame[1].fillna("?").tolist() == [cell.decode() for cell in theirs[meta.names()[1]]]


@given(
    st.lists(st.text("a ,'\"\\\\%{?", max_size=6), min_size=2, max_size=3).filter(
        lambda texts: all(text.strip() not in ("?", "") for text in texts)
    ),
    st.data(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_cell_has_the_quotes_it_needs(write, texts, data):
    marks = [data.draw(st.sampled_from("'\"")) for _ in texts]
    rows = [
        mark + text.replace("\\", "\\\\").replace(mark, f"\\{mark}") + mark
        for mark, text in zip(marks, texts, strict=True)
    ]
    head = "".join(f"@attribute a{place} string\n" for place in range(len(texts)))
    _, frame = read_arff(write(f"@relation r\n{head}@data\n{', '.join(rows)}\n"))
    assert frame.iloc[0].tolist() == texts


def test_one_row_in_single_quotes_leaves_the_others_theirs(write):
    rows = ['"O\'Brien, J",1', "'two words',2", "it's,3", "plain , 4"]
    text = "@relation r\n@attribute a string\n@attribute b numeric\n@data\n"
    _, frame = read_arff(write(text + "\n".join(rows)))
    assert [cell.strip() for cell in frame[0]] == ["O'Brien, J", "two words", "it's", "plain"]
    assert [cell.strip() for cell in frame[1]] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("'fine clay',?", "'fine' clay,?", ("row 2",)),
        (",plain", "", ("row 3", "4", "5")),
        ("{sand, 'fine clay', 粘土}", "{sand", ("@attribute kind {sand",)),
        ("'Grain size' NUMERIC", "depth NUMERIC", ("1", "4", "'depth'")),
    ],
)
def test_what_is_no_such_table_is_refused(write, old, new, names):
    text = HEADER + ROWS
    assert old in text
    path = write(text.replace(old, new))
    with pytest.raises(InputError) as refused:
        load_cohort(path, Schema.model_validate(parse_yaml(SCHEMA, "t")))
    assert_names(str(refused.value), (path.name, *names))


@given(st.binary(max_size=40), st.integers(0, len(HEADER + ROWS)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_load_or_are_refused(write, loads_or_is_refused, content, place):
    path = write("")
    whole = (HEADER + ROWS).encode()
    path.write_bytes(whole[:place] + content + whole[place + len(content) // 2 :])
    schema = Schema.model_validate(parse_yaml(SCHEMA, "t"))
    loads_or_is_refused(lambda: load_cohort(path, schema))
