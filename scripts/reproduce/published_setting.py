"""Trains the published setting; draws the published losses and comparable quantities."""

import sys
from pathlib import Path

from rich.console import Console

from study.cli import command_parser, run_cli

COMMAND = "python -m scripts.reproduce.published_setting"


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_reproduce)


def _reproduce() -> int:
    """Writes published_setting.html into a folder and prints the last epoch."""
    example = f"example: {COMMAND} --set data=synthetic:20000 --set fit.epochs=20"
    parser = command_parser(COMMAND, __doc__, example)
    parser.add_argument("--out", type=Path, default=Path("studies/published_setting"),
                        help="write to this folder")  # fmt: skip
    parser.add_argument("--set", action="append", default=[], dest="changes", metavar="KEY=VALUE",
                        help="change any setting of configs/published_setting.yaml")  # fmt: skip
    options = parser.parse_args()

    # --help answers without torch
    from study.settings.settings import load_settings, settings_file
    from study.store.study_folder import StudyFolder
    from study.verification.published_setting import curve_figure, curve_table, reproduce_published

    settings = load_settings(settings_file("published_setting"), options.changes)
    folder = StudyFolder(options.out.resolve())
    folder.make_root()
    console = Console()
    with console.status("training the setting with each balancer"):
        curves = reproduce_published(settings)
    page = folder.write_text("published_setting.html", curve_figure(curves).to_html())
    console.print(curve_table(curves))
    console.print(f"The figure: {page}", markup=False, highlight=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
