"""Tables of the arms and of their differences."""

from collections.abc import Mapping
from typing import Any

from study.report.components.blocks import Cell, Table, interval_cell
from study.report.formatting import abbreviated, number, p_value
from study.report.load import LoadedStudy
from study.report.tables.trials import _MANY

__all__ = ["arm_table", "difference_table"]


def arm_table(study: LoadedStudy) -> Table:
    """Returns one row an arm, the references, and the arms that no trial of ended."""
    titles = (
        Cell("balancer"), Cell("score", f"{study.level} interval"), Cell("mean rank"),
        Cell("Δm", "% vs. tuned single tasks"),
        Cell("worst task", "its skill"), Cell("regret"), Cell("trials", "done · stopped · failed"),
        Cell("s a trial"), Cell("ms a step"),
    )  # fmt: skip
    best = max((arm["score"]["estimate"] for arm in study.arms if arm.get("score")), default=None)
    rows = [_arm_row(study, arm, best) for arm in study.arms]
    nothing = [Cell("–")] * (len(titles) - 2)
    lost = Cell("no trial ended with a score")
    rows += [(Cell(name), lost, *nothing) for name in study.lost]
    rows += [
        (_reference(model), interval_cell(model.get("score")), *nothing)
        for model in study.references
    ]
    note = (
        "Regret is the distance from the best possible prediction, known for the built-in cohort. "
        "Δm is the mean change of the tasks' losses against networks of one task each; "
        "positive is better."
    )
    return Table("The balancers and the references", titles, tuple(rows), note, arms=True)


def _arm_row(study: LoadedStudy, arm: Mapping[str, Any], best: float | None) -> tuple[Cell, ...]:
    score = arm.get("score")
    reached = score["estimate"] if score else None
    ended = arm["trials"]
    counts = " · ".join(str(ended.get(end, 0)) for end in ("complete", "pruned", "failed"))
    unsolved = arm.get("unsolved_steps") or 0
    step = arm.get("seconds_per_step")
    return (
        Cell(arm["arm"]),
        interval_cell(score, best=reached is not None and reached == best),
        Cell(number(arm.get("mean_rank"), 2)),
        interval_cell(arm.get("delta_m"), 1, sign=True),
        _worst(study, arm.get("worst_task")),
        interval_cell(arm.get("regret")),
        Cell(counts, f"{unsolved:,} steps unsolved" if unsolved else ""),
        Cell(number(arm.get("seconds_per_trial"), 1)),
        Cell(number(1000 * step if step else None, 2)),
    )


def _worst(study: LoadedStudy, worst: Mapping[str, Any] | None) -> Cell:
    if worst is None:
        return Cell("–")
    task = study.task(worst["task"])
    return Cell(
        task.second_title or task.title, f"{abbreviated(task.name)}, {number(worst['skill'], 2)}"
    )


def _reference(model: Mapping[str, Any]) -> Cell:
    return Cell(model["model"].replace("_", " "), "reference")


def difference_table(study: LoadedStudy) -> Table:
    """Returns one row a comparison with a baseline."""
    titles = (
        Cell("balancer"), Cell("baseline"), Cell("difference", "simultaneous interval"), Cell("p"),
        Cell("p (Holm)"), Cell("P(better)"), Cell("regret", "difference"),
        Cell("told apart?", "what it would take"),
    )  # fmt: skip
    unit = study.comparison.get("unit", "rows")
    rows = tuple(
        (
            Cell(d["arm"]),
            Cell(d["baseline"]),
            interval_cell(d, sign=True, best=d["distinguishable"]),
            Cell(p_value(d.get("p_value"))),
            Cell(p_value(d.get("p_holm"))),
            Cell(number(d.get("probability_of_improvement"), 2)),
            interval_cell(d.get("regret"), sign=True),
            Cell("yes" if d["distinguishable"] else "no", _needed(d.get("needed"), unit)),
        )
        for d in study.comparison["differences"]
    )
    note = (
        "The intervals hold all at once. p: corrected resampled t-test; Holm: corrected for all "
        "comparisons of this table. P(better): share of replicates and tasks in which the "
        "balancer scores above its baseline."
    )
    folded = len(rows) > _MANY
    return Table("Every comparison with a baseline", titles, rows, note, folded=folded, arms=True)


def _needed(needed: Mapping[str, Any] | None, unit: str) -> str:
    if not needed:
        return ""
    parts = [
        f"{number(needed[key], 0)} {words}"
        for key, words in (("rows", f"held-out {unit}"), ("seeds", "seeds"))
        if needed.get(key)
    ]
    ways = " or ".join(parts) or f"{number(needed['outer_folds'], 0)} outer folds"
    return f"{ways} to see {number(needed['difference'])}"
