"""The distribution of each setting, given the state of a patient and the hidden facts.

The sampler draws from these distributions, and the oracle sums over them, so both use the same
coefficients. Logits are (N, C); means are (N,). A hidden fact, such as the vascular access, has no
column in the workbook. It is one number for all patients (in the oracle) or one number per patient
(in the sampler). A `shift` is added to a logit or a mean, see `drivers`; by default it is 0.
"""

import numpy as np
from scipy.special import expit, softmax

from hemomodel.arrays import Float64s
from hemomodel.cohort.synthetic.random_streams import Value
from hemomodel.cohort.synthetic.state import State

__all__ = [
    "AREA_SD", "BLOOD_FLOWS", "BLOOD_FLOW_SD", "CALCIUM_SD", "DIALYSATE_MIXTURE", "HEPARIN_SD",
    "LMWH_SD", "MAINTENANCE_SD", "PROCEDURE", "PTH_SHIFT", "access", "anticoagulant",
    "blood_flow", "calcium", "dialysate_mean", "heparin", "hormone", "intolerance", "lmwh",
    "maintenance", "modality", "potassium", "residual", "surface_area", "time_mean", "time_sd",
]  # fmt: skip

PROCEDURE = 0.08
"""Probability of a recent procedure. After one, most patients get no anticoagulant."""
PTH_SHIFT = (-0.7, 0.0, 0.75)
"""Added to the `wish` for calcium: parathyroid hormone below 150, up to 500, above 500."""

HEPARIN_SD, LMWH_SD, MAINTENANCE_SD = 260.0, 300.0, 120.0
BLOOD_FLOW_SD, AREA_SD, CALCIUM_SD = 17.0, 0.11, 0.16

BLOOD_FLOWS = np.arange(150.0, 351.0, 10.0)
"""Settings of the blood pump, mL/min."""
DIALYSATE_MIXTURE = ((0.58, 8.0), (0.34, 11.0), (0.08, 32.0))
"""Share and SD (mL/min) of three dialysate flows: standard, linear in blood flow, and high."""


# Hidden facts.


def access(state: State) -> Float64s:
    """Returns probabilities (N, 3) of a fistula, a graft and a catheter."""
    a, f = state.a, state.female
    graft = -1.95 + 0.25 * a + 0.25 * f + 0.3 * state.has(22)
    catheter = -2.05 + 0.45 * a + 0.3 * f + 0.5 * state.has(1) - 0.03 * (state.vintage - 9)
    return _softmax(np.zeros_like(a), graft, catheter)


def hormone(state: State) -> Float64s:
    """Returns probabilities (N, 3) of parathyroid hormone below 150, up to 500, above 500."""
    low = 0.45 + 0.3 * state.a
    high = -0.55 + 0.25 * (state.phosphorus - 5) / 1.24 + 0.3 * (state.vintage - 9) / 7.7
    return _softmax(low, np.full_like(low, 0.75), high - 2.5 * state.has(5))


def residual(state: State) -> Float64s:
    """Returns the probability (N,) of residual urine."""
    return expit(0.3 - 0.55 * state.vintage)


def intolerance(state: State) -> Float64s:
    """Returns the probability (N,) that long sessions are not tolerated."""
    return expit(-2.55 + 0.5 * state.a + 0.8 * state.has(1) + 1.5 * state.has(18))


# Settings that are drawn from the probabilities of their levels.


def modality(state: State, catheter: Value, shift: Value = 0.0) -> Float64s:
    """Returns probabilities (N, 4): conventional, high-efficiency, high-flux, HDF.

    The shift moves patients from high-efficiency to HDF.
    """
    a, w, phosphorus = state.a, state.w, state.phosphorus - 5
    bone = np.maximum(state.has(12), state.has(13))
    hdf = -2.1 + 0.9 * (state.vintage > 10) + bone + 0.35 * phosphorus - 0.5 * a - 1.5 * catheter
    efficient = -2.3 + 0.5 * a - 0.4 * w - 0.25 * phosphorus
    conventional = -3.9 + 0.9 * a - 0.5 * w
    return _softmax(conventional, efficient - shift, np.zeros_like(a), hdf + shift)


