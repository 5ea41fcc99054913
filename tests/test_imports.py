"""Who may import what, beyond the layers that import-linter holds."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BALANCERS = sorted((ROOT / "hemomodel" / "balancers").glob("[a-z]*.py"))
SOURCES = sorted([*(ROOT / "hemomodel").rglob("*.py"), *(ROOT / "study").rglob("*.py")])


def imported(path):
    """Returns the modules that a file names in its imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", BALANCERS, ids=lambda path: path.stem)
def test_a_balancer_knows_its_base_and_no_other_balancer(path):
    ours = {name for name in imported(path) if name.startswith(("hemomodel", "study"))}
    allowed = {"balancers._base", "balancers._solvers", "balancers._pivoting"}
    allowed |= {"domains", "errors", "typing"}
    assert ours <= {f"hemomodel.{name}" for name in allowed}


def test_wandb_is_touched_in_one_place():
    using = [path.name for path in SOURCES if "wandb" in imported(path)]
    assert using == ["tracking.py"]


def test_hemomodel_knows_no_service():
    for path in (ROOT / "hemomodel").rglob("*.py"):
        roots = {name.partition(".")[0] for name in imported(path)}
        assert not roots & {"ray", "optuna", "wandb", "study"}, path
