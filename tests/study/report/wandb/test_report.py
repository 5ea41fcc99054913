"""The W&B report: its specification is built without a network, and saved to a stand-in server."""

import json
import re
import time

import pytest

from hemomodel.errors import InputError
from study.analysis.comparison.result import from_json
from study.report.components.palette import colour
from study.report.formatting import strip_markup
from study.report.wandb.markdown import arms_markdown, differences_markdown, leaderboard_markdown
from study.report.wandb.report import wandb_report
from study.store.study_folder import StudyFolder
from tests.support.fake_wandb_server import Server
from tests.support.wandb_study import BALANCERS, TASKS, comparison, run_python, write_tables

_REPORT = """
import sys
from pathlib import Path
from study.cli import run_cli
from study.store.study_folder import StudyFolder
from study.report.wandb.report import wandb_report
from study.report.formatting import strip_markup

def main():
    online, folder = sys.argv[1] == "online", StudyFolder(Path(sys.argv[2]))
    for project in sys.argv[3].split(","):
        wandb_report(folder, online=online, project=project, timeout=5)

sys.exit(run_cli(main))
"""
EVIL = ("<script>alert(1)</script>|x", "`a` = [b](c) < *d*")


def report(folder, mode="offline", project="hemomodel", **options):
    return run_python("-c", _REPORT, mode, folder, project, **options)


@pytest.fixture
def build(monkeypatch):
    """Builds offline in this process; the environment is restored afterwards."""
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    for name in ("DIR", "DATA_DIR", "CACHE_DIR", "ARTIFACT_DIR"):
        monkeypatch.setenv(f"WANDB_{name}", "")  # so that monkeypatch restores it
    return lambda folder: wandb_report(StudyFolder(folder), online=False)


def spec_of(folder):
    return json.loads((folder / "report_spec.json").read_text())


def texts(spec):
    return [block["content"] for block in spec["blocks"] if block["type"] == "markdown-block"]


def grids(spec):
    """Returns each grid's metadata, by the name of its runset."""
    found = [block["metadata"] for block in spec["blocks"] if block["type"] == "panel-grid"]
    return {grid["runSets"][0]["name"]: grid for grid in found}


