"""The encoding of a text file is found wherever its first non-ASCII character is."""

import pytest

from hemomodel.tables import text_files
from hemomodel.tables.text_files import sniff_encoding


@pytest.mark.parametrize("before", [0, 1, 2, 3, 4, 100])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp950"])
def test_a_character_may_cross_the_blocks(tmp_path, monkeypatch, before, encoding):
    monkeypatch.setattr(text_files, "_BYTES", 4)
    path = tmp_path / "t.csv"
    text = "a" * before + "血流速\n"
    path.write_text(text, encoding=encoding)
    assert path.read_text(encoding=sniff_encoding(path)) == text


def test_a_character_that_breaks_off_is_not_utf8(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("a血".encode()[:-1])
    assert sniff_encoding(path) == "cp950"
