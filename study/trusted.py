"""A checkpoint from disk is believed only if it is what this very trial would have written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hemomodel.training.history import History
from hemomodel.training.loop import Training
from study.checkpoint import load_checkpoint

__all__ = ["trusted_checkpoint"]


def trusted_checkpoint(path: Path, training: Training, outputs: Tensor) -> dict[str, Any] | None:
    """Returns a trial's checkpoint, or None if there is none to go on from: it starts anew then.

    Only plain tensors are read: a file that holds code is not run, but left aside, as is one that
    breaks off, or whose tensors have other names, shapes or types than this trial's.

    Args:
        path: of the checkpoint.
        training: of the trial, just begun.
        outputs: of its network.
    """
    state = load_checkpoint(path, outputs.device)
    if state is None:
        return None
    found = _forms(state)
    return (
        state
        if found == _forms(_like(training, outputs, _epochs(state, training.config.epochs)))
        else None
    )


def _epochs(state: Any, most: int) -> int:  # noqa: ANN401 - whatever the file holds
    """Returns how many epochs a checkpoint says it holds, if that can be."""
    own = state.get("training") if isinstance(state, dict) else None
    epoch = own.get("epoch") if isinstance(own, dict) else None
    if isinstance(epoch, Tensor) and epoch.shape == () and epoch.dtype == torch.int64:
        return min(max(int(epoch), 1), most)
    return 1


def _like(training: Training, outputs: Tensor, epochs: int) -> dict[str, Any]:
    """Returns a checkpoint as the trial would write it; only its forms count, and cost nothing.

    Args:
        training: just begun.
        outputs: of its network.
        epochs: that the checkpoint holds.
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


def _forms(tree: Any, name: str = "") -> dict[str, object]:  # noqa: ANN401 - whatever a file holds
    """Returns the shape and type of each tensor by its path; of what is no tensor, its class."""
    if isinstance(tree, Mapping):
        parts = [_forms(value, f"{name}/{key}") for key, value in tree.items()]
        return {key: form for part in parts for key, form in part.items()}
    return {name: (tree.shape, tree.dtype) if isinstance(tree, Tensor) else type(tree)}
