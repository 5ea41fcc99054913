"""The rules for every refusal, and the functions that commands run."""

import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from importlib import import_module
from pathlib import Path

# A suggestion or a list of choices is advice too.
ADVICE = re.compile(
    r"""
    ^(?:if\ [^,]+,\ )?(?:
    add|check|choose|clear|compare|copy|correct|create|delete|did\ you\ mean|end|export|extend|fill
    |finish|fix|give|go|have|install|it\ has|keep|leave|load|look|lower|make|move|name|raise|read
    |remove|rename|repair|replace|report|restore|resume|run|save|see|set|shorten|split|start|try
    |update|use|wait|write
    )\b
    | \b(?:should|must|needs?|at\ most)\b
    """,
    re.VERBOSE,
)


def one_refusal(code: int, stderr: str) -> str:
    """Requires exit code 2 and one line without a traceback that ends with advice; returns it."""
    assert code == 2, stderr
    (line,) = stderr.splitlines()
    assert line.startswith("error: ")
    assert "Traceback" not in line
    assert line.isprintable() or "\u3000" in line
    assert_ends_with_advice(line)
    return line


def assert_ends_with_advice(line: str) -> None:
    """The last clause, after the last semicolon or else the last colon, says what to do."""
    clause = re.split("; " if "; " in line else ": ", line)[-1]
    assert ADVICE.search(clause), f"the last clause does not say what to do: {line}"


def assert_names(line: str, names: Sequence[str]) -> None:
    """The line has each of these as a whole word: a file, a key, a column, a row, a value."""
    assert names, "a case of a refusal names something"
    assert not isinstance(names, str), "a sequence of names, not a text"
    for name in names:
        assert re.search(rf"(?<!\w){re.escape(name)}(?!\w)", line), f"no {name} in: {line}"


def digests(folder: Path) -> dict[Path, str]:
    """Returns a digest of the content of each file below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: sha256(path.read_bytes()).hexdigest() for path in files}


def main_of(name: str) -> Callable[[], int]:
    """Returns the function that `python scripts/NAME.py` or `python -m scripts.NAME` runs."""
    package = "scripts" if name.startswith(("bench", "reproduce")) else "study.pipeline.commands"
    return import_module(f"{package}.{name}").main
