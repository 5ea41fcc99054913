"""The output of `write_report`, and its error messages."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest

from hemomodel.errors import InputError
from study.analysis.hyperparameter_importance import journal_trials
from study.report.components.blocks import Figures
from study.report.components.figure import THEMES, Figure, with_theme
from study.report.formatting import number
from study.report.load import find_study, open_study
from study.report.sections.all_sections import all_sections
from study.report.tables.trials import finalist_table
from study.report.write import write_report
from study.store.study_folder import StudyFolder
from tests.support.pages import read

Maker = Callable[..., StudyFolder]
SECTIONS = ["balancers", "tasks", "learning", "weights", "gradients", "search", "calibration",
            "features", "subgroups", "cohort", "run", "limits", "glossary"]  # fmt: skip


OPTIONAL = ("held_out", "references", "curves", "cosines", "calibration", "table_one",
            "permutation", "ensemble_calibration", "ensemble_scores", "subgroups")  # fmt: skip


def all_figures(folder: StudyFolder) -> list[Figure]:
    """All figures except hyperparameter importance, which is slow."""
    importance = pd.DataFrame(columns=["arm", "parameter", "ped_anova", "fanova"])
    sections = all_sections(open_study(folder), journal_trials(folder), importance)
    blocks = [block for section in sections for block in section.blocks]
    return [figure for block in blocks if isinstance(block, Figures) for figure in block.figures]


def figure_names(folder: StudyFolder) -> list[str]:
    return [figure.name for figure in all_figures(folder)]


@pytest.fixture
def copy(folder: StudyFolder, tmp_path: Path) -> StudyFolder:
    """A study that a test may damage."""
    return StudyFolder(Path(shutil.copytree(folder.root, tmp_path / "copy")))


@pytest.fixture(scope="module")
def page(folder: StudyFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(folder, StudyFolder(tmp_path_factory.mktemp("report")))


def test_page_has_every_section_and_the_verdict_first(page: Path, folder: StudyFolder) -> None:
    text = read(page)
    assert [name for name in text.ids if name in SECTIONS] == SECTIONS
    whole = " ".join(text.words)
    verdict = open_study(folder).comparison.verdict
    assert whole.index(verdict) < whole.index("Balancers compared")
    assert "血液流速" in whole
    assert "mL/min" in whole
    assert "性別 Gender" in whole
    assert "what was prescribed, not what would have been best" in whole
    assert "URR, nPCR, TACurea and BUN are left out" in " ".join(whole.split())


def test_page_is_small_and_fetches_nothing(page: Path) -> None:
    source = page.read_text(encoding="utf-8")
    assert page.stat().st_size < 5_000_000
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", source)
    assert "default-src 'none'" in source


def test_reading_changes_nothing(copy: StudyFolder) -> None:
    def contents() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in copy.root.rglob("*") if path.is_file()}

    before = contents()
    write_report(copy)
    after = contents()
    assert before == {path: after[path] for path in before}
    new = {str(path.relative_to(copy.root)).split("/")[0] for path in set(after) - set(before)}
    assert new == {"report.html", "report.md", "tables"}


def test_the_same_study_gives_the_same_page(page: Path, copy: StudyFolder) -> None:
    again = write_report(copy).read_text(encoding="utf-8")
    named = page.read_text(encoding="utf-8").replace("<b>made</b>", "<b>copy</b>")
    assert again == named.replace("<title>made:", "<title>copy:")


def test_failures_are_shown(page: Path, folder: StudyFolder) -> None:
    whole = " ".join(read(page).words)
    failed = open_study(folder).trials.query("state == 'failed'")
    assert len(failed) > 10
    for trial in failed["number"]:
        assert re.search(rf"\s{trial}\s", whole)
    assert "pcgrad" in whole
    assert "no trial ended with a score" in whole
    table = pd.read_csv(page.parent / "tables" / "failures.csv")
    assert sorted(table["number"]) == sorted(failed["number"])


def test_tables_hold_the_comparison_exactly(page: Path, folder: StudyFolder) -> None:
    table = pd.read_csv(page.parent / "tables" / "arms.csv").set_index("arm")
    for arm in open_study(folder).arms:
        assert table.loc[arm.name, "score_low"] == pytest.approx(arm.score.low)
        assert table.loc[arm.name, "trials_failed"] == arm.trials.get("failed", 0)


def test_every_figure_is_one_that_plotly_knows(folder: StudyFolder) -> None:
    figures = all_figures(folder)
    assert len({figure.name for figure in figures}) == len(figures) > 30
    for figure in figures:
        drawn = with_theme({"data": figure.data, "layout": figure.layout}, THEMES["dark"])
        go.Figure(drawn)  # raises on a name that plotly does not know


@pytest.fixture(scope="module")
def whole(folder: StudyFolder) -> list[str]:
    """The names of all figures."""
    return figure_names(folder)


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_missing_table_costs_its_own_figures_alone(
    copy: StudyFolder, whole: list[str], name: str
) -> None:
    (copy.root / f"{name}.parquet").unlink()
    left = figure_names(copy)
    starts = {"curves": ("learning-", "weights-"), "cosines": ("cosines-", "conflicts"),
              "calibration": ("calibration-", "tempered-"), "ensemble_calibration": ("tempered-",),
              "permutation": ("features",), "subgroups": ("subgroups",)}.get(name, ())  # fmt: skip
    assert left == [figure for figure in whole if not figure.startswith(starts)]


def test_references_have_the_metrics_of_their_table(folder: StudyFolder) -> None:
    study = open_study(folder)
    table = study.tables["references"]
    for model in study.references:
        own = table[table["model"] == model.name]
        for (task, metric), values in own.groupby(["task", "metric"])["value"]:
            if metric != "skill":
                assert model.tasks[task].metrics[metric] == pytest.approx(values.mean())


def test_what_is_missing_is_said(copy: StudyFolder) -> None:
    for name in OPTIONAL:
        (copy.root / f"{name}.parquet").unlink()
    copy.journal.unlink()
    (copy.root / "attrition.json").unlink()
    text = read(write_report(copy))
    assert [found for found in text.ids if found in SECTIONS] == SECTIONS
    for name in ("curves", "cosines", "calibration", "permutation", "subgroups"):
        assert f"no {name}.parquet" in " ".join(text.words)


def test_one_arm_alone(make_study: Maker) -> None:
    text = read(write_report(make_study(["equal"], trials=12, name="alone")))
    assert "plot-scores" in text.ids


def test_names_stay_text(copy: StudyFolder) -> None:
    hostile = "<script>alert(1)</script>"
    for path in (copy.root / "comparison.json", copy.root / "attrition.json"):
        text = path.read_text(encoding="utf-8")
        text = text.replace("gradnorm", hostile).replace("Kt/V missing", hostile)
        path.write_text(text, encoding="utf-8")
    for path in copy.root.glob("*.parquet"):
        table = pd.read_parquet(path)
        copy.write_table(path.name, table.replace({"gradnorm": hostile, "Patient": hostile}))
    page = write_report(copy)
    text = read(page)
    assert text.tags.count("script") == 3
    assert hostile in " ".join(text.words)
    assert "<script>alert" not in page.read_text(encoding="utf-8")
    assert "<script>alert" not in (copy.root / "report.md").read_text(encoding="utf-8")


def test_the_ensembles_are_told_of_with_both_names(page: Path, folder: StudyFolder) -> None:
    text = (page.parent / "report.md").read_text(encoding="utf-8")
    assert "年齡 Age" in text
    assert "合併症 Comorbidities" in text
    assert "below 65" in text
    leading = open_study(folder).names[0]
    assert f"Skill of {leading} by subgroup" in text
    assert "Calibration error before and after" in text


def test_what_is_no_number_stays_out_of_the_page(copy: StudyFolder) -> None:
    comparison = json.loads((copy.root / "comparison.json").read_text(encoding="utf-8"))
    comparison["arms"][0]["tasks"]["modality"]["accuracy"] = float("nan")
    comparison["arms"][0]["delta_m"] = None
    copy.write_json("comparison.json", comparison)
    assert " nan" not in " ".join(read(write_report(copy)).words)


def test_another_schema_that_is_gone_leaves_bare_names(copy: StudyFolder) -> None:
    text = (copy.root / "study.yaml").read_text(encoding="utf-8")
    copy.write_text(
        "study.yaml", text.replace("schema_file: null", "schema_file: /secret/chen.yaml")
    )
    whole = " ".join(read(write_report(copy)).words)
    assert "blood flow" in whole
    assert "only their names" in whole
    for path in (*copy.root.rglob("*.html"), *copy.root.rglob("*.md")):
        assert "/secret" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", ["none", "no comparison", "no trials", "old", "torn", "damaged"])
def test_what_cannot_be_told_is_one_sentence(copy: StudyFolder, tmp_path: Path, case: str) -> None:
    path = copy.root / "comparison.json"
    match case:
        case "none":
            copy = StudyFolder(tmp_path)
        case "no comparison":
            path.unlink()
        case "no trials":
            (copy.root / "trials.parquet").unlink()
        case "old":
            path.write_text('{"arms": [], "verdict": ""}', encoding="utf-8")
        case "torn":
            path.write_text('{"arms": [', encoding="utf-8")
        case "damaged":
            (copy.root / "curves.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError) as error:
        write_report(copy)
    assert "\n" not in str(error.value)
    assert str(copy.root.name) in str(error.value)


def test_a_study_is_found_by_name(copy: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    place = copy.root.parent / "work"
    shutil.copytree(copy.root, place / "studies" / "ward-7")
    monkeypatch.chdir(place)
    assert find_study("ward-7").name == "ward-7"
    with pytest.raises(InputError, match="ward-8"):
        find_study("ward-8")


def test_the_finalists_have_their_scores_below_their_titles(folder: StudyFolder) -> None:
    study = open_study(folder)
    table = finalist_table(study)
    assert table is not None
    titles = [cell.text for cell in table.columns]
    finalists = [finalist for arm in study.arms for finalist in arm.finalists]
    for row, finalist in zip(table.rows, finalists, strict=True):
        texts = dict(zip(titles, [cell.text for cell in row], strict=True))
        assert texts["trial"] == str(finalist.trial)
        assert texts["search score"] == number(finalist.search_score)
        assert texts["validation score"] == number(finalist.validation_score)
        assert texts["epochs"] == str(finalist.epochs)
