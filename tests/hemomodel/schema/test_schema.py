import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hemomodel.cohort.cohort import load_cohort
from hemomodel.dataset.preprocessor import build_preprocessor, feature_names
from hemomodel.errors import InputError
from hemomodel.recommender.patient_inputs import input_schema
from hemomodel.schema.entries import Rule
from hemomodel.schema.formula import Formula
from hemomodel.schema.schema import Schema, load_schema
from hemomodel.schema.strict_yaml import parse_yaml
from tests.support.refusals import assert_ends_with_advice, assert_names

OTHER = """
name: orchard
title: Apple trees
columns:
  - {name: Tree, english: tree, title: Tree, kind: text, role: id}
  - {name: Soil, english: soil, title: Soil, kind: category, role: feature,
     codes: {c: clay, s: sand}}
  - {name: Girth, english: girth, title: Girth, unit: cm, kind: number,
     role: feature, hard: [1, 500]}
  - {name: Pests, english: pests, title: Pests, kind: code_list, role: feature, flags: pest,
     separator: "+", codes: {a: aphid, m: moth}}
  - {name: Yield, english: yield_kg, title: Yield, unit: kg, kind: number, role: task,
     task: {kind: regression}}
  - {name: Cut, english: cut, title: Cut, kind: number, role: task,
     task: {kind: classification, levels: [0, 1]}}
derived:
  - {name: area, title: Area, formula: 3.14159 * (girth / 6.28318) ** 2}
filters:
  - {name: no yield, kind: any_missing, columns: [yield_kg]}
feature_sets:
  all:
    - {encode: one_hot, columns: [soil]}
    - {encode: standardize, columns: [girth, area]}
    - {encode: pca, columns: [pests], components: 3}
"""


def test_the_ten_tasks_stand_in_the_schema(schema):
    assert [task.size for task in schema.tasks] == [4, 3, 10, 10, 1, 1, 6, 7, 3, 2]
    assert [task.name for task in schema.tasks if task.kind == "regression"] == [
        "blood_flow",
        "dialysate_flow",
    ]
    assert {task.name: task.unit for task in schema.tasks}["maintenance_dose"] == "U/h"


def test_a_chinese_title_is_one_that_says_more_than_the_title(schema, tmp_path):
    titles = {task.name: task.second_title for task in schema.tasks}
    assert titles["blood_flow"] == "血液流速"
    assert schema.second_titles["gender"] == "性別"
    assert "kt_v" not in schema.second_titles
    (tmp_path / "orchard.yaml").write_text(
        OTHER.replace("title: Girth,", "title: G, title_zh: 周長,")
    )
    orchard = load_schema(tmp_path / "orchard.yaml")
    assert orchard.second_titles == {"girth": "周長"}
    assert [task.second_title for task in orchard.tasks] == ["", ""]


def test_feature_sets_have_the_published_sizes(schema):
    seed, before = (feature_names(schema, name) for name in ("seed", "pretreatment"))
    assert (len(seed), len(before)) == (36, 32)
    assert set(seed) - set(before) == {"urr", "npcr", "tac_urea", "pre_bun"}
    assert len(set(seed)) == len(seed)


def test_every_column_has_a_title_and_every_number_its_limits(schema):
    assert all(column.title for column in schema.columns)
    unlimited = [
        c.english for c in schema.read.values() if c.kind == "number" and not (c.hard or c.codes)
    ]
    assert unlimited == []


def test_soft_limits_lie_within_hard_ones(schema):
    for column in (*schema.columns, *schema.derived):
        if column.soft is not None:
            assert column.hard[0] <= column.soft[0] < column.soft[1] <= column.hard[1]


def test_levels_lie_within_the_limits_and_codes_of_their_column(schema):
    for task in schema.tasks:
        column = schema.read[task.column]
        low, high = column.hard or (min(map(float, column.codes)), max(map(float, column.codes)))
        assert all(low <= level <= high for level in task.levels)


