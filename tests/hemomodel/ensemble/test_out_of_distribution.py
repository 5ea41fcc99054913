"""Patients out of distribution are reported, with the reason."""

import numpy as np
import pytest

from hemomodel.dataset.design_matrix import fit_design_matrix
from hemomodel.ensemble.out_of_distribution import fit_domain, novelty_reasons

FEATURES = "pretreatment"


@pytest.fixture(scope="module")
def known(cohort):
    design = fit_design_matrix(cohort.schema, FEATURES, cohort.table)
    return cohort.schema, design, fit_domain(cohort.schema, design, cohort.table)


def reasons(known, table):
    schema, design, familiar = known
    return novelty_reasons(schema, design, familiar, table, design.matrix(table))


def test_no_fitted_row_is_outside(known, cohort):
    assert set(reasons(known, cohort.table)) == {""}


def changed(cohort, **values):
    table = cohort.table.iloc[[3, 4]].copy()
    for name, value in values.items():
        table.loc[table.index[1], name] = value
    return table


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"age": 104.0}, "Age 104 years is outside"),
        ({"sodium": 111.0}, "Sodium 111 mEq/L is outside"),
        ({"comorbidity_27": 1.0}, "Comorbidities: AIDS occurs in no"),
    ],
    ids=["age", "sodium", "code"],
)
def test_the_reason_names_feature_value_and_range(known, cohort, values, reason):
    first, second = reasons(known, changed(cohort, **values))
    assert first == ""
    assert reason in second


def test_a_code_that_never_occurred(known, cohort):
    table = cohort.table.assign(hbsag=cohort.table["hbsag"].replace("O", "N"))
    schema, design = known[:2]
    familiar = fit_domain(schema, design, table)
    found = novelty_reasons(
        schema,
        design,
        familiar,
        changed(cohort, hbsag="O"),
        design.matrix(changed(cohort, hbsag="O")),
    )
    assert "Hepatitis B surface antigen 'not done' occurs in no" in found[1]


def test_missing_more_than_any_fitted_row(known, cohort):
    numbers = ["wbc", "hemoglobin", "hematocrit", "mcv", "platelets", "pre_weight", "creatinine"]
    numbers += ["sodium", "serum_potassium", "ionized_calcium", "phosphorus", "ctr", "ca_x_p"]
    found = reasons(known, changed(cohort, **dict.fromkeys(numbers, np.nan)))[1]
    assert "features are missing, at most" in found
    assert "outside" not in found


def test_a_list_of_codes_is_one_feature(known, cohort):
    flags = [name for name in cohort.table.columns if name.startswith("comorbidity_")]
    assert "missing" not in reasons(known, changed(cohort, **dict.fromkeys(flags, np.nan)))[1]


def test_an_unusual_combination_of_usual_values(known, cohort):
    high, low = cohort.table["hemoglobin"].max(), cohort.table["hematocrit"].min()
    found = reasons(known, changed(cohort, hemoglobin=high, hematocrit=low))[1]
    assert "an unusual combination" in found


def test_three_reasons_are_shown_and_the_rest_counted(known, cohort):
    names = ("age", "sodium", "wbc", "mcv", "platelets")
    found = reasons(known, changed(cohort, **dict.fromkeys(names, 1e4)))[1]
    assert found.count("is outside") == 3
    assert found.endswith("and 3 more")  # two values and the combination


def test_a_constant_that_rounding_spreads_has_no_scale_of_its_own(cohort):
    """0.1 + 0.2 is not 0.3: divided by that difference, every new patient would be an outlier."""
    around = np.where(np.arange(len(cohort)) % 2, 0.3, 0.1 + 0.2)
    table = cohort.table.assign(sodium=around, ctr=np.where(around == 0.3, 0.3, 0.3 + 1e-6))
    design = fit_design_matrix(cohort.schema, FEATURES, table)
    scale = dict(zip(design.quantities, design.scale, strict=True))
    assert scale["sodium"] == 1
    assert scale["ctr"] == pytest.approx(5e-7, rel=1e-3)
