"""What a full disk or too little memory becomes."""

import errno

import pytest
from optuna.exceptions import StorageInternalError
from ray.exceptions import OutOfMemoryError

from hemomodel.errors import InputError
from study.store.failures import Fault, one_line
from study.store.study_folder import Folder


def test_a_full_disk_is_one_line_wherever_it_shows(tmp_path):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    def fails():
        try:
            full()
        except OSError as error:
            raise RuntimeError("Tune says something long") from error

    with (
        pytest.raises(InputError, match=r"No space left on device.*go on with THIS"),
        one_line(Folder(tmp_path), "THIS"),
    ):
        fails()
    with pytest.raises(ZeroDivisionError), one_line(Folder(tmp_path), "THIS"):
        _ = 1 / 0


def test_memory_that_runs_low_is_one_line(tmp_path):
    """Ray ends workers to save the machine, and Tune ends with them (seen in a real study)."""
    error = RuntimeError("Caught unexpected exception")
    error.__cause__ = OutOfMemoryError("2 worker(s) were killed: the node is low on memory")
    with (
        pytest.raises(InputError, match=r"memory ran low.*--max-concurrent.*go on with THIS"),
        one_line(Folder(tmp_path), "THIS"),
    ):
        raise error


def test_the_first_fault_is_kept():
    fault = Fault((OSError, StorageInternalError))
    for number in (errno.ENOSPC, errno.EIO):
        with fault.kept():
            raise OSError(number, "no")
    with fault.kept():
        raise StorageInternalError
    assert fault.error.errno == errno.ENOSPC
    with pytest.raises(ZeroDivisionError), fault.kept():
        _ = 1 / 0