def test_another_table_is_another_schema_and_no_code(tmp_path):
    (tmp_path / "orchard.yaml").write_text(OTHER)
    rows = ["Tree,Soil,Girth (cm),Pests,Yield,Cut", "t1,c,31.4,a+m,12,0", "t2,s,62.8,,30.5,1"]
    (tmp_path / "trees.csv").write_text("\n".join([*rows, "t3,c,44,m,,1", "t4,s,50,a,9,"]))
    cohort = load_cohort(tmp_path / "trees.csv", load_schema(tmp_path / "orchard.yaml"))
    assert str(cohort.attrition) == "4 -> 3\n1 removed: no yield"
    np.testing.assert_array_equal(cohort.labels, [[12, 0], [30.5, 1], [9, np.nan]])
    np.testing.assert_allclose(cohort.table["area"], [78.46, 313.84, 198.94], atol=0.01)
    assert build_preprocessor(cohort.schema, "all").fit_transform(cohort.table).shape == (3, 7)
    assert feature_names(cohort.schema, "all")[:2] == ("soil_clay", "soil_sand")


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("name: Girth,", "name: Soil,", ("'Soil'",)),
        ("english: girth", "english: soil", ("'soil'",)),
        ("name: area", "name: pest_a", ("'pest_a'",)),
        ("hard: [1, 500]", "hard: [500, 1]", ("columns.2",)),
        ("hard: [1, 500]", "hrd: [1, 500]", ("columns.2.hrd",)),
        ("role: id", "role: task", ("columns.0", "'task'", "`task`")),
        ("(girth / 6.28318)", "(girht / 6.28318)", ("'area'", "'girht'")),
        ("(girth / 6.28318)", "(soil / 6.28318)", ("'area'",)),
        ("3.14159 * (girth / 6.28318)", "3.14159", ("'area'",)),
        ("columns: [yield_kg]", "columns: [yeild]", ("'no yield'", "'yeild'")),
        ("kind: any_missing, columns: [yield_kg]", "drop: girth > 1, role: task", ("filters.0",)),
        (
            "kind: any_missing, columns: [yield_kg]",
            "kind: at_most, columns: [girth]",
            ("filters.0",),
        ),
        ("columns: [girth, area]", "columns: [girth, yield_kg]", ("'all'", "'yield_kg'")),
        ("3.14159 * (girth", "3.14159 * yield_kg * (girth", ("'all'", "'area'")),
        ("pca, columns: [pests]", "pca, columns: [soil]", ("'all'", "'soil'")),
        ("components: 3", "components: 0", ("feature_sets.all.2", "components")),
        (
            "title: Apple trees",
            "title: A\nfeature_notes: {most: x}",
            ("feature_notes", "'most'"),
        ),
    ],
)
def test_a_faulty_schema_is_refused(tmp_path, old, new, names):
    assert old in OTHER
    assert_refused(tmp_path / "bad.yaml", OTHER.replace(old, new, 1), names)


def assert_refused(path, text, names):
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        load_schema(path)
    line = str(refused.value)
    assert_ends_with_advice(line)
    assert_names(line, (path.name, *names))
    assert len(line) < 300


def usual(text):
    """The orchard schema without its feature sets."""
    return Schema.model_validate(parse_yaml(text[: text.index("feature_sets:")], "t"))


def test_a_schema_without_feature_sets_has_one_of_all_its_features():
    one_hot, standardize, pca = usual(OTHER).blocks_by_set["default"]
    assert (one_hot.encode, one_hot.columns) == ("one_hot", ("soil",))
    assert (standardize.encode, standardize.columns) == ("standardize", ("girth", "area"))
    assert (pca.encode, pca.columns, pca.components) == ("pca", ("pests",), 2)
    assert feature_names(usual(OTHER))[-2:] == ("pests_pc1", "pests_pc2")


def test_the_usual_features_hold_nothing_that_is_not_a_feature():
    text = OTHER.replace("(girth / 6.28318)", "(girth / cut)")
    assert usual(text).blocks_by_set["default"][1].columns == ("girth",)
    nothing = OTHER.replace("role: feature", "role: context")
    with pytest.raises(ValueError, match="'default' is empty; no column has the role 'feature'"):
        usual(nothing)


def test_the_default_is_what_the_schema_says(schema):
    assert schema.feature_set_name("default") == "pretreatment"
    assert usual(OTHER).feature_set_name("default") == "default"
    both = OTHER + "  few:\n    - {encode: one_hot, columns: [soil]}\n"
    first, said = (
        Schema.model_validate(parse_yaml(text, "t"))
        for text in (both, both.replace("derived:", "default_features: few\nderived:"))
    )
    assert feature_names(first) == feature_names(first, "all")
    assert feature_names(said) == ("soil_clay", "soil_sand")
    named = both.replace("derived:", "default_features: few\nderived:").replace("all:", "default:")
    with pytest.raises(ValueError, match="is not the `default_features`; rename it"):
        Schema.model_validate(parse_yaml(named, "t"))


@pytest.mark.parametrize(
    "text",
    [
        "a.b",
        "a[0]",
        "__import__('os')",
        "(lambda: a)()",
        "a if a else a",
        "b",
        "abs(a, a)",
        "a in a",
    ],
)
def test_a_formula_runs_no_code(text):
    with pytest.raises(ValueError, match="formula"):
        Formula(text).evaluate({"a": np.ones(1)})


