"""CONTRIBUTING's promise: one file and one import line, and a method is everywhere."""

import json
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the project with the balancer of CONTRIBUTING in it."""
    tree = tmp_path_factory.mktemp("project")
    for name in ("hemomodel", "study", "scripts", "configs", "tests"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    (tree / "hemomodel" / "balancers" / "hardest.py").write_text(code)
    init = tree / "hemomodel" / "balancers" / "__init__.py"
    init.write_text(init.read_text() + "from hemomodel.balancers.hardest import Hardest\n")
    return tree


def run(tree, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_contract_is_tested_on_it(tree):
    printed = run(
        tree, "-m", "pytest", "-q", "-k", "hardest and not golden", "tests/hemomodel",
        "-p", "no:cacheprovider",
    )  # fmt: skip
    assert int(re.search(r"(\d+) passed", printed).group(1)) >= 10


@pytest.mark.slow
def test_the_bench_has_a_row_for_it(tree):
    printed = run(
        tree, "-m", "scripts.bench", "balancers", "--only", "hardest", "--seconds", "0.01",
        "--rounds", "1",
    )  # fmt: skip
    assert re.search(r"│ hardest +│ +\d+ │", printed)


@pytest.mark.slow
def test_a_study_searches_and_reports_it(tree):
    run(
        tree, "scripts/search.py", "--config", "configs/smoke.yaml", "--name", "toy",
        "--balancers", "equal,hardest", "--out", "out",
    )  # fmt: skip
    study = tree / "out" / "toy"
    own = pd.read_parquet(study / "trials.parquet").query("arm == 'hardest'")
    assert len(own) == 2
    assert all("hardest.sharpness" in json.loads(params) for params in own["params"])
    comparison = json.loads((study / "comparison.json").read_text())
    assert [arm["arm"] for arm in comparison["arms"]] == ["equal", "hardest"]
    assert "hardest" in (study / "report.html").read_text(encoding="utf-8")
