"""The Optuna storage in a database: separate names, no passwords, one line for a lost server."""

import os
import shutil
import subprocess
from pathlib import Path

import optuna
import pytest

from hemomodel import InputError
from study.analysis.hyperparameter_importance import journal_trials
from study.settings.settings import Settings, load_settings
from study.store.arms import open_arms
from study.store.optuna_storage import (
    database_failure_message,
    export_trials,
    open_storage,
    study_prefix,
)
from study.store.study_folder import StudyFolder
from tests.support.processes import free_port
from tests.support.refusals import assert_ends_with_advice

SECRET = "s3cr3t-word"  # noqa: S105 - of a server that lives for this test
SETTINGS = Settings(storage="env:HEMOMODEL_TEST_STORAGE")
ARMS = {"equal": ("equal",), "fixed": ("fixed",)}


def arms_of(name, root, *, new=True):
    folder = StudyFolder(root / name)
    folder.make()
    storage = open_storage(SETTINGS, folder)
    return open_arms(storage, ARMS, prefix=study_prefix(SETTINGS, folder, storage, new=new)), folder


@pytest.fixture
def sqlite(tmp_path, monkeypatch):
    monkeypatch.setenv("HEMOMODEL_TEST_STORAGE", f"sqlite:///{tmp_path}/shared.db")


def test_two_studies_share_a_database_and_no_trial(sqlite, tmp_path):
    for name in ("a", "b"):
        arms, _ = arms_of(name, tmp_path)
        assert [arm.key for arm in arms] == [f"{name}/equal", f"{name}/fixed"]
        arms[0].study.ask()
    assert [len(arm.trials) for arm in arms] == [1, 0]
    again, _ = arms_of("a", tmp_path, new=False)
    assert [len(arm.trials) for arm in again] == [1, 0]


def test_a_new_folder_takes_no_study_of_the_same_name(sqlite, tmp_path):
    arms_of("a", tmp_path)
    with pytest.raises(InputError, match=r"\ba\b.*--name"):
        arms_of("a", tmp_path / "elsewhere")


def test_the_folder_gets_a_copy(sqlite, tmp_path):
    arms, folder = arms_of("a", tmp_path)
    for value in (0.1, 0.2):
        trial = arms[0].study.ask({"lr": optuna.distributions.FloatDistribution(0.0, 1.0)})
        arms[0].study.tell(trial, value)
    arms[1].study.ask()  # as an interruption leaves it
    for _ in range(2):
        export_trials(SETTINGS, arms, folder)
        copied = journal_trials(folder)
        assert [trial.value for trial in copied["equal"]] == [0.1, 0.2]
        assert [trial.state.name for trial in copied["fixed"]] == ["RUNNING"]


def test_a_password_is_not_taken_on_the_command_line():
    with pytest.raises(InputError, match="env:NAME") as error:
        load_settings(None, [], {"storage": f"postgresql://me:{SECRET}@host/db"})
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "HEMOMODEL_TEST_STORAGE=postgresql://"),
        ("postgresql", "HEMOMODEL_TEST_STORAGE=postgresql://"),
        (f"postgresql://me:{SECRET}@127.0.0.1:1/db", "OperationalError"),
        (f"postgresql://me:{SECRET}@127.0.0.1:port/db", "ValueError|ArgumentError"),
        (f"nonesuch://me:{SECRET}@host/db", "NoSuchModuleError"),
        (f"mysql+pymysql://me:{SECRET}@host/db", "install"),
        ("sqlite:////no/such/folder/a.db", "OperationalError"),
    ],
    ids=["unset", "word", "no server", "no port", "no dialect", "no driver", "no folder"],
)
def test_what_cannot_be_opened_is_one_line(tmp_path, monkeypatch, url, says, capfd):
    if url.startswith("postgresql:"):
        pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    monkeypatch.setenv("HEMOMODEL_TEST_STORAGE", url)
    with pytest.raises(InputError, match=says) as error:
        open_storage(SETTINGS, StudyFolder(tmp_path))
    assert error.value.__cause__ is None
    assert "\n" not in str(error.value)
    assert_ends_with_advice(str(error.value))
    assert SECRET not in f"{error.value!r} {error.value.__context__!r}" + "".join(
        capfd.readouterr()
    )


class Server:
    """A PostgreSQL server for one test, with a password."""

    def __init__(self, bin_, place):
        self._bin, self._data, self.port = bin_, place / "data", free_port()
        place.chmod(0o777)
        for parent in place.parents:  # only their owner may enter pytest's own folders
            if any(above.name.startswith("pytest-of-") for above in (parent, *parent.parents)):
                parent.chmod(0o755)
        (place / "password").write_text(SECRET)
        self._run("initdb", "-D", self._data, "-U", "me", "-A", "scram-sha-256", "--no-sync",
                  f"--pwfile={place / 'password'}")  # fmt: skip
        self._log = place / "log"
        self.start()

    def _run(self, name, *arguments):
        # PostgreSQL refuses to run as root.
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run(
            [*user, self._bin / name, *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/"
        )

    def start(self):
        options = f"-p {self.port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self._log, "-o", options, "start")

    def stop(self):
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")


@pytest.fixture
def postgres(tmp_path, monkeypatch):
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    if os.geteuid() == 0 and not shutil.which("runuser"):
        pytest.skip("PostgreSQL refuses to run as root, and there is no runuser")
    server = Server(found[-1].parent, tmp_path)
    url = f"postgresql://me:{SECRET}@127.0.0.1:{server.port}/postgres"
    monkeypatch.setenv("HEMOMODEL_TEST_STORAGE", url)
    yield server
    server.stop()


@pytest.mark.slow
def test_a_server_that_goes_away_is_one_line_and_nothing_is_lost(
    postgres, tmp_path, monkeypatch, capfd
):
    arms, _ = arms_of("a", tmp_path)
    others, _ = arms_of("b", tmp_path)
    assert [arm.key for arm in others] == ["b/equal", "b/fixed"]
    arms[0].study.tell(arms[0].study.ask(), 0.5)
    postgres.stop()
    with (
        pytest.raises(InputError, match=r"HEMOMODEL_TEST_STORAGE.*--resume a") as error,
        database_failure_message(SETTINGS, "search.py --resume a"),
    ):
        arms[0].study.ask()
    postgres.start()
    again, _ = arms_of("a", tmp_path, new=False)
    assert [trial.value for trial in again[0].trials] == [0.5]
    arms[0].study.tell(arms[0].study.ask(), 0.6)  # a driver that still runs can write again
    right = os.environ["HEMOMODEL_TEST_STORAGE"]
    monkeypatch.setenv("HEMOMODEL_TEST_STORAGE", right.replace(SECRET, f"{SECRET}-wrong"))
    with pytest.raises(InputError, match="OperationalError") as wrong:
        open_storage(SETTINGS, StudyFolder(tmp_path))
    said = f"{error.value} {wrong.value}" + "".join(capfd.readouterr())
    assert SECRET not in said
