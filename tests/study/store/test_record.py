"""What others may read of how a study was run: nothing of where its files are."""

import pytest

from study.store.record import shareable, shareable_settings

DATA = {"data": "/ward/chen/HD.xlsx", "schema_file": None, "out": "studies", "address": None}


@pytest.mark.parametrize(
    "flag",
    ["--config /secret/cfg.yaml", "--config=/secret/cfg.yaml", "--conf /secret/my cfg.yaml"],
)
@pytest.mark.parametrize("rest", ["", " --trials 4"])
def test_the_command_names_no_file(flag, rest):
    command = f"search.py --data /ward/chen/HD.xlsx {flag}{rest}"
    said = shareable({"settings": DATA, "command": command})["command"]
    assert said == f"search.py --data <a xlsx file> {flag[: flag.index('/')]}<a file>{rest}"


def test_a_file_that_is_called_synthetic_is_a_file():
    assert shareable_settings({"data": "synthetic:465"})["data"] == "synthetic:465"
    assert shareable_settings({"data": "synthetic_chen.csv"})["data"] == "a csv file"
