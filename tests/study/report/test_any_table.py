"""The report of a study on another table uses the terms of its schema, and no others."""

import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from hemomodel.schema.schema import load_schema
from study.report.load import open_study
from study.report.terminal.comparison import show_comparison
from study.report.wandb.markdown import leaderboard_markdown, verdict_markdown
from study.report.write import write_report
from study.store.study_folder import StudyFolder
from tests.support.made_study import About, made_study
from tests.support.orchard import FOREIGN, SCHEMA, set_features, trees
from tests.support.pages import read


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    root = tmp_path_factory.mktemp("orchard")
    (root / "orchard.yaml").write_text(SCHEMA, encoding="utf-8")
    file = str(root / "orchard.yaml")
    about = About(
        load_schema(file),
        {"training": trees(80), "held out": trees(20)},
        {"start": 110, "steps": [{"rule": "no yield", "removed": 10, "left": 100}], "kept": 100},
        {"data": "apples.csv", "schema_file": file},
        {"held_out_rows": 20, "unit": "growers", "held_out_units": 4},
    )
    made = made_study(root / "made", ["equal", "gradnorm"], trials=20, about=about)
    set_features(made, "plain")
    table = pd.read_parquet(made.root / "table_one.parquet")
    made.write_table("table_one.parquet", table.assign(section="Trees"))
    write_report(made)
    return made


def test_nothing_in_it_is_of_another_table(folder: StudyFolder) -> None:
    for path in (folder.root / "report.md", *(folder.root / "tables").iterdir()):
        assert not FOREIGN.search(path.read_text(encoding="utf-8")), path.name
    page = " ".join(read(folder.root / "report.html").words)
    shown = page[page.index("Skill") : page.index("Made only from the study")]
    assert not FOREIGN.search(shown)


def test_it_speaks_of_titles_units_and_groups_as_the_schema_does(folder: StudyFolder) -> None:
    page = " ".join(" ".join(read(folder.root / "report.html").words).split())
    for said in (
        "Apples of a valley · a csv file",
        "20 · 4",
        "held-out rows · growers",
        "20 held-out rows of 4 growers",
        "Yield log kg",
        "成熟",
        "Ripe in time",
        "樹齡 Age of the tree, years",
        "土壤 Soil",
        "The features are known before the harvest.",
        "All trees stand in one valley.",
        "draws growers, each with all its rows",
        "held-out growers to detect 0.020",
    ):
        assert said in page, said


def test_every_kind_of_task_has_its_own_figures(folder: StudyFolder) -> None:
    table = pd.read_csv(folder.root / "tables" / "tasks.csv")
    metrics = table[table["model"] == "equal"].groupby("task")["metric"].agg(set)
    for name in ("ripe", "sort", "grade"):
        assert {"accuracy", "balanced_accuracy", "cross_entropy"} <= metrics[name]
        assert ("ordinal_mae" in metrics[name]) == (name == "grade")
    for name in ("yield_kg", "pests"):
        assert {"rmse", "mae", "r2"} <= metrics[name]
    page = " ".join(read(folder.root / "report.html").words)
    assert re.search(r"bal\. \d+ %, dist\. 0\.\d\d", page)
    first = pd.read_csv(folder.root / "tables" / "table_one.csv").fillna("")
    assert dict(zip(first["variable"], first["title_zh"], strict=True))["soil"] == "土壤"
    assert {"in time", "Boskoop"} <= set(first["level"])


def test_the_screen_and_the_text_for_wandb_follow_it_too(folder: StudyFolder) -> None:
    study = open_study(folder)
    console = Console(file=io.StringIO(), width=80)
    show_comparison(console, study.comparison, study.tasks)
    written = [
        console.file.getvalue(),  # type: ignore[attr-defined]
        verdict_markdown(study.comparison),
        leaderboard_markdown(study.comparison, study.tasks),
    ]
    for text in written:
        assert not FOREIGN.search(text)
    assert "成熟 ripe" in written[0]
    assert "20 held-out rows of 4 growers" in written[1]
    assert "成熟 Ripe in time (ripe)" in written[2]


def test_a_table_without_classes_has_a_report(folder: StudyFolder, tmp_path: Path) -> None:
    values = {"yield_kg", "pests"}
    lines = SCHEMA.split("\n  - ")
    text = "\n  - ".join(line for line in lines if "task:" not in line or "kind: number" in line)
    text = text.replace("kind: ordinal, levels: [1, 2, 3]", "kind: regression")
    (tmp_path / "few.yaml").write_text(text, encoding="utf-8")
    schema = load_schema(str(tmp_path / "few.yaml"))
    assert values < {task.name for task in schema.tasks}
    about = About(
        schema,
        {"kept": trees(40)},
        {"start": 40, "steps": [], "kept": 40},
        {"data": "apples.csv", "schema_file": str(tmp_path / "few.yaml")},
        {"held_out_rows": 8},
    )
    made = made_study(tmp_path / "few", ["equal"], trials=4, about=about)
    page = " ".join(read(write_report(made)).words)
    assert "No task has classes" in page
    assert json.loads((made.root / "comparison.json").read_text())["held_out_rows"] == 8
    assert "8 held-out rows" in page
