"""Puts patients, prescriptions and sessions into a table like the hospital's workbook."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from hemomodel.arrays import Float64s, Integers, Mask
from hemomodel.cohort.synthetic.missingness import (
    BLANK,
    NO_BLOOD_TEST,
    NO_KT_V,
    PARTIAL,
    RecordGaps,
    lost,
    some_settings,
)
from hemomodel.cohort.synthetic.random_streams import Streams
from hemomodel.cohort.synthetic.session import INTERVAL, MINUTES, Outcome
from hemomodel.cohort.synthetic.state import State
from hemomodel.schema.schema import Schema

__all__ = ["workbook"]

Cells: TypeAlias = Float64s | Integers | pd.Series

_FIRST_ID = 9_000_000
_YEAR, _ROC_YEAR = 2019, 108
_DAYS = pd.date_range("2019-01-01", "2019-12-31")
_SEROLOGY = np.array(["N", "O", "Y"])
_DIALYZERS = ("13M", "15S", "17UX", "1.8U", "19H", "21S", "25S")  # in ascending order of surface

_BLOOD_TEST = (
    "wbc", "hemoglobin", "hematocrit", "mcv", "platelets", "glucose", "creatinine", "sodium",
    "serum_potassium", "ionized_calcium", "phosphorus", "ctr", "ca_x_p",
)  # fmt: skip

# Between prescription and laboratory, the registry's export has five columns that are not read.
# It also has columns that this hospital never filled.
_UNREAD_AFTER = "dialyzer"
_UNREAD = ("每週次數", "Hemodiafiltration 每月次數", "處方開始日期", "檢驗日期", "乾體重(kg)")
_NEVER_FILLED = (
    "R.B.C. (x10^6/ul)", "Albumin (g/dl)", "Ferritin (ng/ml)", "Iron (ug/dl)", "TIBC (ug/dl)",
    "i-PTH (pg/ml)", "Al (ng/ml)", "血型", "備註",
)  # fmt: skip


def workbook(
    schema: Schema,
    state: State,
    prescription: Mapping[str, Float64s],
    outcome: Outcome,
    records: RecordGaps,
    of: Streams,
) -> pd.DataFrame:
    """Returns the workbook: N rows, 58 columns, with the headers of the export.

    Args:
        schema: has the columns and their order.
        state: before the N sessions; it and the next three arguments are in the order of the rows.
        prescription: settings (N,) by task.
        outcome: of the session.
        records: the patient of each row, and what is missing in it.
        of: the random streams.
    """
    of_patient = _per_patient(records.patient, of)
    first = of_patient("day of the plan")
    day = first + ((len(_DAYS) - first) * records.place).astype(np.int64)
    cells: dict[str, Cells] = {
        "id": _FIRST_ID + records.patient,
        **_registration(state, first, of_patient),
        "comorbidities": _code_lists(state.comorbidity, of),
        "plan_date": _compact(day),
        **prescription,
        "buffer": np.full(len(state), 2.0),
        "dialyzer": _dialyzer(prescription["surface_area"], schema),
        **_unread(prescription["modality"], outcome.weight, day),
        **_laboratory(state),
        **_session(state, outcome),
    }
    missing = _missing(records, [task.column for task in schema.tasks], of)
    blank = records.kind == BLANK
    frame = pd.DataFrame(index=pd.RangeIndex(len(state)))
    planned = False
    for english, header in _headers(schema):
        values = pd.Series(cells[english])
        planned = planned or english == "plan_date"
        absent = missing.get(english, np.zeros(len(state), dtype=bool)) | (blank & planned)
        frame[header] = values.mask(absent) if absent.any() else values
    never = pd.DataFrame(np.nan, index=frame.index, columns=list(_NEVER_FILLED))
    return pd.concat([frame, never], axis=1)


def _headers(schema: Schema) -> list[tuple[str, str]]:
    """Returns English name and header of each column that can have values, in order."""
    headers = [(column.english, column.written) for column in schema.columns]
    after = [english for english, _ in headers].index(_UNREAD_AFTER) + 1
    return [*headers[:after], *((name, name) for name in _UNREAD), *headers[after:]]


def _missing(records: RecordGaps, settings: list[str], of: Streams) -> dict[str, Mask]:
    """Returns, by column, the rows (N,) that lack its value; blank rows are not included."""
    missing = lost(len(records.kind), of)
    untested = records.kind == NO_BLOOD_TEST
    for name in _BLOOD_TEST:
        missing[name] = missing.get(name, np.zeros_like(untested)) | untested
    partial = np.zeros((len(records.kind), len(settings)), dtype=bool)
    partial[records.kind == PARTIAL] = some_settings(int((records.kind == PARTIAL).sum()), of)
    missing |= zip(settings, partial.T, strict=True)
    missing["kt_v"] = records.kind == NO_KT_V
    missing["comorbidities"] = records.no_comorbidities
    return missing


def _per_patient(patient: Integers, of: Streams) -> Callable[[str], Integers]:
    """Returns the draws of days of the year (N,), the same in all rows of one patient."""

    def draw(name: str) -> Integers:
        days = of(name).integers(len(_DAYS), size=int(patient.max()) + 1)
        return np.asarray(days[patient])

    return draw


def _registration(
    state: State, first_plan: Integers, of_patient: Callable[[str], Integers]
) -> dict[str, Cells]:
    started = of_patient("day of the start")
    started = np.where(state.vintage > 0, started, np.minimum(started, first_plan))
    return {
        "birth_date": _dates(_ROC_YEAR - state.age, of_patient("day of birth")),
        "gender": (1 + state.female).astype(np.int64),
        "start_date": _dates(_YEAR - state.vintage, started),
        "hbsag": pd.Series(_SEROLOGY[state.hepatitis_b], dtype="str"),
        "anti_hcv": pd.Series(_SEROLOGY[state.hepatitis_c], dtype="str"),
    }


def _laboratory(state: State) -> dict[str, Cells]:
    return {
        "wbc": state.wbc,
        "hemoglobin": state.hemoglobin,
        "hematocrit": state.hematocrit,
        "mcv": state.mcv,
        "platelets": state.platelets,
        "glucose": state.glucose,
        "creatinine": state.creatinine,
        "sodium": state.sodium,
        "serum_potassium": state.potassium,
        "ionized_calcium": state.calcium,
        "phosphorus": state.phosphorus,
        "ctr": state.ctr,
        "ca_x_p": state.calcium_phosphorus,
    }


def _session(state: State, outcome: Outcome) -> dict[str, Cells]:
    """Returns the columns of the session, with the export's formulas, which the schema checks."""
    before, after = outcome.before, outcome.after
    return {
        "pre_weight": state.weight,
        "post_weight": outcome.weight,
        "duration": np.full(len(state), MINUTES),
        "pre_bun": before,
        "post_bun": after,
        "interval": np.full(len(state), INTERVAL),
        "urr": (1 - after / before).round(2),
        "kt_v_gotch": np.log(before / after).round(2),
        "kt_v": outcome.kt_v,
        "npcr": (0.168 + 54.2 * (before - after) / INTERVAL).round(2),
        "tac_urea": (before + after) / 2,
    }


