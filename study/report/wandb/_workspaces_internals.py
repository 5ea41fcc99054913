"""The private parts of W&B Workspaces that a study's report uses.

An upgrade may change them; then tests/study/report/wandb/test_workspaces_internals.py fails.
Import this after `import_wandb`: the library imports W&B, which reads its environment then.
"""

from typing import Any

import wandb_workspaces.reports.v2 as wr
from wandb_workspaces import expr

__all__ = ["FlatColumn", "report_spec", "set_filter", "set_identifier"]


class FlatColumn(wr.ParallelCoordinatesPlotColumn):
    """A column of a flat parameter name; the library reads `hidden.depth` as nested values."""

    def _to_model(self) -> Any:
        model = super()._to_model()
        model.accessor = f"config:{self.metric.name}.value"
        return model


def set_filter(runset: Any, wanted: Any) -> None:
    """Sets the filter of a runset.

    The library's text form of a filter would change a name that contains < or =.
    """
    runset._stashed_filters_v2 = expr.filters_tree_to_v2(wanted.to_model())  # noqa: SLF001
    runset._stashed_filter_string = runset.filters  # noqa: SLF001


def set_identifier(part: Any, name: str) -> None:
    """Sets a fixed name of a runset or a panel, so that the specification is reproducible."""
    part._id = name  # noqa: SLF001


def report_spec(report: Any) -> str:
    """Returns the specification of a report as JSON, the same as from its method save()."""
    text: str = report._to_model().spec.model_dump_json(  # noqa: SLF001
        by_alias=True, exclude_none=True, indent=1
    )
    return text
