"""The searcher against a real journal storage: allocation, states, resuming, determinism."""

import errno

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from ray.tune.search import Searcher

from hemomodel.errors import InputError
from study.search.searcher import RETRIES, ArmSearcher
from study.settings.search_space import SearchSpace
from study.settings.settings import Settings
from study.store.arms import open_arms

NAMES = ("equal", "fixed", "gradnorm")


def searcher(path, trials=10, names=NAMES, joint=False, seed=0):
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(path / "study.journal")))
    arms = {"joint": names} if joint else {name: (name,) for name in names}
    space = SearchSpace(Settings(balancers=names), ["calcium", "potassium"])
    return ArmSearcher(
        open_arms(storage, arms), space, trials=trials, epochs=100, seed=seed, startup=3
    )


def report(epoch, score, failure="", done=True):
    return {"epoch": epoch, "score": score, "failure": failure, "done": done}


def fails_for_good(search, name):
    for _ in range(RETRIES):
        search.record_death(name, "ValueError: no")
    search.on_trial_complete(name, error=True)


def run(search, count=None):
    """Runs trials whose score is their learning rate; returns what was suggested."""
    found = []
    while count is None or len(found) < count:
        name = f"t{len(found)}"
        config = search.suggest(name)
        if config == Searcher.FINISHED:
            break
        search.on_trial_complete(name, report(100, config["params"]["lr"]))
        found.append(config)
    return found


@pytest.mark.parametrize("trials", [3, 10, 11, 12])
def test_arms_get_as_many_trials_each(tmp_path, trials):
    found = run(searcher(tmp_path, trials))
    counts = [sum(config["arm"] == name for config in found) for name in NAMES]
    assert sum(counts) == trials
    assert max(counts) - min(counts) <= 1
    assert sorted(config["number"] for config in found) == list(range(trials))
    assert all(config["params"]["balancer"] == config["arm"] for config in found)


def test_a_joint_search_is_one_arm(tmp_path):
    found = run(searcher(tmp_path, 20, joint=True))
    assert {config["arm"] for config in found} == {"joint"}
    assert len({config["params"]["balancer"] for config in found}) > 1


def test_the_same_seed_suggests_the_same(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    first, again = run(searcher(tmp_path / "a")), run(searcher(tmp_path / "b"))
    assert first == again
    assert run(searcher(tmp_path / "c", seed=1)) != first


def test_a_search_in_two_parts_suggests_what_one_does(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    whole = run(searcher(tmp_path / "a"))
    parts = run(searcher(tmp_path / "b"), 6) + run(searcher(tmp_path / "b"))
    assert parts == whole


def test_suggestions_of_an_arm_are_not_those_of_another(tmp_path):
    found = run(searcher(tmp_path, 3))
    assert len({config["params"]["lr"] for config in found}) == 3


def test_states_are_told_as_they_are(tmp_path):
    search = searcher(tmp_path, 6)
    ends = [
        report(100, 0.5),
        report(30, 0.2),
        report(20, float("nan"), "a loss was not finite by epoch 20"),
        report(40, 0.3, done=False),
        {},
    ]
    for number, end in enumerate(ends):
        search.suggest(f"t{number}")
        search.report(f"t{number}", 10, 0.1)
        if end.get("epoch", 10) != 10:
            search.report(f"t{number}", end["epoch"], end["score"])
        search.on_trial_complete(f"t{number}", end)
    search.suggest("t5")
    fails_for_good(search, "t5")
    arms = search._arms
    trials = {t.number * 3 + arm.index: t for arm in arms for t in arm.trials}
    states = [trials[number].state for number in range(6)]
    assert states == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.FAIL,
        TrialState.RUNNING,  # interrupted: to be resumed
        TrialState.RUNNING,  # interrupted before its first report
        TrialState.FAIL,
    ]
    assert trials[0].value == 0.5
    assert trials[1].value == 0.2
    assert trials[1].last_step == 30
    assert "not finite" in trials[2].user_attrs["failure"]
    assert "process failed" in trials[5].user_attrs["failure"]


def test_an_unfinished_trial_is_taken_up_with_its_parameters(tmp_path):
    first = searcher(tmp_path, 9)
    run(first, 2)
    left = first.suggest("dies")
    second = searcher(tmp_path, 9)
    assert second.remaining == 7
    found = run(second)
    assert found[0] == left
    assert sorted(config["number"] for config in found) == list(range(2, 9))


def test_a_study_can_grow(tmp_path):
    run(searcher(tmp_path, 6))
    assert searcher(tmp_path, 6).remaining == 0
    found = run(searcher(tmp_path, 9))
    assert sorted(config["number"] for config in found) == [6, 7, 8]


def test_a_report_after_a_retry_counts_once(tmp_path):
    search = searcher(tmp_path, 1)
    search.suggest("t0")
    for score in (0.1, 0.9):
        search.report("t0", 10, score)
    search.on_trial_complete("t0", report(100, 0.5))
    assert search._arms[0].trials[0].intermediate_values == {10: 0.1}


def test_a_snapshot_holds_nothing(tmp_path):
    search = searcher(tmp_path, 1)
    search.save(str(tmp_path / "snapshot"))
    assert not (tmp_path / "snapshot").exists()
    with pytest.raises(RuntimeError, match="Optuna storage"):
        search.restore(str(tmp_path / "snapshot"))


def test_a_nested_search_has_an_arm_for_each_outer_fold(tmp_path):
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(tmp_path / "study.journal")))
    arms = open_arms(storage, {name: (name,) for name in NAMES}, 2)
    assert [(arm.name, arm.outer_fold) for arm in arms] == [
        (name, fold) for fold in (0, 1) for name in NAMES
    ]
    space = SearchSpace(Settings(balancers=NAMES), ["calcium", "potassium"])
    found = run(ArmSearcher(arms, space, trials=7, epochs=100, seed=0, startup=3))
    counts = {(c["arm"], c["outer_fold"]): 0 for c in found}
    for config in found:
        counts[config["arm"], config["outer_fold"]] += 1
        assert config["key"] == f"{config['arm']}@{config['outer_fold']}"
    assert counts == {(n, f): 3 if n == "equal" else 2 for n in NAMES for f in (0, 1)}
    assert sorted(config["number"] for config in found)[:12] == list(range(12))


