"""Recommends a prescription for each patient of a table: decision support for research."""

import time
from pathlib import Path

from study.cli import Parser, command_name, command_parser, run_cli

EXAMPLES = """\
examples:
  hemomodel-recommend --model studies/ward-7/best/equal --data new.xlsx \\
      --out recommendations.xlsx
      writes one row per patient: settings with probabilities, sets and intervals at 90%
  hemomodel-recommend --model studies/ward-7/best/equal --data new.parquet \\
      --out recommendations.parquet --coverage 0.8

The table must have the columns of the table that the model was fitted on. Prescriptions are not
needed and not used.

exit codes: 0 done, 2 bad input, 130 interrupted.
"""


def parser() -> Parser:
    """Returns the command line."""
    p = command_parser(command_name("recommend"), __doc__, EXAMPLES)
    p.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="use the exported model in this folder, such as studies/NAME/best/ARM",
    )
    p.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="FILE",
        help="read the patients from this table: .xlsx, .csv, .parquet or .arff",
    )
    p.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="write the recommendations to this file: .xlsx, .csv, .parquet or .json",
    )
    p.add_argument(
        "--coverage",
        type=float,
        default=0.9,
        metavar="SHARE",
        help="make sets and intervals that contain this share of prescriptions (default: 0.9)",
    )
    p.add_argument(
        "--format",
        choices=("xlsx", "csv", "parquet", "json"),
        help="write in this format (default: from the name of --out)",
    )
    p.add_argument("--force", action="store_true", help="replace the file if it exists")
    return p


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_recommend)


def _recommend() -> None:
    """Writes the recommendations and prints how many there are."""
    flags = parser().parse_args()

    from hemomodel.recommender.batch import check_request, recommend_file
    from hemomodel.recommender.folder import load
    from hemomodel.recommender.recommendations import DISCLAIMER

    kind = check_request(flags.data, flags.out, flags.format, flags.coverage, overwrite=flags.force)
    begun = time.monotonic()
    done = recommend_file(load(flags.model), flags.data, flags.out, kind, flags.coverage)
    seconds = time.monotonic() - begun
    print(
        f"{flags.out}: {done.patients:,} patients in {seconds:.0f} s, {done.outside:,} of them "
        f"out of distribution\n{DISCLAIMER}"
    )
