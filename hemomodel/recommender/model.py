"""A model that predicts: the calibrated networks of one configuration and their schema."""

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch

from hemomodel.arrays import Floats
from hemomodel.ensemble.conformal import check_coverage
from hemomodel.ensemble.ensemble import Ensemble
from hemomodel.ensemble.fitted_model import FittedModel
from hemomodel.ensemble.out_of_distribution import novelty_reasons
from hemomodel.ensemble.predictors import predictor_of
from hemomodel.recommender.decision_constraints import TaskGroup, task_groups
from hemomodel.recommender.patient_inputs import PatientInputs, input_schema, read_inputs
from hemomodel.recommender.recommendations import headings, recommendations
from hemomodel.schema.entries import Task
from hemomodel.schema.schema import Schema
from hemomodel.tables.readers import read_frame

__all__ = ["Model"]


class Model:
    """R replicates with preprocessing, calibration and training domain, as one predictor.

    Attributes:
        fitted: the stored part of the model.
    """

    def __init__(self, fitted: FittedModel, dtype: torch.dtype = torch.float32) -> None:
        """Prepares the model for predictions.

        Args:
            fitted: the stored part of the model.
            dtype: of the networks' computation.

        Raises:
            InputError: the schema's rules allow no combination of levels, or there are too many
                combinations to check.
        """
        self.fitted = fitted
        self.ensemble = Ensemble(fitted.schema.tasks, predictor_of(fitted, dtype), dtype)
        of_fold = fitted.committees == np.unique(fitted.committees)[:, None]
        self.committees: Floats = of_fold / of_fold.sum(1, keepdims=True)
        self._matrix_type: Any = torch.empty(0, dtype=dtype).numpy().dtype.type
        self.task_groups: tuple[TaskGroup, ...] = task_groups(fitted.schema, fitted.in_use)

    def __repr__(self) -> str:
        data = self.fitted.about.get("data", {})
        return (
            f"<Model of {self.fitted.schema.name!r}: {len(self.tasks)} tasks, "
            f"{self.ensemble.predictor.replicates} replicates, {data.get('development', '?')} rows>"
        )

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The T tasks."""
        return self.fitted.schema.tasks

    @cached_property
    def input_schema(self) -> Schema:
        """The schema of the columns that the model needs."""
        return input_schema(self.fitted.schema, self.fitted.feature_set)

    def matrix(self, table: pd.DataFrame) -> Floats:
        """Returns the networks' input matrix (N, P); its columns are `fitted.design.names`."""
        return self.fitted.design.matrix(table, self._matrix_type)

    def predict(self, table: pd.DataFrame) -> Floats:
        """Returns natural predictions (N, K): log-probabilities of levels, and values.

        They are means over all networks, before temperature scaling.

        Args:
            table: N rows, as in a cohort.
        """
        return self.ensemble(self.matrix(table))

    def calibrated(self, table: pd.DataFrame) -> Floats:
        """Returns calibrated natural predictions (N, K).

        A temperature was fitted for the mean of the networks that did not train on a row, one per
        seed. The mean of more networks is less confident. So the temperature is applied to
        committees of the same number of networks, those of one fold. The prediction is the mean
        over the committees. Its log loss cannot exceed the mean loss of the committees.
        """
        return self._calibrated(self.matrix(table))

    def _calibrated(self, matrix: Floats) -> Floats:
        return self.ensemble.calibrated(matrix, self.fitted.temperatures, self.committees)

    def recommend(self, frame: pd.DataFrame, coverage: float = 0.9) -> pd.DataFrame:
        """Recommends a prescription for each patient: decision support for research.

        Only the columns that the features need are required. A column that identifies the patient
        is optional. Prescriptions are not read.

        Args:
            frame: N patients, with the columns of the table.
            coverage: the share of patients whose prescription is in a set or interval.

        Returns:
            One row per patient; `column_notes` in `recommendations.py` describes the columns.

        Raises:
            InputError: a column is missing, a value does not match the schema, or the coverage
                is not between 0 and 1.
        """
        sheet = read_frame(frame, self.input_schema, source="the table")
        inputs = read_inputs(sheet, self.input_schema, switches=self.fitted.switches)
        return self.advise(inputs, coverage)

    def advise(self, inputs: PatientInputs, coverage: float = 0.9) -> pd.DataFrame:
        """Recommends for patients that were already read; see `recommend`."""
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
