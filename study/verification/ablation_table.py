"""The tables of an ablation, from the records that the command writes."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from scipy.stats import sem

from study.report.formatting import markdown_table

__all__ = ["ablation_table", "mean_and_error", "task_table"]

Record: TypeAlias = Mapping[str, Any]
_NONE = "none"
_TITLES = ("model", "splits", "one network", "difference", "ensemble", "difference")


def ablation_table(records: Sequence[Record]) -> str:
    """Returns a table in Markdown: the mean of each change, and its differences.

    Differences are to the change `none`, and in the last column to the reference model that is the
    best on average. Each has the standard error over the splits that both have.

    Args:
        records: of one table and balancer, as the command writes them.
    """
    networks = [record for record in records if "references" not in record]
    references = _by_model([record for record in records if "references" in record])
    best = _best(references)
    base = {record["split"]: record for record in networks if record["change"] == _NONE}
    rows = []
    for name, models in _by_change(networks).items():
        rows.append(_row(name, models, base, references.get(best, {})))
    for name, models in references.items():
        single, pooled = (_mean(models, figure) for figure in ("network", "skill"))
        rows.append((name, f"{len(models)}", single, "", pooled, "", ""))
    oracle = {record["split"]: record["oracle"] for record in networks if "oracle" in record}
    if oracle:
        mean = f"{np.mean([*oracle.values()]):.3f}"
        rows.append(("oracle", f"{len(oracle)}", "", "", mean, "", ""))
    return markdown_table((*_TITLES, f"to {best}" if best else ""), rows, numeric=True)


def _by_change(networks: Sequence[Record]) -> dict[str, dict[int, Record]]:
    """Returns the records by change and split; exported models are changes of their own."""
    models: dict[str, dict[int, Record]] = {}
    for record in networks:
        models.setdefault(record["change"], {})[record["split"]] = record
    for record in networks:
        for blend, figures in record.get("exported", {}).items():
            with_what = "exported" if blend == _NONE else f"blended with {blend}"
            name = f"{record['change']}, {with_what}"
            models.setdefault(name, {})[record["split"]] = figures
    return models


def _by_model(records: Sequence[Record]) -> dict[str, dict[int, Record]]:
    models: dict[str, dict[int, Record]] = {}
    for record in records:
        for name, figures in record["references"].items():
            models.setdefault(name, {})[record["split"]] = figures
    return models


def _best(references: Mapping[str, Mapping[int, Record]]) -> str:
    """Returns the name of the reference model with the highest mean skill, or an empty text."""
    means = {name: np.mean([m["skill"] for m in of.values()]) for name, of in references.items()}
    return max(means, key=lambda name: means[name], default="")


def _row(
    name: str,
    models: Mapping[int, Record],
    base: Mapping[int, Record],
    best: Mapping[int, Record],
) -> tuple[str, ...]:
    cells = [name, f"{len(models)}"]
    for figure in ("network", "skill"):
        has_figure = all(figure in model for model in models.values())
        cells.append(_mean(models, figure) if has_figure else "")
        gaps = _gaps(models, base, figure) if has_figure and name != _NONE else []
        cells.append(mean_and_error(gaps))
    return (*cells, mean_and_error(_gaps(models, best, "skill")))


def _mean(models: Mapping[int, Record], figure: str) -> str:
    return f"{np.mean([model[figure] for model in models.values()]):.3f}"


def _gaps(models: Mapping[int, Record], base: Mapping[int, Record], figure: str) -> list[float]:
    """Returns the differences on the splits that both have."""
    return [models[split][figure] - base[split][figure] for split in models if split in base]


def task_table(records: Sequence[Record], tasks: Sequence[str]) -> str:
    """Returns a table in Markdown: the skill of exported models on each task, with its error.

    Args:
        records: those of one table and balancer that have exported models; at least one.
        tasks: the names of the tasks, in the order of the records.
    """
    blends = list(records[0]["exported"])
    by_blend = [
        np.array([record["exported"][blend]["by_task"] for record in records]).T for blend in blends
    ]
    rows = [
        (task, *(mean_and_error(skills[place]) for skills in by_blend))
        for place, task in enumerate(tasks)
    ]
    titles = ["networks" if blend == _NONE else f"blended with {blend}" for blend in blends]
    return markdown_table(("task", *titles), rows, numeric=True)


def mean_and_error(values: Sequence[float]) -> str:
    """Returns the mean with its standard error, such as "+0.012 ± 0.002"; "" without values."""
    if not len(values):
        return ""
    error = "" if len(values) < 2 else f" ± {sem(values):.3f}"  # noqa: PLR2004 - one has no error
    return f"{np.mean(values):+.3f}{error}"
