"""Trains the published setting and draws its training-loss figure in both ways."""

import sys
from pathlib import Path

from rich.console import Console

from study.cli import Parser, run_cli


def main() -> int:
    """Writes seed.html into a folder and prints the last epoch."""
    parser = Parser(
        description=__doc__,
        epilog="example: python scripts/seed.py --set data=synthetic:20000 --set fit.epochs=20",
    )
    config = Path(__file__).parents[1] / "configs" / "seed.yaml"
    parser.add_argument("--out", type=Path, default=Path("studies/seed"), help="folder to write to")
    parser.add_argument("--set", action="append", default=[], dest="changes", metavar="KEY=VALUE",
                        help="change any setting of configs/seed.yaml")  # fmt: skip
    options = parser.parse_args()

    from study.settings.settings import load_settings  # --help answers without torch
    from study.store.study_folder import StudyFolder
    from study.verification.published_setting import curve_figure, curve_table, reproduce_published

    settings = load_settings(config, options.changes)
    folder = StudyFolder(options.out.resolve())
    folder.make_root()
    console = Console()
    with console.status("training three settings"):
        curves = reproduce_published(settings)
    page = folder.write_text("seed.html", curve_figure(curves).to_html())
    console.print(curve_table(curves))
    console.print(f"The figure: {page}", markup=False, highlight=False, soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(run_cli(main))
