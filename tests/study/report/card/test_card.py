"""The model card: required and forbidden content, in two languages."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hemomodel.schema.schema import load_schema
from study.report.card.write import write_cards
from study.report.load import open_study
from study.store.study_folder import StudyFolder
from tests.support.made_study import About, made_study
from tests.support.orchard import FOREIGN, SCHEMA, set_features, trees
from tests.support.pages import read

# The sections of Mitchell et al. 2019, figure 1, and two for users.
SECTIONS = ["details", "use", "factors", "metrics", "evaluation", "training", "results", "ethics",
            "caveats", "load", "glossary"]  # fmt: skip


@pytest.fixture
def saved(folder: StudyFolder, tmp_path: Path) -> StudyFolder:
    """A study with the folders of its winners."""
    copy = StudyFolder(Path(shutil.copytree(folder.root, tmp_path / "copy")))
    for arm in open_study(copy).names:
        (copy.root / "best" / arm).mkdir(parents=True)
    return copy


def test_each_winner_has_its_card_with_every_section(saved: StudyFolder) -> None:
    pages = write_cards(saved)
    assert {page.parent.name for page in pages} == {"equal", "fixed", "uncertainty", "gradnorm"}
    for page in pages:
        text = read(page)
        assert [name for name in text.ids if name in SECTIONS] == SECTIONS
        assert page.with_suffix(".md").exists()


def test_it_says_what_was_found(saved: StudyFolder) -> None:
    write_cards(saved)
    text = (saved.root / "best" / "equal" / "card.md").read_text(encoding="utf-8")
    table = pd.read_parquet(saved.root / "subgroups.parquet")
    own = table[(table["arm"] == "equal") & (table["task"] == "potassium")]
    for row in own[own["estimate"].notna()].itertuples():
        said = f"{row.estimate:z.2f} \\[{row.low:z.2f}, {row.high:z.2f}\\]".replace("-", "−")
        assert said in text
        assert str(row.level) in text
    for said in (
        "decision support for research",
        "not a medical device",
        "The patients are synthetic",
        "URR, nPCR, TACurea and BUN are left out",
        "Kt/V above 1.2",
        "one centre",
        "| Kt/V at most 1.2 | 8 | 229 |",
        open_study(saved).record["data_digest"],
        "鉀離子濃度 Dialysate potassium",
        "年齡 Age",
        'hemomodel.load("studies/copy/best/equal")',
        "python scripts/recommend.py --model studies/copy/best/equal --data",
    ):
        assert said.lower() in text.lower(), said


def test_it_fetches_nothing_runs_nothing_and_names_no_place(saved: StudyFolder) -> None:
    for page in write_cards(saved):
        source = page.read_text(encoding="utf-8")
        assert "default-src 'none'" in source
        assert "<script" not in source
        assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", source)
        for text in (source, page.with_suffix(".md").read_text(encoding="utf-8")):
            assert str(saved.root.parent) not in text
        assert page.stat().st_size < 100_000


def test_names_stay_text(saved: StudyFolder) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    for name in ("comparison.json", "attrition.json"):
        text = (saved.root / name).read_text(encoding="utf-8")
        text = text.replace("Kt/V missing", hostile).replace("hidden.depth", hostile)
        saved.write_text(name, text)
    table = pd.read_parquet(saved.root / "subgroups.parquet")
    saved.write_table("subgroups.parquet", table.replace({"female": hostile}))
    for page in write_cards(saved):
        assert "img" not in read(page).tags
        assert hostile in " ".join(read(page).words)
        assert "<img" not in page.with_suffix(".md").read_text(encoding="utf-8")


def test_without_figures_of_the_ensembles_it_says_so(saved: StudyFolder) -> None:
    for name in ("ensemble_scores", "subgroups", "permutation"):
        (saved.root / f"{name}.parquet").unlink()
    for page in write_cards(saved):
        assert "--resume" in " ".join(read(page).words)


def test_where_nothing_is_known_it_says_so(saved: StudyFolder) -> None:
    table = pd.read_parquet(saved.root / "subgroups.parquet")
    table[["estimate", "low", "high"]] = np.nan
    table.loc[table["task"] != "mean", "rows"] = np.nan
    saved.write_table("subgroups.parquet", table)
    page = write_cards(saved)[0]
    assert "mean skill: too few rows" in " ".join(read(page).words)
    text = page.with_suffix(".md").read_text(encoding="utf-8")
    assert "0.00 \\[0.00, 0.00\\]" not in text
    assert text.count("&lt;10") == len(open_study(saved).tasks)


def test_an_arm_of_many_balancers_names_that_of_its_winner(saved: StudyFolder) -> None:
    comparison = json.loads((saved.root / "comparison.json").read_text(encoding="utf-8"))
    own = next(arm for arm in comparison["arms"] if arm["arm"] == "equal")
    own["finalists"] = [{**one, "params": {"balancer": "pcgrad"}} for one in own["finalists"]]
    saved.write_json("comparison.json", comparison)
    write_cards(saved)
    text = (saved.root / "best" / "equal" / "card.md").read_text(encoding="utf-8")
    assert "| arm | equal |" in text
    assert "| balancer | pcgrad |" in text


def test_a_nested_study_has_a_card_for_each_model(saved: StudyFolder) -> None:
    comparison = json.loads((saved.root / "comparison.json").read_text(encoding="utf-8"))
    own = next(arm for arm in comparison["arms"] if arm["arm"] == "equal")
    own["finalists"] += [{**one, "outer_fold": 1, "trial": 77} for one in own["finalists"]]
    saved.write_json("comparison.json", {**comparison, "outer_folds": 2})
    for fold in (0, 1):
        (saved.root / "best" / f"equal@{fold}").mkdir()
    scores = pd.read_parquet(saved.root / "ensemble_scores.parquet")
    heat = scores["metric"] == "temperature"
    folds = [
        scores.assign(outer_fold=fold, value=scores["value"].where(~heat, 1.25 + fold))
        for fold in (0, 1)
    ]
    saved.write_table("ensemble_scores.parquet", pd.concat(folds, ignore_index=True))
    pages = write_cards(saved)
    for page, own, other in zip(pages, ("1.25", "2.25"), ("2.25", "1.25"), strict=True):
        text = page.with_suffix(".md").read_text(encoding="utf-8")
        table = text[text.index("How well it predicts") :].split("\n\n")[1]
        assert own in table
        assert other not in table
        assert "1.75" not in table
    assert [page.parent.name for page in pages] == ["equal@0", "equal@1"]
    assert "| trial | 77 |" in pages[1].with_suffix(".md").read_text(encoding="utf-8")
    assert "repeated for each of 2 parts" in " ".join(read(pages[0]).words)


def test_a_model_that_was_not_saved_has_no_card(folder: StudyFolder) -> None:
    assert write_cards(folder) == []
    assert not (folder.root / "best").exists()


def test_another_table_has_a_card_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "orchard.yaml").write_text(SCHEMA, encoding="utf-8")
    file = str(tmp_path / "orchard.yaml")
    about = About(
        load_schema(file),
        {"held out": trees(60)},
        {"start": 110, "steps": [{"rule": "no yield", "removed": 10, "left": 100}], "kept": 100},
        {"data": "apples.csv", "schema_file": file},
        {"held_out_rows": 60, "unit": "growers", "held_out_units": 20},
    )
    made = made_study(tmp_path / "made", ["equal"], trials=4, about=about)
    set_features(made, "plain")
    (made.root / "best" / "equal").mkdir(parents=True)
    (page,) = write_cards(made)
    text = page.with_suffix(".md").read_text(encoding="utf-8")
    assert not FOREIGN.search(text)
    for said in ("Apples of a valley: 5 tasks", "60 held-out rows of 20 growers",
                 "成熟 Ripe in time", "not in time, in time", "log kg", "土壤 Soil", "no yield",
                 "declares no subgroups", "known before the harvest", "a csv file"):  # fmt: skip
        assert said in text, said
