"""Measures how often the comparison calls a false difference, and how often a true one."""

import json
import multiprocessing
import sys
from pathlib import Path
from typing import Any

from study.cli import Parser, command_parser, run_cli
from study.verification.json_lines import read_records

COMMAND = "python -m scripts.reproduce.error_rates"
EXAMPLES = f"""\
examples:
  {COMMAND} --studies 100
      simulates 100 cohorts with 3 studies each; one core needs about half a minute per cohort
  {COMMAND} --studies 100 --resume
      resumes after an interruption; finished cohorts are kept

exit codes: 0 done, 2 bad input, 130 interrupted.
"""


def parser() -> Parser:
    """Returns the command line."""
    p = command_parser(COMMAND, __doc__, EXAMPLES)
    p.add_argument(
        "--studies", type=int, default=100, metavar="N", help="simulate N cohorts (default: 100)"
    )
    p.add_argument("--jobs", type=int, default=2, metavar="J", help="use J processes (default: 2)")
    p.add_argument(
        "--out",
        type=Path,
        default=Path("error_rates.jsonl"),
        metavar="FILE",
        help="write one line of JSON per cohort to this file (default: error_rates.jsonl)",
    )
    p.add_argument(
        "--resume", action="store_true", help="resume with the cohorts that --out already has"
    )
    return p


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_measure)


def _measure() -> None:
    """Runs the cohorts that are not in the file yet, and prints the table."""
    flags = parser().parse_args()

    from hemomodel.errors import InputError  # --help answers without torch
    from study.verification.known_truth import simulate_study

    if flags.studies < 1 or flags.jobs < 1:
        raise InputError(
            f"--studies {flags.studies} --jobs {flags.jobs}: give whole numbers of one or more"
        )
    if flags.out.exists() and not flags.resume:
        raise InputError(f"{flags.out} exists; resume it with --resume, or name another --out")
    if flags.out.is_dir() or not flags.out.absolute().parent.is_dir():
        raise InputError(f"{flags.out} is not a file in an existing folder; name another --out")
    records = read_records(flags.out)
    left = sorted(set(range(flags.studies)) - {record["seed"] for record in records})
    if left:
        # A fork next to a computing thread could hang; a new process cannot.
        fresh = multiprocessing.get_context("spawn")
        with fresh.Pool(flags.jobs) as pool, flags.out.open("a") as file:
            for record in pool.imap_unordered(simulate_study, left):
                file.write(json.dumps(record) + "\n")
                file.flush()
                records.append(record)
                seconds = f"{record['seconds']:.0f} s"
                print(f"{len(records)} of {flags.studies}: {seconds}", file=sys.stderr)
    print(_table([record for record in records if record["seed"] < flags.studies]))


def _table(records: list[dict[str, Any]]) -> str:
    """Returns the rates as a table in Markdown."""
    from study.report.formatting import markdown_table
    from study.verification.known_truth import error_rates

    titles = (
        "study",
        "studies",
        "true skill",
        "true regret",
        "any pair called",
        "interval only",
        "t-test only",
        "pairs called",
        "half-width",
    )
    rows = [
        (
            name,
            f"{rates['studies']}",
            f"{rates['skill']:+.3f}",
            f"{rates['regret']:+.3f}",
            f"**{rates['any_called']:.0%}**",
            f"{rates['any_interval']:.0%}",
            f"{rates['any_test']:.0%}",
            f"{rates['pair_called']:.1%}",
            f"{rates['half_width']:.3f}",
        )
        for name, rates in error_rates(records).items()
    ]
    return markdown_table(titles, rows, numeric=True)


if __name__ == "__main__":
    sys.exit(main())
