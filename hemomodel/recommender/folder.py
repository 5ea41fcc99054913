"""An exported model as a folder: weights in safetensors, the rest in JSON, no code."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from hemomodel.ensemble.fitted_model import FittedModel
from hemomodel.errors import InputError
from hemomodel.recommender.model import Model
from hemomodel.recommender.model_arrays import ModelFileError
from hemomodel.recommender.onnx import to_onnx
from hemomodel.recommender.serialization import (
    FORMATS,
    LINEAR_PREFIX,
    ModelFile,
    from_model_file,
    to_model_file,
)
from hemomodel.schema.schema import Schema
from hemomodel.schema.validation_message import validation_message

__all__ = ["load", "model_files"]

_SETTINGS = "model.json"
_WEIGHTS = "weights.safetensors"
_FOREST = "forest.onnx"
_MOST = {_SETTINGS: 256 * 2**20, _WEIGHTS: 4 * 2**30, _FOREST: 2**31 - 1}  # bytes


def model_files(fitted: FittedModel) -> dict[str, bytes]:
    """Returns the files of a model folder by name."""
    arrays = dict(fitted.layers)
    forest = fitted.reference.forest if fitted.reference else None
    if fitted.reference and fitted.reference.linear:
        arrays |= {LINEAR_PREFIX + name: a for name, a in fitted.reference.linear.items()}
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    text = json.dumps(to_model_file(fitted), indent=None, ensure_ascii=False, allow_nan=False)
    return {
        _WEIGHTS: safetensors.save(arrays),
        _SETTINGS: (text + "\n").encode(),
        "model.onnx": to_onnx(Model(fitted)),
        **({_FOREST: forest} if forest else {}),
    }


def load(path: str | Path) -> Model:
    """Loads a model from its folder, such as `studies/NAME/best/ARM`.

    Only numbers and text are read: no code in the files is run.

    Raises:
        InputError: the path is not a model folder, or a file in it is damaged.
    """
    folder = Path(path)
    _check_folder(folder)
    stored, schema = _read_settings(folder / _SETTINGS)
    arrays = _read_weights(folder / _WEIGHTS)
    graph, is_forest = folder / _FOREST, stored.reference and stored.reference.family == "forest"
    forest = _read(graph) if is_forest and graph.is_file() else None
    try:
        return Model(from_model_file(stored, schema, arrays, forest))
    except ModelFileError as error:
        raise _damaged(folder, str(error)) from None
    except (InputError, ArithmeticError, TypeError, ValueError) as error:  # from its formulas
        raise _damaged(folder, str(error)) from error


def _check_folder(folder: Path) -> None:
    """Checks that the folder is a model folder; the message about a study names its models."""
    try:
        is_model = all((folder / name).is_file() for name in (_SETTINGS, _WEIGHTS))
        best = sorted(model.name for model in (folder / "best").iterdir()) if not is_model else []
    except OSError:
        is_model, best = False, []
    if is_model:
        return
    if best:
        raise InputError(
            f"{folder} is a study, not a model folder; give the path of one of its models, "
            f"such as {folder / 'best' / best[0]} (available: {', '.join(best)})"
        )
    raise InputError(
        f"{folder} is not a model folder; it must contain {_SETTINGS} and {_WEIGHTS}; "
        "give the path of a model folder, such as studies/NAME/best/ARM"
    )


def _read(path: Path) -> bytes:
    most = _MOST[path.name]
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give access to it") from None
    if len(content) > most:
        raise InputError(f"{path}: has more than {most:,} bytes; copy the model folder again")
    return content


def _read_settings(path: Path) -> tuple[ModelFile, Schema]:
    try:
        plain = json.loads(_read(path).decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"is not valid JSON: {error}") from None
    if isinstance(plain, dict) and plain.get("format") not in FORMATS:
        raise InputError(
            f"{path}: has format {str(plain.get('format'))[:20]!r}, and this version of hemomodel "
            f"reads the formats {FORMATS[0]} to {FORMATS[-1]}; load it with the version that "
            "wrote it"
        )
    try:
        stored = ModelFile.model_validate(plain)
        return stored, Schema.model_validate(stored.table)
    except ValidationError as error:
        raise _damaged(path, validation_message(error)) from None
    except RecursionError:
        raise _damaged(path, "is nested too deeply") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a finite number")


def _read_weights(path: Path) -> dict[str, NDArray[np.floating]]:
    try:
        layers = safetensors.load(_read(path))
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, f"is not a safetensors file: {error}") from None
    for name, array in layers.items():
        if array.dtype not in (np.float32, np.float64):
            raise _damaged(path, f"{name[:40]} has type {array.dtype}, not float32 or float64")
    return layers


def _damaged(path: Path, what: str) -> InputError:
    text = " ".join(what.split())
    return InputError(f"{path}: is damaged ({text[:200]}); copy the model folder again")
