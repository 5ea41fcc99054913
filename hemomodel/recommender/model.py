"""A model to predict with: the networks of one configuration, calibrated, and what they know."""

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch

from hemomodel.arrays import Floats
from hemomodel.dataset.design_matrix import folded_preprocessing
from hemomodel.ensemble.build import layer_pairs
from hemomodel.ensemble.conformal import check_coverage
from hemomodel.ensemble.ensemble import Ensemble
from hemomodel.ensemble.fitted_model import FittedModel
from hemomodel.ensemble.out_of_distribution import novelty_reasons
from hemomodel.recommender.decision_constraints import TaskGroup, task_groups
from hemomodel.recommender.patient_inputs import PatientInputs, input_schema, read_inputs
from hemomodel.recommender.recommendations import headings, recommendations
from hemomodel.schema.entries import Task
from hemomodel.schema.schema import Schema
from hemomodel.tables.readers import read_frame

__all__ = ["Model"]


class Model:
    """R networks with all that was learned beside them, as one predictor.

    Attributes:
        fitted: what is stored of it.
    """

    def __init__(self, fitted: FittedModel, dtype: torch.dtype = torch.float32) -> None:
        """Makes the model ready.

        Args:
            fitted: what was learned.
            dtype: of the numbers that the networks compute with.

        Raises:
            InputError: the schema's rules leave no levels that go together.
        """
        self.fitted = fitted
        self.ensemble = Ensemble(
            fitted.schema.tasks,
            folded_preprocessing(
                fitted.schema,
                fitted.feature_set,
                fitted.design,
                fitted.learned,
                len(fitted.offset),
            ),
            layer_pairs(fitted.layers),
            (fitted.offset, fitted.spread),
            dtype,
        )
        of_fold = fitted.committees == np.unique(fitted.committees)[:, None]
        self.committees: Floats = of_fold / of_fold.sum(1, keepdims=True)
        self._matrix_type: Any = torch.empty(0, dtype=dtype).numpy().dtype.type
        self.task_groups: tuple[TaskGroup, ...] = task_groups(fitted.schema, fitted.in_use)

    def __repr__(self) -> str:
        data = self.fitted.about.get("data", {})
        return (
            f"<Model of {self.fitted.schema.name!r}: {len(self.tasks)} tasks, "
            f"{self.ensemble.replicates} replicates, {data.get('development', '?')} rows>"
        )

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The T tasks."""
        return self.fitted.schema.tasks

    @cached_property
    def input_schema(self) -> Schema:
        """What the model needs of a table."""
        return input_schema(self.fitted.schema, self.fitted.feature_set)

    def matrix(self, table: pd.DataFrame) -> Floats:
        """Returns the matrix (N, P) that the networks read; its names are `fitted.design.names`."""
        return self.fitted.design.matrix(table, self._matrix_type)

    def predict(self, table: pd.DataFrame) -> Floats:
        """Returns natural predictions (N, K): log-probabilities of levels, and values.

        Those of the networks together, before the temperatures.

        Args:
            table: N rows, as in a cohort.
        """
        return self.ensemble(self.matrix(table))

    def calibrated(self, table: pd.DataFrame) -> Floats:
        """Returns natural predictions (N, K) that mean what they say.

        A temperature was fitted for as many networks as leave a row out, one a seed: more of them
        are less sure of themselves. So it is applied to committees of so many, those of one fold,
        and the committees' mean is the prediction. Its log loss cannot be above their mean loss.
        """
        return self._calibrated(self.matrix(table))

    def _calibrated(self, matrix: Floats) -> Floats:
        return self.ensemble.calibrated(matrix, self.fitted.temperatures, self.committees)

    def recommend(self, frame: pd.DataFrame, coverage: float = 0.9) -> pd.DataFrame:
        """Recommends a prescription for each patient: decision support for research.

        Only the columns that the features need have to be there, and one that says who a row is
        may be; prescriptions are not looked at.

        Args:
            frame: N patients, in the table's own columns.
            coverage: the share of patients whose prescription lies within a set or interval.

        Returns:
            One row a patient; `column_notes` in `recommendations.py` says what the columns are.

        Raises:
            InputError: a column is missing, a value is not what the schema says, or the coverage
                is no share.
        """
        sheet = read_frame(frame, self.input_schema, source="the table")
        inputs = read_inputs(sheet, self.input_schema, switches=self.fitted.switches)
        return self.advise(inputs, coverage)

    def advise(self, inputs: PatientInputs, coverage: float = 0.9) -> pd.DataFrame:
        """Recommends for patients that are read already; see `recommend`."""
        check_coverage(coverage)
        fitted, schema = self.fitted, self.fitted.schema
        matrix = self.matrix(inputs.table)
        tempered = self._calibrated(matrix)
        reasons = novelty_reasons(
            schema, fitted.design, fitted.training_domain, inputs.table, matrix
        )
        who: dict[str, Any] = {"Row": inputs.rows}
        if inputs.ids is not None:
            who["ID"] = inputs.ids
        columns = recommendations(
            self.tasks, headings(schema), self.task_groups, tempered, fitted.scores, coverage
        )
        return pd.DataFrame(
            {
                **who,
                **columns,
                "Outside": reasons != "",
                "Reason": pd.Categorical(reasons) if len(reasons) else reasons,
            }
        )
