"""Writes every file of a study's folder from made-up trials and losses, without a search.

Only the results of the search and of the retraining are made up. The product's own code computes
the tables of trials and winners, the comparison and the evaluation of the ensembles.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from hemomodel import synthetic_cohort
from hemomodel.cohort.summary import Tables, table_one
from hemomodel.schema.schema import Schema
from study.analysis.comparison.build import compare
from study.analysis.comparison.result import to_json
from study.analysis.comparison_data import ComparisonData
from study.analysis.held_out.permutation_importance import source_columns
from study.analysis.held_out.rows import HeldOutRows, Winner
from study.analysis.held_out.tables import evaluate_winners
from study.analysis.winner_tables import winner_tables
from study.settings.analysis_plan import AnalysisPlan
from study.store.record import write_record
from study.store.study_folder import StudyFolder
from study.store.trial_tables import metric_table, trials_table
from tests.support.made_up_results import (
    EPOCHS,
    PAIRS,
    Retrained,
    Tasks,
    evidence_of,
    made_up_metrics,
    retrained,
    searched,
)

_DRAWS = 200  # tests check the form of a comparison, not its interval bounds


Maker = Callable[..., StudyFolder]


@dataclass(frozen=True)
class About:
    """The table that a study is about.

    Attributes:
        schema: of the table.
        groups: the rows that Table 1 compares.
        attrition: the ledger, as written to its file.
        settings: the table's settings in the study's record.
        size: held_out_rows; for grouped rows also unit and held_out_units.
    """

    schema: Schema
    groups: Tables
    attrition: dict[str, Any]
    settings: dict[str, Any]
    size: dict[str, Any]


def built_in() -> About:
    """The built-in cohort."""
    cohort = synthetic_cohort(465, seed=0)
    return About(
        cohort.schema,
        {"training": cohort.table.iloc[46:], "held out": cohort.table.iloc[:46]},
        cohort.attrition.to_dict(),
        {"data": "synthetic:465", "schema_file": None},
        {"held_out_rows": 46},
    )


def made_study(
    root: Path,
    arms: Sequence[str],
    trials: int = 80,
    lost: str | None = None,
    about: About | None = None,
) -> StudyFolder:
    """Writes every file of a study's folder; no trial of the arm `lost` ends with a score."""
    about = about or built_in()
    tasks = about.schema.tasks
    random = np.random.default_rng(7)
    folder = StudyFolder(root)
    folder.make_root()
    names = [*arms, *([lost] if lost else [])]
    _write_record(folder, names, trials, about.settings)
    searches = searched(folder, names, lost, trials // len(names), random, tasks)
    table = trials_table(searches)
    folder.write_table("trials.parquet", table)
    results = retrained(searches, random, tasks, about.size["held_out_rows"])
    evidence = evidence_of(searches, results, about.size)
    _write_winners(folder, evidence, results, tasks)
    comparison = compare(evidence, tasks, table, AnalysisPlan(draws=_DRAWS))
    folder.write_json("comparison.json", to_json(comparison))
    folder.write_json("attrition.json", about.attrition)
    folder.write_table("table_one.parquet", table_one(about.schema, about.groups, rare=0.05))
    _write_ensembles(folder, about, arms, comparison.ranked[0].name, random)
    return folder


def _write_record(
    folder: StudyFolder, arms: Sequence[str], trials: int, data: dict[str, Any]
) -> None:
    record = {
        "settings": {
            "name": folder.name, **data, "trials": trials,
            "seed": 0, "balancers": list(arms), "fit": {"epochs": EPOCHS}, "space": {},
            "early_stopping": {"grace": 10, "factor": 3.0},
        },
        "data_digest": "72" * 32,
        "versions": {"hemomodel": "0.1.0", "torch": "2.13.0"},
        "python": "3.11.7",
        "machine": "Linux x86_64",
        "commit": "4307723555e39338e736e8660ecf01ee8be36024",
        "command": f"search.py --trials {trials} --name {folder.name}",
    }  # fmt: skip
    write_record(folder, record)


def _write_winners(
    folder: StudyFolder, evidence: ComparisonData, results: Retrained, tasks: Tasks
) -> None:
    """Writes the tables of the winners and of the reference models."""
    (fold,) = evidence.outer_folds
    chosen = {(arm, fold.best(arm).trial) for arm in evidence.arms}
    winners = [(f, r) for f, r in results if (f.arm, f.number) in chosen]
    stack: Any = SimpleNamespace(tasks=tasks, pairs=PAIRS)
    tables = winner_tables(winners, [stack])
    names = [task.name for task in tasks]
    tables["references"] = pd.concat(
        [
            metric_table(made_up_metrics(losses, fold.trivial, tasks), PAIRS, names).assign(
                model=model, outer_fold=0
            )
            for model, losses in fold.references.items()
        ],
        ignore_index=True,
    )
    for name, table in tables.items():
        folder.write_table(f"{name}.parquet", table)


def _write_ensembles(
    folder: StudyFolder,
    about: About,
    arms: Sequence[str],
    leading: str,
    random: np.random.Generator,
) -> None:
    """Writes the tables about ensembles; these predict from the numeric columns only."""
    *_, table = about.groups.values()
    rows = made_up_rows(about.schema, table, random)
    *_, feature_set = about.schema.feature_sets
    sources = source_columns(about.schema, feature_set).values()
    numbers = table[[name for names in sources for name in names]].select_dtypes("number")
    centre, scale = numbers.mean().to_numpy(), numbers.std().to_numpy() + 1e-9

    def predictor(slopes: np.ndarray, cold: float) -> Callable[[pd.DataFrame], np.ndarray]:
        def predict(frame: pd.DataFrame) -> np.ndarray:
            state = (frame[numbers.columns].to_numpy() - centre) / scale
            return rows.trivial + cold * np.nan_to_num(state) @ slopes

        return predict

    winners = []
    for arm in arms:
        slopes = random.normal(0, 0.1, (numbers.shape[1], len(rows.trivial)))
        temperatures = random.uniform(0.8, 1.6, len(rows.tasks))
        winners.append(Winner(arm, 0, predictor(slopes, 2.0), predictor(slopes, 1.0), temperatures))
    tables = evaluate_winners(about.schema, feature_set, winners, [rows], leading)
    for name, ensemble_table in tables.items():
        folder.write_table(f"{name}.parquet", ensemble_table)


def made_up_rows(schema: Schema, table: pd.DataFrame, random: np.random.Generator) -> HeldOutRows:
    """Returns held-out rows with random labels."""
    labels = np.concatenate(
        [np.eye(task.size)[random.integers(0, task.size, len(table))] if task.levels
         else random.gamma(9, 1, (len(table), 1)) for task in schema.tasks], axis=1
    )  # fmt: skip
    value = np.repeat([task.is_value for task in schema.tasks], [t.size for t in schema.tasks])
    return HeldOutRows(
        tasks=schema.tasks,
        table=table.reset_index(drop=True),
        labels=labels,
        known=np.ones((len(table), len(schema.tasks)), dtype=bool),
        units=np.arange(len(table)),
        trivial=np.where(value, labels.mean(0), np.log((labels.sum(0) + 0.5) / len(labels))),
    )
