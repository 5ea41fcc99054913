"""Personal data, placed as in a hospital's workbook, and a search for it in files and memory."""

import base64
import gzip
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from study.verification.processes import children_of

PERSON = "ZQX-Wang-A123456789"
TOKENS = {
    "WANDB_API_KEY": "feedface" * 5,
    "RAY_AUTH_TOKEN": "raytokenraytokenraytokenraytoken",
}
_NUMBER = 86420975310  # a telephone number that nobody has
_PACKED = re.compile(rb'id="(?:library|drawings)">([^<]+)<')


def plant(table: pd.DataFrame) -> pd.DataFrame:
    """Adds columns that no schema knows, full of personal data."""
    rows = range(len(table))
    return table.assign(
        姓名=[f"{PERSON}-{row}" for row in rows],
        電話=[_NUMBER + row for row in rows],
        備註=f"seen by {PERSON}",
    )


def private(table: pd.DataFrame) -> set[str]:
    """Returns the values of the identifying columns that are too long to appear by chance."""
    found = {str(value) for name in ("ID", "生日", "電話") for value in table[name]}
    return found | {str(v) for v in table["合併症"].dropna() if len(str(v)) > 6}


def readable(path: Path) -> bytes:
    """Returns the content of a file as a person can read it: tables and packed figures decoded."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv().encode()
    content = path.read_bytes()
    packed = [gzip.decompress(base64.b64decode(blob)) for blob in _PACKED.findall(content)]
    return b"\n".join([_PACKED.sub(b"", content), *packed])


def marks(content: bytes, people: set[str], words: tuple[str, ...]) -> set[str]:
    """Returns the personal data that the content contains.

    Digits within a longer number are part of a score, not an identifier.
    """
    numbers = re.findall(rb"(?<![\d.])[\d/-]{6,}(?![\d.])", content)
    found = people & {number.decode() for number in numbers}
    return found | {word for word in words if word.encode() in content}


def traces(root: Path, people: set[str], words: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Yields each file below a folder that contains personal data, with the data."""
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield from ((path, mark) for mark in marks(readable(path), people, words))


def object_store(driver: int) -> bytes:
    """Returns the content of the object store of a driver's own Ray: unnamed memory files."""
    raylets = [pid for pid, (_, line) in children_of(driver).items() if "/raylet/raylet" in line]
    found = b""
    for handle in (h for pid in raylets for h in Path(f"/proc/{pid}/fd").iterdir()):
        try:
            if "plasma" in str(handle.readlink()):
                with handle.open("rb") as file:
                    found += b"".join(_written(file))
        except OSError:  # the process has just ended
            continue
    return found


def _written(file: BinaryIO) -> Iterator[bytes]:
    """Yields the written parts of a sparse file."""
    end = 0
    while True:
        try:
            begin = os.lseek(file.fileno(), end, os.SEEK_DATA)
        except OSError:  # there is no more data
            return
        end = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
        yield os.pread(file.fileno(), end - begin, begin)
