import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemomodel.cohort.attrition import Attrition, Step, apply_filters
from hemomodel.cohort.cohort import build_cohort
from hemomodel.errors import InputError
from hemomodel.schema.entries import Filter

LABORATORY = [
    "W.B.C. (x1000/ul)", "Hbc (g/dl)", "Hct (%)", "MCV (fl)", "Platelet (x1000/ul)",
    "Creatinine (mg/dl)", "Na (meq/l)", "K (meq/l)", "離子鈣 (mg/dl)", "P (mg/dl)",
]  # fmt: skip


@pytest.fixture
def uneven(workbook) -> pd.DataFrame:
    """Ten rows: one for each rule to remove, one just inside each threshold, and two complete."""
    table = workbook(10).astype(object)
    table.iloc[0, table.columns.get_loc("PlanDate") :] = np.nan
    table.loc[1, "鉀離子濃度 (meq/L)"] = np.nan
    table.loc[2, "合併症"] = np.nan
    table.loc[3, LABORATORY] = np.nan  # ten of them
    table.loc[4, LABORATORY[1:]] = np.nan  # nine
    table.loc[5, "Kt/V"] = np.nan
    table.loc[6, "Kt/V"] = 1.2
    table.loc[7, "Kt/V"] = 1.2000001
    return table


def test_the_ledger_names_counts_and_orders_what_each_rule_removed(uneven, schema):
    cohort = build_cohort(uneven, schema, source="t")
    assert str(cohort.attrition).splitlines() == [
        "10 -> 9 -> 8 -> 7 -> 6 -> 5",
        " 1 removed: no treatment record",
        " 1 removed: incomplete prescription",
        " 1 removed: 10 or more missing features",
        " 1 removed: Kt/V missing",
        " 1 removed: Kt/V at most 1.2",
    ]
    assert cohort.rows.tolist() == [2, 4, 7, 8, 9]
    assert len(cohort) == len(cohort.table) == len(cohort.labels) == cohort.attrition.kept == 5


def test_comorbidities_can_be_required(uneven, schema):
    cohort = build_cohort(uneven, schema, source="t", switches=["require_comorbidities"])
    assert cohort.rows.tolist() == [4, 7, 8, 9]
    assert "1 removed: comorbidities missing" in str(cohort.attrition)


def test_the_ledger_is_plain_data(uneven, schema):
    ledger = build_cohort(uneven, schema, source="t").attrition.to_dict()
    assert json.loads(json.dumps(ledger)) == ledger
    assert ledger["start"] - sum(step["removed"] for step in ledger["steps"]) == ledger["kept"]
    assert ledger["steps"][0] == {"rule": "no treatment record", "removed": 1, "left": 9}


def test_without_filters_all_rows_stay():
    assert str(Attrition(7, ())) == "7"
    assert Attrition(7, (Step("a", 2, 5),)).kept == 5


def test_an_empty_cohort_is_refused_with_the_rule_that_emptied_it(uneven, schema):
    uneven["Kt/V"] = 1.1
    with pytest.raises(InputError, match=r"\(10 -> 10 .* -> 0\); 'Kt/V at most 1.2' removed"):
        build_cohort(uneven, schema, source="t")


def test_a_row_of_nothing_is_no_row(uneven, schema):
    gap = pd.DataFrame(index=[0], columns=uneven.columns, dtype=object)
    cohort = build_cohort(pd.concat([uneven[:3], gap, uneven[3:]]), schema, source="t")
    assert cohort.attrition.start == 10
    assert cohort.rows.tolist() == [2, 5, 8, 9, 10]


def test_rows_with_a_part_of_the_prescription_can_be_kept(uneven, schema):
    nothing = [column.written for column in schema.columns if column.role == "task"]
    uneven.loc[8, nothing] = np.nan
    cohort = build_cohort(uneven, schema, source="t", labels="partial")
    assert cohort.rows.tolist() == [1, 2, 4, 7, 9]
    assert "1 removed: no part of the prescription" in str(cohort.attrition)
    assert "incomplete prescription" not in str(cohort.attrition)
    assert np.isnan(cohort.labels).sum() == 1


def test_a_formula_drops_where_it_holds_and_spares_what_is_missing(workbook, schema):
    table = workbook(6).astype(object)
    table["Kt/V"] = [1.0, np.nan, 1.5, 1.5, 2.5, 2.5]
    table["性別"] = [1, 1, 2, np.nan, 1, 1]
    table.loc[4, "生日"] = np.nan
    for text, left in {
        "kt_v <= 1.2": [1, 2, 3, 4, 5],
        "missing(kt_v)": [0, 2, 3, 4, 5],
        "missing(kt_v) or kt_v > 2": [0, 2, 3],
        "gender == '1' and kt_v < 2": [1, 2, 3, 4, 5],
        "missing(gender) or missing(birth_date)": [0, 1, 2, 5],
        "age > 0": [4],
        "not missing(age)": [4],
        "comorbidity_7 == 1 and modality == 2": [0, 2, 3, 4, 5],
    }.items():
        rule = Filter(name="rule", drop=text)
        cohort = build_cohort(table, schema.model_copy(update={"filters": (rule,)}), source="t")
        assert cohort.rows.tolist() == left, text


def test_a_switch_the_schema_does_not_know_is_refused(workbook, schema):
    bare = schema.model_copy(update={"filters": (), "derived": ()})
    bare = bare.model_copy(update={"switches": {}})
    for name in ("require_comorbidities", "legacy_age"):
        with pytest.raises(InputError, match=rf"no switch '{name}'.* \(.*none\)"):
            build_cohort(workbook(3), bare, source="t", switches=[name])
    with pytest.raises(InputError, match=r"'x' .*: legacy_age \(.*\), require_comorbidities \("):
        build_cohort(workbook(3), schema, source="t", switches=["x"])


def test_a_formula_and_a_filter_may_share_a_switch(workbook, schema):
    age = schema.derived[0].model_copy(update={"switch": "published"})
    rule = Filter(name="old", drop="age >= 0", switch="published")
    shared = schema.model_copy(update={"derived": (age,), "filters": (rule,)})
    assert shared.switch_names == shared.feature_switches == {"published"}
    assert len(build_cohort(workbook(3), shared, source="t")) == 3
    with pytest.raises(InputError, match="the filters leave no row"):
        build_cohort(workbook(3), shared, source="t", switches={"published"})


@given(st.data())
@settings(max_examples=50)
def test_filters_do_not_see_the_order_of_rows_and_find_nothing_twice(schema, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    rows = data.draw(st.integers(1, 40))
    share = data.draw(st.floats(0, 1))
    values = {name: rng.uniform(0.8, 2, rows) for name in schema.read}
    missing = {name: rng.random(rows) < share * rng.random(rows) for name in schema.read}
    options = {
        "switches": data.draw(st.sampled_from([(), ("require_comorbidities",)])),
        "labels": data.draw(st.sampled_from(["complete", "partial"])),
    }
    kept, ledger = apply_filters(schema, missing, values, **options)
    assert ledger.start - sum(step.removed for step in ledger.steps) == ledger.kept == kept.sum()

    order = rng.permutation(rows)
    turned = [{name: part[order] for name, part in parts.items()} for parts in (missing, values)]
    again, same = apply_filters(schema, *turned, **options)
    np.testing.assert_array_equal(again, kept[order])
    assert same == ledger

    left = [{name: part[kept] for name, part in parts.items()} for parts in (missing, values)]
    assert apply_filters(schema, *left, **options)[0].all()