@given(a=st.floats(0.1, 100), b=st.floats(0.1, 100))
def test_formulas_mean_what_python_means(a, b):
    columns = {"a": np.array([a]), "b": np.array([b])}
    for text in ("a + 2 * b - a / b", "-a ** 2", "0 < a <= b", "not a > b and (a != 3 or b == 4)"):
        assert Formula(text).evaluate(columns)[0] == pytest.approx(eval(text))  # noqa: S307


def test_the_year_of_a_missing_day_is_missing():
    days = np.array(["1987-12-31", "NaT", "2003-01-01"], dtype="datetime64[D]")
    found = Formula("2019 - year(d)").evaluate({"d": days})
    pd.testing.assert_series_equal(pd.Series(found), pd.Series([32.0, np.nan, 16.0]))


CODED = OTHER.replace("{c: clay, s: sand}", "{1: clay, 2: sand}")
FILTER = "  - {name: no yield, kind: any_missing, columns: [yield_kg]}"


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        (FILTER, "  - {name: a, drop: soil == 1}", ("soil == 1",)),
        (FILTER, "  - {name: a, drop: 2 != soil}", ("2 != soil",)),
        (FILTER, "  - {name: a, drop: cut == '1'}", ("cut == '1'",)),
        (FILTER, "  - {name: a, drop: soil == 'clay'}", ("'soil'", "'clay'")),
        (FILTER, "  - {name: a, drop: \"'01' == soil\"}", ("'soil'", "'01'")),
        ("filters:", "rules: [{name: r, must: cut == 0, when: soil == 1}]\nfilters:",
         ("'r'", "soil == 1")),
        ("filters:", "rules:\n  - {name: r, must: soil != 's'}\nfilters:", ("'soil'", "'s'")),
        (FILTER, f"  - {{name: a, drop: {'+'.join(['cut'] * 900)} > 0}}", ("cut+cut+cut",)),
        (FILTER, f"  - {{name: a, drop: {'-' * 900}cut > 0}}", ("---",)),
        (FILTER, f"  - {{name: a, drop: {'(' * 5000}cut{')' * 5000} > 0}}", ("(((",)),
        ("columns: [girth, area]", "columns: [girth, area, girth]", ("'girth'",)),
        ("columns: [soil]}", "columns: [soil], codes: ['1', '1']}", ("'1'",)),
        ("pests, title: Pests, kind: code_list, role: feature",
         "pests, title: Pests, kind: code_list, role: group", ("columns.3", "'code_list'")),
    ],
)  # fmt: skip
def test_a_formula_or_a_block_that_would_fail_later_is_refused(tmp_path, old, new, names):
    assert old in CODED
    assert_refused(tmp_path / "bad.yaml", CODED.replace(old, new, 1), names)


def test_a_formula_knows_what_it_uses_and_which_rows_lack_it():
    rule = Formula("a + 2 * b > year(d) or soil == 's'")
    assert rule.columns == ("a", "b", "d", "soil")
    assert rule.compared == (("soil", "s"),)
    columns = {
        "a": np.array([1.0, np.nan, 1.0, 1.0]),
        "b": np.array([1.0, 1.0, 1.0, 1.0]),
        "d": np.array(["2000-01-01", "2000-01-01", "NaT", "2000-01-01"], dtype="datetime64[D]"),
        "soil": np.array(["s", "s", "s", np.nan], dtype=object),
    }
    assert rule.unknown(columns).tolist() == [False, True, True, True]


def test_a_formula_is_written_as_it_was_read():
    text = OTHER.replace("formula: 3.14159", 'legacy: " girth*2 ", formula: 3.14159').replace(
        FILTER,
        "  - {name: a, drop: girth>1}\nrules:\n  - {name: r, must: 'cut  == 1', when: girth > 2}",
    )
    orchard = Schema.model_validate(parse_yaml(text, "t"))
    for plain in (orchard.model_dump(), json.loads(orchard.model_dump_json())):
        assert plain["derived"][0]["formula"] == "3.14159 * (girth / 6.28318) ** 2"
        assert plain["derived"][0]["legacy"] == " girth*2 "
        assert (plain["rules"][0]["must"], plain["rules"][0]["when"]) == ("cut  == 1", "girth > 2")
        assert plain["filters"][0]["drop"] == "girth>1"
        assert Schema.model_validate(plain) == orchard
    assert pickle.loads(pickle.dumps(orchard)) == orchard


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(girth / 6.28318)", "girth /"),
        ("kind: any_missing, columns: [yield_kg]", "drop: girth >"),
    ],
)
def test_a_formula_that_cannot_be_read_is_refused_with_its_place(old, new):
    with pytest.raises(ValidationError, match="cannot be read") as refused:
        Schema.model_validate(parse_yaml(OTHER.replace(old, new), "t"))
    assert refused.value.errors()[0]["loc"] in {("derived", 0, "formula"), ("filters", 0, "drop")}


