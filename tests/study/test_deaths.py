"""What a study does after a death, and before a second process or a full disk."""

import errno
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import optuna
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from optuna.exceptions import StorageInternalError
from optuna.storages.journal import JournalFileBackend
from ray.exceptions import OutOfMemoryError

from hemomodel.errors import InputError
from study.search.checkpoint import SaveClock, load_checkpoint, save_checkpoint
from study.store.failures import Fault, one_line
from study.store.journal_repair import mend_journal
from study.store.lock import StudyLock
from study.store.study_folder import Folder
from tests.study import aftermath, chaos

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


@pytest.fixture
def journal(tmp_path):
    """A journal of one finished trial."""
    path = tmp_path / "study.journal"
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    study = optuna.create_study(storage=storage, study_name="equal", direction="maximize")
    study.tell(study.ask(), 0.5)
    return path


def states(path):
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    return [t.state.name for t in optuna.load_study(study_name="equal", storage=storage).trials]


def test_a_whole_journal_stays_as_it_is(journal):
    before = journal.read_bytes()
    assert mend_journal(journal) == ""
    assert mend_journal(journal.with_name("none")) == ""
    assert journal.read_bytes() == before


@pytest.mark.parametrize("tail", [b'{"op_code":6,"tri', b"\0" * 40, b"{}\n", b"17", b"\xff\n"])
def test_a_torn_last_line_is_cut_off_and_kept(journal, tail):
    before = journal.read_bytes()
    journal.write_bytes(before + tail)
    assert f"{len(tail)} bytes" in mend_journal(journal)
    assert journal.read_bytes() == before
    kept = journal.with_name("study.journal.cut").read_bytes()
    assert kept == tail.removesuffix(b"\n") + b"\n"


def test_a_trial_whose_end_was_torn_is_open_again(journal):
    assert states(journal) == ["COMPLETE"]
    journal.write_bytes(journal.read_bytes()[:-5])
    mend_journal(journal)
    assert states(journal) == ["RUNNING"]


def test_a_damaged_line_in_the_middle_is_one_clear_line(journal):
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[1] = b"{broken\n"
    journal.write_bytes(b"".join(lines))
    with pytest.raises(InputError, match="line 2 is damaged, and others follow it"):
        mend_journal(journal)


def test_a_lock_without_an_owner_does_not_delay(journal):
    journal.with_name("study.journal.lock").symlink_to(journal)
    mend_journal(journal)
    begun = time.monotonic()
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    optuna.load_study(study_name="equal", storage=storage).ask()
    assert time.monotonic() - begun < 5


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


def test_a_checkpoint_is_whole_or_not_there(tmp_path):
    path = tmp_path / "00000.pt"
    assert load_checkpoint(path) is None
    save_checkpoint(path, {"epoch": 3})
    assert load_checkpoint(path) == {"epoch": 3}
    path.write_bytes(path.read_bytes()[:100])
    assert load_checkpoint(path) is None
    save_checkpoint(tmp_path / "no" / "00000.pt", {"epoch": 3})  # costs no trial
    assert list(tmp_path.iterdir()) == [path]


@given(st.data())
def test_whatever_damages_a_checkpoint_costs_no_trial(data):
    with TemporaryDirectory() as place:
        path = Path(place) / "00000.pt"
        save_checkpoint(path, {"epoch": torch.tensor(3), "rows": torch.ones(4, 2)})
        content = bytearray(path.read_bytes())
        where = st.integers(0, len(content) - 1)
        for index in data.draw(st.lists(where, min_size=1, max_size=20)):
            content[index] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(where) + 1])
        assert isinstance(load_checkpoint(path), dict | None)


def test_checkpoints_cost_a_fiftieth_at_most(monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    clock, spent = SaveClock(), 0.0
    for _ in range(1000):
        now += 0.5  # training
        if clock.due():
            with clock.saving():
                now += 0.3
            spent += 0.3
    assert 0.01 < spent / now < 0.03


def test_a_failure_leaves_nothing_of_a_victim(tmp_path, monkeypatch):
    nest = "import subprocess; subprocess.run(['sleep', '60'])"
    monkeypatch.setattr(chaos, "script", lambda *_: [sys.executable, "-S", "-c", nest])
    victim = chaos.Victim(tmp_path, "victim", 6)

    def fails():
        with victim:
            process = victim.start()
            while not any("sleep" in line for line in victim.family(process).values()):
                time.sleep(0.01)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    end = time.monotonic() + 10
    while chaos.left(victim) and time.monotonic() < end:
        time.sleep(0.01)
    assert chaos.left(victim) == []


@pytest.mark.slow
def test_a_study_that_dies_again_and_again_ends_as_the_undisturbed_one(tmp_path):
    with chaos.Victim(tmp_path, "calm", 6) as calm:
        assert calm.ended(calm.start()) == 0
    luck = random.Random(0)  # noqa: S311 - of moments
    with chaos.Victim(tmp_path, "victim", 6) as victim:
        for killer in (
            chaos.send(signal.SIGKILL),
            chaos.send(signal.SIGINT, group=True),
            chaos.send(signal.SIGTERM),
        ):
            process = victim.start()
            assert killer(victim, process, luck, longest=0.5)
            victim.ended(process)
            chaos.tear_journal(victim)
        assert victim.ended(victim.start()) == 0
        assert victim.codes == [-signal.SIGKILL, 130, 130, 0]
        assert "python scripts/search.py --resume victim" in (tmp_path / "victim.log").read_text()
        found = aftermath.look(victim, calm.folder)
    assert found.good, found
