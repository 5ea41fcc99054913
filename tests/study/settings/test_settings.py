import pytest

from hemomodel import InputError
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


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("trails=5", "trails is not a setting; did you mean trials?"),
        ("trials=0", "trials is 0: input should be greater than or equal to 1"),
        ("trials=many", "trials is 'many': input should be a valid integer"),
        ("balancers=[gradnrom]", "'gradnrom' is no balancer; did you mean gradnorm?"),
        ("balancers=[equal, equal]", "a balancer stands twice"),
        ("balancers=[]", "balancers is []"),
        ("early_stopping.graze=3", "early_stopping.graze is not a setting; did you mean grace?"),
        ("early_stopping.factor=1", "early_stopping.factor is 1: input should be greater than 1"),
        ("allocation=fair", "allocation is 'fair': input should be 'equal' or 'joint'"),
        ("name=../x", "name is '../x'"),
        ("seed=-1", "seed is -1"),
        ("trials", "give key=value"),
        ("trials.x=1", "is 10, which has no parts"),
        ("fit=[", "is not YAML"),
        ("xyzzy=1", "xyzzy is not a setting; choose from name, data"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path, change, says):
    file = tmp_path / "s.yaml"
    file.write_text("trials: 10\n")
    with pytest.raises(InputError) as error:
        load_settings(file, [change])
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"- a\n- b\n", "holds no settings"),
        (b"just words", "holds no settings"),
        (b"a: [1,", "is not YAML"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"!!python/object/apply:os.getcwd []", "is not YAML"),
        (b"1: 2", "holds no settings"),
    ],
    ids=["list", "text", "broken", "binary", "code", "number as key"],
)
def test_a_file_that_holds_no_settings_is_refused(tmp_path, content, says):
    file = tmp_path / "s.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=says):
        load_settings(file)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read"):
        load_settings(tmp_path / "none.yaml")


def test_an_empty_file_means_the_defaults(tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("# nothing\n")
    assert load_settings(file) == Settings()
