"""A balancer imports only its base and basic modules; import-linter checks the rest."""

import ast

import pytest

from tests.support.paths import ROOT

FOLDER = ROOT / "hemomodel" / "balancers"
BALANCERS = sorted({*FOLDER.glob("[a-z]*.py")} - {FOLDER / "testing.py"})
SOURCES = [path for package in ("hemomodel", "study") for path in (ROOT / package).rglob("*.py")]


def imported(path):
    """Returns the modules that a file names in its imports."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
    return modules


@pytest.mark.parametrize("path", BALANCERS, ids=lambda path: path.stem)
def test_a_balancer_knows_its_base_and_no_other_balancer(path):
    ours = {name for name in imported(path) if name.startswith(("hemomodel", "study"))}
    allowed = {"balancers._base", "balancers._solvers", "balancers._pivoting"}
    allowed |= {"domains", "errors", "typing"}
    assert ours <= {f"hemomodel.{name}" for name in allowed}


def test_the_contract_alone_imports_hypothesis_and_nothing_imports_the_contract():
    test_only = {"hypothesis", "hemomodel.balancers.testing", "hemomodel.balancers._test_cases"}
    importers = {path for path in SOURCES if imported(path) & test_only}
    assert importers == {FOLDER / "testing.py"}
