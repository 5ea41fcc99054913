"""Checkpoints of running trials: plain tensors, cheap, and never a trial's undoing."""

import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

__all__ = ["SaveClock", "load_checkpoint", "save_checkpoint"]


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes a checkpoint whole or not at all.

    A full disk costs the checkpoint and not the trial: the driver, which writes there too, is the
    one that says so and ends the study.
    """
    content = BytesIO()
    torch.save(state, content)
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        part.write_bytes(content.getbuffer())
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """Returns a checkpoint, or None if there is none that can be read: then the trial starts anew.

    A machine that lost its power may leave half a file.

    Args:
        path: of the checkpoint.
        device: to put its tensors on, whichever they were written from.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch wonders about pickles that it did not write
            return dict(torch.load(path, map_location=device, weights_only=True))
    except Exception:  # noqa: BLE001 - a broken file raises whatever its reader trips over
        return None


class SaveClock:
    """Says when to save, so that saving takes at most a fiftieth of the time.

    A trial that is over within a second is never saved: to train it again costs less.
    """

    _SHARE = 1 / 50

    def __init__(self) -> None:
        self._last, self._cost = time.perf_counter(), 0.02

    def due(self) -> bool:
        """Whether the next checkpoint is worth its time."""
        return (time.perf_counter() - self._last) * self._SHARE >= self._cost

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Measures what a checkpoint costs."""
        begun = time.perf_counter()
        yield
        self._last = time.perf_counter()
        self._cost = self._last - begun
