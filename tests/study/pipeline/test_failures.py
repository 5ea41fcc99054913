"""An interrupted study ends with the results of an undisturbed one, and leaves no process."""

import random
import signal
import sys
import time

import pytest

from study.verification import interruptions
from study.verification.aftermath import examine
from study.verification.failures import run_undisturbed
from study.verification.interruptions import InterruptedStudy, leave_half_line, send_signal


def test_an_error_leaves_no_process_of_the_study(tmp_path, monkeypatch):
    nest = "import subprocess; subprocess.run(['sleep', '60'])"
    monkeypatch.setattr(
        interruptions, "search_command", lambda *_: [sys.executable, "-S", "-c", nest]
    )
    study = InterruptedStudy(tmp_path, "interrupted", 6)

    def fails():
        with study:
            process = study.start()
            while not any("sleep" in line for line in study.children(process).values()):
                time.sleep(0.01)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    end = time.monotonic() + 10
    while study.remaining() and time.monotonic() < end:
        time.sleep(0.01)
    assert study.remaining() == []


@pytest.mark.thorough
def test_a_study_that_fails_ends_as_the_undisturbed_one(tmp_path):
    signals = [signal.SIGTERM, signal.SIGINT, signal.SIGKILL]
    undisturbed = run_undisturbed(tmp_path, 6, keep=False)
    moments = random.Random(0)  # noqa: S311 - no secret
    with InterruptedStudy(tmp_path, "interrupted", 6) as study:
        for number in signals:
            interrupt = send_signal(number, group=number == signal.SIGINT, longest=0.5)
            process = study.start()
            assert interrupt(study, process, moments)
            study.wait(process)
            leave_half_line(study)
        assert study.wait(study.start()) == 0
        ended = [-number if number == signal.SIGKILL else 130 for number in signals]
        assert study.exit_codes == [*ended, 0]
        hint = "python scripts/search.py --resume interrupted"
        assert hint in (tmp_path / "interrupted.log").read_text()
        result = examine(study, undisturbed)
    assert result.good, result
