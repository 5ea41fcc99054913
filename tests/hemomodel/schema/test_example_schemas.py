"""The schema files next to the settings are valid and describe their tables correctly."""

import re

import numpy as np
import pandas as pd
import pytest

from hemomodel import FitConfig, Replicates, fit
from hemomodel.cohort.cohort import load_cohort
from hemomodel.dataset.preprocessor import feature_names
from hemomodel.schema.schema import Schema, load_schema
from hemomodel.schema.strict_yaml import parse_yaml
from tests.support.paths import ROOT

SCHEMAS = ROOT / "configs" / "schemas"
DATA = ROOT.parent / "shared" / "data"
TABLES = {"pbcseq": "pbcseq.csv", "jura": "jura.arff", "nhanes": "nhanes_adults.csv"}
KEPT = {"pbcseq": (1881, 1945), "jura": (359, 359), "nhanes": (3868, 4654)}


@pytest.fixture(params=TABLES)
def name(request):
    if not (DATA / TABLES[request.param]).is_file():
        pytest.skip(f"{TABLES[request.param]} is not on this machine")
    return request.param


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_schema_is_valid_and_has_titles_in_both_languages(path):
    schema = load_schema(path)
    assert schema.name == path.stem
    assert all(task.second_title for task in schema.tasks)
    assert len(set(feature_names(schema))) == len(feature_names(schema))


def test_the_schema_beside_the_settings_is_the_built_in_one():
    assert load_schema(SCHEMAS / "hemodialysis.yaml") == load_schema()


def test_the_examples_in_the_docs_are_valid():
    page = (ROOT / "docs" / "your-table.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    first, second, third = (parse_yaml(text, "docs") for text in blocks)
    second["feature_sets"] |= third["feature_sets"]
    names = ["height", "weight", "age", "systolic", "diastolic"]
    numbers = [{"name": name, "kind": "number", "role": "feature"} for name in names]
    columns = [*first, *second.pop("columns"), *numbers]
    schema = Schema.model_validate({"name": "docs", "title": "Docs", "columns": columns, **second})
    assert [task.kind for task in schema.tasks] == ["ordinal", "regression"]
    assert feature_names(schema) == ("rock_argovian", "rock_sequanian", "age", "bmi")
    bins = [f"bmi_bin{place}" for place in (1, 2, 3, 4)]
    marks = ["age_missing", "bmi_missing"]
    expected = ("age", "bmi", *marks, "age_rank", "bmi_rank", *bins)
    assert feature_names(schema, "encoded") == expected


def test_the_real_table_loads(name):
    schema = load_schema(SCHEMAS / f"{name}.yaml")
    complete, partial = (
        load_cohort(DATA / TABLES[name], schema, labels=labels)
        for labels in ("complete", "partial")
    )
    assert (len(complete), len(partial)) == KEPT[name]
    assert not np.isnan(complete.labels).any()
    assert (~np.isnan(partial.labels)).any(axis=1).all()
    for place, task in enumerate(schema.tasks):
        if task.levels:
            assert set(complete.labels[:, place]) == set(range(len(task.levels)))


def test_labels_are_what_another_reader_finds():
    path = DATA / TABLES["pbcseq"]
    if not path.is_file():
        pytest.skip(f"{path.name} is not on this machine")
    raw, cohort = (
        pd.read_csv(path),
        load_cohort(path, load_schema(SCHEMAS / "pbcseq.yaml"), labels="partial"),
    )
    found = pd.DataFrame(cohort.labels, columns=[task.name for task in cohort.schema.tasks])
    np.testing.assert_allclose(found["bilirubin"], np.log(raw["bili"]))
    np.testing.assert_array_equal(found["edema"], raw["edema"] * 2)
    np.testing.assert_array_equal(found["stage"], raw["stage"] - 1)
    np.testing.assert_array_equal(found["ascites"], raw["ascites"])
    assert len(set(zip(cohort.groups, raw["id"], strict=True))) == raw["id"].nunique()


def test_the_real_table_trains(name):
    cohort = load_cohort(
        DATA / TABLES[name], load_schema(SCHEMAS / f"{name}.yaml"), labels="partial"
    )
    config = FitConfig(hidden=(16, 8), epochs=max(2, 6000 // len(cohort)), lr=3e-3)
    run = fit(config, cohort, Replicates(folds=3, seeds=1))
    assert run.scores.isfinite().all()
    assert run.scores.mean() > 0
