"""Patients of a Taiwanese dialysis unit in 2019, with published aggregates as their basis."""

from typing import NamedTuple

import numpy as np

from hemomodel.arrays import Float64s, Integers, Mask
from hemomodel.cohort.synthetic.comorbidity import draw_comorbidity
from hemomodel.cohort.synthetic.random_streams import Streams
from hemomodel.cohort.synthetic.state import Latent, State, height_law, ultrafiltration

__all__ = ["draw_patients"]


class _Person(NamedTuple):
    """The values of N patients that determine their laboratory values."""

    female: Float64s
    age: Float64s
    vintage: Float64s
    weight: Float64s
    comorbidity: Mask
    nutrition: Float64s
    protein: Float64s

    @property
    def a(self) -> Float64s:
        return (self.age - 66.6) / 12.3

    def has(self, code: int) -> Mask:
        return self.comorbidity[:, code - 1]


def draw_patients(count: int, of: Streams) -> tuple[State, Latent]:
    """Draws N patients.

    Implausible values are clipped: about one in several thousand.
    """
    person = _draw_person(count, of)
    state = State(
        female=person.female,
        age=person.age,
        vintage=person.vintage,
        comorbidity=person.comorbidity,
        weight=person.weight,
        hepatitis_b=_serology("hepatitis b", 0.115, count, of),
        hepatitis_c=_serology("hepatitis c", 0.136, count, of),
        **_blood_count(person, of),
        **_chemistry(person, of),
    )
    height, spread = height_law(person.female)
    latent = Latent(
        protein=person.protein,
        ultrafiltration=np.asarray(ultrafiltration(_normal("ultrafiltration", count, of))),
        height=height + spread * _normal("height", count, of),
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
    return _Person(
        female=female,
        age=age,
        vintage=vintage,
        weight=_written(weight, 28, 200, 1),
        comorbidity=comorbidity,
        nutrition=nutrition,
        protein=np.clip(protein, 0.35, 2.8),
    )


def _blood_count(person: _Person, of: Streams) -> dict[str, Float64s]:
    count = len(person.age)
    hemoglobin = 0.97 * _normal("hemoglobin", count, of) + 0.2 * person.nutrition
    hemoglobin = _written(10.5 + 1.37 * hemoglobin, 4.5, 18, 1)
    hematocrit = 3.08 * hemoglobin - 0.1 + 1.3 * _normal("hematocrit", count, of)
    thalassemia = of("thalassemia").random(count) < 0.05
    mcv = _normal("mcv", count, of)
    mcv = np.where(thalassemia, 75 + 6 * mcv, 94.6 + 5.2 * mcv)
    platelets = 0.33 * _normal("platelets", count, of)
    platelets += -0.45 * person.has(7) - 0.1 * person.has(6)
    return {
        "hemoglobin": hemoglobin,
        "hematocrit": _written(hematocrit, 12, 58, 1),
        "mcv": _written(mcv, 50, 130, 1),
        "wbc": _written(6.1 * np.exp(0.31 * _normal("wbc", count, of)), 1, 40, 1),
        "platelets": _written(176 * np.exp(platelets), 12, 1000),
    }


def _chemistry(person: _Person, of: Streams) -> dict[str, Float64s]:
    count, a, nutrition = len(person.age), person.a, person.nutrition
    intake = (person.protein - 1.22) / 0.28
    creatinine = 9.25 + 1.05 * (1 - person.female) - 0.75 * a + 0.35 * nutrition
    creatinine += 0.55 * (person.weight - 61) / 13 - 0.7 * (person.vintage < 2)
    potassium = 0.85 * _normal("potassium", count, of) + 0.35 * nutrition + 0.35 * intake
    calcium = 4.415 + 0.443 * 0.93 * _normal("calcium", count, of) - 0.3 * person.has(5)
    phosphorus = 0.82 * _normal("phosphorus", count, of) + 0.42 * intake + 0.2 * nutrition
    ctr = 0.499 + 0.012 * a + 0.018 * person.female + 0.03 * person.has(1)
    ctr += 0.012 * person.has(3) + 0.058 * _normal("ctr", count, of)
    diabetic = person.has(22)
    glucose = np.where(diabetic, 0.38, 0.2) * _normal("glucose", count, of)
    return {
        "creatinine": _written(creatinine + 1.9 * _normal("creatinine", count, of), 1.5, 25, 2),
        "sodium": _written(137.8 + 3.1 * _normal("sodium", count, of), 118, 160),
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
