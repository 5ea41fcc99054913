"""The verdicts and tables of a comparison agree with its figures."""

import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy import stats

from hemomodel.schema.schema import load_schema
from study.analysis.comparison.arm_result import MissingArm
from study.analysis.comparison.build import compare
from study.analysis.comparison.result import from_json, to_json
from study.analysis.comparison.tables import comparison_table, difference_table, task_table
from study.analysis.statistics.expected_best import expected_best
from study.analysis.statistics.paired import holm
from study.report.terminal.comparison import show_comparison
from study.settings.analysis_plan import AnalysisPlan, analysis_plan

TASKS = load_schema().tasks
DECLARED = AnalysisPlan(draws=500)


@pytest.fixture
def study(evidence, trials_of):
    """Compares arms of given quality."""

    def make(gaps, *, failed=0, change=lambda made: made, **options):
        made = change(evidence(gaps, tasks=10, **options))
        return compare(made, TASKS, trials_of(gaps, failed=failed), DECLARED)

    return make


@pytest.mark.parametrize(
    ("gaps", "says"),
    [
        (
            {"equal": 0.2, "gradnorm": 0.2},
            "No arm is significantly different from equal on 60 held-out rows.",
        ),
        (
            {"equal": 0.2, "fixed": 0.2, "gradnorm": 0.2},
            "No arm is significantly different from equal or fixed on 60 held-out rows.",
        ),
        (
            {"equal": 0.2, "gradnorm": 0.5},
            "Compared with equal, significantly better: gradnorm.",
        ),
        (
            {"gradnorm": 0.1, "equal": 0.5},
            "Compared with equal, significantly worse: gradnorm.",
        ),
        (
            {"equal": 0.3, "famo": 0.6, "gradnorm": 0.3, "uncertainty": 0.0},
            (
                "Compared with equal, significantly better: famo; "
                "significantly worse: uncertainty; not distinguishable: gradnorm."
            ),
        ),
        (
            {"equal": 0.3, "single_task": 0.6, "gradnorm": 0.6},
            (
                "Compared with equal, significantly better: single_task, gradnorm. "
                "Compared with single_task, not distinguishable: gradnorm."
            ),
        ),
        ({"gradnorm": 0.2}, "Only one arm was compared."),
        (
            {"gradnorm": 0.2, "famo": 0.5},
            "Compared with gradnorm, significantly better: famo.",
        ),
    ],
    ids=str,
)
def test_the_verdict_follows_from_the_intervals_and_the_test(study, gaps, says):
    found = study(gaps)
    assert found.verdict == says
    for one in found.differences:
        outside = one.low > 0 or one.high < 0
        called = outside and one.p_holm < 0.05
        assert one.distinguishable == called
        assert ("not distinguishable" in one.verdict) != called
        assert one.needed is None or not called
        if called:
            word = "better" if one.estimate > 0 else "worse"
            assert one.verdict.startswith(f"{one.arm}: significantly {word} than {one.baseline} (")


def test_every_arm_meets_every_baseline_and_a_pair_stands_once(study):
    found = study(dict.fromkeys(["famo", "equal", "single_task", "fixed"], 0.2))
    assert found.baselines == ("equal", "fixed", "single_task")
    assert [(one.arm, one.baseline) for one in found.differences] == [
        ("famo", "equal"),
        ("single_task", "equal"),
        ("fixed", "equal"),
        ("famo", "fixed"),
        ("single_task", "fixed"),
        ("famo", "single_task"),
    ]
    p_values = np.array([one.p_value for one in found.differences])
    np.testing.assert_allclose([one.p_holm for one in found.differences], holm(p_values))
    scores = {arm.name: arm.score.estimate for arm in found.arms}
    for one in found.differences:
        gap = scores[one.arm] - scores[one.baseline]
        assert one.estimate == pytest.approx(gap)
        assert one.low < gap < one.high


def test_more_arms_ask_for_wider_intervals(study):
    gaps = {"equal": 0.2, "famo": 0.3}
    few = study(gaps).differences[0]
    (many, *_) = study({**gaps, **dict.fromkeys("abcdef", 0.2)}).differences
    assert many.high - many.low > few.high - few.low


def test_the_order_of_arms_changes_no_figure(study):
    """The order of arms may change only the order of the random numbers."""
    gaps = {"equal": 0.2, "famo": 0.3, "single_task": 0.25}

    def turned(made):
        folds = [replace(f, arms=dict(reversed(f.arms.items()))) for f in made.outer_folds]
        return replace(made, outer_folds=tuple(folds))

    found, other = study(gaps), study(gaps, change=turned)
    for arm in found.arms:
        (same,) = (a for a in other.arms if a.name == arm.name)
        assert same.score.estimate == pytest.approx(arm.score.estimate)
        assert same.mean_rank == pytest.approx(arm.mean_rank)
    famo, same = (next(a for a in made.arms if a.name == "famo") for made in (found, other))
    assert same.delta_m.estimate == pytest.approx(famo.delta_m.estimate)
    p_values = [
        {frozenset((one.arm, one.baseline)): one.p_holm for one in made.differences}
        for made in (found, other)
    ]
    assert p_values[0] == pytest.approx(p_values[1])


