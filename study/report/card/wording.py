"""The sentences of every model card."""

from study.analysis.held_out.subgroups import MIN_UNITS

__all__ = ["ETHICS", "METRICS", "NOT_USES", "USES"]

USES = (
    "Studying past decisions, and comparing methods of training.",
    (
        "Advice to the responsible person, who decides. This person also sees the row, and a "
        "warning if the row is out of distribution."
    ),
)
NOT_USES = (
    "Deciding by itself, without review by a person.",
    (
        "Rows of another place, time or population than the training rows, before it has been "
        "validated there. It marks a row that is out of distribution, as far as the features "
        "show it."
    ),
    "Predicting the effect of a change of a feature: it learned associations, not causes.",
)
METRICS = (
    (
        "Skill: the share of the trivial predictor's loss that the model removes; 0 is no better "
        "than base rates and means, 1 is perfect. The loss is cross-entropy for levels, squared "
        "error for values, Poisson deviance for counts."
    ),
    "Also accuracy and balanced accuracy of levels, and RMSE and MAE of values.",
    (
        "Calibration error: the mean distance between predicted probability and observed "
        "frequency, in ten bins (Naeini et al., AAAI 2015)."
    ),
)
ETHICS = (
    (
        "The labels are the recorded decisions, not the best ones. The model also learns poor or "
        "unfair decisions of the past."
    ),
    (
        f"This card contains no row and no identifier. Subgroups with fewer than {MIN_UNITS} are "
        "merged with others or left out. Besides its weights, the model's folder contains means, "
        "standard deviations, ranges and principal components of the training rows."
    ),
    (
        "A number beside a recommendation can create too much trust. If intervals are wide, or "
        "the skill is lower in a subgroup, show that with the recommendation."
    ),
)
