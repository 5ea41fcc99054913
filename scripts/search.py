"""Searches balancers and hyperparameters, and compares the balancers on held-out rows."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from hemomodel.errors import InputError
from study.cli import Parser, run_cli

EXAMPLES = """\
examples:
  python scripts/search.py --trials 200
      the default study on the built-in cohort
  python scripts/search.py --data HD.xlsx --trials 200 --name ward-7
      on your own workbook; the same command goes on after an interruption
  python scripts/search.py --data synthetic:20000 --balancers equal,gradnorm --set fit.epochs=60
  python scripts/search.py --set 'space.lr=[1e-3, 1e-2]' --set fit.batch_size=32
      a narrower range for one parameter, a fixed value for another

settings are read from --config, then changed by --set, then by the other flags.
exit codes: 0 done, 2 bad input, 130 interrupted (what had ended is kept).
"""


def parser() -> Parser:
    """Returns the command line."""
    p = Parser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(__file__).parents[1] / "configs" / "search.yaml"
    p.add_argument("--trials", type=int, metavar="N", help="configurations to try, over all arms")
    p.add_argument(
        "--config",
        type=Path,
        default=default,
        metavar="FILE",
        help="settings in YAML (default: configs/search.yaml)",
    )
    p.add_argument(
        "--data",
        metavar="FILE|synthetic:ROWS",
        help="a table (.xlsx, .csv, .parquet, .arff) or built-in patients",
    )
    p.add_argument("--name", help="of the study and its folder; an existing study goes on")
    p.add_argument("--out", metavar="FOLDER", help="where studies are kept (default: studies)")
    p.add_argument("--balancers", metavar="A,B", help="the arms, such as equal,gradnorm; or all")
    p.add_argument(
        "--allocation",
        choices=["equal", "joint"],
        help="equal: as many trials for each balancer; joint: one search over all",
    )
    p.add_argument(
        "--outer-folds",
        type=int,
        metavar="K",
        help="nested cross-validation: repeat the search for each of K held-out parts",
    )
    p.add_argument("--address", metavar="auto|HOST:PORT", help="of a Ray cluster to run on")
    p.add_argument("--storage", metavar="env:NAME", help="Optuna storage, its URL in $NAME")
    p.add_argument("--device", choices=["auto", "cpu", "cuda"], help="auto: CUDA if Ray has GPUs")
    p.add_argument("--gpus-per-trial", type=float, metavar="SHARE", help="of a GPU, up to 1")
    p.add_argument("--wandb", choices=["offline", "online", "disabled"], help="default: offline")
    p.add_argument("--seed", type=int, help="of search, splits and built-in patients")
    p.add_argument("--resume", metavar="NAME", help="go on with an existing study and its settings")
    p.add_argument("--max-concurrent", type=int, metavar="N", help="trials at once")
    p.add_argument("--time-budget", type=float, metavar="SECONDS", help="search no longer")
    p.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="changes",
        help="change any setting, such as fit.epochs=60; may be repeated",
    )
    return p


def main() -> int:
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

    from study.settings.settings import load_settings  # --help answers without torch
    from study.store.record import stored_settings

    source = stored_settings(flags["out"] or "studies", resume) if resume is not None else config
    settings = load_settings(source, changes, flags)
    from study.pipeline.preflight import preflight

    begun = preflight(settings)
    from study.pipeline.run import run_study  # Ray's workers load beside it

    return run_study(begun, Console())


if __name__ == "__main__":
    sys.exit(run_cli(main))
