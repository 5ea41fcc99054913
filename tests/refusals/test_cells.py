"""One bad cell in a valid table: the message names column, row and value."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hemomodel import FitConfig, Model, Replicates, load_cohort
from hemomodel.dataset.preparation import prepare
from hemomodel.ensemble.build import build_model
from hemomodel.schema.schema import load_schema
from hemomodel.tables.output_files import write_table
from hemomodel.training.loop import Training
from tests.support.refusals import main_of

# Each case: a column, its cell, and what the message names besides column, row and cell: the
# allowed codes, limits or format.
CELLS = {
    "gender of nobody": ("性別", "3", ("1", "2")),
    "gender as a word": ("性別", "male", ("1", "2")),
    "gender as a fraction": ("性別", "1.5", ("1", "2")),
    "gender negative": ("性別", "-1", ("1", "2")),
    "gender as a formula": ("性別", "=1+1", ("1", "2")),
    "gender as markup": ("性別", "<script>alert(1)</script>", ("1", "2")),
    "gender over two lines": ("性別", "1\n2", ("1", "2")),
    "gender with a bell": ("性別", "1\x07", ("1", "2")),
    "gender turned round": ("性別", "\u202e1", ("1", "2")),
    "gender of a thousand letters": ("性別", "9" * 1000, ("1", "2")),
    "HBsAg in small letters": ("HBsAg", "n", ("N", "O", "Y")),
    "HBsAg as a number": ("HBsAg", "0", ("N", "O", "Y")),
    "HCV positive": ("Anti-HCV", "positive", ("N", "O", "Y")),
    "anticoagulant of code 9": ("抗凝劑", "9", ("0", "3")),
    "anticoagulant as a word": ("抗凝劑", "heparin", ()),
    "anticoagulant that is no level": ("抗凝劑", "3", ("'anticoagulant'", "2")),
    "comorbidity 34": ("合併症", "3-34", ("1", "0")),
    "comorbidity twice dashed": ("合併症", "3--4", ("1", "0")),
    "comorbidities with commas": ("合併症", "3,4", ("1", "0")),
    "comorbidity in words": ("合併症", "diabetes", ("1", "0")),
    "comorbidity below zero": ("合併症", "-3", ("1", "0")),
    "comorbidity as a date": ("合併症", "2019-03-04", ("1", "0")),
    "birthday on February 30": ("生日", "45/2/30", ("yy/m/d",)),
    "birthday in month 13": ("生日", "45/13/1", ("yy/m/d",)),
    "birthday on day 0": ("生日", "45/1/0", ("yy/m/d",)),
    "birthday in year 0": ("生日", "0/1/1", ("yy/m/d",)),
    "birthday in the common era": ("生日", "1956/4/16", ("yy/m/d",)),
    "birthday in words": ("生日", "16 April 45", ("yy/m/d",)),
    "birthday as a serial number": ("生日", "20561", ("yy/m/d",)),
    "birthday with letters": ("生日", "4S/1/1", ("yy/m/d",)),
    "birthday in Thai digits beyond": ("生日", "๔๕/๑๓/๑", ("yy/m/d",)),
    "birthday after the start": ("生日", "108/1/1",
                           ("'dialysis starts after birth'", "'開始治療日期'", "'2003/7/11'")),
    "start as a serial number": ("開始治療日期", "40179", ("yyyy/m/d",)),
    "start in month 13": ("開始治療日期", "2010/13/1", ("yyyy/m/d",)),
    "start in 1700": ("開始治療日期", "1700/1/1", ("yyyy/m/d",)),
    "start in 9999": ("開始治療日期", "9999/1/1", ("yyyy/m/d",)),
    "start after the prescription": ("開始治療日期", "2030/1/1", ("0", "80")),
    "start in words": ("開始治療日期", "yesterday", ("yyyy/m/d",)),
    "plan in month 13": ("PlanDate", "20191301", ("yyyymmdd",)),
    "plan with slashes": ("PlanDate", "2019/12/01", ("yyyymmdd",)),
    "plan in eleven digits": ("PlanDate", "20191201000", ("yyyymmdd",)),
    "plan of letters": ("PlanDate", "2019l201", ("yyyymmdd",)),
    "blood flow as a word": ("血液流速 (ml/min)", "fast", ()),
    "blood flow with its unit": ("血液流速 (ml/min)", "250 ml/min", ()),
    "blood flow with a comma": ("血液流速 (ml/min)", "287,5", ()),
    "blood flow with a thousands comma": ("血液流速 (ml/min)", "1,200", ()),
    "blood flow with an underscore": ("血液流速 (ml/min)", "2_5", ()),
    "blood flow without end": ("血液流速 (ml/min)", "inf", ()),
    "blood flow without end below": ("血液流速 (ml/min)", "-Infinity", ()),
    "blood flow too large for a double": ("血液流速 (ml/min)", "1e999", ()),
    "blood flow as a range": ("血液流速 (ml/min)", "200-250", ()),
    "blood flow below its limit": ("血液流速 (ml/min)", "-250", ("50", "500")),
    "blood flow above its limit": ("血液流速 (ml/min)", "5000", ("50", "500")),
    "blood flow in hexadecimal": ("血液流速 (ml/min)", "0x10", ()),
    "blood flow as a formula": ("血液流速 (ml/min)", "=SUM(A1:A9)", ()),
    "blood flow as an error": ("血液流速 (ml/min)", "#DIV/0!", ()),
    "blood flow as a question": ("血液流速 (ml/min)", "?", ()),
    "blood flow as a boolean": ("血液流速 (ml/min)", "True", ()),
    "potassium too low": ("K (meq/l)", "0.9", ("1.5", "10")),
    "potassium of 1e308": ("K (meq/l)", "1e308", ("1.5", "10")),
    "potassium as a sentence": ("K (meq/l)", "see chart", ()),
    "heart wider than the chest": ("Cardiac/thoracic ratio (%)", "140", ("0.25", "0.95")),
    "dose between two levels": ("初劑量 (U)", "700", ("'initial_dose'", "300", "3000")),
    "dose below zero": ("初劑量 (U)", "-500", ("0", "10000")),
    "weight of a child after": ("透析後體重(kg)", "9", ("20", "250")),
    "weight in grams": ("透析前體重(kg)", "61000", ("20", "250")),
    "BUN below zero": ("本次透析前BUN (mg/dl)", "-1", ("3", "300")),
    "Kt/V below zero": ("Kt/V", "-1", ("0.2", "4")),
    "URR of two hundred": ("URR", "200", ("0", "1")),
}  # fmt: skip


def spoil(column, value):
    def change(table):
        table = table.astype(object)
        table.iloc[6, table.columns.get_loc(column)] = value
        return table

    return change


@pytest.mark.parametrize(("column", "value", "names"), CELLS.values(), ids=CELLS)
def test_a_bad_cell(refused, table, column, value, names):
    shown = repr(value if len(value) <= 60 else f"{value[:60]}...")
    names = ("t.csv", f"'{column}'", "row 8", shown, *names)
    line = refused("cohort", "describe", table(spoil(column, value)), names=names)
    assert len(line) < 700


VISITS = """
name: visits
title: Visits
columns:
  - {name: Dose, english: dose, title: Dose, kind: number, role: feature}
  - {name: Weight, english: weight, title: Weight, kind: number, role: feature}
  - {name: Flow, english: flow, title: Flow, kind: number, role: task, task: {kind: regression}}
