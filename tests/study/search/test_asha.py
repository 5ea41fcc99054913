from types import SimpleNamespace

import pytest
from ray.tune.schedulers import TrialScheduler

from study.search.asha import PerArmASHA, rungs
from study.search.trial import report_epochs
from study.settings.settings import EarlyStopping


def trial(number, arm):
    return SimpleNamespace(config={"number": number, "key": arm}, trial_id="ignored")


def report(ladders, number, arm, epoch, score, *, passed=False):
    result = {"epoch": epoch, "score": score, "failure": "", "passed": passed}
    return ladders.on_trial_result(None, trial(number, arm), result)


@pytest.mark.parametrize(
    ("stopping", "epochs", "expected"),
    [
        (EarlyStopping(), 100, (10, 30, 90)),
        (EarlyStopping(), 90, (10, 30)),
        (EarlyStopping(), 10, ()),
        (EarlyStopping(grace=2, factor=2), 16, (2, 4, 8)),
        (None, 100, ()),
    ],
    ids=str,
)
def test_rungs(stopping, epochs, expected):
    assert rungs(stopping, epochs) == expected


def test_a_trial_reports_every_so_often_at_rungs_and_at_the_end():
    assert report_epochs(100, 25, (10, 30, 90)) == [10, 25, 30, 50, 75, 90, 100]
    assert report_epochs(5, 10, ()) == [5]


def test_a_trial_below_the_cut_of_its_arm_is_stopped():
    ladders = PerArmASHA(EarlyStopping(), 100, ["a", "b"])
    for number in range(3):
        assert report(ladders, number, "a", 10, 0.5 + number) == TrialScheduler.CONTINUE
    assert report(ladders, 9, "a", 10, 0.1) == TrialScheduler.STOP


def test_arms_do_not_cull_each_other():
    ladders = PerArmASHA(EarlyStopping(), 100, ["fast", "slow"])
    for number in range(10):
        report(ladders, number, "fast", 10, 0.9)
    assert report(ladders, 10, "slow", 10, 0.1) == TrialScheduler.CONTINUE
    assert report(ladders, 11, "fast", 10, 0.1) == TrialScheduler.STOP


def test_replayed_reports_count_as_those_of_peers():
    fresh, replayed = (PerArmASHA(EarlyStopping(), 100, ["a"]) for _ in range(2))
    for number in range(6):
        report(fresh, number, "a", 10, number)
        replayed.replay("a", number, {10: number})
    for score in (0.5, 2.5, 4.5):
        answers = {report(ladders, 100 + score, "a", 10, score) for ladders in (fresh, replayed)}
        assert len(answers) == 1


def test_no_ladder_stops_nothing():
    ladders = PerArmASHA(None, 100, ["a"])
    ladders.replay("a", 0, {10: 1.0})
    for number in range(5):
        assert report(ladders, number, "a", 10, -number) == TrialScheduler.CONTINUE


def test_a_failed_trial_is_left_to_end_itself():
    ladders = PerArmASHA(EarlyStopping(), 100, ["a"])
    result = {"epoch": 10, "score": float("nan"), "failure": "a loss was not finite"}
    assert ladders.on_trial_result(None, trial(0, "a"), result) == TrialScheduler.CONTINUE


def test_a_trial_hears_the_same_answer_when_it_reports_again():
    ladders = PerArmASHA(EarlyStopping(), 100, ["a"])
    for number in range(3):
        report(ladders, number, "a", 10, 0.5 + number)
    for _ in range(2):
        assert report(ladders, 9, "a", 10, 0.1) == TrialScheduler.STOP
        assert report(ladders, 2, "a", 10, 2.5) == TrialScheduler.CONTINUE


def test_a_trial_killed_between_its_last_report_and_its_end_is_still_stopped():
    ladders = PerArmASHA(EarlyStopping(), 100, ["a"])
    for number in range(3):
        ladders.replay("a", number, {10: 0.5 + number, 20: 0.5 + number})
    ladders.replay("a", 9, {5: 0.1, 10: 0.1})
    assert report(ladders, 9, "a", 5, 0.1) == TrialScheduler.CONTINUE
    assert report(ladders, 9, "a", 10, 0.1) == TrialScheduler.STOP


def test_a_trial_that_went_on_is_not_stopped_at_a_rung_it_has_passed():
    ladders = PerArmASHA(EarlyStopping(), 100, ["a"])
    for number in range(3):
        ladders.replay("a", number, {10: 0.5 + number})
    ladders.replay("a", 9, {10: 0.1, 20: 0.1})
    assert report(ladders, 9, "a", 10, 0.1) == TrialScheduler.CONTINUE
    ladders.replay("a", 10, {10: 0.1})
    assert report(ladders, 10, "a", 10, 0.1, passed=True) == TrialScheduler.CONTINUE
