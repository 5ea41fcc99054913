"""The section on the search: expected scores, hyperparameter importance, and every trial."""

from typing import Literal

import pandas as pd
from optuna.trial import FrozenTrial

from study.analysis.hyperparameter_importance import MIN_TRIALS
from study.report.components.blocks import Block, Figures, Prose, missing_note
from study.report.figures.search import expected_best_figure, importance_bars, parallel_coordinates
from study.report.load import LoadedStudy

__all__ = ["search_blocks"]

_FEW = 4  # panels that look better two per row


def search_blocks(
    study: LoadedStudy, trials: dict[str, list[FrozenTrial]], importance: pd.DataFrame
) -> tuple[Block, ...]:
    """Returns expected scores, hyperparameter importance, and every trial.

    Args:
        study: the study to report.
        trials: of the journal, by arm.
        importance: arm, parameter, ped_anova, fanova.
    """
    blocks: list[Block] = []
    if any(arm.expected_best for arm in study.arms):
        blocks.append(
            Figures(
                (expected_best_figure(study),),
                "Expected validation score of the best of n trials, drawn with replacement from "
                "the trials of the arm. If a curve still rises at its end, more trials would help "
                "this arm. Scores of the search are optimistic: held-out scores are lower.",
                legend=tuple(study.names),
            )
        )
    blocks += _importance(study, importance)
    drawn = [
        parallel_coordinates(arm, arm_trials) for arm, arm_trials in trials.items() if arm_trials
    ]
    if any(drawn):
        blocks.append(
            Figures(
                tuple(figure for figure in drawn if figure is not None),
                "One line per trial, over the parameters and the score (right). In colour: the "
                "best tenth; grey: the others; dotted and without a score: stopped early or "
                "failed. A gap is a parameter that the trial does not have.",
                size="wide",
                title="Every trial",
            )
        )
    return tuple(blocks) or missing_note("The search", "study.journal")


def _importance(study: LoadedStudy, importance: pd.DataFrame) -> list[Block]:
    few = [name for name in study.names if name not in set(importance["arm"])]
    blocks: list[Block] = []
    figures = tuple(
        importance_bars(str(arm), shares) for arm, shares in importance.groupby("arm", sort=False)
    )
    if figures:
        caption = (
            "Dark: PED-ANOVA, importance for being among the best tenth of the finished trials. "
            "Pale: fANOVA, importance for the score over the entire space. Each is a share of "
            "what the measure explains. Neither shows a direction, and with few trials both are "
            "imprecise. `its`: a parameter of the balancer itself."
        )
        title = "Which hyperparameters mattered"
        size: Literal["half", "third"] = "half" if len(figures) <= _FEW else "third"
        blocks.append(Figures(figures, caption, size=size, title=title))
    if few:
        reason = f"fewer than {MIN_TRIALS} trials were trained to the last epoch"
        blocks.append(Prose(f"No importance is given for {', '.join(few)}, because {reason}."))
    return blocks
