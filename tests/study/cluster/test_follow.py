"""The output of a job, up to its end."""

from types import SimpleNamespace

import pytest

from study.cluster import jobs
from study.cluster.jobs import follow


class Server:
    """A job server on which each request takes time; the job has ended at request `ends`."""

    def __init__(self, ends, code):
        self.ends, self.code, self.requests = ends, code, 0

    def _pass(self):
        self.requests += 1
        return self.requests >= self.ends

    def get_job_info(self, job):
        ended = self._pass()
        code = self.code if ended else None
        status = "SUCCEEDED" if ended else "RUNNING"
        return SimpleNamespace(status=status, driver_exit_code=code, message="why")

    def get_job_logs(self, job):
        return "first\n" + ("the last line\n" if self._pass() else "")


@pytest.mark.parametrize("ends", range(1, 9))
def test_all_output_is_shown_once_whenever_the_job_ends(monkeypatch, ends):
    monkeypatch.setattr(jobs, "_EVERY", 0)
    shown = []
    assert follow(Server(ends, 3), "j", shown.append) == 3
    assert "".join(shown) == "first\nthe last line\n"


def test_a_job_without_an_exit_code_gives_its_reason(monkeypatch):
    monkeypatch.setattr(jobs, "_EVERY", 0)
    shown = []
    assert follow(Server(1, None), "j", shown.append) == 1
    assert "".join(shown).endswith("why\n")
