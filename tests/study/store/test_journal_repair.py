"""A journal whose writer was killed."""

import time

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from hemomodel.errors import InputError
from study.store.journal_repair import repair_journal


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
    assert repair_journal(journal) == ""
    assert repair_journal(journal.with_name("none")) == ""
    assert journal.read_bytes() == before


@pytest.mark.parametrize("tail", [b'{"op_code":6,"tri', b"\0" * 40, b"{}\n", b"17", b"\xff\n"])
def test_a_torn_last_line_is_cut_off_and_kept(journal, tail):
    before = journal.read_bytes()
    journal.write_bytes(before + tail)
    assert f"{len(tail)} bytes" in repair_journal(journal)
    assert journal.read_bytes() == before
    kept = journal.with_name("study.journal.cut").read_bytes()
    assert kept == tail.removesuffix(b"\n") + b"\n"


def test_a_record_without_its_newline_is_cut_off(journal):
    """Otherwise the next record would continue its line."""
    before = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(before)[:-1])
    assert f"{len(before[-1]) - 1} bytes" in repair_journal(journal)
    assert journal.read_bytes() == b"".join(before[:-1])


def test_a_trial_whose_end_was_torn_is_open_again(journal):
    assert states(journal) == ["COMPLETE"]
    journal.write_bytes(journal.read_bytes()[:-5])
    repair_journal(journal)
    assert states(journal) == ["RUNNING"]


def test_a_damaged_line_in_the_middle_is_one_clear_line(journal):
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[1] = b"{broken\n"
    journal.write_bytes(b"".join(lines))
    with pytest.raises(InputError, match=r"study\.journal: line 2\b"):
        repair_journal(journal)


def test_a_lock_without_an_owner_does_not_delay(journal):
    journal.with_name("study.journal.lock").symlink_to(journal)
    repair_journal(journal)
    begun = time.monotonic()
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    optuna.load_study(study_name="equal", storage=storage).ask()
    assert time.monotonic() - begun < 5
