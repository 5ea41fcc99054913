"""Patients of a Taiwanese dialysis unit in 2019, with published aggregates as their basis."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from hemomodel.arrays import Float64s, Integers, Mask
from hemomodel.cohort.synthetic.comorbidity import draw_comorbidity
from hemomodel.cohort.synthetic.random_streams import Streams
from hemomodel.cohort.synthetic.state import Latent, PatientRows, State, height_law, ultrafiltration

__all__ = ["draw_patients"]

_BETWEEN = 0.6  # share of the unexplained variance of a laboratory value that is between patients

Normals: TypeAlias = Callable[[str], Float64s]
"""Name of a laboratory value -> standard normal numbers, one per row."""


@dataclass(frozen=True)
class _Person(PatientRows):
    """The values of N patients that determine their laboratory values."""

    female: Float64s
    age: Float64s
    vintage: Float64s
    weight: Float64s
    comorbidity: Mask
    nutrition: Float64s
    protein: Float64s
    height: Float64s
    thalassemia: Mask
    hepatitis_b: Integers
    hepatitis_c: Integers

    @property
    def a(self) -> Float64s:
        return (self.age - 66.6) / 12.3

    def has(self, code: int) -> Mask:
        return self.comorbidity[:, code - 1]


def draw_patients(count: int, of: Streams, sessions: int = 1) -> tuple[State, Latent]:
    """Draws the patients of N rows, with the laboratory values of each row's session.

    Implausible values are clipped: about one in several thousand.

    Args:
        count: N.
        of: the random streams.
        sessions: consecutive rows that belong to one patient. His laboratory values vary between
            them around his own level, and have the same distribution as with one session.
    """
    patient = np.arange(count) // sessions
    person = _draw_person(int(patient[-1]) + 1, of).take(patient)
    normals = _normals_per_row(patient, sessions, of)
    state = State(
        female=person.female,
        age=person.age,
        vintage=person.vintage,
        comorbidity=person.comorbidity,
        weight=person.weight,
        hepatitis_b=person.hepatitis_b,
        hepatitis_c=person.hepatitis_c,
        **_blood_count(person, normals),
        **_chemistry(person, normals),
    )
    latent = Latent(
        protein=person.protein,
        ultrafiltration=np.asarray(ultrafiltration(_normal("ultrafiltration", count, of))),
        height=person.height,
        luck=_normal("luck", count, of),
    )
    return state, latent


def _draw_person(count: int, of: Streams) -> _Person:
    female = (of("female").random(count) < 0.48).astype(float)
    age = _written(66.6 + 12.5 * _normal("age", count, of), 21, 97)
    a = (age - 66.6) / 12.3
    years = np.floor(of("vintage").gamma(1.34, 6.95, count))
    vintage = np.minimum(np.minimum(years, age - 15), 45)
    comorbidity = draw_comorbidity(a, vintage, of)
    size = np.exp(0.187 * _normal("weight", count, of) - 0.0175 - 0.035 * a * (1 - female))
    weight = np.where(female > 0, 54.8, 67.0) * size + 2 * comorbidity[:, 22 - 1]
    nutrition = _normal("nutrition", count, of) - 0.25 * a
    protein = 1.222 + 0.285 * (0.93 * _normal("protein", count, of) + 0.36 * nutrition)
    height, spread = height_law(female)
    return _Person(
        female=female,
        age=age,
        vintage=vintage,
        weight=_written(weight, 28, 200, 1),
        comorbidity=comorbidity,
        nutrition=nutrition,
        protein=np.clip(protein, 0.35, 2.8),
        height=height + spread * _normal("height", count, of),
        thalassemia=of("thalassemia").random(count) < 0.05,
        hepatitis_b=_serology("hepatitis b", 0.115, count, of),
        hepatitis_c=_serology("hepatitis c", 0.136, count, of),
    )


def _normals_per_row(patient: Integers, sessions: int, of: Streams) -> Normals:
    """Returns the draws of laboratory values: the level of the patient, and the session's part."""

    def draw(name: str) -> Float64s:
        level = _normal(name, int(patient[-1]) + 1, of)[patient]
        if sessions == 1:
            return level
        deviation = _normal(f"{name} of a session", len(patient), of)
        return np.asarray(_BETWEEN**0.5 * level + (1 - _BETWEEN) ** 0.5 * deviation)

    return draw


def _blood_count(person: _Person, normals: Normals) -> dict[str, Float64s]:
    hemoglobin = 0.97 * normals("hemoglobin") + 0.2 * person.nutrition
    hemoglobin = _written(10.5 + 1.37 * hemoglobin, 4.5, 18, 1)
    hematocrit = 3.08 * hemoglobin - 0.1 + 1.3 * normals("hematocrit")
    mcv = normals("mcv")
    mcv = np.where(person.thalassemia, 75 + 6 * mcv, 94.6 + 5.2 * mcv)
    platelets = 0.33 * normals("platelets")
    platelets += -0.45 * person.has(7) - 0.1 * person.has(6)
    return {
        "hemoglobin": hemoglobin,
        "hematocrit": _written(hematocrit, 12, 58, 1),
        "mcv": _written(mcv, 50, 130, 1),
        "wbc": _written(6.1 * np.exp(0.31 * normals("wbc")), 1, 40, 1),
        "platelets": _written(176 * np.exp(platelets), 12, 1000),
    }


def _chemistry(person: _Person, normals: Normals) -> dict[str, Float64s]:
    a, nutrition = person.a, person.nutrition
    intake = (person.protein - 1.22) / 0.28
    creatinine = 9.25 + 1.05 * (1 - person.female) - 0.75 * a + 0.35 * nutrition
    creatinine += 0.55 * (person.weight - 61) / 13 - 0.7 * (person.vintage < 2)
    potassium = 0.85 * normals("potassium") + 0.35 * nutrition + 0.35 * intake
    calcium = 4.415 + 0.443 * 0.93 * normals("calcium") - 0.3 * person.has(5)
    phosphorus = 0.82 * normals("phosphorus") + 0.42 * intake + 0.2 * nutrition
    ctr = 0.499 + 0.012 * a + 0.018 * person.female + 0.03 * person.has(1)
    ctr += 0.012 * person.has(3) + 0.058 * normals("ctr")
    diabetic = person.has(22)
    glucose = np.where(diabetic, 0.38, 0.2) * normals("glucose")
    return {
        "creatinine": _written(creatinine + 1.9 * normals("creatinine"), 1.5, 25, 2),
        "sodium": _written(137.8 + 3.1 * normals("sodium"), 118, 160),
        "potassium": _written(4.52 + 0.69 * potassium, 2, 8.5, 1),
        "calcium": _written(calcium, 2.4, 6.8, 2),
        "phosphorus": _written(5.0 + 1.24 * phosphorus - 0.15 * a, 1, 14, 1),
        "ctr": _written(ctr, 0.3, 0.85, 2),
        "glucose": _written(np.where(diabetic, 150, 102) * np.exp(glucose), 40, 700),
    }


def _normal(name: str, count: int, of: Streams) -> Float64s:
    return of(name).standard_normal(count)


def _written(values: Float64s, low: float, high: float, decimals: int = 0) -> Float64s:
    return values.clip(low, high).round(decimals)


def _serology(name: str, reactive: float, count: int, of: Streams) -> Integers:
    """Draws (N,) 0, 1, 2: non-reactive, not done (1 in 100), reactive."""
    uniform = of(name).random(count)
    return (uniform >= 0.99 - reactive).astype(np.int64) + (uniform >= 1 - reactive)
