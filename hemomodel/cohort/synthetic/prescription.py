"""Draws one prescription per patient. The hidden facts are drawn too, but not returned."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from hemomodel.arrays import Float64s
from hemomodel.cohort.synthetic import prescribing_model as laws
from hemomodel.cohort.synthetic.drivers import NO_SHIFTS, Shifts
from hemomodel.cohort.synthetic.random_streams import Streams, Value, draw_categories
from hemomodel.cohort.synthetic.state import State

__all__ = ["Levels", "draw_prescription", "midpoints"]

Levels: TypeAlias = Mapping[str, Float64s]
"""Name of a task -> its levels in ascending order."""


def midpoints(levels: Float64s) -> Float64s:
    """Returns the points halfway between neighbouring levels."""
    return np.asarray((levels[1:] + levels[:-1]) / 2)


def draw_prescription(
    state: State, levels: Levels, of: Streams, shifts: Shifts = NO_SHIFTS
) -> dict[str, Float64s]:
    """Returns the settings (N,) of the ten tasks by name, in the workbook's units.

    Args:
        state: of the N patients.
        levels: of the tasks.
        of: the random streams.
        shifts: added to the logits and means.
    """

    def chance(name: str, probability: Value) -> Float64s:
        return (of(name).random(len(state)) < probability).astype(float)

    def near(name: str, mean: Float64s, sd: Value, choice: Float64s) -> Float64s:
        value = mean + sd * of(name).standard_normal(len(state))
        return np.asarray(choice[np.searchsorted(midpoints(choice), value)])

    access = draw_categories(of("access"), laws.access(state))
    graft, catheter = (access == 1).astype(float), (access == 2).astype(float)
    procedure = chance("procedure", laws.PROCEDURE)
    hormone = np.array(laws.PTH_SHIFT)[draw_categories(of("hormone"), laws.hormone(state))]
    residual = chance("residual", laws.residual(state))
    intolerant = chance("intolerance", laws.intolerance(state))

    mode = draw_categories(of("modality"), laws.modality(state, catheter, shifts["modality"]))
    chances = laws.anticoagulant(state, procedure, shifts["anticoagulant"])
    drug = draw_categories(of("anticoagulant"), chances)
    positive = levels["initial_dose"][1:]  # with an anticoagulant, the initial dose is above 0
    heparin = laws.heparin(state, graft, catheter, shifts["initial_dose"])
    heparin = near("heparin", heparin, laws.HEPARIN_SD, positive)
    lmwh = near("lmwh", laws.lmwh(state, shifts["initial_dose"]), laws.LMWH_SD, positive)
    hourly = laws.maintenance(state, graft, catheter, shifts["maintenance_dose"])
    hourly = near("maintenance", hourly, laws.MAINTENANCE_SD, levels["maintenance_dose"])
    blood = laws.blood_flow(state, graft, catheter, shifts["blood_flow"])
    blood = near("blood flow", blood, laws.BLOOD_FLOW_SD, laws.BLOOD_FLOWS)
    time = laws.time_mean(state, residual, intolerant, shifts["session_time"])
    area = laws.surface_area(state, mode == 0, mode == 3, shifts["surface_area"])
    calcium = laws.calcium(state, hormone, shifts["calcium"])
    bath = draw_categories(of("potassium bath"), laws.potassium(state, shifts["potassium"]))
    return {
        "modality": levels["modality"][mode],
        "anticoagulant": levels["anticoagulant"][drug],
        "initial_dose": np.choose(drug, [np.zeros_like(heparin), heparin, lmwh]),
        "maintenance_dose": np.where(drug == 1, hourly, 0.0),
        "blood_flow": blood,
        "dialysate_flow": _dialysate(blood, of),
        "session_time": near("time", time, laws.time_sd(intolerant), levels["session_time"]),
        "surface_area": near("area", area, laws.AREA_SD, levels["surface_area"]),
        "calcium": near("bath", calcium, laws.CALCIUM_SD, levels["calcium"]),
        "potassium": levels["potassium"][bath],
    }


def _dialysate(blood: Float64s, of: Streams) -> Float64s:
    share, sd = np.array(laws.DIALYSATE_MIXTURE).T
    part = draw_categories(of("dialysate part"), np.broadcast_to(share, (len(blood), len(share))))
    mean = np.take_along_axis(laws.dialysate_mean(blood), part[:, None], axis=1)[:, 0]
    return np.asarray(np.rint(mean + sd[part] * of("dialysate flow").standard_normal(len(blood))))
