"""The tables that the page shows, as cells of text."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from hemomodel.schema import Task
from study.report.blocks import Cell, Table
from study.report.frames import failures, states
from study.report.reading import Study
from study.report.words import number, p_value, percent, short, signed

__all__ = [
    "arm_table",
    "clinical_table",
    "difference_table",
    "failure_table",
    "finalist_table",
    "first_table",
    "loss_table",
    "pairs_table",
    "skill_table",
    "state_table",
]

_MANY = 8  # rows beyond which a table of details is folded
_CONTINUOUS = {"mean ± SD", "median (IQR)"}


def arm_table(study: Study) -> Table:
    """Returns one row an arm, the references, and the arms that no trial of ended."""
    titles = (
        Cell("balancer"), Cell("score", "95 % interval"), Cell("mean rank"),
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
        (_reference(model), _spread(model.get("score")), *nothing) for model in study.references
    ]
    note = (
        "Regret is the distance from the best possible prediction, known for built-in patients. "
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
        _spread(score, best=reached is not None and reached == best),
        Cell(number(arm.get("mean_rank"), 2)),
        _spread(arm.get("delta_m"), 1, sign=True),
        _worst(study, arm.get("worst_task")),
        _spread(arm.get("regret")),
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


def _spread(
    found: Mapping[str, float] | None, digits: int = 3, *, sign: bool = False, best: bool = False
) -> Cell:
    if found is None:
        return Cell("–")
    show = signed if sign else number
    low, high = show(found["low"], digits), show(found["high"], digits)
    return Cell(show(found["estimate"], digits), f"[{low}, {high}]", best)


def difference_table(study: Study) -> Table:
    """Returns one row a comparison with a baseline."""
    titles = (
        Cell("balancer"), Cell("baseline"), Cell("difference", "simultaneous interval"), Cell("p"),
        Cell("p (Holm)"), Cell("P(better)"), Cell("regret", "difference"),
        Cell("told apart?", "what it would take"),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(d["arm"]),
            Cell(d["baseline"]),
            _spread(d, sign=True, best=d["distinguishable"]),
            Cell(p_value(d.get("p_value"))),
            Cell(p_value(d.get("p_holm"))),
            Cell(number(d.get("probability_of_improvement"), 2)),
            _spread(d.get("regret"), sign=True),
            Cell("yes" if d["distinguishable"] else "no", _needed(d.get("needed"))),
        )
        for d in study.comparison["differences"]
    )
    note = (
        "The intervals hold all at once. p: corrected resampled t-test; Holm: corrected for all "
        "comparisons of this table. P(better): share of replicates and bootstrap draws in which "
        "the balancer scores above its baseline."
    )
    folded = len(rows) > _MANY
    return Table("Every comparison with a baseline", titles, rows, note, folded=folded, arms=True)


def _needed(needed: Mapping[str, Any] | None) -> str:
    if not needed:
        return ""
    parts = [
        f"{number(needed[key], 0)} {words}"
        for key, words in (("rows", "held-out rows"), ("seeds", "seeds"))
        if needed.get(key)
    ]
    aim = needed.get("difference")
    return " and ".join(parts) + (f" to see {number(aim)}" if aim else "") if parts else ""


def clinical_table(study: Study) -> Table:
    """Returns accuracy of classes and the error of flows in their own unit."""

    def cell(figures: Mapping[str, Any]) -> Cell:
        if "rmse" in figures:
            return Cell(number(figures["rmse"], 1), f"MAE {number(figures.get('mae'), 1)}")
        balanced = percent(figures.get("balanced_accuracy"))
        return Cell(percent(figures.get("accuracy")), f"bal. {balanced}")

    note = (
        "Classes: accuracy, and under it balanced accuracy (the mean over classes, so that a "
        "frequent class cannot carry it). Flows: root mean square and mean absolute error in "
        "mL/min or the task's own unit. Bold: the best balancer of the column."
    )
    return _by_task(study, "In clinical units", cell, note)


def skill_table(study: Study) -> Table:
    """Returns each task's skill with its interval."""

    def cell(figures: Mapping[str, Any]) -> Cell:
        skill = figures.get("skill")
        return _spread(skill, 2) if isinstance(skill, Mapping) else Cell(number(skill, 2))

    note = "Skill of each task and its 95 % interval (two-level bootstrap over rows and seeds)."
    return _by_task(study, "Skill with its interval", cell, note, folded=True)


