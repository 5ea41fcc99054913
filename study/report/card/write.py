"""The card of an exported model, in Markdown and HTML, beside the model.

Its form is that of Mitchell et al., "Model Cards for Model Reporting", FAT* 2019. It is made only
from the study's folder. It contains scores of subgroups, none of few persons, and no row.
"""

from pathlib import Path

import pandas as pd

from study.analysis.held_out.subgroup_skill import MEAN_TASK
from study.analysis.held_out.subgroups import ALL_ROWS
from study.report.card.sections import card_sections, chosen, kind_of_model, replicates
from study.report.components.blocks import Cell
from study.report.formatting import interval, number
from study.report.load import LoadedStudy, open_study
from study.report.render.markdown import card_markdown
from study.report.render.page import style, templates
from study.report.tables.subgroups import records, row_interval
from study.settings.analysis_plan import EXPORTED_REFERENCES
from study.store.study_folder import StudyFolder

__all__ = ["write_cards"]

_WARNING = "Decision support for research: not for use without review, and not a medical device."


def write_cards(folder: StudyFolder) -> list[Path]:
    """Writes `card.md` and `card.html` for each model in `best/`.

    Args:
        folder: a study that has a comparison.

    Raises:
        InputError: it is not a study, it has no comparison yet, or one of its files is damaged.
    """
    study = open_study(folder)
    pages = []
    every = range(study.comparison.outer_folds)
    models = [(arm, finalist.outer_fold) for arm in study.names for finalist in chosen(study, arm)]
    models += [(name, outer_fold) for name in EXPORTED_REFERENCES for outer_fold in every]
    for name, outer_fold in models:
        place = folder.best(name, outer_fold, study.comparison.outer_folds)
        if place.is_dir():
            pages.append(_write(study, name, outer_fold, f"best/{place.name}"))
    return pages


def _write(study: LoadedStudy, arm: str, outer_fold: int, place: str) -> Path:
    subject = study.schema.title if study.schema else "table"
    title = f"{subject}: {len(study.tasks)} tasks, {arm}"
    lead = f"{kind_of_model(study, arm)}, for {len(study.tasks)} tasks. {_WARNING}"
    sections = card_sections(study, arm, outer_fold, place)
    study.folder.write_text(f"{place}/card.md", card_markdown(title, lead, sections))
    template = templates().get_template("card.html")
    text = template.render(
        title=title,
        study=study.folder.name,
        lead=lead,
        facts=_facts(study, arm),
        sections=sections,
        css=style(),
    )
    return study.folder.write_text(f"{place}/card.html", text)


def _score(study: LoadedStudy, arm: str) -> Cell:
    table = study.tables.get("subgroups")
    if table is None:
        return Cell(interval(study.arm(arm).score, 2), "mean skill of one network")
    rows = table[
        (table["arm"] == arm) & (table["subgroup"] == ALL_ROWS) & (table["task"] == MEAN_TASK)
    ]
    score = row_interval(records(rows)[0])
    if pd.isna(score.estimate):
        return Cell("–", "mean skill: too few rows")
    return Cell(interval(score, 2), "mean skill")


def _facts(study: LoadedStudy, arm: str) -> list[Cell]:
    comparison = study.comparison
    return [
        _score(study, arm),
        Cell(number(comparison.held_out_rows, 0), "held-out rows"),
        Cell(number(comparison.training_rows, 0), "training rows per replicate"),
        Cell(number(replicates(study, arm), 0), "replicates"),
        Cell(str(study.record["data_digest"])[:12], "digest of the data"),
    ]
