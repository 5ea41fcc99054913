"""The observed state of a patient before treatment, and the values without a column before it."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import numpy as np

from hemomodel.arrays import Float64s, Integers, Mask
from hemomodel.cohort.synthetic.random_streams import Value

__all__ = ["Latent", "PatientRows", "State", "height_law", "ultrafiltration"]


@dataclass(frozen=True)
class PatientRows:
    """Arrays with one value per patient, or per session."""

    def take(self, rows: Integers | Mask | slice) -> Self:
        """Returns the same values for the patients in these rows."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class State(PatientRows):
    """The known values of N patients before treatment, rounded as in the workbook.

    Attributes:
        female: (N,) 0 or 1. age, vintage: (N,) whole years. comorbidity: (N, 33), code 1 first.
        weight: (N,) kg before treatment. hepatitis_b, hepatitis_c: (N,) 0, 1, 2 for N, O, Y.
            The laboratory values are in the workbook's units.
    """

    female: Float64s
    age: Float64s
    vintage: Float64s
    comorbidity: Mask
    hepatitis_b: Integers
    hepatitis_c: Integers
    weight: Float64s
    hemoglobin: Float64s
    hematocrit: Float64s
    mcv: Float64s
    wbc: Float64s
    platelets: Float64s
    glucose: Float64s
    creatinine: Float64s
    sodium: Float64s
    potassium: Float64s
    calcium: Float64s
    phosphorus: Float64s
    ctr: Float64s

    def __len__(self) -> int:
        return len(self.age)

    def has(self, code: int) -> Float64s:
        """Returns (N,) 1.0 if the patient has the comorbidity of this code."""
        return self.comorbidity[:, code - 1].astype(float)

    @cached_property
    def a(self) -> Float64s:
        """Age, centred and scaled."""
        return (self.age - 66.6) / 12.3

    @cached_property
    def w(self) -> Float64s:
        """Weight, centred and scaled."""
        return (self.weight - 61) / 13

    @cached_property
    def calcium_phosphorus(self) -> Float64s:
        """The product in the workbook: twice the ionised calcium times phosphorus."""
        return np.round(2 * self.calcium * self.phosphorus, 2)


@dataclass(frozen=True)
class Latent(PatientRows):
    """Values that determine the result of a session and have no column before it: (N,) each.

    Attributes:
        protein: protein catabolic rate, g/kg/d.
        ultrafiltration: litres to remove per kg of weight after treatment.
        height: cm.
        luck: the standard normal deviation of log Kt/V.
    """

    protein: Float64s
    ultrafiltration: Float64s
    height: Float64s
    luck: Float64s


def height_law(female: Float64s) -> tuple[Float64s, Float64s]:
    """Returns mean and SD (N,) of the height, cm."""
    return np.where(female > 0, 153.5, 165.0), np.where(female > 0, 6.0, 6.2)


def ultrafiltration(deviation: Value) -> Value:
    """Returns the ultrafiltration for a standard normal deviation."""
    return np.clip(0.040 + 0.0115 * deviation, 0.004, 0.085)
