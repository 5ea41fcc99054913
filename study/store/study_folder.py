"""The study's folder: its layout, and atomic writes (a complete file or no change)."""

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hemomodel.errors import InputError
from hemomodel.tables.output_files import atomic_write
from study.cli import command_name

__all__ = ["StudyFolder"]


@dataclass(frozen=True)
class StudyFolder:
    """The files of one study.

    **Who may write.** The process that holds the study's lock writes every file, except these:
    trials write their own checkpoint, on the node where they run; W&B's process writes below
    `wandb/`; Tune writes below `tune/`; a report is written without the lock.

    **What is on disk when a method returns.** After a `write_...` method the complete new file is
    on disk under its name, also after a power failure. If a writer is killed, the old file stays
    unchanged. A `.part` file may remain beside it; `make` removes it.

    Attributes:
        root: the folder; its name is the study's name.
    """

    root: Path

    @property
    def name(self) -> str:
        """The study's name."""
        return self.root.name

    @property
    def journal(self) -> Path:
        """The Optuna storage."""
        return self.root / "study.journal"

    @property
    def parts(self) -> Path:
        """Tables of single trials, until they are joined."""
        return self.root / "parts"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of running trials."""
        return self.root / "checkpoints"

    def best(self, arm: str, outer_fold: int, outer_folds: int) -> Path:
        """Returns the folder of an arm's winner; in a nested study, one per outer fold."""
        return self.root / "best" / (arm if outer_folds == 1 else f"{arm}@{outer_fold}")

    def resume_command(self, *flags: str) -> str:
        """Returns the command that resumes the study."""
        out = self.root.parent
        place = [] if out == Path("studies").resolve() else ["--out", str(out)]
        arguments = shlex.join(["--resume", self.name, *place, *flags])
        return f"{command_name('search')} {arguments}"

    def make(self) -> None:
        """Creates the folder and its subfolders, and removes `.part` files.

        Raises:
            InputError: it cannot be created or written.
        """
        self.make_root()
        for path in (self.parts, self.checkpoints):
            path.mkdir(exist_ok=True)
        for path in (self.root, self.parts, self.checkpoints):
            for left in path.glob("*.part*"):  # of a writer that was killed
                left.unlink(missing_ok=True)

    def make_root(self) -> None:
        """Creates only the folder.

        Raises:
            InputError: it cannot be created or written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.write_text("write-test", "")
            (self.root / "write-test").unlink()
        except OSError as error:
            raise InputError(
                f"the folder {self.root} cannot be written ({error.strerror}); "
                "choose another folder with --out"
            ) from None

    def remove_temporary(self) -> None:
        """Removes the files that only a running search needs."""
        for path in (self.parts, self.checkpoints, self.root / "tune"):
            shutil.rmtree(path, ignore_errors=True)

    def write_text(self, name: str, text: str) -> Path:
        """Writes a text file atomically."""
        return self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, content: bytes) -> Path:
        """Writes a file atomically."""
        return self.write_with(name, lambda part: part.write_bytes(content))

    def write_json(self, name: str, value: Any) -> Path:
        """Writes a JSON file atomically."""
        return self.write_text(name, json.dumps(value, indent=1, ensure_ascii=False) + "\n")

    def write_table(self, name: str, table: pd.DataFrame) -> Path:
        """Writes a parquet file atomically."""
        return self.write_with(name, lambda part: table.to_parquet(part, index=False))

    def write_with(self, name: str, write: Callable[[Path], object]) -> Path:
        """Writes a file atomically, with a function that takes the path to write to."""
        path = self.root / name
        with atomic_write(path, durable=True) as part:
            write(part)
        return path