@pytest.mark.parametrize("before", [0, 1, 8, 14], ids=lambda count: f"after {count} trials")
@pytest.mark.parametrize("drawn", [0, 1, 4])
def test_a_trial_killed_while_it_was_drawn_is_drawn_again(tmp_path, monkeypatch, before, drawn):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    whole = run(searcher(tmp_path / "a", 18), 18)
    first = searcher(tmp_path / "b", 18)
    run(first, before)
    with monkeypatch.context() as patch:
        write, count = JournalFileBackend.append_logs, 0

        def dies(self, logs):
            nonlocal count
            count += 1
            if count > drawn + 1:  # the first write creates the trial
                raise KeyboardInterrupt
            write(self, logs)

        patch.setattr(JournalFileBackend, "append_logs", dies)
        with pytest.raises(KeyboardInterrupt):
            first.suggest("dies")
    assert run(searcher(tmp_path / "b", 18)) == whole[before:]


def test_a_trial_that_had_started_keeps_its_parameters(tmp_path):
    first = searcher(tmp_path, 9)
    left = first.suggest("dies")
    first.note("dies", wandb_id="")
    assert run(searcher(tmp_path, 9, seed=1), 1) == [left]


def test_a_study_of_the_other_direction_is_refused(tmp_path):
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(tmp_path / "study.journal")))
    optuna.create_study(storage=storage, study_name="equal", direction="minimize")
    with pytest.raises(InputError, match=r"minimize.*--name"):
        open_arms(storage, {"equal": ("equal",)})


def test_after_a_failed_write_nothing_is_told(tmp_path, monkeypatch):
    search = searcher(tmp_path, 9)
    search.suggest("t0")
    with monkeypatch.context() as patch:

        def full(self, logs):
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(JournalFileBackend, "append_logs", full)
        search.on_trial_complete("t0", report(100, 0.5))
    assert search.failure.error.errno == errno.ENOSPC
    assert search.suggest("t1") == Searcher.FINISHED
    again = searcher(tmp_path, 9)
    assert [t.state for t in again._arms[0].trials] == [TrialState.RUNNING]
    assert again.remaining == 9


def test_a_process_that_failed_for_good_leaves_its_reason(tmp_path):
    search = searcher(tmp_path, 1)
    search.suggest("t0")
    fails_for_good(search, "t0")
    told = search._arms[0].trials[0].user_attrs["failure"]
    assert told.endswith("(ValueError: no)")


def test_a_trial_that_tune_gave_up_too_early_is_handed_out_again(tmp_path):
    search = searcher(tmp_path, 1)
    first = search.suggest("t0")
    assert search.suggest("t1") is None  # t0 may still be retried
    for attempt in range(RETRIES):
        search.on_trial_complete(f"t{attempt}", error=True)
        assert search.suggest(f"t{attempt + 1}") == first
    search.on_trial_complete(f"t{RETRIES}", error=True)
    assert search.suggest("t9") == Searcher.FINISHED
    assert [t.state for t in search._arms[0].trials] == [TrialState.FAIL]
