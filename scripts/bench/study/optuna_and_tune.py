"""The peers of the study bench, each a separate program as in its tutorial.

`tune`: Ray Tune with OptunaSearch and ASHA, one function trainable per trial.
`tune-reuse`: the same with reuse_actors=True.
`optuna`: Optuna without Ray, two processes on one journal file, with its successive halving.

They search the same space on the same cohort. Balancers alternate, so that each has the same number
of trials. The peers log nothing to W&B.
"""

import argparse
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from hemomodel.dataset.preparation import prepare
from hemomodel.dataset.stack import Stack
from scripts.bench.study.plain import trained
from study.pipeline.preflight import checked_space
from study.search.asha import rungs
from study.search.trial import report_epochs
from study.settings.cohort_and_splits import open_cohort, search_replicates
from study.settings.search_space import SearchSpace
from study.settings.settings import Settings, load_settings

PROCESSES = 2


def drawn(trial: Any, space: SearchSpace, balancers: tuple[str, ...]) -> dict[str, Any]:
    """Draws a point; the balancers alternate."""
    return space.suggest(trial, (balancers[trial.number % len(balancers)],))


def defined(
    trial: Any,
    space: SearchSpace,
    balancers: tuple[str, ...],
    folder: Path,
) -> dict[str, str]:
    """Draws a point for OptunaSearch; returns the other values of a trial's configuration."""
    point = drawn(trial, space, balancers)
    return {"first": str(folder / "first"), "balancer": str(point["balancer"])}


def stops_of(settings: Settings) -> list[int]:
    """Returns the epochs at which a trial reports, as in `hemomodel-search`."""
    epochs = settings.fit["epochs"]
    return report_epochs(epochs, settings.report_every, rungs(settings.early_stopping, epochs))


def trainable(config: dict[str, Any], stack: Stack, space: SearchSpace, stops: list[int]) -> None:
    """Runs one trial, as a function that reports."""
    from ray import tune  # the peer without Ray does not import it

    point = {key: value for key, value in config.items() if key != "first"}
    Path(config["first"]).touch()
    for epoch, score, cpu in trained(space.build(point), stack, stops):
        tune.report({"score": score, "epoch": epoch, "cpu": cpu})


def with_tune(settings: Settings, folder: Path, *, reuse: bool) -> list[dict[str, float]]:
    """Runs a study as Ray Tune's tutorial does; returns each trial's last report."""
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    stack, space = prepared(settings)
    ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level="ERROR")

    define = partial(defined, space=space, balancers=settings.balancers, folder=folder)
    stopping = settings.early_stopping
    epochs = settings.fit["epochs"]
    scheduler = ASHAScheduler(
        time_attr="epoch",
        max_t=epochs,
        grace_period=min(stopping.grace, epochs) if stopping else epochs,
        reduction_factor=stopping.factor if stopping else 2,
    )
    function = tune.with_parameters(trainable, stack=stack, space=space, stops=stops_of(settings))
    tuner = tune.Tuner(
        tune.with_resources(function, {"cpu": 1}),
        tune_config=tune.TuneConfig(
            metric="score",
            mode="max",
            search_alg=OptunaSearch(space=define, metric="score", mode="max", seed=settings.seed),
            scheduler=scheduler,
            num_samples=settings.trials,
            max_concurrent_trials=PROCESSES,
            reuse_actors=reuse,
        ),
        run_config=tune.RunConfig(name="tune", storage_path=str(folder), verbose=0),
    )
    return [dict(result.metrics or {}) for result in tuner.fit()]


def prepared(settings: Settings) -> tuple[Stack, SearchSpace]:
    """Returns the stack and the space, the same as in `hemomodel-search`."""
    base = (space := checked_space(settings)).base
    replicates = search_replicates(settings)
    cohort = open_cohort(settings)
    stack = prepare(cohort, replicates, features=base.features, targets=base.targets)
    return stack, space


def with_optuna(_: Settings, folder: Path) -> list[dict[str, float]]:
    """Runs a study in two processes on one journal file; returns each trial's last report."""
    import optuna

    storage = open_journal(folder)
    optuna.create_study(storage=storage, study_name="race", direction="maximize")
    config = folder / "settings.json"
    program = [sys.executable, "-m", "scripts.bench.study.optuna_and_tune"]
    command = [*program, "optuna-worker", str(config), str(folder)]
    workers = [subprocess.Popen(command) for _ in range(PROCESSES)]  # noqa: S603
    if any(worker.wait() for worker in workers):
        raise SystemExit("a process of the peer failed")
    study = optuna.load_study(storage=open_journal(folder), study_name="race")
    return [dict(trial.user_attrs) for trial in study.trials]


def open_journal(folder: Path) -> Any:
    """Opens the journal file of the peer without Ray."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.storages.JournalStorage(JournalFileBackend(str(folder / "journal")))


def optuna_worker(settings: Settings, folder: Path) -> None:
    """Runs one of the two processes: trials until there are enough."""
    import optuna

    stack, space = prepared(settings)
    stopping = settings.early_stopping
    pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
    if stopping:
        pruner = optuna.pruners.SuccessiveHalvingPruner(
            min_resource=stopping.grace, reduction_factor=int(stopping.factor)
        )
    study = optuna.load_study(storage=open_journal(folder), study_name="race", pruner=pruner)

    def objective(trial: optuna.Trial) -> float:
        config = space.build(drawn(trial, space, settings.balancers))
        (folder / "first").touch()
        for epoch, score, cpu in trained(config, stack, stops_of(settings)):
            trial.report(score, epoch)
            trial.set_user_attr("epoch", epoch)
            trial.set_user_attr("cpu", cpu)
            if trial.should_prune():
                raise optuna.TrialPruned
        return score

    enough = optuna.study.MaxTrialsCallback(settings.trials, states=None)
    study.optimize(objective, callbacks=[enough])


def main() -> None:
    """Runs one peer and writes the results of its trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=["tune", "tune-reuse", "optuna", "optuna-worker"])
    parser.add_argument("settings", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    settings = load_settings(json.loads(options.settings.read_text()))
    run = {
        "tune": partial(with_tune, reuse=False),
        "tune-reuse": partial(with_tune, reuse=True),
        "optuna": with_optuna,
        "optuna-worker": optuna_worker,
    }[options.peer]
    trials = run(settings, options.folder)
    if trials is not None:
        reports = [{"epochs": trial["epoch"], "cpu": trial["cpu"]} for trial in trials]
        (options.folder / "trials.json").write_text(json.dumps(reports))
        (options.folder / "searched").touch()


if __name__ == "__main__":
    main()
