"""Sections on the exported ensembles: calibration, features and subgroups."""

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
    """Returns the calibration of the ensembles, before and after temperature scaling."""
    if "ensemble_calibration" not in study.tables:
        return missing_note("The ensembles' calibration", "ensemble_calibration.parquet")
    arm = study.names[0]
    return (
        Figures(
            tuple(temperature_diagrams(study, arm)),
            f"The exported model is the ensemble of all replicates: here that of {arm}. Open "
            "circles: the mean of the replicates' probabilities. Filled marks: the same after "
            "temperature scaling (Guo et al., ICML 2017). The temperature was fitted on "
            "out-of-fold rows; the figure shows held-out rows.",
            size="third",
            title="The ensemble before and after temperature scaling",
        ),
        temperature_table(study, study.names),
    )


def feature_blocks(study: LoadedStudy) -> tuple[Block, ...]:
    """Returns the permutation importance of each feature for the ensemble with the best score."""
    if "permutation" not in study.tables:
        return missing_note("Feature importance", "permutation.parquet")
    arm = study.tables["permutation"]["arm"].iloc[0]
    return (
        Figures(
            (feature_map(study),),
            f"Permutation importance: the skill that the ensemble of {arm} loses on held-out rows "
            f"(at most {MAX_ROWS:,} per outer fold) when a feature is shuffled among the rows, "
            "mean of ten shuffles. Near zero: the ensemble does not depend on the feature. If two "
            "features carry the same information, neither gets full credit. The figure does not "
            "show what would happen if a value were changed.",
        ),
        feature_table(study),
    )


def subgroup_blocks(study: LoadedStudy) -> tuple[Block, ...]:
    """Returns the skill by subgroup of the ensemble with the best score."""
    if "subgroups" not in study.tables:
        return missing_note("Scores of subgroups", "subgroups.parquet")
    arm, unit = study.names[0], study.comparison.unit
    return (
        Figures(
            (subgroup_figure(study, arm),),
            "Mean skill of the ensemble on subgroups of the held-out rows, with the number of rows "
            f"and the {study.level} interval. If intervals overlap, these rows cannot show a "
            "difference between subgroups; the skill may still differ. No subgroup has fewer than "
            f"{MIN_UNITS} {unit}.",
            size="narrow",
        ),
        subgroup_table(study, arm),
    )
