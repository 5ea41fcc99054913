"""Uploads a study that was logged offline to a W&B server."""

import argparse
from pathlib import Path

from study.cli import Parser, command_name, command_parser, run_cli

EXAMPLES = """\
examples:
  hemomodel-sync studies/ward-7
      to the account of `wandb login`, or of WANDB_API_KEY
  WANDB_BASE_URL=https://wandb.hospital.example hemomodel-sync studies/ward-7 --entity ward
      to a server of your own

it can be repeated: what was uploaded is not sent again.
exit codes: 0 done, 2 something is missing or the server did not take it all, 130 interrupted.
"""


def parser() -> Parser:
    """Returns the command line."""
    p = command_parser(command_name("sync"), __doc__, EXAMPLES)
    p.add_argument("study", type=Path, metavar="STUDY", help="the study's folder")
    p.add_argument("--project", default="hemomodel", help="to upload to (default: hemomodel)")
    p.add_argument("--entity", help="user or team (default: the account's own)")
    p.add_argument("--timeout", type=seconds, default=60, metavar="SECONDS",
                   help="give up after so long without progress (default: 60)")  # fmt: skip
    return p


def seconds(text: str) -> float:
    """Reads a time to wait."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time to wait; give seconds, such as 60")
    return value


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_sync)


def _sync() -> int:
    """Uploads the study and says what was done."""
    options = parser().parse_args()

    from study.store.study_folder import StudyFolder
    from study.tracking.sync import sync_study

    folder = StudyFolder(options.study.resolve())
    print(
        sync_study(folder, project=options.project, entity=options.entity, timeout=options.timeout)
    )
    return 0
