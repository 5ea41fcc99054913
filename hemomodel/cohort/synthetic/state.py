"""The observed state of a patient before treatment, and what no column tells before it."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import numpy as np

from hemomodel.cohort.synthetic.random_streams import Array, Flags, Indices, Value

__all__ = ["Latent", "State", "height_law", "ultrafiltration"]


@dataclass(frozen=True)
class _Rows:
    def take(self, rows: Indices | Flags | slice) -> Self:
        """Returns the same of the patients in these rows."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class State(_Rows):
    """What is known of N patients before treatment, rounded as the workbook writes it.

    Attributes:
        female: (N,) 0 or 1. age, vintage: (N,) whole years. comorbidity: (N, 33), code 1 first.
        weight: (N,) kg before treatment. hepatitis_b, hepatitis_c: (N,) 0, 1, 2 for N, O, Y.
            The laboratory values are in the workbook's units.
    """

    female: Array
    age: Array
    vintage: Array
    comorbidity: Flags
    hepatitis_b: Indices
    hepatitis_c: Indices
    weight: Array
    hemoglobin: Array
    hematocrit: Array
    mcv: Array
    wbc: Array
    platelets: Array
    glucose: Array
    creatinine: Array
    sodium: Array
    potassium: Array
    calcium: Array
    phosphorus: Array
    ctr: Array

    def __len__(self) -> int:
        return len(self.age)

    def has(self, code: int) -> Array:
        """Returns (N,) 1.0 where the patient has the comorbidity of this code."""
        return self.comorbidity[:, code - 1].astype(float)

    @cached_property
    def a(self) -> Array:
        """Age, centred and scaled."""
        return (self.age - 66.6) / 12.3

    @cached_property
    def w(self) -> Array:
        """Weight, centred and scaled."""
        return (self.weight - 61) / 13

    @cached_property
    def calcium_phosphorus(self) -> Array:
        """The product as the workbook has it: twice the ionised calcium times phosphorus."""
        return np.round(2 * self.calcium * self.phosphorus, 2)


@dataclass(frozen=True)
class Latent(_Rows):
    """What decides about the session's result and stands in no column before it: (N,) each.

    Attributes:
        protein: protein catabolic rate, g/kg/d.
        ultrafiltration: litres to remove, for each kg of weight after treatment.
        height: cm.
        luck: the standard normal deviation of log Kt/V.
    """

    protein: Array
    ultrafiltration: Array
    height: Array
    luck: Array


def height_law(female: Array) -> tuple[Array, Array]:
    """Returns mean and SD (N,) of the height, cm."""
    return np.where(female > 0, 153.5, 165.0), np.where(female > 0, 6.0, 6.2)


def ultrafiltration(deviation: Value) -> Value:
    """Returns the ultrafiltration at a standard normal deviation."""
    return np.clip(0.040 + 0.0115 * deviation, 0.004, 0.085)
