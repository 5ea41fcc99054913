"""A fitted model as plain data: everything that is stored, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemomodel.dataset.design_matrix import DesignMatrix
from hemomodel.ensemble.conformal import ConformalScores
from hemomodel.ensemble.out_of_distribution import TrainingDomain
from hemomodel.schema.schema import Schema

__all__ = ["FittedModel", "ReferencePart"]


@dataclass(frozen=True, eq=False)
class ReferencePart:
    """A reference model in an exported model, with one replicate for each of F folds.

    These are the folds of the first seed, so that its preprocessing is that of the first F
    replicates. Either `linear` or `forest` is there.

    Attributes:
        weights: (T,), its share of the prediction of each task; 1 if there are no networks.
        linear: from `linear_arrays`, (F, ...).
        forest: from `forest_graph`.
    """

    weights: NDArray[np.floating]
    linear: Mapping[str, NDArray[np.floating]] | None = None
    forest: bytes | None = None


@dataclass(frozen=True, eq=False)
class FittedModel:
    """R replicates of one configuration, and what was fitted on the rows they did not train on.

    Attributes:
        schema: of the table and the tasks.
        feature_set: of the networks.
        switches: the schema's switches that change a feature and were on.
        about: plain data: `configuration`, `replicates`, `data`, and additional entries.
        layers: by name, `layer0.weight` (R, G, H_in, H_out) and `layer0.bias` (R, G, H_out) and so
            on, with G networks per replicate: one, or one per task; `direct.weight` (R, G, F, K)
            if there is a linear path. Empty if the model is a reference model.
        learned: by name, (R, ...): the fitted numbers of each replicate's preprocessing.
        offset, spread: (R, K), of the targets.
        design: the matrix that all networks read.
        committees: (R,), the fold of each replicate. The replicates of one fold form a committee
            with one network per seed. The temperatures were fitted for this number of networks,
            because a row is left out by one replicate per seed.
        temperatures: (T,).
        scores: T, for sets and intervals.
        in_use: (K,), whether a level occurred in the labels of the development rows; true for
            values.
        training_domain: ranges and distances of the development rows.
        reference: a reference model that is the model, or is blended with the networks.
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
    reference: ReferencePart | None = None
