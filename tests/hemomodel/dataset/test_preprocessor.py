import numpy as np
import pytest
from sklearn.base import clone

from hemomodel.cohort.cohort import build_cohort
from hemomodel.dataset.preprocessor import PaddedPCA, build_preprocessor, feature_names
from hemomodel.errors import InputError
from hemomodel.schema.schema import Schema


@pytest.fixture
def table(workbook, schema):
    raw = workbook(60).astype(object)
    raw.loc[::7, "Cardiac/thoracic ratio (%)"] = np.nan
    raw.loc[5, "合併症"] = np.nan
    raw.loc[6, ["HBsAg", "性別"]] = np.nan
    return build_cohort(raw, schema, source="t").table


def part(schema, feature_set, matrix, name):
    return matrix[:, feature_names(schema, feature_set).index(name)]


@pytest.mark.parametrize(("feature_set", "width"), [("seed", 36), ("pretreatment", 32)])
@pytest.mark.parametrize("rows", [1, 2, 12, 60])
def test_features_are_finite_and_of_one_width_however_few_rows(
    table, schema, feature_set, width, rows
):
    fitted = build_preprocessor(schema, feature_set).fit(table[:rows])
    assert fitted.transform(table).shape == (60, width)
    assert np.isfinite(fitted.transform(table)).all()
    assert len(feature_names(schema, feature_set)) == width


def test_numbers_are_imputed_and_scaled_by_the_rows_they_were_fitted_on(table, schema):
    train = table[:30]
    matrix = build_preprocessor(schema, "seed").fit(train).transform(table)
    mean, spread = train["ctr"].mean(), train["ctr"].fillna(train["ctr"].mean()).std(ddof=0)
    expected = (table["ctr"].fillna(mean) - mean) / spread
    np.testing.assert_allclose(part(schema, "seed", matrix, "ctr"), expected, atol=1e-12)


def test_codes_become_dummies_and_a_missing_one_is_none_of_them(table, schema):
    matrix = build_preprocessor(schema, "seed").fit_transform(table)
    female = (table["gender"] == "2").to_numpy(dtype=float)
    np.testing.assert_array_equal(part(schema, "seed", matrix, "gender_female"), female)
    dummies = matrix[:, 1:4]
    np.testing.assert_array_equal(dummies.sum(axis=1), np.arange(60) != 6)
    for place, code in enumerate("NOY"):
        np.testing.assert_array_equal(dummies[:, place], table["hbsag"] == code)


def test_components_are_those_of_the_singular_value_decomposition(table, schema):
    matrix = build_preprocessor(schema, "seed").fit_transform(table)[:, -10:]
    flags = table.filter(regex=r"^comorbidity_\d+$")
    centered = (flags.fillna(flags.mean()) - flags.mean()).to_numpy()
    _, singular, axes = np.linalg.svd(centered, full_matrices=False)
    rank = int((singular > 1e-9).sum())
    assert 0 < rank < 10
    np.testing.assert_allclose(
        np.abs(matrix[:, :rank]), np.abs(centered @ axes[:rank].T), atol=1e-9
    )
    np.testing.assert_array_equal(matrix[:, rank:], 0)


def test_what_was_fitted_does_not_depend_on_other_rows_or_earlier_use(table, schema):
    model = build_preprocessor(schema, "seed")
    before = table.copy()
    first = model.fit(table[:40]).transform(table[:5])
    model.transform(table[40:])
    np.testing.assert_array_equal(model.transform(table)[:5], first)
    np.testing.assert_array_equal(clone(model).fit(table[:40]).transform(table[:5]), first)
    assert table.equals(before)


def test_a_constant_column_gives_zero(table, schema):
    constant = table.assign(sodium=140.0, wbc=np.nan)
    matrix = build_preprocessor(schema, "pretreatment").fit_transform(constant)
    for name in ("sodium", "wbc"):
        np.testing.assert_array_equal(part(schema, "pretreatment", matrix, name), 0)


def test_rows_outside_the_fit_have_no_score_where_the_fit_had_no_variance():
    train = np.zeros((12, 33))
    train[::2, 4] = train[::3, 9] = 1
    elsewhere = np.zeros((1, 33))
    elsewhere[0, 20:] = 1
    fitted = PaddedPCA(10).fit(train)
    scores = fitted.transform(np.vstack([train, elsewhere]))
    assert scores.shape == (13, 10)
    np.testing.assert_array_equal(scores[:, 2:], 0)
    np.testing.assert_allclose(scores[-1], fitted.transform(np.zeros((1, 33)))[0], atol=1e-12)


def test_an_unknown_feature_set_is_refused_with_those_there_are(schema):
    with pytest.raises(InputError, match="no feature set 'sead'; use one of: seed, pretreatment"):
        build_preprocessor(schema, "sead")


def test_codes_whose_meanings_give_no_names_are_named_by_their_place(schema):
    entries = schema.model_dump()
    (hbsag,) = [column for column in entries["columns"] if column["english"] == "hbsag"]
    hbsag["codes"] = {"N": "陰性", "O": "< 5", "Y": "> 5"}
    names = feature_names(Schema.model_validate(entries), "seed")
    assert names[1:4] == ("hbsag_1", "hbsag_2", "hbsag_3")
