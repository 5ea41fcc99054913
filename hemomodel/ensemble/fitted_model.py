"""All that a model has learned, as plain data: what is stored of it, and no more."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemomodel.dataset.design_matrix import DesignMatrix
from hemomodel.ensemble.conformal import ConformalScores
from hemomodel.ensemble.out_of_distribution import TrainingDomain
from hemomodel.schema.schema import Schema

__all__ = ["FittedModel"]


@dataclass(frozen=True, eq=False)
class FittedModel:
    """R replicates of one configuration, and what was learned from the rows they left out.

    Attributes:
        schema: of the table and the tasks.
        feature_set: of the networks.
        switches: those of the schema that change a feature and were on.
        about: plain data: `configuration`, `replicates`, `data`, and what else is worth keeping.
        layers: by name, `layer0.weight` (R, G, H_in, H_out) and `layer0.bias` (R, G, H_out) and so
            on, with G networks a replicate: one, or one a task.
        learned: by name, (R, ...): what each replicate's preprocessing learned.
        offset, spread: (R, K), of the targets.
        design: the matrix that all networks read.
        committees: (R,), the fold of each replicate. Those of one fold are one a seed, as are those
            that leave a row out: a committee of so many is what the temperatures were fitted for.
        temperatures: (T,).
        scores: T, for sets and intervals.
        in_use: (K,), whether a level occurred in the labels of the fitted rows.
        training_domain: what those rows were like.
    """

    schema: Schema
    feature_set: str
    switches: frozenset[str]
    about: Mapping[str, Any]
    layers: Mapping[str, NDArray[np.floating]]
    learned: Mapping[str, NDArray[np.floating]]
    offset: NDArray[np.floating]
    spread: NDArray[np.floating]
    design: DesignMatrix
    committees: NDArray[np.int64]
    temperatures: NDArray[np.floating]
    scores: tuple[ConformalScores, ...]
    in_use: NDArray[np.bool_]
    training_domain: TrainingDomain
