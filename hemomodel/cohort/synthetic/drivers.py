"""What the options add to the settings: nonlinear terms of the state, and an effect of the patient.

A term is a function of two state variables without a linear part. It is the sum of their product
and of a checkerboard of thresholds, along two axes. Turning the axes by 90 degrees gives the
opposite function; turning them by 45 degrees gives a function that is not correlated with it.
The sampler and the oracle add the same terms to the same logits and means, see `shifts`.
"""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from hemomodel.arrays import Float64s, Integers
from hemomodel.cohort.synthetic.options import SyntheticOptions
from hemomodel.cohort.synthetic.random_streams import Streams, Value, draw_categories
from hemomodel.cohort.synthetic.state import State

__all__ = ["NO_SHIFTS", "Shifts", "draw_effect", "effects", "shifts"]

Shifts: TypeAlias = Mapping[str, Value]
"""Name of a task -> what is added to its logit or mean, (N,) or one number."""

# One standard deviation of a term, about that of the linear part: logits, U, U/h, mL/min, h, m2,
# meq/L. The dialysate flow has no term of its own, because it follows from the blood flow.
_SCALES = {
    "modality": 1.0,
    "anticoagulant": 1.0,
    "initial_dose": 410.0,
    "maintenance_dose": 190.0,
    "blood_flow": 23.0,
    "session_time": 0.15,
    "surface_area": 0.24,
    "calcium": 0.31,
    "potassium": 2.1,
}
NO_SHIFTS: Shifts = dict.fromkeys(_SCALES, 0.0)

# The pairs of variables of the shared terms, and those of each task's own terms. No pair occurs
# twice, and each task reads four variables in each case, so that no option is harder by itself.
_SHARED = (("age", "potassium"), ("weight", "phosphorus"))
_OWN = {
    "modality": (("age", "sodium"), ("weight", "calcium")),
    "anticoagulant": (("hemoglobin", "calcium"), ("weight", "vintage")),
    "initial_dose": (("age", "hemoglobin"), ("sodium", "phosphorus")),
    "maintenance_dose": (("vintage", "creatinine"), ("weight", "sodium")),
    "blood_flow": (("hemoglobin", "vintage"), ("calcium", "phosphorus")),
    "session_time": (("age", "calcium"), ("creatinine", "potassium")),
    "surface_area": (("hemoglobin", "potassium"), ("sodium", "vintage")),
    "calcium": (("age", "weight"), ("creatinine", "sodium")),
    "potassium": (("weight", "hemoglobin"), ("calcium", "vintage")),
}

# Mean and SD of a variable; those of vintage are of its logarithm.
_MOMENTS = {
    "age": (66.6, 12.4),
    "weight": (62.0, 13.4),
    "vintage": (1.95, 0.9),
    "hemoglobin": (10.5, 1.36),
    "creatinine": (9.75, 2.35),
    "sodium": (137.8, 3.1),
    "potassium": (4.52, 0.72),
    "calcium": (4.4, 0.43),
    "phosphorus": (5.0, 1.24),
}
_FARTHEST = 2.5  # SDs; a product of two extreme values would leave the plausible settings
_TERM_SD = (2 + 4 / np.pi) ** 0.5  # of product plus checkerboard, for two normal variables

# The effect of the patient has three values of equal probability, so the oracle can sum over it.
_EFFECTS = (-(1.5**0.5), 0.0, 1.5**0.5)
_EFFECT_SCALE = 0.7  # SD of the effect, as a share of _SCALES
_EFFECT_SIGNS = dict(zip(_SCALES, (1, -1, 1, 1, 1, -1, 1, -1, 1), strict=True))


def effects(options: SyntheticOptions) -> list[tuple[float, float]]:
    """Returns the values that the effect of a patient can have, each with its probability."""
    if options.sessions == 1:
        return [(0.0, 1.0)]
    return [(effect, 1 / len(_EFFECTS)) for effect in _EFFECTS]


def draw_effect(patient: Integers, options: SyntheticOptions, of: Streams) -> Float64s:
    """Draws the effect (N,) of each row's patient.

    Args:
        patient: (N,) the number of the patient in each row, from 0, in ascending order.
        options: of the cohort.
        of: the random streams.
    """
    values, shares = np.array(effects(options)).T
    laws = np.broadcast_to(shares, (int(patient[-1]) + 1, len(shares)))
    return np.asarray(values[draw_categories(of("patient effect"), laws)][patient])


def shifts(state: State, options: SyntheticOptions, effect: Value) -> Shifts:
    """Returns what the options add to the logit or mean of each setting.

    Args:
        state: of N patients before treatment.
        options: of the cohort.
        effect: of the patient, (N,) or one number.
    """
    if options == SyntheticOptions():
        return NO_SHIFTS
    variables = _standardised(state)
    added: dict[str, Value] = {}
    for place, (task, scale) in enumerate(_SCALES.items()):
        angle = options.conflict * np.pi * place / len(_SCALES)
        term = options.shared**0.5 * _terms(variables, _SHARED, angle)
        term += (1 - options.shared) ** 0.5 * _terms(variables, _OWN[task], 0.0)
        of_patient = _EFFECT_SCALE * _EFFECT_SIGNS[task] * effect
        added[task] = scale * (options.interactions * term + of_patient)
    return added


def _standardised(state: State) -> dict[str, Float64s]:
    """Returns the variables (N,) of the terms, centred, scaled and limited."""
    values = {name: getattr(state, name) for name in _MOMENTS}
    values["vintage"] = np.log1p(state.vintage)
    return {
        name: ((values[name] - mean) / sd).clip(-_FARTHEST, _FARTHEST)
        for name, (mean, sd) in _MOMENTS.items()
    }


def _terms(
    variables: Mapping[str, Float64s], pairs: tuple[tuple[str, str], ...], angle: float
) -> Float64s:
    """Returns (N,) the terms of these pairs along axes turned by an angle; its SD is about 1."""
    total = np.zeros(len(variables["age"]))
    cos, sin = np.cos(angle), np.sin(angle)
    for first, second in pairs:
        x = cos * variables[first] + sin * variables[second]
        y = cos * variables[second] - sin * variables[first]
        total += x * y + np.sign(x) * np.sign(y)
    return np.asarray(total / (_TERM_SD * len(pairs) ** 0.5))
