"""Checkpoints of running trials: plain tensors, validated on loading."""

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hemomodel.tables.output_files import atomic_write
from hemomodel.training.history import History
from hemomodel.training.loop import Training

__all__ = ["SaveClock", "load_checkpoint", "load_validated_checkpoint", "save_checkpoint"]


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes a checkpoint atomically; it may be lost after a power failure.

    If the disk is full, the checkpoint is skipped and the trial continues. The driver writes to the
    same disk: it reports the error and ends the study.
    """
    content = BytesIO()
    torch.save(state, content)
    with suppress(OSError), atomic_write(path) as part:
        part.write_bytes(content.getbuffer())


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any] | None:
    """Returns a checkpoint, or None if no file can be read.

    A power failure can leave a truncated file.

    Args:
        path: of the checkpoint.
        device: to put its tensors on, regardless of the device that wrote them.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about pickles that it did not write
            return dict(torch.load(path, map_location=device, weights_only=True))
    except Exception:  # noqa: BLE001 - a damaged file can raise any error in its reader
        return None


class SaveClock:
    """Decides when to save, so that saving takes at most a fiftieth of the time.

    A trial that ends within a second is never saved, because training it again costs less.
    """

    _SHARE = 1 / 50

    def __init__(self) -> None:
        self._last, self._cost = time.perf_counter(), 0.02

    def due(self) -> bool:
        """Whether the next checkpoint is worth its time."""
        return (time.perf_counter() - self._last) * self._SHARE >= self._cost

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Measures the time to save a checkpoint."""
        begun = time.perf_counter()
        yield
        self._last = time.perf_counter()
        self._cost = self._last - begun


def load_validated_checkpoint(
    path: Path, training: Training, outputs: Tensor
) -> dict[str, Any] | None:
    """Returns a trial's checkpoint, or None if the trial has to start from the beginning.

    Only plain tensors are read, and no code in the file is run. A file is ignored if it holds
    code, is truncated, or has tensors with other names, shapes or types than this trial's.

    Args:
        path: of the checkpoint.
        training: of the trial, before its first epoch.
        outputs: of its network.
    """
    state = load_checkpoint(path, outputs.device)
    if state is None:
        return None
    expected = _like(training, outputs, _epochs(state, training.config.epochs))
    return state if _forms(state) == _forms(expected) else None


def _epochs(state: Any, most: int) -> int:
    """Returns the number of epochs that a checkpoint states, limited to 1 to `most`."""
    training = state.get("training") if isinstance(state, dict) else None
    epoch = training.get("epoch") if isinstance(training, dict) else None
    if isinstance(epoch, Tensor) and epoch.shape == () and epoch.dtype == torch.int64:
        return min(max(int(epoch), 1), most)
    return 1


def _like(training: Training, outputs: Tensor, epochs: int) -> dict[str, Any]:
    """Returns a checkpoint with the names, shapes and types that the trial would write.

    Its values have no meaning, and its tables take no memory.

    Args:
        training: of the trial, before its first epoch.
        outputs: of its network.
        epochs: number of epochs in the checkpoint.
    """
    fresh = training.state()
    parameters = fresh["parameters"]
    replicates, tasks = training.trivial_train_loss.shape
    table = parameters.new_empty(1).expand(epochs, replicates, tasks)
    square = parameters.new_empty(1).expand(epochs, replicates, tasks, tasks)
    number = torch.zeros((), dtype=torch.float64)
    return {
        "training": {
            **fresh,
            "adam.step": torch.zeros(()),
            "adam.exp_avg": parameters,
            "adam.exp_avg_sq": parameters,
        },
        "best": {"score": outputs.new_zeros(()), "epoch": torch.zeros((), dtype=torch.int64),
                 "outputs": outputs},
        "seconds": number,
        "epochs": {**dict.fromkeys(History._fields, table), "cosines": square},
    }  # fmt: skip


def _forms(tree: Any, name: str = "") -> dict[str, object]:
    """Returns the shape and type of each tensor by its path; for any other object, its class."""
    if isinstance(tree, Mapping):
        parts = [_forms(value, f"{name}/{key}") for key, value in tree.items()]
        return {key: form for part in parts for key, form in part.items()}
    return {name: (tree.shape, tree.dtype) if isinstance(tree, Tensor) else type(tree)}
