"""The sections of the report, in the order in which a reader needs them."""

import pandas as pd
from optuna.trial import FrozenTrial

from study.report.components.blocks import Block, Figures, Prose, Section, missing_note
from study.report.figures.arms import cost_figure, difference_figure, score_figure
from study.report.figures.attrition import attrition_flow
from study.report.figures.calibration import reliability_diagrams
from study.report.figures.cosines import conflict_figure, cosine_maps
from study.report.figures.curves import learning_by_task, learning_curves, weight_maps
from study.report.figures.ranks import rank_figure
from study.report.figures.tasks import skill_heat_map
from study.report.formatting import number
from study.report.load import LoadedStudy
from study.report.sections.ensemble import calibration_blocks, feature_blocks, subgroup_blocks
from study.report.sections.glossary import glossary
from study.report.sections.limits import limit_notes
from study.report.sections.run import run_blocks
from study.report.sections.search import search_blocks
from study.report.tables.arms import arm_table, difference_table
from study.report.tables.calibration import calibration_error
from study.report.tables.tasks import clinical_table, first_table, loss_table, skill_table

__all__ = ["all_sections"]

_FEW = 4  # panels that look better two per row
_TIMES = ("an eighth", "equal share", "8 times")


def all_sections(
    study: LoadedStudy, trials: dict[str, list[FrozenTrial]], importance: pd.DataFrame
) -> list[Section]:
    """Returns the sections.

    Args:
        study: the study to report.
        trials: of the journal, by arm.
        importance: arm, parameter, ped_anova, fanova.
    """
    return [
        Section("balancers", "Balancers compared", _compared(study)),
        Section("tasks", "Task by task", _tasks(study)),
        Section("learning", "Learning curves on held-out rows", _learning(study)),
        Section("weights", "Task weights by epoch", _weights(study)),
        Section("gradients", "Agreement of the tasks' gradients", _gradients(study)),
        Section("search", "Results of the search", search_blocks(study, trials, importance)),
        Section("calibration", "Calibration of the probabilities", _calibration(study)),
        Section("features", "Features that the ensemble depends on", feature_blocks(study)),
        Section("subgroups", "Performance by subgroup", subgroup_blocks(study)),
        Section("cohort", "The cohort", _cohort(study)),
        Section("run", "Settings, versions and cost", run_blocks(study)),
        Section("limits", "Limits, and protection against leakage", (limit_notes(study),)),
        glossary(),
    ]


def _compared(study: LoadedStudy) -> tuple[Block, ...]:
    names = tuple(study.names)
    blocks: list[Block] = [
        Figures(
            (score_figure(study),),
            f"Large mark and line: mean skill on held-out rows with its {study.level} interval. "
            "Small dots: single replicates (one fold and seed each). Their spread comes from "
            "training, not from the held-out rows. Grey marks: reference models, which balance no "
            "losses. The intervals of two balancers may overlap although their paired difference "
            "is significant. Compare balancers in the next figure.",
            legend=names,
        ),
        arm_table(study),
    ]
    baselines = dict.fromkeys(gap.baseline for gap in study.comparison.differences)
    if baselines:
        blocks.append(
            Figures(
                tuple(difference_figure(study, baseline) for baseline in baselines),
                "Right of zero: better than the baseline, on the same rows, seeds and folds. "
                "Filled marks: significantly different; the interval excludes zero, and the "
                "corrected test rejects. Open marks: not distinguishable at this size, which does "
                "not mean that the two are equal.",
                size="half",
                title="Paired differences",
            )
        )
        blocks.append(difference_table(study))
    return (*blocks, *_ranks_and_cost(study))


def _ranks_and_cost(study: LoadedStudy) -> tuple[Block, ...]:
    pair = []
    ranks = study.comparison.ranks
    if ranks and ranks.mean_ranks:
        pair.append(rank_figure(ranks))
    if any(arm.seconds_per_step for arm in study.arms):
        pair.append(cost_figure(study))
    if not pair:
        return ()
    return (
        Figures(
            tuple(pair),
            "Left: mean rank over replicates and tasks; a black bar joins balancers whose ranks "
            "differ by less than the critical difference. Right: time per step on this machine, "
            "in the order of the scores. Neither figure shows whether a difference matters in "
            "practice.",
            size="half",
            title="Ranks and cost",
        ),
    )


def _tasks(study: LoadedStudy) -> tuple[Block, ...]:
    return (
        Figures(
            (skill_heat_map(study),),
            "Blue: better than base rates and means; orange: worse. Each cell is the mean over "
            "replicates, without its interval; the folded table below has the intervals.",
        ),
        clinical_table(study),
        skill_table(study),
        loss_table(study),
    )


