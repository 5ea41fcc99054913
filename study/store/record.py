"""The record of a study: settings, versions, commit, data; and the check before a resume."""

import platform
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from hemomodel.errors import InputError
from hemomodel.schema.strict_yaml import read_yaml
from study.settings.analysis_plan import RULES, analysis_plan, recorded_rules
from study.settings.data_source import DataSource, file_label
from study.settings.settings import Settings
from study.store.study_folder import StudyFolder

__all__ = [
    "check_unchanged",
    "code_commit",
    "read_record",
    "shareable",
    "shareable_settings",
    "stored_settings",
    "study_record",
    "write_record",
]

_PACKAGES = ("hemomodel", "torch", "ray", "optuna", "pandas", "scikit-learn", "scipy", "wandb")
# Settings that may change on resume: how, and how long, the study runs; not what it measures.
_FREE = {
    *("trials", "max_concurrent", "time_budget", "address", "out", "wandb", "name"),
    *("device", "gpus_per_trial"),
}
_FILE = "study.yaml"
# Functions that replace a setting that may name a file by a label.
_LABELS: dict[str, Callable[[str], str]] = {
    "data": lambda data: DataSource.parse(data).label,
    "schema_file": file_label,
}
_CONFIG = re.compile(r"(--co?n?f?i?g?[= ]).*?(?= --|$)", re.DOTALL)  # also abbreviated


def study_record(settings: Settings, digest: str) -> dict[str, Any]:
    """Returns the study's record: settings, analysis plan, versions, commit, data, command.

    It is written before the first trial.
    """
    return {
        "settings": settings.model_dump(mode="json"),
        "declared": analysis_plan(settings.finalists),
        "data_source": settings.source.to_dict(),
        "data_digest": digest,
        "versions": {name: version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "commit": code_commit(),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def code_commit() -> str | None:
    """Returns the commit of the code, with `-dirty` if files differ from it; None outside git."""
    here = Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty"],  # noqa: S607 - git of the PATH
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return described.stdout.strip()


def write_record(folder: StudyFolder, record: dict[str, Any]) -> None:
    """Writes `study.yaml`."""
    folder.write_text(_FILE, yaml.safe_dump(record, allow_unicode=True, sort_keys=False))


def read_record(folder: StudyFolder) -> dict[str, Any] | None:
    """Returns the record of an existing study, or None.

    Raises:
        InputError: the file exists but is not the record of a study.
    """
    path = folder.root / _FILE
    if not path.exists():
        return None
    record = read_yaml(path)
    if not (
        isinstance(record, dict)
        and isinstance(record.get("settings"), dict)
        and isinstance(record.get("data_digest"), str)
    ):
        raise InputError(
            f"{path} is not the record of a study (it needs settings and data_digest); "
            "restore it from a copy, or choose another --name"
        )
    return record


def shareable_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings without private parts, for other readers.

    They contain no paths and no file names, because a file may be named after a patient.
    """
    return {
        key: _LABELS[key](value) if key in _LABELS and value else value
        for key, value in settings.items()
        if key not in {"out", "address"}
    }


def shareable(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a study's record without private parts; see `shareable_settings`."""
    settings, command = record["settings"], str(record.get("command", ""))
    for key in ("data", "schema_file", "out", "address"):
        value = str(settings.get(key) or "")
        if "/" in value or "." in value:
            command = command.replace(value, f"<{_LABELS.get(key, file_label)(value)}>")
    command = _CONFIG.sub(r"\1<a file>", command)
    return {**record, "settings": shareable_settings(settings), "command": command}


def stored_settings(out: str, name: str) -> dict[str, Any]:
    """Returns the settings of an existing study that is to be resumed.

    Raises:
        InputError: the study does not exist.
    """
    if not name or Path(name).name != name:
        raise InputError(f"--resume {name}: is not the name of a study; look for names in {out}")
    folder = StudyFolder(Path(out).resolve() / name)
    record = read_record(folder)
    if record is None:
        raise InputError(f"there is no study {name} in {folder.root.parent}; look there for names")
    return {**record["settings"], "name": name, "out": out}


def check_unchanged(
    folder: StudyFolder, stored: dict[str, Any], settings: Settings, digest: str
) -> None:
    """Refuses to resume a study with other settings, data or rules.

    Raises:
        InputError: something differs that changes what is measured.
    """
    _check_rules(folder, stored.get("declared"))
    new = settings.model_dump(mode="json")
    # A setting that is newer than the study has its default.
    old = {**Settings().model_dump(mode="json"), **stored["settings"]}
    for key in sorted(set(old) | set(new)):
        if key not in _FREE and old.get(key) != new.get(key):
            raise InputError(
                f"study {folder.name} was run with {key} = {old.get(key)!r}, not {new.get(key)!r}; "
                "use the same value, or another --name"
            )
    if other := _other_choice(stored["declared"], analysis_plan(settings.finalists)):
        raise InputError(
            f"study {folder.name} was started with another analysis plan ({other}); "
            "resume it with the version of hemomodel that started it, or use another --name"
        )
    if stored["data_digest"] != digest:
        raise InputError(
            f"study {folder.name} was run on other data (digest {stored['data_digest'][:12]}, "
            f"now {digest[:12]}); use the same file, or another --name"
        )


def _check_rules(folder: StudyFolder, declared: Any) -> None:
    """Refuses a study that was started under other rules than those of this version.

    Raises:
        InputError: the record has another number, or no number and unknown sentences.
    """
    rules = recorded_rules(declared)
    if rules == RULES:
        return
    begun = "rules that this version does not have" if rules is None else f"rules {rules}"
    raise InputError(
        f"study {folder.name} was started under {begun}, but this version uses rules {RULES}; "
        "the commands report and recommend still read this study; "
        "start a new study with another --name"
    )


def _other_choice(declared: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Returns the first difference of two plans, or ""; their sentences are not compared."""
    for key in {**declared, **now}:
        if key not in {"rules", "selection", "rule"} and declared.get(key) != now.get(key):
            return f"{key}: {declared.get(key)!r}, now {now.get(key)!r}"
    return ""
