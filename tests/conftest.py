"""Shared fixtures: small cohorts and stacks, and double precision where a law is exact."""

from collections.abc import Iterator

import hypothesis
import pytest
import torch

from hemomodel import Cohort, Replicates, synthetic_cohort
from hemomodel.preparing import prepare
from hemomodel.stack import Stack

hypothesis.settings.register_profile("noisy", deadline=None)  # a loaded machine breaks no law
hypothesis.settings.load_profile("noisy")
torch.set_num_threads(1)  # the stacks are small, and several processes share the cores


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="rewrite the golden values")


@pytest.fixture
def double() -> Iterator[None]:
    """Float64 as torch's default."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    """229 sessions with their oracle."""
    return synthetic_cohort(465, seed=0)


@pytest.fixture(scope="session")
def replicates() -> Replicates:
    return Replicates(folds=3, seeds=2)


@pytest.fixture
def stack(double: None, cohort: Cohort, replicates: Replicates) -> Stack:
    """Six replicates in double precision."""
    return prepare(cohort, replicates)
