"""The cohort of a study, and the split of its rows into replicates."""

from pathlib import Path

from hemomodel.cohort.cohort import Cohort, load_cohort
from hemomodel.cohort.synthetic.cohort import MAX_ROWS, synthetic_cohort
from hemomodel.dataset.splits import Replicates
from hemomodel.errors import InputError
from hemomodel.schema.schema import Schema, load_schema
from study.settings.settings import Settings

__all__ = ["fresh_replicates", "open_cohort", "open_schema", "outer_folds", "search_replicates"]

_SEEDS_A_STUDY = 10_000


def open_schema(settings: Settings) -> Schema:
    """Returns the schema of the study's table.

    Raises:
        InputError: the schema does not exist or is not valid.
    """
    return load_schema(settings.schema_file) if settings.schema_file else load_schema()


def open_cohort(settings: Settings) -> Cohort:
    """Reads the table, or makes the built-in cohort.

    Raises:
        InputError: the data cannot be read.
    """
    labels, switches = settings.labels, settings.switches
    source = settings.source
    if source.kind == "synthetic":
        if source.rows is None or not 1 <= source.rows <= MAX_ROWS:
            raise InputError(
                f"--data {source.text[:60]}: ROWS is not a whole number from 1 to {MAX_ROWS:,}; "
                "give synthetic:ROWS, such as synthetic:465"
            )
        return synthetic_cohort(
            source.rows,
            seed=settings.seed,
            options=source.options(),
            labels=labels,
            switches=switches,
        )
    return load_cohort(Path(source.text), open_schema(settings), labels=labels, switches=switches)


def outer_folds(settings: Settings) -> int:
    """Returns the number of searches: one, or in a nested study one per outer fold."""
    return settings.outer_folds if settings.nested else 1


def search_replicates(settings: Settings, outer_fold: int = 0) -> Replicates:
    """Returns the replicates that every trial trains."""
    return _replicates(settings, 0, settings.seeds, outer_fold)


def fresh_replicates(settings: Settings, outer_fold: int = 0) -> Replicates:
    """Returns replicates on seeds that the search does not use, with the same held-out rows."""
    return _replicates(settings, _SEEDS_A_STUDY // 2, settings.confirm_seeds, outer_fold)


def _replicates(settings: Settings, start: int, count: int, outer_fold: int) -> Replicates:
    # Two studies with different seeds share no replicate.
    first = settings.seed % (2**31 // _SEEDS_A_STUDY) * _SEEDS_A_STUDY + start
    return Replicates(
        folds=settings.folds,
        seeds=tuple(range(first, first + count)),
        outer_folds=settings.outer_folds,
        outer_fold=outer_fold,
        outer_seed=settings.seed,
    )
