"""A balancer imports its base and the ground modules alone; import-linter holds the rest."""

import ast

import pytest

from tests.support.paths import ROOT

BALANCERS = sorted((ROOT / "hemomodel" / "balancers").glob("[a-z]*.py"))


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
