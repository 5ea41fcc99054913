"""Checkpoints of running trials."""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from hypothesis import given
from hypothesis import strategies as st

from study.search.checkpoint import SaveClock, load_checkpoint, save_checkpoint


def test_a_checkpoint_is_whole_or_not_there(tmp_path):
    path = tmp_path / "00000.pt"
    assert load_checkpoint(path) is None
    save_checkpoint(path, {"epoch": 3})
    assert load_checkpoint(path) == {"epoch": 3}
    path.write_bytes(path.read_bytes()[:100])
    assert load_checkpoint(path) is None
    save_checkpoint(tmp_path / "no" / "00000.pt", {"epoch": 3})  # a failed save never fails a trial
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_does_not_wait_for_the_disk(tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr("os.fsync", waits.append)
    save_checkpoint(tmp_path / "00000.pt", {"epoch": 3})
    assert load_checkpoint(tmp_path / "00000.pt") == {"epoch": 3}
    assert not waits


@given(st.data())
def test_whatever_damages_a_checkpoint_costs_no_trial(data):
    with TemporaryDirectory() as place:
        path = Path(place) / "00000.pt"
        save_checkpoint(path, {"epoch": torch.tensor(3), "rows": torch.ones(4, 2)})
        content = bytearray(path.read_bytes())
        where = st.integers(0, len(content) - 1)
        for index in data.draw(st.lists(where, min_size=1, max_size=20)):
            content[index] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(where) + 1])
        assert isinstance(load_checkpoint(path), dict | None)


def test_checkpoints_cost_a_fiftieth_at_most(monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    clock, spent = SaveClock(), 0.0
    for _ in range(1000):
        now += 0.5  # training
        if clock.due():
            with clock.saving():
                now += 0.3
            spent += 0.3
    assert 0.01 < spent / now < 0.03
