"""The figures as PNG and SVG for a paper, drawn by this machine's Chrome or Chromium."""

import shutil
from collections.abc import Sequence
from typing import Any

from study.report.components.figure import TEMPLATE, THEMES, Figure, round_json, with_theme
from study.store.study_folder import StudyFolder

__all__ = ["BROWSERS", "missing_browser", "write_images"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_WIDTH = 720
_NARROW = 380


def missing_browser() -> str | None:
    """Returns the reason why figures cannot be drawn here, or None if they can."""
    try:
        import kaleido  # noqa: F401 - an optional extra
    except ImportError:
        return (
            "figures need kaleido; install it with: pip install -c constraints.txt -e '.[figures]'"
        )
    if find_browser() is None:
        return "figures need a Chrome or Chromium on the PATH; install one, or leave out --figures"
    return None


def find_browser() -> str | None:
    """Returns the path of a browser, or None."""
    paths = [path for name in BROWSERS if (path := shutil.which(name))]
    return paths[0] if paths else None


def write_images(folder: StudyFolder, figures: Sequence[Figure]) -> list[str]:
    """Writes `figures/NAME.svg` and `figures/NAME.png`, in the light theme.

    Args:
        folder: the folder to write to.
        figures: the figures to draw.

    Returns:
        the names of the figures that were written.
    """
    import kaleido  # an optional extra

    place = folder.root / "figures"
    place.mkdir(exist_ok=True)
    jobs = [
        {
            "fig": _printable(figure),
            "path": place / f"{figure.name}.{kind}",
            "opts": _options(figure, kind),
        }
        for figure in figures
        for kind in ("svg", "png")
    ]
    kaleido.write_fig_from_object_sync(jobs, kopts={"path": find_browser()})
    return [figure.name for figure in figures]


def _printable(figure: Figure) -> dict[str, Any]:
    light = THEMES["light"]
    layout = {
        **figure.layout,
        "template": TEMPLATE,
        "title": {
            "text": figure.title,
            "font": {"size": 13},
            "x": 0.01,
            "y": 0.99,
            "yanchor": "top",
        },
        "paper_bgcolor": "#FFFFFF",
    }
    layout["margin"] = {"l": 8, "r": 12, "b": 8, **figure.layout.get("margin", {}), "t": 40}
    drawn: dict[str, Any] = round_json(with_theme({"data": figure.data, "layout": layout}, light))
    return drawn


def _options(figure: Figure, kind: str) -> dict[str, Any]:
    width = _NARROW if figure.arm and not figure.min_width else max(_WIDTH, figure.min_width)
    size = {"width": width, "height": figure.layout["height"] + 32}
    return {"format": kind, "scale": 2 if kind == "png" else 1, **size}
