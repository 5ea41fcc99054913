"""The six commands as a wheel installs them, in a separate environment outside the checkout."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from study.pipeline.commands import search
from study.settings.settings import load_settings, settings_file
from tests.support.paths import ROOT

COMMANDS = ("search", "report", "recommend", "cohort", "sync", "submit")
SMOKE = [
    *("--config", "smoke", "--wandb", "disabled", "--set", "fit.hidden=[8]", "--out", "studies"),
    *("--set", "outer_folds=2", "--max-concurrent", "1"),
]


def test_without_a_config_the_settings_are_those_of_the_default_file(monkeypatch):
    asked = []
    monkeypatch.setattr("study.pipeline.preflight.preflight", asked.append)
    monkeypatch.setattr("study.pipeline.run.run_study", lambda *_: 0)
    for flags in ([], ["--config", str(ROOT / "configs" / "search.yaml")]):
        monkeypatch.setattr(sys, "argv", ["search.py", *flags])
        assert search.main() == 0
    assert asked[0] == asked[1] == load_settings(ROOT / "configs" / "search.yaml")


@pytest.mark.parametrize("name", ["search", "smoke", "published_setting"])
def test_built_in_settings_are_those_of_configs(name):
    assert load_settings(settings_file(name)) == load_settings(ROOT / "configs" / f"{name}.yaml")


class Environment:
    """A fresh virtual environment with the wheel; it can import this environment's packages."""

    def __init__(self, folder: Path):
        self.folder, self.bin = folder, folder / "venv" / "bin"
        source, self.cwd = folder / "source", folder / "elsewhere"
        self.cwd.mkdir()
        for name in ("hemomodel", "study"):
            shutil.copytree(
                ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, source)
        self._pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
        (self.wheel,) = folder.glob("hemomodel-*.whl")
        shutil.rmtree(source)
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        self._pip("--python", self.bin / "python", "install", "--no-deps", "--no-index", self.wheel)
        # Only a path: Python reads no .pth file in it, so an editable install is not visible.
        (place,) = (folder / "venv" / "lib").glob("python*/site-packages")
        (place / "tests.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def _pip(self, *words):
        done = subprocess.run(
            [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check",
             *map(str, words)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    @property
    def environ(self):
        hidden = {"PYTHONPATH", "PYTHONHOME"}
        variables = {key: value for key, value in os.environ.items() if key not in hidden}
        return {**variables, "PATH": f"{self.bin}:{variables['PATH']}", "COLUMNS": "100"}

    def start(self, *words, **options):
        return subprocess.Popen(
            [str(self.bin / words[0]), *map(str, words[1:])], cwd=self.cwd, env=self.environ,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
        )  # fmt: skip

    def run(self, *words, code=0):
        process = self.start(*words)
        out, err = process.communicate(timeout=300)
        assert process.returncode == code, out + err
        return out if code == 0 else err


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("installed"))


@pytest.mark.slow
def test_the_packages_are_those_of_the_wheel(installed):
    code = "import hemomodel, study; print(hemomodel.__file__, study.__file__)"
    places = installed.run("python", "-c", code).split()
    assert all(Path(place).is_relative_to(installed.folder / "venv") for place in places)


@pytest.mark.slow
def test_the_wheel_holds_types_settings_schemas_and_cluster_files(installed):
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    assert {"hemomodel/py.typed", "study/py.typed"} <= names
    for folder, package in (
        ("configs", "study/settings/builtin"),
        ("configs/schemas", "hemomodel/schema/builtin"),
        ("configs/cluster", "study/cluster/files"),
    ):
        files = [path.name for path in (ROOT / folder).iterdir() if path.is_file()]
        assert files
        assert {f"{package}/{name}" for name in files} <= names
    assert "study/report/sections/glossary.md" in names
    assert not [name for name in names if name.startswith(("scripts", "tests"))]


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_tells_its_version_and_how_to_call_it(installed, name):
    assert installed.run(f"hemomodel-{name}", "--version") == "hemomodel 0.1.0\n"
    shown = installed.run(f"hemomodel-{name}", "--help")
    assert shown.startswith(f"usage: hemomodel-{name} ")
    assert f"  hemomodel-{name} " in shown.partition("example")[2]
    assert "scripts/" not in shown


@pytest.mark.slow
def test_a_wrong_flag_names_the_command_that_helps(installed):
    message = installed.run("hemomodel-search", "--trails", "5", code=2)
    assert message == "error: unrecognized arguments: --trails 5; see: hemomodel-search --help\n"
    message = installed.run("hemomodel-cohort", "write", "--rows", "x", code=2)
    assert message.endswith("see: hemomodel-cohort write --help\n")


@pytest.mark.slow
def test_a_study_goes_from_patients_to_recommendations(installed):
    installed.run("hemomodel-cohort", "write", "--rows", 300, "--out", "HD.csv")
    installed.run("hemomodel-search", *SMOKE, "--data", "HD.csv", "--name", "s")
    card = (installed.cwd / "studies" / "s" / "best" / "equal" / "card.md").read_text()
    assert "hemomodel-recommend --model studies/s/best/equal" in card
    installed.run("hemomodel-report", "s", "--out", "paper")
    assert (installed.cwd / "paper" / "report.html").stat().st_size > 100_000
    installed.run(
        "hemomodel-recommend", "--model", "studies/s/best/equal", "--data", "HD.csv",
        "--out", "advice.csv",
    )  # fmt: skip
    assert len(pd.read_csv(installed.cwd / "advice.csv")) == 300


@pytest.mark.thorough
def test_an_interrupted_study_says_how_it_is_resumed(installed):
    process = installed.start(
        "hemomodel-search", *SMOKE, "--name", "i", "--set", "fit.epochs=4000", process_group=0
    )
    journal = installed.cwd / "studies" / "i" / "study.journal"
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        if journal.exists() and journal.stat().st_size > 1000:
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, out + err
    assert "  hemomodel-search --resume i\n" in out
