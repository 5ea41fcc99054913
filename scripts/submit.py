"""Runs a study as a job of a Ray cluster: sends the code there and follows its log."""

import argparse
import sys
import time
from pathlib import Path

from study.cli import INTERRUPTED, Parser, run_cli

EXAMPLES = """\
example:
  export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=...   # the cluster's
  python scripts/submit.py --address http://127.0.0.1:8265 --out /shared/studies --name w1 \\
      --trials 200 --data /shared/HD.xlsx

whatever is not named below goes to scripts/search.py. The same line again, with the same --name,
goes on with the study.
exit codes: the job's own (0 done, 2 bad input, 130 interrupted), 2 if it could not be submitted.
"""


def parser() -> Parser:
    """Returns the command line."""
    p = Parser(
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # --trials must not become one of ours
    )
    p.add_argument("--address", metavar="URL", help="of the job server, such as http://HEAD:8265")
    p.add_argument("--out", required=True, metavar="FOLDER", help="absolute, on all nodes")
    p.add_argument("--name", help="of the study; made from the time if not given")
    p.add_argument("--no-wait", action="store_true", help="submit and leave")
    return p


def main() -> int:
    """Submits a study and follows it."""
    flags, rest = parser().parse_known_args()
    from study.cluster.jobs import (  # --help answers without Ray
        entrypoint,
        follow,
        job_command,
        open_client,
        submit,
    )

    name = flags.name or time.strftime("study-%Y%m%d-%H%M%S")
    command = entrypoint(flags.out, name, rest)
    client = open_client(flags.address)
    job = submit(client, command, Path(__file__).parents[1])
    end = f"end it with `{job_command('stop', job, flags.address)}`"
    print(f"{job}: {command}", flush=True)
    if flags.no_wait:
        print(f"follow it with `{job_command('logs -f', job, flags.address)}`, {end}")
        return 0
    try:
        return follow(client, job, lambda text: print(text, end="", flush=True), flags.address)
    except KeyboardInterrupt:
        print(f"{job} goes on; {end}", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(run_cli(main))
