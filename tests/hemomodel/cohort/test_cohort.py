import re
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hemomodel.cohort.cohort import build_cohort
from hemomodel.cohort.sessions import parse_sessions
from hemomodel.errors import InputError
from hemomodel.tables.readers import read_frame


def changed(table: pd.DataFrame, column: str, row: int, value: object) -> pd.DataFrame:
    table = table.astype(object)
    table.iloc[row, table.columns.get_loc(column)] = value
    return table


@pytest.fixture
def load(schema):
    return lambda table, **options: build_cohort(table, schema, source="t", **options)


def test_cells_become_what_the_schema_says(workbook, load):
    table = changed(workbook(5), "開始治療日期", 0, pd.Timestamp("2004-05-06"))
    table = changed(table, "生日", 0, "5/12/3")
    table = changed(table, "血液流速 (ml/min)", 0, " 287.5 ")
    table = changed(table, "性別", 0, "2.0")
    table = changed(table, "合併症", 0, "33-0-14")
    table = changed(table, "合併症", 1, 7.0)
    table = changed(table, "合併症", 2, None)
    table = changed(table, "P (mg/dl)", 0, "")
    row = load(table).table.iloc[0]
    assert (row["age"], row["treatment_year"]) == (2019 - 1916, 15)
    assert (row["blood_flow"], row["gender"]) == (287.5, "2")
    assert np.isnan(row["phosphorus"])
    flags = load(table).table.filter(regex=r"^comorbidity_\d+$")
    assert flags.shape == (5, 33)
    assert flags.columns[flags.iloc[0] == 1].tolist() == ["comorbidity_14", "comorbidity_33"]
    assert flags.columns[flags.iloc[1] == 1].tolist() == ["comorbidity_7"]
    assert flags.iloc[2].isna().all()
    assert (load(table).table["comorbidity_7"] >= 0).tolist() == [True, True, False, True, True]


def test_labels_are_levels_and_flows(workbook, load):
    table = changed(workbook(5), "透析器表面積 (m^2)", 3, np.float32(1.3))
    cohort = load(table)
    tasks = cohort.schema.tasks
    for place, task in enumerate(tasks):
        values = cohort.table[task.column].to_numpy()
        read = np.array(task.levels)[cohort.labels[:, place].astype(int)] if task.levels else values
        expected = values if task.levels == () else read
        np.testing.assert_allclose(values, expected, rtol=1e-6)
    np.testing.assert_array_equal(cohort.labels[:, 4], cohort.table["blood_flow"])
    assert cohort.labels[3, [task.name for task in tasks].index("surface_area")] == 0


def test_the_legacy_age_is_three_years_too_high(workbook, load):
    true, legacy = load(workbook(5)), load(workbook(5), switches=["legacy_age"])
    np.testing.assert_array_equal(legacy.table["age"] - true.table["age"], 3)
    np.testing.assert_array_equal(legacy.table["treatment_year"], true.table["treatment_year"])
    assert true.digest != legacy.digest


def test_rows_of_one_record_are_one_group_and_a_row_without_a_number_stands_alone(workbook, load):
    table = changed(changed(workbook(6), "ID", 3, 9000001), "ID", 4, None)
    table = changed(table, "ID", 5, None)
    cohort = load(table)
    assert cohort.groups.tolist() == [0, 1, 2, 1, 3, 4]
    assert not any("id" in block.columns for block in cohort.schema.feature_sets["pretreatment"])


def test_the_digest_follows_the_content(workbook, load):
    table = workbook(5)
    turned = table[table.columns[::-1]].assign(note="x")
    assert load(turned).digest == load(table).digest
    assert load(changed(table, "K (meq/l)", 2, 4.4567)).digest != load(table).digest


