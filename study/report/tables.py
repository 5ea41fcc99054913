"""The tables that the page shows, as cells of text."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from study.report.blocks import Cell, Table, spread
from study.report.frames import failures, states
from study.report.reading import Study
from study.report.words import number, p_value, short

__all__ = [
    "arm_table",
    "difference_table",
    "failure_table",
    "finalist_table",
    "pairs_table",
    "state_table",
]

_MANY = 8  # rows beyond which a table of details is folded


def arm_table(study: Study) -> Table:
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
        (_reference(model), spread(model.get("score")), *nothing) for model in study.references
    ]
    note = (
        "Regret is the distance from the best possible prediction, known for the built-in cohort. "
        "Δm is the mean change of the tasks' losses against networks of one task each; "
        "positive is better."
    )
    return Table("The balancers and the references", titles, tuple(rows), note, arms=True)


def _arm_row(study: Study, arm: Mapping[str, Any], best: float | None) -> tuple[Cell, ...]:
    score = arm.get("score")
    reached = score["estimate"] if score else None
    ended = arm["trials"]
    counts = " · ".join(str(ended.get(end, 0)) for end in ("complete", "pruned", "failed"))
    unsolved = arm.get("unsolved_steps") or 0
    step = arm.get("seconds_per_step")
    return (
        Cell(arm["arm"]),
        spread(score, best=reached is not None and reached == best),
        Cell(number(arm.get("mean_rank"), 2)),
        spread(arm.get("delta_m"), 1, sign=True),
        _worst(study, arm.get("worst_task")),
        spread(arm.get("regret")),
        Cell(counts, f"{unsolved:,} steps unsolved" if unsolved else ""),
        Cell(number(arm.get("seconds_per_trial"), 1)),
        Cell(number(1000 * step if step else None, 2)),
    )


def _worst(study: Study, worst: Mapping[str, Any] | None) -> Cell:
    if worst is None:
        return Cell("–")
    task = study.task(worst["task"])
    return Cell(task.title_zh or task.title, f"{short(task.name)}, {number(worst['skill'], 2)}")


def _reference(model: Mapping[str, Any]) -> Cell:
    return Cell(model["model"].replace("_", " "), "reference")


def difference_table(study: Study) -> Table:
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
            spread(d, sign=True, best=d["distinguishable"]),
            Cell(p_value(d.get("p_value"))),
            Cell(p_value(d.get("p_holm"))),
            Cell(number(d.get("probability_of_improvement"), 2)),
            spread(d.get("regret"), sign=True),
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


def state_table(study: Study) -> Table:
    """Returns how the trials of each arm ended, and their time."""
    frame = states(study)
    titles = tuple(Cell(str(name)) for name in ("arm", *frame.columns))
    rows = [_counts(str(name), row) for name, row in frame.iterrows()]
    rows.append(_counts("all", frame.sum()))
    note = (
        "Complete: trained to the end. Pruned: stopped early by its arm's ladder. Seconds are "
        "summed over trials."
    )
    return Table("How the trials ended", titles, tuple(rows), note, arms=True)


def _counts(name: str, row: "pd.Series[Any]") -> tuple[Cell, ...]:
    return (Cell(name), *(Cell(number(float(value), 0)) for value in row))


def failure_table(study: Study) -> Table | None:
    """Returns every failed trial with its reason, or None."""
    frame = failures(study)
    if frame.empty:
        return None
    rows = tuple(
        (Cell(str(row.number)), Cell(str(row.arm)), Cell(str(row.error)), Cell(_params(row.params)))
        for row in frame.itertuples(index=False)
    )
    titles = (Cell("trial"), Cell("arm"), Cell("why"), Cell("its parameters"))
    return Table("Failed trials", titles, rows, folded=len(rows) > _MANY, style="words")


def _params(text: object) -> str:
    params = json.loads(str(text))
    return ", ".join(f"{key} = {_brief(value)}" for key, value in params.items())


def _brief(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def finalist_table(study: Study) -> Table | None:
    """Returns the configurations that were retrained, or None."""
    rows = []
    for arm in study.arms:
        for one in arm.get("finalists") or []:
            params = ", ".join(f"{k} = {_brief(v)}" for k, v in one["params"].items())
            chosen = bool(one.get("chosen"))
            rows.append(
                (
                    Cell(arm["arm"], "chosen" if chosen else "", chosen),
                    Cell(str(one.get("outer_fold", 0))),
                    Cell(str(one["trial"])),
                    Cell(number(one.get("search_score"))),
                    Cell(number(one.get("validation_score"))),
                    Cell(str(one["epochs"])),
                    Cell(params),
                )
            )  # fmt: skip
    if not rows:
        return None
    titles = tuple(
        Cell(name)
        for name in ("arm", "outer fold", "trial", "search score", "validation score", "epochs",
                     "parameters")
    )  # fmt: skip
    note = (
        "Each arm's best trials were trained again on fresh seeds; the one with the best "
        "validation score there was chosen. The held-out scores of the others chose nothing: they "
        "tell how much luck there is in a search."
    )
    return Table("Finalists", titles, tuple(rows), note, folded=True, arms=True, style="words")


def pairs_table(title: str, pairs: Mapping[str, Any], *, folded: bool = False) -> Table:
    """Returns names and values, nested names joined by dots."""
    rows = tuple((Cell(key), Cell(value)) for key, value in _leaves(pairs))
    return Table(title, (Cell("what"), Cell("value")), rows, folded=folded, style="words")


def _leaves(pairs: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in pairs.items():
        if isinstance(value, Mapping) and value:
            found += _leaves(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple):
            found.append((f"{prefix}{key}", ", ".join(map(str, value)) or "none"))
        else:
            found.append((f"{prefix}{key}", "none" if value in (None, {}) else str(value)))
    return found
