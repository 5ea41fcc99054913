"""Chooses the sessions of a workbook, and the missing values in each record.

The published notebooks report the attrition of the real workbook: of 465 rows, 229 have a complete
record and a Kt/V above 1.2, and 6 of these lack comorbidities. A synthetic workbook of 465 rows has
exactly these counts. With another number of rows it has these rates.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from hemomodel.arrays import Float64s, Integers, Mask
from hemomodel.cohort.synthetic.random_streams import Streams, draw_categories

__all__ = [
    "BLANK", "COMPLETE", "NO_BLOOD_TEST", "NO_KT_V", "PARTIAL", "PUBLISHED_ROWS", "RecordGaps",
    "candidate_count", "draw_gaps", "lost", "some_settings",
]  # fmt: skip

PUBLISHED_ROWS = 465

COMPLETE, NO_BLOOD_TEST, NO_KT_V, BLANK, PARTIAL = range(5)
"""Kinds of record. BLANK has no plan; PARTIAL has a plan that lacks 3 settings."""

_KEPT, _TOO_LOW, _NO_BLOOD_TEST, _NO_KT_V = 229, 8, 3, 1
_NO_COMORBIDITIES = 6
_SHARE_COMPLETE, _SHARE_NO_COMORBIDITIES = 0.524, 0.026
_SHARE_BLANK = 0.8  # the share of BLANK among the records that are BLANK or PARTIAL
_POOL = 4096  # candidates for 465 rows; about 330 are needed to find 8 with a low Kt/V


class RecordGaps(NamedTuple):
    """The session and the kind of record in each of N rows of a workbook.

    session: (N,) the index of the drawn session in each row. kind: (N,) one of the kinds of record.
    no_comorbidities: (N,) where the comorbidities were not entered. sessions: drawn per patient.
    """

    session: Integers
    kind: Integers
    no_comorbidities: Mask
    sessions: int = 1

    @property
    def patient(self) -> Integers:
        """The patient of each row (N,), numbered in the order of the rows."""
        return np.asarray(pd.factorize(self.session // self.sessions)[0])

    @property
    def place(self) -> Float64s:
        """The session (N,) of a row, as a share of those of its patient: 0 for the first."""
        return np.asarray(self.session % self.sessions / self.sessions)


def candidate_count(rows: int) -> int:
    """Returns the number of sessions to draw for a workbook."""
    return _POOL if rows == PUBLISHED_ROWS else rows


def draw_gaps(rows: int, adequate: Mask, of: Streams, sessions: int = 1) -> RecordGaps:
    """Chooses sessions and their records for a workbook.

    Args:
        rows: N.
        adequate: (candidates,) whether a session has a Kt/V above 1.2.
        of: the streams.
        sessions: drawn per patient, one after the other.
    """
    if rows == PUBLISHED_ROWS:
        return _published(adequate, of)._replace(sessions=sessions)
    rest = 1 - _SHARE_COMPLETE
    tested = np.array([_NO_BLOOD_TEST, _NO_KT_V]) / PUBLISHED_ROWS
    untested = (rest - tested.sum()) * np.array([_SHARE_BLANK, 1 - _SHARE_BLANK])
    shares = np.concatenate([[_SHARE_COMPLETE], tested, untested])
    return RecordGaps(
        session=np.arange(rows),
        kind=draw_categories(of("record"), np.broadcast_to(shares, (rows, len(shares)))),
        no_comorbidities=of("no comorbidities").random(rows) < _SHARE_NO_COMORBIDITIES,
        sessions=sessions,
    )


def _published(adequate: Mask, of: Streams) -> RecordGaps:
    others = PUBLISHED_ROWS - _KEPT - _TOO_LOW
    session = np.concatenate(
        [
            np.flatnonzero(adequate)[:_KEPT],
            np.flatnonzero(~adequate)[:_TOO_LOW],
            np.arange(len(adequate) - others, len(adequate)),
        ]
    )
    blank = round(_SHARE_BLANK * (others - _NO_BLOOD_TEST - _NO_KT_V))
    counts = {
        COMPLETE: _KEPT + _TOO_LOW, NO_BLOOD_TEST: _NO_BLOOD_TEST, NO_KT_V: _NO_KT_V, BLANK: blank
    }  # fmt: skip
    kind = np.full(PUBLISHED_ROWS, PARTIAL)
    kind[: sum(counts.values())] = np.repeat(list(counts), list(counts.values()))
    order = of("order of the rows").permutation(PUBLISHED_ROWS)
    no_comorbidities = np.arange(PUBLISHED_ROWS) < _NO_COMORBIDITIES
    return RecordGaps(session[order], kind[order], no_comorbidities[order])


def lost(count: int, of: Streams) -> dict[str, Mask]:
    """Returns, by laboratory value, the rows (N,) that lack it although the blood was tested."""
    shares = {"glucose": 0.62, "ctr": 0.08, "wbc": 0.015, "platelets": 0.015}
    return {name: of(f"lost {name}").random(count) < share for name, share in shares.items()}


def some_settings(count: int, of: Streams) -> Mask:
    """Returns (N, 10) bool: three of the ten settings, chosen at random in each row."""
    scores = of("missing settings").random((count, 10))
    return scores <= np.partition(scores, 2, axis=1)[:, [2]]
