"""Temperature scaling: calibrates the probabilities of an ensemble.

One temperature per task divides the log-probabilities of an ensemble. It maximises the likelihood
of rows that are predicted only by replicates that were not trained on them (Guo et al., "On
Calibration of Modern Neural Networks", ICML 2017, section 4.2). It does not change the order of the
levels.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from hemomodel.arrays import Floats
from hemomodel.schema.entries import Task
from hemomodel.schema.output_slices import is_value_mask, task_slices

__all__ = ["apply_temperatures", "fit_temperatures"]

_COLDEST = 0.2  # a few labels, all predicted correctly, would give a temperature of zero
_HOTTEST = 50.0


def fit_temperatures(
    tasks: Sequence[Task], predicted: Floats, labels: Floats, known: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Returns the temperatures (T,), within 0.2 and 50; 1 for values and for tasks without a label.

    Args:
        tasks: the T tasks.
        predicted: (n, K), natural predictions for rows that were not used in training.
        labels: (n, K), one-hot levels.
        known: (n, T), whether a row has a label of a task.
    """
    temperatures = np.ones(len(tasks))
    for place, (task, columns) in enumerate(zip(tasks, task_slices(tasks), strict=True)):
        rows = known[:, place]
        if not task.is_value and rows.any():
            temperatures[place] = _temperature(predicted[rows, columns], labels[rows, columns])
    return temperatures


def _temperature(predicted: Floats, labels: Floats) -> float:
    log_p, right = predicted.astype(np.float64), labels.argmax(1)

    def loss(log_cold: float) -> float:
        scaled = log_p * np.exp(log_cold)
        hit = scaled[np.arange(len(right)), right]
        return float((np.logaddexp.reduce(scaled, axis=1) - hit).mean())

    bounds = (-np.log(_HOTTEST), -np.log(_COLDEST))
    best = minimize_scalar(loss, bounds=bounds, method="bounded")
    return float(np.exp(-best.x))


def apply_temperatures(tasks: Sequence[Task], predicted: Floats, temperatures: Floats) -> Floats:
    """Returns natural predictions (n, K) with each task's temperature applied; values unchanged.

    Args:
        tasks: the T tasks.
        predicted: (n, K), log-probabilities and values.
        temperatures: (T,).
    """
    sizes = [task.size for task in tasks]
    starts = np.cumsum([0, *sizes[:-1]])
    scaled = predicted / np.repeat(temperatures, sizes).astype(predicted.dtype)
    total = np.logaddexp.reduceat(scaled, starts, axis=1)
    return np.where(is_value_mask(tasks), predicted, scaled - np.repeat(total, sizes, axis=1))
