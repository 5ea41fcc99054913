"""Every block of code in the README and the docs runs."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from study.pipeline.commands import search
from tests.support.paths import FIXTURES, ROOT

PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
# The commands run as printed, plus these flags, which make them short.
LESS = {
    "scripts.reproduce.published_setting": ["--set", "fit.epochs=2"],
    "scripts.bench": ["--seconds", "0.01", "--rounds", "1", "--only", "equal,mgda"],
    "scripts/cohort.py": [],
    "scripts/report.py": [],
    "scripts/recommend.py": [],
}
# Its code is the same as the README's, which is run once.
TRANSLATION = ROOT / "README.zh-TW.md"
# Its Python is one example in two files; tests/hemomodel/balancers/test_adding.py runs both.
CONTRIBUTING = ROOT / "CONTRIBUTING.md"


def fenced(page):
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


THOROUGH = {"speed.md-0", "published-setting.md-0"}  # half a minute; CONTRIBUTING says when to run


def blocks(*languages):
    for page in PAGES:
        if page == TRANSLATION or (page == CONTRIBUTING and "python" in languages):
            continue
        for number, (language, code) in enumerate(fenced(page)):
            if language in languages:
                name = f"{page.name}-{number}"
                marks = [pytest.mark.thorough] if name in THOROUGH else []
                yield pytest.param(code, id=name, marks=marks)


def run(command, folder):
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize("code", list(blocks("python")))
def test_python_blocks_run(code, tmp_path):
    run([sys.executable, "-c", code], tmp_path)


def ended(study, _):
    """Copies a fixture study to the folder that the search of a page would write."""
    with study.lock:
        shutil.copytree(FIXTURES / "rules_1" / "ended", study.folder.root, dirs_exist_ok=True)
    trials = study.folder.root / "trials.parquet"
    table = pd.read_parquet(trials)  # the fixture was not logged; the pages' studies are
    table.assign(wandb_id=[f"w-{number}" for number in table["number"]]).to_parquet(trials)
    return 0


@pytest.fixture
def checked_search(tmp_path, monkeypatch):
    """Runs the search command until Ray's start: flags and data are checked.

    `tests/study/pipeline/test_study_folder.py` runs a search on a workbook.
    """

    def call(flags):
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["search.py", *flags])
            patch.setattr("study.pipeline.preflight.start_ray", lambda *_: None)
            patch.setattr("study.pipeline.run.run_study", ended)
            assert search.main() == 0

    return call


@pytest.mark.slow
@pytest.mark.parametrize("code", list(blocks("bash")))
def test_bash_blocks_run(code, tmp_path, checked_search):
    for name in ("scripts", "configs", "constraints.txt", "Makefile"):
        (tmp_path / name).symlink_to(ROOT / name)
    for line in code.splitlines():
        words = shlex.split(line, comments=True)
        match words:
            case []:
                continue
            case ["make", *targets]:
                run(["make", "-n", "-C", str(ROOT), *targets], tmp_path)
            case ["pip", "install", "-c", "constraints.txt", "-e", "."]:
                continue  # this is how the environment of the tests was made
            case ["python", "-m", module, *flags]:
                run([sys.executable, "-m", module, *flags, *LESS[module]], tmp_path)
            case ["python", "scripts/search.py", *flags]:
                checked_search(flags)
            case ["python", script, *flags]:
                run([sys.executable, script, *flags, *LESS[script]], tmp_path)
            case _:
                raise AssertionError(f"no way to run {line!r}")


def test_the_translation_keeps_in_step():
    """Code blocks, commands, files, links and figures of the two READMEs are the same."""
    pages = (ROOT / "README.md", TRANSLATION)
    english, chinese = ([code for name, code in fenced(page) if name != "text"] for page in pages)
    assert english == chinese
    english, chinese = (page.read_text(encoding="utf-8") for page in pages)
    in_order = (r"^#+ ", r"^\| `(.*?)` \|", r"^    (\S.*)", r"^(?:python|ray|openssl|export) .*")
    for what in in_order:
        assert re.findall(what, english, re.MULTILINE) == re.findall(what, chinese, re.MULTILINE), (
            what
        )
    # Another language may name things in another order, or twice.
    for what in (r"\]\(([^)#]+)\)", r"`([^`\n]+(?:\n[^`\n]+)?)`"):
        named = [
            {" ".join(found.split()) for found in re.findall(what, text)}
            for text in (english, chinese)
        ]
        assert named[0] ^ named[1] <= {page.name for page in pages}, what


def links():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                yield pytest.param(page.parent / target, id=f"{page.name}-{target}")


@pytest.mark.parametrize("target", list(links()))
def test_links_lead_somewhere(target):
    assert target.exists()


def test_settings_named_in_the_docs_exist():
    from study.settings.settings import Settings

    for page in PAGES:
        for key in re.findall(r"--set '?([a-z_]+)[.=]", page.read_text(encoding="utf-8")):
            assert key in Settings.model_fields, (page.name, key)


def test_no_text_names_a_machine():
    """Neither a registry's host nor a path of one machine belongs in a tracked file."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\0")
    words = ["index" + "-url", "find" + "-links", "/home" + "/", "/root" + "/"]
    for name in filter(None, tracked):
        path = ROOT / name
        if not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        assert not [word for word in words if word in text], name


def test_files_named_in_the_architecture_exist():
    """By file name only: the text names a folder once, and its files after it."""
    known = {path.name for folder in ("hemomodel", "study") for path in (ROOT / folder).rglob("*")}
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = re.findall(r"[`/]((?!test_)[a-z_]+(?:\.py|/))`", text)
    assert len(named) > 50
    assert [name for name in named if name.removesuffix("/") not in known | {"bench"}] == []
