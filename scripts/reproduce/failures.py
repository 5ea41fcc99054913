"""Makes real studies fail at random moments, resumes them, and prints what was lost."""

import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from hemomodel.errors import InputError
from study.cli import Parser, command_parser, run_cli
from study.verification.failures import FAILURES, ImpossibleFailureError, run_undisturbed
from study.verification.interruptions import InterruptedStudy

COMMAND = "python -m scripts.reproduce.failures"
HEADER = """\
| failure | times | exit codes | lost | duplicated | arms unequal | still running \
| W&B faults | gaps | same as undisturbed | processes left | s |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


def parser() -> Parser:
    """Returns the command line."""
    p = command_parser(COMMAND, __doc__, f"example: {COMMAND} --trials 8 --kills 20")
    p.add_argument(
        "--out", type=Path, help="keep the studies in this folder (default: a temporary folder)"
    )
    p.add_argument(
        "--trials", type=int, default=12, help="run this number of trials per study (default: 12)"
    )
    p.add_argument(
        "--kills",
        type=int,
        default=20,
        help="kill the driver, and workers, this number of times (default: 20)",
    )
    p.add_argument(
        "--seed", type=int, default=0, help="use this seed for the random moments (default: 0)"
    )
    p.add_argument(
        "--keep",
        action="store_true",
        help="use the undisturbed study of an earlier run in --out",
    )
    p.add_argument("--only", nargs="*", choices=sorted(FAILURES), help="cause only these failures")
    return p


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_run)


def _run() -> int:
    """Runs an undisturbed study and one per failure; 0 if all failed and nothing was lost."""
    flags = parser().parse_args()
    if flags.keep and flags.out is None:
        raise InputError(
            "--keep: it needs the folder of the earlier run; give that folder as --out"
        )
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores SIGINT
    out = flags.out or Path(tempfile.mkdtemp(prefix="failures-"))
    out.mkdir(parents=True, exist_ok=True)
    undisturbed = run_undisturbed(out, flags.trials, keep=flags.keep)
    print(HEADER, flush=True)
    all_good = True
    for name in flags.only or FAILURES:
        begun = time.monotonic()
        moments = random.Random(f"{name} {flags.seed}")  # noqa: S311 - no secret
        with InterruptedStudy(out, name, flags.trials) as study:
            try:
                FAILURES[name](study, moments, flags.kills)
            except ImpossibleFailureError as reason:
                print(f"| {name} | skipped: {reason} |", flush=True)
                continue
            good, cells = _examined(study, undisturbed)
        all_good = all_good and good
        print(f"| {name} | {cells} | {time.monotonic() - begun:.0f} |", flush=True)
    return 0 if all_good else 1


def _examined(study: InterruptedStudy, undisturbed: Path) -> tuple[bool, str]:
    """Returns whether a study failed without any loss, and the cells of its row."""
    from study.verification.aftermath import examine

    codes = study.exit_codes
    counts = ", ".join(f"{codes.count(code)} x {code}" for code in dict.fromkeys(codes))
    cells = f"{study.interruptions} | {counts}"
    if codes[-1]:
        return False, f"{cells} | it did not end: see {study.folder}.log"
    result = examine(study, undisturbed)
    same = "yes" if result.same else "NO"
    return result.good and study.interruptions > 0, (
        f"{cells} | {result.lost} | {result.doubled} | {result.unequal} | {result.running} "
        f"| {result.wandb} | {result.gaps} | {same} | {len(result.processes)}"
    )


if __name__ == "__main__":
    sys.exit(main())
