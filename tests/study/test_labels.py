"""A study on complete rows, or on partly labelled ones too."""

import numpy as np
import pytest

from hemomodel.errors import InputError
from study.config import Settings
from study.data import open_cohort
from study.folder import Folder
from study.provenance import check_same, provenance


def test_a_study_may_keep_the_rows_with_a_part_of_their_labels():
    complete, partial = (open_cohort(Settings(labels=name)) for name in ("complete", "partial"))
    known = ~np.isnan(partial.labels)
    assert not np.isnan(complete.labels).any()
    assert np.array_equal(partial.labels[known.all(1)], complete.labels)
    assert known.any(1).all()
    assert len(partial) > len(complete)
    assert partial.digest != complete.digest


def test_a_study_goes_on_under_the_labels_that_it_began_with(tmp_path):
    folder = Folder(tmp_path / "study")
    stored = provenance(Settings(), "digest")
    check_same(folder, stored, Settings(), "digest")
    with pytest.raises(InputError, match="labels = 'complete', not 'partial'"):
        check_same(folder, stored, Settings(labels="partial"), "digest")


def test_a_study_that_is_older_than_a_setting_went_by_its_default(tmp_path):
    folder = Folder(tmp_path / "study")
    stored = provenance(Settings(), "digest")
    del stored["settings"]["labels"]
    check_same(folder, stored, Settings(), "digest")
    with pytest.raises(InputError, match="use the same, or another --name"):
        check_same(folder, stored, Settings(labels="partial"), "digest")
