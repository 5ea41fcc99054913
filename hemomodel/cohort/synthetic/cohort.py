"""Makes a synthetic workbook and its cohort, with the best possible prediction for every row."""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from hemomodel.arrays import Float64s
from hemomodel.cohort.cohort import Cohort, build_cohort, names_of_true
from hemomodel.cohort.synthetic import drivers, oracle, selection, session
from hemomodel.cohort.synthetic.missingness import candidate_count, draw_gaps
from hemomodel.cohort.synthetic.options import SyntheticOptions
from hemomodel.cohort.synthetic.patients import draw_patients
from hemomodel.cohort.synthetic.prescription import Levels, draw_prescription
from hemomodel.cohort.synthetic.random_streams import named_streams
from hemomodel.cohort.synthetic.state import Latent, State
from hemomodel.cohort.synthetic.workbook import workbook
from hemomodel.errors import InputError
from hemomodel.schema.entries import Labels
from hemomodel.schema.schema import Schema, load_schema

__all__ = ["MAX_ROWS", "bayes_optimum", "synthetic_cohort", "synthetic_workbook"]

MAX_ROWS = 10_000_000  # about one kilobyte per row
_CHUNK = 20_000  # rows per step, which limits the memory of the oracle
_CHUNK_SELECTED = 1_000  # fewer rows, because the arrays are larger and must fit in the cache
_DEFAULT = SyntheticOptions()


@dataclass(frozen=True, eq=False)
class _Population:
    """A workbook and the complete state of its N rows, without missing values."""

    table: pd.DataFrame
    state: State


def synthetic_workbook(
    rows: int = 465, seed: int = 0, *, options: SyntheticOptions = _DEFAULT
) -> tuple[pd.DataFrame, Float64s]:
    """Makes a workbook of synthetic patients, in the format of the hospital's export.

    With 465 rows it has exactly the attrition of the published notebooks: 229 rows are left after
    cleaning, or 223 if comorbidities are required. With another number of rows it has the rates
    of the notebooks, and a longer workbook begins with the rows of a shorter one of the same seed.

    Args:
        rows: N.
        seed: from 0 up.
        options: what differs from the default cohort.

    Returns:
        The workbook (N, 58), and the best possible predictions (N, K) among all patients; see
        `bayes_optimum`.

    Raises:
        InputError: rows or seed are out of range.
    """
    schema = load_schema()
    made = _make(rows, seed, schema, options)
    return made.table, bayes_optimum(made.state, schema, options=options)


def synthetic_cohort(  # noqa: PLR0913 - its own options and those of load_cohort
    rows: int = 465,
    seed: int = 0,
    *,
    options: SyntheticOptions = _DEFAULT,
    labels: Labels = "complete",
    switches: Collection[str] = (),
    require_comorbidities: bool = False,
    legacy_age: bool = False,
) -> Cohort:
    """Makes the cohort of a synthetic workbook.

    Its `bayes_prediction` is the best possible prediction from the state before treatment, among
    the sessions that are kept because their Kt/V is above 1.2. It uses the complete state, also
    where a cell of the workbook is missing.

    Args:
        rows: the number of rows of the workbook; about half of them are kept.
        seed: from 0 up.
        options: what differs from the default cohort.
        labels: as in `load_cohort`.
        switches: as in `load_cohort`.
        require_comorbidities: as in `load_cohort`.
        legacy_age: as in `load_cohort`.

    Raises:
        InputError: rows or seed are out of range, or the filters leave no row.
    """
    schema = load_schema()
    flags = names_of_true(require_comorbidities=require_comorbidities, legacy_age=legacy_age)
    made = _make(rows, seed, schema, options)
    cohort = build_cohort(
        made.table,
        schema,
        source=f"synthetic workbook of {rows} rows",
        labels=labels,
        switches=flags.union(switches),
    )
    state = made.state.take(cohort.rows)
    optimum = bayes_optimum(state, schema, selected=True, options=options)
    return replace(cohort, bayes_prediction=optimum)


