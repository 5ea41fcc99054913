"""What a saved model promises is tried on new patients, without a fit."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hemomodel.errors import InputError
from hemomodel.model import Model
from hemomodel.schema import Schema
from study.cli import run_cli
from study.promises import promises_of

ROOT = Path(__file__).parents[2]


def test_a_saved_model_is_tried_on_new_patients(monkeypatch, capsys, model_folder):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from coverage import main  # noqa: PLC0415 - found by the path above

    flags = ["--model", str(model_folder), "--fresh", "300"]
    monkeypatch.setattr(sys, "argv", ["coverage.py", *flags])
    assert run_cli(main) == 0
    _, _, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    for line in lines:
        rows, _, coverage, *_ = (cell.strip() for cell in line.strip("|").split("|"))
        assert rows == "229"
        assert 0.6 < float(coverage) <= 1


def test_a_model_of_another_table_is_refused(fitted):
    fields = {name: getattr(fitted.schema, name) for name in Schema.model_fields}
    fields["columns"] = [
        column.model_copy(update={"title": "Flow"}) if column.english == "blood_flow" else column
        for column in fitted.schema.columns
    ]
    model = Model(replace(fitted, schema=Schema(**fields | {"name": "ward"})))
    with pytest.raises(InputError, match="of 'ward', of which no new patients can be drawn"):
        next(promises_of(model, 300, 0.9))
