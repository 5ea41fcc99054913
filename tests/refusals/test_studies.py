"""Study folders that are damaged or hostile: one line, nothing run, nothing lost."""

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

OWNED = b"cos\nsystem\n(S'touch owned'\ntR."  # what a pickle that runs a command looks like


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    return made_study(tmp_path_factory.mktemp("damaged") / "made", ["equal", "gradnorm"]).root


@pytest.fixture
def study(once, tmp_path):
    return shutil.copytree(once, tmp_path / "made")


@pytest.fixture(scope="session")
def record():
    """What a study with the settings of `search.py` and the built-in cohort has as its record."""
    settings = load_settings(ROOT / "configs" / "search.yaml", [], {"data": "synthetic:465"})
    return study_record(settings, open_cohort(settings).digest)


@pytest.fixture
def recorded(study, record):
    """recorded(key=value): writes the whole record, changed; an entry that becomes `...` goes."""

    def write(**changes):
        whole = {key: value for key, value in {**record, **changes}.items() if value is not ...}
        (study / "study.yaml").write_text(yaml.safe_dump(whole))

    return write


def put(name, content):
    return lambda root: (root / name).write_bytes(content)


def edited(**changes):
    """Changes entries of comparison.json; an entry that becomes `...` goes."""

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
    """Changes a column of a table, or takes it out."""

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


RECORD = "is not the record of a study"
DAMAGE = {
    "no record": (gone("study.yaml"), "is no study"),
    "an empty record": (put("study.yaml", b""), RECORD),
    "a record of bytes": (put("study.yaml", b"\xff\xfe\x00"), "cannot be read"),
    "a record that is no YAML": (put("study.yaml", b"settings: ["), "is not YAML"),
    "a record that runs code": (
        put("study.yaml", b"!!python/object/apply:os.system ['touch owned']"), "is not YAML"),
    "a record of a list": (put("study.yaml", b"- a"), RECORD),
    "a record without settings": (put("study.yaml", b"data_digest: x"), RECORD),
    "settings as a number": (put("study.yaml", b"settings: 5\ndata_digest: x"), RECORD),
    "a digest as a number": (put("study.yaml", b"settings: {}\ndata_digest: 5"), RECORD),
    "a record of a billion laughs": (
        put("study.yaml", b"settings: &a {}\ndata_digest: x\nb: [*a, *a]"), "refers to another"),
    "no comparison": (gone("comparison.json"), "has no comparison yet"),
    "an empty comparison": (put("comparison.json", b""), "cannot be read as JSON"),
    "half a comparison": (put("comparison.json", b'{"arms": ['), "cannot be read as JSON"),
    "a comparison of a list": (put("comparison.json", b"[]"), "holds list, not an object"),
    "a comparison of brackets": (put("comparison.json", b"[" * 100_000), "cannot be read as JSON"),
    "a comparison as a folder": (folder_at("comparison.json"), "cannot be read"),
    "no arms": (edited(arms=...), "lacks arms"),
    "arms as a number": (edited(arms=5), "arms is 5"),
    "arms of numbers": (edited(arms=[1]), "arms.0 is 1"),
    "a verdict that is none": (edited(verdict=None), "verdict is None"),
    "differences of words": (edited(differences=["a"]), "differences.0 is 'a'"),
    "references as a word": (edited(references="many"), "references is 'many'"),
    "an arm without name": (arm(arm=...), "arms.0.arm"),
    "an arm named by a number": (arm(arm=5), "arms.0.arm is 5"),
    "an arm without tasks": (arm(tasks=...), "arms.0.tasks"),
    "a score in words": (arm(score="good"), "arms.0.score is 'good'"),
    "half a score": (arm(score={"estimate": 1.0}), "arms.0.score.low"),
    "a score of text": (arm(score={"estimate": "x", "low": 0.0, "high": 1.0}), "estimate is 'x'"),
    "no trials": (gone("trials.parquet"), "has lost its trials.parquet"),
    "trials of bytes": (put("trials.parquet", b"PAR1"), "cannot be read as a table"),
    "trials of nothing": (put("trials.parquet", b""), "cannot be read as a table"),
    "trials as a pickle": (put("trials.parquet", OWNED), "cannot be read as a table"),
    "trials without arms": (column("trials", "arm"), "lacks the column 'arm'"),
    "trials without state": (column("trials", "state"), "lacks the column 'state'"),
    "arms as numbers": (column("trials", "arm", 5), "column 'arm' holds int64, not text"),
    "seconds in words": (column("trials", "seconds", "long"), "column 'seconds' holds str"),
    "curves of bytes": (put("curves.parquet", b"curves" * 9), "cannot be read as a table"),
    "curves without tasks": (column("curves", "task"), "lacks the column 'task'"),
    "curves in words": (column("curves", "mean", "up"), "column 'mean' holds str"),
    "curves without end": (bomb, "holds 50,000,000 rows"),
    "cosines without values": (column("cosines", "cosine"), "lacks the column 'cosine'"),
    "held-out of words": (column("held_out", "value", "x"), "column 'value' holds str"),
    "references without model": (column("references", "model"), "lacks the column 'model'"),
    "calibration without arms": (column("calibration", "arm"), "lacks the column 'arm'"),
    "calibration of words": (column("calibration", "count", "x"), "column 'count' holds str"),
    "a table one of nothing": (column("table_one", "variable"), "lacks the column 'variable'"),
    "an attrition of bytes": (put("attrition.json", b"\xff"), "cannot be read as JSON"),
    "an attrition of a list": (put("attrition.json", b"[]"), "not an object"),
    "a journal of bytes": (put("study.journal", b"\xff\xfe\n"), "cannot be read as an Optuna"),
    "a journal of words": (put("study.journal", b"hello\nworld\n"), "cannot be read as an Optuna"),
    "a journal of other JSON": (put("study.journal", b'{"a": 1}\n'), "cannot be read as an Optuna"),
    "a journal as a pickle": (put("study.journal", OWNED + b"\n"), "cannot be read as an Optuna"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "says"), DAMAGE.values(), ids=DAMAGE)