def _learning(study: LoadedStudy) -> tuple[Block, ...]:
    if "curves" not in study.tables:
        return missing_note("Learning", "curves.parquet")
    panels = tuple(learning_curves(study))
    blocks: list[Block] = [
        Figures(
            panels,
            "Solid: mean skill on held-out rows, with the mean over tasks of the tasks' 5–95 % "
            "bands over replicates; dotted: mean skill on validation rows; grey: the other "
            "balancers. The solid line was not used for any choice. The first epochs may be "
            "below the panel.",
            size="half" if len(panels) <= _FEW else "third",
            title="Skill by epoch, mean over the tasks",
        )
    ]
    by_task = learning_by_task(study)
    if by_task:
        blocks.append(
            Figures(
                tuple(by_task),
                "Held-out skill of each task. If a line rises and falls again, the network "
                "overfits this task while other tasks still improve. A line ends at the number of "
                "epochs that was chosen on validation rows for all tasks together.",
                size="third",
                title="Skill by epoch, task by task",
                legend=tuple(study.names),
            )
        )
    return tuple(blocks)


def _weights(study: LoadedStudy) -> tuple[Block, ...]:
    if "curves" not in study.tables:
        return missing_note("The task weights", "curves.parquet")
    maps, still = weight_maps(study)
    verb = "keeps" if len(still) == 1 else "keep"
    sentence = f"{', '.join(still)} {verb} the weight of every task constant over all epochs."
    blocks: list[Block] = [Prose(sentence)] if still else []
    if maps:
        caption = (
            "Colour: a task's weight as a multiple of the equal share at that epoch, mean over "
            "replicates, on a logarithmic scale. It shows the relative weight of a task, not how "
            "much the task gained. Weights are divided by their sum, because the sum differs "
            "between methods."
        )
        title = "Weight, by task and epoch"
        blocks.append(Figures(tuple(maps), caption, size="third", title=title, scale=_TIMES))
    return tuple(blocks) or missing_note("The task weights", "weights in curves.parquet")


def _gradients(study: LoadedStudy) -> tuple[Block, ...]:
    if "cosines" not in study.tables:
        return missing_note("Agreement of gradients", "cosines.parquet")
    return (
        Figures(
            (conflict_figure(study),),
            "Share of task pairs whose gradients conflict: their cosine, mean over replicates, is "
            "negative. A mean hides conflicts of single batches.",
            legend=tuple(study.names),
        ),
        Figures(
            tuple(cosine_maps(study)),
            "Cosine between the gradients of two tasks at the last epoch shown, mean over "
            "replicates. Blue: the gradients agree; orange: they conflict. A cosine does not "
            "depend on the lengths of the gradients.",
            size="half" if len(study.names) <= _FEW else "third",
            title="Cosine of the gradients, pair by pair",
            scale=("−1, conflict", "0", "1, agree"),
        ),
    )


def _calibration(study: LoadedStudy) -> tuple[Block, ...]:
    if "calibration" not in study.tables:
        return missing_note("Calibration", "calibration.parquet")
    panels = tuple(reliability_diagrams(study))
    if not panels:
        return (Prose("No task has classes, so there are no probabilities to calibrate."),)
    errors = calibration_error(study.tables["calibration"]).groupby("arm")["error"].mean()
    spread = ", ".join(f"{name} {number(errors[name])}" for name in study.names if name in errors)
    return (
        Figures(
            panels,
            "On the diagonal, classes with a predicted probability of 30 % occurred in 30 % of "
            "rows. Above it the predictions are underconfident, below it overconfident. Every "
            "class of a task against the rest, in ten bins; bins with fewer than five pairs of "
            "row and class are left out.",
            size="third",
            title="Predicted probability and observed frequency",
            legend=tuple(study.names),
        ),
        Prose(f"Expected calibration error, mean over tasks: {spread}."),
        *calibration_blocks(study),
    )


def _cohort(study: LoadedStudy) -> tuple[Block, ...]:
    flow = attrition_flow(study)
    blocks: list[Block] = []
    if flow is not None:
        caption = "Rows that each rule removed, in order, and how the remaining rows were split."
        blocks.append(Figures((flow,), caption, size="narrow"))
    if "table_one" in study.tables:
        blocks.append(first_table(study.tables["table_one"], study.schema))
    return tuple(blocks) or missing_note("The cohort", "attrition.json and no table_one.parquet")
