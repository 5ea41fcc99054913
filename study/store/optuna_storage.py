"""The Optuna storage: a journal in the study's folder, or a database named by the environment.

A database's URL holds a password, so it is read from an environment variable and said nowhere: not
on the terminal, not in `study.yaml`, and not in an error, whose own text may quote the URL.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from hemomodel.errors import InputError
from study.settings.settings import Settings
from study.store._optuna_internals import CompactJournalBackend, storage_of
from study.store.arms import Arm
from study.store.failures import causes, first_line
from study.store.study_folder import StudyFolder

__all__ = [
    "database_errors",
    "database_failure_message",
    "export_trials",
    "open_storage",
    "study_prefix",
]

_PREFIX = "env:"


def open_storage(settings: Settings, folder: StudyFolder) -> BaseStorage:
    """Opens the study's storage, or makes it.

    Raises:
        InputError: the variable is not set, or the database cannot be used.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if settings.storage is None:
        return JournalStorage(CompactJournalBackend(str(folder.journal)))
    from sqlalchemy.pool import NullPool  # for a database alone

    variable = settings.storage.removeprefix(_PREFIX)
    url = os.environ.get(variable, "")
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise InputError(
            f"--storage {settings.storage}: ${variable} holds no URL; "
            f"export {variable}=postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    if scheme in {"postgresql", "postgres"}:
        url = f"postgresql+psycopg://{rest}"
    failure = ""
    unusable: tuple[type[Exception], ...] = (*database_errors(settings), ValueError)
    try:
        # A connection for each use: none is left open, and none is kept that the server dropped.
        return RDBStorage(url, engine_kwargs={"poolclass": NullPool})
    except ImportError as error:
        known = "pip install 'hemomodel[postgres]'" if "psycopg" in url else f"no {error.name}"
        failure = f"its driver is not installed: {known}"
    except RuntimeError as error:
        failure = f"Optuna cannot use it ({first_line(error)})"
    except unusable as error:
        failure = (
            f"it cannot be opened ({type(error).__name__}): see that the server runs, and that "
            "user, password, host and database of the URL are right"
        )
    raise InputError(f"--storage {settings.storage}: {failure}")


def study_prefix(
    settings: Settings, folder: StudyFolder, storage: BaseStorage, *, new: bool
) -> str:
    """Returns what the names of a study's arms begin with in the storage.

    A journal belongs to one study, and its folder can be renamed. A database is shared.

    Raises:
        InputError: the study is new, and the database holds one of this name.
    """
    if settings.storage is None:
        return ""
    prefix = f"{folder.name}/"
    if new and any(s.study_name.startswith(prefix) for s in storage.get_all_studies()):
        raise InputError(
            f"--storage {settings.storage}: it holds a study {folder.name} already, and "
            f"{folder.root} is new; use another --name, or the folder that the study began in"
        )
    return prefix


@contextmanager
def database_failure_message(settings: Settings, resume_command: str) -> Iterator[None]:
    """Turns a database that went away into one sentence; what had ended is kept there.

    Args:
        settings: of the study.
        resume_command: the command that takes the study up again.

    Raises:
        InputError: the database went away.
    """
    try:
        yield
    except Exception as error:
        kinds = database_errors(settings)
        names = (type(cause).__name__ for cause in causes(error) if isinstance(cause, kinds))
        lost = next(names, "")
        if not lost:
            raise
        raise InputError(
            f"--storage {settings.storage}: the database no longer answers ({lost}); what had "
            f"ended is kept. When it is back: {resume_command}"
        ) from None


def export_trials(settings: Settings, arms: Sequence[Arm], folder: StudyFolder) -> None:
    """Copies what a database holds of the study to its folder, which tells all by itself."""
    if settings.storage is None:
        return

    def copy(part: Path) -> None:
        storage = JournalStorage(JournalFileBackend(str(part)))
        for arm in arms:
            name = arm.study.study_name
            optuna.copy_study(
                from_study_name=name,
                from_storage=storage_of(arm.study),
                to_storage=storage,
                to_study_name=name.removeprefix(f"{folder.name}/"),
            )

    folder.write_with(folder.journal.name, copy)


def database_errors(settings: Settings) -> tuple[type[Exception], ...]:
    """Returns what the study's database raises; a journal raises what the disk does."""
    if settings.storage is None:
        return ()
    from sqlalchemy.exc import SQLAlchemyError  # for a database alone

    return (SQLAlchemyError, optuna.exceptions.StorageInternalError)
