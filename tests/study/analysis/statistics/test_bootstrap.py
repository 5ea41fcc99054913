"""The bootstrap, against direct computation."""

from dataclasses import replace

import numpy as np
import pytest

from study.analysis.comparison_data import ComparisonData, OuterFold
from study.analysis.statistics.bootstrap import resample
from study.analysis.statistics.interval import percentiles, simultaneous

ARMS = {"a": 0.2, "b": 0.2}
GOLDEN = [0.13125484728892062, 0.14725988472603505, 0.16477399382755983]


def skill(losses, trivial):
    return 1 - losses.sum(1) / trivial.sum(1)


def test_the_estimate_is_the_mean_skill_of_the_networks_that_validation_chose(evidence):
    study = evidence(ARMS)
    fold = study.outer_folds[0]
    found = resample(study, draws=10)
    for place, name in enumerate(found.arms):
        best = max(fold.arms[name], key=lambda one: one.validation.mean())
        assert fold.best(name) is best
        np.testing.assert_allclose(found.replicates[place], skill(best.losses, fold.trivial))
        np.testing.assert_allclose(
            found.estimate[place], skill(best.losses, fold.trivial).mean(0), atol=1e-12
        )


def test_a_draw_resamples_rows_and_whole_seeds(evidence):
    study = evidence(ARMS, rows=7, seeds=3, finalists=1)
    found = resample(study, draws=5, levels=("rows", "seeds"), seed=4)
    random = np.random.default_rng(4)
    chosen = random.multinomial(3, np.full(3, 1 / 3), 5)
    rows = random.multinomial(7, np.full(7, 1 / 7), 5)
    fold = study.outer_folds[0]
    losses = np.stack([fold.arms[name][0].losses for name in ARMS])
    for d in range(5):
        row_index = np.repeat(np.arange(7), rows[d])
        replicates = np.concatenate(
            [np.flatnonzero(study.seeds == s) for s in np.repeat(np.arange(3), chosen[d])]
        )
        part = losses[:, replicates][:, :, row_index].sum(2)
        base = fold.trivial[replicates][:, row_index].sum(1)
        np.testing.assert_allclose(found.draws[d], (1 - part / base).mean(1))


def test_a_draw_of_the_search_takes_the_best_of_the_trials_that_it_holds(evidence):
    """n draws from n trials miss all of the best k with probability (1 - k/n)^n."""
    study = evidence({"a": 0.2}, finalists=3, trials=10, luck=0.1)
    fold = study.outer_folds[0]
    ranked = sorted(fold.arms["a"], key=lambda one: -one.validation.mean())
    skills = [skill(one.losses, fold.trivial).mean() for one in ranked]
    draws = resample(study, draws=20_000, levels=("search",)).draws.mean((1, 2))
    absent = [1, 0.9**10, 0.8**10, 0.7**10]
    expected = -np.diff(absent) / (1 - absent[-1])
    shares = [np.isclose(draws, one).mean() for one in skills]
    np.testing.assert_allclose(shares, expected, atol=0.015)


def test_the_rule_of_choice_is_applied_to_the_seeds_that_were_drawn(candidate):
    """Each of two candidates is better on one seed; a draw of that seed alone chooses it."""
    trivial = np.ones((2, 30, 1))
    first, second = candidate(trivial * 0.2, trivial), candidate(trivial * 0.6, trivial)
    first = replace(first, validation=np.array([[0.5], [0.0]]))
    second = replace(second, validation=np.array([[0.0], [0.4]]))
    fold = OuterFold(trivial, {"a": (first, second)}, {"a": 10_000_000})
    study = ComparisonData(np.array([0, 1]), 100, (fold,))
    draws = resample(study, draws=2000, levels=("seeds", "search")).draws.ravel()
    # A draw without a candidate is repeated. With both, the second wins only if seed 0 is absent.
    both = (1 - np.exp(-1)) ** 2
    alone = np.exp(-1) * (1 - np.exp(-1))
    expected = (0.25 * both + alone) / (both + 2 * alone)
    assert np.isclose(draws, 0.4).mean() == pytest.approx(expected, abs=0.03)


def test_outer_folds_join_their_rows_and_choose_on_their_own(evidence):
    study = evidence(ARMS, outer_folds=3, rows=20)
    found = resample(study, draws=5)
    top = sum(fold.best("b").losses.sum(1) for fold in study.outer_folds)
    bottom = sum(fold.trivial.sum(1) for fold in study.outer_folds)
    np.testing.assert_allclose(found.replicates[1], 1 - top / bottom)
    assert study.rows == 60


