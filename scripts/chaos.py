"""Kills real studies at random moments and prints what became of them."""

import errno
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hemomodel.errors import InputError
from study.cli import BAD_INPUT, Parser, run_cli
from tests.support import aftermath, chaos


class SkippedError(Exception):
    """A death that cannot be had on this machine."""


def parser() -> Parser:
    """Returns the command line."""
    p = Parser(description=__doc__)
    p.add_argument("--out", type=Path, help="folder of the studies (default: a temporary one)")
    p.add_argument("--trials", type=int, default=12, help="of each study")
    p.add_argument("--kills", type=int, default=20, help="of the driver, and of workers")
    p.add_argument("--seed", type=int, default=0, help="of the moments")
    p.add_argument(
        "--keep", action="store_true", help="the undisturbed study of an earlier run in --out"
    )
    p.add_argument("--only", nargs="*", choices=sorted(DEATHS), help="some of the deaths")
    return p


def drivers(victim: chaos.Victim, luck: random.Random, kills: int) -> None:
    """One study whose driver is killed again and again until it ends."""
    _again(victim, luck, kills, chaos.send(signal.SIGKILL, starting=0.25))


def sigterm(victim: chaos.Victim, luck: random.Random, _: int) -> None:
    """SIGTERM to the driver, twice."""
    _again(victim, luck, 2, chaos.send(signal.SIGTERM))


def ctrl_c(victim: chaos.Victim, luck: random.Random, _: int) -> None:
    """Ctrl-C in a terminal: SIGINT to all of the group, twice."""
    _again(victim, luck, 2, chaos.send(signal.SIGINT, group=True))


def workers(victim: chaos.Victim, luck: random.Random, kills: int) -> None:
    """Ray's workers, one after the other, of one running study."""
    process = victim.start()
    chaos.kill_family(victim, process, "ray::ResourceTrainable", luck, kills)
    victim.ended(process)


def wandb(victim: chaos.Victim, luck: random.Random, _: int) -> None:
    """W&B's process, three times in one running study."""
    process = victim.start()
    chaos.kill_family(victim, process, "wandb-core", luck, 3)
    victim.ended(process)


def journal(victim: chaos.Victim, luck: random.Random, _: int) -> None:
    """The driver, and then half a line at the journal's end and a lock without an owner."""
    process = victim.start()
    victim.kills += chaos.send(signal.SIGKILL)(victim, process, luck)
    victim.ended(process)
    chaos.tear_journal(victim)
    Path(f"{victim.journal}.lock").symlink_to(victim.journal)
    victim.ended(victim.start())


def disk(victim: chaos.Victim, _: random.Random, __: int) -> None:
    """A disk that fills up during the search; then there is space again."""
    victim.folder.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", "size=30m", "tmpfs", victim.folder)
    victim.at_end.callback(_unmount, victim.folder)
    process = victim.start()
    victim.until_searching(process, 60)
    ballast = victim.folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    # It has killed only what it ended, and as the user is told of it.
    victim.kills = int(victim.ended(process) == BAD_INPUT)
    ballast.unlink()
    victim.ended(victim.start())


def readonly(victim: chaos.Victim, _: random.Random, __: int) -> None:
    """A folder that becomes read-only during the search; then it can be written again."""
    process = victim.start()
    victim.until_searching(process, 60)
    _mount("--bind", victim.folder, victim.folder)  # a disk with open files does not let itself
    with ExitStack() as mounted:
        mounted.callback(subprocess.run, ["umount", victim.folder], check=True)
        _mount("-o", "remount,bind,ro", victim.folder)
        victim.kills = int(victim.ended(process) == BAD_INPUT)
    victim.ended(victim.start())


def _mount(*words: object) -> None:
    done = subprocess.run(  # noqa: S603 - of our own folder
        ["mount", *map(str, words)],  # noqa: S607 - of the PATH
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SkippedError(f"skipped: nothing can be mounted here ({done.stderr.strip()})")


def _unmount(folder: Path) -> None:
    """Takes the disk away; what is on it stays, in the folder that it hid."""
    kept = shutil.copytree(folder, folder.with_name(f"{folder.name}.kept"), symlinks=True)
    subprocess.run(["umount", folder], check=True)  # noqa: S603, S607 - as it was mounted
    folder.rmdir()
    kept.rename(folder)


DEATHS = {
    "driver": drivers,
    "worker": workers,
    "sigterm": sigterm,
    "ctrl-c": ctrl_c,
    "journal": journal,
    "wandb": wandb,
    "disk": disk,
    "readonly": readonly,
}


def _again(victim: chaos.Victim, luck: random.Random, kills: int, killer: object) -> None:
    """Starts and kills until so many kills are done or the study ends, then lets it end."""
    while victim.kills < kills:
        process = victim.start()
        victim.kills += killer(victim, process, luck)
        if victim.ended(process) == 0:
            return
    victim.ended(victim.start())


def undisturbed(out: Path, trials: int, *, keep: bool) -> Path:
    """Returns the folder of a study that nothing happened to.

    Raises:
        InputError: it did not come to its end, so that nothing can be held against it.
    """
    with chaos.Victim(out, "undisturbed", trials) as calm:
        code = 0 if keep else calm.ended(calm.start())
    if code or not (calm.folder / "comparison.json").exists():
        raise InputError(
            f"the undisturbed study in {calm.folder} has no comparison; its output is in "
            f"{out / 'undisturbed.log'}; run it anew, without --keep"
        )
    return calm.folder


def suffered(victim: chaos.Victim, calm: Path) -> tuple[bool, str]:
    """Returns whether a study was killed and lost nothing by it, and what was found, as cells."""
    codes = ", ".join(f"{victim.codes.count(c)} x {c}" for c in dict.fromkeys(victim.codes))
    cells = f"{victim.kills} | {codes}"
    if victim.codes[-1]:
        return False, f"{cells} | it did not end: see {victim.folder}.log"
    found = aftermath.look(victim, calm)
    same = "yes" if found.same else "NO"
    return found.good and victim.kills > 0, (
        f"{cells} | {found.lost} | {found.doubled} | {found.unequal} | {found.running} "
        f"| {found.wandb} | {found.gaps} | {same} | {len(found.processes)}"
    )


def main() -> int:
    """Runs an undisturbed study and one for each death; 0 if each came and nothing was lost."""
    flags = parser().parse_args()
    if flags.keep and flags.out is None:
        raise InputError("--keep: an earlier run's study lies in its --out; give that folder too")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    out = flags.out or Path(tempfile.mkdtemp(prefix="chaos-"))
    out.mkdir(parents=True, exist_ok=True)
    calm = undisturbed(out, flags.trials, keep=flags.keep)
    print("| killed | times | exit codes | lost | doubled | arms unequal | left running "
          "| W&B faults | gaps | same as undisturbed | processes left | s |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    all_good = True
    for name in flags.only or DEATHS:
        begun = time.monotonic()
        luck = random.Random(f"{name} {flags.seed}")  # noqa: S311 - of moments
        with chaos.Victim(out, name, flags.trials) as victim:
            try:
                DEATHS[name](victim, luck, flags.kills)
            except SkippedError as reason:
                print(f"| {name} | {reason} |", flush=True)
                continue
            good, cells = suffered(victim, calm)
        all_good = all_good and good
        print(f"| {name} | {cells} | {time.monotonic() - begun:.0f} |", flush=True)
    return 0 if all_good else 1


if __name__ == "__main__":
    sys.exit(run_cli(main))
