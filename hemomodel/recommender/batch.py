"""Writes recommendations for a table of patients; memory does not grow with the table."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from hemomodel.ensemble.conformal import check_coverage
from hemomodel.errors import InputError
from hemomodel.recommender.model import Model
from hemomodel.recommender.patient_inputs import read_inputs
from hemomodel.recommender.recommendations import COLUMN_PARTS, column_notes, headings
from hemomodel.tables.chunked import read_chunks
from hemomodel.tables.output_files import atomic_write, check_output_path, writable
from hemomodel.tables.sheet import Sheet
from hemomodel.tables.streaming_writers import WRITERS

__all__ = ["BatchResult", "check_request", "recommend_file"]

_ROWS = 25_000  # per chunk, at most
_NUMBERS = 25_000_000  # in the design matrix of a chunk, at most


@dataclass(frozen=True)
class BatchResult:
    """The number of patients written, and the number of them outside the training domain."""

    patients: int
    outside: int


def check_request(
    data: Path, out: Path, kind: str | None, coverage: float, *, overwrite: bool
) -> str:
    """Checks a request before the work starts, and returns the format of the output file.

    Raises:
        InputError: the format is unknown, the file exists already or is the data, or the coverage
            is not between 0 and 1.
    """
    check_coverage(coverage)
    suffix = out.suffix.lower().removeprefix(".")
    if kind is None and suffix not in WRITERS:
        raise InputError(
            f"{out}: unknown table format ({out.suffix or 'no suffix'}); use "
            f".{', .'.join(WRITERS)}, or give --format"
        )
    if kind is not None and suffix in WRITERS and suffix != kind:
        raise InputError(
            f"--out {out} has the suffix .{suffix}, but --format is {kind}; give the same format"
        )
    check_output_path(out, overwrite=overwrite)
    if out.exists() and data.exists() and out.samefile(data):
        raise InputError(f"--out {out} is the same file as --data; give another file")
    return kind or suffix


def recommend_file(model: Model, data: Path, out: Path, kind: str, coverage: float) -> BatchResult:
    """Writes one row of recommendations per patient; the file is written completely or not at all.

    Args:
        model: the model that recommends.
        data: the table of patients.
        out: the output file.
        kind: format of the file, one of `WRITERS`.
        coverage: of sets and intervals.

    Raises:
        InputError: the table cannot be read, a value in it does not match the schema, or the file
            cannot be written.
    """
    names = headings(model.fitted.schema)
    notes = column_notes(names, model.fitted.scores, coverage)
    patients = outside = 0

    def advise(sheet: Sheet) -> pd.DataFrame:
        inputs = read_inputs(sheet, model.input_schema, switches=model.fitted.switches)
        return model.advise(inputs, coverage)

    torch.set_num_threads(1)  # chunks already run in parallel, one per core
    cores = os.cpu_count() or 1
    with (
        writable(out),
        atomic_write(out) as part,
        WRITERS[kind](part, notes, _titles(model)) as writer,
        ThreadPoolExecutor(cores) as pool,
    ):
        rows = max(1, min(_ROWS, _NUMBERS // model.fitted.design.width))
        sheets = read_chunks(data, model.input_schema, rows)
        for advice in _in_order(pool, advise, sheets, ahead=cores):
            writer.write(advice)
            patients += len(advice)
            outside += int(advice["Outside"].sum())
    return BatchResult(patients, outside)


def _in_order(
    pool: Executor,
    advise: Callable[[Sheet], pd.DataFrame],
    sheets: Iterable[Sheet],
    *,
    ahead: int,
) -> Iterator[pd.DataFrame]:
    """Yields the advice for each sheet, in order; at most `ahead` sheets are processed early."""
    begun: deque[Future[pd.DataFrame]] = deque()
    for sheet in sheets:
        begun.append(pool.submit(advise, sheet))
        if len(begun) > ahead:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()


def _titles(model: Model) -> Mapping[str, str]:
    """Returns the column names in both languages, by the English column name."""
    return {
        name.column(part): name.column(part, both=True)
        for name in headings(model.fitted.schema)
        for part in ("", *COLUMN_PARTS)
    }
