"""A model's folder from elsewhere: loaded if it is whole, refused in one sentence if it is not."""

import json
import pickle
import re
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from hemomodel import InputError, load
from hemomodel.recommender.model import Model

WEIGHTS, SETTINGS = "weights.safetensors", "model.json"
ONE_SENTENCE = re.compile(r"[^\n]+; [^\n]+")


@pytest.fixture
def folder(model_folder, tmp_path):
    return shutil.copytree(model_folder, tmp_path / "model")


def refusal(folder):
    with pytest.raises(InputError) as refused:
        load(folder)
    text = str(refused.value)
    assert ONE_SENTENCE.fullmatch(text), text
    assert str(folder) in text
    return text


def edit(folder, change):
    path = folder / SETTINGS
    plain = json.loads(path.read_text())
    change(plain)
    path.write_text(json.dumps(plain))


def put(*keys, value):
    def change(plain):
        for key in keys[:-1]:
            plain = plain[key]
        plain[keys[-1]] = value

    return change


STANDARD = "2_standardize.standardscaler.scale_"
CASES = {
    "format": (put("format", value=2), "has format '2'"),
    "no-format": (lambda p: p.pop("format"), "has format 'None'"),
    "list": (put("temperatures", value={}), "temperatures"),
    "short": (lambda p: p["temperatures"].pop(), "temperatures has shape (9,), not (10,)"),
    "cold": (put("temperatures", 0, value=0), "temperatures holds a number that is not above zero"),
    "text": (put("offset", 0, 0, value="x"), "offset.0.0"),
    "ragged": (put("offset", 0, value=[1.0]), "offset is not an array of numbers"),
    "scale": (put("preprocessing", STANDARD, 0, 0, value=0.0), "is not above zero"),
    "nested": (put("preprocessing", STANDARD, 0, 0, value=[[]]), "is not an array of numbers"),
    "huge": (put("centre", 0, value=10**400), "centre"),
    "no-block": (lambda p: p["preprocessing"].pop(STANDARD), "has not the blocks"),
    "other-set": (put("feature_set", value="seed"), "layer0.weight has shape"),
    "no-set": (put("feature_set", value="none"), "no feature set 'none'"),
    "tasks": (put("tasks", 0, "name", value="other"), "tasks are not those of the table"),
    "scores": (put("scores", 0, "kept", value=[1.0]), "scores has shape (1,)"),
    "falling": (lambda p: p["scores"][0]["kept"].reverse(), "scores do not rise"),
    "count": (put("scores", 0, "count", value=10**30), "scores.0.count"),
    "fewer": (lambda p: p["scores"].pop(), "scores has 9 entries, not 10"),
    "key": (put("extra", value=1), "extra"),
    "table": (put("table", "columns", value=[]), "columns"),
    "components": (
        put("table", "feature_sets", "pretreatment", 3, "components", value=10**12),
        "layer0.weight has shape",
    ),
    "formula": (put("table", "derived", 0, "formula", value="__import__('os')"), "may use"),
    "rules": (
        put("table", "rules", value=[{"name": "a", "must": "calcium > potassium + 9"}]),
        "leave no levels",
    ),
}


@pytest.mark.parametrize(("change", "says"), CASES.values(), ids=CASES)
def test_settings_that_do_not_fit_are_named(folder, change, says):
    edit(folder, change)
    assert says in refusal(folder)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", "null", '{"format": NaN}', "[" * 100_000, '{"format": 1e999}', "\x00"],
    ids=str,
)
def test_settings_that_are_none_are_refused(folder, text):
    (folder / SETTINGS).write_text(text)
    refusal(folder)


def test_infinity_is_no_number(folder):
    path = folder / SETTINGS
    path.write_text(path.read_text().replace('"farthest": ', '"farthest": Infinity, "x": '))
    assert "Infinity is no number" in refusal(folder)


WEIGHT_CASES = {
    "missing": (lambda w: w.pop("layer1.bias"), "are not named"),
    "named": (lambda w: w.update(other=w["layer0.bias"]), "are not named"),
    "shape": (lambda w: w.update({"layer1.weight": w["layer1.weight"][:, :, :-1]}), "has shape"),
    "flat": (lambda w: w.update({"layer0.weight": w["layer0.weight"].ravel()}), "has shape"),
    "replicates": (lambda w: w.update({n: a[:-1] for n, a in w.items()}), "has shape"),
    "nan": (lambda w: w["layer2.bias"].fill(np.nan), "layer2.bias holds what is no number"),
    "whole": (lambda w: w.update({n: a.astype(np.int32) for n, a in w.items()}), "not of floats"),
    "none": (lambda w: w.clear(), "are not named"),
}


@pytest.mark.parametrize(("change", "says"), WEIGHT_CASES.values(), ids=WEIGHT_CASES)
def test_weights_that_do_not_fit_are_named(folder, change, says):
    weights = {name: array.copy() for name, array in load_file(folder / WEIGHTS).items()}
    change(weights)
    save_file({n: np.ascontiguousarray(a) for n, a in weights.items()}, folder / WEIGHTS)
    assert says in refusal(folder)


class Owned:
    """Writes a file when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return open, (self.mark, "w")


@pytest.mark.parametrize("name", [WEIGHTS, SETTINGS])
def test_no_code_is_run(folder, tmp_path, name):
    mark = tmp_path / "owned"
    (folder / name).write_bytes(pickle.dumps(Owned(str(mark))))
    refusal(folder)
    assert not mark.exists()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from([WEIGHTS, SETTINGS]))
def test_a_damaged_file_is_a_model_or_is_refused(model_folder, tmp_path, data, name):
    """Bits flip and files break off; what still reads as numbers cannot be told from a model."""
    place = tmp_path / "fuzzed"
    shutil.copytree(model_folder, place, dirs_exist_ok=True)
    content = bytearray((model_folder / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        spot = data.draw(st.integers(0, min(len(content), 4000) - 1))
        content[spot] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(content), len(content) // 2, 9]))
    (place / name).write_bytes(bytes(content[:end]))
    assert loaded_or_refused(place)


def loaded_or_refused(folder):
    try:
        return isinstance(load(folder), Model)
    except InputError as error:
        return "\n" not in str(error)


def test_a_study_and_other_places_are_told_apart(model_folder, tmp_path):
    study = model_folder.parents[1]
    assert "is a study; give one of its models" in refusal(study)
    assert str(study / "best" / "equal") in refusal(study)
    for other in (tmp_path, tmp_path / "nowhere", model_folder / SETTINGS):
        assert "is no model: a folder with model.json" in str_refusal(other)


def str_refusal(path):
    with pytest.raises(InputError) as refused:
        load(path)
    return str(refused.value)
