"""A study's folder, read for a report: what must be there, and what may be."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hemomodel.errors import InputError
from hemomodel.schema.entries import Task
from hemomodel.schema.schema import Schema, load_schema
from hemomodel.training.fit_config import FitConfig
from study.report.file_schemas import COLUMNS, check_comparison, check_kinds
from study.report.formatting import percent
from study.settings.analysis_plan import DEFAULT_PLAN
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
    """All that a report says comes from here.

    Attributes:
        folder: of the study.
        record: `study.yaml`.
        comparison: `comparison.json`.
        trials: one row a trial.
        tables: the optional tables that are there, by name.
        attrition: the ledger, or None.
        schema: of the table, or None: the report of a study outlives its schema file.
        tasks: of the schema, in order; where it is gone, bare names.
        notes: what could not be had, in sentences.
    """

    folder: StudyFolder
    record: dict[str, Any]
    comparison: dict[str, Any]
    trials: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    attrition: dict[str, Any] | None
    schema: Schema | None
    tasks: tuple[Task, ...]
    notes: tuple[str, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """The resolved settings, of whatever version wrote them."""
        settings: dict[str, Any] = self.record["settings"]
        return settings

    @property
    def feature_set(self) -> str:
        """The name of the feature set that the networks see."""
        name = str((self.settings.get("fit") or {}).get("features") or FitConfig().features)
        return self.schema.feature_set_name(name) if self.schema else name

    @property
    def level(self) -> str:
        """How often intervals hold, in percent."""
        return percent(self.comparison.get("level", DEFAULT_PLAN.level))

    @property
    def arms(self) -> list[dict[str, Any]]:
        """The compared arms, the best score first; those without a score last."""
        return sorted(self.comparison["arms"], key=_place)

    @property
    def names(self) -> list[str]:
        """Names of the compared arms, in the same order."""
        return [arm["arm"] for arm in self.arms]

    @property
    def lost(self) -> list[str]:
        """Arms that were searched and have no part in the comparison."""
        searched = dict.fromkeys(self.trials["arm"])
        return [name for name in searched if name not in self.names]

    @property
    def references(self) -> list[dict[str, Any]]:
        """The reference models, the best first, with every metric that the table has of them."""
        models = self.comparison.get("references") or []
        return sorted(map(self._filled, models), key=_place)

    def _filled(self, model: dict[str, Any]) -> dict[str, Any]:
        table = self.tables.get("references")
        if table is None:
            return model
        own = table[table["model"] == model["model"]]
        means = own.pivot_table(index="task", columns="metric", values="value")
        known = {task: row.dropna().to_dict() for task, row in means.iterrows()}
        tasks = {
            task: {**known.get(task, {}), **figures} for task, figures in model["tasks"].items()
        }
        return {**model, "tasks": tasks}

    def task(self, name: str) -> Task:
        """Returns a task by name, also one that the schema does not know."""
        found = [task for task in self.tasks if task.name == name]
        return found[0] if found else _bare(name, {})


def _place(entry: dict[str, Any]) -> float:
    score = entry.get("score")
    return -score["estimate"] if score else float("inf")


def find_study(text: str) -> StudyFolder:
    """Returns the folder of a study, given by its path or by its name in studies/.

    Raises:
        InputError: neither is a study.
    """
    places = [Path(text), Path("studies") / text]
    for place in places:
        folder = StudyFolder(place.resolve())
        if read_record(folder) is not None:
            return folder
    raise InputError(
        f"{text} is no study: it holds no study.yaml, and studies/ has none of this name; "
        "give a study's folder or its name in studies/"
    )


def open_study(folder: StudyFolder) -> LoadedStudy:
    """Reads a study that has been compared.

    Raises:
        InputError: it is no study, it has no comparison yet, or a file of it is damaged.
    """
    record = read_record(folder)
    if record is None:
        raise InputError(f"{folder.root} is no study: it has no study.yaml; give a study's folder")
    comparison = read_comparison(folder)
    trials = _table(folder, "trials")
    if trials is None:
        raise InputError(
            f"study {folder.name} has lost its trials.parquet; "
            f"have it written again with: {folder.resume_command()}"
        )
    schema, notes = read_schema(record)
    found = {name: _table(folder, name) for name in _OPTIONAL}
    ledger = folder.root / "attrition.json"
    return LoadedStudy(
        folder=folder,
        record=shareable(record),
        comparison=comparison,
        trials=trials,
        tables={name: table for name, table in found.items() if table is not None},
        attrition=_json(ledger) if ledger.exists() else None,
        schema=schema,
        tasks=_bare_tasks(comparison) if schema is None else schema.tasks,
        notes=notes,
    )


def read_comparison(folder: StudyFolder) -> dict[str, Any]:
    """Reads `comparison.json`.

    Raises:
        InputError: the study has not been compared, or another version did it.
    """
    path = folder.root / "comparison.json"
    if not path.exists():
        raise InputError(
            f"study {folder.name} has no comparison yet; finish it with: {folder.resume_command()}"
        )
    comparison = _json(path)
    missing = _NEEDED - set(comparison)
    if missing:
        raise InputError(
            f"{path} lacks {', '.join(sorted(missing))}: another version wrote it; "
            f"compare again with: {folder.resume_command()}"
        )
    check_comparison(path, comparison)
    return comparison


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); restore the file") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: holds {type(value).__name__}, not an object; restore the file")
    return value


def _table(folder: StudyFolder, name: str) -> pd.DataFrame | None:
    path = folder.root / f"{name}.parquet"
    if not path.exists():
        return None
    table = read_table(path, COLUMNS[name])
    check_kinds(path, name, table)
    return table


def read_schema(record: dict[str, Any]) -> tuple[Schema | None, tuple[str, ...]]:
    """Returns the schema of a study's table, or None with a note that says what is missing.

    Args:
        record: `study.yaml`.
    """
    try:
        return load_schema(str(record["settings"].get("schema_file") or "hemodialysis")), ()
    except InputError:  # which says where the file was: no one else's business
        why = "the schema's file cannot be read"
        return None, (f"Tasks have their bare names here, without titles and units: {why}.",)


def _bare_tasks(comparison: dict[str, Any]) -> tuple[Task, ...]:
    figures = {name: own for arm in comparison["arms"] for name, own in arm["tasks"].items()}
    return tuple(_bare(name, own) for name, own in figures.items())


def _bare(name: str, figures: dict[str, Any]) -> Task:
    return Task(
        name=name,
        column=name,
        title=name.replace("_", " "),
        unit="",
        kind="regression" if "rmse" in figures else "classification",
        levels=(),
        meanings=(),
    )
