"""Uploading an offline study to a stand-in server; nothing leaves the machine."""

import shutil
import time
from pathlib import Path

import pytest

from hemomodel.errors import InputError
from study.store.study_folder import StudyFolder
from study.tracking.offline_runs import OfflineRun, check_complete
from tests.support.fake_wandb_server import Server
from tests.support.wandb_study import everything_sent, sync, trials, write_study, write_tables

RUNS = {"toy-0", "toy-1", "toy-2", "toy-3", "toy-study"}


def said(done):
    """Returns the one line that a failure prints."""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


class TestCheck:
    """A missing part is reported before anything is sent."""

    @pytest.fixture
    def folder(self, tmp_path):
        write_tables(tmp_path / "toy")
        return StudyFolder(tmp_path / "toy")

    @staticmethod
    def run(folder, name, *, ended=True, files=()):
        return OfflineRun(folder.root / f"{name}.wandb", name, ended, files)

    def runs(self, folder):
        return [self.run(folder, name) for name in sorted(RUNS)]

    def test_a_whole_study_passes(self, folder):
        check_complete(folder, self.runs(folder))

    def test_a_trial_without_its_run(self, folder):
        with pytest.raises(InputError, match=r"runs of trial 2 are missing"):
            check_complete(folder, [run for run in self.runs(folder) if run.name != "toy-2"])

    def test_a_study_that_has_not_ended(self, folder):
        with pytest.raises(InputError, match=r"toy-study, is missing.*--resume toy"):
            check_complete(folder, self.runs(folder)[:-1])

    def test_a_log_that_stops_before_its_end(self, folder):
        runs = [*self.runs(folder)[1:], self.run(folder, "toy-0", ended=False)]
        with pytest.raises(InputError, match=r"toy-0.*--resume toy"):
            check_complete(folder, runs)

    def test_a_log_cut_off_and_taken_up_again_is_whole(self, folder):
        check_complete(folder, [self.run(folder, "toy-0", ended=False), *self.runs(folder)])

    def test_a_file_that_is_gone(self, folder, tmp_path):
        gone = tmp_path / "staging" / "table"
        runs = [*self.runs(folder)[:-1], self.run(folder, "toy-study", files=(gone,))]
        with pytest.raises(InputError, match=rf"first {gone}; .* moved"):
            check_complete(folder, runs)

    def test_a_trial_logged_online_needs_no_offline_run(self, folder):
        place = folder.root / "wandb" / "run-20260101_000000-toy-2"
        place.mkdir(parents=True)
        (place / "run-toy-2.wandb").touch()
        check_complete(folder, [run for run in self.runs(folder) if run.name != "toy-2"])

    def test_a_study_that_was_not_logged(self, folder):
        trials("toy").assign(wandb_id="").to_parquet(folder.root / "trials.parquet")
        with pytest.raises(InputError, match="--wandb disabled"):
            check_complete(folder, [])

    def test_a_folder_that_is_no_study(self, tmp_path):
        with pytest.raises(InputError, match=r"trials\.parquet"):
            check_complete(StudyFolder(tmp_path), [])


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """A study with five offline runs, in W&B's own format."""
    folder = tmp_path_factory.mktemp("studies") / "toy"
    write_study(folder)
    return folder


@pytest.fixture
def study(logged, tmp_path):
    """A copy to upload; its artifact files stay in the original's folder."""
    return Path(shutil.copytree(logged, tmp_path / "toy", symlinks=True))