def panels(grid):
    return grid["panelBankSectionConfig"]["panels"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies") / "ward-7"
    write_tables(folder)
    with Server() as server:
        report(folder, WANDB_BASE_URL=server.url)
        assert server.calls == []
    return folder


@pytest.fixture(scope="module")
def spec(folder):
    return spec_of(folder)


class TestSpecification:
    def test_says_the_verdict_first_and_then_the_figures(self, spec):
        verdict, arms, differences, leaderboard = texts(spec)
        assert "No balancer is distinguishable from equal." in verdict
        assert "46 held-out rows" in verdict
        assert "0.300 (0.100 to 0.300)" in arms
        assert (
            "| gradnorm | equal | +0.200 (+0.100 to +0.300) | 0.030 | 0.200 | 0.81 |" in differences
        )
        assert all(strip_markup(task) in leaderboard for task in TASKS)

    def test_groups_one_grid_by_balancer_and_no_other(self, spec):
        grouping = {name: grid["runSets"][0]["grouping"] for name, grid in grids(spec).items()}
        by_balancer = [{"section": "config", "name": "balancer.value"}]
        assert grouping == {"tables": [], "balancers": by_balancer, "trials": []}

    def test_shows_runs_of_this_study_by_group_tags_and_state(self, spec):
        tags = {"tables": ["study"], "balancers": list(BALANCERS), "trials": list(BALANCERS)}
        for name, grid in grids(spec).items():
            (runset,) = grid["runSets"]
            wanted = [(f["key"]["name"], f["op"], f["value"]) for f in runset["filters"]["filters"]]
            assert wanted == [
                ("group", "=", "ward-7"), ("tags", "IN", tags[name]), ("state", "IN", ["finished"]),
            ]  # fmt: skip
            assert {f["key"]["section"] for f in runset["filters"]["filters"]} == {"run"}
            assert "project" not in runset  # it uses the project of the report

    def test_curves_and_bars_show_mean_and_spread(self, spec):
        found = panels(grids(spec)["balancers"])
        curves = [p["config"] for p in found if p["viewType"] == "Run History Line Plot"]
        bars = [p["config"] for p in found if p["viewType"] == "Bar Chart"]
        assert len(curves) + len(bars) == len(found)
        assert [c["metrics"] for c in curves] == [["score"], *([f"skill/{t}"] for t in TASKS)]
        assert {c["xAxis"] for c in curves} == {"epoch"}
        assert [b["metrics"] for b in bars] == [
            ["seconds"], ["best/score"], *([f"best/skill/{t}"] for t in TASKS)
        ]  # fmt: skip
        for config in curves + bars:
            assert (config["groupAgg"], config["groupArea"]) == ("mean", "stddev")

    def test_single_trials_have_the_panels_that_groups_cannot_have(self, spec):
        found = {p["viewType"]: p["config"] for p in panels(grids(spec)["trials"])}
        assert set(found) == {
            "Parallel Coordinates Plot", "Parameter Importance", "Scatter Plot", "Run Comparer"
        }  # fmt: skip
        assert found["Parameter Importance"]["targetKey"] == "best/score"
        scatter = found["Scatter Plot"]
        assert (scatter["xAxis"], scatter["yAxis"]) == ("config:number.value", "summary:best/score")
        assert scatter["showMaxYAxisLine"]

    def test_axes_are_the_parameters_that_vary_and_that_every_trial_has(self, spec):
        found = {p["viewType"]: p["config"] for p in panels(grids(spec)["trials"])}
        columns = found["Parallel Coordinates Plot"]["columns"]
        assert [column["accessor"] for column in columns] == [
            "config:balancer.value", "config:lr.value", "config:hidden.depth.value",
            "summary:best/score",
        ]  # fmt: skip
        assert [bool(column.get("log")) for column in columns] == [False, True, False, False]

    def test_tables_of_the_study_run_are_shown(self, spec):
        shown = json.dumps(panels(grids(spec)["tables"]))
        assert '"val": "tasks"' in shown
        assert '"val": "comparison"' in shown

    def test_every_balancer_has_its_colour(self, spec):
        grouped = grids(spec)["balancers"]["customRunColors"]
        assert grouped == {
            f"balancers-config:balancer.value:{name}": colour(name) for name in BALANCERS
        }
        single = grids(spec)["trials"]["customRunColors"]
        assert single == {f"ward-7-{number}": colour(BALANCERS[number % 2]) for number in range(4)}

    def test_no_panel_lies_on_another(self, spec):
        for grid in grids(spec).values():
            cells = [
                (x, y)
                for box in (panel["layout"] for panel in panels(grid))
                for x in range(box["x"], box["x"] + box["w"])
                for y in range(box["y"], box["y"] + box["h"])
            ]
            assert len(cells) == len(set(cells))
            assert max(x for x, _ in cells) < 24

    def test_the_same_study_gives_the_same_specification(self, folder, spec, build):
        build(folder)
        assert spec_of(folder) == spec


def test_names_stay_text(tmp_path, build):
    folder = tmp_path / "a <b> = |c|"
    write_tables(folder, balancers=EVIL, tasks=("x|y", "<i>"))
    build(folder)
    spec = spec_of(folder)
    for text in texts(spec):
        assert "<" not in text
        for table in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
            bars = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            assert len(bars) == 1, table
    filters = grids(spec)["trials"]["runSets"][0]["filters"]["filters"]
    assert [f["value"] for f in filters] == ["a <b> = |c|", sorted(EVIL), ["finished"]]


class TestMarkdown:
    @pytest.mark.parametrize("name", [*EVIL, "# a\n# b", "$x$ ~~y~~", "single_task", "\\"])
    def test_a_name_is_one_line_without_markup(self, name):
        text = strip_markup(name)
        assert "\n" not in text
        assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]|~$#<>]", text)

    def test_arms_stand_best_first(self):
        rows = arms_markdown(from_json(comparison())).splitlines()[2:]
        assert [row.split(" | ")[0] for row in rows] == ["| gradnorm", "| equal"]

    def test_the_best_of_a_task_is_marked_and_references_are_not(self):
        found = comparison()
        found["arms"][0]["tasks"]["calcium"]["skill"]["estimate"] = 0.5
        found["references"][0]["tasks"]["calcium"]["skill"] = 0.9
        rows = leaderboard_markdown(from_json(found)).splitlines()[2:]
        assert rows == [
            "| gradnorm | 0.100 | 0.100 (best) |",
            "| equal | 0.500 (best) | 0.000 |",
            r"| base rate, reference | 0.900 | 0.000 |",
        ]


@pytest.mark.slow
class TestSaving:
    def test_a_second_save_updates_the_same_report(self, folder, spec):
        with Server() as server:
            report(folder, "online", "hemomodel,hemomodel,other", WANDB_BASE_URL=server.url)
            first, second, other = server.variables("upsertView")
            assert (first["id"], second["id"]) == (None, "view1")
            assert first["entityName"] == "ward"
            assert json.loads(first["spec"]) == json.loads(second["spec"]) == spec
            assert other["id"] is None
            saved = json.loads((folder / "wandb_report.json").read_text())
            assert saved["id"] == "view2"
            assert server.projects == ["hemomodel", "other"]
            assert saved["url"].startswith(server.url)

    def test_without_a_server_the_specification_is_written_and_the_rest_said(self, tmp_path):
        folder = tmp_path / "away"
        write_tables(folder)
        begun = time.monotonic()
        done = report(folder, "online", code=2)
        assert time.monotonic() - begun < 60
        assert done.stderr.count("\n") == 1
        assert "http://127.0.0.1:9 does not answer" in done.stderr
        assert spec_of(folder)
        assert not (folder / "wandb_report.json").exists()

    def test_a_refusal_is_one_sentence(self, folder):
        with Server() as server:
            server.refuse.add("upsertView")
            done = report(folder, "online", WANDB_BASE_URL=server.url, code=2)
        assert "upsertView is refused" in done.stderr
        assert done.stderr.count("\n") == 1


def test_one_arm_alone_has_no_ranks():
    alone = comparison(BALANCERS[:1] * 2) | {"differences": [], "ranks": None}
    assert differences_markdown(from_json(alone)).count("\n") == 1


@pytest.mark.parametrize(
    ("lost", "says"), [("comparison.json", "--resume s"), ("trials.parquet", "trials.parquet")]
)
def test_what_has_not_ended_is_not_reported(tmp_path, build, lost, says):
    write_tables(tmp_path / "s")
    (tmp_path / "s" / lost).unlink()
    with pytest.raises(InputError, match=says):
        build(tmp_path / "s")
