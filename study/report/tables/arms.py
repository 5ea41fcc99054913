"""The tables of the arms and of their differences."""

from study.analysis.comparison.arm_result import ArmResult, ReferenceResult, WorstTask
from study.analysis.statistics.sample_size import RequiredSample
from study.report.components.blocks import Cell, Table, interval_cell
from study.report.formatting import abbreviated, model_title, number, p_value
from study.report.load import LoadedStudy
from study.report.tables.trials import MANY_ROWS

__all__ = ["arm_table", "difference_table"]


def arm_table(study: LoadedStudy) -> Table:
    """Returns one row per arm, per arm without a score, and per reference model."""
    titles = (
        Cell("balancer"), Cell("score", f"{study.level} interval"), Cell("mean rank"),
        Cell("Δm", "% vs. single_task"),
        Cell("worst task", "skill"), Cell("regret"), Cell("trials", "complete · pruned · failed"),
        Cell("s per trial"), Cell("ms per step"),
    )  # fmt: skip
    best = max((arm.score.estimate for arm in study.arms if arm.score), default=None)
    rows = [_arm_row(study, arm, best) for arm in study.arms]
    nothing = [Cell("–")] * (len(titles) - 2)
    lost = Cell("no trial ended with a score")
    rows += [(Cell(name), lost, *nothing) for name in study.lost]
    rows += [
        (_reference(model), interval_cell(model.score), *nothing) for model in study.references
    ]
    note = (
        "Regret: expected loss above that of the best possible prediction, as a share of the "
        "trivial predictor's loss; known only for the built-in cohort. Δm: mean relative reduction "
        "of the tasks' losses, compared with single_task (one network per task); positive is "
        "better. Pruned: ended by the early-stopping schedule."
    )
    return Table("Balancers and reference models", titles, tuple(rows), note, arms=True)


def _arm_row(study: LoadedStudy, arm: ArmResult, best: float | None) -> tuple[Cell, ...]:
    counts = " · ".join(str(arm.trials.get(end, 0)) for end in ("complete", "pruned", "failed"))
    unsolved, step = arm.unsolved_steps, arm.seconds_per_step
    return (
        Cell(arm.name),
        interval_cell(arm.score, best=arm.score is not None and arm.score.estimate == best),
        Cell(number(arm.mean_rank, 2)),
        interval_cell(arm.delta_m, 1, sign=True),
        _worst(study, arm.worst_task),
        interval_cell(arm.regret),
        Cell(counts, f"{unsolved:,} steps not converged" if unsolved else ""),
        Cell(number(arm.seconds_per_trial, 1)),
        Cell(number(1000 * step if step else None, 2)),
    )


def _worst(study: LoadedStudy, worst: WorstTask | None) -> Cell:
    if worst is None:
        return Cell("–")
    task = study.task(worst.task)
    title = task.second_title or task.title
    return Cell(title, f"{abbreviated(task.name)}, {number(worst.skill, 2)}")


def _reference(model: ReferenceResult) -> Cell:
    return Cell(model_title(model.name), "reference")


def difference_table(study: LoadedStudy) -> Table:
    """Returns one row per comparison with a baseline."""
    titles = (
        Cell("balancer"), Cell("baseline"), Cell("difference", "simultaneous interval"), Cell("p"),
        Cell("p (Holm)"), Cell("P(better)"), Cell("regret", "difference"),
        Cell("significantly different?", "size that would be needed"),
    )  # fmt: skip
    unit = study.comparison.unit
    rows = tuple(
        (
            Cell(gap.arm),
            Cell(gap.baseline),
            interval_cell(gap.interval, sign=True, best=gap.distinguishable),
            Cell(p_value(gap.p_value)),
            Cell(p_value(gap.p_holm)),
            Cell(number(gap.probability_of_improvement, 2)),
            interval_cell(gap.regret, sign=True),
            Cell("yes" if gap.distinguishable else "no", _needed(gap.needed, unit)),
        )
        for gap in study.comparison.differences
    )
    note = (
        f"The {study.level} intervals are simultaneous: they hold for all comparisons together. p: "
        "corrected resampled t-test. p (Holm): adjusted for all comparisons of this table. "
        "P(better): share of replicates and tasks in which the balancer has a higher skill than "
        "the baseline."
    )
    folded = len(rows) > MANY_ROWS
    return Table("All comparisons with a baseline", titles, rows, note, folded=folded, arms=True)


def _needed(needed: RequiredSample | None, unit: str) -> str:
    if needed is None:
        return ""
    counts = ((needed.rows, f"held-out {unit}"), (needed.seeds, "seeds"))
    parts = [f"{number(count, 0)} {words}" for count, words in counts if count]
    ways = " or ".join(parts) or f"{number(needed.outer_folds, 0)} outer folds"
    return f"{ways} to detect {number(needed.difference)}"