@pytest.mark.slow
class TestUpload:
    def test_every_run_arrives_whole_and_once(self, study, logged):
        with Server() as server:
            done = sync(study, "--project", "dialysis", WANDB_BASE_URL=server.url)
            assert "5 runs uploaded to ward/dialysis" in done.stdout
            assert set(server.runs) == RUNS
            for name, run in server.runs.items():
                assert run["project"] == "dialysis"
                assert run["groupName"] == "toy"
                rows = server.streams[name]["wandb-history.jsonl"]
                assert len(rows) == (1 if name == "toy-study" else 2)
            assert server.runs["toy-1"]["tags"] == ["gradnorm"]
            assert len(server.variables("CommitArtifact")) == 2
            assert {"run-toy-study-tasks/tasks.table.json"} < set(server.uploads)
            self.assert_neither_paths_nor_the_machine_are_sent(server, logged)
            before = len(server.calls)
            for files in study.glob("wandb/offline-run-*/files"):
                shutil.rmtree(files)  # uploaded files may be deleted
            again = sync(study, "--project", "dialysis", WANDB_BASE_URL=server.url)
            assert "all 5 runs have been uploaded already" in again.stdout
            assert len(server.calls) == before

    @staticmethod
    def assert_neither_paths_nor_the_machine_are_sent(server, logged):
        sent = everything_sent(server)
        assert {run["host"] for run in server.runs.values()} == {"-"}
        assert b"/mnt/ward" not in sent
        assert b"HD.xlsx" not in sent
        assert b"a xlsx file" in sent
        assert str(logged.parent).encode() not in sent
        assert b"executable" not in sent

    def test_only_what_is_left_is_sent(self, study):
        for marked in study.glob("wandb/offline-run-*/*.wandb"):
            if marked.stem != "run-toy-3":
                marked.with_suffix(".wandb.synced").touch()
        with Server() as server:
            sync(study, WANDB_BASE_URL=server.url)
            assert set(server.runs) == {"toy-3"}

    def test_a_server_that_is_busy_is_asked_again(self, study):
        with Server() as server:
            server.stumble = {"UpsertBucket", "CreateArtifact", "CreateArtifactFiles"}
            sync(study, WANDB_BASE_URL=server.url)
            assert not server.stumble
            assert set(server.runs) == RUNS
            assert len(server.variables("CommitArtifact")) == 2

    def test_an_artifact_that_the_server_refuses_is_said_and_sent_again(self, study):
        with Server() as server:
            server.refuse.add("CreateArtifact")
            line = said(sync(study, code=2, WANDB_BASE_URL=server.url))
            assert "4 of 5 runs were uploaded" in line
            assert "CreateArtifact is refused" in line
            server.refuse.clear()
            sync(study, WANDB_BASE_URL=server.url)
            assert len(server.variables("CommitArtifact")) == 2


@pytest.mark.slow
class TestNothingIsSent:
    def test_when_no_server_is_there(self, study):
        begun = time.monotonic()
        line = said(sync(study, "--timeout", 5, code=2))
        assert time.monotonic() - begun < 40
        assert "http://127.0.0.1:9 does not answer" in line
        assert not list(study.glob("wandb/*/*.synced"))

    def test_when_the_server_stops_answering(self, study):
        with Server() as server:
            server.stall.add("UpsertBucket")
            begun = time.monotonic()
            line = said(sync(study, "--timeout", 5, code=2, WANDB_BASE_URL=server.url))
            assert time.monotonic() - begun < 60
        assert "0 of 5 runs were uploaded" in line
        assert "within 5 seconds" in line

    def test_when_there_is_no_key(self, study, tmp_path):
        with Server() as server:
            keyless = {
                "WANDB_API_KEY": "",
                "HOME": str(tmp_path),
                "WANDB_CONFIG_DIR": str(tmp_path),
            }
            line = said(sync(study, code=2, WANDB_BASE_URL=server.url, **keyless))
        assert "wandb login" in line

    def test_when_the_study_was_moved(self, logged, study):
        away = logged.with_name("away")
        logged.rename(away)
        try:
            with Server() as server:
                line = said(sync(study, code=2, WANDB_BASE_URL=server.url))
                assert server.calls == []
        finally:
            away.rename(logged)
        assert str(logged / "wandb" / "artifacts") in line

    def test_when_a_log_is_cut_off(self, study):
        (log,) = study.glob("wandb/offline-run-*/run-toy-1.wandb")
        log.write_bytes(log.read_bytes()[:-200])
        with Server() as server:
            line = said(sync(study, code=2, WANDB_BASE_URL=server.url))
            assert server.calls == []
        assert "toy-1" in line

    def test_when_a_log_is_something_else(self, study):
        (log,) = study.glob("wandb/offline-run-*/run-toy-1.wandb")
        log.write_bytes(b"not a log" * 10)
        with Server() as server:
            line = said(sync(study, code=2, WANDB_BASE_URL=server.url))
            assert server.calls == []
        assert f"{log} cannot be read as a W&B log" in line