def test_a_table_without_a_prescription_can_be_parsed(workbook, schema):
    table = workbook(3).drop(columns=[c.written for c in schema.columns if c.role == "task"])
    sheet = read_frame(table, schema, source="t", tasks=False)
    assert np.isnan(parse_sessions(sheet, schema).labels).all()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("血液流速 (ml/min)", "fast", "'fast' is not a number"),
        ("血液流速 (ml/min)", True, "'True' is not a number"),
        ("血液流速 (ml/min)", np.inf, "'inf' is not a number"),
        ("血液流速 (ml/min)", "2_5", "'2_5' is not a number"),
        ("血液流速 (ml/min)", 501, "'501' is outside 50 to 500 mL/min"),
        ("K (meq/l)", 0.9, "'0.9' is outside 1.5 to 10 mEq/L"),
        ("Cardiac/thoracic ratio (%)", 1.4, "'1.4' is outside 0.25 to 0.95"),
        ("性別", 3, "'3' is not one of the declared codes: 1 (male), 2 (female)"),
        ("HBsAg", "P", "'P' is not one of the declared codes: N"),
        ("抗凝劑", 9, "'9' is not one of the declared codes: 0 (none), 1 (heparin)"),
        (
            "抗凝劑",
            3,
            "'3' is not a level of task 'anticoagulant' (0, 1, 2);",
        ),
        ("初劑量 (U)", 700, "'700' is not a level of task 'initial_dose' (0, 300, 500,"),
        ("合併症", "3-34", "'3-34'"),
        ("合併症", "3--4", "'3--4'"),
        ("生日", "45/2/30", "'45/2/30' is not a date yy/m/d"),
        ("生日", pd.Timestamp("1950-01-02"), "'1950-01-02 00:00:00' is not a date yy/m/d"),
        ("生日", "0/1/1", "'0/1/1' is not a date yy/m/d"),
        ("開始治療日期", "2010/13/1", "'2010/13/1' is not a date yyyy/m/d"),
        ("開始治療日期", 40179, "'40179' is not a date yyyy/m/d"),
        ("開始治療日期", "2021/1/1", "'2021/1/1' gives years on dialysis outside 0 to 80 years"),
        ("PlanDate", 20191301.0, "'20191301.0' is not a date yyyymmdd"),
    ],
)
def test_a_bad_cell_is_refused_by_column_row_and_value(workbook, load, column, value, message):
    table = changed(workbook(5), column, 3, value)
    with pytest.raises(InputError, match=re.escape(f"t: column '{column}', row 5: {message}")):
        load(table)


def test_a_bad_cell_is_refused_in_a_row_that_a_filter_removes(workbook, load):
    table = workbook(5).astype(object)
    table.loc[2, "PlanDate":] = np.nan
    with pytest.raises(InputError, match="row 4: '4' is not one of the declared codes"):
        load(changed(table, "性別", 2, 4))


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("本次透析後BUN (mg/dl)", 99, "BUN falls during dialysis"),
        ("透析後體重(kg)", 90, "fluid removed is -0.05 to 0.15 of the weight"),
        ("開始治療日期", "1939/4/15", "dialysis starts after birth"),
    ],
)
def test_a_row_that_cannot_be_is_refused(workbook, load, column, value, rule):
    table = changed(workbook(5), "生日", 3, "28/4/16")
    with pytest.raises(InputError, match=f"row 5 breaks the rule {rule!r}.*{value}"):
        load(changed(table, column, 3, value))


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("K (meq/l)", 8.1, "outside the plausible 2.5 to 7.5 mEq/L"),
        ("生日", "92/4/16", "age outside the plausible 18 to 100 years"),
        ("URR", 0.61, "against the rule 'URR is 1 - post/pre BUN'"),
        ("Kt/V (Gotch)", 0.95, "against the rule 'Kt/V (Gotch) is log(pre/post BUN)'"),
        ("TACurea", 61.0, "against the rule 'TACurea is the mean of pre and post BUN'"),
        ("nPCR", 1.71, "against the rule 'nPCR is 0.168"),
        ("Ca X P (mg2/dL2)", 70.0, "against the rule 'Ca X P is 2 x ionized calcium x P'"),
    ],
)
def test_an_implausible_cell_is_counted(workbook, load, column, value, problem):
    table = changed(workbook(5), "開始治療日期", 3, "2016/1/1")
    (finding,) = load(changed(table, column, 3, value)).findings
    assert (finding.column, finding.count, finding.row) == (column, 1, 5)
    assert finding.problem.startswith(problem)
    assert str(value) in finding.value
    assert str(finding).startswith(f"{column}: 1 row {problem}")


