"""A workbook without prescriptions comes back with recommendations."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from hemomodel import FitConfig, Replicates, load, synthetic_cohort
from hemomodel.cohort.synthetic.cohort import synthetic_workbook
from hemomodel.dataset.preparation import prepare
from hemomodel.ensemble.build import build_model
from hemomodel.recommender.folder import model_files
from hemomodel.tables.output_files import write_table
from hemomodel.training.loop import Training
from study.pipeline.commands.recommend import main
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def patients():
    """Seventy patients; some spreadsheet programs read the first two IDs as formulas."""
    table = synthetic_workbook(70, seed=9)[0]
    table["ID"] = ["+1+1", "@SUM(A1)", *table["ID"].astype(str)[2:]]
    return table


@pytest.fixture
def recommend(monkeypatch, capsys, model_folder):
    """Runs the command in this process; returns its exit code and what it printed."""
    monkeypatch.setattr("hemomodel.recommender.batch._ROWS", 16)  # several chunks

    def run(data, out, *flags, model=model_folder):
        arguments = ["--model", model, "--data", data, "--out", out, *flags]
        monkeypatch.setattr(sys, "argv", ["recommend.py", *map(str, arguments)])
        code = main()
        return code, "".join(capsys.readouterr())

    return run


def read(path):
    if path.suffix == ".xlsx":
        return pd.read_excel(path, sheet_name="Recommendations")
    if path.suffix == ".json":
        return pd.DataFrame(json.loads(path.read_text())["patients"])
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


def as_text(column):
    return column.astype(object).fillna("").astype(str).str.removeprefix("'").tolist()


@pytest.mark.parametrize("kind", ["csv", "parquet", "json", "xlsx"])
@pytest.mark.parametrize("source", ["csv", "parquet", "xlsx"])
def test_every_kind_of_file_says_what_the_library_says(
    recommend, model_folder, patients, tmp_path, source, kind
):
    data, out = tmp_path / f"new.{source}", tmp_path / f"out.{kind}"
    write_table(patients, data)
    code, printed = recommend(data, out, "--coverage", 0.8)
    assert code == 0, printed
    assert printed.count("Decision support for research") == 1
    found, expected = read(out), load(model_folder).recommend(patients, 0.8)
    assert len(found) == 70
    assert found["Row"].tolist() == expected["Row"].tolist()
    for place, name in enumerate(expected.columns):
        own = found.iloc[:, place]
        if pd.api.types.is_numeric_dtype(expected[name]):
            pd.testing.assert_series_equal(
                own, expected[name], check_names=False, check_dtype=False
            )
        elif expected[name].dtype != "category" or kind == "parquet":
            assert as_text(own) == as_text(expected[name]), name
        else:  # in a text file, a lone "3" is read as a number
            texts = expected[name].astype(object).fillna("").astype(str)
            worded = texts.str.contains("[a-z(,]", regex=True)
            assert as_text(own[worded]) == texts[worded].tolist(), name


def test_a_workbook_has_both_languages_and_says_what_it_is(recommend, patients, tmp_path):
    data, out = tmp_path / "new.csv", tmp_path / "out.xlsx"
    write_table(patients, data)
    assert recommend(data, out)[0] == 0
    book = openpyxl.load_workbook(out)
    header = [cell.value for cell in book["Recommendations"][1]]
    assert "Blood flow 血液流速 (mL/min)" in header
    assert "Anticoagulant 抗凝劑: probability" in header
    about = [row[0].value for row in book["About"]]
    assert about[0].startswith("Decision support for research")
    assert "90% of patients" in " ".join(about)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_cell_is_a_formula(recommend, patients, tmp_path, kind):
    data, out = tmp_path / "new.parquet", tmp_path / f"out.{kind}"
    write_table(patients.replace({"ID": {"+1+1": "=1+1"}}), data)
    recommend(data, out)
    assert read(out)["ID"].tolist()[:2] == ["'=1+1", "'@SUM(A1)"]


def test_a_bad_cell_is_named_by_its_true_row_and_nothing_is_written(recommend, patients, tmp_path):
    broken = patients.copy()
    broken.loc[45, "Na (meq/l)"] = 999  # in the third chunk
    for kind in ("csv", "parquet", "xlsx"):
        data, out = tmp_path / f"new.{kind}", tmp_path / "out.csv"
        write_table(broken, data)
        code, printed = recommend(data, out)
        assert code == 2
        assert "row 47: '999" in printed
        assert "outside 110 to 170" in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "new.csv",
        "new.parquet",
        "new.xlsx",
    ]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--coverage", "90"], "coverage is 90"),
        (["--format", "xlsx"], "--out out.csv"),
        (["--out", "out.doc"], "(.doc)"),
        (["--out", "nowhere/out.csv"], "the folder nowhere does not exist"),
        (["--out", "there.csv"], "exists already; use --force"),
        (["--out", "new.csv", "--force"], "--out new.csv"),
        (["--data", "none.csv"], "does not exist; give the path of a table"),
        (["--data", "empty.csv"], "the file is empty"),
        (["--data", "header.csv"], "no rows below its header"),
        (["--data", "columns.csv"], "missing columns"),
        (["--model", "."], "model.json and weights.safetensors"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_said_in_one_line(
    recommend, patients, tmp_path, monkeypatch, flags, says
):
    monkeypatch.chdir(tmp_path)
    write_table(patients, Path("new.csv"))
    Path("there.csv").write_text("kept")
    Path("empty.csv").write_text("")
    patients.iloc[:0].to_csv("header.csv", index=False)
    patients[["ID"]].to_csv("columns.csv", index=False)
    before = {path: path.read_bytes() for path in Path().iterdir()}
    code, printed = recommend("new.csv", "out.csv", *flags)
    assert code == 2, printed
    assert says in printed
    assert printed.count("\n") == 1
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_a_study_is_not_a_model_and_says_where_its_models_are(
    recommend, patients, model_folder, tmp_path
):
    write_table(patients, tmp_path / "new.csv")
    study_folder = model_folder.parents[1]
    code, printed = recommend(tmp_path / "new.csv", tmp_path / "o.csv", model=study_folder)
    assert code == 2
    assert f"such as {study_folder / 'best' / 'equal'}" in printed


def test_more_rows_than_a_sheet_holds(recommend, patients, tmp_path, monkeypatch):
    monkeypatch.setattr("hemomodel.tables.streaming_writers.XLSX_ROWS", 50)
    write_table(patients, tmp_path / "new.csv")
    code, printed = recommend(tmp_path / "new.csv", tmp_path / "out.xlsx")
    assert code == 2
    assert "a sheet has at most 50 rows" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]


def test_a_csv_of_a_taiwanese_windows_with_an_empty_line(recommend, patients, tmp_path):
    text = patients.to_csv(index=False).encode("cp950", errors="replace").splitlines()
    text.insert(20, b"," * (patients.shape[1] - 1))
    (tmp_path / "new.csv").write_bytes(b"\r\n".join(text))
    code, printed = recommend(tmp_path / "new.csv", tmp_path / "out.parquet")
    assert code == 0, printed
    advice = read(tmp_path / "out.parquet")
    assert len(advice) == 71
    assert "features are missing" in advice["Reason"].iloc[19]


@pytest.mark.slow
def test_a_real_run(patients, model_folder, tmp_path):
    write_table(patients, tmp_path / "new.xlsx")
    command = [sys.executable, ROOT / "scripts" / "recommend.py", "--model", model_folder]
    done = subprocess.run(
        [*command, "--data", "new.xlsx", "--out", "out.xlsx"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("out.xlsx: 70 patients in ")


def test_a_model_with_a_switch_reads_new_patients_under_it(recommend, patients, tmp_path):
    cohort = synthetic_cohort(300, seed=0, legacy_age=True)
    stack = prepare(cohort, Replicates(folds=2, seeds=1), with_test=True)
    training = Training(FitConfig(hidden=(8,), epochs=3), stack)
    training.run_epochs(3)
    model = build_model(cohort, training.config, stack, training.network.parameters)
    folder = tmp_path / "model"
    folder.mkdir()
    for name, content in model_files(model).items():
        (folder / name).write_bytes(content)
    data, out = tmp_path / "new.csv", tmp_path / "out.parquet"
    write_table(patients, data)
    assert recommend(data, out, model=folder)[0] == 0
    chosen, expected = read(out), load(folder).recommend(patients)
    for name in expected.columns:
        if pd.api.types.is_float_dtype(expected[name]):
            np.testing.assert_allclose(chosen[name], expected[name], rtol=1e-5, err_msg=name)
        else:
            assert as_text(chosen[name]) == as_text(expected[name]), name
