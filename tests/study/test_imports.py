"""The packages that a module imports; they slow down each worker and `--help`."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from ray import cloudpickle

from study.settings.search_space import SearchSpace
from study.settings.settings import Settings
from tests.support.paths import ROOT

PACKAGES = ("onnx", "openpyxl", "optuna", "pandas", "plotly", "ray", "sklearn", "torch", "wandb")
LOADED = f"import json, sys; print(json.dumps([n for n in {PACKAGES} if n in sys.modules]))"


def loaded(code, *arguments):
    """Returns which of the slow packages a fresh interpreter has loaded after some code."""
    command = [sys.executable, "-c", f"{code}\n{LOADED}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "packages"),
    [
        ("study.settings", set()),
        ("study.settings.analysis_plan", set()),
        ("study.settings.data_source", set()),
        ("study.settings.settings", {"torch"}),  # the balancers' options are settings
        ("study.settings.search_space", {"torch"}),
        ("study.cluster.jobs", {"pandas"}),  # submit.py imports it after --help
    ],
)
def test_a_module_of_the_settings_is_light(module, packages):
    assert loaded(f"import {module}") <= packages


WORKER = """
import sys
from pathlib import Path
from ray import cloudpickle
from study.search.trial import StackedTrial
stack, space, folder = cloudpickle.loads(Path(sys.argv[1]).read_bytes())
config = {"number": 0, "outer_fold": 0, "params": {"balancer": "equal"}}
trial = StackedTrial.__new__(StackedTrial)
trial.setup(config, [stack], space, [1, 2], folder, "cpu")
report = trial.step()
trial._save()
assert report["epoch"] == 1 and not report["failure"]
"""


@pytest.mark.slow
def test_a_worker_that_trains_does_without_scikit_learn_and_optuna(stack, tmp_path):
    settings = Settings(balancers=("equal",), fit={"epochs": 2})
    space = SearchSpace(settings, [task.name for task in stack.tasks])
    file = tmp_path / "worker"
    lean = replace(stack, preprocessors=())
    file.write_bytes(cloudpickle.dumps((lean, space, str(tmp_path))))
    assert loaded(WORKER, file) <= {"ray", "torch", "pandas"}
    assert (tmp_path / "00000.pt").exists()
