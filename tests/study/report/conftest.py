"""A made-up study folder: every file, with plausible values and without a search."""

from collections.abc import Sequence
from typing import Any

import pytest

from study.store.study_folder import StudyFolder
from tests.support.made_study import Maker, made_study


@pytest.fixture(scope="session")
def make_study(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """Makes a folder: make_study(arms, trials=80, name="made", data=...)."""

    def make(arms: Sequence[str], **wishes: Any) -> StudyFolder:
        name = wishes.pop("name", "made")
        return made_study(tmp_path_factory.mktemp("studies") / name, arms, **wishes)

    return make


@pytest.fixture(scope="session")
def folder(make_study: Maker) -> StudyFolder:
    """Four arms, and a fifth whose trials all failed."""
    return make_study(["equal", "fixed", "uncertainty", "gradnorm"], lost="pcgrad")
