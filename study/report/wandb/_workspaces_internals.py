"""What a study's report needs of W&B Workspaces beyond what it promises, in one place.

An upgrade may change any of it: tests/study/report/wandb/test_workspaces_internals.py then fails.
Import this after `import_wandb`: the library imports W&B, which reads its environment then.
"""

from typing import Any

import wandb_workspaces.reports.v2 as wr
from wandb_workspaces import expr

__all__ = ["FlatColumn", "report_spec", "set_filter", "set_identifier"]


class FlatColumn(wr.ParallelCoordinatesPlotColumn):
    """A parameter by its flat name: the library takes `hidden.depth` for nested values."""

    def _to_model(self) -> Any:
        model = super()._to_model()
        model.accessor = f"config:{self.metric.name}.value"
        return model


def set_filter(runset: Any, wanted: Any) -> None:
    """Gives a runset its filter.

    Through the library's text form of a filter, a name with < or = would come out as another.
    """
    runset._stashed_filters_v2 = expr.filters_tree_to_v2(wanted.to_model())  # noqa: SLF001
    runset._stashed_filter_string = runset.filters  # noqa: SLF001


def set_identifier(part: Any, name: str) -> None:
    """Names a runset or a panel, so that the same study gives the same specification."""
    part._id = name  # noqa: SLF001


def report_spec(report: Any) -> str:
    """Returns the specification of a report as JSON, as its own save() makes it."""
    text: str = report._to_model().spec.model_dump_json(  # noqa: SLF001
        by_alias=True, exclude_none=True, indent=1
    )
    return text
