"""The section on the limits of the report."""

from hemomodel.schema.schema import Schema
from study.report.components.blocks import Notes
from study.report.load import LoadedStudy
from study.report.sections.run import FEW_ROWS
from study.settings.data_source import DataSource

__all__ = ["ALWAYS", "data_notes", "limit_notes"]

ALWAYS = (
    (
        "The held-out rows were separated before the search. They were scored once, after the "
        "configuration and the number of epochs had been chosen on validation rows."
    ),
    "Imputation, scaling and PCA are fitted on the training rows of each replicate only.",
    "The scores hold for this table. They do not show the performance at another place or time.",
)
_SEARCH = (
    "Another search would find other configurations. The intervals of differences include this "
    "variation as far as the three finalists of each arm show it; after a long search they may "
    "show less of it."
)
_LAST = "This is decision support for research. It is not a medical device."


def limit_notes(study: LoadedStudy) -> Notes:
    """Returns the limits that a reader must know, in sentences."""
    comparison = study.comparison
    notes = [*study.notes, *data_notes(study)]
    if comparison.held_out_rows is not None:
        few = (comparison.held_out_units or comparison.held_out_rows) < FEW_ROWS
        wide = " With so few, intervals are wide." if few else ""
        notes.append(f"The comparison uses {comparison.held_out}.{wide}")
    if comparison.outer_folds == 1:
        notes.append(
            "Only one split into training and held-out rows was used. Another split would change "
            "all scores. The intervals hold for these training rows."
        )
    notes += [*ALWAYS, _SEARCH, *_loss_notes(study), _LAST]
    return Notes(tuple(notes))


def data_notes(study: LoadedStudy) -> list[str]:
    """Returns the limits of the rows and of the features, in sentences."""
    notes = []
    if DataSource.parse(str(study.settings.get("data", ""))).kind == "synthetic":
        notes.append(
            "The patients are synthetic: they were generated from published aggregates. "
            "The results are about methods, not about medicine."
        )
    if study.schema is not None:
        notes += [_feature_note(study, study.schema), *study.schema.notes]
    unit = study.comparison.unit
    if unit != "rows":
        notes.append(
            f"The rows of one group ({unit}) are never divided between training, validation and "
            f"held-out rows. The bootstrap of the intervals draws {unit}, each with all its rows."
        )
    return notes


def _feature_note(study: LoadedStudy, schema: Schema) -> str:
    name = study.feature_set
    return schema.feature_notes.get(name) or (
        f"The features are the set {name!r} of the schema. The schema shows whether any of them "
        "is a result of what is predicted."
    )


def _loss_notes(study: LoadedStudy) -> list[str]:
    notes = []
    failed = int((study.trials["state"] == "failed").sum())
    if failed:
        notes.append(f"{failed:,} of {len(study.trials):,} trials failed; they are listed above.")
    if study.lost:
        notes.append(
            f"Searched but not compared, because no trial ended with a score: "
            f"{', '.join(study.lost)}."
        )
    unsolved = [f"{arm.name} {arm.unsolved_steps:,}" for arm in study.arms if arm.unsolved_steps]
    if unsolved:
        counts = ", ".join(unsolved)
        notes.append(f"Steps whose inner problem was not solved to tolerance: {counts}.")
    return notes
