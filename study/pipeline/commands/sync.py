"""Uploads a study that was logged offline to a W&B server."""

import argparse
from pathlib import Path

from study.cli import Parser, command_name, command_parser, run_cli

EXAMPLES = """\
examples:
  hemomodel-sync studies/ward-7
      uploads to the account of `wandb login` or of WANDB_API_KEY
  WANDB_BASE_URL=https://wandb.hospital.example hemomodel-sync studies/ward-7 --entity ward
      uploads to your own server

You can repeat the command: uploaded runs are not sent again.

exit codes: 0 done, 2 a file is missing or the server did not accept everything, 130 interrupted.
"""


def parser() -> Parser:
    """Returns the command line."""
    p = command_parser(command_name("sync"), __doc__, EXAMPLES)
    p.add_argument("study", type=Path, metavar="STUDY", help="upload the study in this folder")
    p.add_argument(
        "--project", default="hemomodel", help="upload to this W&B project (default: hemomodel)"
    )
    p.add_argument("--entity", help="upload to this user or team (default: the account's own)")
    p.add_argument("--timeout", type=seconds, default=60, metavar="SECONDS",
                   help="stop after this time without progress (default: 60)")  # fmt: skip
    return p


def seconds(text: str) -> float:
    """Returns the time to wait that a flag gives."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a time to wait; give seconds, such as 60")
    return value


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_sync)


def _sync() -> int:
    """Uploads the study and prints what was done."""
    options = parser().parse_args()

    from study.store.study_folder import StudyFolder
    from study.tracking.sync import sync_study

    folder = StudyFolder(options.study.resolve())
    print(
        sync_study(folder, project=options.project, entity=options.entity, timeout=options.timeout)
    )
    return 0
