"""The blocks of the W&B report: text, tables, and grids of panels.

Import this after `import_wandb`: the library imports W&B, which then reads its environment.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd
import wandb_workspaces.reports.v2 as wr
from wandb_workspaces import expr

from hemomodel.domains import LogUniform, domains
from hemomodel.schema.entries import Task
from hemomodel.training.fit_config import FitConfig
from study.analysis.comparison.result import Comparison
from study.report.components.palette import colour
from study.report.wandb._workspaces_internals import FlatColumn, set_filter, set_identifier
from study.report.wandb.markdown import (
    arms_markdown,
    differences_markdown,
    leaderboard_markdown,
    verdict_markdown,
)

__all__ = ["PanelData", "build_report"]

_WIDTH = 24  # columns of W&B's grid


class PanelData(NamedTuple):
    """The content of the report; `known` are the tasks of its schema, if it can be read."""

    name: str
    trials: pd.DataFrame
    comparison: Comparison
    known: tuple[Task, ...] = ()

    @property
    def balancers(self) -> list[str]:
        """Names of the balancers that were searched."""
        return sorted(self.trials["balancer"].unique())

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks."""
        return list(self.comparison.arms[0].tasks)


def build_report(study: PanelData, project: str, entity: str) -> wr.Report:
    """Returns the report of a study.

    Args:
        study: the content.
        project: the W&B project of the report and its runs.
        entity: the owner; "" for a report that is not saved.
    """
    return wr.Report(
        project=project,
        entity=entity,
        title=f"Study {study.name}"[:128],
        description="Comparison of methods that balance the losses of a multi-task network.",
        width="fluid",
        blocks=[
            wr.MarkdownBlock(verdict_markdown(study.comparison)),
            wr.H2("Statistics"),
            wr.MarkdownBlock(arms_markdown(study.comparison)),
            wr.MarkdownBlock(differences_markdown(study.comparison)),
            wr.H2("Skill per task"),
            wr.MarkdownBlock(leaderboard_markdown(study.comparison, study.known)),
            _tables(study),
            wr.H2("Balancers: mean and standard deviation over trials"),
            _grouped(study),
            wr.H2("Trials: parameters and scores"),
            _ungrouped(study),
        ],
    )


def _tables(study: PanelData) -> wr.PanelGrid:
    """Returns the grid of the tables of the study's own run."""
    tables = [wr.WeavePanelSummaryTable(table_name=name) for name in ("tasks", "comparison")]
    return _grid(_runset(study, "tables", ["study"]), tables, columns=2)


def _grouped(study: PanelData) -> wr.PanelGrid:
    """Returns the grid of runs grouped by balancer: curves and bars, mean +- standard deviation."""
    spread: dict[str, Any] = {"groupby_aggfunc": "mean", "groupby_rangefunc": "stddev"}
    names = ["score", *(f"skill/{task}" for task in study.tasks)]
    curves = [
        wr.LinePlot(title=name, x="epoch", y=[name], smoothing_type="none", **spread)
        for name in names
    ]
    bars = [
        wr.BarPlot(title=name, metrics=[name], **spread)
        for name in ("seconds", *(f"best/{name}" for name in names))
    ]
    runset = _runset(study, "balancers", study.balancers, groupby=["config.balancer"])
    key = wr.Config("balancer")
    colours = {
        wr.RunsetGroup(runset.name, (wr.RunsetGroupKey(key, name),)): colour(name)
        for name in study.balancers
    }
    return _grid(runset, [*curves, *bars], columns=4, custom_run_colors=colours)


def _ungrouped(study: PanelData) -> wr.PanelGrid:
    """Returns the panel grid of ungrouped trials. W&B cannot draw these panels for groups."""
    best = wr.SummaryMetric("best/score")
    panels = [
        wr.ParallelCoordinatesPlot(title="parameters and score", columns=_columns(study)),
        wr.ParameterImportancePlot(with_respect_to="best/score"),
        wr.ScatterPlot(
            title="best so far", x=wr.Config("number"), y=best, running_ymax=True,
            running_ymin=False, running_ymean=False,
        ),
        wr.RunComparer(diff_only="split"),
    ]  # fmt: skip
    logged = study.trials[study.trials["wandb_id"] != ""]
    pairs = zip(logged["wandb_id"], logged["balancer"], strict=True)
    skills = [f"summary:best/skill/{task}" for task in study.tasks]
    runset = _runset(
        study,
        "trials",
        study.balancers,
        order=[wr.OrderBy(best, ascending=False)],
        run_settings={run: wr.RunSettings(color=colour(name)) for run, name in pairs},
        pinned_columns=["run:displayName", "summary:best/score"],
        visible_columns=["config:balancer.value", "summary:state", *skills],
    )
    return _grid(runset, panels, columns=2)


def _columns(study: PanelData) -> list[Any]:
    """Returns the axes on which every trial has a value; W&B does not draw other trials."""
    points = pd.DataFrame([json.loads(text) for text in study.trials["params"]])
    shared = [name for name in points if points[name].notna().all() and len(set(points[name])) > 1]
    logarithmic = {
        field.name for field, domain in domains(FitConfig) if isinstance(domain, LogUniform)
    }
    axes = [FlatColumn(metric=wr.Config(name), display_name=name, log=name in logarithmic)
            for name in shared]  # fmt: skip
    return [*axes, wr.ParallelCoordinatesPlotColumn(metric=wr.SummaryMetric("best/score"))]


def _runset(study: PanelData, name: str, tags: Sequence[str], **options: Any) -> Any:
    """Returns the finished runs of the study that have one of the tags, in the report's project."""
    wanted = expr.And(
        expr.Metric("Group") == study.name,
        expr.Tags().isin(list(tags)),
        expr.Metric("State").isin(["finished"]),
    )
    runset = wr.Runset(name=name, **options)
    set_filter(runset, wanted)
    set_identifier(runset, name)
    return runset


def _grid(runset: Any, panels: Sequence[Any], columns: int, **options: Any) -> Any:
    """Returns a grid of panels; a panel's identifier is the runset's name and its number."""
    width, height = _WIDTH // columns, 8
    for place, panel in enumerate(panels):
        row, column = divmod(place, columns)
        panel.layout = wr.Layout(x=column * width, y=row * height, w=width, h=height)
        set_identifier(panel, f"{runset.name}{place}")
    return wr.PanelGrid(runsets=[runset], panels=list(panels), **options)