def loss_table(study: Study) -> Table:
    """Returns the losses in natural units, with the regret."""

    def cell(figures: Mapping[str, Any]) -> Cell:
        regret = figures.get("regret")
        small = "" if regret is None else f"regret {number(regret, 3 if regret < 1 else 1)}"
        if "rmse" in figures:
            return Cell(f"R² {number(figures.get('r2'), 2)}", small)
        return Cell(number(figures.get("cross_entropy"), 3), small)

    note = "Classes: cross-entropy in nats. Flows: R². Regret in nats, or the unit squared."
    return _by_task(study, "Losses and regret", cell, note, folded=True)


def _by_task(
    study: Study,
    title: str,
    cell: Callable[[Mapping[str, Any]], Cell],
    note: str,
    *,
    folded: bool = False,
) -> Table:
    """Returns one row a model and one column a task."""
    heads = [
        Cell(task.title_zh or task.title, _unit_line(task) if task.title_zh else task.unit)
        for task in study.tasks
    ]
    winners = {task.name: _winner(study.arms, task.name) for task in study.tasks}
    rows = []
    entries = [(arm["arm"], arm, "") for arm in study.arms]
    entries += [(m["model"].replace("_", " "), m, "reference") for m in study.references]
    for name, entry, small in entries:
        cells = [Cell(name, small)]
        for task in study.tasks:
            made = cell(entry["tasks"].get(task.name, {}))
            cells.append(Cell(made.text, made.small, best=winners[task.name] == name))
        rows.append(tuple(cells))
    return Table(title, (Cell("balancer"), *heads), tuple(rows), note, folded=folded, arms=True)


def _unit_line(task: Task) -> str:
    return f"{task.title}, {task.unit}" if task.unit else task.title


def _winner(arms: Sequence[Mapping[str, Any]], task: str) -> str | None:
    """Returns the arm with the greatest skill on a task."""
    skills = {
        arm["arm"]: arm["tasks"][task]["skill"]["estimate"]
        for arm in arms
        if isinstance(arm["tasks"].get(task, {}).get("skill"), Mapping)
    }
    return max(skills, key=lambda name: skills[name]) if len(skills) > 1 else None


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
        "validation score there was chosen, and it alone was scored on held-out rows."
    )
    return Table("Finalists", titles, tuple(rows), note, folded=True, arms=True, style="words")


def first_table(frame: pd.DataFrame) -> Table:
    """Returns Table 1: a continuous variable on one line, a category with a line a level."""
    groups = [c for c in frame.columns if c not in ("section", "variable", "title", "level")]
    rows: list[tuple[Cell, ...]] = []
    for section, part in frame.groupby("section", sort=False):
        rows.append((Cell(str(section)),))
        for (_, title), lines in part.groupby(["variable", "title"], sort=False):
            rows += _variable(str(title), lines, groups)
    titles = (Cell(""), *(Cell(str(group)) for group in groups))
    note = "Mean ± SD, or median (quartiles) where skewed; n (%) of the known values."
    title = "Table 1. Patients, prescriptions and sessions"
    return Table(title, titles, tuple(rows), note, style="dense")


def _variable(title: str, lines: pd.DataFrame, groups: list[str]) -> list[tuple[Cell, ...]]:
    texts = [tuple(Cell(str(text)) for text in row) for row in lines[groups].to_numpy()]
    levels = [str(level) for level in lines["level"]]
    if set(levels) <= _CONTINUOUS:
        return [(Cell(title, levels[0]), *texts[0])]
    empty = tuple(Cell("") for _ in groups)
    under = [(Cell(f"\u2003{level}"), *row) for level, row in zip(levels, texts, strict=True)]
    return [(Cell(title), *empty), *under]


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
