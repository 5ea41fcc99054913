"""The feature set of a schema that declares none, and the sources of a derived feature."""

from collections.abc import Sequence

from hemomodel.schema.columns import Column
from hemomodel.schema.entries import Derived, FeatureBlock

__all__ = ["ENCODED", "default_feature_blocks", "source_columns"]

ENCODED = {  # the kinds of columns that a feature block can take
    "one_hot": ("category", "one_hot"),
    "standardize": ("number", "flag"),
    "pca": ("number", "flag", "code_list"),
    "quantile": ("number", "flag"),
    "piecewise_linear": ("number", "flag"),
}
_COMPONENTS = 10


def default_feature_blocks(
    columns: Sequence[Column], derived: Sequence[Derived]
) -> tuple[FeatureBlock, ...]:
    """Returns blocks of all columns of role `feature` and of features derived only from them.

    Categories become one column per code; numbers, flags and derived features are standardised; of
    each code list there are up to ten principal components. Texts and days are not used.
    """
    features = [column for column in columns if column.role == "feature"]
    known = {column.english for column in features}
    texts = [column.english for column in features if column.kind in ENCODED["one_hot"]]
    numbers = [column.english for column in features if column.kind in ENCODED["standardize"]]
    numbers += [d.name for d in derived if source_columns(d.name, columns, derived) <= known]
    blocks = [FeatureBlock(encode="one_hot", columns=tuple(texts))] if texts else []
    blocks += [FeatureBlock(encode="standardize", columns=tuple(numbers))] if numbers else []
    for column in features:
        if column.kind == "code_list":
            width = min(_COMPONENTS, len(column.codes))
            name = (column.english,)
            blocks.append(FeatureBlock(encode="pca", columns=name, components=width))
    return tuple(blocks)


def source_columns(name: str, columns: Sequence[Column], derived: Sequence[Derived]) -> set[str]:
    """Returns the source columns of a column of the table or of a derived feature."""
    for column in columns:
        if name in column.table_columns:
            return {column.english}
    (formula,) = [d.formula for d in derived if d.name == name]
    return set().union(*(source_columns(used, columns, derived) for used in formula.columns))
