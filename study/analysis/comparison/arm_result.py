"""The figures of one arm or one reference model, as typed data.

Fields are in the order of the keys in `comparison.json`. A key that an earlier version did not
write has a default here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field, model_serializer, model_validator

from study.analysis.statistics.interval import Interval

__all__ = [
    "ArmResult",
    "ExpectedBest",
    "FinalistResult",
    "MissingArm",
    "ReferenceResult",
    "TaskResult",
    "WorstTask",
    "by_score",
]

_SKILL = "skill"


@dataclass(frozen=True)
class TaskResult:
    """The figures of an arm or a reference model on one task; in JSON they are one object.

    Attributes:
        skill: with its interval; for a reference model only the estimate.
        metrics: the mean over replicates of every other metric, in the task's own unit.
    """

    skill: Interval | float | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def skill_estimate(self) -> float | None:
        """The skill without its interval."""
        return self.skill.estimate if isinstance(self.skill, Interval) else self.skill

    @model_validator(mode="before")
    @classmethod
    def _from_object(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        metrics = {name: figure for name, figure in value.items() if name != _SKILL}
        return {_SKILL: value.get(_SKILL), "metrics": metrics}

    @model_serializer
    def _to_object(self) -> dict[str, Any]:
        return {_SKILL: self.skill, **self.metrics}


@dataclass(frozen=True, kw_only=True)
class FinalistResult:
    """A finalist of an arm.

    Attributes:
        outer_fold: the part of the rows that its search never used.
        trial: its number in the study.
        params: the searched parameters.
        epochs: number of training epochs.
        search_score: its score in the search.
        validation_score: mean skill on the fresh seeds' validation rows; None if it diverged.
        chosen: whether it is the winner of the arm.
    """

    outer_fold: int = 0
    trial: int
    params: Mapping[str, Any]
    epochs: int
    search_score: float | None = None
    validation_score: float | None = None
    chosen: bool = False


@dataclass(frozen=True)
class WorstTask:
    """The task on which an arm has the least skill."""

    task: str
    skill: float


@dataclass(frozen=True)
class ExpectedBest:
    """The expected validation score of the best of `trials` trials, with its interval."""

    trials: int
    estimate: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """The figures of one arm.

    Attributes:
        name: of the arm.
        trials: number of trials by the state in which they ended.
        failed: number of failed trials.
        unsolved_steps: number of steps where the balancer's solver did not reach its tolerance.
        finalists: outer fold by outer fold, in the order of the search's scores.
        score: mean skill over tasks and replicates.
        regret: expected loss above the oracle's as a share of the trivial predictor's loss; None
            without an oracle.
        mean_rank: over replicates and tasks; 1 is best.
        worst_task: the task with its lowest skill.
        delta_m: mean reduction of the tasks' losses relative to tuned single-task networks, in
            percent.
        seconds_per_trial: mean time of a trial, in seconds.
        seconds_per_step: mean time of an optimizer step, in seconds.
        tasks: its figures by task.
        expected_best: after 1, 2, ... trials.
    """

    name: Annotated[str, Field(alias="arm")]
    trials: Mapping[str, int]
    failed: int | None = None
    unsolved_steps: int | None = None
    finalists: tuple[FinalistResult, ...] = ()
    score: Interval | None = None
    regret: Interval | None = None
    mean_rank: float | None = None
    worst_task: WorstTask | None = None
    delta_m: Interval | None = None
    seconds_per_trial: float | None = None
    seconds_per_step: float | None = None
    tasks: Mapping[str, TaskResult]
    expected_best: tuple[ExpectedBest, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MissingArm:
    """An arm that was searched but cannot be compared: numbers of all and of failed trials."""

    name: Annotated[str, Field(alias="arm")]
    trials: int
    failed: int


@dataclass(frozen=True, kw_only=True)
class ReferenceResult:
    """The figures of a model that is not an arm: nothing is balanced or searched."""

    name: Annotated[str, Field(alias="model")]
    score: Interval | None = None
    tasks: Mapping[str, TaskResult]


def by_score(entry: ArmResult | ReferenceResult) -> float:
    """Returns a sort key: the best score first, entries without a score last."""
    return -entry.score.estimate if entry.score else float("inf")
