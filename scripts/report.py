"""Writes the report of a study: a page, the same in Markdown, tables, and if asked for figures."""

import argparse
import sys
from pathlib import Path

from study.cli import run_cli

EXAMPLES = """\
examples:
  python scripts/report.py ward-7
      report.html, report.md and tables/ into studies/ward-7
  python scripts/report.py studies/ward-7 --out paper --figures
      into another folder, with every figure as PNG and SVG

exit codes: 0 done, 2 bad input.
"""


def main() -> int:
    """Writes the report and prints where it is."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", metavar="STUDY", help="a study's folder, or its name in studies/")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write (default: the study's folder)"
    )
    parser.add_argument(
        "--figures", action="store_true", help="draw every figure as PNG and SVG, in figures/"
    )
    options = parser.parse_args()

    from hemomodel.errors import InputError  # noqa: PLC0415 - --help answers without torch
    from study.folder import Folder  # noqa: PLC0415
    from study.report import write_report  # noqa: PLC0415
    from study.report.images import missing  # noqa: PLC0415
    from study.report.reading import find_study  # noqa: PLC0415

    folder = find_study(options.study)
    out = Folder(options.out.resolve()) if options.out else folder
    out.make_root()
    reason = missing() if options.figures else None
    page = write_report(folder, out, images=options.figures and reason is None)
    print(f"The report: {page}")
    if reason:
        raise InputError(reason)
    return 0


if __name__ == "__main__":
    sys.exit(run_cli(main))
