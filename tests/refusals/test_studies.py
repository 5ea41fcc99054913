# ruff: noqa: E501 - tables, one case a line
"""Damaged or hostile study folders: one error line, no code run, no file lost."""

import json
import shutil

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from study.report.write import write_report
from study.settings.analysis_plan import RULES, analysis_plan
from study.settings.cohort_and_splits import open_cohort
from study.settings.settings import load_settings
from study.store.record import study_record
from study.store.study_folder import StudyFolder
from tests.support.made_study import made_study
from tests.support.paths import ROOT

OWNED = b"cos\nsystem\n(S'touch owned'\ntR."  # a pickle that runs a command


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    return made_study(tmp_path_factory.mktemp("damaged") / "made", ["equal", "gradnorm"]).root


@pytest.fixture
def study(once, tmp_path):
    return shutil.copytree(once, tmp_path / "made")


@pytest.fixture(scope="session")
def record():
    """The record of a study with the settings of `search.yaml` and the built-in cohort."""
    settings = load_settings(ROOT / "configs" / "search.yaml", [], {"data": "synthetic:465"})
    return study_record(settings, open_cohort(settings).digest)


@pytest.fixture
def recorded(study, record):
    """recorded(key=value): writes the record with these changes; `...` removes an entry."""

    def write(**changes):
        whole = {key: value for key, value in {**record, **changes}.items() if value is not ...}
        (study / "study.yaml").write_text(yaml.safe_dump(whole))

    return write


def put(name, content):
    return lambda root: (root / name).write_bytes(content)


def edited(**changes):
    """Changes entries of comparison.json; `...` removes an entry."""

    def change(root):
        path = root / "comparison.json"
        whole = {**json.loads(path.read_text()), **changes}
        path.write_text(json.dumps({k: v for k, v in whole.items() if v is not ...}))

    return change


def arm(**changes):
    def change(root):
        path = root / "comparison.json"
        whole = json.loads(path.read_text())
        whole["arms"][0] = {k: v for k, v in (whole["arms"][0] | changes).items() if v is not ...}
        path.write_text(json.dumps(whole))

    return change


def column(table, name, value=...):
    """Changes a column of a table, or removes it."""

    def change(root):
        path = root / f"{table}.parquet"
        frame = pd.read_parquet(path)
        frame = frame.drop(columns=name) if value is ... else frame.assign(**{name: value})
        frame.to_parquet(path)

    return change


def bomb(root):
    nothing = pa.table({name: pa.nulls(1_000_000, pa.int8()) for name in "abcdefgh"})
    with pq.ParquetWriter(root / "curves.parquet", nothing.schema) as writer:
        for _ in range(50):
            writer.write_table(nothing)


def gone(name):
    return lambda root: (root / name).unlink()


def folder_at(name):
    def change(root):
        (root / name).unlink()
        (root / name).mkdir()

    return change


