"""The lock of a study's folder."""

import errno
import fcntl
import os
import subprocess
import sys

import pytest

from hemomodel.errors import InputError
from study.store.lock import StudyLock

HOLD = """
import sys, time
from pathlib import Path
from study.store.lock import StudyLock
with StudyLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_told_and_a_dead_one_holds_nothing(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    says = f"id {holder.pid}.*{tmp_path}"
    with pytest.raises(InputError, match=says), StudyLock(tmp_path):
        pass
    holder.kill()
    holder.communicate()
    with StudyLock(tmp_path) as lock:
        lock.take()  # it is held already


def test_a_program_that_was_started_does_not_inherit_the_lock(tmp_path):
    with StudyLock(tmp_path):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        with StudyLock(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()


def test_a_new_study_has_nothing_to_lock_yet(tmp_path):
    with StudyLock(tmp_path / "new") as lock:
        (tmp_path / "new").mkdir()
        lock.take()
        assert (tmp_path / "new" / "study.lock").exists()


def test_the_lock_is_given_back(tmp_path):
    for _ in range(2):
        with StudyLock(tmp_path):
            pass
    assert (tmp_path / "study.lock").read_text() == f"{os.getpid()}\n"


def fails(number):
    def lock(*_):
        raise OSError(number, os.strerror(number))

    return lock


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_locks_nothing(tmp_path, monkeypatch, number):
    monkeypatch.setattr(fcntl, "flock", fails(number))
    with StudyLock(tmp_path) as lock, StudyLock(tmp_path):
        lock.take()
    assert (tmp_path / "study.lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSYS])
def test_a_lock_that_fails_otherwise_is_an_error_of_the_disk(tmp_path, monkeypatch, number):
    monkeypatch.setattr(fcntl, "flock", fails(number))
    with pytest.raises(OSError, match=os.strerror(number)), StudyLock(tmp_path):
        pass


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "study.lock").mkdir()
    with pytest.raises(IsADirectoryError), StudyLock(tmp_path):
        pass
