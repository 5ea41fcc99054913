"""One built-in patient, treated many times: frequencies to compare the oracle with."""

import numpy as np

from hemomodel.arrays import Float64s, Mask
from hemomodel.cohort.synthetic import cohort as synthetic
from hemomodel.cohort.synthetic import drivers, selection
from hemomodel.cohort.synthetic.options import SyntheticOptions
from hemomodel.cohort.synthetic.prescription import draw_prescription
from hemomodel.cohort.synthetic.random_streams import named_streams
from hemomodel.cohort.synthetic.state import Latent, State, height_law, ultrafiltration
from hemomodel.schema.schema import load_schema

SCHEMA = load_schema()
LEVELS = {task.name: np.array(task.levels) for task in SCHEMA.tasks}
SIZES = [task.size for task in SCHEMA.tasks]
PLACES = {
    task.name: slice(end - task.size, end)
    for task, end in zip(SCHEMA.tasks, np.cumsum(SIZES), strict=True)
}
CLASSES = [task.name for task in SCHEMA.tasks if task.kind == "classification"]
FLOWS = [task.name for task in SCHEMA.tasks if task.kind == "regression"]


def repeated(
    state: State, row: int, count: int, seed: int, options: SyntheticOptions | None = None
) -> tuple[dict[str, Float64s], Mask]:
    """Treats one patient many times; returns prescriptions and which sessions are kept.

    The hidden facts, and the effect of the patient, are drawn anew each time.
    """
    options = options or SyntheticOptions()
    of = named_streams(seed)
    copies = state.take(np.full(count, row))
    effect = drivers.draw_effect(np.arange(count), options, of)
    shifts = drivers.shifts(copies, options, effect)
    prescription = draw_prescription(copies, LEVELS, of, shifts)
    mean, sd = height_law(copies.female)
    latent = Latent(
        protein=1.222 + 0.285 * of("repeated protein").standard_normal(count).clip(-2.5, 3),
        ultrafiltration=ultrafiltration(of("repeated removal").standard_normal(count)),
        height=mean + sd * of("repeated height").standard_normal(count),
        luck=of("repeated luck").standard_normal(count),
    )
    outcome = synthetic._hold_session(copies, latent, prescription, LEVELS)
    return prescription, outcome.kt_v > selection.LIMIT


def assert_frequencies(oracle: Float64s, prescription: dict[str, Float64s], rows: Mask) -> None:
    """Compares the oracle (K,) of one patient with the frequencies among some of his sessions."""
    for task in CLASSES:
        index = np.searchsorted(LEVELS[task], prescription[task][rows])
        p = oracle[PLACES[task]]
        frequency = np.bincount(index, minlength=len(p)) / rows.sum()
        error = np.sqrt(p * (1 - p) / rows.sum())
        assert (np.abs(frequency - p) <= 4.5 * error + 3e-4).all(), task
    for task in FLOWS:
        values = prescription[task][rows]
        error = values.std() / np.sqrt(len(values))
        assert abs(values.mean() - oracle[PLACES[task]][0]) <= 4 * error + 0.02, task
