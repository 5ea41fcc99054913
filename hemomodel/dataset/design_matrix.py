"""One matrix that all replicates read, and each replicate's preprocessing as an affine map of it.

After imputation, the preprocessing of a replicate is affine: scaling, one column per code,
principal components. With columns that indicate missing values, imputation is affine too. So all
networks read the same matrix, and the preprocessing is folded into their first layers: no patient
is transformed R times. Only ranks and positions in bins are not affine: `encoded_columns.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from hemomodel.arrays import Floats
from hemomodel.dataset.encoded_columns import EncodedColumns, Learned, encoded_columns
from hemomodel.dataset.preprocessor import block_codes, block_inputs, block_width, feature_blocks
from hemomodel.schema.entries import FeatureBlock
from hemomodel.schema.schema import Schema

__all__ = ["DesignMatrix", "design_names", "fit_design_matrix", "folded_preprocessing"]

_NOTHING: Learned = MappingProxyType({})
_FARTHEST = 1e4  # standard deviations from the mean; further away, predictions are not meaningful
_ROUNDING = 1e-12  # share of a column's mean: a smaller spread is the rounding error of a constant


@dataclass(frozen=True, eq=False)
class DesignMatrix:
    """The columns of the matrix: Q quantities, Q indicators of missing values, C codes, and more.

    Attributes:
        quantities: numbers and flags, by their names in `Cohort.table`.
        codes: (column, code) of the categories.
        centre, scale: (Q,), mean and standard deviation of the quantities over all fitted rows.
        encoded: one per block of ranks or bins; their columns follow the codes.
    """

    quantities: tuple[str, ...]
    codes: tuple[tuple[str, str], ...]
    centre: Floats
    scale: Floats
    encoded: tuple[EncodedColumns, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The P names of the columns."""
        absent = (f"{name} is missing" for name in self.quantities)
        codes = (f"{name} is {code}" for name, code in self.codes)
        encoded = (name for columns in self.encoded for name in columns.names)
        return (*self.quantities, *absent, *codes, *encoded)

    @property
    def width(self) -> int:
        """P, the number of columns."""
        return self.encoded_start + sum(columns.width for columns in self.encoded)

    @property
    def encoded_start(self) -> int:
        """The position of the first column of `encoded`."""
        return 2 * len(self.quantities) + len(self.codes)

    def matrix(self, table: pd.DataFrame, dtype: type = np.float32) -> Floats:
        """Returns (N, P): standardised quantities, 0 where missing; indicators; codes as 0 or 1.

        The columns of `encoded` are between 0 and 1, and 0 where missing.

        A quantity more than 10,000 standard deviations from the mean is clipped to that distance,
        so that the networks' numbers stay finite. No fitted row can be so far away.

        Args:
            table: as in a cohort.
            dtype: of the matrix.
        """
        count = len(self.quantities)
        matrix: Floats = np.empty((len(table), self.width), dtype=dtype)
        raw = table[list(self.quantities)].to_numpy(dtype=np.float64)
        absent = np.isnan(raw)
        with np.errstate(over="ignore"):
            standard = (raw - self.centre) / self.scale
        matrix[:, :count] = np.where(absent, 0.0, standard.clip(-_FARTHEST, _FARTHEST))
        matrix[:, count : 2 * count] = absent
        for place, (name, code) in enumerate(self.codes, 2 * count):
            matrix[:, place] = (table[name] == code).to_numpy(dtype=bool, na_value=False)
        end = self.encoded_start
        for columns in self.encoded:
            start, end = end, end + columns.width
            columns.fill(matrix[:, start:end], raw)
        return matrix


def fit_design_matrix(
    schema: Schema, feature_set: str, table: pd.DataFrame, learned: Learned = _NOTHING
) -> DesignMatrix:
    """Returns the design of a feature set.

    Args:
        schema: of the table.
        feature_set: of the networks.
        table: the rows that the networks were fitted on, as in a cohort.
        learned: the fitted numbers of the replicates' preprocessing; not needed for a feature set
            without ranks and bins.

    Raises:
        InputError: the schema has no such feature set.
    """
    quantities, codes = design_names(schema, feature_set)
    raw = table[list(quantities)].to_numpy(dtype=np.float64)
    known = ~np.isnan(raw)
    count = np.maximum(known.sum(0), 1)
    centre = np.where(known, raw, 0.0).sum(0) / count
    spread = np.sqrt(np.where(known, (raw - centre) ** 2, 0.0).sum(0) / count)
    varies = spread > _ROUNDING * np.abs(centre)
    encoded = encoded_columns(schema, feature_set, quantities, learned)
    return DesignMatrix(quantities, codes, centre, np.where(varies, spread, 1.0), encoded)


