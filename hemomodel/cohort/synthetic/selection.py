"""The best possible prediction among the kept sessions: those with a written Kt/V above 1.2.

Whether a session is kept depends on its prescription. So the selection changes the distribution
of the prescription: p(y | x, kept) is proportional to p(y | x) P(kept | x, y). The sum over all
settings that determine Kt/V is finite and is computed completely. It is cheap because the urea
clearance of given settings is the same for all patients. A patient affects the result only by
body water and ultrafiltration. So the distribution of the clearance is a table on a grid of log
clearances, computed once.
Only height and ultrafiltration are integrated numerically (Gauss-Hermite). The rounding of BUN to
whole numbers is approximated by a little more noise.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import ndtr

from hemomodel.arrays import Float64s
from hemomodel.cohort.synthetic import prescribing_model as laws
from hemomodel.cohort.synthetic import session
from hemomodel.cohort.synthetic.oracle import ObservedState, PrescriptionLaws
from hemomodel.cohort.synthetic.prescription import Levels
from hemomodel.cohort.synthetic.state import State, height_law, ultrafiltration

__all__ = ["LIMIT", "adequate", "kept"]

LIMIT = 1.2
"""Sessions with a written Kt/V above this limit are kept."""

_STEP = 0.02  # of the grids; the error of the cubic interpolation is about 1e-5
_FLOWS = np.arange(200.0, 1001.0)  # the dialysate flows that occur, mL/min
_NODES = 3  # of height and of ultrafiltration; with 9, no probability changes by 1e-4 or more
_ROUNDING = 0.012  # SD that writing BUN in whole numbers adds to log Kt/V near the limit
_FULL_TIME = np.array([session.MINUTES / 60])


class _Tables(NamedTuple):
    """The arrays that are the same for all patients; G and H are points of the two grids.

    litres: (G,) log litres cleared. at_clearance: (G, C H) interpolates a function of log litres
    at each session time and log clearance. law: (S, H) the distribution of log clearance for each
    setting S of blood flow, modality and area, summed over the dialysate flow. flow: (S, H) the
    same sum, with each term multiplied by the dialysate flow.
    """

    litres: Float64s
    at_clearance: Float64s
    law: Float64s
    flow: Float64s


def kept(state: State, given: ObservedState, levels: Levels) -> tuple[PrescriptionLaws, Float64s]:
    """Returns the distribution of the settings among kept sessions, and P(kept | state), (N,)."""
    areas, times = levels["surface_area"], levels["session_time"]
    tables = _tables(tuple(areas), tuple(times))
    n, modes = given.modality.shape[0], given.modality.shape[2]
    passed = adequate(state, tables.litres) @ tables.at_clearance
    passed = passed.reshape(n, len(times), -1)  # (N, C, H)
    over_time = np.einsum("nc,nch->nh", given.time, passed)
    by_machine = (over_time @ tables.law.T).reshape(n, -1, modes, len(areas))
    pump = np.einsum("na,naq,nam->nqm", given.access, given.blood, given.modality)
    machine = pump[..., None] * given.area[:, None]  # (N, blood, modality, area)
    both = machine * by_machine
    total = both.sum((1, 2, 3))
    per = 1 / total[:, None]
    by_pump = np.einsum("nmc,nqmc->nqm", given.area, by_machine)
    by_access = np.einsum("naq,nam,nqm->na", given.blood, given.modality, by_pump, optimize=True)
    clearance = machine.reshape(n, -1) @ tables.law
    flow = ((machine.reshape(n, -1) @ tables.flow) * over_time).sum(1)
    settings = PrescriptionLaws(
        access=given.access * by_access * per,
        modality=both.sum((1, 3)) * per,
        area=both.sum((1, 2)) * per,
        time=given.time * np.einsum("nh,nch->nc", clearance, passed) * per,
        blood=both.sum((2, 3)) @ laws.BLOOD_FLOWS / total,
        dialysate=flow / total,
    )
    return settings, total


def adequate(state: State, log_litres: Float64s, nodes: int = _NODES) -> Float64s:
    """Returns P(kept | state, litres cleared in 4 hours), (N, G), of log litres (G,)."""
    result = np.zeros((len(state), len(log_litres)))
    litres = np.exp(log_litres)
    noise = np.hypot(session.NOISE, _ROUNDING)
    mean, sd = height_law(state.female)
    for v, p in _normal(nodes):
        removed = float(ultrafiltration(v))
        limit = session.threshold(LIMIT, _FULL_TIME, removed)
        after = state.weight / (1 + removed)
        for z, q in _normal(nodes):
            water = session.watson(state.female, state.age, after, mean + sd * z)
            reached = session.kt_v(litres, water[:, None], removed)
            result += p * q * ndtr(np.log(reached / limit) / noise)
    return result


@cache
def _tables(areas: tuple[float, ...], times: tuple[float, ...]) -> _Tables:
    flow, blood, factor, area = np.meshgrid(
        _FLOWS, laws.BLOOD_FLOWS, session.KOA_BY_MODALITY, np.array(areas), indexing="ij"
    )
    clearance = np.log(session.clearance(blood, flow, area, factor)).reshape(len(_FLOWS), -1)
    law = np.repeat(_dialysate_law(), len(session.KOA_BY_MODALITY) * len(areas), axis=1)
    clearances = _grid(clearance)
    litres = clearances + _log_litres(np.array(times))[:, None]
    grid = _grid(litres)
    return _Tables(
        litres=grid,
        at_clearance=_spread(litres.reshape(1, -1), np.ones((1, litres.size)), grid).T,
        law=_spread(clearance, law, clearances),
        flow=_spread(clearance, law * _FLOWS[:, None], clearances),
    )


def _log_litres(hours: Float64s) -> Float64s:
    """Returns the number that is added to log clearance (mL/min) to get 4-hour log litres.

    The export computes Kt/V as if every session lasted 4 hours. So a short session is credited with
    some litres. The credit is exact for the typical ultrafiltration at the limit, where it matters.
    """
    removed = float(ultrafiltration(0.0))
    offset = session.kt_v(np.zeros(1), np.ones(1), removed)
    needed = session.threshold(LIMIT, hours, removed) - offset
    credit = (session.threshold(LIMIT, _FULL_TIME, removed) - offset) / needed
    return np.asarray(np.log(session.dialyzed(np.ones(1), hours) * credit))


def _dialysate_law() -> Float64s:
    """Returns the probabilities (D, Q) of the dialysate flows in _FLOWS, by blood flow."""
    means = laws.dialysate_mean(laws.BLOOD_FLOWS)
    share, sd = np.array(laws.DIALYSATE_MIXTURE).T
    flows = _FLOWS[:, None, None]
    parts = share * (ndtr((flows + 0.5 - means) / sd) - ndtr((flows - 0.5 - means) / sd))
    return np.asarray(parts.sum(2))


def _grid(values: Float64s) -> Float64s:
    """Returns a grid that extends beyond the values by two points on each side."""
    start = values.min() - 2 * _STEP
    return np.asarray(start + _STEP * np.arange(int((values.max() - start) / _STEP) + 4))


def _spread(values: Float64s, weights: Float64s, grid: Float64s) -> Float64s:
    """Returns (S, G): the weights (D, S) of the values (D, S), spread over the points of a grid.

    The weights are those of Lagrange's cubic interpolation. The product with a smooth function on
    the grid is the weighted sum of this function at the values.
    """
    place = (values - grid[0]) / _STEP
    cell = place.astype(np.int64)
    f = place - cell
    cubic = (
        -f * (f - 1) * (f - 2) / 6,
        (f + 1) * (f - 1) * (f - 2) / 2,
        -(f + 1) * f * (f - 2) / 2,
        (f + 1) * f * (f - 1) / 6,
    )
    first = np.arange(values.shape[1]) * len(grid)
    result = np.zeros(values.shape[1] * len(grid))
    for offset, share in zip((-1, 0, 1, 2), cubic, strict=True):
        where = (first + cell + offset).ravel()
        result += np.bincount(where, (share * weights).ravel(), len(result))
    return result.reshape(-1, len(grid))


def _normal(nodes: int) -> list[tuple[float, float]]:
    """Returns nodes and weights of the standard normal distribution."""
    points, weights = hermegauss(nodes)
    return list(zip(points.tolist(), (weights / weights.sum()).tolist(), strict=True))
