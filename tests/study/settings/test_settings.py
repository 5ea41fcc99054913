import pytest

from hemomodel.errors import InputError
from study.settings.settings import Settings, load_settings
from tests.support.paths import ROOT

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_the_shipped_settings_are_valid(path):
    assert load_settings(path).trials >= 1


def test_the_default_file_says_what_the_defaults_are():
    shipped = load_settings(CONFIGS[[p.name for p in CONFIGS].index("search.yaml")])
    assert shipped.model_copy(update={"fit": {}}) == Settings()


def test_flags_go_over_changes_and_changes_over_the_file(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("trials: 10\nseed: 1\nfit: {epochs: 5, lr: 0.1}\n")
    found = load_settings(
        file, ["trials=20", "seed=2", "fit.epochs=6"], {"trials": 30, "seed": None}
    )
    assert (found.trials, found.seed) == (30, 2)
    assert found.fit == {"epochs": 6, "lr": 0.1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("fit.lr=1e-3", 1e-3),
        ("fit.lr=1.5E+2", 150.0),
        ("fit.lr=[1e-3, 0.1]", [1e-3, 0.1]),
        ("fit.lr=-2e-4", -2e-4),
        ("fit.lr=12", 12),
        ("fit.lr=adam", "adam"),
    ],
)
def test_values_are_yaml_with_plain_exponents(text, value):
    assert load_settings(None, [text]).fit["lr"] == value


def test_dotted_parameter_names_stay_whole():
    assert load_settings(None, ["fit.gradnorm.alpha=0.5"]).fit == {"gradnorm.alpha": 0.5}


def test_an_empty_file_means_the_defaults(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("# nothing\n")
    assert load_settings(file) == Settings()


def test_a_flag_of_zero_is_a_value_and_only_none_leaves_a_setting(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("seed: 7\ntrials: 30")
    assert load_settings(file, flags={"seed": 0, "trials": None}).seed == 0
    assert load_settings(file, flags={"seed": None}).seed == 7
    with pytest.raises(InputError, match="trials is 0"):
        load_settings(file, flags={"trials": 0})
