"""Runs a command in this process and checks its refusal against the common rules."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest

from hemomodel.cohort.synthetic.cohort import synthetic_workbook
from hemomodel.tables.output_files import write_table
from tests.support.refusals import assert_names, digests, main_of, one_refusal

Refused = Callable[..., str]
Maker = Callable[..., Path]


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path) -> Refused:
    """refused("search", "--trials", 0, names=("trials", "0")): runs it and returns its error line.

    The line must contain each of `names`; the path of the test's folder does not count.
    The command may not delete or change a file in the test's folder.
    """
    monkeypatch.chdir(tmp_path)
    # `preflight` first: if this imports it, it must get the real `start_ray`, not the replacement.
    for module in ("study.pipeline.preflight", "study.cluster.ray_session"):
        monkeypatch.setattr(f"{module}.start_ray", too_late)

    def run(name: str, *arguments: object, names: Sequence[str]) -> str:
        before = digests(tmp_path)
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        code = main_of(name)()
        written = capsys.readouterr()
        assert written.out == ""
        line = one_refusal(code, written.err)
        assert_names(line.replace(str(tmp_path), ""), names)
        after = digests(tmp_path)
        assert {path: after.get(path) for path in before} == before
        return line

    return run


def too_late(*_: object) -> None:
    raise AssertionError("Ray was started before the input was refused")


@pytest.fixture(scope="session")
def whole() -> pd.DataFrame:
    """A valid table of sixty rows."""
    return synthetic_workbook(60, seed=3)[0]


@pytest.fixture
def table(whole, tmp_path) -> Maker:
    """table(change, "t.csv"): writes the changed valid table; returns its path."""

    def make(
        change: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table, name: str = "t.csv"
    ) -> Path:
        path = tmp_path / name
        write_table(change(whole.copy()), path)
        return path

    return make
