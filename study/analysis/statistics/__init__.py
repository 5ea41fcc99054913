"""Statistics of the comparison: what can be said of arms from their held-out losses."""

from study.analysis.statistics.bootstrap import EVERYTHING, Level, Resampled, resample
from study.analysis.statistics.expected_best import expected_best
from study.analysis.statistics.interval import Interval, percentiles, simultaneous
from study.analysis.statistics.paired import (
    corrected_resampled_t_test,
    holm,
    probability_of_improvement,
)
from study.analysis.statistics.ranks import critical_difference, friedman, groups, nemenyi
from study.analysis.statistics.sample_size import Components, Needed, needed
from study.settings.analysis_plan import DECLARED, Declared, declared

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
