"""Joins the tables of single trials, with the rows of only one trial in memory at a time."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from study.store.study_folder import StudyFolder

__all__ = ["merge_trial_tables"]


def merge_trial_tables(folder: StudyFolder) -> None:
    """Joins the tables of single trials by number: `scores`, `history` and `trial_cosines`.

    New rows of a trial replace its earlier rows.
    """
    for name in ("scores", "history", "trial_cosines"):
        files = folder.parts.glob(f"*.{name}.parquet")
        new = {int(file.name.partition(".")[0]): file for file in files}
        if new:
            _join(folder, f"{name}.parquet", new)
        for file in new.values():
            file.unlink()


def _join(folder: StudyFolder, name: str, new: Mapping[int, Path]) -> None:
    """Writes a table again, with one row group per trial, so that the next call finds them."""
    whole = folder.root / name
    schema = pq.read_schema(next(iter(new.values())))
    readers: dict[int, Callable[[], Any]] = {}
    with ExitStack() as opened:
        if whole.exists():
            old = opened.enter_context(pq.ParquetFile(whole))
            for group in range(old.num_row_groups):
                for number in old.read_row_group(group, ["trial"])["trial"].unique().to_pylist():
                    readers[number] = partial(old.read_row_group, group)
        readers |= {number: partial(pq.read_table, file) for number, file in new.items()}

        def write(part: Path) -> None:
            with pq.ParquetWriter(part, schema) as out:
                for number in sorted(readers):
                    rows = readers[number]()
                    if rows.num_rows:  # with one task there is no pair of tasks and no cosine
                        out.write_table(rows.cast(schema), row_group_size=rows.num_rows)

        folder.write_with(name, write)