RECORD = ("study.yaml", "settings", "data_digest")
# Each case: the damage to the folder, and what the message names.
DAMAGE = {
    "no record": (gone("study.yaml"), ("made", "study.yaml")),
    "an empty record": (put("study.yaml", b""), RECORD),
    "a record of bytes": (put("study.yaml", b"\xff\xfe\x00"), ("study.yaml",)),
    "a record that is no YAML": (put("study.yaml", b"settings: ["), ("study.yaml", "line 1")),
    "a record that runs code": (
        put("study.yaml", b"!!python/object/apply:os.system ['touch owned']"), ("study.yaml", "os.system", "line 1")),
    "a record of a list": (put("study.yaml", b"- a"), RECORD),
    "a record without settings": (put("study.yaml", b"data_digest: x"), RECORD),
    "settings as a number": (put("study.yaml", b"settings: 5\ndata_digest: x"), RECORD),
    "a digest as a number": (put("study.yaml", b"settings: {}\ndata_digest: 5"), RECORD),
    "a record of a billion laughs": (
        put("study.yaml", b"settings: &a {}\ndata_digest: x\nb: [*a, *a]"), ("study.yaml", "*a")),
    "no comparison": (gone("comparison.json"), ("made", "--resume")),
    "an empty comparison": (put("comparison.json", b""), ("comparison.json",)),
    "half a comparison": (put("comparison.json", b'{"arms": ['), ("comparison.json",)),
    "a comparison of a list": (put("comparison.json", b"[]"), ("comparison.json",)),
    "a comparison of brackets": (put("comparison.json", b"[" * 100_000), ("comparison.json",)),
    "a comparison as a folder": (folder_at("comparison.json"), ("comparison.json",)),
    "no arms": (edited(arms=...), ("comparison.json", "arms", "--resume")),
    "arms as a number": (edited(arms=5), ("comparison.json", "arms", "5")),
    "arms of numbers": (edited(arms=[1]), ("comparison.json", "arms.0", "1")),
    "a verdict that is none": (edited(verdict=None), ("comparison.json", "verdict", "None")),
    "differences of words": (edited(differences=["a"]), ("comparison.json", "differences.0", "'a'")),
    "references as a word": (edited(references="many"), ("comparison.json", "references", "'many'")),
    "an arm without name": (arm(arm=...), ("comparison.json", "arms.0.arm")),
    "an arm named by a number": (arm(arm=5), ("comparison.json", "arms.0.arm", "5")),
    "an arm without tasks": (arm(tasks=...), ("comparison.json", "arms.0.tasks")),
    "a score in words": (arm(score="good"), ("comparison.json", "arms.0.score", "'good'")),
    "half a score": (arm(score={"estimate": 1.0}), ("comparison.json", "arms.0.score.low")),
    "a score of text": (arm(score={"estimate": "x", "low": 0.0, "high": 1.0}), ("comparison.json", "arms.0.score.estimate", "'x'")),
    "no trials": (gone("trials.parquet"), ("made", "trials.parquet", "--resume")),
    "trials of bytes": (put("trials.parquet", b"PAR1"), ("trials.parquet",)),
    "trials of nothing": (put("trials.parquet", b""), ("trials.parquet",)),
    "trials as a pickle": (put("trials.parquet", OWNED), ("trials.parquet",)),
    "trials without arms": (column("trials", "arm"), ("trials.parquet", "'arm'")),
    "trials without state": (column("trials", "state"), ("trials.parquet", "'state'")),
    "arms as numbers": (column("trials", "arm", 5), ("trials.parquet", "'arm'", "int64")),
    "seconds in words": (column("trials", "seconds", "long"), ("trials.parquet", "'seconds'", "str")),
    "curves of bytes": (put("curves.parquet", b"curves" * 9), ("curves.parquet",)),
    "curves without tasks": (column("curves", "task"), ("curves.parquet", "'task'")),
    "curves in words": (column("curves", "mean", "up"), ("curves.parquet", "'mean'", "str")),
    "curves without end": (bomb, ("curves.parquet", "50,000,000", "300,000,000")),
    "cosines without values": (column("cosines", "cosine"), ("cosines.parquet", "'cosine'")),
    "held-out of words": (column("held_out", "value", "x"), ("held_out.parquet", "'value'", "str")),
    "references without model": (column("references", "model"), ("references.parquet", "'model'")),
    "calibration without arms": (column("calibration", "arm"), ("calibration.parquet", "'arm'")),
    "calibration of words": (column("calibration", "count", "x"), ("calibration.parquet", "'count'", "str")),
    "a table one of nothing": (column("table_one", "variable"), ("table_one.parquet", "'variable'")),
    "an attrition of bytes": (put("attrition.json", b"\xff"), ("attrition.json",)),
    "an attrition of a list": (put("attrition.json", b"[]"), ("attrition.json",)),
    "a journal of bytes": (put("study.journal", b"\xff\xfe\n"), ("study.journal",)),
    "a journal of words": (put("study.journal", b"hello\nworld\n"), ("study.journal",)),
    "a journal of other JSON": (put("study.journal", b'{"a": 1}\n'), ("study.journal",)),
    "a journal as a pickle": (put("study.journal", OWNED + b"\n"), ("study.journal",)),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "names"), DAMAGE.values(), ids=DAMAGE)
def test_a_report_of_a_damaged_study(refused, study, tmp_path, damage, names):
    damage(study)
    refused("report", study, names=names)
    assert not (study / "report.html").exists()
    assert not list(tmp_path.rglob("owned"))


TO_GO_ON = {
    "an empty record": (put("study.yaml", b""), RECORD),
    "a record that runs code": (put("study.yaml", b"!!python/name:os.system"), ("study.yaml", "os.system", "line 1")),
    "settings of another version": (
        put("study.yaml", b"settings: {trails: 5}\ndata_digest: x"), ("trails", "trials")),
    "settings out of range": (
        put("study.yaml", b"settings: {trials: 0}\ndata_digest: x"), ("trials", "0", "1")),
    "data that is gone": (
        put("study.yaml", b"settings: {data: gone.xlsx}\ndata_digest: x"), ("gone.xlsx",)),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "names"), TO_GO_ON.values(), ids=TO_GO_ON)
