"""Runs studies in the process of the tests, with one Ray per module."""

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
    """Runs the search command in this process.

    It returns the output, or the one line of a refusal. Another exit code raises SystemExit.
    In a separate process, a small study would spend most of its time on imports.
    """

    def call(*flags: object, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["search.py", *map(str, flags)])
        ended = search.main()
        printed = capsys.readouterr()
        if ended != code:
            raise SystemExit(printed.out + printed.err)
        return printed.out if code == 0 else one_refusal(code, printed.err)

    return call
