"""Makes real studies fail at random moments, resumes them, and prints what is left of each."""

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
| failure | times | exit codes | lost | doubled | arms unequal | left running \
| W&B faults | gaps | same as undisturbed | processes left | s |
|---|---|---|---|---|---|---|---|---|---|---|---|"""


def parser() -> Parser:
    """Returns the command line."""
    p = command_parser(COMMAND, __doc__, f"example: {COMMAND} --trials 8 --kills 20")
    p.add_argument("--out", type=Path, help="folder of the studies (default: a temporary one)")
    p.add_argument("--trials", type=int, default=12, help="of each study")
    p.add_argument("--kills", type=int, default=20, help="of the driver, and of workers")
    p.add_argument("--seed", type=int, default=0, help="of the moments")
    p.add_argument(
        "--keep", action="store_true", help="the undisturbed study of an earlier run in --out"
    )
    p.add_argument("--only", nargs="*", choices=sorted(FAILURES), help="some of the failures")
    return p


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_run)


def _run() -> int:
    """Runs an undisturbed study and one a failure; 0 if each failed and nothing was lost."""
    flags = parser().parse_args()
    if flags.keep and flags.out is None:
        raise InputError("--keep: an earlier run's study lies in its --out; give that folder too")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
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
    """Returns whether a study failed and lost nothing by it, and the cells of its row."""
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
