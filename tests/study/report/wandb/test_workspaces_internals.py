"""W&B Workspaces still has the private parts that a study's report uses."""

import json

import pytest

from study.store.study_folder import StudyFolder
from study.tracking.tracker import import_wandb


@pytest.fixture
def wr(tmp_path, monkeypatch):
    """The library; the environment is restored afterwards."""
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    for name in ("DIR", "DATA_DIR", "CACHE_DIR", "ARTIFACT_DIR"):
        monkeypatch.setenv(f"WANDB_{name}", "")  # so that monkeypatch restores it
    import_wandb(StudyFolder(tmp_path))
    import wandb_workspaces.reports.v2 as library  # after the environment is set

    return library


@pytest.fixture
def internals(wr):
    from study.report.wandb import _workspaces_internals  # it imports W&B

    return _workspaces_internals


def test_a_part_has_a_name_of_its_own(wr, internals):
    for part in (wr.Runset(name="trials"), wr.LinePlot(), wr.RunComparer()):
        assert part._id
        internals.set_identifier(part, "trials0")
        assert "trials0" in part._to_model().model_dump_json(by_alias=True)


def test_a_filter_keeps_a_name_with_signs(wr, internals):
    from wandb_workspaces import expr  # it imports W&B

    runset = wr.Runset(name="trials")
    assert hasattr(runset, "_stashed_filters_v2")
    assert hasattr(runset, "_stashed_filter_string")
    internals.set_filter(runset, expr.And(expr.Metric("Group") == "a < b = c"))
    spec = runset._to_model().model_dump_json(by_alias=True)
    assert "a < b = c" in spec


def test_an_axis_has_the_flat_name_of_its_parameter(wr, internals):
    axis = internals.FlatColumn(metric=wr.Config("hidden.depth"))
    assert axis._to_model().accessor == "config:hidden.depth.value"


def test_a_report_has_its_specification(wr, internals):
    report = wr.Report(project="p", entity="", title="t", blocks=[wr.H2("Statistics")])
    spec = json.loads(internals.report_spec(report))
    assert "Statistics" in json.dumps(spec["blocks"])
