"""Kills real studies at random moments and prints what became of them."""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.study import aftermath, chaos


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--out", type=Path, help="folder of the studies (default: a temporary one)")
    p.add_argument("--trials", type=int, default=12, help="of each study")
    p.add_argument("--kills", type=int, default=20, help="of the driver, and of workers")
    p.add_argument("--seed", type=int, default=0, help="of the moments")
    p.add_argument("--keep", action="store_true", help="the undisturbed study of an earlier run")
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
    mounted = subprocess.run(  # noqa: S603 - of our own folder
        ["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", victim.folder],  # noqa: S607 - of the PATH
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        raise PermissionError(f"skipped: no disk can be mounted here ({mounted.stderr.strip()})")
    process = victim.start()
    victim.until_searching(process, 60)
    ballast = victim.folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            victim.kills = 1
    victim.ended(process)
    ballast.unlink()
    victim.ended(victim.start())


DEATHS = {
    "driver": drivers,
    "worker": workers,
    "sigterm": sigterm,
    "ctrl-c": ctrl_c,
    "journal": journal,
    "wandb": wandb,
    "disk": disk,
}


def _again(victim: chaos.Victim, luck: random.Random, kills: int, killer: object) -> None:
    """Starts and kills until so many kills are done or the study ends, then lets it end."""
    while victim.kills < kills:
        process = victim.start()
        victim.kills += killer(victim, process, luck)
        if victim.ended(process) == 0:
            return
    victim.ended(victim.start())


def main() -> int:
    """Runs an undisturbed study and one for each death; 0 if nothing was lost."""
    flags = parser().parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    out = flags.out or Path(tempfile.mkdtemp(prefix="chaos-"))
    out.mkdir(parents=True, exist_ok=True)
    calm = chaos.Victim(out, "undisturbed", flags.trials)
    if not flags.keep:
        calm.ended(calm.start())
    print("| killed | times | exit codes | lost | doubled | arms unequal | left running "
          "| W&B faults | gaps | same as undisturbed | processes left | s |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    good = True
    for name in flags.only or DEATHS:
        victim, begun = chaos.Victim(out, name, flags.trials), time.monotonic()
        try:
            DEATHS[name](victim, random.Random(f"{name} {flags.seed}"), flags.kills)  # noqa: S311
        except PermissionError as reason:
            print(f"| {name} | {reason} |", flush=True)
            continue
        found = aftermath.look(victim, calm.folder)
        good = good and found.good
        codes = ", ".join(f"{victim.codes.count(c)} x {c}" for c in dict.fromkeys(victim.codes))
        print(f"| {name} | {victim.kills} | {codes} | {found.lost} | {found.doubled} "
              f"| {found.unequal} | {found.running} | {found.wandb} | {found.gaps} "
              f"| {'yes' if found.same else 'NO'} | {len(found.processes)} "
              f"| {time.monotonic() - begun:.0f} |", flush=True)  # fmt: skip
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
