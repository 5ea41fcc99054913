"""Writes `best/`: each arm's winner and the reference models, in files without code."""

from collections.abc import Sequence

from hemomodel.cohort.cohort import Cohort
from hemomodel.dataset.stack import Stack
from hemomodel.ensemble.build import build_model, build_reference_model
from hemomodel.ensemble.fitted_model import FittedModel, ReferencePart
from hemomodel.recommender.folder import model_files
from hemomodel.recommender.model import Model
from study.analysis.finalists import Finalist
from study.analysis.held_out.rows import Winner
from study.analysis.retrain import FittedReferences, RetrainedFinalist
from study.settings.analysis_plan import EXPORTED_REFERENCES
from study.store.study_folder import StudyFolder

__all__ = ["export_models", "export_references"]


def export_models(
    folder: StudyFolder,
    winners: Sequence[tuple[Finalist, RetrainedFinalist]],
    stacks: Sequence[Stack],
    cohort: Cohort,
    blended: Sequence[ReferencePart | None],
) -> list[Winner]:
    """Writes weights.safetensors, model.json and model.onnx for each winner.

    `hemomodel.load` reads the folder as a model. In a nested study each outer fold has its own
    folder, `ARM@FOLD`.

    Args:
        folder: of the study.
        winners: one per arm and outer fold.
        stacks: the training stacks with their held-out rows, one per outer fold.
        cohort: the cohort of the stacks.
        blended: the reference model to blend with the networks, or None, one per outer fold.

    Returns:
        the models, in the order of the winners.
    """
    saved = []
    for finalist, result in winners:
        fitted = build_model(
            cohort,
            finalist.config,
            stacks[finalist.outer_fold],
            result.parameters,
            about={"arm": finalist.arm, "trial": finalist.number},
            blend=blended[finalist.outer_fold],
        )
        saved.append(_save(folder, finalist.arm, finalist.outer_fold, len(stacks), fitted))
    return saved


def export_references(
    folder: StudyFolder,
    references: Sequence[FittedReferences],
    stacks: Sequence[Stack],
    cohort: Cohort,
    features: str,
) -> list[Winner]:
    """Writes the files of the exported reference models, as `export_models` does.

    Args:
        folder: of the study.
        references: one per outer fold.
        stacks: the folds that they were fitted on, with their held-out rows, one per outer fold.
        cohort: the cohort of the stacks.
        features: the feature set.

    Returns:
        the models.
    """
    saved = []
    for outer_fold, (fitted, stack) in enumerate(zip(references, stacks, strict=True)):
        for name, part in fitted.parts.items():
            about = {"reference": EXPORTED_REFERENCES[name]}
            model = build_reference_model(cohort, features, stack, part, about=about)
            saved.append(_save(folder, name, outer_fold, len(stacks), model))
    return saved


def _save(
    folder: StudyFolder, name: str, outer_fold: int, outer_folds: int, fitted: FittedModel
) -> Winner:
    """Writes a model folder, and returns its model as a predictor."""
    place = folder.best(name, outer_fold, outer_folds)
    place.mkdir(parents=True, exist_ok=True)
    for file, content in model_files(fitted).items():
        folder.write_bytes(f"best/{place.name}/{file}", content)
    model = Model(fitted)
    return Winner(
        arm=name,
        outer_fold=outer_fold,
        untempered=model.predict,
        predict=model.calibrated,
        temperatures=fitted.temperatures,
        reference_weights=fitted.reference.weights if fitted.reference else None,
    )
