"""The section on how the study was run: settings, versions, cost and failures."""

from typing import Any

from study.report.components.blocks import Block, Prose
from study.report.load import LoadedStudy
from study.report.tables.trials import cost, failure_table, finalist_table, pairs_table, state_table

__all__ = ["FEW_ROWS", "run_blocks"]

FEW_ROWS = 200  # held-out rows, or groups of rows, below which intervals are always wide


def run_blocks(study: LoadedStudy) -> tuple[Block, ...]:
    """Returns settings, versions, seeds, commit, command, cost and failures."""
    record, comparison = study.record, study.comparison
    facts: dict[str, Any] = {
        "command": record.get("command"),
        "commit": record.get("commit") or "unknown (outside git)",
        "data digest": record["data_digest"],
        "machine": record.get("machine"),
        "Python": record.get("python"),
        **(record.get("versions") or {}),
        "search seed": study.settings.get("seed"),
        "fresh seeds": comparison.fresh_seeds,
        "replicates": comparison.replicates,
        "cost": cost(study),
    }
    failed = failure_table(study)
    blocks: list[Block | None] = [
        pairs_table("Provenance", facts),
        state_table(study),
        failed or Prose("No trial failed."),
        finalist_table(study),
        pairs_table("Settings", study.settings, folded=True),
    ]
    return tuple(block for block in blocks if block is not None)
