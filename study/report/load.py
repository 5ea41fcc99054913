"""Reads a study's folder for a report: required files and optional files."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from hemomodel.errors import InputError
from hemomodel.schema.entries import Task
from hemomodel.schema.schema import Schema, load_schema
from hemomodel.schema.validation_message import validation_message
from hemomodel.training.fit_config import FitConfig
from study.analysis.comparison.arm_result import ArmResult, ReferenceResult, TaskResult, by_score
from study.analysis.comparison.result import Comparison, from_json
from study.report.file_schemas import COLUMNS, check_kinds
from study.report.formatting import percent
from study.store.read_tables import read_table
from study.store.record import read_record, shareable
from study.store.study_folder import StudyFolder

__all__ = ["LoadedStudy", "find_study", "open_study", "read_comparison", "read_schema"]

_OPTIONAL = (
    *("held_out", "references", "curves", "cosines", "calibration", "table_one"),
    *("permutation", "ensemble_scores", "ensemble_calibration", "subgroups"),
)
_NEEDED = {"arms", "differences", "verdict"}


@dataclass(frozen=True, eq=False)
class LoadedStudy:
    """The content of a study's folder; the report uses nothing else.

    Attributes:
        folder: the study's folder.
        record: the content of `study.yaml`.
        comparison: the content of `comparison.json`.
        trials: one row per trial.
        tables: the optional tables that exist, by name.
        attrition: the ledger, or None.
        schema: the schema of the table, or None if its file cannot be read any more.
        tasks: the tasks of the schema, in order; without a schema, tasks with names only.
        notes: sentences about files that could not be read.
    """

    folder: StudyFolder
    record: dict[str, Any]
    comparison: Comparison
    trials: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    attrition: dict[str, Any] | None
    schema: Schema | None
    tasks: tuple[Task, ...]
    notes: tuple[str, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """The resolved settings, as the version that ran the study wrote them."""
        settings: dict[str, Any] = self.record["settings"]
        return settings

    @property
    def feature_set(self) -> str:
        """The name of the feature set that the networks use."""
        name = str((self.settings.get("fit") or {}).get("features") or FitConfig().features)
        return self.schema.feature_set_name(name) if self.schema else name

    @property
    def level(self) -> str:
        """The coverage of the intervals, in percent."""
        return percent(self.comparison.level)

    @property
    def sentences(self) -> list[str]:
        """The verdict sentence of each difference."""
        return [gap.verdict for gap in self.comparison.differences if gap.verdict]

    @property
    def arms(self) -> list[ArmResult]:
        """The compared arms, the best score first; those without a score last."""
        return self.comparison.ranked

    @property
    def names(self) -> list[str]:
        """Names of the compared arms, in the same order."""
        return [arm.name for arm in self.arms]

    def arm(self, name: str) -> ArmResult:
        """Returns a compared arm by its name."""
        return next(arm for arm in self.comparison.arms if arm.name == name)

    @property
    def lost(self) -> list[str]:
        """Arms that were searched but are not in the comparison."""
        searched = dict.fromkeys(self.trials["arm"])
        return [name for name in searched if name not in self.names]

    @property
    def references(self) -> list[ReferenceResult]:
        """The reference models, the best first, with all their metrics in the table."""
        return sorted(map(self._with_metrics, self.comparison.references), key=by_score)

    def _with_metrics(self, model: ReferenceResult) -> ReferenceResult:
        table = self.tables.get("references")
        if table is None:
            return model
        rows = table[(table["model"] == model.name) & (table["metric"] != "skill")]
        means = rows.pivot_table(index="task", columns="metric", values="value")
        known: dict[Any, dict[Any, float]] = {
            task: row.dropna().to_dict() for task, row in means.iterrows()
        }
        tasks = {
            task: replace(result, metrics={**known.get(task, {}), **result.metrics})
            for task, result in model.tasks.items()
        }
        return replace(model, tasks=tasks)

    def task(self, name: str) -> Task:
        """Returns a task by name; a task that is not in the schema has only its name."""
        matches = [task for task in self.tasks if task.name == name]
        return matches[0] if matches else _bare(name, TaskResult())


def find_study(text: str) -> StudyFolder:
    """Returns the folder of a study from its path or its name in studies/.

    Raises:
        InputError: neither place has a study.
    """
    places = [Path(text), Path("studies") / text]
    for place in places:
        folder = StudyFolder(place.resolve())
        if read_record(folder) is not None:
            return folder
    raise InputError(
        f"{text} is not a study: it has no study.yaml, and studies/ has no study of this name; "
        "give a study's folder or its name in studies/"
    )


def open_study(folder: StudyFolder) -> LoadedStudy:
    """Reads a study that has been compared.

    Raises:
        InputError: the folder is not a study, has no comparison yet, or has a damaged file.
    """
    record = read_record(folder)
    if record is None:
        raise InputError(
            f"{folder.root} is not a study: it has no study.yaml; give a study's folder"
        )
    comparison = read_comparison(folder)
    trials = _table(folder, "trials")
    if trials is None:
        raise InputError(
            f"study {folder.name} has no trials.parquet; "
            f"write it again with: {folder.resume_command()}"
        )
    schema, notes = read_schema(record)
    tables = {name: _table(folder, name) for name in _OPTIONAL}
    ledger = folder.root / "attrition.json"
    return LoadedStudy(
        folder=folder,
        record=shareable(record),
        comparison=comparison,
        trials=trials,
        tables={name: table for name, table in tables.items() if table is not None},
        attrition=_json(ledger) if ledger.exists() else None,
        schema=schema,
        tasks=_bare_tasks(comparison) if schema is None else schema.tasks,
        notes=notes,
    )


def read_comparison(folder: StudyFolder) -> Comparison:
    """Reads `comparison.json`.

    Raises:
        InputError: the study has no comparison, another version wrote it, or an entry is
            missing or has the wrong type.
    """
    path = folder.root / "comparison.json"
    if not path.exists():
        raise InputError(
            f"study {folder.name} has no comparison yet; finish it with: {folder.resume_command()}"
        )
    plain = _json(path)
    missing = _NEEDED - set(plain)
    if missing:
        raise InputError(
            f"{path} lacks {', '.join(sorted(missing))}, because another version wrote it; "
            f"compare again with: {folder.resume_command()}"
        )
    try:
        return from_json(plain)
    except ValidationError as error:
        finding = f"{path}: {validation_message(error, Comparison)}"
        raise InputError(f"{finding}; restore the file, or compare again with --resume") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); restore the file") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: has {type(value).__name__}, not an object; restore the file")
    return value


def _table(folder: StudyFolder, name: str) -> pd.DataFrame | None:
    path = folder.root / f"{name}.parquet"
    if not path.exists():
        return None
    table = read_table(path, COLUMNS[name])
    check_kinds(path, name, table)
    return table


def read_schema(record: dict[str, Any]) -> tuple[Schema | None, tuple[str, ...]]:
    """Returns the schema of a study's table, or None and a note on what is missing.

    Args:
        record: the content of `study.yaml`.
    """
    try:
        return load_schema(str(record["settings"].get("schema_file") or "hemodialysis")), ()
    except InputError:  # its text has the path of the file, which stays private
        why = "the schema's file cannot be read"
        return None, (f"Tasks have only their names here, without titles and units: {why}.",)


def _bare_tasks(comparison: Comparison) -> tuple[Task, ...]:
    results = {name: result for arm in comparison.arms for name, result in arm.tasks.items()}
    return tuple(_bare(name, result) for name, result in results.items())


def _bare(name: str, result: TaskResult) -> Task:
    return Task(
        name=name,
        column=name,
        title=name.replace("_", " "),
        unit="",
        kind="regression" if "rmse" in result.metrics else "classification",
        levels=(),
        meanings=(),
    )