def test_ranks_are_those_of_each_replicate_and_task(evidence):
    study = evidence({"a": 0.2, "b": 0.25, "c": 0.1})
    found = resample(study, draws=50)
    order = (-found.replicates).argsort(0).argsort(0) + 1
    np.testing.assert_allclose(found.ranks, order.mean(1))
    np.testing.assert_allclose(found.rank_draws.sum(1), 6)


def test_an_arm_against_itself_has_no_difference(evidence):
    study = evidence({"a": 0.2}, finalists=1)
    fold = study.outer_folds[0]
    twice = replace(fold, arms={"a": fold.arms["a"], "b": fold.arms["a"]}, trials={"a": 5, "b": 5})
    found = resample(replace(study, outer_folds=(twice,)), draws=200)
    np.testing.assert_array_equal(found.draws[:, 0], found.draws[:, 1])


def test_pairing_narrows_the_interval(evidence):
    study = evidence({"a": 0.2, "b": 0.2}, finalists=1, taste=0.0, noise=0.02)
    draws = resample(study, draws=500).draws.mean(2)
    assert (draws[:, 0] - draws[:, 1]).std() < 0.5 * draws[:, 0].std()


def test_more_luck_in_the_search_widens_the_interval(evidence):
    def width(luck):
        draws = resample(evidence(ARMS, luck=luck), draws=500).draws.mean(2)
        return (draws[:, 0] - draws[:, 1]).std()

    assert width(0.1) > 2 * width(0.0)


def test_a_network_that_diverged_is_never_chosen(evidence):
    study = evidence({"a": 0.2, "b": 0.2})
    fold = study.outer_folds[0]
    first = fold.best("a")
    broken = replace(first, losses=first.losses * np.nan, validation=first.validation * np.nan)
    rest = [one for one in fold.arms["a"] if one is not first]
    arms = {**fold.arms, "a": (broken, *rest)}
    after = replace(study, outer_folds=(replace(fold, arms=arms),))
    assert after.outer_folds[0].best("a") in rest
    assert np.isfinite(resample(after, draws=500).draws).all()
    arms["a"] = (broken,)
    alone = replace(study, outer_folds=(replace(fold, arms=arms),))
    assert (alone.arms, alone.missing) == (("b",), ("a",))


def test_blocks_change_nothing_but_the_order_of_numbers(monkeypatch, evidence):
    study = evidence(ARMS)
    whole = percentiles(0, resample(study, draws=4000).draws[:, 0, 0], 0.95)
    monkeypatch.setattr("study.analysis.statistics.bootstrap._BLOCK", 10_000)
    parts = percentiles(0, resample(study, draws=4000).draws[:, 0, 0], 0.95)
    assert parts.low == pytest.approx(whole.low, abs=0.01)


def repeated(study, times, *, grouped):
    """The study with each held-out row repeated, in shuffled order."""
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(study.rows), times))

    def copies(fold):
        arms = {
            name: tuple(replace(one, losses=one.losses[:, order]) for one in own)
            for name, own in fold.arms.items()
        }
        groups = order if grouped else None
        return replace(fold, trivial=fold.trivial[:, order], arms=arms, groups=groups)

    unit = "patients" if grouped else "rows"
    return replace(study, outer_folds=tuple(map(copies, study.outer_folds)), unit=unit)


@pytest.mark.parametrize("times", [2, 9])
def test_more_rows_of_the_same_persons_say_nothing_new(evidence, times):
    study = evidence(ARMS)
    again = repeated(study, times, grouped=True)
    found, copied = resample(study, draws=300), resample(again, draws=300)
    np.testing.assert_allclose(copied.draws, found.draws, atol=1e-9)
    np.testing.assert_allclose(copied.estimate, found.estimate, atol=1e-9)
    np.testing.assert_allclose(copied.rank_draws, found.rank_draws, atol=1e-9)
    assert (again.rows, again.units) == (times * study.rows, study.units)


def test_copies_that_pass_for_rows_of_their_own_narrow_what_rows_leave_open(evidence):
    study = evidence(ARMS, finalists=1)

    def width(made):
        draws = resample(made, draws=2000, levels=("rows",)).draws.mean(2)
        return (draws[:, 0] - draws[:, 1]).std()

    assert width(study) / width(repeated(study, 9, grouped=False)) == pytest.approx(3, rel=0.1)


def test_groups_of_one_row_each_change_no_draw(evidence):
    study = evidence(ARMS)
    (fold,) = study.outer_folds
    alone = replace(study, outer_folds=(replace(fold, groups=np.arange(study.rows)),))
    found, other = (resample(made, draws=200) for made in (study, alone))
    np.testing.assert_array_equal(found.draws, other.draws)
    np.testing.assert_array_equal(found.rank_draws, other.rank_draws)


