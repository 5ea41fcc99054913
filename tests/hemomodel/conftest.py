"""A small valid workbook; every value in it is invented."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from hemomodel.cohort.cohort import Cohort
from hemomodel.errors import InputError
from hemomodel.schema.schema import Schema, load_schema

TableMaker = Callable[..., pd.DataFrame]


@pytest.fixture(scope="session")
def schema() -> Schema:
    return load_schema()


@pytest.fixture(scope="session")
def workbook(schema: Schema) -> TableMaker:
    """Makes a table of complete rows, with the headers of the export."""

    def make(rows: int = 12) -> pd.DataFrame:
        i = np.arange(rows)
        values = _patients(i) | _laboratory(i)
        for place, task in enumerate(schema.tasks):
            levels = np.array(task.levels or [310.0, 355.0, 380.0, 333.0])  # for both flows
            values[task.column] = levels[(i * (place + 1)) % len(levels)]
        values["anticoagulant"] = np.ones(rows)  # heparin allows any dose
        written = {column.english: column.written for column in schema.columns}
        ordered = {written[name]: values[name] for name in written if name in values}
        return pd.DataFrame(ordered | {"每週次數": 3, "血型": "A", "KiDit 欄位": np.nan})

    return make


@pytest.fixture(scope="session")
def loads_or_is_refused() -> Callable[[Callable[[], Cohort]], None]:
    """Checks that a loader returns a cohort or raises an InputError, and nothing else."""

    def check(load: Callable[[], Cohort]) -> None:
        try:
            cohort = load()
        except InputError:
            return
        assert 0 < len(cohort) == cohort.attrition.kept == len(cohort.labels)

    return check


def _patients(i: np.ndarray) -> dict[str, object]:
    return {
        "id": 9000000 + i,
        "birth_date": [f"{28 + k % 40}/{1 + k % 12}/{1 + (5 * k) % 28}" for k in i],
        "gender": 1 + i % 2,
        "start_date": [f"{1999 + k % 18}/{1 + (7 * k) % 12}/{1 + (3 * k) % 28}" for k in i],
        "hbsag": np.array(["N", "N", "Y", "O"])[i % 4],
        "anti_hcv": np.array(["N", "Y", "N"])[i % 3],
        "comorbidities": np.array(["33-0-14", "7", "0-31-28-14", "0", "5-7-9"])[i % 5],
        "plan_date": np.full(len(i), 20190704.0),
        "buffer": np.full(len(i), 2.0),
        "dialyzer": np.full(len(i), "MODEL"),
    }


def _laboratory(i: np.ndarray) -> dict[str, np.ndarray]:
    pre, post = 60.0 + 3 * (i % 7), 15.0 + i % 4
    calcium, phosphorus = 4.0 + 0.1 * (i % 6), 4.5 + 0.2 * (i % 5)
    return {
        "wbc": 5.0 + 0.3 * (i % 9),
        "hemoglobin": 9.5 + 0.2 * (i % 8),
        "hematocrit": 29.0 + 0.6 * (i % 8),
        "mcv": 88.0 + i % 10,
        "platelets": 150.0 + 11 * (i % 6),
        "glucose": np.full(len(i), np.nan),
        "pre_weight": 55.0 + 1.5 * (i % 11),
        "post_weight": np.round((55.0 + 1.5 * (i % 11)) * 0.96, 1),
        "duration": np.full(len(i), 240.0),
        "pre_bun": pre,
        "post_bun": post,
        "interval": np.full(len(i), 2640.0),
        "creatinine": 8.0 + 0.25 * (i % 7),
        "sodium": 135.0 + i % 5,
        "serum_potassium": 4.0 + 0.1 * (i % 9),
        "ionized_calcium": calcium,
        "phosphorus": phosphorus,
        "urr": np.round(1 - post / pre, 3),
        "kt_v_gotch": np.round(np.log(pre / post), 3),
        "kt_v": np.round(1.1 * np.log(pre / post) + 0.1, 3),
        "npcr": np.round(0.168 + 54.2 * (pre - post) / 2640, 3),
        "tac_urea": (pre + post) / 2,
        "ctr": 0.45 + 0.01 * (i % 8),
        "ca_x_p": np.round(2 * calcium * phosphorus, 2),
    }
