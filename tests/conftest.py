"""Shared fixtures: small cohorts and stacks, and double precision for exact properties."""

from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

from hemomodel import Cohort, FitConfig, Replicates, synthetic_cohort
from hemomodel.balancers._base import BALANCERS
from hemomodel.dataset.preparation import prepare
from hemomodel.dataset.stack import Stack
from hemomodel.ensemble.build import build_model
from hemomodel.ensemble.fitted_model import FittedModel
from hemomodel.recommender.folder import model_files
from hemomodel.training.loop import Training

# A slow machine must not fail a property test, so examples have no deadline. Each run of `ci` tries
# the same examples; `--hypothesis-profile=thorough` tries more examples, and new ones each time.
hypothesis.settings.register_profile("ci", deadline=None, max_examples=25, derandomize=True)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=500)
hypothesis.settings.load_profile("ci")
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


@pytest.fixture(scope="session")
def trained(cohort: Cohort, replicates: Replicates) -> Callable[[str], tuple[Training, Stack]]:
    """Trains six replicates under a balancer for a few epochs."""

    def train(balancer: str = "equal") -> tuple[Training, Stack]:
        stack = prepare(cohort, replicates, with_test=True)
        training = Training(FitConfig(balancer=BALANCERS[balancer](), epochs=5), stack)
        training.run_epochs(5)
        return training, stack

    return train


@pytest.fixture(scope="session")
def fitted(trained: Callable[..., tuple[Training, Stack]], cohort: Cohort) -> FittedModel:
    """The fitted model of six replicates."""
    training, stack = trained()
    return build_model(cohort, training.config, stack, training.network.parameters)


@pytest.fixture(scope="session")
def model_folder(fitted: FittedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model."""
    folder = tmp_path_factory.mktemp("study") / "best" / "equal"
    folder.mkdir(parents=True)
    for name, content in model_files(fitted).items():
        (folder / name).write_bytes(content)
    return folder
