"""A drafted schema reads its own table, and reveals no free text of it."""

import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hemomodel.cohort.cohort import load_cohort
from hemomodel.errors import InputError
from hemomodel.schema.schema import Schema, load_schema
from hemomodel.schema.strict_yaml import parse_yaml
from hemomodel.tables.schema_inference import infer_schema
from tests.support.paths import ROOT

DATA = ROOT.parent / "shared" / "data"
N = 24
ROW = np.arange(N)
TABLE = pd.DataFrame({
    "Patient ID": 100 + ROW // 2,
    "Seen": [f"2024-01-{day:02d}" for day in 1 + ROW],
    "Smoker": np.where(ROW % 3, "No", "Yes"),
    "Ward": np.array(["north", "south", "1.0", "null"])[ROW % 4],
    "Letter": [f"Dear colleague {i}" for i in ROW],
    "血紅素 (g/dl)": 9 + ROW / 7,
    "Stage": 1 + ROW % 4,
    "Falls": (ROW * 7) % 12,
    "Bili": np.exp(ROW**2 / 100),
    "class": np.where(ROW % 2, 0.5, 1),
    "Empty": np.nan,
    "Site": "Taipei",
})  # fmt: skip


@pytest.fixture
def path(tmp_path):
    TABLE.to_csv(tmp_path / "visits.csv", index=False)
    return tmp_path / "visits.csv"


def drafted(path, **options):
    return Schema.model_validate(parse_yaml(infer_schema(path, **options), "draft"))


def test_each_column_is_what_it_reads_as(path):
    schema = drafted(path, tasks=["Stage"])
    found = {c.name: (c.english, c.kind, c.role) for c in schema.columns}
    assert found == {
        "Patient ID": ("patient_id", "text", "group"),
        "Seen": ("seen", "date", "feature"),
        "Smoker": ("smoker", "flag", "feature"),
        "Ward": ("ward", "category", "feature"),
        "Letter": ("letter", "text", "ignored"),
        "血紅素 (g/dl)": ("column_6", "number", "feature"),
        "Stage": ("stage", "number", "task"),
        "Falls": ("falls", "number", "feature"),
        "Bili": ("bili", "number", "feature"),
        "class": ("column_10", "number", "feature"),
        "Empty": ("empty", "text", "ignored"),
        "Site": ("site", "text", "ignored"),
    }
    assert tuple(schema.read["ward"].codes) == ("1", "north", "south")


@pytest.mark.parametrize(
    ("name", "kind", "levels"),
    [
        ("Smoker", "binary", (0.0, 1.0)),
        ("class", "binary", (0.5, 1.0)),
        ("Ward", "classification", ("1", "north", "south")),
        ("Stage", "ordinal", (1.0, 2.0, 3.0, 4.0)),
        ("Falls", "regression", ()),
        ("Bili", "regression", ()),
    ],
)
def test_a_task_is_what_its_values_are(path, name, kind, levels):
    (task,) = drafted(path, tasks=[name]).tasks
    assert (task.kind, task.levels) == (kind, levels)


def test_names_for_the_code_leave_units_out_where_they_stay_apart(tmp_path):
    headers = ["Kt/V", "Kt/V (Gotch)", "Na (meq/l)", "column 5", "體重 (kg)", "Kt/V [Gotch]", "y"]
    table = pd.DataFrame({name: np.arange(30) / 7 + place for place, name in enumerate(headers)})
    table.to_csv(tmp_path / "t.csv", index=False)
    names = [column.english for column in drafted(tmp_path / "t.csv", tasks=["y"]).columns]
    assert names == ["kt_v", "kt_v_gotch", "na", "column_5", "column_5_", "column_6", "y"]


