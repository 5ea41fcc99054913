"""Reference models that are fitted quickly."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hemomodel.training import reference_boosting, reference_forest


@contextmanager
def small_references() -> Iterator[None]:
    """Fits few trees and few rounds; for tests in which the skill of the models means nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference_forest, "_TREES", 10)
        patch.setattr(reference_forest, "_FEW", 2)
        patch.setattr(reference_boosting, "_MOST", 20)
        yield
