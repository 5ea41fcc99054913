"""Writes the report of a study: an HTML page, the same in Markdown, tables and figures."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pandas as pd
from optuna.trial import FrozenTrial

from study.analysis.hyperparameter_importance import hyperparameter_importance, journal_trials
from study.report.components.blocks import Figures, Section
from study.report.components.figure import Figure
from study.report.load import open_study
from study.report.render.images import write_images
from study.report.render.markdown import report_markdown
from study.report.render.page import report_page
from study.report.render.table_files import to_csv, to_latex
from study.report.sections.all_sections import all_sections
from study.report.tables.frames import all_frames
from study.store.study_folder import StudyFolder

__all__ = ["write_report"]

Trials: TypeAlias = dict[str, list[FrozenTrial]]


def write_report(
    folder: StudyFolder, out: StudyFolder | None = None, *, images: bool = False
) -> Path:
    """Writes `report.html`, `report.md`, `tables/` and, if requested, `figures/`.

    Args:
        folder: a study that has been compared; its files are only read.
        out: the folder to write to; the study's folder if not given.
        images: also draw the figures as PNG and SVG; see `missing_browser` of `render/images.py`.

    Returns:
        the path of the page.

    Raises:
        InputError: the folder is not a study, has no comparison yet, or has a damaged file.
    """
    out = out or folder
    study = open_study(folder)
    trials = journal_trials(folder)
    importance = _importance(trials)
    sections = all_sections(study, trials, importance)
    _write_tables(out, folder.name, all_frames(study, importance))
    drawn = write_images(out, _figures(sections)) if images else []
    out.write_text("report.md", report_markdown(study, sections, drawn))
    return out.write_text("report.html", report_page(study, sections))


def _importance(trials: Trials) -> pd.DataFrame:
    shares = [
        hyperparameter_importance(arm_trials).assign(arm=arm) for arm, arm_trials in trials.items()
    ]
    columns = ["arm", "parameter", "ped_anova", "fanova"]
    filled = [table for table in shares if len(table)]
    return pd.concat(filled)[columns] if filled else pd.DataFrame(columns=columns)


def _figures(sections: list[Section]) -> list[Figure]:
    """Returns every figure, with a title that is complete without the page."""
    blocks = [block for section in sections for block in section.blocks]
    return [
        replace(figure, title=block.called(figure))
        for block in blocks
        if isinstance(block, Figures)
        for figure in block.figures
    ]


def _write_tables(out: StudyFolder, study: str, frames: dict[str, pd.DataFrame]) -> None:
    (out.root / "tables").mkdir(exist_ok=True)
    kinds: dict[str, Callable[[str, pd.DataFrame], str]] = {
        "csv": lambda _, frame: to_csv(frame),
        "tex": lambda name, frame: to_latex(frame, f"{study}: {name.replace('_', ' ')}"),
    }
    for name, frame in frames.items():
        for ending, written in kinds.items():
            out.write_text(f"tables/{name}.{ending}", written(name, frame))
