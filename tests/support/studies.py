"""Studies as a person starts them, and their records in W&B."""

import subprocess
import sys

from tests.support.paths import ROOT

SHORT = [
    *("--set", "fit.epochs=12", "--set", "early_stopping={grace: 3, factor: 2}"),
    *("--set", "folds=2", "--set", "seeds=2", "--set", "confirm_seeds=2"),
    *("--set", "startup_trials=3", "--set", "report_every=4", "--set", "finalists=2"),
    *("--balancers", "equal,fixed,uncertainty,gradnorm"),
]


def script(name, *arguments):
    return [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)]


def run(name, *arguments, code=0):
    done = subprocess.run(script(name, *arguments), capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def search(out, *arguments, code=0):
    return run("search.py", *SHORT, "--out", out, *arguments, code=code)


def merged(records, kind, key="update"):
    found = {}
    for record in records:
        if record["type"] == kind:
            found.update(record[kind].get(key, {}))
    return found