def test_a_study_that_cannot_go_on(refused, study, tmp_path, damage, names):
    damage(study)
    refused("search", "--resume", "made", "--out", tmp_path, names=names)


# Each case: changes to the record, flags, and what the message names besides study and --name.
OTHERS = {
    "other patients": (
        {}, ["--data", "synthetic:300"],
        ("data", "'synthetic:465'", "'synthetic:300'")),
    "another seed": ({}, ["--seed", "5"], ("seed", "0", "5")),
    "the same file with other rows": (
        {"data_digest": "ab" * 32}, [], ("abababababab",)),
    "another level": (
        {"declared": analysis_plan() | {"level": 0.9}}, [],
        ("level", "0.9", "0.95")),
    "later rules": (
        {"declared": analysis_plan() | {"rules": RULES + 1}}, [],
        (f"rules {RULES + 1}", f"rules {RULES}")),
    "sentences that nobody knows": (
        {"declared": {"level": 0.95, "rule": "the higher score wins"}}, [], (f"rules {RULES}",)),
    "no declaration": ({"declared": ...}, [], (f"rules {RULES}",)),
    "an empty declaration": ({"declared": {}}, [], (f"rules {RULES}",)),
    "a declaration in words": ({"declared": "by the higher score"}, [], (f"rules {RULES}",)),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "flags", "names"), OTHERS.values(), ids=OTHERS)
def test_a_study_of_this_name_that_was_another(refused, recorded, tmp_path, changes, flags, names):
    recorded(**changes)
    refused("search", "--name", "made", "--out", tmp_path, *flags, names=("made", "--name", *names))


def test_a_study_under_other_rules_is_not_resumed(refused, recorded, tmp_path):
    recorded(declared=analysis_plan() | {"rules": RULES + 1})
    names = ("made", "--name", f"rules {RULES + 1}", f"rules {RULES}")
    refused("search", "--resume", "made", "--out", tmp_path, names=names)


def test_a_study_under_other_rules_is_still_reported(study, record, tmp_path):
    later = analysis_plan() | {"rules": RULES + 1, "rule": "words of a later version"}
    (study / "study.yaml").write_text(yaml.safe_dump({**record, "declared": later}))
    (tmp_path / "report").mkdir()
    report = write_report(StudyFolder(study), StudyFolder(tmp_path / "report"))
    assert report.stat().st_size > 100_000


LATER_SOURCE = {"kind": "synthetic", "rows": 465, "generator": 2}


@pytest.mark.parametrize("changes", [{}, {"data_source": ...}, {"data_source": LATER_SOURCE}])
def test_a_study_that_was_the_same_is_not_refused(refused, recorded, tmp_path, changes):
    """Also if its record has no data source, or one with an entry unknown to this version."""
    recorded(**changes)
    with pytest.raises(AssertionError, match="Ray was started"):
        refused("search", "--name", "made", "--out", tmp_path, names=())


TO_SYNC = {
    "nothing logged": (lambda _: None, ("made", "--wandb")),
    "no trials": (gone("trials.parquet"), ("made", "trials.parquet")),
    "trials of bytes": (put("trials.parquet", b"PAR1"), ("trials.parquet",)),
    "trials without runs": (column("trials", "wandb_id"), ("trials.parquet", "'wandb_id'")),
}


@pytest.mark.parametrize(("damage", "names"), TO_SYNC.values(), ids=TO_SYNC)
def test_a_study_that_cannot_be_sent(refused, study, damage, names):
    damage(study)
    refused("sync", study, names=names)


@pytest.mark.parametrize(("damage", "names"), TO_SYNC.values(), ids=TO_SYNC)
def test_a_wandb_report_of_a_study_that_has_none(refused, study, damage, names):
    damage(study)
    refused("report", study, "--wandb", names=names)


PLACES = {
    "a file": "file",
    "below a file": "file/deeper",
    "a kernel's folder": "/proc/none",
    "a long name": "n" * 300,
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("name", ["search", "report", "reproduce.published_setting"])
def test_a_folder_that_cannot_be(refused, study, tmp_path, name, place):
    (tmp_path / "file").write_text("x")
    flags = {
        "search": ["--trials", "5"],
        "report": [study],
        "reproduce.published_setting": [],
    }[name]
    refused(name, *flags, "--out", place, names=(place,))


def test_a_file_where_the_study_should_be(refused, tmp_path):
    (tmp_path / "made").write_text("x")
    refused("search", "--name", "made", "--out", tmp_path, names=("made",))
