"""One file and one import line add a method everywhere, as CONTRIBUTING states."""

import json
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from tests.support.paths import ROOT


def examples():
    """Returns the code of CONTRIBUTING: a balancer, and its test outside the repository."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the project with the balancer of CONTRIBUTING in it."""
    tree = tmp_path_factory.mktemp("project")
    for name in ("hemomodel", "study", "scripts", "configs", "tests"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    (tree / "hemomodel" / "balancers" / "hardest.py").write_text(examples()[0])
    init = tree / "hemomodel" / "balancers" / "__init__.py"
    init.write_text(init.read_text() + "from hemomodel.balancers.hardest import Hardest\n")
    return tree


def program(folder, path, *arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def run(tree, *arguments):
    done = program(tree, tree, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_balancer_outside_the_repository_is_put_under_the_contract(tmp_path):
    balancer, test = examples()
    pytest_run = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_hardest.py")
    (tmp_path / "test_hardest.py").write_text(test)
    (tmp_path / "hardest.py").write_text(balancer)
    done = program(tmp_path, ROOT, *pytest_run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    faulty = balancer.replace("masked_softmax(signals.losses * self.sharpness, signals.present)",
        "(signals.losses * self.sharpness).softmax(1)")  # fmt: skip
    assert faulty != balancer
    (tmp_path / "hardest.py").write_text(faulty)
    done = program(tmp_path, ROOT, *pytest_run)
    assert done.returncode == 1
    assert "an absent task has a weight" in done.stdout
    assert "Hardest(sharpness=1.0) does not pass assert_absent_task_has_no_effect" in done.stdout


@pytest.mark.thorough
def test_the_contract_is_tested_on_it(tree):
    collected = run(
        tree, "-m", "pytest", "-q", "-k", "hardest and not golden", "tests/hemomodel/balancers",
        "-p", "no:cacheprovider", "--collect-only",
    )  # fmt: skip
    from hemomodel.balancers.testing import LAWS

    assert int(re.search(r"(\d+)/\d+ tests collected", collected).group(1)) >= 10
    for law in LAWS:
        name = law.__name__.removeprefix("assert_")
        assert f"test_contract.py::test_a_balancer_keeps_the_law[{name}-hardest-0]" in collected


@pytest.mark.thorough
def test_the_bench_has_a_row_for_it(tree):
    printed = run(
        tree, "-m", "scripts.bench", "balancers", "--only", "hardest", "--seconds", "0.01",
        "--rounds", "1",
    )  # fmt: skip
    assert re.search(r"│ hardest +│ +\d+ │", printed)


@pytest.mark.thorough
def test_a_study_searches_and_reports_it(tree):
    run(
        tree, "scripts/search.py", "--config", "configs/smoke.yaml", "--name", "toy",
        "--balancers", "equal,hardest", "--out", "out",
        "--max-concurrent", "1", "--set", "outer_folds=2", "--set", "fit.hidden=[8]",
    )  # fmt: skip
    study = tree / "out" / "toy"
    rows = pd.read_parquet(study / "trials.parquet").query("arm == 'hardest'")
    assert len(rows) == 2
    assert all("hardest.sharpness" in json.loads(params) for params in rows["params"])
    comparison = json.loads((study / "comparison.json").read_text())
    assert [arm["arm"] for arm in comparison["arms"]] == ["equal", "hardest"]
    assert "hardest" in (study / "report.html").read_text(encoding="utf-8")
