# ruff: noqa: E501, SIM905, ARG005 - tables, one case a line
"""Input from outside stays text and numbers in pages, tables and checkpoints."""

import base64
import csv
import gzip
import io
import json
import pickle
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
import torch

from hemomodel import Replicates, synthetic_cohort
from hemomodel.dataset.preparation import prepare
from study.report.load import read_comparison
from study.report.render.table_files import to_latex
from study.report.wandb.markdown import (
    arms_markdown,
    differences_markdown,
    leaderboard_markdown,
    verdict_markdown,
)
from study.report.write import write_report
from study.search.checkpoint import save_checkpoint
from study.search.trial import StackedTrial
from study.settings.search_space import SearchSpace
from study.settings.settings import load_settings
from study.store.study_folder import StudyFolder
from tests.support.made_study import made_study

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(2)>'
LINK = "[click](javascript:alert(3))"
CLOSING = "</script><svg onload=alert(4)>"
NAMES = [SCRIPT, IMAGE, LINK, CLOSING]
ALLOWED = {
    *("html head meta title link style body header p b h1 dl div dt dd details summary ul li".split()),
    *("noscript nav ol a main section h2 h3 h4 figure figcaption table caption thead tbody".split()),
    *("tr th td small i button span svg line script footer code".split()),
}  # fmt: skip


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.scripts = 0
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.scripts += tag == "script"
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value for name, value in attrs if name in {"href", "src"}}

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The report of a study whose arms, verdict, tasks, errors and data contain hostile text."""
    root = tmp_path_factory.mktemp("hostile") / "<script>alert(0)<"
    folder = made_study(root, ["equal", *NAMES])
    path = folder.root / "comparison.json"
    text = path.read_text(encoding="utf-8").replace('"calcium"', json.dumps(IMAGE))
    comparison = json.loads(text)
    comparison["verdict"] = f"{SCRIPT} {LINK} {IMAGE}"
    for one in comparison["differences"]:
        one["verdict"] = f"{SCRIPT} | {LINK}\n# {IMAGE}"
    folder.write_json("comparison.json", comparison)
    trials = pd.read_parquet(folder.root / "trials.parquet")
    trials["state"], trials["error"] = "failed", f"{SCRIPT}{LINK}{CLOSING}"
    folder.write_table("trials.parquet", trials)
    record = folder.root / "study.yaml"
    record.write_text(record.read_text().replace("synthetic:465", "'=cmd|x <script>a</script>'"))
    write_report(folder)
    return folder.root


def test_the_page_holds_no_tag_of_theirs(hostile):
    page = (hostile / "report.html").read_text(encoding="utf-8")
    found = Tags()
    found.feed(page)
    assert found.tags <= ALLOWED
    assert found.scripts == 3
    assert not [name for name in found.attributes if name.startswith("on")]
    assert all(link.startswith(("#", "data:,")) for link in found.links)
    assert SCRIPT in found.text
    assert page.count("</script>") == 3


def test_the_figures_hold_their_names_as_text(hostile):
    page = (hostile / "report.html").read_text(encoding="utf-8")
    packed = re.search(r'id="drawings">([^<]+)<', page)[1]
    drawings = gzip.decompress(base64.b64decode(packed)).decode()
    for figure in json.loads(drawings)["figures"].values():
        for text in shown(figure):
            assert not re.search(r"<(script|img|svg|a)\b", text, re.IGNORECASE), text


def shown(value, key=""):
    """Yields the texts in which plotly reads tags; only our own script reads `meta`."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name != "meta":
                yield from shown(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from shown(inner, key)
    elif isinstance(value, str):
        yield value


def test_the_markdown_holds_no_link_and_no_tag_of_theirs(hostile):
    check_markdown((hostile / "report.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "written", [verdict_markdown, arms_markdown, differences_markdown, leaderboard_markdown]
)
def test_the_markdown_for_wandb_holds_none_either(hostile, written):
    check_markdown(written(read_comparison(StudyFolder(hostile))))


def check_markdown(text):
    assert not re.search(r"<(script|img|svg)", text)
    assert not re.search(r"(?<!\\)\]\(javascript", text)
    assert "# &quot;" not in text
    assert not re.search(r"^#.*onerror", text, re.MULTILINE)


def test_the_tables_run_nothing_in_a_spreadsheet(hostile):
    for path in (hostile / "tables").glob("*.csv"):
        for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8"))):
            for cell in row:
                assert cell == "-" or not re.match(r"\s*[=+@\t\r]", cell) or number(cell), cell


def number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("text", [r"\input{/etc/passwd}", r"\write18{rm}", "$x$", "a & b \\\\ c",
                                  "^^5cinput", "a\n\\end{longtable}"])  # fmt: skip
def test_latex_runs_nothing(text):
    written = to_latex(pd.DataFrame({"a": [text], text: [1]}), text)
    for command in (r"\input", r"\write", "$x$", "^^", r"c\end"):
        assert command not in written
    assert written.count(r"\end{longtable}") == 1


class Owned:
    """A pickle that creates a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.fixture(scope="module")
def stack():
    return prepare(synthetic_cohort(465, seed=0), Replicates(folds=2, seeds=1))


@pytest.fixture
def trial(stack, tmp_path):
    """trial(): a trial that resumes from the checkpoint file if it is valid."""
    space = SearchSpace(load_settings(None, ["fit.epochs=6"]), [task.name for task in stack.tasks])

    def begin():
        made = StackedTrial.__new__(StackedTrial)
        config = {"number": 0, "outer_fold": 0, "params": {"balancer": "gradnorm"}}
        stops = [2, 4, 6]
        common = {"space": space, "stops": stops, "checkpoints": str(tmp_path), "device": "cpu"}
        made.setup(config, stacks=[stack], **common)
        return made

    return begin


def checkpoint(trial, folder):
    """Writes the checkpoint of a trial after its first report."""
    first = trial()
    first.step()
    path = folder / "00000.pt"
    save_checkpoint(path, first._state())
    return path


def spoiled(state, **changes):
    return {**state, **changes}


SPOILED = {
    "another shape": lambda s: spoiled(s, training={**s["training"],
                                       "parameters": s["training"]["parameters"][:5]}),
    "another type": lambda s: spoiled(s, training={**s["training"],
                                      "parameters": s["training"]["parameters"].double()}),
    "nothing": lambda s: {},
    "a list": lambda s: [1, 2],
    "a number": lambda s: 5,
    "no epochs": lambda s: {k: v for k, v in s.items() if k != "epochs"},
    "something more": lambda s: spoiled(s, more=torch.zeros(3)),
    "an epoch of a million": lambda s: spoiled(s, training={**s["training"],
                                               "epoch": torch.tensor(1_000_000)}),
    "an epoch below zero": lambda s: spoiled(s, training={**s["training"],
                                             "epoch": torch.tensor(-1)}),
    "text for a tensor": lambda s: spoiled(s, seconds="long"),
    "no memory": lambda s: spoiled(s, training={k: v for k, v in s["training"].items()
                                                if not k.startswith("memory")}),
}  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_checkpoint_of_another_trial_is_left_aside(trial, tmp_path, spoil):
    path = checkpoint(trial, tmp_path)
    torch.save(spoil(torch.load(path, weights_only=True)), path)
    assert trial()._training.epoch == 0


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04", b"x" * 999],
                         ids=["empty", "half a zip", "half a pickle", "letters"])  # fmt: skip
def test_a_checkpoint_that_is_none_is_left_aside(trial, tmp_path, content):
    (tmp_path / "00000.pt").write_bytes(content)
    assert trial().step()["epoch"] == 2


@pytest.mark.parametrize("save", [torch.save, lambda o, p: p.write_bytes(pickle.dumps(o))],
                         ids=["torch", "pickle"])  # fmt: skip
def test_a_checkpoint_runs_no_code(trial, tmp_path, save):
    mark = tmp_path / "owned"
    save({"training": Owned(str(mark))}, tmp_path / "00000.pt")
    assert trial().step()["epoch"] == 2
    assert not mark.exists()


def test_a_whole_checkpoint_is_taken_up(trial, tmp_path):
    checkpoint(trial, tmp_path)
    again = trial()
    assert again._training.epoch == 2
    assert [again.step()["epoch"] for _ in range(3)] == [2, 4, 6]
