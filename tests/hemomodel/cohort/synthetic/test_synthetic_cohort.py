"""The synthetic workbook: its form, its attrition, its marginals, and reproducibility by seed."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemomodel.cohort.cohort import Cohort, build_cohort
from hemomodel.cohort.sessions import parse_sessions
from hemomodel.cohort.synthetic.cohort import synthetic_cohort, synthetic_workbook
from hemomodel.errors import InputError
from hemomodel.schema.schema import load_schema
from hemomodel.tables.readers import read_frame

SCHEMA = load_schema()
HEADERS = {column.english: column.written for column in SCHEMA.columns}

# The order in the published notebooks, names without units; five columns are unknown.
PUBLISHED_ORDER = [
    *("ID", "生日", "性別", "開始治療日期", "HBsAg", "Anti-HCV", "合併症", "PlanDate"),
    *("透析方式", "抗凝劑", "初劑量", "維持劑量", "血液流速", "透析液流速", "每次透析時間"),
    *("透析器表面積", "鈣離子濃度", "鉀離子濃度", "鹼基", "透析器型號", *["?"] * 5),
    *("W.B.C.", "Hbc", "Hct", "MCV", "Platelet", "Glucose[AC]", "透析前體重(kg)"),
    *("透析後體重(kg)", "本次透析時間(min)", "本次透析前BUN", "本次透析後BUN"),
    *("兩次透析時間間隔", "Creatinine", "Na", "K", "離子鈣", "P", "URR", "Kt/V", "Kt/V"),
    *("nPCR", "TACurea", "Cardiac/thoracic ratio", "Ca X P"),
]


GOLDEN = {"birth_date": "35/8/23", "pre_weight": 68.7, "blood_flow": 260.0, "kt_v": 1.66}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """20,000 rows; columns have English names if the schema gives one."""
    frame, _ = synthetic_workbook(20_000, seed=1)
    return frame.rename(columns={header: name for name, header in HEADERS.items()})


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    """The rows that the filters keep from 100,000."""
    frame, _ = synthetic_workbook(100_000, seed=2)
    return build_cohort(frame, SCHEMA, source="synthetic").table


def lefts(cohort: Cohort) -> list[int]:
    return [cohort.attrition.start, *(step.left for step in cohort.attrition.steps)]


class TestForm:
    def test_columns_stand_in_the_published_order(self):
        frame, _ = synthetic_workbook()
        assert frame.shape == (465, 58)
        trimmed = [name.split(" (")[0] for name in frame.columns[:49]]
        known = [(a, b) for a, b in zip(trimmed, PUBLISHED_ORDER, strict=True) if b != "?"]
        assert all(a == b for a, b in known), known

    def test_nine_columns_are_never_filled(self):
        frame, _ = synthetic_workbook(5_000, seed=3)
        empty = frame.columns[frame.isna().all()]
        assert list(empty) == list(frame.columns[-9:])

    def test_headers_are_unique_and_of_the_schema(self):
        frame, _ = synthetic_workbook(10)
        assert frame.columns.is_unique
        assert set(HEADERS.values()) <= set(frame.columns)

    @pytest.mark.parametrize(
        ("name", "pattern"),
        [
            ("birth_date", r"[1-9]\d/([1-9]|1[0-2])/([1-9]|[12]\d|3[01])"),
            ("start_date", r"(19|20)\d\d/([1-9]|1[0-2])/([1-9]|[12]\d|3[01])"),
            ("comorbidities", r"\d{1,2}(-\d{1,2})*"),
        ],
    )
    def test_texts_are_written_without_padding(self, table, name, pattern):
        texts = table[name].dropna()
        assert texts.str.fullmatch(pattern).all()

    def test_identifiers_are_far_from_real_ones(self, table):
        assert table["id"].tolist() == list(range(9_000_000, 9_020_000))

    def test_numbers_have_the_types_of_the_export(self, table):
        assert table["gender"].dtype == np.int64
        assert table["plan_date"].dtype == np.float64
        assert table["plan_date"].dropna().between(20190101, 20191231).all()

    def test_fillers_stand_among_the_codes(self, table):
        lists = table["comorbidities"].dropna()
        codes = lists[lists != "0"].str.split("-")
        share = codes.map(lambda row: "0" in row).mean()
        assert share == pytest.approx(0.45, abs=0.015)
        assert codes.map(lambda row: len(set(row)) == len(row)).all()
        many = codes[codes.map(len) > 3]
        assert many.map(lambda row: row != sorted(row, key=int)).mean() > 0.9  # shuffled

    def test_dates_are_possible(self, table):
        start = pd.to_datetime(table["start_date"], format="%Y/%m/%d")
        planned = table["plan_date"].dropna()
        plan = pd.to_datetime(planned.map("{:.0f}".format), format="%Y%m%d")
        assert (start[planned.index] <= plan).all()

    @settings(max_examples=15)
    @given(rows=st.integers(1, 80), seed=st.integers(0, 2**32))
    def test_every_row_of_any_workbook_passes_the_schema(self, rows, seed):
        frame, optimum = synthetic_workbook(rows, seed)
        sessions = parse_sessions(read_frame(frame, SCHEMA, source="synthetic"), SCHEMA)
        assert len(sessions.table) == len(optimum) == rows

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [({"rows": 0}, "rows=0"), ({"rows": -3}, "rows=-3"), ({"seed": -1}, "found -1")],
        ids=["none", "negative", "seed"],
    )
    def test_impossible_arguments_are_refused(self, arguments, message):
        with pytest.raises(InputError, match=message):
            synthetic_workbook(**arguments)


class TestFormulas:
    """The derived columns, recomputed from the columns as written."""

    @pytest.mark.parametrize(
        ("name", "formula"),
        [
            ("urr", lambda t: 1 - t.post_bun / t.pre_bun),
            ("kt_v_gotch", lambda t: np.log(t.pre_bun / t.post_bun)),
            ("tac_urea", lambda t: (t.pre_bun + t.post_bun) / 2),
            ("npcr", lambda t: 0.168 + 54.2 * (t.pre_bun - t.post_bun) / 2640),
            ("ca_x_p", lambda t: 2 * t.ionized_calcium * t.phosphorus),
            (
                "kt_v",
                lambda t: (
                    -np.log(t.post_bun / t.pre_bun - 0.008 * 4)
                    + (4 - 3.5 * t.post_bun / t.pre_bun)
                    * (t.pre_weight - t.post_weight)
                    / t.post_weight
                ),
            ),
        ],
        ids=["URR", "Gotch", "TAC", "nPCR", "CaXP", "Daugirdas"],
    )
    def test_holds_within_rounding(self, table, name, formula):
        rows = table.dropna(subset=[name, "pre_bun"])
        assert len(rows) > 10_000
        assert (rows[name] - formula(rows)).abs().max() <= 0.005 + 1e-9

    def test_no_rule_is_broken_but_of_plausible_fluid(self):
        findings = synthetic_cohort(20_000, seed=1).findings
        broken = [f.problem for f in findings if "rule" in f.problem]
        assert all("fluid removed is 0 to 0.08" in problem for problem in broken)

    def test_doses_follow_the_anticoagulant(self, table):
        none, light = table["anticoagulant"] == 0, table["anticoagulant"] == 2
        given_ = table["anticoagulant"] > 0
        assert table.loc[none, "initial_dose"].dropna().eq(0).all()
        assert table.loc[given_, "initial_dose"].dropna().gt(0).all()
        assert table.loc[none | light, "maintenance_dose"].dropna().eq(0).all()


class TestAttrition:
    @pytest.mark.parametrize("seed", range(12))
    def test_465_rows_leave_229_or_223(self, seed):
        frame, _ = synthetic_workbook(seed=seed)
        cohort = build_cohort(frame, SCHEMA, source="synthetic")
        assert lefts(cohort)[2:] == [241, 238, 237, 229]
        strict = build_cohort(frame, SCHEMA, source="synthetic", switches=["require_comorbidities"])
        assert len(strict) == 223

    def test_465_rows_hold_each_kind_of_record(self):
        frame, _ = synthetic_workbook(seed=5)
        named = frame.rename(columns={header: name for name, header in HEADERS.items()})
        settings_ = named[[task.column for task in SCHEMA.tasks]].notna().sum(axis=1)
        assert settings_.value_counts().to_dict() == {10: 241, 0: 179, 7: 45}
        blank = frame.loc[settings_ == 0, "PlanDate":]
        assert blank.isna().all(axis=None)

    def test_any_other_length_has_the_rates(self):
        cohort = synthetic_cohort(20_000, seed=1)
        assert len(cohort) == pytest.approx(10_324, rel=0.02)
        strict = synthetic_cohort(20_000, seed=1, require_comorbidities=True)
        assert len(strict) == pytest.approx(10_046, rel=0.02)

    @pytest.mark.parametrize(
        ("name", "share"),
        [("glucose", 0.62), ("ctr", 0.08), ("wbc", 0.015), ("platelets", 0.015)],
    )
    def test_values_are_missing_at_their_rate(self, table, name, share):
        tested = table[table["hemoglobin"].notna()]
        assert tested[name].isna().mean() == pytest.approx(share, abs=4 * 0.5 / len(tested) ** 0.5)

    def test_legacy_age_is_three_years_more(self):
        cohort, legacy = synthetic_cohort(), synthetic_cohort(legacy_age=True)
        assert (legacy.table["age"] - cohort.table["age"]).eq(3).all()


class TestSeed:
    def test_same_seed_same_cohort(self):
        first, second = synthetic_cohort(800, seed=7), synthetic_cohort(800, seed=7)
        assert first.digest == second.digest
        np.testing.assert_array_equal(first.bayes_prediction, second.bayes_prediction)

    def test_other_seed_other_cohort(self):
        digests = {synthetic_cohort(seed=seed).digest for seed in range(5)}
        assert len(digests) == 5

    def test_a_longer_workbook_begins_with_the_shorter(self):
        long, of_long = synthetic_workbook(3_000, seed=4)
        short, of_short = synthetic_workbook(1_000, seed=4)
        pd.testing.assert_frame_equal(long.iloc[:1_000], short)
        np.testing.assert_allclose(of_long[:1_000], of_short, rtol=0, atol=1e-12)

    def test_the_first_row_is_golden(self):
        frame, _ = synthetic_workbook(2_000, seed=0)
        named = frame.rename(columns={header: name for name, header in HEADERS.items()})
        row = named[named["urr"].notna()].iloc[0]
        found = {name: row[name] for name in GOLDEN}
        assert found == GOLDEN  # changes with the laws and with the order of draws


class TestMarginals:
    """Means and SDs of the kept sessions, against the fit reported for this specification.

    Tolerances are 3% of an SD: a standard error is 0.5%, the rest allows for what the
    specification leaves open.
    """

    @pytest.mark.parametrize(
        ("name", "mean", "sd"),
        [
            ("urr", 0.751, 0.048),
            ("tac_urea", 43.0, 12.2),
            ("pre_bun", 68.7, 18.8),
            ("serum_potassium", 4.53, 0.715),
            ("phosphorus", 5.01, 1.24),
            ("ionized_calcium", 4.40, 0.42),
            ("npcr", 1.22, 0.285),
            ("ctr", 0.513, 0.061),
            ("ca_x_p", 44.1, 11.7),
            ("treatment_year", 8.8, 7.9),
            ("pre_weight", 62.1, 13.3),
            ("kt_v", 1.68, 0.24),
        ],
    )
    def test_mean_and_sd(self, kept, name, mean, sd):
        assert kept[name].mean() == pytest.approx(mean, abs=0.03 * sd)
        assert kept[name].std() == pytest.approx(sd, rel=0.03)

    @pytest.mark.parametrize(
        ("name", "sd"),
        [
            ("hemoglobin", 1.36),
            ("hematocrit", 4.38),
            ("mcv", 6.79),
            ("wbc", 2.03),
            ("platelets", 63.7),
            ("creatinine", 2.33),
            ("sodium", 3.12),
            ("age", 12.4),
        ],
    )
    def test_sd(self, kept, name, sd):
        assert kept[name].std() == pytest.approx(sd, rel=0.02)

    @pytest.mark.parametrize(
        ("code", "share"), [(19, 0.76), (22, 0.46), (30, 0.40), (25, 0.33), (1, 0.17), (8, 0.06)]
    )
    def test_comorbidities_have_their_prevalence(self, kept, code, share):
        assert kept[f"comorbidity_{code}"].mean() == pytest.approx(share, abs=0.01)

    def test_comorbidities_have_the_published_spectrum(self, kept):
        published = [0.157, 0.297, 0.40, 0.485, 0.565, 0.63, 0.69, 0.735, 0.775, 0.80]
        flags = kept[[f"comorbidity_{code}" for code in range(1, 34)]].dropna()
        spectrum = np.linalg.eigvalsh(np.cov(flags.to_numpy().T))[::-1]
        cumulative = spectrum.cumsum() / spectrum.sum()
        np.testing.assert_allclose(cumulative[:10], published, atol=0.04)

    def test_serology(self, kept):
        assert (kept["hbsag"] == "Y").mean() == pytest.approx(0.115, abs=0.006)
        assert (kept["anti_hcv"] == "Y").mean() == pytest.approx(0.136, abs=0.006)

    @pytest.mark.parametrize(
        ("name", "size"),
        [("modality", 4), ("initial_dose", 10), ("maintenance_dose", 10), ("session_time", 6)],
    )
    def test_every_level_occurs(self, kept, name, size):
        assert kept[name].nunique() == size


@pytest.mark.thorough
def test_a_million_rows_take_no_loop():
    """About 20 s on two cores; a loop over the rows would take a quarter of an hour."""
    start = time.perf_counter()
    frame, optimum = synthetic_workbook(1_000_000)
    assert time.perf_counter() - start < 120
    assert len(frame) == len(optimum) == 1_000_000
