"""The result of a dialysis session: clearance, Kt/V and the urea before and after it."""

from typing import NamedTuple

import numpy as np

from hemomodel.arrays import Float64s
from hemomodel.cohort.synthetic.random_streams import Value

__all__ = [
    "INTERVAL", "KOA_BY_MODALITY", "MINUTES", "NOISE", "Outcome", "clearance", "dialyzed",
    "kt_v", "outcome", "threshold", "watson", "written_kt_v",
]  # fmt: skip

KOA_BY_MODALITY = np.array([0.72, 0.88, 1.0, 1.1])
"""Urea mass transfer of conventional, high-efficiency, high-flux and HDF, relative to high-flux."""
NOISE = 0.07
"""SD of the logarithm of the achieved Kt/V around its median, see `kt_v`."""
MINUTES = 240.0
"""Duration in the export, which computes Kt/V with it: too high if a session was shorter."""
INTERVAL = 2640.0
"""Time between two sessions in the export, minutes."""

_BLOOD_WATER = 0.894
_KOA = 545.0  # mL/min per m2, at a dialysate flow of 500
_LOWEST, _HIGHEST = 0.25, 3.9  # a hospital treats a Kt/V outside these limits as an error
_HALF_STEP = 0.005  # Kt/V is written with two decimals


class Outcome(NamedTuple):
    """The values that are recorded after the session: (N,) each.

    weight: kg. before, after: BUN, mg/dL. kt_v: computed from these with Daugirdas' second formula.
    """

    weight: Float64s
    before: Float64s
    after: Float64s
    kt_v: Float64s


def clearance(
    blood: Float64s, dialysate: Float64s, area: Float64s, koa_factor: Float64s
) -> Float64s:
    """Returns the urea clearance (mL/min) of a dialyser with counter-current flow (Michaels).

    Args:
        blood: blood flow, mL/min. Only its water carries urea.
        dialysate: dialysate flow, mL/min.
        area: membrane surface, m2.
        koa_factor: mass transfer of the modality, relative to high-flux.
    """
    water = _BLOOD_WATER * blood
    koa = _KOA * area * koa_factor * (1 + 0.0004 * (dialysate - 500))
    ratio = np.exp(koa * (1 / water - 1 / dialysate))
    return np.asarray(water * (ratio - 1) / (ratio - water / dialysate))


def dialyzed(clearance: Float64s, hours: Float64s) -> Float64s:
    """Returns the litres of body water cleared in a session; convection adds 3%."""
    return np.asarray(1.03 * clearance * 60 * hours / 1000)


def watson(female: Float64s, age: Float64s, weight: Float64s, height: Float64s) -> Float64s:
    """Returns total body water, L (Watson, 1980), from sex, age, weight (kg) and height (cm)."""
    women = -2.097 + 0.1069 * height + 0.2466 * weight
    men = 2.447 - 0.09156 * age + 0.1074 * height + 0.3362 * weight
    return np.asarray(np.where(female > 0, women, men))


def kt_v(litres: Float64s, water: Float64s, ultrafiltration: Value) -> Float64s:
    """Returns the median single-pool Kt/V: the parts from diffusion and ultrafiltration."""
    return np.asarray(litres / water + 1.515 * ultrafiltration)


def outcome(
    achieved: Float64s,
    hours: Float64s,
    weight: Float64s,
    ultrafiltration: Float64s,
    protein: Float64s,
) -> Outcome:
    """Returns the values that are recorded after a session with an achieved Kt/V.

    Daugirdas' second formula is solved for the share of urea that remains. The rise of urea between
    two sessions follows from the protein catabolic rate.
    """
    remains = _remains(np.clip(achieved, _LOWEST, _HIGHEST), hours, ultrafiltration)
    before = np.rint((protein - 0.168) * INTERVAL / 54.2 / (1 - remains))
    after = np.maximum(np.rint(remains * before), 1)
    weight_after = np.round(weight / (1 + ultrafiltration), 1)
    written = written_kt_v(after / before, (weight - weight_after) / weight_after)
    return Outcome(weight_after, before, after, np.minimum(written, _HIGHEST))


def written_kt_v(remains: Float64s, removed: Float64s) -> Float64s:
    """Returns the Kt/V of the export, from post/pre BUN and litres removed per kg."""
    return np.round(_daugirdas(remains, MINUTES / 60, removed), 2)


def threshold(limit: float, hours: Float64s, ultrafiltration: float) -> Float64s:
    """Returns the achieved Kt/V above which the written Kt/V is above a limit."""
    limits = np.full_like(hours, limit + _HALF_STEP)
    remains = _remains(limits, MINUTES / 60, ultrafiltration)
    return _daugirdas(remains, hours, ultrafiltration)


def _daugirdas(remains: Float64s, hours: Value, removed: Value) -> Float64s:
    """Returns the single-pool Kt/V (Daugirdas, 1993)."""
    generated = np.maximum(remains - 0.008 * hours, 1e-3)
    return np.asarray(-np.log(generated) + (4 - 3.5 * remains) * removed)


def _remains(kt_v: Float64s, hours: Value, ultrafiltration: Value) -> Float64s:
    """Returns post/pre BUN for a Kt/V, by iteration; a step leaves a third of the error or less."""
    remains = np.full_like(kt_v, 0.25)
    for _ in range(30):
        remains = 0.008 * hours + np.exp((4 - 3.5 * remains) * ultrafiltration - kt_v)
    return remains
