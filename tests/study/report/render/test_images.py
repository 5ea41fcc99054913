"""Figures for a paper, and the output of the script."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from study.report.components.figure import Figure
from study.report.render import images
from study.store.study_folder import StudyFolder
from tests.support.paths import ROOT

SCRIPT = ROOT / "scripts" / "report.py"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.skipif(images.missing_browser() is not None, reason=str(images.missing_browser()))
@pytest.mark.slow
def test_figures_are_written_as_svg_and_png(tmp_path: Path) -> None:
    line = {"type": "scatter", "x": [1, 2], "y": [1, 3], "line": {"color": "@ink"}}
    figure = Figure("line", "血液流速 Blood flow", [line], {"height": 200})
    assert images.write_images(StudyFolder(tmp_path), [figure]) == ["line"]
    root = ET.parse(tmp_path / "figures" / "line.svg").getroot()  # noqa: S314 - our own file
    text = " ".join(root.itertext())
    assert "血液流速 Blood flow" in text
    assert "@ink" not in (tmp_path / "figures" / "line.svg").read_text(encoding="utf-8")
    assert (tmp_path / "figures" / "line.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_browser_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kaleido")
    monkeypatch.setattr(images, "find_browser", lambda: None)
    assert "Chrome or Chromium" in str(images.missing_browser())


@pytest.mark.slow
def test_the_script_writes_elsewhere_and_refuses_what_is_no_study(
    folder: StudyFolder, tmp_path: Path
) -> None:
    done = run(folder.root, "--out", tmp_path / "paper")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"The report: {tmp_path / 'paper' / 'report.html'}\n"
    refused = run(tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: ")
    assert refused.stderr.count("\n") == 1