def bayes_optimum(
    state: State, schema: Schema, *, selected: bool = False, options: SyntheticOptions = _DEFAULT
) -> Float64s:
    """Returns the best possible predictions for N patients, (N, K) in the layout of the heads.

    They are the probabilities of the levels of each classification, and the mean of each
    regression (mL/min). They are sums over all hidden facts, also over the effect of the patient.
    The urea before and after the session is not used, and neither are other sessions.

    Args:
        state: before treatment.
        schema: has the tasks and their levels.
        selected: among the sessions with a Kt/V above 1.2; otherwise among all sessions.
        options: of the cohort.
    """
    levels = _levels(schema)
    chunk = _CHUNK_SELECTED if selected else _CHUNK
    result = np.empty((len(state), sum(task.size for task in schema.tasks)))
    for start in range(0, len(state), chunk):
        rows = slice(start, start + chunk)
        by_task = _law(state.take(rows), levels, options, selected=selected)
        result[rows] = np.concatenate([by_task[task.name] for task in schema.tasks], axis=1)
    return result


def _law(
    state: State, levels: Levels, options: SyntheticOptions, *, selected: bool
) -> dict[str, Float64s]:
    """Returns the best prediction per task: its mean over the effects that a patient can have."""
    weights, predictions = [], []
    for effect, probability in drivers.effects(options):
        shifts = drivers.shifts(state, options, effect)
        given = oracle.observed_state(state, levels, shifts)
        if selected:
            settings, chance = selection.kept(state, given, levels)
        else:
            settings, chance = oracle.exact(given), np.ones(len(state))
        # A kept session says something about the effect: P(effect | kept) ~ P(effect) P(kept | it).
        weights.append(probability * chance)
        predictions.append(oracle.bayes_prediction(state, levels, settings, shifts))
    shares = [(weight / np.sum(weights, axis=0))[:, None] for weight in weights]
    return {
        task: np.sum([p * by_task[task] for p, by_task in zip(shares, predictions, strict=True)], 0)
        for task in predictions[0]
    }


def _make(
    rows: int, seed: int, schema: Schema, options: SyntheticOptions = _DEFAULT
) -> _Population:
    if rows < 1:
        raise InputError(
            f"a synthetic workbook needs at least one row, found rows={rows}; give 1 or more"
        )
    if rows > MAX_ROWS:
        raise InputError(
            f"a synthetic workbook has at most {MAX_ROWS:,} rows, found rows={rows}; give fewer"
        )
    of, levels = named_streams(seed), _levels(schema)
    state, latent = draw_patients(candidate_count(rows), of, options.sessions)
    effect = drivers.draw_effect(np.arange(len(state)) // options.sessions, options, of)
    shifts = drivers.shifts(state, options, effect)
    prescription = draw_prescription(state, levels, of, shifts)
    outcome = _hold_session(state, latent, prescription, levels)
    records = draw_gaps(rows, outcome.kt_v > selection.LIMIT, of, options.sessions)
    chosen = records.session
    state = state.take(chosen)
    prescription = {name: values[chosen] for name, values in prescription.items()}
    outcome = session.Outcome(*(values[chosen] for values in outcome))
    return _Population(workbook(schema, state, prescription, outcome, records, of), state)


def _hold_session(
    state: State, latent: Latent, prescription: dict[str, Float64s], levels: Levels
) -> session.Outcome:
    mode = np.searchsorted(levels["modality"], prescription["modality"])
    cleared = session.clearance(
        prescription["blood_flow"],
        prescription["dialysate_flow"],
        prescription["surface_area"],
        session.KOA_BY_MODALITY[mode],
    )
    hours, removed = prescription["session_time"], latent.ultrafiltration
    after = state.weight / (1 + removed)
    water = session.watson(state.female, state.age, after, latent.height)
    median = session.kt_v(session.dialyzed(cleared, hours), water, removed)
    achieved = median * np.exp(session.NOISE * latent.luck)
    return session.outcome(achieved, hours, state.weight, removed, latent.protein)


def _levels(schema: Schema) -> Levels:
    return {task.name: np.array(task.levels) for task in schema.tasks}
