"""What a study does after a death, and before a second process or a full disk."""

import random
import signal
import sys
import time

import pytest

from tests.support import aftermath, chaos


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
