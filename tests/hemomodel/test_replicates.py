import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemomodel import InputError, Replicates
from hemomodel.replicates import strata


@given(
    folds=st.integers(2, 6),
    seeds=st.integers(1, 3),
    outer=st.integers(2, 6),
    seed=st.integers(0, 99),
)
@settings(max_examples=25)
def test_every_row_is_held_out_or_trains_and_validates(cohort, folds, seeds, outer, seed):
    split = Replicates(folds, seeds, outer_folds=outer, outer_seed=seed).split(cohort)
    assert split.train.shape == split.validation.shape == (folds * seeds, len(cohort))
    assert not (split.train & split.validation).any()
    assert not (split.train | split.validation)[:, split.test].any()
    assert (split.train | split.validation)[:, ~split.test].all()
    by_seed = split.validation.reshape(seeds, folds, -1).sum(1)
    assert (by_seed == ~split.test).all()
    assert split.rows_per_epoch == split.train.sum(1).min()
    assert np.ptp(split.train.sum(1)) <= 1
    assert abs(split.test.sum() - len(cohort) / outer) < 1


def test_outer_folds_cover_every_row_once(cohort):
    tests = [Replicates(outer_folds=5, outer_fold=k).split(cohort).test for k in range(5)]
    assert (np.sum(tests, axis=0) == 1).all()


def test_rare_levels_are_spread(cohort):
    """A level that could be in every fold is in all of them but one at most."""
    split = Replicates(folds=5, seeds=4).split(cohort)
    for column, task in zip(cohort.labels.T, cohort.schema.tasks, strict=True):
        if task.kind == "regression":
            continue
        for level in range(task.size):
            has = column == level
            if has[~split.test].sum() >= 10:
                assert (split.validation & has).any(1).reshape(4, 5).sum(1).min() >= 4
            if has.sum() >= 10:
                assert (has & split.test).any()


def test_a_stratum_is_the_rarest_level_of_the_row(cohort):
    stratum = strata(cohort.labels, cohort.schema.tasks)
    assert len(np.unique(stratum)) > 10
    sizes = {}
    for t, task in enumerate(cohort.schema.tasks):
        if task.kind != "regression":
            levels, counts = np.unique(cohort.labels[:, t], return_counts=True)
            sizes[t] = dict(zip(levels, counts, strict=True))
    start = np.cumsum([0] + [k.size for k in cohort.schema.tasks if k.kind != "regression"])
    classes = list(sizes)
    for row, own in zip(cohort.labels, stratum, strict=True):
        rarest = min(sizes[t][row[t]] for t in classes)
        place = int(np.searchsorted(start, own, side="right")) - 1
        assert sizes[classes[place]][own - start[place]] == rarest


def test_the_split_is_fixed_by_its_seeds(cohort):
    first, again = (Replicates(seeds=(3, 8)).split(cohort) for _ in range(2))
    assert (first.train == again.train).all()
    other = Replicates(seeds=(3, 9)).split(cohort)
    assert (first.train[:5] == other.train[:5]).all()
    assert (first.train[5:] != other.train[5:]).any()
    assert (first.test == other.test).all()
    assert (first.test != Replicates(outer_seed=1).split(cohort).test).any()


@given(st.slices(12))
def test_slices_take_some_of_the_design(cohort, chosen):
    whole = Replicates(folds=4, seeds=3)
    expected = whole.pairs[chosen]
    if not expected:
        with pytest.raises(InputError, match="takes none of 12"):
            whole[chosen]
        return
    part = whole[chosen]
    assert part.pairs == expected
    assert len(part) == len(expected)
    assert part[:1].pairs == expected[:1]


def test_a_slice_keeps_the_split_of_the_whole(cohort):
    whole = Replicates(folds=4, seeds=3)
    everything, part = whole.split(cohort), whole[5:7].split(cohort)
    assert (part.train == everything.train[5:7]).all()
    assert part.rows_per_epoch == everything.rows_per_epoch


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"folds": 1}, "folds is 1; give 2 or more"),
        ({"outer_folds": 1}, "outer_folds is 1; give 2 or more"),
        ({"outer_fold": 5}, "outer_fold is 5; give 0 to 4"),
        ({"seeds": 0}, "seeds is 0"),
        ({"seeds": (-1,)}, "seeds is"),
    ],
    ids=str,
)
def test_an_impossible_design_is_refused(wrong, says):
    with pytest.raises(InputError, match=says):
        Replicates(**wrong)


def test_a_cohort_that_is_too_small_is_refused(cohort):
    with pytest.raises(InputError, match="229 rows, and 20 outer folds of 20 folds need 800"):
        Replicates(folds=20, outer_folds=20).split(cohort)
