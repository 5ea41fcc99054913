from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hemomodel import InputError, Replicates
from hemomodel.dataset.preparation import prepare
from hemomodel.dataset.splits import repeated, strata


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
    """A level with enough rows for every fold is missing from at most one."""
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


def grouped(cohort, sizes):
    """The cohort with groups of these sizes, shuffled over the table; other rows are single."""
    groups = np.repeat(np.arange(len(sizes)), sizes)[: len(cohort)]
    alone = len(sizes) + np.arange(len(cohort) - len(groups))
    order = np.random.default_rng(0).permutation(len(cohort))
    return replace(cohort, groups=np.concatenate([groups, alone])[order])


@given(
    sizes=st.lists(st.integers(1, 30), max_size=30),
    folds=st.integers(2, 4),
    seeds=st.integers(1, 2),
    outer=st.integers(2, 4),
    seed=st.integers(0, 99),
)
@settings(max_examples=8, deadline=None)
def test_a_group_is_in_one_part_alone(cohort, sizes, folds, seeds, outer, seed):
    people = grouped(cohort, sizes)
    assume(len(np.unique(people.groups)) >= 2 * folds * outer)
    designs = [
        Replicates(folds, seeds, outer_folds=outer, outer_fold=k, outer_seed=seed)
        for k in range(outer)
    ]
    splits = [design.split(people) for design in designs]
    for split in splits:
        for parts in zip(split.train, split.validation, strict=True):
            train, validation = (set(people.groups[rows]) for rows in parts)
            held_out = set(people.groups[split.test])
            assert train
            assert validation
            assert not train & validation
            assert not (train | validation) & held_out
        by_seed = split.validation.reshape(seeds, folds, -1).sum(1)
        assert (by_seed == ~split.test).all()
        assert split.rows_per_epoch == split.train.sum(1).min()
        part = designs[0][1:2].split(people)
        assert (part.train == splits[0].train[1:2]).all()
        assert part.rows_per_epoch == splits[0].rows_per_epoch
    assert (np.sum([split.test for split in splits], axis=0) == 1).all()


def test_groups_of_one_row_each_change_nothing(cohort):
    plain = Replicates().split(replace(cohort, groups=None))
    alone = Replicates().split(grouped(cohort, []))
    for name in ("train", "validation", "test"):
        assert (getattr(plain, name) == getattr(alone, name)).all()
    assert repeated(np.array([4, 2, 9])) is None


def test_rare_levels_are_spread_over_the_folds_of_groups_too(cohort):
    people = grouped(cohort, [2] * 100)
    split = Replicates(folds=5, seeds=4).split(people)
    for column, task in zip(cohort.labels.T, cohort.schema.tasks, strict=True):
        for level in range(0 if task.is_value else task.size):
            has = column == level
            if has[~split.test].sum() >= 40:
                assert (split.validation & has).any(1).all()
    assert np.ptp(split.validation.sum(1)) <= 0.1 * len(cohort)


def test_a_stack_holds_whole_groups(cohort):
    people = grouped(cohort, [3] * 60)
    stack = prepare(people, Replicates(folds=3, seeds=1), with_test=True)
    for rows, count in zip(stack.train_rows, stack.train_counts, strict=True):
        assert not set(stack.groups[rows[:count]]) & set(stack.groups[stack.test_rows])
    search = prepare(people, Replicates(folds=3, seeds=1))
    assert not set(search.groups) & set(stack.groups[stack.test_rows])
    assert prepare(cohort, Replicates(folds=3, seeds=1)).groups is None


@pytest.mark.parametrize(
    ("sizes", "design", "says"),
    [
        ([12] * 20, {}, "the cohort has 20 groups of rows, and 5 outer folds of 5 folds need 50;"),
        (
            [200],
            {"folds": 2, "outer_folds": 2},
            r"outer fold . leaves too few groups of rows \(1\) for 2 folds",
        ),
    ],
    ids=["few", "large"],
)
def test_too_few_groups_are_refused_in_one_sentence(cohort, sizes, design, says):
    people = grouped(cohort, sizes)
    with pytest.raises(InputError, match=says) as error:
        _ = [Replicates(**design, outer_fold=fold).split(people) for fold in range(2)]
    assert "\n" not in str(error.value)