def test_codes_in_quotes_are_compared_in_filters_and_rules(tmp_path):
    text = CODED.replace(FILTER, "  - {name: sand, drop: soil == '2'}").replace(
        "filters:", "rules:\n  - {name: cut on clay, when: soil == '1', must: cut == 1}\nfilters:"
    )
    (tmp_path / "orchard.yaml").write_text(text)
    rows = ["Tree,Soil,Girth,Pests,Yield,Cut", "t1,1,31,a,12,0", "t2,2,62,,30,0", "t3,1,44,m,9,1"]
    (tmp_path / "trees.csv").write_text("\n".join(rows))
    cohort = load_cohort(tmp_path / "trees.csv", load_schema(tmp_path / "orchard.yaml"))
    assert cohort.rows.tolist() == [0, 2]
    assert [(found.problem, found.count) for found in cohort.findings] == [
        ("against the rule 'cut on clay'", 1)
    ]


def test_a_column_may_be_called_like_a_function():
    columns = {"year": np.array([1999.0, 2001.0]), "log": np.array([1.0, np.e])}
    assert Formula("year - 1 + log(log)").columns == ("year", "log")
    assert Formula("year - 1 + log(log)").evaluate(columns).tolist() == [1998, 2001]
    text = OTHER.replace("name: Girth, english: girth", "name: Girth, english: year")
    schema = Schema.model_validate(parse_yaml(text.replace("girth", "year"), "t"))
    assert list(input_schema(schema, "all").read) == ["tree", "soil", "year", "pests"]
    leaking = text.replace("yield_kg", "log").replace("* (girth", "* log * (year")
    with pytest.raises(ValueError, match="feature set 'all' names 'area'"):
        Schema.model_validate(parse_yaml(leaking.replace("girth", "year"), "t"))


def test_a_name_with_an_accent_is_no_chinese_title():
    text = OTHER.replace("{name: Girth, english: girth", "{name: Größe, english: girth")
    assert Schema.model_validate(parse_yaml(text, "t")).second_titles == {}


def test_titles_may_be_in_any_language():
    german = OTHER.replace("title: Girth,", "title: Girth, titles: {de: Umfang, zh: 周長},")
    orchard = Schema.model_validate(parse_yaml(german, "t"))
    assert orchard.second_language == "de"
    assert orchard.second_titles == {"girth": "Umfang"}
    short = Schema.model_validate(parse_yaml(german.replace("de: Umfang, ", ""), "t"))
    long = Schema.model_validate(
        parse_yaml(OTHER.replace("title: Girth,", "title: Girth, title_zh: 周長,"), "t")
    )
    assert short == long
    assert short.second_titles == {"girth": "周長"}


@pytest.mark.parametrize(
    ("titles", "written"),
    [
        ("title_zh: 周長", {"title_zh": "周長"}),
        ("titles: {zh: 周長}", {"title_zh": "周長"}),
        ("titles: {de: Umfang, zh: 周長}", {"titles": {"de": "Umfang", "zh": "周長"}}),
        ("title_zh: Girth", {}),
        ("title_zh: ''", {}),
    ],
)
def test_titles_are_written_so_that_earlier_versions_read_chinese(titles, written):
    text = OTHER.replace("title: Girth,", f"title: Girth, {titles},")
    orchard = Schema.model_validate(parse_yaml(text, "t"))
    plain = orchard.model_dump(mode="json", exclude_defaults=True)
    (girth,) = [column for column in plain["columns"] if column["name"] == "Girth"]
    assert {key: girth[key] for key in girth if key in ("titles", "title_zh")} == written
    assert Schema.model_validate(plain) == orchard


@pytest.mark.parametrize("titles", ["{en: Girth}", "{German: Umfang}", "[Umfang]", "{de: [a]}"])
def test_titles_that_cannot_be_are_refused(titles):
    text = OTHER.replace("title: Girth,", f"title: Girth, titles: {titles},")
    with pytest.raises(ValueError, match="titles"):
        Schema.model_validate(parse_yaml(text, "t"))


@pytest.mark.parametrize("when", ["soil != 3", "not (soil == 3)", "missing(soil) or soil < 3"])
def test_a_rule_is_silent_in_a_row_that_lacks_a_column_of_it(when):
    rule = Rule(name="r", must="girth > 10", when=when)
    nan = np.nan
    columns = {"soil": np.array([1, nan, 1, nan, 3]), "girth": np.array([5, 5, nan, nan, 5])}
    assert rule.broken(columns).tolist() == [True, False, False, False, False]
