"""Encodings of numbers: learned on training rows, and exported without change."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
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
  ranks:
    - {encode: quantile, columns: [age, girth, healthy], missing: mark}
  bins:
    - {encode: piecewise_linear, columns: [girth, healthy, age], bins: 3}
  several:
    - {encode: piecewise_linear, columns: [girth], bins: 5, missing: mark}
    - {encode: one_hot, columns: [soil]}
    - {encode: standardize, columns: [healthy, girth]}
    - {encode: quantile, columns: [girth, age]}
    - {encode: pca, columns: [age, pests], components: 2}
""",
        "trees",
    )
)
SETS = tuple(SCHEMA.blocks_by_set)
NUMBERS = ("age", "girth")
FLAGS = ("healthy", "pest_1", "pest_2")
GAP = st.just(np.nan)
TIED = st.integers(-2, 2).map(float)
SPREAD = st.integers(-400, 400).map(lambda quarters: quarters / 4)
ANY = st.floats(-1e3, 1e3)


@st.composite
def tables(draw, least=2):
    """Draws a table with ties, gaps, and columns that are constant or always missing."""
    rows = draw(st.integers(least, 20))
    columns = {}
    for name in (*NUMBERS, *FLAGS):
        usual = (
            (TIED, TIED | GAP, SPREAD, SPREAD | GAP)
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
@settings(max_examples=settings().max_examples // 3)
@given(table=tables(), others=tables(least=1))
def test_the_design_gives_the_features_of_every_replicate(feature_set, table, others):
    half = len(table) // 2
    fitted, learned = exported(feature_set, [table[:half], table[half:], table])
    shapes = learned_shapes(SCHEMA, feature_set)
    assert {name: array.shape[1:] for name, array in learned.items()} == shapes
    design = fit_design_matrix(SCHEMA, feature_set, table, learned)
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
    alone, among = preprocessor.transform(table[-1:]), features[-1:]
    np.testing.assert_allclose(alone, among, atol=1e-12)  # components may differ in the last bit
    exact = ["_pc" not in name for name in names]
    np.testing.assert_array_equal(alone[:, exact], among[:, exact])


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


def column(feature_set, matrix, name):
    return matrix[:, feature_names(SCHEMA, feature_set).index(name)]


def with_age(ages):
    """Returns a table with these ages."""
    other = dict.fromkeys((*NUMBERS, *FLAGS), 1.0)
    return pd.DataFrame({"soil": "clay"} | other | {"age": np.array(ages, dtype=float)})


AGES = st.lists(TIED | ANY | GAP, min_size=2, max_size=20)


@given(train=AGES, others=st.lists(ANY, min_size=2, max_size=20))
def test_ranks_and_positions_rise_with_the_number_and_end_at_the_training_rows(train, others):
    known = [age for age in train if not np.isnan(age)] or [0.0]
    ages = np.array(sorted({*others, *known}))
    table, ends = with_age(ages), with_age([min(known), max(known)])
    for name in ("ranks", "bins"):
        fitted = build_preprocessor(SCHEMA, name).fit(with_age(train))
        features, (low, high) = fitted.transform(table), fitted.transform(ends)
        assert (np.diff(features, axis=0) >= -1e-12).all()
        assert (features >= low - 1e-12).all()
        assert (features <= high + 1e-12).all()


@given(train=AGES)
def test_ranks_and_positions_of_the_training_rows_are_standardised(train):
    for name in ("ranks", "bins"):
        features = build_preprocessor(SCHEMA, name).fit_transform(with_age(train))
        features = features[:, : -len(NUMBERS) - 1] if name == "ranks" else features  # no marks
        np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-9)
        spread = features.std(axis=0)
        np.testing.assert_allclose(spread[spread > 1e-9], 1, rtol=1e-6)


@given(train=AGES, random=st.randoms(use_true_random=False))
def test_the_order_of_the_training_rows_has_no_effect(train, random):
    shuffled = random.sample(train, len(train))
    for name in ("ranks", "bins"):
        first, second = (
            build_preprocessor(SCHEMA, name).fit(with_age(rows)).transform(with_age(train))
            for rows in (train, shuffled)
        )
        np.testing.assert_allclose(first, second, atol=1e-9)


def test_ranks_are_those_of_the_training_rows():
    train = with_age(np.arange(33.0) ** 2)
    fitted = build_preprocessor(SCHEMA, "ranks").fit(train)
    matrix = fitted.transform(with_age([-5, 0, 16**2, 16**2 + 16.5, 32**2, 1e6, np.nan]))
    ranks = np.array([0, 0, 16, 16.5, 32, 32, 16]) / 32
    spread = (np.arange(33) / 32).std()
    expected = (ranks - 0.5) / spread
    np.testing.assert_allclose(column("ranks", matrix, "age_rank"), expected, atol=1e-12)


def test_values_that_many_rows_share_have_their_mean_rank():
    fitted = build_preprocessor(SCHEMA, "ranks").fit(with_age([0.0] * 66 + [1.0] * 33 + [2.0]))
    step = fitted.named_transformers_["0_quantile"][0]
    heights = dict(zip(step.knots_[0], step.heights_[0], strict=True))
    assert heights[0.0] == pytest.approx(0.33, abs=0.02)
    assert heights[1.0] == pytest.approx(0.83, abs=0.02)


def test_positions_are_those_in_bins_between_quantiles():
    fitted = build_preprocessor(SCHEMA, "bins").fit(with_age([0, 1, 2, 3, 5, 7, 9]))
    step = fitted.named_transformers_["0_piecewise_linear"][0]
    np.testing.assert_array_equal(step.knots_[-3:], [[0, 2], [2, 5], [5, 9]])
    matrix = step.transform(with_age([-4, 1, 2, 3.5, 8, 90])[["girth", "healthy", "age"]])
    expected = [[0, 0, 0], [0.5, 0, 0], [1, 0, 0], [1, 0.5, 0], [1, 1, 0.75], [1, 1, 1]]
    np.testing.assert_allclose(matrix[:, -3:], expected, atol=1e-15)


@pytest.mark.parametrize("feature_set", ["ranks", "bins"])
@pytest.mark.parametrize("ages", [[3.0] * 4, [np.nan] * 4, [0.3, 0.1 + 0.2, 0.3, np.nan]])
def test_a_column_without_information_has_no_information_after_the_encoding(feature_set, ages):
    fitted = build_preprocessor(SCHEMA, feature_set).fit(with_age(ages))
    matrix = fitted.transform(with_age([-1e9, 0.3, 3.0, 1e9, np.nan]))
    places = [i for i, n in enumerate(feature_names(SCHEMA, feature_set)) if n.startswith("age")]
    np.testing.assert_array_equal(matrix[:4, places[:3]], np.zeros((4, len(places[:3]))))


def test_only_rows_of_the_fit_have_an_effect():
    train = with_age(np.arange(20.0))
    for name in ("ranks", "bins", "marks"):
        fitted = build_preprocessor(SCHEMA, name).fit(train)
        before = export_preprocessor(fitted)
        fitted.transform(with_age([np.nan, 1e9]))
        after = export_preprocessor(fitted)
        assert all(np.array_equal(before[key], after[key]) for key in before)
