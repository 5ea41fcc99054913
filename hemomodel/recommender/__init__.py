"""Recommends prescriptions: a model folder on disk, and its predictions as a table.

Input: a fitted model or its folder. Output: recommendations per patient.
Read `model.py` first, then `recommendations.py` and `decision_constraints.py`.
Names that need torch are loaded on first use.
"""

from typing import TYPE_CHECKING

from hemomodel.lazy import lazy_names

if TYPE_CHECKING:
    from hemomodel.recommender.batch import BatchResult, check_request, recommend_file
    from hemomodel.recommender.folder import load, model_files
    from hemomodel.recommender.model import Model
    from hemomodel.recommender.onnx import to_onnx
    from hemomodel.recommender.patient_inputs import PatientInputs, read_inputs
    from hemomodel.recommender.recommendations import DISCLAIMER

__all__ = [
    "DISCLAIMER",
    "BatchResult",
    "Model",
    "PatientInputs",
    "check_request",
    "load",
    "model_files",
    "read_inputs",
    "recommend_file",
    "to_onnx",
]

__getattr__ = lazy_names(
    __name__,
    {
        "BatchResult": "batch",
        "DISCLAIMER": "recommendations",
        "Model": "model",
        "PatientInputs": "patient_inputs",
        "check_request": "batch",
        "load": "folder",
        "model_files": "folder",
        "read_inputs": "patient_inputs",
        "recommend_file": "batch",
        "to_onnx": "onnx",
    },
)
