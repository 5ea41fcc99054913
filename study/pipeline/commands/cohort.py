"""Writes synthetic patients, describes a table, or drafts the schema of a table."""

import argparse
import json
import shlex
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from hemomodel.cohort.summary import summarize_file
from hemomodel.cohort.synthetic.cohort import synthetic_workbook
from hemomodel.cohort.synthetic.options import SyntheticOptions
from hemomodel.errors import InputError
from hemomodel.schema.schema import load_schema
from hemomodel.tables.output_files import check_output_path, write_new, write_table
from hemomodel.tables.schema_inference import infer_schema
from study.cli import Parser, command_name, command_parser, run_cli
from study.report.terminal.cohort import show_summary

TABLE = "read this table: .xlsx, .csv, .parquet or .arff"
EXAMPLES = """\
examples:
  hemomodel-cohort write --rows 465 --seed 0 --out HD.xlsx
      writes as many rows as the published cohort has; 229 remain after cleaning
  hemomodel-cohort write --rows 1000000 --out HD.parquet
  hemomodel-cohort describe HD.xlsx
  hemomodel-cohort describe HD.xlsx --json > HD.json
  hemomodel-cohort schema visits.csv --tasks stage,bili --group id --out visits.yaml
      drafts a schema of any table; check it before you use it
  hemomodel-cohort describe visits.csv --schema visits.yaml

exit codes: 0 done, 2 bad input, 130 interrupted.
"""


def parser() -> Parser:
    """Returns the command line."""
    p = command_parser(command_name("cohort"), __doc__, EXAMPLES)
    commands = p.add_subparsers(required=True, metavar="write|describe|schema")

    write = commands.add_parser(
        "write",
        help="write synthetic patients in the columns of the hospital's workbook",
        description="Writes synthetic patients in the columns of the hospital's workbook. "
        "No row comes from a real patient. The same number of rows and the same seed give the "
        "same table, and a longer table begins with the rows of a shorter one. A table of 465 "
        "rows is an exception: its rows are chosen so that exactly 229 remain after cleaning, or "
        "223 with comorbidities.",
    )
    write.add_argument(
        "--rows", type=int, default=465, metavar="N", help="write N rows (default: 465)"
    )
    write.add_argument(
        "--seed", type=int, default=0, metavar="N", help="use this seed, 0 or more (default: 0)"
    )
    write.add_argument(
        "--options",
        metavar="A=X,B=Y",
        help="make other patients, such as interactions=1,shared=0.5,conflict=0,sessions=3",
    )
    write.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE",
        help="write to this file: .xlsx (up to 1,048,575 rows; slow above 50,000), .csv or "
        ".parquet",
    )
    write.add_argument("--force", action="store_true", help="replace the file if it exists")
    write.set_defaults(command=write_command)

    add_describe_command(commands)
    add_schema_command(commands)
    return p


def add_describe_command(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command that summarises a table."""
    describe = commands.add_parser(
        "describe",
        help="summarise a table: columns, tasks, missing values, attrition",
        description="Summarises a table before and after cleaning: its columns as in the first "
        "table of a paper, the rows that each rule removed, missing values, and implausible "
        "values. It does not change the file.",
    )
    describe.add_argument("file", type=Path, metavar="FILE", help=TABLE)
    describe.add_argument(
        "--schema",
        metavar="NAME|FILE",
        default="hemodialysis",
        help="use this schema for the columns (default: hemodialysis)",
    )
    describe.add_argument(
        "--require-comorbidities", action="store_true", help="drop the rows without comorbidities"
    )
    describe.add_argument(
        "--labels",
        choices=("complete", "partial"),
        default="complete",
        help="complete: keep only rows with all labels; partial: also keep rows that lack some "
        "(default: complete)",
    )
    describe.add_argument("--all", action="store_true", help="also show the rare codes of a list")
    describe.add_argument(
        "--json", action="store_true", help="print all numbers as JSON, for a program"
    )
    describe.set_defaults(command=describe_command)


def add_schema_command(commands: "argparse._SubParsersAction[Parser]") -> None:
    """Adds the command that drafts a schema."""
    schema = commands.add_parser(
        "schema",
        help="draft the schema of any table",
        description="Drafts a schema: the kind of each column, the codes of categories, which "
        "columns can be predicted and how, and what to check. A person must check the draft. It "
        "contains the headers and the codes of categories, and no other cell of the table.",
    )
    schema.add_argument("file", type=Path, metavar="FILE", help=TABLE)
    schema.add_argument(
        "--tasks", default="", metavar="A,B", help="predict the columns with these headers"
    )
    schema.add_argument(
        "--task",
        action="append",
        default=[],
        metavar="HEADER",
        help="predict the column with this header, which may contain commas; may be given several "
        "times",
    )
    schema.add_argument(
        "--group", metavar="ID", help="use the column with this header to identify the person"
    )
    schema.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write the schema to this .yaml file (default: print it)",
    )
    schema.set_defaults(command=schema_command)


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_cohort)


def _cohort() -> int:
    """Runs a command."""
    args = parser().parse_args()
    args.command(args)
    return 0


def write_command(args: argparse.Namespace) -> None:
    """Makes a workbook of synthetic patients and writes it."""
    check_output_path(args.out, kind="table", rows=args.rows, overwrite=args.force)
    options = _parse_options(args.options)
    console = Console(stderr=True)
    with console.status(f"making {args.rows:,} rows"):
        table, _ = synthetic_workbook(args.rows, args.seed, options=options)
    with console.status(escape(f"writing {args.out}")):
        write_table(table, args.out, overwrite=args.force)
    size = f"{len(table):,} rows, {table.shape[1]} columns"
    console.print(
        f"[bold]{escape(str(args.out))}[/]: {size} of synthetic patients, seed {args.seed}"
    )


def _parse_options(text: str | None) -> SyntheticOptions:
    if text is None:
        return SyntheticOptions()
    try:
        return SyntheticOptions.parse(text)
    except InputError as error:
        raise InputError(f"--options {text[:60]}: {error}") from None


def describe_command(args: argparse.Namespace) -> None:
    """Reads a table and prints its summary."""
    with Console(stderr=True).status(escape(f"reading {args.file}")):
        description = summarize_file(
            args.file,
            load_schema(args.schema),
            labels=args.labels,
            switches=["require_comorbidities"] if args.require_comorbidities else [],
        )
    if args.json:
        print(json.dumps(description.to_dict(), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        show_summary(description, Console(), rare=args.all)


def schema_command(args: argparse.Namespace) -> None:
    """Drafts a schema and writes it."""
    if args.out is not None:
        check_output_path(args.out, kind="schema")
    tasks = [name.strip() for name in args.tasks.split(",") if name.strip()] + args.task
    with Console(stderr=True).status(escape(f"reading {args.file}")):
        text = infer_schema(args.file, tasks=tasks, group=args.group)
    if args.out is None:
        print(text, end="")
        return
    write_new(args.out, text)
    print(
        f"{args.out}: this is a draft. Check it, then run: {command_name('cohort')} describe "
        f"{shlex.quote(str(args.file))} --schema {shlex.quote(str(args.out))}"
    )
