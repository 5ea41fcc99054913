"""The section on what the report cannot say."""

from hemomodel.schema.schema import Schema
from study.report.components.blocks import Notes
from study.report.load import LoadedStudy
from study.report.sections.run import FEW_ROWS
from study.settings.data_source import DataSource

__all__ = ["ALWAYS", "data_notes", "limit_notes"]

ALWAYS = (
    (
        "The held-out rows were split off before the search and scored once, after "
        "configuration and number of epochs had been chosen on validation rows."
    ),
    "What prepares the features is fitted on the training rows of each replicate alone.",
    "Nothing here says how a network does on rows from elsewhere, or from later.",
)
_SEARCH = (
    "Another search would find other configurations. The intervals of differences hold that luck "
    "as far as three finalists of each arm show it, and the longer a search, the less its own "
    "finalists may show."
)
_LAST = "This is decision support for research. It is no medical device."


def limit_notes(study: LoadedStudy) -> Notes:
    """Returns what a reader must know before believing, in sentences."""
    comparison = study.comparison
    notes = [*study.notes, *data_notes(study)]
    if comparison.held_out_rows is not None:
        few = (comparison.held_out_units or comparison.held_out_rows) < FEW_ROWS
        wide = " So few make wide intervals; that is the truth." if few else ""
        notes.append(f"{comparison.held_out} decide.{wide}")
    if comparison.outer_folds == 1:
        notes.append(
            "One split into training and held-out rows was used: another split would move all "
            "scores, and the intervals hold for these training rows."
        )
    notes += [*ALWAYS, _SEARCH, *_loss_notes(study), _LAST]
    return Notes(tuple(notes))


def data_notes(study: LoadedStudy) -> list[str]:
    """Returns what a reader must know of the rows and of the features, in sentences."""
    notes = []
    if DataSource.parse(str(study.settings.get("data", ""))).kind == "synthetic":
        notes.append(
            "The patients are synthetic: they follow published aggregates, and never lived. "
            "What is found here is about methods, not about medicine."
        )
    if study.schema is not None:
        notes += [_feature_note(study, study.schema), *study.schema.notes]
    unit = study.comparison.unit
    if unit != "rows":
        notes.append(
            f"Rows that belong together ({unit}) are never divided between training, validation "
            f"and held-out rows, and the intervals draw {unit}, each with all its rows."
        )
    return notes


def _feature_note(study: LoadedStudy, schema: Schema) -> str:
    name = study.feature_set
    return schema.feature_notes.get(name) or (
        f"The features are the set {name!r} of the schema: see there whether any of them follows "
        "from what is predicted."
    )


def _loss_notes(study: LoadedStudy) -> list[str]:
    notes = []
    failed = int((study.trials["state"] == "failed").sum())
    if failed:
        notes.append(f"{failed:,} of {len(study.trials):,} trials failed; they are listed above.")
    if study.lost:
        notes.append(
            f"Searched, and not in the comparison, for no trial ended with a score: "
            f"{', '.join(study.lost)}."
        )
    unsolved = [f"{arm.name} {arm.unsolved_steps:,}" for arm in study.arms if arm.unsolved_steps]
    if unsolved:
        counts = ", ".join(unsolved)
        notes.append(f"Steps whose inner problem was not solved to tolerance: {counts}.")
    return notes