def _unread(modality: Float64s, dry_weight: Float64s, planned: Integers) -> dict[str, Cells]:
    hdf, day = np.where(modality == 4, 12.0, 0.0), _compact(planned)
    cells = (np.full_like(modality, 3), hdf, day, day, dry_weight)
    return dict(zip(_UNREAD, cells, strict=True))


def _dialyzer(area: Float64s, schema: Schema) -> pd.Series:
    (levels,) = (task.levels for task in schema.tasks if task.name == "surface_area")
    model = np.searchsorted(levels, area)
    return pd.Series(np.array(_DIALYZERS)[model], dtype="str")


def _dates(years: Float64s, days: Integers) -> pd.Series:
    """Returns texts (N,) `year/month/day` without padding, for days counted from 0."""
    first = int(years.min())
    texts = [
        f"{year}/{day.month}/{day.day}"
        for year in range(first, int(years.max()) + 1)
        for day in _DAYS
    ]
    places = (years.astype(np.int64) - first) * len(_DAYS) + days
    return pd.Series(np.array(texts), dtype="str").take(places).reset_index(drop=True)


def _compact(days: Integers) -> Float64s:
    """Returns (N,) the days of the year as the numbers yyyymmdd."""
    return np.asarray(_DAYS.strftime("%Y%m%d").astype(float))[days]


def _code_lists(flags: Mask, of: Streams) -> pd.Series:
    """Returns texts (N,) such as `22-0-19`: the codes in random order; the filler is 0."""
    filler = of("filler").random(len(flags)) < 0.45
    filler |= ~flags.any(1)
    with_filler = np.concatenate([filler[:, None], flags], axis=1)
    row, code = np.nonzero(with_filler)
    order = np.lexsort((of("order of the codes").random(len(row)), row))
    starts = np.concatenate([[0], with_filler.sum(1).cumsum()])
    names = pa.array([str(i) for i in range(with_filler.shape[1])]).take(pa.array(code[order]))
    lists = pa.ListArray.from_arrays(pa.array(starts, pa.int32()), names)
    return pd.Series(pc.binary_join(lists, "-").to_pandas(), dtype="str")
