"""The verdicts of the comparison, in words."""

from collections.abc import Sequence

from study.analysis.comparison.result import Difference
from study.analysis.statistics.interval import Interval
from study.analysis.statistics.sample_size import RequiredSample
from study.settings.analysis_plan import AnalysisPlan

__all__ = ["difference_verdict", "overall_verdict"]


def difference_verdict(  # noqa: PLR0913 - each is a separate part of the sentence
    arm: str,
    base: str,
    interval: Interval,
    *,
    called: bool,
    needed: RequiredSample | None,
    declared: AnalysisPlan,
    unit: str,
) -> str:
    """Returns the verdict on an arm and a baseline.

    Args:
        arm: its name.
        base: the baseline's name.
        interval: simultaneous, of the difference of mean skill.
        called: whether the arms are significantly different by the declared rule.
        needed: the study size that would show the declared difference, or None if this study is
            large enough.
        declared: the analysis plan.
        unit: what the bootstrap draws, in the plural.
    """
    size = f"{interval.estimate:+.3f}, interval {interval.low:+.3f} to {interval.high:+.3f}"
    if called:
        word = "better" if interval.estimate > 0 else "worse"
        return f"{arm}: significantly {word} than {base} ({size})."
    undecided = f"{arm}: not distinguishable from {base} at this size ({size})"
    if needed is None:
        difference = f"{declared.difference:.3f}"
        return f"{undecided}; this study is large enough to detect a difference of {difference}."
    difference = f"{needed.difference:.3f}"
    return f"{undecided}; {_amount(needed, unit)} to detect a difference of {difference}."


def _amount(needed: RequiredSample, unit: str) -> str:
    """Returns the size that would be enough, in words.

    That is a number of rows (or groups) or of seeds. It is a number of searches if neither more
    rows nor more seeds would be enough.
    """
    ways = []
    if needed.rows is not None:
        ways.append(f"about {_rounded(needed.rows)} held-out {unit}")
    if needed.seeds is not None:
        ways.append(f"about {needed.seeds} seeds")
    if ways:
        return f"{' or '.join(ways)} would be needed"
    return (
        f"more {unit} or more seeds by themselves would not be enough; "
        f"about {needed.outer_folds} outer folds, each with its own search, would be needed"
    )


def _rounded(count: int) -> int:
    """Rounds to two leading digits: the estimate is not more precise."""
    return int(float(f"{count:.1e}"))


def overall_verdict(differences: Sequence[Difference], missing: Sequence[str], rows: str) -> str:
    """Returns the verdict on all arms, baseline by baseline.

    Args:
        differences: of the comparison, grouped by baseline.
        missing: arms that could not be compared.
        rows: the size of the held-out part, in words.
    """
    verdict = _compared(differences, rows)
    if missing:
        names = ", ".join(missing)
        verdict += f" Not compared, because no trial ended with a score: {names}."
    return verdict


def _compared(differences: Sequence[Difference], rows: str) -> str:
    if not differences:
        return "Only one arm was compared."
    bases = list(dict.fromkeys(difference.baseline for difference in differences))
    if not any(difference.distinguishable for difference in differences):
        return f"No arm is significantly different from {_either(bases)} on {rows}."
    return " ".join(
        _against(base, [difference for difference in differences if difference.baseline == base])
        for base in bases
    )


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _against(base: str, differences: Sequence[Difference]) -> str:
    called = [difference for difference in differences if difference.distinguishable]
    parts = {
        "significantly better": [
            difference.arm for difference in called if difference.estimate > 0
        ],
        "significantly worse": [difference.arm for difference in called if difference.estimate < 0],
        "not distinguishable": [
            difference.arm for difference in differences if not difference.distinguishable
        ],
    }
    lists = "; ".join(f"{words}: {', '.join(names)}" for words, names in parts.items() if names)
    return f"Compared with {base}, {lists}."
