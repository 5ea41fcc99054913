"""Plain words and numbers follow YAML 1.2, and settings files keep their meaning."""

import math
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hemomodel.schema.strict_yaml import parse_yaml, read_yaml
from tests.support.paths import ROOT

TEXTS = ["No", "no", "Yes", "yes", "on", "Off", "y", "N", "2009_10", "1:30", "010", "0x1F", "1_000"]
TEXTS += ["2026-01-01", "<<", "=", ".", "-", "1.2.3", "e5", "truth", "nulls", "Inf"]
VALUES = {
    "true": True, "False": False, "~": None, "null": None, "": None, "0": 0, "-12": -12, "+3": 3,
    "1.5": 1.5, ".5": 0.5, "1e-3": 0.001, "1.5E+3": 1500.0, "-.inf": -math.inf,
}  # fmt: skip


@pytest.mark.parametrize("word", TEXTS)
def test_a_word_is_a_text_as_a_value_a_key_and_in_a_list(word):
    assert parse_yaml(f"a: {word}" if word != "-" else "a: '-'", "t") == {"a": word}
    assert parse_yaml(f"{{'{word}': [x, '{word}']}}", "t") == {word: ["x", word]}
    if word not in ("-", "<<", "="):
        assert parse_yaml(f"codes: {{{word}: b, c: {word}}}", "t") == {
            "codes": {word: "b", "c": word}
        }


@pytest.mark.parametrize(("word", "value"), VALUES.items(), ids=VALUES)
def test_numbers_truths_and_nothing_keep_their_meaning(word, value):
    found = parse_yaml(f"a: {word}", "t")["a"]
    assert found == value
    assert type(found) is type(value)


def test_what_is_none_is_none():
    assert math.isnan(parse_yaml("a: .nan", "t")["a"])


@pytest.mark.parametrize("path", sorted(ROOT.glob("configs/*.yaml")), ids=lambda path: path.name)
def test_the_settings_files_mean_the_same_by_the_older_rules(path):
    assert read_yaml(path) == yaml.safe_load(path.read_text(encoding="utf-8"))


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False))
    | texts.filter(lambda text: not re.fullmatch(r"[-+]?[0-9.]+[eE][-+]?[0-9]+", text)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abcno", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(values)
def test_what_a_study_writes_it_reads_again(value):
    """PyYAML writes YAML 1.1, and quotes every text that YAML 1.1 would misread."""
    text = yaml.safe_dump({"a": value}, allow_unicode=True)
    assert parse_yaml(text, "t") == yaml.safe_load(text) == {"a": value}
