"""Writes `best/ARM/`: each arm's winner as an exported model, in files without code."""

from collections.abc import Sequence

from hemomodel.cohort.cohort import Cohort
from hemomodel.dataset.stack import Stack
from hemomodel.ensemble.build import build_model
from hemomodel.ensemble.fitted_model import FittedModel
from hemomodel.recommender.folder import model_files
from hemomodel.recommender.model import Model
from study.analysis.finalists import Finalist
from study.analysis.held_out.rows import Winner
from study.analysis.retrain import RetrainedFinalist
from study.store.study_folder import StudyFolder

__all__ = ["export_models"]


def export_models(
    folder: StudyFolder,
    winners: Sequence[tuple[Finalist, RetrainedFinalist]],
    stacks: Sequence[Stack],
    cohort: Cohort,
) -> list[Winner]:
    """Writes weights.safetensors, model.json and model.onnx for each winner.

    `hemomodel.load` reads the folder as a model. In a nested study each outer fold has its own
    folder, `ARM@FOLD`.

    Args:
        folder: of the study.
        winners: one per arm and outer fold.
        stacks: the training stacks with their held-out rows, one per outer fold.
        cohort: the cohort of the stacks.

    Returns:
        the models, in the order of the winners.
    """
    saved = []
    for finalist, result in winners:
        place = folder.best(finalist.arm, finalist.outer_fold, len(stacks))
        place.mkdir(parents=True, exist_ok=True)
        fitted = build_model(
            cohort,
            finalist.config,
            stacks[finalist.outer_fold],
            result.parameters,
            about={"arm": finalist.arm, "trial": finalist.number},
        )
        for file, content in model_files(fitted).items():
            folder.write_bytes(f"best/{place.name}/{file}", content)
        saved.append(_winner(finalist, fitted))
    return saved


def _winner(finalist: Finalist, fitted: FittedModel) -> Winner:
    model = Model(fitted)
    return Winner(
        arm=finalist.arm,
        outer_fold=finalist.outer_fold,
        untempered=model.predict,
        predict=model.calibrated,
        temperatures=fitted.temperatures,
    )
