"""The Optuna storage: a journal in the study's folder, or a database.

The URL of a database contains a password. It is read from an environment variable and never
written: not to the terminal, not to `study.yaml`, and not to an error message. Texts of database
errors may quote the URL, so they are not shown.
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
    """Opens or creates the study's storage.

    Raises:
        InputError: the variable is not set, or the database cannot be used.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if settings.storage is None:
        return JournalStorage(CompactJournalBackend(str(folder.journal)))
    from sqlalchemy.pool import NullPool  # only for a database

    variable = settings.storage.removeprefix(_PREFIX)
    url = os.environ.get(variable, "")
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise InputError(
            f"--storage {settings.storage}: ${variable} does not contain a URL; "
            f"export {variable}=postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    if scheme in {"postgresql", "postgres"}:
        url = f"postgresql+psycopg://{rest}"
    failure = ""
    unusable: tuple[type[Exception], ...] = (*database_errors(settings), ValueError)
    try:
        # A new connection for each use: none stays open, and none is reused after the server
        # dropped it.
        return RDBStorage(url, engine_kwargs={"poolclass": NullPool})
    except ImportError as error:
        postgres = "run pip install 'hemomodel[postgres]'"
        other = f"install the module {error.name or 'that the URL names'}"
        failure = f"the database driver is not installed; {postgres if 'psycopg' in url else other}"
    except RuntimeError as error:
        failure = (
            f"Optuna cannot use the database ({first_line(error)}); "
            "use the Optuna version that created it, or another database"
        )
    except unusable as error:
        failure = (
            f"the database cannot be opened ({type(error).__name__}); check that the server runs "
            "and that user, password, host and database in the URL are correct"
        )
    raise InputError(f"--storage {settings.storage}: {failure}")


def study_prefix(
    settings: Settings, folder: StudyFolder, storage: BaseStorage, *, new: bool
) -> str:
    """Returns the prefix of the names of a study's arms in the storage.

    A journal belongs to one study, and its folder can be renamed: the prefix is empty. A database
    is shared: the prefix has the study's name.

    Raises:
        InputError: the study is new, and the database already has one of this name.
    """
    if settings.storage is None:
        return ""
    prefix = f"{folder.name}/"
    if new and any(s.study_name.startswith(prefix) for s in storage.get_all_studies()):
        raise InputError(
            f"--storage {settings.storage}: the database already has a study {folder.name}, but "
            f"{folder.root} is new; use another --name, or the folder where the study was started"
        )
    return prefix


@contextmanager
def database_failure_message(settings: Settings, resume_command: str) -> Iterator[None]:
    """Turns a lost connection to the database into a one-line message; finished trials are kept.

    Args:
        settings: of the study.
        resume_command: the command that resumes the study.

    Raises:
        InputError: the connection to the database was lost.
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
            f"--storage {settings.storage}: the database no longer responds ({lost}); finished "
            f"trials are kept; restore the database, then resume with {resume_command}"
        ) from None


def export_trials(settings: Settings, arms: Sequence[Arm], folder: StudyFolder) -> None:
    """Copies the study from a database to its folder, so that the folder is complete."""
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
    """Returns the error classes of the study's database; none for a journal (see `OSError`)."""
    if settings.storage is None:
        return ()
    from sqlalchemy.exc import SQLAlchemyError  # only for a database

    return (SQLAlchemyError, optuna.exceptions.StorageInternalError)