derived:
  - {name: per_weight, title: Dose by weight, formula: dose / weight}
  - {name: log_dose, title: Log dose, formula: log(dose)}
  - {name: twice, title: Twice the log, formula: 1 / log_dose, hard: [-100, 100]}
"""


@pytest.fixture
def visits(tmp_path) -> tuple[Path, Path]:
    """A table of valid cells; in some rows a derived feature has no finite value."""
    number = np.arange(1.0, 41.0)
    dose, weight = 10 * number, 50 + number
    dose[[3, 5]], weight[[7]], dose[9] = 0, 0, 1
    table = pd.DataFrame({"Dose": dose, "Weight": weight, "Flow": number % 7})
    write_table(table, tmp_path / "visits.csv")
    (tmp_path / "visits.yaml").write_text(VISITS, encoding="utf-8")
    return tmp_path / "visits.csv", tmp_path / "visits.yaml"


def test_what_has_no_finite_value_is_missing_and_counted(visits):
    cohort = load_cohort(visits[0], load_schema(str(visits[1])))
    table = cohort.table
    assert np.flatnonzero(table["per_weight"].isna()).tolist() == [7]
    assert np.flatnonzero(table["log_dose"].isna()).tolist() == [3, 5]
    assert np.flatnonzero(table["twice"].isna()).tolist() == [3, 5, 9]
    assert np.isfinite(table.fillna(0).to_numpy()).all()
    assert list(map(str, cohort.findings)) == [
        (
            "Dose: 1 row without a finite dose by weight, which is left missing "
            "(first: row 9, Dose 80.0, Weight 0.0)"
        ),
        "Dose: 2 rows without a finite log dose, which is left missing (first: row 5, 0.0)",
        "Dose: 1 row without a finite twice the log, which is left missing (first: row 11, 1.0)",
    ]


def test_what_has_no_finite_value_can_be_described_and_learned_from(visits, monkeypatch, capsys):
    data, schema = visits
    command = ["cohort.py", "describe", str(data), "--schema", str(schema)]
    for more in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", [*command, *more])
        assert main_of("cohort")() == 0
        said = capsys.readouterr().out
        assert "without a finite log dose" in " ".join(said.split())
    assert json.loads(said)["findings"][1]["count"] == 2
    cohort = load_cohort(data, load_schema(str(schema)))
    config = FitConfig(hidden=(4,), epochs=1)
    stack = prepare(cohort, Replicates(folds=2, seeds=1), with_test=True)
    training = Training(config, stack)
    training.run_epochs(1)
    model = Model(build_model(cohort, config, stack, training.network.parameters))
    advice = model.recommend(pd.read_csv(data))
    assert np.isfinite(advice["Flow"]).all()
