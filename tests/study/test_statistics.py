"""The intervals, against direct computation and by simulation."""

import numpy as np
import pytest

from study.statistics import resample


def draw(random, *, seeds=8, rows=60, effect=0.0):
    """Returns losses of arms that share row and seed effects; arm 1 is better by `effect`."""
    arms, folds, tasks = 2, 3, 4
    row = random.gamma(4, 0.25, (rows, tasks))
    trivial = np.broadcast_to(row + 0.3, (seeds * folds, rows, tasks)).copy()
    seed = np.repeat(random.normal(0, 0.05, (arms, seeds, 1, 1)), folds, axis=1)
    noise = random.normal(0, 0.3, (arms, seeds * folds, rows, tasks))
    # Arms differ in the rows that they are good at, not only in noise that more seeds would remove.
    taste = random.normal(0, 0.15, (arms, 1, rows, tasks))
    losses = row + seed + noise + taste
    losses[1] -= effect
    return losses, trivial, np.repeat(np.arange(seeds), folds)


def test_the_estimate_is_the_mean_skill():
    losses, trivial, seeds = draw(np.random.default_rng(0))
    found = resample(losses, trivial, seeds, draws=10)
    expected = (1 - losses.sum(2) / trivial.sum(1)).mean(1)
    np.testing.assert_allclose(found.estimate, expected)
    assert found.score(0).estimate == pytest.approx(expected[0].mean())
    assert found.skill(1, 2).estimate == pytest.approx(expected[1, 2])
    difference = expected[1].mean() - expected[0].mean()
    assert found.difference(1, 0).estimate == pytest.approx(difference)


def test_a_draw_resamples_rows_and_whole_seeds():
    losses, trivial, seeds = draw(np.random.default_rng(0), rows=7, seeds=3)
    found = resample(losses, trivial, seeds, draws=5, seed=4)
    random = np.random.default_rng(4)
    rows = random.multinomial(7, np.full(7, 1 / 7), 5)
    chosen = random.multinomial(3, np.full(3, 1 / 3), 5)
    for d in range(5):
        row_index = np.repeat(np.arange(7), rows[d])
        replicates = np.concatenate(
            [np.flatnonzero(seeds == s) for s in np.repeat(np.arange(3), chosen[d])]
        )
        part = losses[:, replicates][:, :, row_index].sum(2)
        base = trivial[replicates][:, row_index].sum(1)
        np.testing.assert_allclose(found.draws[d], (1 - part / base).mean(1))


def test_equal_arms_have_no_difference():
    losses, trivial, seeds = draw(np.random.default_rng(1))
    found = resample(np.stack([losses[0]] * 2), trivial, seeds, draws=200)
    interval = found.difference(1, 0)
    assert (interval.estimate, interval.low, interval.high) == (0, 0, 0)
    assert not interval.excludes_zero


def test_pairing_narrows_the_interval():
    random = np.random.default_rng(2)
    losses, trivial, seeds = draw(random)
    losses[1] = losses[0] + random.normal(0, 0.05, losses[0].shape)
    found = resample(losses, trivial, seeds, draws=500)
    paired, single = found.difference(1, 0), found.score(0)
    assert paired.high - paired.low < 0.3 * (single.high - single.low)


def test_blocks_change_nothing_but_the_order_of_numbers(monkeypatch):
    losses, trivial, seeds = draw(np.random.default_rng(3))
    whole = resample(losses, trivial, seeds, draws=4000).score(0)
    monkeypatch.setattr("study.statistics._BLOCK", 10_000)
    parts = resample(losses, trivial, seeds, draws=4000).score(0)
    assert parts.estimate == whole.estimate
    assert parts.low == pytest.approx(whole.low, abs=0.01)


def test_the_level_widens_the_interval():
    losses, trivial, seeds = draw(np.random.default_rng(4))
    found = resample(losses, trivial, seeds, draws=2000)
    narrow, wide = found.difference(1, 0, 0.8), found.difference(1, 0, 0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.slow
def test_intervals_cover_the_truth_and_find_effects():
    """300 simulated comparisons without a difference, and 100 with one."""
    random = np.random.default_rng(5)
    missed = 0
    for _ in range(300):
        found = resample(*draw(random), draws=400)
        missed += found.difference(1, 0).excludes_zero
    # Binomial(300, 0.05) exceeds 27 with probability 0.001; eight seeds make intervals a bit short.
    assert missed <= 27
    powered = sum(
        resample(*draw(random, effect=0.15), draws=400).difference(1, 0).excludes_zero
        for _ in range(100)
    )
    assert powered > 80
