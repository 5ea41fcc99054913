"""Writes a workbook of synthetic patients, or describes any workbook of this kind."""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from hemomodel.describe import describe_file
from hemomodel.schema import load_schema
from hemomodel.synthetic import synthetic_workbook
from hemomodel.writing import check_target, write_table
from study.cli import Parser, run_cli
from study.cohort_tables import show

EXAMPLES = """\
examples:
  python scripts/cohort.py write --rows 465 --seed 0 --out HD.xlsx
      as many rows as the published cohort: 229 are left after cleaning
  python scripts/cohort.py write --rows 1000000 --out HD.parquet
  python scripts/cohort.py describe HD.xlsx
  python scripts/cohort.py describe HD.xlsx --json > HD.json

exit codes: 0 done, 2 bad input, 130 interrupted.
"""


def parser() -> Parser:
    """Returns the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    p = Parser(description=__doc__, epilog=EXAMPLES, formatter_class=raw)
    commands = p.add_subparsers(required=True, metavar="write|describe")

    write = commands.add_parser(
        "write",
        help="write synthetic patients in the columns of the hospital's workbook",
        description="Writes synthetic patients in the columns of the hospital's workbook. "
        "No row stems from a real patient. The same rows and seed give the same table, and a "
        "longer table begins with the rows of a shorter one; only 465 rows are chosen "
        "differently, so that exactly 229 are left after cleaning, or 223 with comorbidities.",
    )
    write.add_argument("--rows", type=int, default=465, metavar="N", help="default: 465")
    write.add_argument("--seed", type=int, default=0, metavar="N", help="from 0 up; default: 0")
    write.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help=".xlsx (up to 1,048,575 rows, slow beyond 50,000), .csv or .parquet",
    )
    write.add_argument("--force", action="store_true", help="replace the file if it exists")
    write.set_defaults(command=write_command)

    describe = commands.add_parser(
        "describe",
        help="summarise a workbook: patients, prescriptions, missing values, attrition",
        description="Summarises a workbook before and after cleaning: patients, prescriptions and "
        "laboratory as in the first table of a paper, the rows that each rule removed, what is "
        "missing, and what is implausible. Nothing in the file is changed.",
    )
    describe.add_argument("file", type=Path, metavar="FILE", help=".xlsx, .csv or .parquet")
    describe.add_argument(
        "--schema", metavar="NAME|FILE", default="hemodialysis", help="what its columns are"
    )
    describe.add_argument(
        "--require-comorbidities", action="store_true", help="drop the rows without comorbidities"
    )
    describe.add_argument("--all", action="store_true", help="show rare comorbidities too")
    describe.add_argument("--json", action="store_true", help="all numbers, for a program")
    describe.set_defaults(command=describe_command)
    return p


def main() -> int:
    """Runs a command."""
    args = parser().parse_args()
    args.command(args)
    return 0


def write_command(args: argparse.Namespace) -> None:
    """Makes a workbook and writes it."""
    check_target(args.out, args.rows, overwrite=args.force)
    console = Console(stderr=True)
    with console.status(f"making {args.rows:,} patients"):
        table, _ = synthetic_workbook(args.rows, args.seed)
    with console.status(escape(f"writing {args.out}")):
        write_table(table, args.out, overwrite=args.force)
    size = f"{len(table):,} rows, {table.shape[1]} columns"
    console.print(
        f"[bold]{escape(str(args.out))}[/]: {size} of synthetic patients, seed {args.seed}"
    )


def describe_command(args: argparse.Namespace) -> None:
    """Reads a workbook and shows what it holds."""
    with Console(stderr=True).status(escape(f"reading {args.file}")):
        description = describe_file(
            args.file,
            load_schema(args.schema),
            require_comorbidities=args.require_comorbidities,
        )
    if args.json:
        print(json.dumps(description.to_dict(), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show(description, Console(), rare=args.all)


if __name__ == "__main__":
    sys.exit(run_cli(main))
