"""A made-up table with one count: most values are zero, and a few are large."""

import numpy as np
import pandas as pd

from hemomodel.cohort.cohort import Cohort, build_cohort
from hemomodel.schema.schema import Schema

_NUMBERS = ("age", "load", "floors", "vibration", "heat", "noise")
_SITES = {"hospital": 1.0, "hotel": 0.3, "office": -0.5, "tower": 0.0}


def lifts(rows: int = 800) -> Cohort:
    """Returns lifts and their call-outs in a year: the rate depends on steps and products.

    About 70% of the counts are zero. Given the features, the tail of a count is much heavier than
    that of a Poisson distribution.
    """
    random = np.random.default_rng(12)
    table = pd.DataFrame(random.normal(size=(rows, len(_NUMBERS))), columns=list(_NUMBERS))
    table["site"] = random.choice(list(_SITES), rows, p=[0.15, 0.3, 0.4, 0.15])
    worn = np.where((table["age"] > 0.8) & (table["load"] > 0.2), 4.0, 0.0)
    shaken = 0.8 * np.maximum(table["vibration"], 0) * np.where(table["floors"] > 0, 1, -0.5)
    log_rate = -1.8 + worn + shaken + 0.5 * table["heat"] + table["site"].map(_SITES)
    spread = random.gamma(1.0, 1.0, rows)  # mean and standard deviation 1
    table["call_outs"] = random.poisson(np.exp(log_rate) * spread).astype(float)
    return build_cohort(table, _schema(), source="lifts")


def _schema() -> Schema:
    """Returns the columns of the table."""
    numbers = [
        {"name": name, "title": name, "kind": "number", "role": "feature"} for name in _NUMBERS
    ]
    site = {"name": "site", "title": "site", "kind": "category", "role": "feature"}
    count = {"name": "call_outs", "title": "call-outs", "kind": "number", "role": "task"}
    columns = [*numbers, site | {"codes": list(_SITES)}, count | {"task": {"kind": "count"}}]
    return Schema.model_validate({"name": "lifts", "title": "Lifts", "columns": columns})
