"""Made-up evidence with a known truth."""

import numpy as np
import pandas as pd
import pytest

from study.analysis.comparison_data import ComparisonData, FinalistScores, OuterFold

TASKS = 4


def _candidate(losses, trivial, *, trial=0, search_score=0.2, validation=0.2, regret=None):
    """Returns a candidate with these losses; all its validation skills are the same."""
    replicates, _, tasks = losses.shape
    return FinalistScores(
        trial=trial,
        params={"lr": 0.01},
        epochs=20,
        search_score=search_score,
        validation=np.full((replicates, tasks), validation),
        losses=losses,
        metrics={"skill": 1 - losses.mean(1) / trivial.mean(1)},
        regret=regret,
    )


def _evidence(  # noqa: PLR0913 - a world of its own
    gaps,
    *,
    seed=0,
    seeds=6,
    folds=3,
    rows=60,
    tasks=TASKS,
    outer_folds=1,
    taste=0.1,
    luck=0.0,
    noise=0.2,
    finalists=3,
    trials=10,
):
    """Returns a study; the mean loss of an arm is `gap` below that of the trivial predictor.

    Args:
        gaps: by arm.
        seed: of the random numbers.
        seeds: S; each has `folds` replicates.
        folds: validation folds.
        rows: held-out rows of an outer fold.
        tasks: T.
        outer_folds: each with its own searches.
        taste: standard deviation of a configuration's effect on a row.
        luck: standard deviation of a configuration's effect on all rows alike.
        noise: standard deviation of a replicate's effect on a row.
        finalists: candidates per arm.
        trials: per arm.
    """
    random = np.random.default_rng(seed)
    found = []
    for _ in range(outer_folds):
        row = random.gamma(9, 0.1, (rows, tasks)) + 0.5
        trivial = np.broadcast_to(row, (seeds * folds, rows, tasks)).copy()
        arms = {}
        for name, gap in gaps.items():
            own = []
            for place in range(finalists):
                quality = gap + random.normal(0, luck)
                losses = trivial - quality + random.normal(0, taste, (1, rows, tasks))
                losses = losses + random.normal(0, noise, losses.shape)
                own.append(
                    _candidate(
                        losses,
                        trivial,
                        trial=place,
                        search_score=0.3 - place / 100,
                        validation=quality + random.normal(0, 0.02),
                    )
                )
            arms[name] = tuple(own)
        found.append(OuterFold(trivial, arms, dict.fromkeys(gaps, trials)))
    return ComparisonData(np.repeat(np.arange(seeds), folds), 150, tuple(found))


def _trials(arms, *, count=10, failed=0):
    """Returns a trials table with `count` trials per arm."""
    random = np.random.default_rng(0)
    rows = [
        {
            "arm": arm,
            "state": "failed" if number < failed else "complete",
            "score": np.nan if number < failed else random.normal(0.1, 0.05),
            "seconds": 2.0,
            "step_seconds": 0.002,
            "unsolved": 0,
            "outer_fold": 0,
        }
        for arm in arms
        for number in range(count)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def candidate():
    """Makes a candidate; see `_candidate`."""
    return _candidate


@pytest.fixture
def evidence():
    """Makes a study; see `_evidence`."""
    return _evidence


@pytest.fixture
def trials_of():
    """Makes a trials table; see `_trials`."""
    return _trials
