"""A small study with made-up figures and real offline W&B runs."""

import json
import os
import subprocess
import sys

import pandas as pd

from tests.support.fake_wandb_server import API_KEY
from tests.support.paths import ROOT

BALANCERS = ("equal", "gradnorm")
TASKS = ("calcium", "blood_flow")

# W&B reads its environment once per process, so this code runs in a separate process.
_LOG = """
import sys
from pathlib import Path
import pandas as pd
from study.store.study_folder import StudyFolder
from study.tracking.tracker import WandbTracker

folder = StudyFolder(Path(sys.argv[1]))
folder.root.mkdir()
tracker = WandbTracker(folder, "offline")
for row in pd.read_parquet(sys.argv[2]).itertuples():
    tracker.start(row.number, row.balancer, {"number": row.number, "balancer": row.balancer})
    tracker.log(
        row.number, [{"epoch": e, "score": e / 10, "skill/calcium": e / 10} for e in (1, 2)]
    )
    tracker.finish(row.number, {"best/score": row.score}, failed=False)
table = pd.DataFrame({"arm": ["equal"], "value": [0.1]})
config = {"data": "/mnt/ward/HD.xlsx", "out": "/mnt/ward/studies", "trials": 4}
tracker.conclude(config, {"verdict": "none"}, {"tasks": table, "comparison": table})
tracker.close(interrupted=False)
"""


def trials(name, balancers=BALANCERS):
    """Returns the trials of a study, two per balancer."""
    rows = [
        {
            "number": number,
            "arm": balancers[number % 2],
            "balancer": balancers[number % 2],
            "state": "complete",
            "params": json.dumps(
                {
                    "balancer": balancers[number % 2],
                    "lr": 0.001 * (number + 1),
                    "hidden.depth": number,
                    "batch_size": 8,
                    **({"gradnorm.alpha": 1.0 + number} if number % 2 else {}),
                }
            ),
            "score": number / 10,
            "wandb_id": f"{name}-{number}",
        }
        for number in range(4)
    ]
    return pd.DataFrame(rows)


def comparison(balancers=BALANCERS, tasks=TASKS):
    """Returns a comparison of two arms."""
    span = {"estimate": 0.2, "low": 0.1, "high": 0.3}
    arms = [
        {
            "arm": name,
            "trials": {"complete": 2, "pruned": 0, "failed": 0},
            "score": {**span, "estimate": 0.2 + place / 10},
            "regret": None,
            "mean_rank": 1.5,
            "worst_task": {"task": tasks[0], "skill": 0.01},
            "delta_m": None,
            "seconds_per_trial": 1.9,
            "tasks": {task: {"skill": {**span, "estimate": place / 10}} for task in tasks},
        }
        for place, name in enumerate(balancers)
    ]
    difference = {
        **span, "arm": balancers[1], "baseline": balancers[0], "p_value": 0.03, "p_holm": 0.2,
        "probability_of_improvement": 0.81, "distinguishable": False,
        "verdict": f"{balancers[1]}: not distinguishable.",
    }  # fmt: skip
    return {
        "score": "mean skill", "level": 0.95, "held_out_rows": 46, "replicates": 40,
        "fresh_seeds": [1, 2], "arms": arms, "differences": [difference],
        "ranks": {"friedman_p": 0.2, "critical_difference": 1.4, "blocks": 400,
                  "groups": [list(balancers)]},
        "references": [{"model": "base_rate", "tasks": {task: {"skill": 0.0} for task in tasks}}],
        "verdict": f"No balancer is distinguishable from {balancers[0]}.",
    }  # fmt: skip


def write_tables(folder, balancers=BALANCERS, tasks=TASKS):
    """Writes the files that a report reads."""
    folder.mkdir(exist_ok=True)
    trials(folder.name, balancers).to_parquet(folder / "trials.parquet")
    (folder / "comparison.json").write_text(json.dumps(comparison(balancers, tasks)))


def write_study(folder):
    """Writes a study with its offline runs."""
    table = folder.with_suffix(".parquet")
    trials(folder.name).to_parquet(table)
    run_python("-c", _LOG, folder, table)
    write_tables(folder)


def run_python(*arguments, code=0, **environment):
    """Runs Python on the project; W&B gets no server unless one is given."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WANDB")}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**clean, "PYTHONPATH": str(ROOT), "WANDB_BASE_URL": "http://127.0.0.1:9",
             "WANDB_API_KEY": API_KEY, **environment},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done


def sync(folder, *arguments, code=0, **environment):
    """Uploads a study's offline runs."""
    return run_python(ROOT / "scripts" / "sync.py", folder, *arguments, code=code, **environment)


def everything_sent(server):
    """Returns all bytes except artifact manifests, in which W&B records local paths."""
    files = [body for name, body in server.uploads.items() if not name.endswith("/manifest")]
    return json.dumps([server.calls, server.streams]).encode() + b"".join(files)