def test_what_to_look_at_stands_beside_the_column(path):
    lines = infer_schema(path, tasks=["Falls", "Bili", "Ward"]).splitlines()
    notes = {
        line.split(",")[0].split(": ")[1]: line.partition("  # ")[2]
        for line in lines
        if "- {name" in line
    }
    assert notes["Stage"] == "4 values; is it a category?"
    assert notes["Falls"] == "whole numbers; if they count something: kind: count"
    assert notes["Bili"] == "a long tail upwards; add transform: log?"
    assert notes["Ward"].startswith("if the codes have an order")
    assert notes["Letter"].startswith("24 texts")
    assert notes["Smoker"] == ""


@pytest.mark.parametrize(
    ("header", "values", "role"),
    [
        ("病歷號", 5_000_000 + 7 * ROW, "id"),
        ("chart_no", 31 * (ROW // 2), "group"),
        ("Patient No.", 5_000_000 + 7 * ROW, "id"),
        ("Case number", 3 * (ROW // 3), "group"),
        ("身分證字號", [f"A{place}" for place in ROW], "id"),
        ("bed", 5_000_000 + 7 * ROW, "ignored"),
        ("Platelet", 200 + ROW * 10 // 11, "feature"),
        ("檢體編號", 900 + ROW, "ignored"),
        ("patient_age", 30 + ROW % 12, "feature"),
        ("visit_no", ROW % 5, "feature"),
        ("ward code", np.array(["a", "b", "c"])[ROW % 3], "feature"),
    ],
)
def test_a_number_of_a_person_is_no_feature(tmp_path, header, values, role):
    TABLE.drop(columns="Patient ID").assign(**{header: values}).to_csv(
        tmp_path / "t.csv", index=False
    )
    schema = drafted(tmp_path / "t.csv", tasks=["Stage"])
    assert {c.name: c.role for c in schema.columns}[header] == role
    if role == "ignored":
        assert "looks like an identifier" in infer_schema(tmp_path / "t.csv", tasks=["Stage"])


def test_one_column_is_the_group_and_no_other_number_of_a_person_is_learned_from(path):
    TABLE.assign(MRN=7 * (ROW // 2), person=ROW // 3).to_csv(path, index=False)
    for options, group in (({}, "Patient ID"), ({"group": "person"}, "person")):
        roles = {c.name: c.role for c in drafted(path, tasks=["Stage"], **options).columns}
        assert [name for name, role in roles.items() if role == "group"] == [group]
        names = {"Patient ID", "MRN", "person"} - {group}
        assert {roles[name] for name in names} == {"ignored"}


def test_whole_numbers_that_differ_from_row_to_row_may_be_a_task(path):
    TABLE.assign(bed=5_000_000 + 7 * ROW).to_csv(path, index=False)
    assert drafted(path, tasks=["bed"]).tasks[0].kind == "regression"


def test_the_name_of_the_file_stays_out_of_the_draft(tmp_path):
    TABLE.to_csv(tmp_path / "王小明.csv", index=False)
    text = infer_schema(tmp_path / "王小明.csv", tasks=["Stage"])
    assert "王小明" not in text
    schema = Schema.model_validate(parse_yaml(text, "draft"))
    assert (schema.name, schema.title) == ("table", "My table")


def test_a_draft_without_tasks_says_what_to_add(path):
    text = infer_schema(path)
    assert "No task yet" in text
    with pytest.raises(ValueError, match="at least one column of role 'task'"):
        Schema.model_validate(parse_yaml(text, "draft"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ["stage"]}, "has no column 'stage'; did you mean 'Stage'?"),
        ({"tasks": ["Stage", "Stage"]}, "'Stage' is named twice"),
        ({"tasks": ["Stage"], "group": "Stage"}, "'Stage' is named twice"),
        ({"tasks": ["Letter"]}, r"column 'Letter' cannot be a task \(24 texts"),
        ({"tasks": ["Empty"]}, r"cannot be a task \(no value\)"),
        ({"tasks": ["Site"]}, r"cannot be a task \(one value in all rows\)"),
        ({"tasks": ["Seen"]}, "cannot be a task"),
        ({"group": "Nobody"}, "has no column 'Nobody'; give a header"),
        (
            {"tasks": ["Smoker", "Ward", "血紅素 (g/dl)", "Stage", "Falls", "Bili", "class"]},
            "name fewer tasks",
        ),
    ],
)
def test_what_cannot_be_drafted_is_refused(path, options, message):
    with pytest.raises(InputError, match=message):
        infer_schema(path, **options)


def test_two_columns_of_one_name_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,a\n1,2,3\n")
    with pytest.raises(InputError, match="2 columns are called 'a'"):
        infer_schema(tmp_path / "t.csv")


def test_no_text_of_a_person_stands_in_a_draft(path):
    text = infer_schema(path, tasks=["Stage"])
    assert not [cell for cell in TABLE["Letter"] if cell in text]
    assert "Taipei" not in text
    assert "2024-01-05" not in text
    assert "105" not in text


headers = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=9)
column = st.one_of(
    *(
        st.tuples(st.just(values), st.integers(0, 2**16))
        for values in (
            ["Yes", "No"],
            ["a", "b: c", "#d", "null", "'", "1.0", "2009_10"],
            [0, 1],
            [1, 2, 3],
            [0.1, 2.5, 1e-7, 3, -4.25, 1e30, 17, 6, 12, 13, 15, 19],
            ["2020-01-01", "1999/2/3"],
            ["45/6/7", "78/1/2"],
            ["T", "f", "maybe"],
            ["陽性", "陰性"],
            [f"text {i}" for i in range(30)],
        )
    )
)


@given(
    columns=st.lists(column, min_size=2, max_size=6),
    names=st.lists(headers, min_size=6, max_size=6),
    missing=st.floats(0, 0.6),
    asked=st.sets(st.integers(0, 5), min_size=1, max_size=3),
    suffix=st.sampled_from([".csv", ".parquet"]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_draft_loads_its_table(tmp_path_factory, columns, names, missing, asked, suffix):
    path = tmp_path_factory.getbasetemp() / f"drafted{suffix}"
    table = pd.DataFrame(index=range(40))
    for place, (values, seed) in enumerate(columns):
        rng = np.random.default_rng(seed)
        cells = rng.choice(np.array(values, dtype=object), 40)
        cells[rng.random(40) < missing] = None
        table[names[place] or f"c{place}"] = cells
    table.to_csv(path, index=False) if suffix == ".csv" else table.to_parquet(path)
    plain = [unicodedata.normalize("NFKC", name) for name in table]
    tasks = [" ".join(plain[place].split()) for place in asked if place < table.shape[1]]
    try:
        text = infer_schema(path, tasks=tasks)
    except InputError:
        return
    if tasks:
        cohort = load_cohort(path, Schema.model_validate(parse_yaml(text, "draft")))
        assert 0 < len(cohort) <= 40
        assert [task.title for task in cohort.schema.tasks] == [
            column.name for column in cohort.schema.columns if column.role == "task"
        ]


@pytest.mark.parametrize(
    ("file", "tasks", "group"),
    [
        ("pbcseq.csv", ["ascites", "hepato", "edema", "bili", "stage"], "id"),
        ("jura.arff", ["Rock=1", "Cd", "Co"], None),
        ("nhanes_adults.csv", ["Diabetes", "HealthGen", "BPSysAve", "TotChol"], None),
    ],
)
def test_a_draft_loads_a_real_table(tmp_path, file, tasks, group):
    if not (DATA / file).is_file():
        pytest.skip(f"{file} is not on this machine")
    (tmp_path / "draft.yaml").write_text(infer_schema(DATA / file, tasks=tasks, group=group))
    cohort = load_cohort(DATA / file, load_schema(tmp_path / "draft.yaml"))
    assert len(cohort.schema.tasks) == len(tasks)
    assert (cohort.groups is None) == (group is None)
    assert not np.isnan(cohort.labels).any()
