"""Measures the coverage that a model promises, on new patients of the built-in cohort."""

import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from study.cli import Parser, command_parser, run_cli

if TYPE_CHECKING:
    from study.verification.coverage import CoverageResult

_FEWEST = (
    200  # rows of a workbook; half remain after filters, and fewer are not enough for the folds
)
COMMAND = "python -m scripts.reproduce.coverage"
EXAMPLES = f"""\
examples:
  {COMMAND} --rows 465,2000 --fresh 20000
      fits one model of the default configuration per size, and prints the table in Markdown
  {COMMAND} --model studies/NAME/best/equal --fresh 20000
      uses a model that a study of synthetic:N exported; nothing is fitted

exit codes: 0 done, 2 bad input, 130 interrupted.
"""


def parser() -> Parser:
    """Returns the command line."""
    p = command_parser(COMMAND, __doc__, EXAMPLES)
    p.add_argument(
        "--rows",
        default="465,2000",
        metavar="N,N",
        help="fit on workbooks with these numbers of rows (default: 465,2000)",
    )
    p.add_argument("--model", type=Path, metavar="FOLDER", help="test this model, and fit none")
    p.add_argument(
        "--fresh",
        type=int,
        default=20_000,
        metavar="N",
        help="test on a workbook of new patients with N rows (default: 20000)",
    )
    p.add_argument(
        "--coverage",
        type=float,
        default=0.9,
        metavar="SHARE",
        help="promise this coverage (default: 0.9)",
    )
    p.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="use this seed for the first workbook (default: 0)",
    )
    p.add_argument(
        "--cohorts",
        type=int,
        default=1,
        metavar="N",
        help="fit on N workbooks per size (default: 1)",
    )
    return p


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_measure)


def _measure() -> None:
    """Fits models, tests them on new patients and prints the results."""
    flags = parser().parse_args()

    from hemomodel import load  # --help answers without torch
    from hemomodel.cohort.synthetic.cohort import MAX_ROWS
    from hemomodel.ensemble.conformal import check_coverage
    from hemomodel.errors import InputError
    from study.verification.coverage import FRESH, coverage_of, coverage_study

    check_coverage(flags.coverage)
    sizes = flags.rows.split(",")
    most = max(flags.fresh, *(int(size) if size.isdecimal() else 0 for size in sizes))
    numbers = all(size.isdecimal() and int(size) >= _FEWEST for size in sizes)
    if not numbers or min(flags.fresh, flags.cohorts) < 1 or most > MAX_ROWS:
        raise InputError(
            f"--rows {flags.rows} --cohorts {flags.cohorts} --fresh {flags.fresh}: give whole "
            f"numbers, rows from {_FEWEST} to {MAX_ROWS:,}, such as --rows 465,2000 --cohorts 3"
        )
    seeds = range(flags.seed, flags.seed + flags.cohorts)
    if flags.seed < 0 or FRESH in seeds:
        raise InputError(
            f"--seed {flags.seed} --cohorts {flags.cohorts}: the new patients have the seed "
            f"{FRESH:,}; give a whole number from 0 up, so that no cohort has the same seed"
        )
    print(
        "| rows | task | coverage | set or width | accuracy or MAE | regret | regret before "
        "temperature |\n| ---: | --- | ---: | ---: | ---: | ---: | ---: |"
    )
    if flags.model is not None:
        results = coverage_of(load(flags.model), flags.fresh, flags.coverage)
    else:
        by_size = (coverage_study(int(size), seeds, flags.fresh, flags.coverage) for size in sizes)
        results = chain.from_iterable(by_size)
    for result in results:
        print(_line(result), flush=True)


def _line(result: "CoverageResult") -> str:
    return (
        f"| {result.rows:,} | {result.task} | {result.coverage:.3f} "
        f"| {result.size:.3g}{result.unit} | {result.hit:.3g}{result.hit_unit} "
        f"| {result.regret:.3g} | {result.raw_regret:.3g} |"
    )


if __name__ == "__main__":
    sys.exit(main())
