"""The law of all refusals, and commands run in this process."""

import re
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from pathlib import Path

ADVICE = re.compile(r"; |\b(give|should|must|needs?|at most)\b")


def one_refusal(code: int, stderr: str) -> str:
    """The law: exit code 2 and one line, with what is wrong and what to do, and no traceback."""
    assert code == 2, stderr
    (line,) = stderr.splitlines()
    assert line.startswith("error: ")
    assert "Traceback" not in line
    assert ADVICE.search(line), f"no word of what to do: {line}"
    assert line.isprintable() or "\u3000" in line
    return line


def digests(folder: Path) -> dict[Path, str]:
    """Every file below a folder, by its content."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: sha256(path.read_bytes()).hexdigest() for path in files}


def main_of(name: str) -> Callable[[], int]:
    """What `python scripts/NAME.py` runs, or `python -m scripts.NAME`."""
    package = "scripts" if name.startswith(("bench", "reproduce")) else "study.pipeline.commands"
    return import_module(f"{package}.{name}").main
