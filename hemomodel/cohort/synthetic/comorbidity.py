"""The comorbidities of a patient: KiDit's codes 1 to 33, from a probit model with three factors."""

import numpy as np
from scipy.special import ndtri

from hemomodel.arrays import Float64s, Mask
from hemomodel.cohort.synthetic.random_streams import Streams

__all__ = ["draw_comorbidity"]

_CODES = range(1, 34)
_PREVALENCE = {
    19: 0.76, 22: 0.46, 30: 0.40, 25: 0.33, 29: 0.22, 20: 0.21, 1: 0.17, 10: 0.10, 4: 0.08,
    8: 0.06, 3: 0.05, 12: 0.05, 13: 0.05, 5: 0.04, 23: 0.035, 24: 0.035, 7: 0.03, 2: 0.02,
    6: 0.02, 11: 0.02, 31: 0.015, 9: 0.01,
}  # fmt: skip
_RARE = 0.006  # of the codes not listed

# Codes that occur together: their loadings on the three factors.
_CARDIOVASCULAR = {1: 0.65, 2: 0.6, 3: 0.4, 19: 0.35, 20: 0.7, 21: 0.5}
_METABOLIC = {11: 0.5, 19: 0.35, 22: 0.65, 29: 0.25, 30: 0.65}
_FRAILTY = {4: 0.5, 8: 0.3, 9: 0.3, 10: 0.35, 16: 0.3, 18: 0.4, 23: 0.4, 26: 0.4, 31: 0.5}
_FRAILTY_BY_AGE = 0.5

# A long vintage adds amyloid (13) and parathyroid surgery (5): code -> (years, probability).
_BY_VINTAGE = {13: (12, 0.08), 5: (10, 0.08)}


def draw_comorbidity(a: Float64s, vintage: Float64s, of: Streams) -> Mask:
    """Draws the flags (N, 33).

    Args:
        a: (N,) age, centred and scaled.
        vintage: (N,) years on dialysis.
        of: the random streams.
    """
    factors = np.stack([of(f"factor {i}").standard_normal(len(a)) for i in range(3)], axis=1)
    factors[:, 2] += _FRAILTY_BY_AGE * a
    flags = np.empty((len(a), len(_CODES)), dtype=bool)
    for i, code in enumerate(_CODES):
        loading = np.array(
            [group.get(code, 0.0) for group in (_CARDIOVASCULAR, _METABOLIC, _FRAILTY)]
        )
        specific = np.sqrt(1 - loading @ loading) * of(f"comorbidity {code}").standard_normal(
            len(a)
        )
        spread = np.hypot(1, _FRAILTY_BY_AGE * loading[2])
        cut = spread * ndtri(1 - _PREVALENCE.get(code, _RARE))
        flags[:, i] = factors @ loading + specific > cut
    for code, (years, chance) in _BY_VINTAGE.items():
        late = of(f"late comorbidity {code}").random(len(a)) < chance
        flags[:, code - 1] |= late & (vintage > years)
    return flags
