"""Completes a study after its search: finalists, comparison, tables, models, report."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import ray
from rich.console import Console

from hemomodel.cohort.summary import table_one
from hemomodel.dataset.preparation import prepare
from hemomodel.dataset.stack import Stack
from hemomodel.errors import InputError
from study.analysis.comparison.build import compare
from study.analysis.comparison.result import Comparison, to_json
from study.analysis.comparison.tables import comparison_table, difference_table, task_table
from study.analysis.comparison_data import ComparisonData, OuterFold
from study.analysis.export_models import export_models, export_references
from study.analysis.finalists import Finalist, finalist_scores, retrain_finalists, select_finalists
from study.analysis.held_out.rows import Winner, clusters_of_rows, held_out_rows
from study.analysis.held_out.tables import evaluate_winners
from study.analysis.retrain import FittedReferences, RetrainedFinalist, references_on_worker
from study.analysis.winner_tables import winner_tables
from study.cluster.devices import Device
from study.report.card.write import write_cards
from study.report.write import write_report
from study.settings.analysis_plan import DEFAULT_PLAN
from study.settings.cohort_and_splits import fresh_replicates, outer_folds
from study.store.arms import Arm
from study.store.prepared_study import PreparedStudy
from study.store.trial_tables import metric_table
from study.tracking.tracker import Tracker

__all__ = ["finalize"]


def finalize(
    study: PreparedStudy,
    arms: Sequence[Arm],
    trials: pd.DataFrame,
    tracker: Tracker,
    device: Device,
    console: Console,
) -> Comparison:
    """Retrains the finalists, compares them on held-out rows, and writes all results.

    Args:
        study: a study with a search that has ended.
        arms: of the study.
        trials: one row per trial.
        tracker: logs the comparison.
        device: trains the finalists.
        console: shows the user what is running.

    Returns:
        the comparison.

    Raises:
        InputError: no arm has a network that can be compared.
    """
    chosen = select_finalists(arms, study.space.build, study.settings.finalists)
    if {finalist.outer_fold for finalist in chosen} != set(range(outer_folds(study.settings))):
        raise InputError(_nothing(study, trials))
    stacks = [_held_out_stack(study, fold) for fold in range(outer_folds(study.settings))]
    with console.status("retraining the finalists of each arm on fresh seeds"):
        of_one_seed = [stack[: study.settings.folds] for stack in stacks]
        models = [references_on_worker.remote(stack) for stack in of_one_seed]
        confirmed = retrain_finalists(chosen, stacks, device)
        references: list[FittedReferences] = ray.get(models)
    pairs = list(zip(chosen, confirmed, strict=True))
    evidence = _comparison_data(study, arms, pairs, stacks, references)
    if not evidence.arms:
        raise InputError(_nothing(study, trials))
    tasks = stacks[0].tasks
    rules = replace(DEFAULT_PLAN, finalists=study.settings.finalists)
    comparison = compare(evidence, tasks, trials, rules)
    winners = _winners(evidence, pairs)
    _write(study, comparison, winner_tables(winners, stacks), references)
    blended = [models.parts.get(study.settings.blend) for models in references]
    saved = export_models(study.folder, winners, stacks, study.cohort, blended)
    features = study.space.base.features
    saved += export_references(study.folder, references, of_one_seed, study.cohort, features)
    _examine(study, comparison, saved, stacks)
    _track(study, comparison, tracker)
    with console.status("writing the report"):
        write_report(study.folder)
        write_cards(study.folder)
    return comparison


def _nothing(study: PreparedStudy, trials: pd.DataFrame) -> str:
    path = study.folder.root / "trials.parquet"
    if (trials["state"] == "failed").any():
        return f"no trial of {study.folder.name} ended with a score; see the errors in {path}"
    resume = study.folder.resume_command("--time-budget", "SECONDS")
    return f"no trial of {study.folder.name} ended in time; give it more time: {resume}"


def _held_out_stack(study: PreparedStudy, outer_fold: int) -> Stack:
    base = study.space.base
    return prepare(
        study.cohort,
        fresh_replicates(study.settings, outer_fold),
        features=base.features,
        targets=base.targets,
        with_test=True,
    )


def _comparison_data(
    study: PreparedStudy,
    arms: Sequence[Arm],
    pairs: Sequence[tuple[Finalist, RetrainedFinalist]],
    stacks: Sequence[Stack],
    references: Sequence[FittedReferences],
) -> ComparisonData:
    """Returns the data that the comparison is computed from."""
    names = list(dict.fromkeys(arm.name for arm in arms))
    seeds, folds = np.asarray(stacks[0].pairs).T
    parts = []
    for outer_fold, models in enumerate(references):
        fold_pairs = [(f, result) for f, result in pairs if f.outer_fold == outer_fold]
        parts.append(
            OuterFold(
                trivial=fold_pairs[0][1].trivial,
                arms={
                    name: tuple(
                        finalist_scores(f, result) for f, result in fold_pairs if f.arm == name
                    )
                    for name in names
                },
                trials={arm.name: len(arm.trials) for arm in arms if arm.outer_fold == outer_fold},
                # The reference models are fitted on the folds of one seed and used for all seeds.
                references={name: model.losses[folds] for name, model in models.scored.items()},
                groups=clusters_of_rows(stacks[outer_fold]),
            )
        )
    unit = "rows" if parts[0].groups is None else study.cohort.schema.groups
    return ComparisonData(seeds, stacks[0].rows_per_epoch, tuple(parts), unit)


def _winners(
    evidence: ComparisonData, pairs: Sequence[tuple[Finalist, RetrainedFinalist]]
) -> list[tuple[Finalist, RetrainedFinalist]]:
    """Returns the networks that the comparison reports, one per arm and outer fold."""
    chosen = {
        (outer_fold, fold.best(arm).trial)
        for outer_fold, fold in enumerate(evidence.outer_folds)
        for arm in evidence.arms
    }
    return [(f, result) for f, result in pairs if (f.outer_fold, f.number) in chosen]


def _write(
    study: PreparedStudy,
    comparison: Comparison,
    tables: Mapping[str, pd.DataFrame],
    references: Sequence[FittedReferences],
) -> None:
    folder, cohort = study.folder, study.cohort
    for name, table in tables.items():
        folder.write_table(f"{name}.parquet", table)
    folder.write_table("references.parquet", _reference_table(study, references))
    patients = table_one(cohort.schema, {"kept": cohort.table}, rare=0.02)
    folder.write_table("table_one.parquet", patients)
    folder.write_json("comparison.json", to_json(comparison))


def _examine(
    study: PreparedStudy,
    comparison: Comparison,
    saved: Sequence[Winner],
    stacks: Sequence[Stack],
) -> None:
    """Writes the evaluation of the exported models."""
    rows = [held_out_rows(study.cohort, stack) for stack in stacks]
    leading = comparison.ranked[0].name
    features = study.space.base.features
    tables = evaluate_winners(study.cohort.schema, features, saved, rows, leading)
    for name, table in tables.items():
        study.folder.write_table(f"{name}.parquet", table)


def _track(study: PreparedStudy, comparison: Comparison, tracker: Tracker) -> None:
    """Logs the comparison to the tracker."""
    tracker.conclude(
        {**study.settings.model_dump(mode="json"), "data_digest": study.cohort.digest},
        {"verdict": comparison.verdict, "baselines": list(comparison.baselines)},
        {
            "attrition": pd.DataFrame(study.cohort.attrition.steps),
            "comparison": comparison_table(comparison),
            "differences": difference_table(comparison),
            "tasks": task_table(comparison),
        },
    )


def _reference_table(study: PreparedStudy, references: Sequence[FittedReferences]) -> pd.DataFrame:
    tasks = [task.name for task in study.cohort.schema.tasks]
    parts = []
    for outer_fold, models in enumerate(references):
        pairs = fresh_replicates(study.settings, outer_fold).pairs[: study.settings.folds]
        parts += [
            metric_table(model.metrics, pairs, tasks).assign(model=name, outer_fold=outer_fold)
            for name, model in models.scored.items()
        ]
    return pd.concat(parts, ignore_index=True)
