"""Columns of the design for encodings that are not affine: ranks, and positions in bins.

Each replicate has its own quantiles, so each has its own columns, and its map reads only these.
They are computed in double precision and lie between 0 and 1. A table of differences over the
quantiles of all replicates would be as exact, but 32 times as wide for ranks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from hemomodel.arrays import Float64s, Floats
from hemomodel.dataset.encoders import interpolate
from hemomodel.dataset.preprocessor import block_inputs, block_names, feature_blocks
from hemomodel.schema.schema import Schema

__all__ = ["EncodedColumns", "Learned", "encoded_columns"]

Learned: TypeAlias = Mapping[str, Floats]
"""`block.step.what` -> (R, ...), named as by `export_preprocessor`, stacked over replicates."""
_STEPS = {"quantile": "quantileranks", "piecewise_linear": "quantilebins"}


@dataclass(frozen=True, eq=False)
class EncodedColumns:
    """R x F columns: the F features of a block for each of R replicates, before standardisation.

    Attributes:
        block: the name of the block in the preprocessing.
        features: the names of its F features, without marks of missing values.
        inputs: the positions of its q columns among the quantities.
        knots, heights: (R, F, K), see `interpolate`.
    """

    block: str
    features: tuple[str, ...]
    inputs: tuple[int, ...]
    knots: Floats
    heights: Floats

    @property
    def width(self) -> int:
        """R x F, the number of columns."""
        return len(self.knots) * len(self.features)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        replicates = range(len(self.knots))
        return tuple(f"{name} of replicate {r}" for r in replicates for name in self.features)

    @property
    def _per_input(self) -> int:
        return len(self.features) // len(self.inputs)

    def curves(self) -> list[dict[str, Any]]:
        """Returns per column the position of its quantity, its knots and its heights."""
        parts = (part.reshape(self.width, -1).tolist() for part in (self.knots, self.heights))
        sources = np.tile(np.repeat(self.inputs, self._per_input), len(self.knots)).tolist()
        return [
            {"column": source, "knots": knots, "heights": heights}
            for source, knots, heights in zip(sources, *parts, strict=True)
        ]

    def fill(self, matrix: Floats, raw: Float64s) -> None:
        """Writes the columns (N, R x F), 0 where missing, from the quantities (N, Q)."""
        values, width = raw[:, self.inputs], len(self.features)
        for replicate, curves in enumerate(zip(self.knots, self.heights, strict=True)):
            part = matrix[:, replicate * width : (replicate + 1) * width]
            part[:] = np.nan_to_num(interpolate(values, *curves))

    def fold(
        self, linear: Floats, shift: Floats, learned: Learned, missing: Sequence[int], start: int
    ) -> None:
        """Folds the imputation and the standardisation of the features into a map and a shift.

        Args:
            linear: (R, P, F), zeros; the map of `folded_preprocessing`.
            shift: (R, F), its shift.
            learned: the fitted numbers of the replicates' preprocessing.
            missing: the positions in the design of the indicators of the q columns.
            start: the position in the design of the first of the columns.
        """
        filling = learned[f"{self.block}.simpleimputer.statistics_"]
        scale = learned[f"{self.block}.standardscaler.scale_"]
        features = np.arange(len(self.features))
        for replicate, divisor in enumerate(scale):
            rows = start + replicate * len(features) + features
            linear[replicate, rows, features] = 1 / divisor
        linear[:, np.repeat(missing, self._per_input), features] = filling / scale
        shift[:] = -learned[f"{self.block}.standardscaler.mean_"] / scale


def encoded_columns(
    schema: Schema, feature_set: str, quantities: Sequence[str], learned: Learned
) -> tuple[EncodedColumns, ...]:
    """Returns the columns of each block of ranks or bins, in the order of the blocks.

    Args:
        schema: of the table.
        feature_set: of the networks.
        quantities: of the design.
        learned: the fitted numbers of the replicates' preprocessing.

    Raises:
        InputError: the schema has no such feature set.
    """
    return tuple(
        EncodedColumns(
            block=f"{place}_{block.encode}",
            features=tuple(block_names(schema, block)),
            inputs=tuple(quantities.index(name) for name in block_inputs(schema, block)),
            knots=learned[f"{place}_{block.encode}.{_STEPS[block.encode]}.knots_"],
            heights=learned[f"{place}_{block.encode}.{_STEPS[block.encode]}.heights_"],
        )
        for place, block in enumerate(feature_blocks(schema, feature_set))
        if block.encode in _STEPS
    )
