"""Encodings of numbers: learned on training rows, and exported without change."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemomodel.dataset.design_matrix import fit_design_matrix, folded_preprocessing
from hemomodel.dataset.preprocessor import block_width, build_preprocessor, feature_names
from hemomodel.dataset.preprocessor_export import export_preprocessor, learned_shapes
from hemomodel.schema.schema import Schema
from hemomodel.schema.strict_yaml import parse_yaml

SCHEMA = Schema.model_validate(
    parse_yaml(
        """
name: trees
title: Trees
columns:
  - {name: age, kind: number, role: feature}
  - {name: girth, kind: number, role: feature}
  - {name: healthy, kind: flag, role: feature}
  - {name: soil, kind: category, role: feature, codes: [clay, sand]}
  - {name: pests, kind: code_list, role: feature, flags: pest, separator: "-", codes: [1, 2]}
  - {name: ripe, kind: number, role: task, task: {kind: binary, levels: [0, 1]}}
feature_sets:
  marks:
    - {encode: one_hot, columns: [soil]}
    - {encode: standardize, columns: [age, girth, healthy], missing: mark}
    - {encode: pca, columns: [pests], components: 2}
  means:
    - {encode: standardize, columns: [age, girth, healthy]}
""",
        "trees",
    )
)
SETS = tuple(SCHEMA.blocks_by_set)
NUMBERS = ("age", "girth")
FLAGS = ("healthy", "pest_1", "pest_2")
GAP = st.just(np.nan)
TIED = st.integers(-2, 2).map(float)
ANY = st.floats(-1e3, 1e3)


@st.composite
def tables(draw, least=2):
    """Draws a table with ties, gaps, and columns that are constant or always missing."""
    rows = draw(st.integers(least, 20))
    columns = {}
    for name in (*NUMBERS, *FLAGS):
        usual = (
            (TIED, TIED | GAP, ANY, ANY | GAP)
            if name in NUMBERS
            else (st.sampled_from([0.0, 1.0]) | GAP,)
        )
        values = draw(st.sampled_from([*usual, st.just(3.0 if name in NUMBERS else 1.0), GAP]))
        columns[name] = np.array(draw(st.lists(values, min_size=rows, max_size=rows)))
    codes = st.lists(st.sampled_from(["clay", "sand", None]), min_size=rows, max_size=rows)
    return pd.DataFrame({**columns, "soil": np.array(draw(codes), dtype=object)})


def exported(feature_set, parts):
    """Returns the preprocessings fitted on parts of a table, and their learned numbers (R, ...)."""
    fitted = [build_preprocessor(SCHEMA, feature_set).fit(part) for part in parts]
    arrays = [export_preprocessor(preprocessor) for preprocessor in fitted]
    return fitted, {name: np.stack([a[name] for a in arrays]) for name in arrays[0]}


@pytest.mark.parametrize("feature_set", SETS)
@given(table=tables(), others=tables(least=1))
def test_the_design_gives_the_features_of_every_replicate(feature_set, table, others):
    half = len(table) // 2
    fitted, learned = exported(feature_set, [table[:half], table[half:], table])
    shapes = learned_shapes(SCHEMA, feature_set)
    assert {name: array.shape[1:] for name, array in learned.items()} == shapes
    design = fit_design_matrix(SCHEMA, feature_set, table)
    linear, shift = folded_preprocessing(SCHEMA, feature_set, design, learned, len(fitted))
    for rows in (table, others):
        matrix = design.matrix(rows, np.float64)
        assert matrix.shape == (len(rows), len(design.names))
        for preprocessor, weights, constant in zip(fitted, linear, shift, strict=True):
            features = preprocessor.transform(rows)
            scale = 1 + np.abs(features).max()
            np.testing.assert_allclose(matrix @ weights + constant, features, atol=1e-8 * scale)


@pytest.mark.parametrize("feature_set", SETS)
@given(table=tables())
def test_features_are_finite_named_and_the_same_for_a_row_alone(feature_set, table):
    blocks = SCHEMA.blocks_by_set[feature_set]
    width = sum(block_width(SCHEMA, block) for block in blocks)
    names = feature_names(SCHEMA, feature_set)
    assert len(set(names)) == len(names) == width
    preprocessor = build_preprocessor(SCHEMA, feature_set).fit(table[:-1])
    features = preprocessor.transform(table)
    assert features.shape == (len(table), width)
    assert np.isfinite(features).all()
    np.testing.assert_array_equal(preprocessor.transform(table[-1:]), features[-1:])


def test_a_mark_is_one_where_a_value_is_missing_and_training_rows_showed_both():
    train = pd.DataFrame({"age": [1, np.nan, 3], "girth": [1.0, 2, 3], "healthy": np.nan})
    train = train.assign(soil="clay", pest_1=0.0, pest_2=1.0)
    fitted = build_preprocessor(SCHEMA, "marks").fit(train)
    names = feature_names(SCHEMA, "marks")
    assert names[5:8] == ("age_missing", "girth_missing", "healthy_missing")
    nothing = train.assign(age=np.nan, girth=np.nan, healthy=np.nan)
    np.testing.assert_array_equal(fitted.transform(train)[:, 5], [0, 1, 0])
    np.testing.assert_array_equal(fitted.transform(nothing)[:, 5:8], [[1, 0, 0]] * 3)


def test_marks_are_added_and_change_no_other_feature():
    table = pd.DataFrame({"age": [1, np.nan, 3], "girth": [1.0, 2, 3], "healthy": [0, 1, np.nan]})
    table = table.assign(soil="clay", pest_1=0.0, pest_2=1.0)
    marks, means = (build_preprocessor(SCHEMA, name).fit_transform(table) for name in SETS[:2])
    np.testing.assert_array_equal(marks[:, 2:5], means)
