"""Runs a study as a job of a Ray cluster: sends the code there and follows its log."""

import sys
import time

from study.cli import INTERRUPTED, Parser, command_name, command_parser, run_cli

EXAMPLES = """\
example:
  export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=...   # the token of the cluster
  hemomodel-submit --address http://127.0.0.1:8265 --out /shared/studies --name w1 \\
      --trials 200 --data /shared/HD.xlsx

All other flags are passed to hemomodel-search. To resume the study, run the same command
with the same --name.

exit codes: those of the job (0 done, 2 bad input, 130 interrupted), 2 if it could not be submitted.
"""


def parser() -> Parser:
    """Returns the command line."""
    # Without abbreviations: a flag of the search must not be read as a shorter form of one here.
    p = command_parser(command_name("submit"), __doc__, EXAMPLES, allow_abbrev=False)
    p.add_argument(
        "--address", metavar="URL", help="use the job server at this URL, such as http://HEAD:8265"
    )
    p.add_argument(
        "--out",
        required=True,
        metavar="FOLDER",
        help="keep studies in this folder: an absolute path that all nodes share",
    )
    p.add_argument("--name", help="name the study (default: made from the time)")
    p.add_argument("--no-wait", action="store_true", help="submit the job, and do not follow it")
    return p


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_submit)


def _submit() -> int:
    """Submits a study and follows it."""
    flags, rest = parser().parse_known_args()
    from study.cluster.jobs import (
        entrypoint,
        follow,
        job_command,
        open_client,
        submit,
    )

    name = flags.name or time.strftime("study-%Y%m%d-%H%M%S")
    command = entrypoint(flags.out, name, rest)
    client = open_client(flags.address)
    job = submit(client, command)
    end = f"stop it with `{job_command('stop', job, flags.address)}`"
    print(f"{job}: {command}", flush=True)
    if flags.no_wait:
        print(f"follow it with `{job_command('logs -f', job, flags.address)}`; {end}")
        return 0
    try:
        return follow(client, job, lambda text: print(text, end="", flush=True), flags.address)
    except KeyboardInterrupt:
        print(f"{job} continues; {end}", file=sys.stderr)
        return INTERRUPTED
