"""W&B's own process is killed; in the end, each trial has one complete run."""

import subprocess
import sys

import pytest

from study.verification.aftermath import wandb_runs
from tests.support.studies import merged

# W&B reads its environment once per process, so this code runs in a separate process.
_LOG = """
import os, signal, subprocess, sys, time
from pathlib import Path
import pandas as pd
from study.store.study_folder import StudyFolder
from study.tracking.wandb_payload import history_rows
from study.tracking.tracker import WandbTracker
from study.tracking.relog import relog_incomplete_runs

folder = StudyFolder(Path(sys.argv[1]))
folder.root.mkdir()
tracker = WandbTracker(folder, "offline")
curves = pd.DataFrame({"epoch": [1, 2], "task": "calcium", "metric": "skill", "mean": [0.1, 0.2]})

def kill():
    found = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "wandb-core"],
                           capture_output=True, text=True)
    os.kill(int(found.stdout.split()[-1]), signal.SIGKILL)
    time.sleep(0.5)

def trial(number, state="complete"):
    tracker.start(number, "equal", {"lr": 0.1, "number": number})
    tracker.log(number, history_rows(curves))
    tracker.log(number, history_rows(curves))  # after a retry
    tracker.finish(number, {"state": state}, failed=state == "failed")

trial(0)
time.sleep(1)
tracker.start(1, "equal", {"lr": 0.1})
kill()
tracker.log(1, history_rows(curves))
assert tracker.lost
tracker.finish(1, {"state": "complete"}, failed=False)
trial(2)
trial(3, "failed")
tracker.conclude({"data": "x"}, {"verdict": "none"}, {})
kill()
tracker.close(interrupted=False)

trials = pd.DataFrame([
    {"number": n, "arm": "equal", "balancer": "equal", "state": "complete" if n < 3 else "failed",
     "params": '{"lr": 0.1}', "score": 0.2, "best_epoch": 2, "epochs": 2, "seconds": 4.0,
     "steps": 8, "unsolved": 0, "outer_fold": 0, "wandb_id": f"s-{n}", "error": ""}
    for n in range(4)
])
each = [{"trial": n} for n in range(4)]
tables = {
    "history": curves.merge(pd.DataFrame(each), how="cross"),
    "scores": pd.DataFrame([{**e, "task": "calcium", "metric": "skill", "value": v}
                            for e in each for v in (0.1, 0.3)]),
    "trial_cosines": pd.DataFrame([{**e, "epoch": 2, "cosine": -0.5} for e in each]),
}
for name, table in tables.items():
    folder.write_table(f"{name}.parquet", table)
relog_incomplete_runs(folder, tracker, trials, {"study": "s"})
"""


@pytest.mark.slow
def test_each_trial_is_one_whole_run_after_wandb_was_killed_twice(tmp_path):
    folder = tmp_path / "s"
    subprocess.run([sys.executable, "-c", _LOG, str(folder)], check=True)
    logs = [path.stem for path in (folder / "wandb").glob("offline-run-*/*.wandb")]
    assert sorted(logs) == ["run-s-0", "run-s-1", "run-s-2", "run-s-3", "run-s-study"]
    for name, records in wandb_runs(folder).items():
        (end,) = [r["exit"] for r in records if r["type"] == "exit"]
        assert end.get("exit_code", 0) == (name == "s-3")
        if name != "s-study":
            assert [r["type"] for r in records].count("history") == 2
            state = "failed" if name == "s-3" else "complete"
            assert merged(records, "summary")["state"] == state
    again = merged(wandb_runs(folder)["s-1"], "summary")
    assert again["best/score"] == 0.2
    assert again["best/skill/calcium"] == 0.2
    assert again["smallest_cosine"] == -0.5
