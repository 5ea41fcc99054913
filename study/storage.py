"""The Optuna storage: a journal in the study's folder, or a database named by the environment.

A database's URL holds a password, so it is read from an environment variable and said nowhere: not
on the terminal, not in `study.yaml`, and not in an error, whose own text may quote the URL.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from hemomodel.errors import InputError
from study.arm import Arm
from study.config import Settings
from study.folder import Folder

__all__ = ["keep_copy", "open_storage", "prefix_of", "saying_what_was_lost"]

_PREFIX = "env:"
_DATABASE_ERRORS = (SQLAlchemyError, optuna.exceptions.StorageInternalError)


def open_storage(settings: Settings, folder: Folder) -> BaseStorage:
    """Opens the study's storage, or makes it.

    Raises:
        InputError: the variable is not set, or the database cannot be used.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if settings.storage is None:
        return JournalStorage(JournalFileBackend(str(folder.journal)))
    variable = settings.storage.removeprefix(_PREFIX)
    url = os.environ.get(variable, "")
    scheme, found, rest = url.partition("://")
    if not found:
        raise InputError(
            f"--storage {settings.storage}: ${variable} holds no URL; "
            f"export {variable}=postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    if scheme in {"postgresql", "postgres"}:
        url = f"postgresql+psycopg://{rest}"
    failure = ""
    try:
        # A connection for each use: none is left open, and none is kept that the server dropped.
        return RDBStorage(url, engine_kwargs={"poolclass": NullPool})
    except ImportError:
        failure = "its driver is not installed: pip install 'hemomodel[postgres]'"
    except (*_DATABASE_ERRORS, ValueError) as error:
        failure = (
            f"it cannot be opened ({type(error).__name__}): see that the server runs, and that "
            "user, password, host and database of the URL are right"
        )
    raise InputError(f"--storage {settings.storage}: {failure}")


def prefix_of(settings: Settings, folder: Folder, storage: BaseStorage, *, new: bool) -> str:
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
def saying_what_was_lost(settings: Settings, go_on: str) -> Iterator[None]:
    """Turns a database that went away into one sentence; what had ended is kept there.

    Args:
        settings: of the study.
        go_on: the command that takes the study up again.

    Raises:
        InputError: the database went away.
    """
    try:
        yield
    except Exception as error:
        lost = _database_error(error)
        if not lost:
            raise
        raise InputError(
            f"--storage {settings.storage}: the database no longer answers ({lost}); what had "
            f"ended is kept. When it is back: {go_on}"
        ) from None


def keep_copy(settings: Settings, arms: Sequence[Arm], folder: Folder) -> None:
    """Copies what a database holds of the study to its folder, which tells all by itself."""
    if settings.storage is None:
        return
    part = folder.journal.with_suffix(".part")
    part.unlink(missing_ok=True)
    copy = JournalStorage(JournalFileBackend(str(part)))
    for arm in arms:
        name = arm.study.study_name
        optuna.copy_study(
            from_study_name=name,
            from_storage=arm.study._storage,  # noqa: SLF001 - an Optuna study has no other way to it
            to_storage=copy,
            to_study_name=name.removeprefix(f"{folder.name}/"),
        )
    part.replace(folder.journal)


def _database_error(error: BaseException | None) -> str:
    """Returns the kind of the database's error that an error came of, or nothing."""
    while error is not None:
        if isinstance(error, _DATABASE_ERRORS):
            return type(error).__name__
        error = error.__cause__ or error.__context__
    return ""
