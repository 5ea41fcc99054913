import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hemomodel.prng import fold_in, normal, random_bits, replicate_keys, uniform

PAIRS = [(seed, fold) for seed in range(20) for fold in range(5)]


def test_numbers_are_uniform():
    numbers = uniform(replicate_keys(PAIRS), 1000, torch.float64).flatten().numpy()
    assert stats.kstest(numbers, "uniform").pvalue > 1e-3
    assert numbers.min() >= 0
    assert numbers.max() < 1


def test_single_precision_stays_below_one():
    assert uniform(replicate_keys(PAIRS), 100_000, torch.float32).max() < 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_normal_numbers_are_normal_and_finite(dtype):
    numbers = normal(replicate_keys(PAIRS), 5000, dtype).flatten().numpy()
    assert stats.kstest(numbers, "norm").pvalue > 1e-3


def test_the_ends_of_the_uniform_numbers_are_finite_as_normal_numbers(monkeypatch):
    for dtype, bits in ((torch.float32, 24), (torch.float64, 53)):
        ends = torch.tensor([[0.0, 1 - 2.0**-bits]], dtype=dtype)
        monkeypatch.setattr("hemomodel.prng.uniform", lambda *_, ends=ends: ends.clone())
        low, high = normal(replicate_keys([(0, 0)]), 2, dtype)[0].tolist()
        assert high == pytest.approx(-low)
        assert 5 < high < 9


def test_a_stream_can_be_read_from_any_position():
    keys = replicate_keys(PAIRS[:3])
    for draw in (uniform, normal):
        whole = draw(keys, 50, torch.float64)
        assert torch.equal(draw(keys, 20, torch.float64, start=30), whole[:, 30:])


def test_every_bit_is_fair():
    lanes = random_bits(replicate_keys(PAIRS), 1000).view(torch.int16).flatten()
    for place in range(16):
        share = ((lanes >> place) & 1).double().mean().item()
        assert abs(share - 0.5) < 5 * 0.5 / len(lanes) ** 0.5


def test_streams_are_uncorrelated():
    keys = replicate_keys(PAIRS)
    streams = torch.cat([uniform(fold_in(keys, name), 4000, torch.float64) for name in range(3)])
    correlation = torch.corrcoef(streams) - torch.eye(len(streams), dtype=torch.float64)
    assert correlation.abs().max() < 6 / 4000**0.5


def test_neighbouring_replicates_share_no_numbers():
    drawn = random_bits(replicate_keys(PAIRS), 1000)
    assert drawn.unique().numel() == drawn.numel()


@given(st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 50)), min_size=1, max_size=8))
def test_a_replicate_draws_the_same_alone_and_in_company(pairs):
    together = random_bits(fold_in(replicate_keys(pairs), 7), 16)
    alone = [random_bits(fold_in(replicate_keys([pair]), 7), 16) for pair in pairs]
    assert torch.equal(together, torch.cat(alone))


def test_golden_values():
    # Numbers of SplitMix64 itself from seed 1234567, as published with its reference code.
    key = torch.tensor([1234567], dtype=torch.int64)
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [value % 2**64 for value in random_bits(key, 3)[0].tolist()] == expected
