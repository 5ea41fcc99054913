"""What a trial's W&B run says beside its curves; the same when it is logged a second time."""

from collections.abc import Mapping
from typing import Any

__all__ = ["run_config", "run_summary"]


def run_config(
    common: Mapping[str, Any], number: int, arm: str, outer_fold: int, params: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns a run's configuration; `common` is what those of all trials share."""
    return {**common, "number": number, "arm": arm, "outer_fold": outer_fold, **params}


def run_summary(
    report: Mapping[str, Any], state: str, scores: Mapping[tuple[str, str], float]
) -> dict[str, Any]:
    """Returns a run's summary.

    Args:
        report: the trial's last.
        state: how the trial ended.
        scores: (metric, task) -> its mean over replicates at the best epoch.
    """
    return {
        "state": state,
        "best/score": report["score"],
        "best/epoch": report["best_epoch"],
        "epochs": report["epoch"],
        "seconds": report["seconds"],
        "seconds_per_step": report["seconds"] / report["steps"],
        "unsolved_steps": report["unsolved"],
        "smallest_cosine": report["smallest_cosine"],
        **{f"best/{metric}/{task}": mean for (metric, task), mean in scores.items()},
        **({"failure": report["failure"]} if report["failure"] else {}),
    }
