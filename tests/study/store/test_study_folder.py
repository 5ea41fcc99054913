"""Files of a study are complete or absent, and synced to the disk."""

import os
import stat

import pandas as pd
import pytest

from study.store.study_folder import StudyFolder


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(tmp_path / "ward-7")


def test_a_file_and_its_name_are_on_the_disk(folder, monkeypatch):
    folder.make()
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(stat.S_ISDIR(os.fstat(fd).st_mode)))
    folder.write_text("study.yaml", "trials: 4\n")
    folder.write_table("trials.parquet", pd.DataFrame({"number": [0]}))
    assert synced == [False, True, False, True]


def test_a_write_that_fails_leaves_the_file_as_it_was(folder):
    folder.make()
    folder.write_text("study.yaml", "trials: 4\n")

    def fail(part):
        part.write_text("tri")
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - it has no message
        folder.write_with("study.yaml", fail)
    assert (folder.root / "study.yaml").read_text() == "trials: 4\n"
    assert {path.name for path in folder.root.iterdir()} == {"study.yaml", "parts", "checkpoints"}


def test_what_a_killed_writer_left_is_removed(folder):
    folder.make()
    places = (folder.root, folder.parts, folder.checkpoints)
    names = (".0af3.part", ".0af3.part.lock", "00003.scores.parquet.part", "00003.scores.parquet")
    for place in places:
        for name in names:
            (place / name).touch()
    folder.make()
    for place in places:
        assert [path.name for path in place.iterdir() if path.is_file()] == [names[-1]]
