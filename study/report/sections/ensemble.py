"""What is said of the ensembles that are handed on: calibration, features, kinds of rows."""

from study.analysis.held_out.permutation_importance import MAX_ROWS
from study.analysis.held_out.subgroups import MIN_UNITS
from study.report.components.blocks import Block, Figures, missing_note
from study.report.figures.calibration import temperature_diagrams
from study.report.figures.features import feature_map
from study.report.figures.subgroups import subgroup_figure
from study.report.load import LoadedStudy
from study.report.tables.calibration import temperature_table
from study.report.tables.features import feature_table
from study.report.tables.subgroups import subgroup_table

__all__ = ["calibration_blocks", "feature_blocks", "subgroup_blocks"]


def calibration_blocks(study: LoadedStudy) -> tuple[Block, ...]:
    """Returns how far the ensembles' probabilities mean what they say, before and after."""
    if "ensemble_calibration" not in study.tables:
        return missing_note("The ensembles' calibration", "ensemble_calibration.parquet")
    arm = study.names[0]
    return (
        Figures(
            tuple(temperature_diagrams(study, arm)),
            f"What is handed on is the ensemble of all replicates: here that of {arm}. Dotted and "
            "grey: the mean of the replicates' probabilities as it is. In colour: the same with "
            "the temperature that was fitted on out-of-fold rows (Guo et al., ICML 2017), seen "
            "here on held-out rows that it was not fitted on.",
            size="third",
            title="The ensemble, before its temperature and after",
        ),
        temperature_table(study, study.names),
    )


def feature_blocks(study: LoadedStudy) -> tuple[Block, ...]:
    """Returns what the leading ensemble loses by each feature."""
    if "permutation" not in study.tables:
        return missing_note("What each feature is worth", "permutation.parquet")
    arm = study.tables["permutation"]["arm"].iloc[0]
    return (
        Figures(
            (feature_map(study),),
            f"The skill that the ensemble of {arm} loses on held-out rows (at most {MAX_ROWS:,} of "
            "an outer fold) when a feature is shuffled among them (permutation importance, mean of "
            "ten shuffles). About zero: the ensemble does without it. Two features that tell "
            "the same are credited to neither in full, and nothing here says what would happen if "
            "a value were changed.",
        ),
        feature_table(study),
    )


def subgroup_blocks(study: LoadedStudy) -> tuple[Block, ...]:
    """Returns the skill of the leading ensemble on kinds of rows."""
    if "subgroups" not in study.tables:
        return missing_note("Scores of subgroups", "subgroups.parquet")
    arm, unit = study.names[0], study.comparison.unit
    return (
        Figures(
            (subgroup_figure(study, arm),),
            "Mean skill of the ensemble on kinds of held-out rows, with their number, and its "
            f"{study.level} interval. Intervals that overlap say that these rows do not tell the "
            "kinds apart, not that the ensemble serves them alike. No kind has fewer "
            f"than {MIN_UNITS} {unit}.",
            size="narrow",
        ),
        subgroup_table(study, arm),
    )
