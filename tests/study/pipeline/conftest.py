"""Studies in the process of the tests, and one Ray per module for all of them."""

import sys
from collections.abc import Callable, Iterator

import pytest
import ray

from study.cluster.ray_session import quiet_environment, start_ray
from study.pipeline.commands import search
from tests.support.refusals import one_refusal


@pytest.fixture(scope="module")
def shared_ray() -> Iterator[None]:
    quiet_environment()
    start_ray(None, 1)
    yield
    ray.shutdown()


@pytest.fixture
def search_here(
    shared_ray: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs the command of the search in this process.

    It returns what the command printed, or the one line that refuses. Another exit code raises
    SystemExit. A small study in a process of its own spends most of its time on imports.
    """

    def call(*flags: object, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["search.py", *map(str, flags)])
        ended = search.main()
        printed = capsys.readouterr()
        if ended != code:
            raise SystemExit(printed.out + printed.err)
        return printed.out if code == 0 else one_refusal(code, printed.err)

    return call