def folded_preprocessing(
    schema: Schema, feature_set: str, design: DesignMatrix, learned: Learned, replicates: int
) -> tuple[Floats, Floats]:
    """Returns each replicate's preprocessing as a map (R, P, F) and a shift (R, F).

    Features are design @ map + shift. Both are in double precision, because they are folded into
    the weights.

    Args:
        schema: of the table.
        feature_set: of the networks.
        design: its matrix.
        learned: the fitted numbers of the replicates' preprocessing.
        replicates: R.
    """
    blocks = feature_blocks(schema, feature_set)
    widths = [block_width(schema, block) for block in blocks]
    linear = np.zeros((replicates, design.width, sum(widths)))
    shift = np.zeros((replicates, sum(widths)))
    count = len(design.quantities)
    place_of = {name: place for place, name in enumerate(design.quantities)}
    place_of_code = {pair: place for place, pair in enumerate(design.codes, 2 * count)}
    encoded = {columns.block: columns for columns in design.encoded}
    next_encoded, start = design.encoded_start, 0
    for number, (block, width) in enumerate(zip(blocks, widths, strict=True)):
        name = f"{number}_{block.encode}"
        part, constant = linear[:, :, start : start + width], shift[:, start : start + width]
        start += width
        if block.encode == "one_hot":
            rows = [place_of_code[pair] for pair in _pairs(schema, block)]
            part[:, rows, range(width)] = 1.0
            continue
        rows = [place_of[column] for column in block_inputs(schema, block)]
        missing = [count + row for row in rows]
        if block.missing == "mark":
            marks = range(width - len(rows), width)
            part[:, missing, marks] = learned[f"{number}_marks.missingmarks.marked_"]
            part, constant = part[:, :, : marks.start], constant[:, : marks.start]
        if name in encoded:
            encoded[name].fold(part, constant, learned, missing, next_encoded)
            next_encoded += encoded[name].width
        else:
            part[:, rows], part[:, missing], constant[:] = _block(learned, name, design, rows)
    return linear, shift


def _block(
    learned: Learned, name: str, design: DesignMatrix, rows: Sequence[int]
) -> tuple[Floats, Floats, Floats]:
    """Returns a block's maps of values and of missing values (R, q, w), and its shift (R, w).

    q is the number of columns of the block; w is the number of its features. A column is imputed
    with `filling`, centred on `mean` and multiplied by `mixing` (R, q, w).
    """
    filling = learned[f"{name}.simpleimputer.statistics_"]
    if name.endswith("pca"):
        mean = learned[f"{name}.paddedpca.mean_"]
        mixing = learned[f"{name}.paddedpca.components_"].transpose(0, 2, 1)
    else:
        mean = learned[f"{name}.standardscaler.mean_"]
        mixing = np.eye(len(rows)) / learned[f"{name}.standardscaler.scale_"][:, None]
    centre, scale = design.centre[rows], design.scale[rows]
    known = scale[:, None] * mixing
    absent = (filling - centre)[:, :, None] * mixing
    return known, absent, np.einsum("rq,rqw->rw", centre - mean, mixing)


def design_names(
    schema: Schema, feature_set: str
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Returns the quantities and the codes of a feature set's design.

    Raises:
        InputError: the schema has no such feature set.
    """
    quantities: dict[str, None] = {}
    codes: dict[tuple[str, str], None] = {}
    for block in feature_blocks(schema, feature_set):
        if block.encode == "one_hot":
            codes |= dict.fromkeys(_pairs(schema, block))
        else:
            quantities |= dict.fromkeys(block_inputs(schema, block))
    return tuple(quantities), tuple(codes)


def _pairs(schema: Schema, block: FeatureBlock) -> list[tuple[str, str]]:
    return [
        (name, code)
        for name, codes in zip(block.columns, block_codes(schema, block), strict=True)
        for code in codes
    ]