def test_the_draws_are_those_that_were_recorded(evidence):
    """The result of a study must not change when it is compared again."""
    found = resample(evidence(ARMS), draws=100)
    np.testing.assert_allclose(found.draws[[0, 50, 99], 0, 0], GOLDEN, atol=1e-12)


def without_labels(study, task, kept):
    """The study with labels of a task in the first rows only; its other losses are zero."""

    def masked(losses):
        return np.where(
            (np.arange(losses.shape[1])[:, None] >= kept) & (np.arange(losses.shape[2]) == task),
            0.0,
            losses,
        )

    (fold,) = study.outer_folds
    arms = {
        name: tuple(replace(one, losses=masked(one.losses)) for one in own)
        for name, own in fold.arms.items()
    }
    return replace(study, outer_folds=(replace(fold, trivial=masked(fold.trivial), arms=arms),))


def test_a_row_without_a_label_weighs_nothing_in_its_task(evidence):
    study = evidence(ARMS)
    (fold,) = study.outer_folds
    found = resample(without_labels(study, 1, 20), draws=10)
    best = fold.best("a")
    expected = skill(best.losses, fold.trivial)
    expected[:, 1] = skill(best.losses[:, :20], fold.trivial[:, :20])[:, 1]
    np.testing.assert_allclose(found.replicates[0], expected)


def test_every_draw_has_a_label_of_every_task(evidence):
    """Two of 60 rows have a label: one plain draw in eight has neither, and no defined skill."""
    found = resample(without_labels(evidence(ARMS), 1, 2), draws=500)
    assert np.isfinite(found.draws).all()
    assert found.draws[:, 0, 1].std() > 0


def test_simultaneous_intervals_hold_in_just_the_level_of_the_draws():
    random = np.random.default_rng(0)
    draws = random.normal(0, [1, 2, 3], (8000, 3))
    intervals = simultaneous(np.zeros(3), draws - draws.mean(0), 0, 0.9)
    inside = [abs(own) <= one.high for one, own in zip(intervals, draws.T, strict=True)]
    assert np.all(inside, axis=0).mean() == pytest.approx(0.9, abs=0.01)
    # Three independent comparisons: each has level 0.9^(1/3) (Sidak). Copies need no correction.
    assert inside[0].mean() == pytest.approx(0.9 ** (1 / 3), abs=0.006)
    (one, *_) = simultaneous(np.zeros(3), draws[:, [0, 0, 0]], 0, 0.9)
    alone = np.quantile(np.abs(draws[:, 0] - draws[:, 0].mean()), 0.9)
    assert (one.low, one.high) == pytest.approx((-alone, alone))


def test_luck_widens_every_interval_by_its_variance():
    draws = np.random.default_rng(0).normal(0, [1, 2], (4000, 2))
    plain = simultaneous(np.ones(2), draws, 0, 0.95)
    lucky = simultaneous(np.ones(2), draws, 3.0, 0.95)
    for one, other, variance in zip(plain, lucky, draws.var(0), strict=True):
        wider = np.sqrt((variance + 3) / variance)
        assert other.high - other.estimate == pytest.approx(wider * (one.high - one.estimate))
        assert one.estimate == other.estimate == 1


def test_arms_that_are_the_same_in_every_draw_have_an_interval_of_nothing():
    (one,) = simultaneous(np.zeros(1), np.zeros((100, 1)), 0.0, 0.95)
    assert (one.low, one.high, one.excludes_zero) == (0, 0, False)


@pytest.mark.slow
@pytest.mark.parametrize("luck", [0.0, 0.03])
def test_intervals_cover_the_truth_and_find_effects(luck, evidence):
    """200 simulated comparisons without a difference, and 60 with a large one."""

    def gap(seed, effect):
        study = evidence({"a": 0.2, "b": 0.2 + effect}, seed=seed, seeds=8, luck=luck)
        found = resample(study, draws=400)
        draws = found.draws.mean(2)
        estimate = float(found.estimate[1].mean() - found.estimate[0].mean())
        return percentiles(estimate, draws[:, 1] - draws[:, 0], 0.95)

    missed = sum(gap(seed, 0.0).excludes_zero for seed in range(200))
    # Binomial(200, 0.05) exceeds 20 with probability 0.001.
    assert missed <= 20
    assert sum(gap(seed, 0.2).excludes_zero for seed in range(60)) > 50
