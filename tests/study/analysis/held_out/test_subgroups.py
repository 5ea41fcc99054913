"""Subgroups: each row has one level, and each level that is shown has enough persons."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemomodel.errors import InputError
from hemomodel.schema.schema import Schema, load_schema
from study.analysis.held_out.subgroups import ALL_ROWS, MIN_UNITS, subgroup_levels

ORCHARD = """
name: orchard
title: Apple trees
columns:
  - {name: Soil, english: soil, title: Soil, kind: category, role: feature,
     codes: {c: clay, s: sand, p: peat}}
  - {name: Girth, english: girth, title: Girth, unit: cm, kind: number, role: feature}
  - {name: Pests, english: pests, title: Pests, kind: code_list, role: feature, flags: pest,
     separator: "+", codes: {a: aphid, m: moth}}
  - {name: Yield, english: yield_kg, title: Yield, unit: kg, kind: number, role: task,
     task: {kind: regression}}
subgroups:
  - {name: ground, title: Ground, title_zh: 土, column: soil}
  - {name: size, title: Size, title_zh: 大小, column: girth, cuts: [20, 40, 60]}
  - {name: moths, title: Moths, column: pest_m}
"""


@pytest.fixture(scope="module")
def orchard(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return load_schema(written(tmp_path_factory, ORCHARD))


def written(tmp_path_factory: pytest.TempPathFactory, text: str) -> str:
    path = tmp_path_factory.mktemp("schema") / "orchard.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def trees(soil, girth, moths):
    return pd.DataFrame({"soil": pd.array(soil, dtype="str"), "girth": girth, "pest_m": moths})


rows = st.lists(
    st.tuples(
        st.sampled_from(["c", "s", "p", None]),
        st.sampled_from([5.0, 20.0, 30.0, 50.0, 70.0, np.nan]),
        st.sampled_from([0.0, 1.0, np.nan]),
        st.integers(0, 60),
    ),
    min_size=1,
    max_size=120,
)


@given(rows)
def test_each_row_is_of_one_level_and_no_level_tells_of_few(orchard, drawn):
    *columns, persons = zip(*drawn, strict=True)
    persons = np.array(persons)
    found = subgroup_levels(orchard, trees(*columns), persons)
    assert found[0].subgroup == ALL_ROWS
    for name in dict.fromkeys(part.subgroup for part in found):
        own = [part for part in found if part.subgroup == name]
        if not own[0].rows.any():
            assert len(own) == 1
            continue
        assert (sum(part.rows.astype(int) for part in own) == 1).all()
        if name != ALL_ROWS:
            assert all(len(np.unique(persons[part.rows])) >= MIN_UNITS for part in own)
            assert len(own) > 1


def test_small_bands_go_to_their_neighbour_and_rare_codes_together(orchard):
    girth = np.repeat([10.0, 30.0, 50.0, 70.0], [15, 4, 30, 12])
    soil = np.repeat(np.array(["c", "s", "p"], dtype=object), [50, 5, 6])
    found = subgroup_levels(orchard, trees(soil, girth, np.zeros(61)), np.arange(61))
    levels = [(part.subgroup, part.level, int(part.rows.sum())) for part in found]
    assert levels == [
        ("all", "all", 61),
        ("ground", "clay", 50),
        ("ground", "sand or peat", 11),
        ("size", "below 40", 19),
        ("size", "40 to below 60", 30),
        ("size", "60 and above", 12),
        ("moths", "not shown: fewer than 10 in a level", 0),
    ]


def test_what_is_not_known_is_a_level(orchard):
    girth = np.repeat([10.0, np.nan], [30, 12])
    moths = np.repeat([0.0, 1.0, np.nan], [15, 15, 12])
    found = subgroup_levels(orchard, trees(["c"] * 42, girth, moths), np.arange(42))
    levels = {(part.subgroup, part.level): int(part.rows.sum()) for part in found}
    assert levels["size", "known"] == 30
    assert levels["size", "not known"] == 12
    assert [levels["moths", level] for level in ("no", "yes", "not known")] == [15, 15, 12]


def test_codes_that_mean_the_same_are_one_level(tmp_path_factory):
    schema = load_schema(written(tmp_path_factory, ORCHARD.replace("p: peat", "p: clay")))
    soil = np.repeat(np.array(["c", "s", "p"], dtype=object), [12, 15, 14])
    found = subgroup_levels(schema, trees(soil, np.full(41, 10.0), np.zeros(41)), np.arange(41))
    ground = {part.level: int(part.rows.sum()) for part in found if part.subgroup == "ground"}
    assert ground == {"clay": 26, "sand": 15}


def test_two_subgroups_are_crossed_where_each_pair_has_enough(orchard):
    soil = np.tile(np.array(["c", "s"], dtype=object), 40)
    girth = np.repeat([10.0, 70.0], 40)
    found = subgroup_levels(orchard, trees(soil, girth, np.tile([0, 0, 1.0, 1], 20)), np.arange(80))
    crossed = {part.subgroup: part.second_title for part in found if "×" in part.subgroup}
    assert crossed == {"ground × size": "土 × 大小", "ground × moths": "", "size × moths": ""}
    own = [part for part in found if part.subgroup == "ground × size"]
    assert [part.level for part in own] == [
        "clay, below 60",
        "clay, 60 and above",
        "sand, below 60",
        "sand, 60 and above",
    ]
    one = (soil == "c") & (girth < 60)
    assert (own[0].rows == one).all()


def test_many_rows_of_few_persons_are_few(orchard):
    soil = np.repeat(np.array(["c", "s"], dtype=object), 50)
    table = trees(soil, np.full(100, 10.0), np.zeros(100))
    few = np.repeat([*range(50), *range(50, 55)], [1] * 50 + [10] * 5)
    ground = [part for part in subgroup_levels(orchard, table, few) if part.subgroup == "ground"]
    assert [part.rows.any() for part in ground] == [False]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("column: soil", "column: girth", "subgroup 'ground' names 'girth'"),
        ("column: girth", "column: soil", "subgroup 'size' names 'soil'"),
        ("column: pest_m", "column: pests", "subgroup 'moths' names 'pests'"),
        ("[20, 40, 60]", "[20, 60, 40]", "rising order"),
        ("name: moths", "name: size", "subgroup 'size' appears twice"),
    ],
)
def test_a_subgroup_that_cannot_be_is_said(tmp_path_factory, old, new, said):
    with pytest.raises(InputError, match=said):
        load_schema(written(tmp_path_factory, ORCHARD.replace(old, new)))


def test_the_built_in_schema_has_sex_age_and_diabetes():
    schema = load_schema()
    subgroups = schema.subgroups
    assert [one.title for one in subgroups] == ["Sex", "Age", "Diabetes"]
    assert all(schema.second_title(one) for one in subgroups)