def test_a_report_of_a_damaged_study(refused, study, tmp_path, damage, says):
    damage(study)
    refused("report", study, says=says)
    assert not (study / "report.html").exists()
    assert not list(tmp_path.rglob("owned"))


TO_GO_ON = {
    "an empty record": (put("study.yaml", b""), RECORD),
    "a record that runs code": (put("study.yaml", b"!!python/name:os.system"), "is not YAML"),
    "settings of another version": (
        put("study.yaml", b"settings: {trails: 5}\ndata_digest: x"), "trails is not a setting"),
    "settings out of range": (
        put("study.yaml", b"settings: {trials: 0}\ndata_digest: x"), "trials is 0"),
    "data that is gone": (
        put("study.yaml", b"settings: {data: gone.xlsx}\ndata_digest: x"), "does not exist"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "says"), TO_GO_ON.values(), ids=TO_GO_ON)
def test_a_study_that_cannot_go_on(refused, study, tmp_path, damage, says):
    damage(study)
    refused("search", "--resume", "made", "--out", tmp_path, says=says)


UNKNOWN = f"under rules that this version does not know, and this version computes by rules {RULES}"
LATER = (
    f"study made was begun under rules {RULES + 1}, and this version computes by rules {RULES}; "
    "start a new study with another --name; report and recommend still read"
)
OTHERS = {
    "other patients": (
        {}, ["--data", "synthetic:300"],
        "study made was run with data = 'synthetic:465', not 'synthetic:300'"),
    "another seed": ({}, ["--seed", "5"], "study made was run with seed = 0, not 5"),
    "the same file with other rows": (
        {"data_digest": "ab" * 32}, [], r"study made was run on other data \(digest abab"),
    "another level": (
        {"declared": analysis_plan() | {"level": 0.9}}, [],
        r"study made was declared to be judged otherwise \(level: 0.9, now 0.95\)"),
    "later rules": (
        {"declared": analysis_plan() | {"rules": RULES + 1}}, [],
        LATER),
    "sentences that nobody knows": (
        {"declared": {"level": 0.95, "rule": "the higher score wins"}}, [], UNKNOWN),
    "no declaration": ({"declared": ...}, [], UNKNOWN),
    "an empty declaration": ({"declared": {}}, [], UNKNOWN),
    "a declaration in words": ({"declared": "by the higher score"}, [], UNKNOWN),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "flags", "says"), OTHERS.values(), ids=OTHERS)
def test_a_study_of_this_name_that_was_another(refused, recorded, tmp_path, changes, flags, says):
    recorded(**changes)
    refused("search", "--name", "made", "--out", tmp_path, *flags, says=says)


def test_a_study_under_other_rules_is_not_resumed(refused, recorded, tmp_path):
    recorded(declared=analysis_plan() | {"rules": RULES + 1})
    refused("search", "--resume", "made", "--out", tmp_path, says="was begun under rules")


def test_a_study_under_other_rules_is_still_reported(study, record, tmp_path):
    later = analysis_plan() | {"rules": RULES + 1, "rule": "words of a later version"}
    (study / "study.yaml").write_text(yaml.safe_dump({**record, "declared": later}))
    (tmp_path / "report").mkdir()
    report = write_report(StudyFolder(study), StudyFolder(tmp_path / "report"))
    assert report.stat().st_size > 100_000


LATER_SOURCE = {"kind": "synthetic", "rows": 465, "generator": 2}


@pytest.mark.parametrize("changes", [{}, {"data_source": ...}, {"data_source": LATER_SOURCE}])
def test_a_study_that_was_the_same_is_not_refused(refused, recorded, tmp_path, changes):
    """Also one whose record says less of its data, or more than this version knows."""
    recorded(**changes)
    with pytest.raises(AssertionError, match="Ray was started"):
        refused("search", "--name", "made", "--out", tmp_path, says="")


TO_SYNC = {
    "nothing logged": (lambda _: None, "was logged to W&B|no trial of"),
    "no trials": (gone("trials.parquet"), "has no trials.parquet"),
    "trials of bytes": (put("trials.parquet", b"PAR1"), "cannot be read as a table"),
    "trials without runs": (column("trials", "wandb_id"), "lacks the column 'wandb_id'"),
}


@pytest.mark.parametrize(("damage", "says"), TO_SYNC.values(), ids=TO_SYNC)
def test_a_study_that_cannot_be_sent(refused, study, damage, says):
    damage(study)
    refused("sync", study, says=says)


@pytest.mark.parametrize(("damage", "says"), TO_SYNC.values(), ids=TO_SYNC)
def test_a_wandb_report_of_a_study_that_has_none(refused, study, damage, says):
    damage(study)
    refused("report", study, "--wandb", says=says)


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
    refused(name, *flags, "--out", place, says="cannot be written|directory|too long")


def test_a_file_where_the_study_should_be(refused, tmp_path):
    (tmp_path / "made").write_text("x")
    refused("search", "--name", "made", "--out", tmp_path, says="cannot be written|directory")
