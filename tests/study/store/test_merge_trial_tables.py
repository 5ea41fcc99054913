"""The tables of single trials are merged into one, also after earlier merges."""

import pandas as pd

from study.store.merge_trial_tables import merge_trial_tables
from study.store.study_folder import StudyFolder


def leave(folder, number, values):
    table = pd.DataFrame({"trial": number, "task": "dose", "value": values})
    folder.write_table(f"parts/{number:05d}.scores.parquet", table)


def joined(folder):
    merge_trial_tables(folder)
    table = pd.read_parquet(folder.root / "scores.parquet")
    return list(zip(table["trial"], table["value"], strict=True))


def test_parts_are_joined_by_number_and_the_last_counts(tmp_path):
    folder = StudyFolder(tmp_path / "s")
    folder.make()
    leave(folder, 3, [0.3])
    leave(folder, 100_000, [0.9])
    assert joined(folder) == [(3, 0.3), (100_000, 0.9)]
    assert not list(folder.parts.iterdir())
    leave(folder, 1, [0.1, 0.2])
    leave(folder, 3, [0.4, 0.5])
    assert joined(folder) == [(1, 0.1), (1, 0.2), (3, 0.4), (3, 0.5), (100_000, 0.9)]
    assert joined(folder) == [(1, 0.1), (1, 0.2), (3, 0.4), (3, 0.5), (100_000, 0.9)]


def test_a_table_without_a_row_is_joined_too(tmp_path):
    """With one task, for example, the table of cosines is empty."""
    folder = StudyFolder(tmp_path / "s")
    folder.make()
    for number in (0, 1):
        leave(folder, number, [])
        merge_trial_tables(folder)
    leave(folder, 2, [0.2])
    assert joined(folder) == [(2, 0.2)]
