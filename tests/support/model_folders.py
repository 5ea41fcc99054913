"""A model folder is loaded, or refused in one sentence."""

import pytest

from hemomodel import InputError, load
from hemomodel.recommender.model import Model
from tests.support.refusals import assert_ends_with_advice, assert_names


def assert_refused(folder, *names):
    """Fails unless the folder is refused in one line that names it and each of `names`."""
    with pytest.raises(InputError) as refusal:
        load(folder)
    line = str(refusal.value)
    assert len(line.splitlines()) == 1
    assert_ends_with_advice(line)
    assert str(folder) in line
    assert_names(line.replace(str(folder), ""), names)


def loaded_or_refused(folder):
    """Returns whether the folder is a model, or is refused in one line."""
    try:
        return isinstance(load(folder), Model)
    except InputError as error:
        return "\n" not in str(error)
