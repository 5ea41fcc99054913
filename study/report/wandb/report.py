"""The W&B report of a study: built without a network, and saved to a server on request."""

import json
from pathlib import Path
from typing import Any

from hemomodel.schema.entries import Task
from study.report.load import read_comparison, read_schema
from study.store.record import read_record
from study.store.study_folder import StudyFolder
from study.tracking.offline_runs import read_trials, study_name
from study.tracking.tracker import PROJECT, import_wandb
from study.tracking.wandb_server import Server, find_server, refusals

__all__ = ["wandb_report"]

_SPEC = "report_spec.json"
_SAVED = "wandb_report.json"


def wandb_report(
    folder: StudyFolder,
    *,
    online: bool,
    project: str = PROJECT,
    entity: str | None = None,
    timeout: float = 60,
) -> Path:
    """Writes the report to `report_spec.json`; with `online`, also saves it to the server.

    `wandb_report.json` has the server's id of the report, so a second save updates the report.

    Args:
        folder: the study's folder.
        online: whether to save the report to the server.
        project: the W&B project of the runs and the report.
        entity: a user or a team; the account's default if not given.
        timeout: seconds to wait for the server.

    Returns:
        the path of the specification.

    Raises:
        InputError: the study has not ended, or the server refuses the report.
    """
    trials, comparison = read_trials(folder), read_comparison(folder)
    import_wandb(folder)
    from study.report.wandb._workspaces_internals import report_spec
    from study.report.wandb.panels import PanelData, build_report

    study = PanelData(study_name(trials), trials, comparison, _known_tasks(folder))
    path = folder.write_text(_SPEC, report_spec(build_report(study, project, "")) + "\n")
    if online:
        server = find_server(folder, entity, timeout)
        _save(folder, build_report(study, project, server.entity), server)
    return path


def _known_tasks(folder: StudyFolder) -> tuple[Task, ...]:
    record = read_record(folder)
    schema = None if record is None else read_schema(record)[0]
    return () if schema is None else schema.tasks


def _save(folder: StudyFolder, report: Any, server: Server) -> None:
    place = {"server": server.url, "entity": report.entity, "project": report.project}
    path = folder.root / _SAVED
    saved = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if place.items() <= saved.items():
        report.id = saved["id"]
    advice = f"try again later; if the report was deleted on the server, delete {path}"
    with refusals(folder, server.url, advice):
        report.save()
    folder.write_json(_SAVED, {**place, "id": report.id, "url": report.url})
