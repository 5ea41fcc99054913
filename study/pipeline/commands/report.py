"""Writes the report of a study: a page, the same in Markdown, tables, and optionally figures."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from study.cli import Parser, command_name, command_parser, run_cli

if TYPE_CHECKING:
    from study.store.study_folder import StudyFolder

EXAMPLES = """\
examples:
  hemomodel-report ward-7
      writes report.html, report.md and tables/ into studies/ward-7
  hemomodel-report studies/ward-7 --out paper --figures
      writes into another folder, with every figure as PNG and SVG
  hemomodel-report ward-7 --wandb
      builds a W&B report as report_spec.json; with --online it is also saved to the server

exit codes: 0 done, 2 bad input.
"""


def parser() -> Parser:
    """Returns the command line."""
    p = command_parser(command_name("report"), __doc__, EXAMPLES)
    p.add_argument(
        "study",
        metavar="STUDY",
        help="report the study in this folder, or with this name in studies/",
    )
    p.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="write to this folder (default: the study's folder)",
    )
    p.add_argument(
        "--figures", action="store_true", help="also draw every figure as PNG and SVG, in figures/"
    )
    p.add_argument(
        "--wandb",
        action="store_true",
        help="build the W&B report, report_spec.json, instead of the page",
    )
    p.add_argument(
        "--online",
        action="store_true",
        help="with --wandb: also save the report to the server, or update it there",
    )
    p.add_argument(
        "--project", default="hemomodel", help="use this W&B project (default: hemomodel)"
    )
    p.add_argument("--entity", help="use this W&B user or team (default: your own account)")
    return p


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_report)


def _report() -> int:
    """Writes the report and prints where it is."""
    options = parser().parse_args()

    from study.report.load import find_study

    folder = find_study(options.study)
    print(f"The report: {_wandb(folder, options) if options.wandb else _page(folder, options)}")
    return 0


def _wandb(folder: "StudyFolder", options: argparse.Namespace) -> Path:
    from study.report.wandb.report import wandb_report

    return wandb_report(
        folder, online=options.online, project=options.project, entity=options.entity
    )


def _page(folder: "StudyFolder", options: argparse.Namespace) -> Path:
    from hemomodel.errors import InputError
    from study.report.render.images import missing_browser
    from study.report.write import write_report
    from study.store.study_folder import StudyFolder

    out = StudyFolder(options.out.resolve()) if options.out else folder
    out.make_root()
    reason = missing_browser() if options.figures else None
    page = write_report(folder, out, images=options.figures and reason is None)
    if reason:
        raise InputError(f"the report is written without images: {page}; {reason}")
    return page
