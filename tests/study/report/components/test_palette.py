"""Every reader can tell the balancers apart, on a light page and on a dark page."""

from itertools import combinations

import numpy as np
import pytest

from hemomodel.arrays import Float64s
from study.report.components.figure import THEMES
from study.report.components.palette import LOOKS, arm_style, colour

# Linear RGB as a colour-blind eye sees it, at full severity: Machado, Oliveira & Fernandes,
# IEEE TVCG 15 (2009), table 1.
VISIONS = {
    "normal": np.eye(3),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968],
                              [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868],
                            [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779],
                            [-0.078411, 0.930809, 0.147602],
                            [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip
# Ottosson, "A perceptual color space for image processing", 2020.
TO_CONES = np.array([[0.4122214708, 0.5363325363, 0.0514459929],
                     [0.2119034982, 0.6806995451, 0.1073969566],
                     [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
TO_OKLAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                     [1.9779984951, -2.4285922050, 0.4505937099],
                     [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip


def linear(code: str) -> Float64s:
    srgb = np.array([int(code[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def oklab(rgb: Float64s) -> Float64s:
    return TO_OKLAB @ np.cbrt(TO_CONES @ rgb.clip(0, 1))


def distance(one: str, other: str, vision: str) -> float:
    eye = VISIONS[vision]
    return float(np.linalg.norm(oklab(eye @ linear(one)) - oklab(eye @ linear(other))))


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(linear(code) @ [0.2126, 0.7152, 0.0722]) for code in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("vision", VISIONS)
def test_those_that_share_a_dash_differ_in_colour(vision: str) -> None:
    for one, other in combinations(LOOKS.values(), 2):
        least = 0.06 if one.dash == other.dash else 0.025
        assert distance(one.colour, other.colour, vision) > least, (one, other)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("arm", LOOKS)
def test_each_stands_out_from_the_page(arm: str, theme: str) -> None:
    assert contrast(colour(arm), THEMES[theme]["@paper"]) >= 3


@pytest.mark.parametrize("theme", THEMES)
def test_small_text_can_be_read(theme: str) -> None:
    palette = THEMES[theme]
    for role in ("@ink", "@muted"):
        assert contrast(palette[role], palette["@paper"]) >= 4.5
        assert contrast(palette[role], palette["@box"]) >= 4.5


def test_every_look_is_its_own() -> None:
    assert len({look.colour for look in LOOKS.values()}) == len(LOOKS)
    assert len({(look.dash, look.marker) for look in LOOKS.values()}) == len(LOOKS)


def test_an_unknown_name_keeps_its_look() -> None:
    assert arm_style("my_balancer") == arm_style("my_balancer")
    assert len({arm_style(f"new{place}") for place in range(40)}) > 10
