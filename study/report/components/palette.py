"""The style of each balancer in every figure: a colour, and also a dash and a marker.

The colours were fitted once, in OKLab (Ottosson, 2020). Two balancers of a family, which share a
dash, differ by 0.06 or more in normal vision and under protanopia, deuteranopia and tritanopia
(Machado et al., 2009). Each colour has a contrast of 3 to the light page and to the dark one.
`test_palette.py` tests this. A reader cannot distinguish all of twenty-four colours, so a figure
with many arms also labels them.
"""

import zlib
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TypeAlias

__all__ = ["LOOKS", "ArmStyle", "arm_style", "colour"]

Family: TypeAlias = dict[str, str]

_BASELINES: Family = {
    "equal": "#0072B2",
    "fixed": "#7A7A7A",
    "random": "#978F9A",
    "single_task": "#B86240",
    "config": "#C565F8",
    "joint": "#AC2CE5",
}
_WEIGHTINGS: Family = {
    "uncertainty": "#009E73",
    "gradnorm": "#D55E00",
    "dwa": "#AC6BBF",
    "geometric": "#355FC0",
    "scale_invariant": "#E76889",
    "imtl_l": "#7F6060",
    "uw_so": "#2794FB",
    "famo": "#B53F1D",
    "stch": "#9F4A8D",
}
_AGGREGATORS: Family = {
    "mgda": "#8539F9",
    "pcgrad": "#6983DD",
    "cagrad": "#B229AD",
    "imtl_g": "#F75A2E",
    "aligned_mtl": "#C074AE",
    "fairgrad": "#68672C",
    "nash_mtl": "#7D9752",
    "upgrad": "#CF025E",
    "db_mtl": "#4A6974",
}
_MARKERS = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "triangle-down",
    "cross",
    "x",
    "star",
    "hexagon",
)


@dataclass(frozen=True)
class ArmStyle:
    """The style of one arm; `dash` and `marker` are plotly's names."""

    colour: str
    dash: str
    marker: str


LOOKS = {
    name: ArmStyle(tint, dash, marker)
    for dash, start, family in (
        ("dot", 0, _BASELINES),
        ("solid", 2, _WEIGHTINGS),
        ("dash", 5, _AGGREGATORS),
    )
    for (name, tint), marker in zip(
        family.items(), islice(cycle(_MARKERS), start, None), strict=False
    )
}
"""Dotted: baselines, `joint`, and `config`, because there are nine markers per dash. Solid: loss
weightings. Dashed: gradient aggregations."""


def arm_style(arm: str) -> ArmStyle:
    """Returns an arm's style; the style of an unknown arm depends only on its name.

    >>> arm_style("gradnorm")
    ArmStyle(colour='#D55E00', dash='solid', marker='triangle-up')
    """
    known = list(LOOKS.values())
    return LOOKS.get(arm) or known[zlib.crc32(arm.encode()) % len(known)]


def colour(arm: str) -> str:
    """Returns an arm's colour.

    >>> colour("equal")
    '#0072B2'
    """
    return arm_style(arm).colour
