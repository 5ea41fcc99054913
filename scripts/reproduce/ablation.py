"""Measures what each change of the networks brings, with whole searches on fresh rows."""

import json
import multiprocessing
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.cli import Parser, command_parser, run_cli
from study.verification.json_lines import read_records

if TYPE_CHECKING:
    from study.verification.ablation import Protocol

COMMAND = "python -m scripts.reproduce.ablation"
EXAMPLES = f"""\
examples:
  {COMMAND} --splits 8
      measures every change on 8 built-in cohorts; a core needs about ten minutes per cohort
  {COMMAND} --data jura.arff --schema configs/schemas/jura.yaml --splits 5 --resume
      adds five outer folds of another table to the same file
  {COMMAND} --table
      prints what the file has, and measures nothing

exit codes: 0 done, 2 bad input, 130 interrupted.
"""
OFF: dict[str, Any] = {
    "heads": "random",
    "weight_decay_epochs": None,
    "input_noise": 0.0,
    "linear_path": False,
    "schedule": "constant",
}
_ON = {
    "heads": {"heads": "base_rates"},
    "decay": {"weight_decay_epochs": ...},
    "noise": {"input_noise": ...},
    "path": {"linear_path": ...},
    "cosine": {"schedule": "cosine"},
}
"""What a change switches on: a setting, or `...` for a setting that is then searched."""
CHANGES = (
    *("none", "heads", "decay", "noise", "path", "cosine", "depth"),
    *("heads+decay", "heads+noise", "heads+path", "heads+cosine", "heads+depth"),
    *("heads+decay+noise", "heads+decay+noise+path", "heads+decay+noise+path+depth"),
    "heads+decay+noise+path+depth+cosine",
    "default",
)


def parser() -> Parser:
    """Returns the command line."""
    p = command_parser(COMMAND, __doc__, EXAMPLES)
    p.add_argument(
        "--data",
        default="synthetic:465",
        help="measure on this table, or on built-in patients, with options such as "
        "synthetic:2000,interactions=1 (default: synthetic:465)",
    )
    p.add_argument("--schema", type=Path, metavar="FILE", help="the schema of a file")
    p.add_argument(
        "--splits",
        type=int,
        default=8,
        metavar="N",
        help="N built-in cohorts, or N outer folds of a file (default: 8)",
    )
    p.add_argument(
        "--first", type=int, default=0, metavar="N", help="the first cohort's seed (default: 0)"
    )
    p.add_argument("--balancer", default="equal", help="of every configuration (default: equal)")
    p.add_argument(
        "--changes", metavar="A,B", help=f"only these changes; choose from {', '.join(CHANGES)}"
    )
    p.add_argument(
        "--configurations", type=int, default=24, metavar="N", help="of a search (default: 24)"
    )
    p.add_argument("--jobs", type=int, default=2, metavar="J", help="use J processes (default: 2)")
    p.add_argument(
        "--out",
        type=Path,
        default=Path("docs/results/ablation.jsonl"),
        metavar="FILE",
        help="write one line of JSON per unit of work (default: docs/results/ablation.jsonl)",
    )
    p.add_argument("--resume", action="store_true", help="run only what the file does not have")
    p.add_argument("--table", action="store_true", help="only print the table of the file")
    return p


def main() -> int:
    """Runs the command; returns its exit code."""
    return run_cli(_measure)