def test_what_is_missing_says_rows_where_rows_can_help(study):
    (one,) = study({"equal": 0.2, "famo": 0.2}, finalists=1, taste=0.5).differences
    rows = one.needed.rows
    assert rows > 60
    assert one.needed.seeds is None
    assert f"about {float(f'{rows:.1e}'):.0f} held-out rows" in one.verdict
    assert "0.020" in one.verdict


def of_patients(made):
    """The study with three rows per patient."""
    folds = [replace(f, groups=np.arange(f.trivial.shape[1]) // 3) for f in made.outer_folds]
    return replace(made, outer_folds=tuple(folds), unit="patients")


def test_where_rows_are_of_patients_sizes_are_numbers_of_patients(study):
    found = study({"equal": 0.2, "famo": 0.2}, finalists=1, taste=0.5, change=of_patients)
    (one,) = found.differences
    assert (found.held_out_rows, found.held_out_units, found.unit) == (60, 20, "patients")
    needed = one.needed.rows
    assert needed > 20
    assert f"about {float(f'{needed:.1e}'):.0f} held-out patients" in one.verdict
    assert found.verdict.endswith("from equal on 60 held-out rows of 20 patients.")
    console = Console(file=io.StringIO(), width=80)
    show_comparison(console, found, TASKS)
    said = " ".join(console.file.getvalue().split())
    assert "on 60 held-out rows of 20 patients; mean over 18 replicates" in said
    assert "bootstrap over patients, seeds" in said


def test_what_is_missing_says_searches_where_their_luck_outweighs_all(study):
    (one,) = study({"equal": 0.2, "famo": 0.2}, luck=0.05, taste=0.01, seed=2).differences
    assert (one.needed.rows, one.needed.seeds) == (None, None)
    assert f"about {one.needed.outer_folds} outer folds" in one.verdict


def test_a_large_study_says_that_it_would_have_seen_the_difference(study):
    gaps = {"equal": 0.2, "famo": 0.2}
    (one,) = study(gaps, finalists=1, taste=0.0, noise=0.01, seeds=10).differences
    assert one.needed is None
    assert not one.distinguishable
    assert "0.020" in one.verdict
    assert "needed" not in one.verdict


def test_an_arm_without_a_score_is_named_and_never_dropped(study):
    def without(made):
        (fold,) = made.outer_folds
        return replace(made, outer_folds=(replace(fold, arms={**fold.arms, "famo": ()}),))

    found = study({"equal": 0.2, "famo": 0.2, "fixed": 0.2}, change=without)
    assert found.missing == (MissingArm(name="famo", trials=10, failed=0),)
    assert found.verdict.endswith(": famo.")
    assert [arm.name for arm in found.arms] == ["equal", "fixed"]


def test_failures_are_counted_and_lower_what_a_search_is_expected_to_find(study):
    gaps = {"equal": 0.2, "famo": 0.2}
    fine, failing = study(gaps).arms[0], study(gaps, failed=4).arms[0]
    assert (failing.failed, failing.trials) == (4, {"complete": 6, "failed": 4})
    assert len(failing.expected_best) == len(fine.expected_best) == 10
    assert failing.expected_best[0].estimate < fine.expected_best[0].estimate


def test_delta_m_is_the_mean_change_of_loss_in_percent(study, evidence):
    gaps = {"single_task": 0.2, "famo": 0.3}
    made = evidence(gaps, tasks=10)
    alone, arm = study(gaps).arms
    (fold,) = made.outer_folds
    shares = {name: (fold.best(name).losses.sum(1) / fold.trivial.sum(1)).mean(0) for name in gaps}
    expected = 100 * np.mean(1 - shares["famo"] / shares["single_task"])
    assert arm.delta_m.estimate == pytest.approx(expected)
    assert expected > 0
    assert alone.delta_m is None


def test_regret_is_the_share_of_the_trivial_loss_above_the_oracle(study):
    def known(made):
        folds = []
        for fold in made.outer_folds:
            arms = {
                name: tuple(replace(one, regret=fold.trivial * share) for one in fold.arms[name])
                for name, share in (("equal", 0.3), ("famo", 0.1))
            }
            folds.append(replace(fold, arms=arms))
        return replace(made, outer_folds=tuple(folds))

    gaps = {"equal": 0.2, "famo": 0.2}
    found = study(gaps, change=known)
    assert [arm.regret.estimate for arm in found.arms] == pytest.approx([0.3, 0.1])
    assert found.differences[0].regret.estimate == pytest.approx(-0.2)
    blind = study(gaps)
    assert (blind.arms[0].regret, blind.differences[0].regret) == (None, None)


def test_references_stand_beside_the_arms(study):
    def with_model(made):
        folds = [replace(f, references={"trees": f.trivial * 0.75}) for f in made.outer_folds]
        return replace(made, outer_folds=tuple(folds))

    (model,) = study({"equal": 0.2, "famo": 0.2}, change=with_model).references
    assert model.name == "trees"
    assert model.score.estimate == pytest.approx(0.25)
    assert model.tasks["calcium"].skill == pytest.approx(0.25)


def test_outer_folds_are_compared_together(study):
    found = study({"equal": 0.2, "famo": 0.2}, outer_folds=3, rows=20)
    assert (found.outer_folds, found.held_out_rows) == (3, 60)
    finalists = found.arms[0].finalists
    assert [one.outer_fold for one in finalists] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert sum(one.chosen for one in finalists) == 3


def test_more_searches_narrow_what_the_luck_of_one_leaves_open(study):
    gaps = {"equal": 0.2, "famo": 0.2}
    options = {"luck": 0.05, "taste": 0.02}
    (one,) = study(gaps, **options).differences
    (five,) = study(gaps, outer_folds=5, **options).differences
    assert five.high - five.low < 0.7 * (one.high - one.low)


def test_the_expected_best_is_the_mean_over_outer_folds(evidence, trials_of):
    gaps = {"equal": 0.2}
    trials = trials_of(gaps)
    trials["outer_fold"] = np.arange(10) % 2
    found = compare(evidence(gaps, tasks=10, outer_folds=2), TASKS, trials, DECLARED)
    parts = [
        expected_best(own.to_numpy(), 0.95)[0] for _, own in trials.groupby("outer_fold")["score"]
    ]
    expected = [point.estimate for point in found.arms[0].expected_best]
    np.testing.assert_allclose(expected, np.mean(parts, axis=0))


def test_it_is_read_as_it_was_written(study):
    found = study({"equal": 0.2, "famo": 0.2, "single_task": 0.2})
    text = json.dumps(to_json(found), allow_nan=False)
    assert from_json(json.loads(text)) == found
    assert json.loads(json.dumps(analysis_plan())) == analysis_plan()
    assert found.rule == analysis_plan()["rule"]


def test_the_tables_hold_the_same_figures(study):
    found = study({"equal": 0.2, "fixed": 0.3})
    table = comparison_table(found).set_index("arm")
    assert table.loc["equal", "trials"] == 10
    gaps = difference_table(found).set_index("arm")
    assert gaps.loc["fixed", "estimate"] == found.differences[0].estimate
    skills = task_table(found).query("metric == 'skill'").groupby("arm")["value"].mean()
    for arm in found.arms:
        assert skills[arm.name] == pytest.approx(arm.score.estimate)
        assert table.loc[arm.name, "score"] == arm.score.estimate
    assert isinstance(gaps, pd.DataFrame)


def test_the_screen_stays_short_with_many_arms(study):
    names = ("equal", "fixed", "single_task", "aligned_mtl", "scale_invariant", "uncertainty")
    gaps = dict.fromkeys(names, 0.0) | {"gradnorm": 0.5}
    found = study(gaps)
    console = Console(file=io.StringIO(), width=80)
    show_comparison(console, found, TASKS)
    printed = console.file.getvalue()
    assert max(map(len, printed.splitlines())) <= 80
    assert "the 5 best arms" in printed
    assert sum(line.startswith("- ") for line in printed.splitlines()) == 4
    assert f"{len(found.differences) - 3} other differences" in printed


def test_the_screen_fits_into_eighty_columns(study):
    found = study({"equal": 0.2, "fixed": 0.5, "gradnorm": 0.2, "uncertainty": 0}, failed=2)
    console = Console(file=io.StringIO(), width=80)
    show_comparison(console, found, TASKS)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    for arm in found.arms:
        row = next(line for line in lines if line.startswith(arm.name))
        assert f"{arm.score.estimate:.3f}" in row
    assert "equal 2, fixed 2, gradnorm 2, uncertainty 2" in " ".join(lines)


@pytest.mark.parametrize("outer_folds", [1, 3])
def test_the_p_value_is_that_of_the_paper_with_the_test_rows_of_one_outer_fold(
    evidence, trials_of, outer_folds
):
    made = evidence({"equal": 0.1, "gradnorm": 0.13}, tasks=10, outer_folds=outer_folds)
    gaps = []
    for fold in made.outer_folds:
        ours, theirs = (fold.best(name).losses.sum(1) for name in ("gradnorm", "equal"))
        gaps.append(((theirs - ours) / fold.trivial.sum(1)).mean(1))
    gap = np.concatenate(gaps)
    # Nadeau & Bengio (2003): n_test is 60, the rows of one outer fold, and n_train is 150.
    error = np.sqrt((1 / len(gap) + 60 / 150) * gap.var(ddof=1))
    expected = 2 * stats.t.sf(abs(gap.mean() / error), len(gap) - 1)
    found = compare(made, TASKS, trials_of(["equal", "gradnorm"]), AnalysisPlan(draws=50))
    (difference,) = found.differences
    assert difference.p_value == pytest.approx(expected)
