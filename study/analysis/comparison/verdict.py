"""What the intervals say, in plain words."""

from collections.abc import Sequence

from study.analysis.comparison.result import Difference
from study.analysis.statistics.interval import Interval
from study.analysis.statistics.sample_size import RequiredSample
from study.settings.analysis_plan import AnalysisPlan

__all__ = ["difference_verdict", "overall_verdict"]


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
    undecided = f"{arm}: not distinguishable from {base} at this size ({size})"
    if needed is None:
        return f"{undecided}; a difference of {declared.difference:.3f} would have shown."
    return f"{undecided}: {_amount(needed, unit)} to see a difference of {needed.difference:.3f}."


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


def overall_verdict(differences: Sequence[Difference], missing: Sequence[str], rows: str) -> str:
    """Says what holds of all arms, baseline by baseline.

    Args:
        differences: of the comparison, grouped by baseline.
        missing: arms that could not be compared.
        rows: how much was held out, in words.
    """
    verdict = _compared(differences, rows)
    if missing:
        names = ", ".join(missing)
        verdict += f" Not compared, for no trial ended with a score: {names}."
    return verdict


def _compared(differences: Sequence[Difference], rows: str) -> str:
    if not differences:
        return "Only one arm was compared."
    bases = list(dict.fromkeys(difference.baseline for difference in differences))
    if not any(difference.distinguishable for difference in differences):
        return f"No arm is distinguishable from {_either(bases)} on {rows}."
    return " ".join(
        _against(base, [difference for difference in differences if difference.baseline == base])
        for base in bases
    )


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _against(base: str, differences: Sequence[Difference]) -> str:
    called = [difference for difference in differences if difference.distinguishable]
    parts = {
        "better": [difference.arm for difference in called if difference.estimate > 0],
        "worse": [difference.arm for difference in called if difference.estimate < 0],
        "not distinguishable": [
            difference.arm for difference in differences if not difference.distinguishable
        ],
    }
    lists = "; ".join(f"{words}: {', '.join(names)}" for words, names in parts.items() if names)
    return f"Against {base}, {lists}."