def test_a_prescription_against_itself_is_counted(workbook, load):
    table = workbook(8)
    table["抗凝劑"] = [0.0, 2.0, 1.0, 0.0, 0.0, 2.0, 1.0, 1.0]
    table["初劑量 (U)"] = [0.0, 500.0, 500.0, 300.0, np.nan, 0.0, 0.0, 300.0]
    table["維持劑量 (U/小時)"] = [0.0, 200.0, 300.0, 0.0, 400.0, 0.0, 0.0, 0.0]
    found = {finding.problem: (finding.count, finding.row) for finding in load(table).findings}
    assert found == {
        "against the rule 'no anticoagulant means no initial dose'": (1, 5),
        "against the rule 'no anticoagulant means no maintenance dose'": (1, 6),
        "against the rule 'low-molecular-weight heparin means no maintenance dose'": (1, 3),
    }


def test_a_percent_is_made_a_fraction_and_counted(workbook, load):
    table = changed(workbook(5), "Cardiac/thoracic ratio (%)", 3, 52.0)
    cohort = load(table)
    assert cohort.table.loc[3, "ctr"] == pytest.approx(0.52)
    assert [(f.count, f.row, f.value) for f in cohort.findings] == [(1, 5, "52.0")]
    assert "divided by 100" in cohort.findings[0].problem


cells = st.one_of(
    *(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(codec="utf-8"), max_size=6),
        st.dates(),
    ),
    *(st.datetimes(), st.decimals(), st.binary(max_size=4), st.complex_numbers()),
    st.lists(st.integers(), max_size=3),
    st.sampled_from(["0", "1-2", "45/6/7", "2001/2/3", "N", " ", "1e5", "\ud800", pd.NaT, pd.NA]),
)

# A cell may contain a lone surrogate; in a header, pandas does not support it.
headers = cells.filter(lambda value: not (isinstance(value, str) and "\ud800" in value))


def spoiled_table(draw, table: pd.DataFrame) -> pd.DataFrame:
    """Changes up to three cells and one header at random; drops and repeats some columns."""
    table = table.astype(object)
    rows, columns = (st.integers(0, size - 1) for size in table.shape)
    for _ in range(draw(st.integers(0, 3))):
        table.iloc[draw(rows), draw(columns)] = draw(cells)
    header = list(table.columns)
    if draw(st.booleans()):
        header[draw(columns)] = draw(st.one_of(headers, st.sampled_from(header)))
    kept = list(range(table.shape[1]))
    for _ in range(draw(st.integers(0, 2))):
        kept[draw(columns)] = draw(columns)
    return table.iloc[:, kept].set_axis([header[column] for column in kept], axis=1)


patient = settings(suppress_health_check=[HealthCheck.too_slow])


@given(data=st.data())
@settings(patient, max_examples=40)
def test_any_table_loads_or_is_refused(workbook, schema, loads_or_is_refused, data):
    table = spoiled_table(data.draw, workbook(4))
    loads_or_is_refused(lambda: build_cohort(table, schema, source="t"))


@pytest.mark.thorough
@given(data=st.data())
@settings(patient, max_examples=1000)
def test_any_table_of_a_thousand_loads_or_is_refused(workbook, schema, loads_or_is_refused, data):
    table = spoiled_table(data.draw, workbook(4))
    loads_or_is_refused(lambda: build_cohort(table, schema, source="t"))


@pytest.mark.thorough
def test_a_million_rows_are_read_within_a_minute(workbook, schema):
    table = workbook(1000)
    million = table.loc[np.tile(table.index, 1000)].reset_index(drop=True)
    million["ID"] = 9000000 + np.arange(len(million))
    start = time.perf_counter()
    assert len(build_cohort(million, schema, source="t")) == 1_000_000
    assert time.perf_counter() - start < 60
