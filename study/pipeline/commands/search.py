"""Searches balancers and hyperparameters, and compares the balancers on held-out rows."""

import sys

from rich.console import Console

from hemomodel.errors import InputError
from study.cli import Parser, command_name, command_parser, run_cli

EXAMPLES = """\
examples:
  hemomodel-search --trials 200
      runs the default study on the built-in cohort
  hemomodel-search --data HD.xlsx --trials 200 --name ward-7
      uses your own workbook; the same command resumes the study after an interruption
  hemomodel-search --data synthetic:20000 --balancers equal,gradnorm --set fit.epochs=60
  hemomodel-search --set 'space.lr=[1e-3, 1e-2]' --set fit.batch_size=32
      gives one parameter a narrower range and another a fixed value

Settings are read from --config, then changed by --set, then by the other flags.

exit codes: 0 done, 2 bad input, 130 interrupted (ended trials are kept).
"""


def parser() -> Parser:
    """Returns the command line."""
    p = command_parser(command_name("search"), __doc__, EXAMPLES)
    p.add_argument(
        "--trials", type=int, metavar="N", help="try N configurations in total, over all arms"
    )
    p.add_argument(
        "--config",
        default="search",
        metavar="FILE",
        help="read the settings from this YAML file, or use built-in settings: search, smoke, "
        "published_setting (default: search)",
    )
    p.add_argument(
        "--data",
        metavar="FILE|synthetic:ROWS",
        help="use this table (.xlsx, .csv, .parquet or .arff), or built-in patients, with options "
        "such as synthetic:2000,interactions=1",
    )
    p.add_argument("--name", help="name the study and its folder; an existing study is resumed")
    p.add_argument("--out", metavar="FOLDER", help="keep studies in this folder (default: studies)")
    p.add_argument(
        "--balancers", metavar="A,B", help="compare these balancers, such as equal,gradnorm; or all"
    )
    p.add_argument(
        "--allocation",
        choices=["equal", "joint"],
        help="equal: run the same number of trials per balancer; joint: run one search over all",
    )
    p.add_argument(
        "--outer-folds",
        type=int,
        metavar="K",
        help="use nested cross-validation: repeat the search once per outer fold, K times",
    )
    p.add_argument(
        "--seed", type=int, help="use this seed for search, splits and built-in patients"
    )
    p.add_argument("--resume", metavar="NAME", help="resume this study with its own settings")
    p.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="changes",
        help="change any setting, such as fit.epochs=60; may be given several times",
    )
    add_machine_flags(p)
    return p


def add_machine_flags(p: Parser) -> None:
    """Adds the flags that say where and how long the study runs, and where it is logged."""
    p.add_argument(
        "--address", metavar="auto|HOST:PORT", help="run on the Ray cluster at this address"
    )
    p.add_argument(
        "--storage",
        metavar="env:NAME",
        help="store Optuna's trials in the database with the URL in the variable NAME",
    )
    p.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda"],
        help="train on this device; auto uses CUDA if Ray has GPUs",
    )
    p.add_argument(
        "--gpus-per-trial",
        type=float,
        metavar="SHARE",
        help="give each trial this share of a GPU, up to 1",
    )
    p.add_argument(
        "--wandb",
        choices=["offline", "online", "disabled"],
        help="log to W&B in this mode (default: offline)",
    )
    p.add_argument(
        "--max-concurrent", type=int, metavar="N", help="run at most N trials simultaneously"
    )
    p.add_argument(
        "--time-budget", type=float, metavar="SECONDS", help="end the search after this time"
    )


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_search)


def _search() -> int:
    """Runs a study."""
    flags = vars(parser().parse_args())
    config, changes, resume = flags.pop("config"), flags.pop("changes"), flags.pop("resume")
    if resume is not None and flags["name"] not in {None, resume}:
        raise InputError(
            f"--resume {resume} --name {flags['name']}: a study has one name; give one of the two"
        )
    if flags["balancers"]:
        flags["balancers"] = [name.strip() for name in flags["balancers"].split(",")]

    if flags["outer_folds"]:
        flags["nested"] = True

    # --help answers without torch
    from study.settings.settings import load_settings, settings_file
    from study.store.record import stored_settings

    source = (
        settings_file(config)
        if resume is None
        else stored_settings(flags["out"] or "studies", resume)
    )
    settings = load_settings(source, changes, flags)
    from study.pipeline.preflight import preflight

    study = preflight(settings)
    from study.pipeline.run import run_study

    return run_study(study, Console())


if __name__ == "__main__":
    sys.exit(main())
