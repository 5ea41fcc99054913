"""The law of all refusals, and scripts run in this process."""

import importlib.util
import re
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from tests.support.paths import ROOT

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


@cache
def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
