"""The sentences that stand in every model card."""

from study.analysis.held_out.subgroups import MIN_UNITS

__all__ = ["ETHICS", "METRICS", "NOT_USES", "USES"]

USES = (
    "Studying how a record of the past would have decided, and comparing methods of training.",
    (
        "One voice beside the judgement of whoever is responsible, who also sees the row, and "
        "the reason why the model may not know such rows."
    ),
)
NOT_USES = (
    "Deciding anything on its own, or unseen.",
    (
        "Rows of another place, time or kind than those it was fitted on, before it has been tried "
        "there. It says where a row lies outside, as far as its features show it."
    ),
    "Learning what would happen if a feature were changed: it learned what goes together.",
)
METRICS = (
    (
        "Skill: the share of the trivial predictor's loss that the model removes; 0 is no better "
        "than base rates and means, 1 is perfect. The loss is cross-entropy for levels, squared "
        "error for values, Poisson deviance for counts."
    ),
    "Beside it, accuracy and balanced accuracy of levels, and the errors of values.",
    (
        "Calibration error: the mean distance between a probability and how often what was given "
        "it was so, in ten bins (Naeini et al., AAAI 2015)."
    ),
)
ETHICS = (
    (
        "The labels are what was recorded, not what was best. What was decided badly or unfairly "
        "in the past is learned with the rest."
    ),
    (
        f"No row or identifier is in this card, and kinds of rows with fewer than {MIN_UNITS} are "
        "joined with others or left out. What the model's folder holds beside its weights are "
        "means, spreads, ranges and components of the rows that it was fitted on."
    ),
    (
        "A number beside a recommendation invites trust. Where intervals are wide, or a subgroup "
        "is served worse, show that with it."
    ),
)
