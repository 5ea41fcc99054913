"""The page as a reader sees it: two widths, light and dark, and nothing fetched."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from study.report.card.write import write_cards
from study.report.render.images import find_browser
from study.report.write import write_report
from study.store.study_folder import StudyFolder

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

pytestmark = pytest.mark.slow
WITHOUT_FIGURE = {"run", "limits", "glossary"}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    path = find_browser()
    if path is None:
        pytest.skip("no Chrome or Chromium on the PATH")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def page_file(folder: StudyFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(folder, StudyFolder(tmp_path_factory.mktemp("page")))


def opened(chromium: Any, file: Path, width: int, scheme: str) -> tuple[Any, list[str], list[str]]:
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said: list[str] = []
    fetched: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready]", timeout=240_000)
    return page, said, fetched


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")], ids=str)
def test_every_section_is_drawn(chromium: Any, page_file: Path, width: int, scheme: str) -> None:
    page, said, fetched = opened(chromium, page_file, width, scheme)
    assert said == []
    assert [url for url in fetched if not url.startswith(("file:", "data:", "blob:"))] == []
    drawn = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('section')].map((s) => [s.id, "
        "[...s.querySelectorAll('.plot')].map((p) => p.querySelectorAll('svg.main-svg').length)]))"
    )
    for section, plots in drawn.items():
        assert section in WITHOUT_FIGURE or plots, section
        assert all(plots), section
    beyond = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert beyond <= 0
    page.close()


def test_colours_follow_the_theme_and_a_pick_fades_the_rest(chromium: Any, page_file: Path) -> None:
    page, said, _ = opened(chromium, page_file, 1000, "light")
    ink = "getComputedStyle(document.querySelector('#plot-scores .ytick text')).fill"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    deadline = time.monotonic() + 30  # wait_for_function would need eval, which the page forbids
    while page.evaluate(ink) == light and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert page.evaluate(ink) != light
    page.locator(".legend button[data-arm=gradnorm]").first.click()
    faded = "[...document.querySelector('#plot-scores').data].filter((t) => t.opacity < 0.5).length"
    assert page.evaluate(faded) == 6  # dots and intervals of the other three arms
    assert said == []
    page.close()


def test_a_hostile_name_runs_nothing(chromium: Any, folder: StudyFolder, tmp_path: Path) -> None:
    copy = StudyFolder(Path(shutil.copytree(folder.root, tmp_path / "copy")))
    hostile = "<img src=x onerror=document.title='owned'>"
    text = (copy.root / "comparison.json").read_text(encoding="utf-8")
    copy.write_text("comparison.json", text.replace("gradnorm", hostile))
    page, said, _ = opened(chromium, write_report(copy), 1000, "light")
    assert page.title() == "copy: balancers compared"
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert said == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1100])
def test_a_card_fits_any_screen(
    chromium: Any, folder: StudyFolder, tmp_path: Path, width: int, scheme: str
) -> None:
    copy = StudyFolder(Path(shutil.copytree(folder.root, tmp_path / "copy")))
    (copy.root / "best" / "equal").mkdir(parents=True)
    (card,) = write_cards(copy)
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    said: list[str] = []
    fetched: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(card.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(252, 252, 250)", "dark": "rgb(21, 24, 28)"}[scheme]
    assert said == []
    assert [url for url in fetched if not url.startswith(("file:", "data:"))] == []
    page.close()


def test_it_prints_light_and_whole(chromium: Any, page_file: Path, tmp_path: Path) -> None:
    page, said, _ = opened(chromium, page_file, 1000, "dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    ink = "getComputedStyle(document.querySelector('#plot-scores .ytick text')).fill"
    assert page.evaluate(ink) == "rgb(28, 33, 38)"
    assert page.evaluate("document.querySelectorAll('details:not([open])').length") == 0
    wide = (
        "Math.max(...[...document.querySelectorAll('.plot .main-svg')].map((s) => s.clientWidth))"
    )
    assert page.evaluate(wide) <= 680
    page.pdf(path=str(tmp_path / "report.pdf"))
    assert said == []
    page.close()
