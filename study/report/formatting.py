"""Formats numbers and names for readers."""

import html
import math
import re
from collections.abc import Iterable, Sequence

from hemomodel.schema.entries import Task
from study.analysis.statistics.interval import Interval

__all__ = [
    "abbreviated",
    "ascii_minus",
    "bilingual",
    "escape_label",
    "interval",
    "markdown_table",
    "model_title",
    "number",
    "p_value",
    "percent",
    "signed",
    "strip_markup",
    "task_title",
    "unit_text",
    "with_size",
]

_NONE = "–"
_SPECIAL = re.compile(r"([\\`*_\[\]|~$#])")


def number(value: float | None, digits: int = 3) -> str:
    """Returns a number with a real minus sign; a dash for an unknown number.

    >>> number(-0.12345), number(None), number(float("nan"))
    ('−0.123', '–', '–')
    """
    if value is None or not math.isfinite(value):
        return _NONE
    return f"{value:z,.{digits}f}".replace("-", "−")


def signed(value: float | None, digits: int = 3) -> str:
    """Returns a number with its sign, also if it is positive.

    >>> signed(0.0214)
    '+0.021'
    """
    text = number(value, digits)
    return text if text == _NONE or text.startswith("−") else f"+{text}"


def interval(
    value: Interval | float | None,
    digits: int = 3,
    *,
    sign: bool = False,
    form: str = "{} [{}, {}]",
) -> str:
    """Returns an estimate with its interval, or without one if it has none.

    >>> interval(Interval(0.2, -0.1, 0.5), 2), interval(0.2, 2)
    ('0.20 [−0.10, 0.50]', '0.20')

    Args:
        value: the estimate.
        digits: decimals of each number.
        sign: whether positive numbers get a sign too.
        form: format string with places for the estimate, the lower and the upper end.
    """
    show = signed if sign else number
    if not isinstance(value, Interval):
        return show(value, digits)
    return form.format(*(show(end, digits) for end in (value.estimate, value.low, value.high)))


def ascii_minus(text: str) -> str:
    """Returns text for a terminal or another program: a hyphen replaces the minus sign.

    >>> ascii_minus(number(-0.5))
    '-0.500'
    """
    return text.replace("−", "-")


def percent(share: float | None, digits: int = 0) -> str:
    """Returns a share in percent.

    >>> percent(0.617), percent(float("nan"))
    ('62 %', '–')
    """
    text = number(None if share is None else 100 * share, digits)
    return text if text == _NONE else f"{text} %"


def p_value(value: float | None) -> str:
    """Returns a p-value as papers print it.

    >>> p_value(0.00002), p_value(0.031)
    ('<0.001', '0.031')
    """
    small = 0.001
    if value is None or not math.isfinite(value):
        return _NONE
    return "<0.001" if value < small else f"{value:.3f}"


def abbreviated(name: str) -> str:
    """Returns a task's name for a narrow place.

    >>> abbreviated("blood_flow")
    'blood flow'
    """
    return name.replace("_", " ")


def model_title(name: str) -> str:
    """Returns the name of a reference model for the reader.

    >>> model_title("gradient_boosting"), model_title("forest")
    ('gradient boosting', 'extra trees')
    """
    return "extra trees" if name == "forest" else abbreviated(name)


def with_size(value: float | None) -> str:
    """Returns a number with decimals that fit its size.

    >>> tuple(map(with_size, (0.4567, 4.567, 45.67, 4567.8)))
    ('0.457', '4.57', '45.7', '4,568')
    """
    ones = [] if value is None else [abs(value) < limit for limit in (1, 10, 1000)]
    return number(value, sum(ones))


def task_title(task: Task) -> str:
    """Returns a task's title in the second language and in English, on one line."""
    return bilingual(task.title, task.second_title)


def bilingual(title: str, second_title: str) -> str:
    """Returns a title in the second language and in English, on one line; equal titles once.

    >>> bilingual("Age", "年齡"), bilingual("Age", "")
    ('年齡 Age', 'Age')
    """
    return title if second_title == title else f"{second_title} {title}".strip()


def unit_text(task: Task) -> str:
    """Returns the unit in which a task is scored: `log` and the unit for a logarithm."""
    return f"log {task.unit}".strip() if task.transform == "log" else task.unit


def escape_label(text: str) -> str:
    """Returns text for plotly, which interprets some HTML tags: here they stay text."""
    return html.escape(text, quote=False)


def strip_markup(value: object) -> str:
    r"""Returns text on one line, with the special characters of Markdown and HTML escaped.

    >>> print(strip_markup("<b>|single_task|"))
    &lt;b&gt;\|single\_task\|
    """
    line = " ".join(str(value).split())
    return _SPECIAL.sub(r"\\\1", html.escape(line, quote=False))


def markdown_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, numeric: bool = False
) -> str:
    """Returns a table in Markdown.

    >>> print(markdown_table(["arm", "score"], [["equal", "0.2"]], numeric=True))
    | arm | score |
    | --- | ---: |
    | equal | 0.2 |

    Args:
        header: the column titles, as Markdown.
        rows: the cells, as Markdown.
        numeric: whether all columns but the first are aligned right.
    """
    others = ["---:" if numeric else "---"] * (len(header) - 1)
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---", *others], *rows))
