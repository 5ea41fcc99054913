"""The coverage of a saved model is measured on new patients, without a fit."""

import sys
from dataclasses import replace

import pytest

from hemomodel.errors import InputError
from hemomodel.recommender.model import Model
from hemomodel.schema.schema import Schema
from scripts.reproduce.coverage import main
from study.verification.coverage import coverage_of


@pytest.fixture
def coverage(monkeypatch, capsys):
    """Runs the script in this process; returns its exit code and what it printed."""

    def run(*flags):
        monkeypatch.setattr(sys, "argv", ["coverage.py", *map(str, flags)])
        code = main()
        return code, capsys.readouterr()

    return run


def test_a_saved_model_is_tried_on_new_patients(coverage, model_folder):
    code, said = coverage("--model", model_folder, "--fresh", 300)
    assert code == 0
    _, _, *lines = said.out.splitlines()
    assert len(lines) == 10
    for line in lines:
        rows, _, coverage, *_ = (cell.strip() for cell in line.strip("|").split("|"))
        assert rows == "229"
        assert 0.6 < float(coverage) <= 1


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--rows", "465,many"], "give whole numbers"),
        (["--rows", "465,0"], "rows from 200 to"),
        (["--rows", "465,12"], "rows from 200 to"),
        (["--rows", "999999999999"], "rows from 200 to"),
        (["--fresh", "0"], "--fresh 0"),
        (["--cohorts", "0"], "--cohorts 0"),
        (["--coverage", "90"], "coverage is 90"),
        (["--seed", "1000000"], "the new patients have the seed 1,000,000"),
        (["--seed", "999999", "--cohorts", "2"], "the new patients have the seed 1,000,000"),
        (["--seed", "-1"], "from 0 up"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_said_before_the_table_begins(coverage, flags, says):
    code, said = coverage(*flags)
    assert code == 2
    assert says in said.err
    assert not said.out


def test_a_model_of_another_table_is_refused(fitted):
    fields = {name: getattr(fitted.schema, name) for name in Schema.model_fields}
    fields["columns"] = [
        column.model_copy(update={"title": "Flow"}) if column.english == "blood_flow" else column
        for column in fitted.schema.columns
    ]
    model = Model(replace(fitted, schema=Schema(**fields | {"name": "ward"})))
    with pytest.raises(InputError, match="'ward'"):
        next(coverage_of(model, 300, 0.9))
