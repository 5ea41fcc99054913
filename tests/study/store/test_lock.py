"""The lock of a study's folder."""

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
    says = f"another process .id {holder.pid}. is at work on {tmp_path}"
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