def _measure() -> None:
    flags = parser().parse_args()

    from hemomodel.balancers._base import BALANCERS  # --help answers without torch
    from hemomodel.errors import InputError
    from study.settings.data_source import DataSource
    from study.store.record import code_commit
    from study.verification.ablation import Protocol

    changes = CHANGES if flags.changes is None else tuple(flags.changes.split(","))
    for change in changes:
        if change not in CHANGES:
            raise InputError(f"--changes {change}: choose from {', '.join(CHANGES)}")
    if min(flags.splits, flags.jobs, flags.configurations) < 1 or flags.first < 0:
        raise InputError(
            "--splits, --jobs and --configurations need whole numbers of 1 or more, --first of 0 "
            "or more"
        )
    if flags.balancer not in BALANCERS:
        raise InputError(f"--balancer {flags.balancer}: choose from {', '.join(BALANCERS)}")
    DataSource.parse(flags.data).options()  # refused here, and not in a process of the pool
    if flags.out.is_dir():
        raise InputError(f"{flags.out} is a folder; name a file with --out")
    records = read_records(flags.out)
    if flags.table:
        print(_tables(records))
        return
    if flags.out.exists() and not flags.resume:
        raise InputError(f"{flags.out} exists; add to it with --resume, or name another --out")
    flags.out.parent.mkdir(parents=True, exist_ok=True)
    units = [
        {
            "data": Path(flags.data).name,
            "split": split,
            "change": change,
            "balancer": flags.balancer,
            "configurations": flags.configurations,
        }
        for split in range(flags.first, flags.first + flags.splits)
        for change in ("references", *changes)
    ]
    done = [{key: record.get(key) for key in units[0]} for record in records]
    left = [unit for unit in units if unit not in done]
    protocol = Protocol(configurations=flags.configurations)
    commit = code_commit()
    work = partial(_run, flags.data, flags.schema, protocol)
    # A fork next to a computing thread could hang; a new process cannot.
    fresh = multiprocessing.get_context("spawn")
    with fresh.Pool(flags.jobs) as pool, flags.out.open("a") as file:
        for number, record in enumerate(pool.imap_unordered(work, left), 1):
            file.write(json.dumps({**record, "commit": commit}) + "\n")
            file.flush()
            records.append(record)
            print(
                f"{number} of {len(left)}: {record['data']} {record['split']} {record['change']}, "
                f"{record['seconds']:.0f} s",
                file=sys.stderr,
            )
    print(_tables(records))


def _run(
    data: str, schema: Path | None, protocol: "Protocol", unit: dict[str, Any]
) -> dict[str, Any]:
    """Measures one unit in a process of its own."""
    import torch

    from hemomodel.cohort.cohort import load_cohort
    from hemomodel.dataset.splits import Replicates
    from hemomodel.schema.schema import load_schema
    from study.settings.analysis_plan import RULES
    from study.settings.data_source import DataSource
    from study.verification.ablation import (
        Unit,
        measure_references,
        measure_unit,
        on_new_patients,
    )

    torch.set_num_threads(1)
    source, split = DataSource.parse(data), unit["split"]
    if source.kind == "synthetic":
        cohort, design = on_new_patients(source.rows or 0, split, 8000, source.options())
    else:
        cohort = load_cohort(data, load_schema(schema) if schema else None)
        design = Replicates(outer_fold=split)
    if unit["change"] == "references":
        figures = measure_references(cohort, design, protocol)
    else:
        work = Unit(seed=split, balancer=unit["balancer"], **_settings(unit["change"]))
        figures = measure_unit(work, cohort, design, protocol)
    tasks = [task.name for task in cohort.schema.tasks]
    return {**unit, "rules": RULES, **figures, "tasks": tasks}


def _settings(change: str) -> dict[str, Any]:
    """Returns the fixed settings and the narrowed domains of a change.

    `default` is the space of the default study; its models are also scored as they are exported.
    """
    from study.settings.settings import load_settings, settings_file

    if change == "default":
        return {"fit": dict(load_settings(settings_file("search")).fit), "is_exported": True}
    on = set(change.split("+"))
    fit = dict(OFF)
    for name in on & set(_ON):
        for key, value in _ON[name].items():
            del fit[key]
            if value is not ...:
                fit[key] = value
    return {"fit": fit, "space": {} if "depth" in on else {"hidden.depth": [2, 4]}}


def _tables(records: list[dict[str, Any]]) -> str:
    from study.verification.ablation_table import ablation_table, task_table

    kinds = sorted({(record["data"], record["balancer"]) for record in records})
    parts = []
    for data, balancer in kinds:
        chosen = [
            record for record in records if (record["data"], record["balancer"]) == (data, balancer)
        ]
        parts.append(f"{data}, {balancer}\n\n{ablation_table(chosen)}")
        if exported := [record for record in chosen if "exported" in record]:
            parts.append(task_table(exported, exported[0]["tasks"]))
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
