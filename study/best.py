"""`best/ARM/`: each arm's winner as it was scored, in files that hold no code."""

import json
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter

from hemomodel.config import FitConfig
from hemomodel.frozen import freeze
from hemomodel.stack import Stack
from study.confirm import Finalist
from study.folder import Folder
from study.retraining import Confirmed

__all__ = ["save_best"]


def save_best(
    folder: Folder, winners: Sequence[tuple[Finalist, Confirmed]], stacks: Sequence[Stack]
) -> None:
    """Writes weights.pt, settings.json and preprocessing.npz for each winner.

    weights.pt holds the networks' flat buffer of parameters (load it with weights_only=True);
    preprocessing.npz what each replicate's preprocessing learned, stacked over replicates, and the
    scale of its targets. In a nested study each outer fold has a folder of its own, `ARM@FOLD`.

    Args:
        folder: of the study.
        winners: one an arm and outer fold.
        stacks: that they were trained on, one an outer fold.
    """
    learned = [_preprocessing(stack) for stack in stacks]
    for finalist, result in winners:
        stack = stacks[finalist.outer_fold]
        name = finalist.arm if len(stacks) == 1 else f"{finalist.arm}@{finalist.outer_fold}"
        place = folder.root / "best" / name
        place.mkdir(parents=True, exist_ok=True)
        weights, preprocessing = BytesIO(), BytesIO()
        torch.save({"parameters": result.parameters}, weights)
        np.savez(preprocessing, **learned[finalist.outer_fold])
        folder.write_bytes(f"best/{name}/weights.pt", weights.getvalue())
        folder.write_bytes(f"best/{name}/preprocessing.npz", preprocessing.getvalue())
        settings = {
            "trial": finalist.number,
            "config": _plain(finalist.config),
            "replicates": [{"seed": seed, "fold": fold} for seed, fold in stack.pairs],
            "tasks": [{"name": task.name, "outputs": task.size} for task in stack.tasks],
        }
        text = json.dumps(settings, indent=1, ensure_ascii=False)
        folder.write_text(f"best/{name}/settings.json", text + "\n")


def _preprocessing(stack: Stack) -> dict[str, Any]:
    fitted = [freeze(model) for model in stack.preprocessors]
    arrays: dict[str, Any] = {name: np.stack([one[name] for one in fitted]) for name in fitted[0]}
    return arrays | {"offset": stack.offset, "spread": stack.spread}


def _plain(config: FitConfig) -> dict[str, Any]:
    """Returns a configuration as plain data, the balancer by name."""
    values = TypeAdapter(FitConfig).dump_python(config, mode="json", serialize_as_any=True)
    own = TypeAdapter(type(config.balancer)).dump_python(config.balancer, mode="json")
    return {**values, "balancer": {"name": config.balancer.name, **own}}
