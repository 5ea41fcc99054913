"""A package's `__init__` exports its main names and loads little; inner files do not use it."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.paths import ROOT

ROOMS = ["schema", "tables", "cohort", "dataset", "network", "training", "ensemble", "recommender"]
SERVICES = {"sklearn", "optuna", "ray", "wandb"}
DOORS = pytest.mark.parametrize("room", ROOMS)
HEAVY = {
    **{f"hemomodel.{room}": SERVICES | {"torch", "scipy"} for room in ROOMS},
    "hemomodel": SERVICES | {"torch", "scipy", "pandas"},
    "hemomodel.network": SERVICES | {"scipy", "pandas"},
    "hemomodel.training": SERVICES | {"scipy", "pandas"},
    "study.settings": {"ray", "torch"},
    "study.search.trial": {"sklearn", "optuna"},
}
SOURCES = sorted(
    path for package in ("hemomodel", "study") for path in (ROOT / package).rglob("*.py")
)


@DOORS
def test_a_door_gives_what_it_names(room):
    door = import_module(f"hemomodel.{room}")
    assert door.__all__
    for name in door.__all__:
        assert getattr(door, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = door.nothing


@DOORS
def test_no_name_of_a_door_is_a_module_of_the_room(room):
    door = import_module(f"hemomodel.{room}")
    modules = {path.stem for path in Path(door.__file__).parent.iterdir()}
    assert not modules & {*door.__all__}


@pytest.mark.slow
@pytest.mark.parametrize(("module", "heavy"), HEAVY.items(), ids=HEAVY)
def test_a_module_loads_little(module, heavy):
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert not heavy & {*done.stdout.split()}


def through_a_door(path):
    """Yields the imports of names, not of modules, from our packages."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        package = ROOT / node.module.replace(".", "/")
        if node.module.partition(".")[0] == "hemomodel" and package.is_dir():
            for alias in node.names:
                inner = package / alias.name
                if not inner.is_dir() and not inner.with_suffix(".py").is_file():
                    yield f"line {node.lineno}: from {node.module} import {alias.name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_inner_file_imports_through_a_door(path):
    assert not list(through_a_door(path))