def anticoagulant(state: State, procedure: Value, shift: Value = 0.0) -> Float64s:
    """Returns probabilities (N, 3): none, heparin, low-molecular-weight heparin.

    The shift moves patients from none to low-molecular-weight heparin.
    """
    bleeding = -1.35 + 1.9 * state.has(10) + 1.4 * state.has(7) + 1.1 * state.has(4)
    bleeding += 0.8 * state.has(8) + 0.016 * np.maximum(160 - state.platelets, 0)
    bleeding += 0.6 * np.maximum(9.5 - state.hemoglobin, 0) + 0.25 * state.a
    light = -1.15 + 0.8 * state.has(22) + 0.6 * state.has(30) - 0.5 * state.female
    light += 0.45 * (state.potassium - 4.5) / 0.69
    none = bleeding + 3 * procedure - shift
    return _softmax(none, np.zeros_like(light), light + shift)


def potassium(state: State, shift: Value = 0.0) -> Float64s:
    """Returns probabilities (N, 2) of a bath of 2 and of 3 meq/L."""
    logit = -1.55 - 2.9 * (state.potassium - 4.1) + 0.5 * state.has(20) + 0.4 * state.has(4)
    logit += shift
    return np.stack([expit(-logit), expit(logit)], axis=1)


# Means of the settings that are drawn from a normal distribution, then rounded.


def heparin(state: State, graft: Value, catheter: Value, shift: Value = 0.0) -> Float64s:
    """Returns the mean initial dose (N,) of heparin, U."""
    thick = (state.hematocrit - 32) / 4.5
    usual = 1020 + 330 * state.w + 130 * thick - 160 * state.a + 170 * graft + 240 * catheter
    return usual + shift


def lmwh(state: State, shift: Value = 0.0) -> Float64s:
    """Returns the mean dose (N,) of low-molecular-weight heparin, U."""
    return 2150 + 420 * state.w - 120 * state.a + shift


def maintenance(state: State, graft: Value, catheter: Value, shift: Value = 0.0) -> Float64s:
    """Returns the mean maintenance dose (N,) of heparin, U/h."""
    thick = (state.hematocrit - 32) / 4.5
    usual = 520 + 150 * state.w + 60 * thick - 80 * state.a + 60 * graft + 110 * catheter
    return usual + shift


def blood_flow(state: State, graft: Value, catheter: Value, shift: Value = 0.0) -> Float64s:
    """Returns the mean blood flow (N,), mL/min."""
    usual = 251 + 17 * state.w - 11 * state.a - 7 * state.female + 4 * (state.potassium - 4.5)
    return usual + 5 * graft - 30 * catheter + shift


def dialysate_mean(blood: Float64s) -> Float64s:
    """Returns the means (..., 3) of the three dialysate flows, given the blood flow (...)."""
    return np.stack([np.full_like(blood, 500), 1.95 * blood + 15, np.full_like(blood, 690)], -1)


def time_mean(state: State, residual: Value, intolerant: Value, shift: Value = 0.0) -> Float64s:
    """Returns the mean session time (N,), h."""
    usual = 4.12 + 0.10 * state.w - 0.07 * state.a + 0.03 * (state.phosphorus - 5)
    return usual - 0.15 * residual - 0.66 * intolerant + shift


def time_sd(intolerant: Value) -> Value:
    """Returns the SD of the session time, h."""
    return 0.17 + 0.27 * intolerant


def surface_area(state: State, conventional: Value, hdf: Value, shift: Value = 0.0) -> Float64s:
    """Returns the mean dialyser surface (N,), m2."""
    usual = 1.76 + 0.20 * state.w - 0.07 * state.a - 0.06 * state.female
    return usual - 0.12 * conventional + 0.05 * hdf + shift


def calcium(state: State, pth_shift: Value, shift: Value = 0.0) -> Float64s:
    """Returns the mean calcium of the dialysate (N,), meq/L."""
    wish = -0.95 * (state.calcium - 4.395) / 0.443 + 1.6 * state.has(5)
    wish -= 0.35 * (state.calcium_phosphorus - 44) / 11.7
    return 2.93 + 0.26 * (wish + pth_shift) + shift


def _softmax(*logits: Float64s) -> Float64s:
    return np.asarray(softmax(np.stack(logits, axis=1), axis=1))
