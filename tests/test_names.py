"""Local names say what they hold: words that fit any value are refused."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

VAGUE = {"one", "found", "own", "kept", "said"}
SOURCES = sorted(
    path for folder in ("hemomodel", "study", "scripts") for path in (ROOT / folder).rglob("*.py")
)


def bound_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields the line and the name of each variable and argument."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.lineno, node.name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_local_name_is_vague(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    vague = [f"line {line}: {name}" for line, name in bound_names(tree) if name in VAGUE]
    assert not vague
