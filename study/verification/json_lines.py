"""Results of long runs: one line of JSON per unit of work, so that a run can be resumed."""

import json
from pathlib import Path
from typing import Any

__all__ = ["read_records"]


def read_records(path: Path) -> list[dict[str, Any]]:
    """Returns the complete records of a file, and removes a truncated last line from it.

    The file may not exist yet; then there are none.
    """
    if not path.exists():
        return []
    whole, cut, _ = path.read_text().rpartition("\n")
    path.write_text(whole + cut)
    return [json.loads(line) for line in whole.splitlines()]
