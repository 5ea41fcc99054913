"""The report page: one file that needs no network. Every name in it is escaped."""

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from study.analysis.comparison.result import Comparison
from study.report.components.blocks import Cell, Figures, Section
from study.report.components.figure import FONTS, TEMPLATE, THEMES, Figure, round_json
from study.report.components.palette import arm_style
from study.report.formatting import number
from study.report.load import LoadedStudy
from study.report.tables.trials import cost

__all__ = ["report_page", "style", "templates"]

_CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "showTips": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "svg"},
}
_DASHES = {"solid": "none", "dash": "7 3", "dot": "2 3"}
_LONG = 220  # characters above which a verdict is set in a smaller font


def report_page(study: LoadedStudy, sections: Sequence[Section]) -> str:
    """Returns the report as HTML.

    Scripts are packed (gzip, base64), and the browser unpacks them. This keeps the file small, and
    the file contains no `</script>`. The content security policy allows no download, and no script
    except the page's own.
    """
    figures = _figures(sections)
    drawings = {
        "figures": {f.name: {"data": f.data, "layout": f.layout} for f in figures},
        "themes": THEMES,
        "template": TEMPLATE,
        "config": _CONFIG,
    }
    packed = _packed(json.dumps(round_json(drawings), separators=(",", ":"), ensure_ascii=False))
    template = templates().get_template("page.html")
    verdict = study.comparison.verdict
    return template.render(
        name=study.folder.name,
        schema=" · ".join(_about(study)),
        verdict=verdict,
        long=len(verdict) > _LONG,
        tasks=len(study.tasks),
        facts=_facts(study),
        sentences=study.sentences,
        sections=sections,
        arm_style=arm_style,
        arms={*study.names, *study.lost},
        dashes=_DASHES,
        nonce=hashlib.sha256(packed.encode()).hexdigest()[:16],
        css=style(),
        script=Markup(_read("page.js")),  # noqa: S704 - our own file
        library=_library(),
        drawings=packed,
    )


def templates() -> Environment:
    """Returns the templates of pages; all their values are escaped."""
    return Environment(autoescape=True, loader=PackageLoader("study.report.render", ""))


def style() -> Markup:
    """Returns the style sheet of a page, for light, dark and print."""
    return Markup(_variables() + _read("page.css"))  # noqa: S704 - our own file


def _figures(sections: Sequence[Section]) -> list[Figure]:
    blocks = [block for section in sections for block in section.blocks]
    return [figure for block in blocks if isinstance(block, Figures) for figure in block.figures]


def _facts(study: LoadedStudy) -> list[Cell]:
    comparison = study.comparison
    trials = study.trials["state"].value_counts()
    ended = int(trials.sum())
    failed = int(trials.get("failed", 0))
    return [
        _held_out(comparison),
        Cell(number(comparison.training_rows, 0), "training rows"),
        Cell(f"{ended:,} · {failed:,} failed", "trials"),
        Cell(f"{len(study.arms)} · {len(study.references)}", "balancers · reference models"),
        Cell(number(comparison.replicates, 0), "replicates on fresh seeds"),
        Cell(cost(study).split(" in ")[0], "time of all trials"),
    ]


def _about(study: LoadedStudy) -> list[str]:
    """Returns the title of the table, if it is known, and its source."""
    title = [study.schema.title] if study.schema else []
    return [*title, str(study.settings.get("data", ""))]


def _held_out(comparison: Comparison) -> Cell:
    rows, unit = number(comparison.held_out_rows, 0), comparison.unit
    if unit == "rows":
        return Cell(rows, "held-out rows")
    return Cell(f"{rows} · {number(comparison.held_out_units, 0)}", f"held-out rows · {unit}")


def _variables() -> str:
    """Returns the themes as variables of the style sheet."""

    def variables(theme: dict[str, Any]) -> str:
        ramp = ", ".join(f"{colour} {100 * place:g}%" for place, colour in theme["@diverging"])
        plain = {key[1:]: value for key, value in theme.items() if isinstance(value, str)}
        return ";".join(f"--{key}: {value}" for key, value in {**plain, "ramp": ramp}.items())

    light, dark = variables(THEMES["light"]), variables(THEMES["dark"])
    return (
        f":root{{--fonts: {FONTS};{light}}}\n"
        f"@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"
    )


def _read(name: str) -> str:
    return (resources.files("study.report.render") / name).read_text(encoding="utf-8")


@cache
def _library() -> str:
    return _packed(get_plotlyjs())


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")
