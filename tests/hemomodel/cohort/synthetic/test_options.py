"""The options of the built-in cohort: what they change, and that the oracle stays exact."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hemomodel import SyntheticOptions, synthetic_cohort
from hemomodel.cohort.cohort import Cohort
from hemomodel.cohort.synthetic import cohort as synthetic
from hemomodel.cohort.synthetic import drivers
from hemomodel.cohort.synthetic.cohort import synthetic_workbook
from hemomodel.cohort.synthetic.patients import draw_patients
from hemomodel.cohort.synthetic.random_streams import named_streams
from hemomodel.errors import InputError
from tests.support.repeated_patient import (
    CLASSES,
    FLOWS,
    PLACES,
    SCHEMA,
    assert_frequencies,
    repeated,
)

HEADERS = {column.english: column.written for column in SCHEMA.columns}
FEATURES = [
    *("age", "treatment_year", "pre_weight", "hemoglobin", "hematocrit", "creatinine"),
    *("sodium", "serum_potassium", "ionized_calcium", "phosphorus", "platelets"),
]
OF_A_PERSON = ["birth_date", "gender", "start_date", "hbsag", "anti_hcv", "pre_weight"]

SHARES = st.floats(0, 1)
OPTIONS = st.builds(
    SyntheticOptions,
    interactions=SHARES,
    shared=SHARES,
    conflict=SHARES,
    sessions=st.integers(1, 5),
)
STRONG = {
    "own": SyntheticOptions(interactions=1),
    "shared": SyntheticOptions(interactions=1, shared=1),
    "conflict": SyntheticOptions(interactions=0.7, shared=0.6, conflict=1),
    "sessions": SyntheticOptions(sessions=3),
    "all": SyntheticOptions(interactions=1, shared=0.5, conflict=0.5, sessions=4),
}


def workbook(rows: int, seed: int, **options: float) -> pd.DataFrame:
    frame, _ = synthetic_workbook(rows, seed, options=SyntheticOptions(**options))
    return frame.rename(columns={header: name for name, header in HEADERS.items()})


def terms(count: int = 20_000, **options: float) -> np.ndarray:
    """Returns the nonlinear terms (tasks, N), each in its own scale."""
    state, _ = draw_patients(count, named_streams(3))
    chosen = SyntheticOptions(interactions=1, **options)
    shifts = drivers.shifts(state, chosen, 0.0)
    return np.stack([shifts[task] / scale for task, scale in drivers._SCALES.items()])


class TestDefault:
    def test_the_default_cohort_is_golden(self):
        """As before the options existed, so that older studies can be resumed."""
        cohort = synthetic_cohort(465, seed=0)
        assert cohort.digest.startswith("720ed260aae1df60")
        mean = np.log(cohort.bayes_prediction[:, :4]).mean()
        assert mean == pytest.approx(-2.3479304878017704, rel=1e-12)

    def test_options_of_absent_interactions_change_nothing(self):
        usual = synthetic_cohort(600, seed=2)
        same = synthetic_cohort(600, seed=2, options=SyntheticOptions(shared=1, conflict=1))
        assert same.digest == usual.digest
        np.testing.assert_array_equal(same.bayes_prediction, usual.bayes_prediction)

    def test_the_patients_do_not_depend_on_the_interactions(self):
        usual, other = workbook(300, 2), workbook(300, 2, interactions=1, shared=0.5)
        for name in (*OF_A_PERSON, "serum_potassium", "phosphorus"):
            pd.testing.assert_series_equal(usual[name], other[name])
        assert (usual["blood_flow"].dropna() != other["blood_flow"].dropna()).any()


class TestOracle:
    """The same patient treated 200,000 times."""

    COUNT = 200_000

    @pytest.mark.slow
    @pytest.mark.parametrize("patient", ["first", "second", "heaviest"])
    @pytest.mark.parametrize("options", STRONG.values(), ids=STRONG)
    def test_frequencies_are_the_oracle(self, options, patient):
        """Sessions of the heaviest patient are kept least often."""
        drawn, _ = draw_patients(1_000, named_streams(17))
        row = {"first": 0, "second": 1, "heaviest": drawn.weight.argmax()}[patient]
        state = drawn.take(np.array([row]))
        prescription, adequate = repeated(state, 0, self.COUNT, seed=row, options=options)
        for selected, rows in ((False, np.ones_like(adequate)), (True, adequate)):
            oracle = synthetic.bayes_optimum(state, SCHEMA, selected=selected, options=options)
            assert_frequencies(oracle[0], prescription, rows)

    def test_frequencies_are_not_the_oracle_of_other_options(self):
        state, _ = draw_patients(1, named_streams(17))
        prescription, adequate = repeated(state, 0, self.COUNT, seed=0, options=STRONG["all"])
        oracle = synthetic.bayes_optimum(state, SCHEMA, options=STRONG["own"])
        with pytest.raises(AssertionError):
            assert_frequencies(oracle[0], prescription, np.ones_like(adequate))

    @settings(max_examples=10)
    @given(options=OPTIONS, seed=st.integers(0, 2**31), rows=st.integers(1, 40))
    def test_any_options_give_a_workbook_with_an_oracle(self, options, seed, rows):
        frame, optimum = synthetic_workbook(rows, seed, options=options)
        assert len(frame) == len(optimum) == rows
        assert np.isfinite(optimum).all()
        for task in CLASSES:
            np.testing.assert_allclose(optimum[:, PLACES[task]].sum(1), 1, atol=1e-12)

    @pytest.mark.slow
    @settings(max_examples=6)
    @given(options=OPTIONS, seed=st.integers(0, 2**31))
    def test_no_linear_model_beats_the_oracle(self, options, seed):
        cohort = synthetic_cohort(1_600, seed=seed, options=options)
        for task in (*CLASSES, *FLOWS):
            linear, oracle, _ = losses(cohort, task)
            gain = linear - oracle
            assert gain.mean() > -4 * gain.std() / len(gain) ** 0.5, task


class TestInteractions:
    @pytest.mark.slow
    def test_a_linear_model_explains_about_half_of_what_the_oracle_does(self):
        skills = {}
        for interactions in (0.0, 1.0):
            options = SyntheticOptions(interactions=interactions, shared=0.5)
            cohort = synthetic_cohort(12_000, seed=5, options=options)
            rows = [losses(cohort, task) for task in (*CLASSES, *FLOWS)]
            means = np.array([[loss.mean() for loss in of_task] for of_task in rows])
            skills[interactions] = (1 - means[:, :2] / means[:, 2:]).mean(0)
        linear, oracle = skills[0.0]
        assert linear > 0.85 * oracle
        linear, oracle = skills[1.0]
        assert 0.35 * oracle < linear < 0.65 * oracle

    @pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
    @pytest.mark.parametrize("conflict", [0.0, 1.0])
    def test_terms_have_unit_variance_at_any_share(self, shared, conflict):
        assert terms(shared=shared, conflict=conflict).std(1) == pytest.approx(1, abs=0.15)

    def test_a_term_is_not_linear_in_the_state(self):
        state, _ = draw_patients(20_000, named_streams(3))
        x = np.stack(list(drivers._standardised(state).values()), axis=1)
        for term in terms(shared=0.5, conflict=0.5):
            assert LinearRegression().fit(x, term).score(x, term) < 0.1

    def test_terms_that_are_shared_completely_are_the_same(self):
        np.testing.assert_allclose(np.ptp(terms(shared=1), axis=0), 0, atol=1e-12)

    def test_terms_that_are_not_shared_are_not_correlated(self):
        correlation = np.corrcoef(terms(shared=0))
        assert np.abs(correlation - np.eye(len(correlation))).max() < 0.2

    def test_terms_in_full_conflict_cancel(self):
        of_tasks = terms(shared=1, conflict=1)
        correlation = np.corrcoef(of_tasks)
        assert correlation.min() < -0.8
        assert of_tasks.sum(0).std() < 0.2 * terms(shared=1).sum(0).std()


class TestSessions:
    def test_rows_of_a_patient_are_one_group_and_one_person(self):
        table = workbook(301, 4, sessions=3)
        assert table["id"].tolist() == [9_000_000 + row // 3 for row in range(301)]
        assert table.groupby("id")[OF_A_PERSON].nunique().max().max() == 1
        codes = table["comorbidities"].str.split("-").map(lambda row: {*row} - {"0"}, "ignore")
        assert codes.dropna().map(sorted).map(tuple).groupby(table["id"]).nunique().max() == 1
        potassium = table.dropna(subset="serum_potassium").groupby("id")["serum_potassium"]
        assert (potassium.nunique()[potassium.count() == 3] > 1).mean() > 0.8

    def test_a_cohort_has_the_groups_of_its_patients(self):
        for rows in (400, 465):
            cohort = synthetic_cohort(rows, seed=1, options=SyntheticOptions(sessions=4))
            largest = np.bincount(cohort.groups).max()
            assert 1 < largest <= 4
            assert len(np.unique(cohort.groups)) == cohort.table["id"].nunique()

    def test_465_rows_still_leave_229(self):
        options = SyntheticOptions(interactions=1, shared=1, sessions=3)
        assert len(synthetic_cohort(465, seed=3, options=options)) == 229

    def test_plans_are_later_from_session_to_session(self):
        table = workbook(600, 4, sessions=4).dropna(subset="plan_date")
        assert (table.groupby("id")["plan_date"].diff().dropna() >= 0).all()
        start = pd.to_datetime(table["start_date"], format="%Y/%m/%d")
        plan = pd.to_datetime(table["plan_date"].map("{:.0f}".format), format="%Y%m%d")
        assert (start <= plan).all()

    def test_laboratory_values_keep_their_distribution(self):
        first, later = workbook(20_000, 1), workbook(20_000, 1, sessions=2)
        for name in ("serum_potassium", "hemoglobin", "phosphorus", "mcv", "creatinine"):
            assert later[name].mean() == pytest.approx(
                first[name].mean(), abs=0.05 * first[name].std()
            )
            assert later[name].std() == pytest.approx(first[name].std(), rel=0.04)

    def test_the_settings_of_a_patient_resemble_each_other(self):
        """More than his state says: what remains is the effect of the patient."""
        for sessions, low, high in ((1, -0.1, 0.1), (2, 0.15, 0.6)):
            options = SyntheticOptions(sessions=sessions)
            cohort = synthetic_cohort(6_000, seed=1, options=options)
            column = [task.name for task in SCHEMA.tasks].index("blood_flow")
            residual = cohort.labels[:, column] - cohort.bayes_prediction[:, PLACES["blood_flow"]].T
            series = pd.Series(residual[0]).groupby(cohort.groups if sessions > 1 else pair(cohort))
            pairs = np.stack(series.apply(list)[series.count() == 2])
            assert low < np.corrcoef(pairs.T)[0, 1] < high

    @settings(max_examples=10)
    @given(options=OPTIONS, seed=st.integers(0, 2**31), short=st.integers(1, 60))
    def test_a_longer_workbook_begins_with_the_shorter(self, options, seed, short):
        long, of_long = synthetic_workbook(61, seed, options=options)
        frame, optimum = synthetic_workbook(short, seed, options=options)
        pd.testing.assert_frame_equal(long.iloc[:short], frame)
        np.testing.assert_allclose(of_long[:short], optimum, rtol=0, atol=1e-12)


class TestParse:
    def test_options_are_read_as_written(self):
        options = SyntheticOptions.parse("interactions=1,shared=.5,conflict=1e-1,sessions=3")
        assert options == SyntheticOptions(1.0, 0.5, 0.1, 3)
        assert options.changed() == {
            "interactions": 1.0, "shared": 0.5, "conflict": 0.1, "sessions": 3
        }  # fmt: skip
        assert SyntheticOptions.parse("interactions=0,sessions=1").changed() == {}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "'' is not NAME=VALUE"),
            ("interactions", "'interactions' is not NAME=VALUE"),
            ("interactions=1,", "'' is not NAME=VALUE"),
            ("interaction=1", "'interaction' is not an option; did you mean interactions"),
            ("x=1", "choose from interactions, shared, conflict, sessions"),
            ("shared=1,shared=1", "shared is given twice"),
            ("shared=half", "shared is 'half'; give a number from 0 to 1"),
            ("shared=", "shared is ''"),
            ("shared=nan", "shared is nan"),
            ("conflict=1.01", "conflict is 1.01"),
            ("interactions=-0.1", "interactions is -0.1"),
            ("sessions=0", "sessions is 0; give a whole number from 1 to 100"),
            ("sessions=101", "sessions is 101"),
            ("sessions=2.5", "sessions is '2.5'"),
            ("sessions=" + "9" * 5000, "sessions is '99999999999999999999'"),
        ],
    )
    def test_options_that_cannot_be_are_refused(self, text, message):
        with pytest.raises(InputError, match=message) as refusal:
            SyntheticOptions.parse(text)
        assert len(str(refusal.value)) < 120


def pair(cohort: Cohort) -> np.ndarray:
    return np.arange(len(cohort)) // 2


def losses(cohort: Cohort, task: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the losses (m,) of a linear model, of the oracle and of the mean, on new rows."""
    x = cohort.table[FEATURES].fillna(cohort.table[FEATURES].mean()).to_numpy()
    flags = cohort.table.filter(like="comorbidity_").fillna(0).to_numpy(dtype=float)
    x = np.concatenate([x, flags[:, flags.mean(0) > 0.02]], axis=1)
    y = cohort.labels[:, [other.name for other in SCHEMA.tasks].index(task)]
    best = cohort.bayes_prediction[:, PLACES[task]]
    fitted = np.arange(len(y)) < 0.6 * len(y)
    if task in FLOWS:
        model = make_pipeline(StandardScaler(), LinearRegression()).fit(x[fitted], y[fitted])
        new = y[~fitted]
        return (
            (model.predict(x[~fitted]) - new) ** 2,
            (best[~fitted, 0] - new) ** 2,
            (y[fitted].mean() - new) ** 2,
        )
    new = y[~fitted].astype(int)
    rows = np.arange(len(new))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    model.fit(x[fitted], y[fitted])
    linear = np.full(best.shape, 1e-4)[: len(new)]
    linear[:, model[-1].classes_.astype(int)] = model.predict_proba(x[~fitted])
    counts = np.bincount(y[fitted].astype(int), minlength=best.shape[1]) + 0.5
    return (
        -np.log(linear[rows, new]),
        -np.log(best[~fitted][rows, new]),
        -np.log((counts / counts.sum())[new]),
    )
