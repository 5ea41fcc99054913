"""Signals to processes, some of which have ended."""

import subprocess
import sys

from study.verification.processes import kill


def test_a_process_that_has_ended_does_not_protect_the_others():
    sleep = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
    gone, living = subprocess.Popen(sleep), subprocess.Popen(sleep)
    gone.kill()
    gone.wait()
    kill([gone.pid, living.pid])
    assert living.wait(timeout=10) < 0
