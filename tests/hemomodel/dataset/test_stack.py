"""All fitting uses only training rows."""

from dataclasses import replace

import numpy as np
import pytest

from hemomodel import InputError, Replicates
from hemomodel.dataset.preparation import prepare
from hemomodel.dataset.preprocessor_export import export_preprocessor

LEARNED = ("offset", "spread", "trivial")


def disturbed(cohort, rows):
    """Returns the cohort with other values and labels in some rows."""
    table, labels = cohort.table.copy(), cohort.labels.copy()
    numbers = table.select_dtypes("float64").columns
    table.loc[rows, numbers] = table.loc[rows, numbers] * 1.7 + 3
    labels[rows] = np.where(labels[rows] > 100, labels[rows] + 50, 0)
    return replace(cohort, table=table, labels=labels)


def alike(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("feature_set", ["pretreatment", "seed"])
def test_a_validation_row_changes_nothing_that_was_fitted(cohort, feature_set, monkeypatch):
    # The strata come from the labels; with a fixed split, only fitting could see a label.
    design = Replicates(folds=3, seeds=1)
    split = design.split(cohort)
    monkeypatch.setattr(Replicates, "split", lambda *_: split)
    before = prepare(cohort, design, features=feature_set)
    for r in range(3):
        after = prepare(disturbed(cohort, split.validation[r]), design, features=feature_set)
        assert alike(
            export_preprocessor(before.preprocessors[r]),
            export_preprocessor(after.preprocessors[r]),
        )
        for name in LEARNED:
            assert np.array_equal(getattr(before, name)[r], getattr(after, name)[r])
        for other in {0, 1, 2} - {r}:
            assert not alike(
                export_preprocessor(before.preprocessors[other]),
                export_preprocessor(after.preprocessors[other]),
            )


def test_a_held_out_row_changes_nothing_at_all(cohort, monkeypatch):
    design = Replicates(folds=3, seeds=1)
    split = design.split(cohort)
    monkeypatch.setattr(Replicates, "split", lambda *_: split)
    before, after = prepare(cohort, design), prepare(disturbed(cohort, split.test), design)
    for name in (*LEARNED, "features", "labels", "train_rows", "score_rows"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name


def test_a_search_holds_no_held_out_row(cohort, replicates):
    searched = prepare(cohort, replicates)
    scored = prepare(cohort, replicates, with_test=True)
    test = replicates.split(cohort).test
    assert searched.features.shape[1] == (~test).sum()
    assert scored.features.shape[1] == len(cohort)
    assert searched.test_rows.size == 0
    assert (scored.test_rows == np.flatnonzero(test)).all()
    assert (searched.rows_per_epoch, searched.pairs) == (scored.rows_per_epoch, scored.pairs)


def test_the_number_of_features_is_that_of_the_set(cohort, replicates):
    assert prepare(cohort, replicates, features="seed").features.shape[2] == 36
    assert prepare(cohort, replicates).features.shape[2] == 32


def test_targets_are_standardised_on_training_rows_or_raw(cohort, replicates):
    standard, raw = prepare(cohort, replicates), prepare(cohort, replicates, targets="raw")
    flows = np.flatnonzero(standard.spread[0] != 1)
    assert len(flows) == 2
    assert (raw.offset == 0).all()
    assert (raw.spread == 1).all()
    for r, count in enumerate(standard.train_counts):
        rows = standard.train_rows[r, :count]
        scaled = (standard.labels[rows] - standard.offset[r]) / standard.spread[r]
        assert scaled[:, flows].mean(0) == pytest.approx(0, abs=1e-9)
        assert scaled[:, flows].std(0) == pytest.approx(1)
    np.testing.assert_array_equal(standard.labels, raw.labels)


def test_the_trivial_predictor_gives_every_level_a_chance(cohort, replicates):
    stack = prepare(cohort, replicates)
    start = 0
    for task in stack.tasks:
        if task.kind != "regression":
            chance = np.exp(stack.trivial[:, start : start + task.size])
            assert (chance > 0).all()
            assert chance.sum(1) == pytest.approx(1)
        start += task.size


def test_a_missing_label_is_in_no_figure(cohort, replicates):
    labels = cohort.labels.copy()
    labels[::3, 2] = np.nan
    labels[1::3, 4] = np.nan
    partial = replace(cohort, labels=labels)
    stack = prepare(partial, replicates)
    kept = ~replicates.split(partial).test
    assert np.array_equal(stack.known, ~np.isnan(labels[kept]))
    assert np.isfinite(stack.labels).all()
    level, flow = (slice(7, 17), 27)  # the initial dose's columns and the blood flow's
    rows = stack.train_rows[0, : stack.train_counts[0]]
    dose = labels[kept][rows, 2]
    counts = np.bincount(dose[~np.isnan(dose)].astype(int), minlength=10)
    expected = np.log((counts + 0.5) / (counts.sum() + 5))
    np.testing.assert_allclose(stack.trivial[0, level], expected)
    values = labels[kept][rows, 4]
    np.testing.assert_allclose(stack.trivial[0, flow], np.nanmean(values))
    np.testing.assert_allclose(stack.spread[0, flow], np.nanstd(values))


def test_a_task_without_labels_is_refused(cohort, replicates):
    labels = cohort.labels.copy()
    labels[:, 2] = np.nan
    with pytest.raises(InputError, match="initial_dose has no label in the training rows"):
        prepare(replace(cohort, labels=labels), replicates)


def test_a_flow_without_variance_is_refused(cohort, replicates):
    labels = cohort.labels.copy()
    labels[:, 4] = 250
    with pytest.raises(InputError, match="blood_flow has one value"):
        prepare(replace(cohort, labels=labels), replicates)
