"""If a run has several logs, the last complete one is kept."""

from study.tracking.offline_runs import OfflineRun
from study.tracking.relog import remove_superseded


def run(root, place, *, ended, marked=False):
    folder = root / f"offline-run-{place}-t"
    folder.mkdir()
    log = folder / "run-t.wandb"
    log.touch()
    found = OfflineRun(log, "t", ended, ())
    if marked:
        found.marker.touch()
    return found


def test_the_last_complete_log_of_a_run_stays_and_uploaded_ones_do(tmp_path):
    logs = [
        run(tmp_path, 0, ended=True),
        run(tmp_path, 1, ended=True, marked=True),
        run(tmp_path, 2, ended=False),
        run(tmp_path, 3, ended=True),
        run(tmp_path, 4, ended=False),
    ]
    remove_superseded(logs)
    assert [log.log.exists() for log in logs] == [False, True, False, True, False]


def test_without_a_complete_log_all_stay(tmp_path):
    logs = [run(tmp_path, place, ended=False) for place in range(2)]
    remove_superseded(logs)
    assert all(log.log.exists() for log in logs)
