"""W&B's SDK still has the internals that a study uses beyond the public API."""

import subprocess

import pytest

from study.store.study_folder import StudyFolder
from study.tracking._wandb_internals import (
    core_program,
    inspect_command,
    process_deaths,
    server_refusals,
)
from study.tracking.tracker import import_wandb


@pytest.fixture
def wandb(tmp_path, monkeypatch):
    """W&B; the environment is restored after the test."""
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    for name in ("DIR", "DATA_DIR", "CACHE_DIR", "ARTIFACT_DIR"):
        monkeypatch.setenv(f"WANDB_{name}", "")  # so that monkeypatch restores it
    return import_wandb(StudyFolder(tmp_path))


DEATHS = {
    *("ConnectionError", "ServicePollForTokenError", "SystemExit"),
    *("MailboxClosedError", "HandleAbandonedError"),
}


def test_a_process_that_dies_is_seen_by_its_errors(wandb):
    assert {error.__name__ for error in process_deaths()} == DEATHS


def test_a_server_that_refuses_is_seen_by_its_errors(wandb):
    assert {error.__name__ for error in server_refusals()} == {"Error", "WandbApiFailedError"}


@pytest.mark.parametrize(
    "name",
    [
        *("console", "host", "disable_git", "disable_code", "silent", "x_disable_stats"),
        *("x_save_requirements", "x_disable_machine_info", "x_transaction_log_flush_interval"),
    ],
)
def test_a_run_has_the_setting(wandb, name):
    assert name in wandb.Settings.model_fields


def test_the_program_prints_the_records_of_a_log(wandb, tmp_path):
    command = inspect_command(core_program(), tmp_path / "run" / "run-1.wandb")
    known = subprocess.run([*command[:3], "--help"], capture_output=True, text=True, check=False)
    for flag in ("no-observability", "json", "run-file"):
        assert f"-{flag}" in known.stdout + known.stderr
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode  # there is no such log
    assert "run-1.wandb" in refused.stderr
