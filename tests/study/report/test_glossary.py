"""The glossary: each term is defined once, and README, report and card link to it."""

import re
import shutil
from pathlib import Path

import pytest

from study.report.card.write import write_cards
from study.report.sections.glossary import glossary
from study.report.write import write_report
from study.store.study_folder import StudyFolder
from tests.support.pages import read
from tests.support.paths import ROOT

TERMS = ("Arm", "Trial", "Replicate", "Finalist", "Skill", "Held-out rows", "Outer fold")


@pytest.fixture(scope="module")
def pages(folder: StudyFolder, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    copy = StudyFolder(
        Path(shutil.copytree(folder.root, tmp_path_factory.mktemp("glossary") / "copy"))
    )
    (copy.root / "best" / "equal").mkdir(parents=True)
    return [write_report(copy), *write_cards(copy)]


def test_every_paragraph_of_the_page_is_a_term() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = [term for block in glossary().blocks for term, _ in block.items]
    assert terms == re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE)
    assert len(set(terms)) == len(terms)
    assert set(TERMS) <= set(terms)


def test_no_definition_has_markup_or_a_link() -> None:
    for block in glossary().blocks:
        for term, meaning in block.items:
            assert meaning.endswith("."), term
            assert not re.search(r"\]\(|\*\*|`", meaning), term


def test_report_and_card_define_each_term_once_and_link_there(pages: list[Path]) -> None:
    for page in pages:
        ids = read(page).ids
        assert ids.count("glossary") == 1
        for term in TERMS:
            assert ids.count(f"term-{term.lower().replace(' ', '-')}") == 1, (page, term)
        assert 'href="#glossary">glossary</a>' in page.read_text(encoding="utf-8")
        text = page.with_suffix(".md").read_text(encoding="utf-8")
        assert all(f"**{term}.**" in text for term in TERMS)


def test_the_readme_links_to_it() -> None:
    assert "](docs/glossary.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
