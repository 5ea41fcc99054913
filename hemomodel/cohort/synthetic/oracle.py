"""The best possible prediction: the distribution of each task, given the observed state.

It is a sum over the hidden facts. All sums are over finite sets, so nothing is simulated. The
observed state has the values that the workbook has before the session. The urea and the values
computed from it are not part of it.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from hemomodel.arrays import Float64s
from hemomodel.cohort.synthetic import prescribing_model as laws
from hemomodel.cohort.synthetic.drivers import NO_SHIFTS, Shifts
from hemomodel.cohort.synthetic.prescription import Levels, midpoints
from hemomodel.cohort.synthetic.random_streams import Value
from hemomodel.cohort.synthetic.state import State

__all__ = [
    "ObservedState",
    "PrescriptionLaws",
    "bayes_prediction",
    "exact",
    "observed_state",
    "snapped",
]

# Fistula, graft, catheter: the arguments `graft` and `catheter` of `prescribing_model`.
_ACCESS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))


class ObservedState(NamedTuple):
    """The distributions of the settings that determine Kt/V, given state and vascular access.

    access: (N, 3). modality: (N, 3, 4), by access. blood: (N, 3, Q), by access.
    area: (N, 4, C), by modality. time: (N, C).
    """

    access: Float64s
    modality: Float64s
    blood: Float64s
    area: Float64s
    time: Float64s


class PrescriptionLaws(NamedTuple):
    """The best possible predictions of these settings, as sums over the vascular access.

    The distribution of the access is kept because the doses need it.

    access: (N, 3). modality, area, time: (N, C). blood, dialysate: (N,) mL/min.
    """

    access: Float64s
    modality: Float64s
    area: Float64s
    time: Float64s
    blood: Float64s
    dialysate: Float64s


def snapped(mean: Float64s, sd: Value, levels: Float64s) -> Float64s:
    """Returns the probabilities (N, C) that a level is the nearest one to a normal variable."""
    below = np.zeros((len(mean), len(levels) + 1))
    below[:, -1] = 1
    spread = np.broadcast_to(sd, mean.shape)
    below[:, 1:-1] = ndtr((midpoints(levels) - mean[:, None]) / spread[:, None])
    return np.diff(below, axis=1)


def observed_state(state: State, levels: Levels, shifts: Shifts = NO_SHIFTS) -> ObservedState:
    """Returns the distributions of the settings that determine Kt/V.

    Args:
        state: of N patients.
        levels: of the tasks.
        shifts: added to the logits and means.
    """
    modality = [laws.modality(state, catheter, shifts["modality"]) for _, catheter in _ACCESS]
    flows = [laws.blood_flow(state, *access, shifts["blood_flow"]) for access in _ACCESS]
    blood = [snapped(flow, laws.BLOOD_FLOW_SD, laws.BLOOD_FLOWS) for flow in flows]
    means = [
        laws.surface_area(state, mode == 0, mode == 3, shifts["surface_area"]) for mode in range(4)
    ]
    area = [snapped(mean, laws.AREA_SD, levels["surface_area"]) for mean in means]
    time = np.zeros((len(state), len(levels["session_time"])))
    for residual, p in _either(laws.residual(state)):
        for intolerant, q in _either(laws.intolerance(state)):
            mean = laws.time_mean(state, residual, intolerant, shifts["session_time"])
            law = snapped(mean, laws.time_sd(intolerant), levels["session_time"])
            time += (p * q)[:, None] * law
    return ObservedState(
        laws.access(state), np.stack(modality, 1), np.stack(blood, 1), np.stack(area, 1), time
    )


def exact(law: ObservedState) -> PrescriptionLaws:
    """Returns the distribution of the settings among all patients."""
    modality = np.einsum("na,nam->nm", law.access, law.modality)
    blood = np.einsum("na,naq->nq", law.access, law.blood)
    share = np.array([part for part, _ in laws.DIALYSATE_MIXTURE])
    dialysate = laws.dialysate_mean(laws.BLOOD_FLOWS) @ share
    return PrescriptionLaws(
        access=law.access,
        modality=modality,
        area=np.einsum("nm,nmc->nc", modality, law.area),
        time=law.time,
        blood=blood @ laws.BLOOD_FLOWS,
        dialysate=blood @ dialysate,
    )


def bayes_prediction(
    state: State, levels: Levels, settings: PrescriptionLaws, shifts: Shifts = NO_SHIFTS
) -> dict[str, Float64s]:
    """Returns the best prediction per task: probabilities (N, C), or means (N, 1) in mL/min.

    Args:
        state: of N patients.
        levels: of the tasks.
        settings: those that determine Kt/V.
        shifts: added to the logits and means.
    """
    drug = np.zeros((len(state), 3))
    for procedure, p in ((0.0, 1 - laws.PROCEDURE), (1.0, laws.PROCEDURE)):
        drug += p * laws.anticoagulant(state, procedure, shifts["anticoagulant"])
    hormone = laws.hormone(state)
    baths = [laws.calcium(state, pth_shift, shifts["calcium"]) for pth_shift in laws.PTH_SHIFT]
    calcium = sum(
        hormone[:, [i]] * snapped(bath, laws.CALCIUM_SD, levels["calcium"])
        for i, bath in enumerate(baths)
    )
    doses = (levels["initial_dose"], drug, settings.access, shifts["initial_dose"])
    hourly = (levels["maintenance_dose"], drug, settings.access, shifts["maintenance_dose"])
    return {
        "modality": settings.modality,
        "anticoagulant": drug,
        "initial_dose": _initial_dose(state, *doses),
        "maintenance_dose": _maintenance(state, *hourly),
        "blood_flow": settings.blood[:, None],
        "dialysate_flow": settings.dialysate[:, None],
        "session_time": settings.time,
        "surface_area": settings.area,
        "calcium": np.asarray(calcium),
        "potassium": laws.potassium(state, shifts["potassium"]),
    }


def _initial_dose(
    state: State, levels: Float64s, drug: Float64s, access: Float64s, shift: Value
) -> Float64s:
    result = np.zeros((len(state), len(levels)))
    result[:, 0] = drug[:, 0]
    result[:, 1:] = drug[:, [2]] * snapped(laws.lmwh(state, shift), laws.LMWH_SD, levels[1:])
    for i, hidden in enumerate(_ACCESS):
        dose = snapped(laws.heparin(state, *hidden, shift), laws.HEPARIN_SD, levels[1:])
        result[:, 1:] += access[:, [i]] * drug[:, [1]] * dose
    return result


def _maintenance(
    state: State, levels: Float64s, drug: Float64s, access: Float64s, shift: Value
) -> Float64s:
    result = np.zeros((len(state), len(levels)))
    result[:, 0] = drug[:, 0] + drug[:, 2]
    for i, hidden in enumerate(_ACCESS):
        dose = snapped(laws.maintenance(state, *hidden, shift), laws.MAINTENANCE_SD, levels)
        result += access[:, [i]] * drug[:, [1]] * dose
    return result


def _either(probability: Float64s) -> tuple[tuple[float, Float64s], tuple[float, Float64s]]:
    return (0.0, 1 - probability), (1.0, probability)
