"""The table of calibration errors before and after the temperature."""

from collections.abc import Sequence

import pandas as pd

from study.report.components.blocks import Cell, Table, task_header
from study.report.formatting import number
from study.report.load import LoadedStudy

__all__ = ["calibration_error", "temperature_table"]


def temperature_table(study: LoadedStudy, arms: Sequence[str], *, folded: bool = True) -> Table:
    """Returns the calibration errors of arms before and after the temperature, per task."""
    table = study.tables["ensemble_calibration"]
    errors = {
        stage: calibration_error(bins).pivot_table(index="arm", columns="task", values="error")
        for stage, bins in table.groupby("stage")
    }
    before, after = errors["before"], errors["after"]
    tasks = [task for task in study.tasks if task.name in before]
    heads = [task_header(task) for task in tasks]
    rows = []
    for arm in filter(before.index.__contains__, arms):
        names = [task.name for task in tasks]
        was, now = (frame.loc[arm, names].to_numpy(dtype=float) for frame in (before, after))
        pairs = zip([was.mean(), *was], [now.mean(), *now], strict=True)
        rows.append((Cell(arm), *(Cell(number(b), f"→ {number(a)}") for b, a in pairs)))
    note = "Expected calibration error of the ensemble: before → after the temperature."
    columns = (Cell("balancer"), Cell("mean"), *heads)
    title = "Calibration error before and after the temperature"
    return Table(title, columns, tuple(rows), note, folded=folded, arms=True)


def calibration_error(calibration: pd.DataFrame) -> pd.DataFrame:
    """Returns arm, task, error: the mean distance from the diagonal, weighted by count.

    The expected calibration error of the one-vs-rest probabilities (Naeini et al., AAAI 2015).
    """
    known = calibration[calibration["count"] > 0]
    gap = (known["predicted"] - known["observed"]).abs() * known["count"]
    keys = [known["arm"], known["task"]]
    sums = gap.groupby(keys, sort=False).sum() / known["count"].groupby(keys, sort=False).sum()
    return sums.rename("error").reset_index()
