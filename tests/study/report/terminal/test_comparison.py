"""The terminal output at the end of a study."""

from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from hemomodel.schema.schema import load_schema
from study.report.load import read_comparison
from study.report.terminal.comparison import show_comparison

TASKS = load_schema().tasks


def screen(comparison, tasks=TASKS, width=80):
    """Returns the last screen as lines."""
    console = Console(record=True, width=width, force_terminal=False)
    show_comparison(console, comparison, tasks)
    return console.export_text().splitlines()


def hyphens(value, *, sign=False):
    return f"{value:{'+' if sign else ''}.3f}"


@pytest.fixture
def comparison(folder):
    return read_comparison(folder)


def test_every_arm_has_its_score_difference_trials_and_seconds(comparison):
    lines = screen(comparison)
    base = comparison.baselines[0]
    gaps = {gap.arm: gap for gap in comparison.differences if gap.baseline == base}
    for arm in comparison.arms:
        figures = " ".join(line for line in lines if line.startswith(f"{arm.name} "))
        score, gap = arm.score, gaps.get(arm.name)
        ends = (score.estimate, score.low, score.high)
        assert "{} [{}, {}]".format(*map(hyphens, ends)) in figures
        if gap is not None:
            ends = (gap.estimate, gap.low, gap.high)
            expected = "{} [{}, {}]".format(*(hyphens(end, sign=True) for end in ends))
            assert (f"{expected} *" in figures) == gap.distinguishable
            assert expected in figures
        assert f" {sum(arm.trials.values())} " in figures
        assert f"{arm.seconds_per_trial:.2f}" in figures


def test_arms_are_in_the_order_of_their_scores_and_a_failed_arm_is_last(comparison):
    names = {arm.name for arm in comparison.arms} | {arm.name for arm in comparison.missing}
    first = [line.split()[0] for line in screen(comparison) if line.strip()]
    order = [name for name in first if name in names][: len(names)]
    by_score = sorted(comparison.arms, key=lambda arm: -arm.score.estimate)
    assert order == [*(arm.name for arm in by_score), *(arm.name for arm in comparison.missing)]


@pytest.mark.parametrize("distinguishable", [False, True])
def test_a_star_is_at_a_significant_difference_only(comparison, distinguishable):
    differences = [
        replace(gap, distinguishable=distinguishable and gap.arm == "gradnorm")
        for gap in comparison.differences
    ]
    lines = screen(replace(comparison, differences=tuple(differences)))
    starred = [line.split()[0] for line in lines if "] *" in line]
    assert starred == (["gradnorm"] if distinguishable else [])


def test_skills_are_those_of_the_comparison(comparison):
    lines = screen(comparison, width=120)
    for task in TASKS:
        (row,) = [line for line in lines if line.startswith(task.second_title)]
        skills = [arm.tasks[task.name].skill_estimate for arm in comparison.arms]
        assert row.split()[-len(skills) :] == [hyphens(skill, sign=True) for skill in skills]


def test_each_difference_is_one_sentence_and_the_verdict_is_last(comparison):
    text = " ".join(" ".join(screen(comparison)).split())
    for gap in comparison.differences:
        assert text.count(f"- {' '.join(gap.verdict.split())}") == 1
    assert text.endswith(" ".join(comparison.verdict.split()))


def test_of_many_differences_the_significant_ones_are_sentences_and_the_rest_a_count(comparison):
    (first, *_) = comparison.differences
    many = [
        replace(first, arm=f"arm{place}", distinguishable=place < 2, verdict=f"sentence {place}.")
        for place in range(30)
    ]
    lines = screen(replace(comparison, differences=tuple(many)))
    assert [line for line in lines if "sentence" in line] == ["- sentence 0.", "- sentence 1."]
    assert sum("28" in line.split() for line in lines) == 1


def test_failed_trials_are_counted(comparison):
    (missing,) = comparison.missing
    arms = [replace(arm, failed=3) if arm.name == "fixed" else arm for arm in comparison.arms]
    text = " ".join(screen(replace(comparison, arms=tuple(arms))))
    assert "fixed 3" in text
    assert f"{missing.name} {missing.failed}" in text
    nothing = [replace(arm, failed=0) for arm in comparison.arms]
    text = " ".join(screen(replace(comparison, arms=tuple(nothing), missing=())))
    assert "ailed" not in text


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(comparison, width):
    lines = screen(comparison, width=width)
    assert max(map(cell_len, lines)) <= width
    assert not [line for line in lines if "…" in line]


def test_more_than_five_arms_leave_the_best_five_in_the_table_of_tasks(comparison):
    (arm, *_) = comparison.arms
    many = tuple(
        replace(arm, name=f"arm{place}", score=replace(arm.score, estimate=place / 10))
        for place in range(8)
    )
    lines = screen(replace(comparison, arms=many, differences=(), missing=()))
    (header,) = [line for line in lines if line.startswith("task")]
    assert header.split()[1:] == [f"arm{place}" for place in (7, 6, 5, 4, 3)]


def test_titles_stay_text(comparison):
    hostile = TASKS[0].model_copy(update={"second_title": "流速 [/min] [red]"})
    assert "流速 [/min] [red]" in "\n".join(screen(comparison, (hostile, *TASKS[1:]), 200))
