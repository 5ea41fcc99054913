"""What the intervals say, in plain words."""

from collections.abc import Mapping, Sequence
from typing import Any

from study.analysis.statistics.interval import Interval
from study.analysis.statistics.sample_size import RequiredSample
from study.settings.analysis_plan import AnalysisPlan

__all__ = ["difference_verdict", "held_out_phrase", "overall_verdict"]


def difference_verdict(  # noqa: PLR0913 - each a word of its own
    arm: str,
    base: str,
    interval: Interval,
    *,
    called: bool,
    needed: RequiredSample | None,
    declared: AnalysisPlan,
    unit: str,
) -> str:
    """Says how an arm compares with a baseline.

    Args:
        arm: its name.
        base: the baseline's name.
        interval: simultaneous, of the difference of mean skill.
        called: whether there is a difference by the declared rule.
        needed: what would show the declared difference, or None if this study is large enough.
        declared: how the study is judged.
        unit: what the bootstrap draws, in the plural.
    """
    size = f"{interval.estimate:+.3f}, interval {interval.low:+.3f} to {interval.high:+.3f}"
    if called:
        word = "better" if interval.estimate > 0 else "worse"
        return f"{arm}: {word} than {base} ({size})."
    said = f"{arm}: not distinguishable from {base} at this size ({size})"
    if needed is None:
        return f"{said}; a difference of {declared.difference:.3f} would have shown."
    return f"{said}: {_amount(needed, unit)} to see a difference of {needed.difference:.3f}."


def _amount(needed: RequiredSample, unit: str) -> str:
    """Says what would do: rows (or groups) or seeds, or searches if their luck outweighs both."""
    ways = []
    if needed.rows is not None:
        ways.append(f"about {_rounded(needed.rows)} held-out {unit}")
    if needed.seeds is not None:
        ways.append(f"about {needed.seeds} seeds")
    if ways:
        return f"{' or '.join(ways)} would be needed"
    return (
        f"neither {unit} nor seeds alone would do, and "
        f"about {needed.outer_folds} outer folds, each with its own search, would be needed"
    )


def _rounded(count: int) -> int:
    """Returns two leading digits: the estimate is no better."""
    return int(float(f"{count:.1e}"))


def held_out_phrase(comparison: Mapping[str, Any]) -> str:
    """Says how much was held out: rows, and of how many groups where they are of groups.

    Args:
        comparison: has `held_out_rows`, and in studies of this version `unit` and
            `held_out_units`.
    """
    rows = f"{comparison['held_out_rows']} held-out rows"
    unit, units = comparison.get("unit", "rows"), comparison.get("held_out_units")
    return rows if unit == "rows" or units is None else f"{rows} of {units} {unit}"


def overall_verdict(
    differences: Sequence[Mapping[str, Any]], missing: Sequence[str], rows: str
) -> str:
    """Says what holds of all arms, baseline by baseline.

    Args:
        differences: of the comparison, grouped by baseline.
        missing: arms that could not be compared.
        rows: how much was held out, in words.
    """
    said = _found(differences, rows)
    if missing:
        names = ", ".join(missing)
        said += f" Not compared, for no trial ended with a score: {names}."
    return said


def _found(differences: Sequence[Mapping[str, Any]], rows: str) -> str:
    if not differences:
        return "Only one arm was compared."
    bases = list(dict.fromkeys(one["baseline"] for one in differences))
    if not any(one["distinguishable"] for one in differences):
        return f"No arm is distinguishable from {_either(bases)} on {rows}."
    return " ".join(
        _against(base, [one for one in differences if one["baseline"] == base]) for base in bases
    )


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _against(base: str, own: Sequence[Mapping[str, Any]]) -> str:
    told = [one for one in own if one["distinguishable"]]
    parts = {
        "better": [one["arm"] for one in told if one["estimate"] > 0],
        "worse": [one["arm"] for one in told if one["estimate"] < 0],
        "not distinguishable": [one["arm"] for one in own if not one["distinguishable"]],
    }
    said = "; ".join(f"{words}: {', '.join(names)}" for words, names in parts.items() if names)
    return f"Against {base}, {said}."
