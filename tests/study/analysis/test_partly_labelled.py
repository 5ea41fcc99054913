"""Studies on completely labelled rows only, or also on partly labelled rows."""

import numpy as np
import pytest

from hemomodel import FitConfig, Replicates
from hemomodel.dataset.preparation import prepare
from hemomodel.errors import InputError
from study.analysis.comparison_data import ComparisonData, FinalistScores, OuterFold
from study.analysis.retrain import retrain_finalist
from study.analysis.statistics.bootstrap import resample
from study.settings.cohort_and_splits import open_cohort
from study.settings.settings import Settings
from study.store.record import check_unchanged, study_record
from study.store.study_folder import StudyFolder
from tests.support.task_kinds import of_all_kinds, with_gaps


def test_a_study_may_keep_the_rows_with_a_part_of_their_labels():
    complete, partial = (open_cohort(Settings(labels=name)) for name in ("complete", "partial"))
    known = ~np.isnan(partial.labels)
    assert not np.isnan(complete.labels).any()
    assert np.array_equal(partial.labels[known.all(1)], complete.labels)
    assert known.any(1).all()
    assert len(partial) > len(complete)
    assert partial.digest != complete.digest


def test_a_study_goes_on_under_the_labels_that_it_began_with(tmp_path):
    folder = StudyFolder(tmp_path / "study")
    stored = study_record(Settings(), "digest")
    check_unchanged(folder, stored, Settings(), "digest")
    with pytest.raises(InputError, match="labels = 'complete', not 'partial'"):
        check_unchanged(folder, stored, Settings(labels="partial"), "digest")


def test_a_study_that_is_older_than_a_setting_went_by_its_default(tmp_path):
    folder = StudyFolder(tmp_path / "study")
    stored = study_record(Settings(), "digest")
    del stored["settings"]["labels"]
    check_unchanged(folder, stored, Settings(), "digest")
    with pytest.raises(InputError, match=r"'complete'.*'partial'.*--name"):
        check_unchanged(folder, stored, Settings(labels="partial"), "digest")


def test_the_comparison_counts_labelled_rows_alone(double, cohort):
    stack = prepare(with_gaps(of_all_kinds(cohort)), Replicates(folds=2, seeds=1), with_test=True)
    result = retrain_finalist(FitConfig(hidden=(8, 6), epochs=2), stack)
    unknown = ~stack.known[stack.test_rows]
    for rows in (result.losses, result.trivial, result.regret):
        assert (rows[:, unknown] == 0).all()
        assert (rows[:, ~unknown] != 0).any()
    one = FinalistScores(
        0, {}, 2, 0.0, result.validation, result.losses, result.metrics, result.regret
    )
    fold = OuterFold(result.trivial, {"equal": (one,)}, {"equal": 1})
    evidence = ComparisonData(np.zeros(2, dtype=int), stack.rows_per_epoch, (fold,))
    estimate = resample(evidence, draws=1).estimate[0]
    np.testing.assert_allclose(estimate, result.metrics["skill"].mean(0), rtol=1e-10)
    share = resample(evidence, lambda candidate: candidate.regret, draws=1).estimate[0]
    losses = result.trivial.sum(1) / (~unknown).sum(0)
    np.testing.assert_allclose(1 - share, (result.metrics["regret"] / losses).mean(0), rtol=1e-10)
