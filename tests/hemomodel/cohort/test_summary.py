"""The summary of a table: numbers, shares, Table 1 of a paper, the ledger."""

import json

import numpy as np
import pandas as pd
import pytest

from hemomodel.cohort.cohort import load_cohort
from hemomodel.cohort.summary import (
    CohortSummary,
    attrition_table,
    category_summary,
    finding_table,
    missingness,
    number_summary,
    summarize_file,
    table_one,
)
from hemomodel.cohort.synthetic.cohort import synthetic_workbook
from hemomodel.schema.schema import load_schema
from hemomodel.tables.output_files import write_table

SCHEMA = load_schema()


@pytest.fixture(scope="module")
def description(tmp_path_factory) -> CohortSummary:
    path = tmp_path_factory.mktemp("described") / "HD.csv"
    table, _ = synthetic_workbook(465, seed=3)
    write_table(table, path)
    return summarize_file(path)


def test_the_cohort_is_the_loaded_one(description):
    loaded = load_cohort(description.source)
    assert description.cohort.digest == loaded.digest
    assert description.cohort.findings == loaded.findings
    assert [len(table) for table in description.groups.values()] == [465, 229]


def test_numbers_are_those_of_pandas(description):
    kept = description.cohort.table
    frame = number_summary(SCHEMA, kept).set_index("variable")
    assert frame.loc["ctr", "missing"] == kept["ctr"].isna().sum()
    assert frame.loc["pre_weight", "mean"] == pytest.approx(kept["pre_weight"].mean())
    assert frame.loc["age", ["q1", "median", "q3"]].tolist() == pytest.approx(
        np.percentile(kept["age"], [25, 50, 75])
    )
    assert {"blood_flow", "dialysate_flow"} <= set(frame.index)
    assert "session_time" not in frame.index


def test_each_task_with_levels_adds_up_to_its_known_rows(description):
    frame = category_summary(SCHEMA, description.all_rows)
    for task in SCHEMA.tasks:
        rows = frame[frame["variable"] == task.name]
        assert len(rows) == len(task.levels)
        if task.levels:
            assert rows["count"].sum() == description.all_rows[task.name].notna().sum()
            assert rows["share"].sum() == pytest.approx(1)


def test_codes_of_a_list_are_counted_over_the_rows_that_have_one(description):
    kept = description.cohort.table
    rows = category_summary(SCHEMA, kept)
    diabetes = rows[rows["label"] == "diabetes"].iloc[0]
    assert diabetes["known"] == 223
    assert diabetes["count"] == (kept["comorbidity_22"] == 1).sum()


def test_table_one_writes_as_a_paper_does(description):
    kept = description.cohort.table
    table = table_one(SCHEMA, description.groups)
    cell = table.set_index(["variable", "level"])["kept"]
    age, years = kept["age"], kept["treatment_year"].quantile([0.5, 0.25, 0.75])
    assert cell["age", "mean ± SD"] == f"{age.mean():.1f} ± {age.std():.1f}"
    assert cell["treatment_year", "median (IQR)"] == "{:g} ({:g}–{:g})".format(*years)
    women = (kept["gender"] == "2").sum()
    assert cell["gender", "female"] == f"{women} ({women / 229:.1%})"
    assert cell["duration", "median (IQR)"] == "240 in all"
    assert table["section"].drop_duplicates().tolist() == [
        "Patient", "Prescription", "Laboratory and session",
    ]  # fmt: skip


def test_table_one_leaves_rare_codes_out(description):
    full = table_one(SCHEMA, description.groups)
    short = table_one(SCHEMA, description.groups, rare=0.05)
    full, short = (rows[rows["variable"] == "comorbidities"] for rows in (full, short))
    gone = set(full["level"]) - set(short["level"])
    assert (full["variable"] == "comorbidities").sum() == 33
    counted = category_summary(SCHEMA, description.cohort.table)
    counted = counted[counted["label"].isin(full["level"])].set_index("label")["share"]
    assert gone == set(counted.index[counted < 0.05])
    assert {"AIDS", "metastasis"} <= gone
    assert "diabetes" not in gone


def test_a_group_without_known_values_shows_a_dash(description):
    nothing = description.all_rows.assign(modality=np.nan, ctr=np.nan)
    table = table_one(SCHEMA, {"nothing": nothing}).set_index("variable")["nothing"]
    assert (table["modality"] == "-").all()
    assert table["ctr"] == "-"


def test_missing_values_are_counted_and_sorted(description):
    frame = missingness(SCHEMA, description.groups)
    assert frame["kept"].is_monotonic_decreasing
    row = frame.set_index("variable").loc["comorbidities"]
    assert row["kept"] == 6
    assert row["kept share"] == pytest.approx(6 / 229)
    assert "age" not in set(frame["variable"])


def test_ledger_and_findings_are_those_of_the_cohort(description):
    cohort = description.cohort
    assert attrition_table(cohort)["left"].tolist() == [465, 286, 241, 238, 237, 229]
    assert finding_table(cohort)["count"].tolist() == [found.count for found in cohort.findings]


def test_json_keeps_everything(description):
    data = json.loads(json.dumps(description.to_dict(), allow_nan=False))
    assert data["attrition"]["kept"] == 229
    assert data["digest"] == description.cohort.digest
    kept = pd.DataFrame(data["numbers"]["kept"]).set_index("variable")
    mean = description.cohort.table["pre_weight"].mean()
    assert kept.loc["pre_weight", "mean"] == pytest.approx(mean)


def test_any_table_is_described_in_its_own_words(tmp_path):
    text = """
name: apples
title: Apples
columns:
  - {name: colour, kind: category, role: feature, codes: [red, green]}
  - {name: Sort, kind: one_hot, role: feature, codes: {a: early, b: late}}
  - {name: Worm, kind: flag, role: context}
  - {name: ripe, kind: flag, role: task, codes: {1: soft}, task: {kind: binary}}
"""
    (tmp_path / "apples.yaml").write_text(text)
    (tmp_path / "apples.csv").write_text(
        "colour,a,b,Worm,ripe\nred,1,0,no,1\ngreen,0,1,yes,0\nred,0,1,,1\n"
    )
    schema = load_schema(tmp_path / "apples.yaml")
    described = summarize_file(tmp_path / "apples.csv", schema)
    table = table_one(schema, described.groups).set_index(["section", "title", "level"])["kept"]
    assert table.to_dict() == {
        ("Categories", "colour", "red"): "2 (66.7%)",
        ("Categories", "colour", "green"): "1 (33.3%)",
        ("Categories", "Sort", "early"): "1 (33.3%)",
        ("Categories", "Sort", "late"): "2 (66.7%)",
        ("Tasks", "ripe", "no"): "1 (33.3%)",
        ("Tasks", "ripe", "soft"): "2 (66.7%)",
        ("Numbers and context", "Worm", "no"): "1 (50.0%)",
        ("Numbers and context", "Worm", "yes"): "1 (50.0%)",
    }
    assert json.dumps(described.to_dict(), allow_nan=False)
