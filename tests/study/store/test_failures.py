"""A full disk or too little memory becomes one error line."""

import errno

import pytest
from optuna.exceptions import StorageInternalError
from ray.exceptions import OutOfMemoryError

from hemomodel.errors import InputError
from study.store.failures import StudyFailure, as_input_error
from study.store.study_folder import StudyFolder


def test_a_full_disk_is_one_line_wherever_it_shows(tmp_path):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    def fails():
        try:
            full()
        except OSError as error:
            raise RuntimeError("Tune says something long") from error

    with (
        pytest.raises(InputError, match=r"No space left on device.*THIS"),
        as_input_error(StudyFolder(tmp_path), "THIS"),
    ):
        fails()
    with pytest.raises(ZeroDivisionError), as_input_error(StudyFolder(tmp_path), "THIS"):
        _ = 1 / 0


def test_memory_that_runs_low_is_one_line(tmp_path):
    """Ray kills workers to protect the machine, and Tune fails with them (seen in a real study)."""
    error = RuntimeError("Caught unexpected exception")
    error.__cause__ = OutOfMemoryError("2 worker(s) were killed: the node is low on memory")
    with (
        pytest.raises(InputError, match=r"memory.*--max-concurrent.*THIS"),
        as_input_error(StudyFolder(tmp_path), "THIS"),
    ):
        raise error


def test_the_first_failure_is_kept():
    failure = StudyFailure((OSError, StorageInternalError))
    for number in (errno.ENOSPC, errno.EIO):
        with failure.capture():
            raise OSError(number, "no")
    with failure.capture():
        raise StorageInternalError
    assert failure.error.errno == errno.ENOSPC
    with pytest.raises(ZeroDivisionError), failure.capture():
        _ = 1 / 0


def test_nothing_is_written_after_a_failed_write():
    failure, written = StudyFailure(), []

    def write(number, *, disk):
        if number == disk:
            raise OSError(errno.ENOSPC, "full")
        written.append(number)

    for number in range(4):
        failure.attempt(write, number, disk=2)
    assert written == [0, 1]
    assert failure.error.errno == errno.ENOSPC
