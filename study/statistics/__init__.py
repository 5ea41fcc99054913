"""Statistics of the comparison: what can be said of arms from their held-out losses."""

from study.statistics.bootstrap import EVERYTHING, Level, Resampled, resample
from study.statistics.budget import expected_best
from study.statistics.declared import DECLARED, Declared, declared
from study.statistics.interval import Interval, percentiles, simultaneous
from study.statistics.paired import corrected_resampled_t_test, holm, probability_of_improvement
from study.statistics.ranks import critical_difference, friedman, groups, nemenyi
from study.statistics.size import Components, Needed, needed

__all__ = [
    "DECLARED",
    "EVERYTHING",
    "Components",
    "Declared",
    "Interval",
    "Level",
    "Needed",
    "Resampled",
    "corrected_resampled_t_test",
    "critical_difference",
    "declared",
    "expected_best",
    "friedman",
    "groups",
    "holm",
    "needed",
    "nemenyi",
    "percentiles",
    "probability_of_improvement",
    "resample",
    "simultaneous",
]
