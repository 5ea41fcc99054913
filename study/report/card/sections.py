"""The sections of a model card."""

import json
import shlex
from typing import Any

from study.analysis.comparison.arm_result import FinalistResult
from study.analysis.held_out.subgroups import MIN_UNITS
from study.cli import command_name
from study.report.card.tables import attrition_table, input_table, output_table, score_table
from study.report.card.wording import ETHICS, METRICS, NOT_USES, USES
from study.report.components.blocks import Block, Code, Notes, Prose, Section
from study.report.formatting import bilingual, model_title, number
from study.report.load import LoadedStudy
from study.report.sections.glossary import glossary
from study.report.sections.limits import ALWAYS, data_notes
from study.report.tables.calibration import temperature_table
from study.report.tables.features import feature_table
from study.report.tables.subgroups import subgroup_table
from study.report.tables.trials import pairs_table
from study.settings.analysis_plan import EXPORTED_REFERENCES

__all__ = ["card_sections", "chosen", "kind_of_model", "replicates"]

_FAMILIES = {"linear": "A regularised linear model", "forest": "A forest of extra trees"}
_NOT_THERE = "This study's folder has no scores of its ensembles. Run it again with --resume."


def card_sections(study: LoadedStudy, arm: str, outer_fold: int, place: str) -> list[Section]:
    """Returns the sections, in the order of Mitchell et al.

    Args:
        study: the study of the winner.
        arm: the arm of the winner.
        outer_fold: the outer fold of the winner.
        place: the model's path within the study's folder.
    """
    return [
        Section("details", "Model details", _details(study, arm, outer_fold)),
        Section("use", "Intended use", _use()),
        Section("factors", "Factors", _factors(study)),
        Section("metrics", "Metrics", _metrics(study)),
        Section("evaluation", "Evaluation data", _evaluation(study)),
        Section("training", "Training data", _training(study, arm)),
        Section("results", "Quantitative analyses", _results(study, arm, outer_fold)),
        Section("ethics", "Ethical considerations", (Notes(ETHICS),)),
        Section("caveats", "Caveats and recommendations", _caveats(study)),
        Section("load", "How to load and use it", _load(f"studies/{study.folder.name}/{place}")),
        glossary(),
    ]


def chosen(study: LoadedStudy, arm: str) -> list[FinalistResult]:
    """Returns the winners of an arm, one per outer fold."""
    return [finalist for finalist in study.arm(arm).finalists if finalist.chosen]


def kind_of_model(study: LoadedStudy, arm: str) -> str:
    """Returns what an exported model is, as the beginning of a sentence."""
    count = number(replicates(study, arm), 0)
    if arm in EXPORTED_REFERENCES:
        return f"{_FAMILIES[arm]} per task, as the mean of {count} fits"
    mixed = _blended_with(study)
    return f"An ensemble of {count} networks" + (f", blended with {mixed}" if mixed else "")


def replicates(study: LoadedStudy, arm: str) -> int:
    """Returns the number of replicates of an exported model."""
    if arm in EXPORTED_REFERENCES:
        return int(study.settings["folds"])
    return study.comparison.replicates or 0


def _blended_with(study: LoadedStudy) -> str:
    """Returns the model that each arm is blended with, such as "extra trees", or an empty text."""
    blend = study.settings.get("blend", "none")
    return model_title(EXPORTED_REFERENCES[blend]) if blend in EXPORTED_REFERENCES else ""


def _details(study: LoadedStudy, arm: str, outer_fold: int) -> tuple[Block, ...]:
    record = study.record
    of_model = (
        _reference_facts(study, arm)
        if arm in EXPORTED_REFERENCES
        else _network_facts(study, arm, outer_fold)
    )
    facts: dict[str, Any] = {
        **of_model,
        "study": study.folder.name,
        "feature set": study.feature_set,
        "Python": record.get("python"),
        **(record.get("versions") or {}),
        "commit": record.get("commit") or "unknown (outside git)",
    }
    return (pairs_table("What it is", facts), *_tables(study))


def _network_facts(study: LoadedStudy, arm: str, outer_fold: int) -> dict[str, Any]:
    winner = next(finalist for finalist in chosen(study, arm) if finalist.outer_fold == outer_fold)
    mixed = _blended_with(study)
    return {
        "kind": "an ensemble: the mean of the networks' predicted probabilities and values",
        **({"blended with": f"{mixed}, task by task; the weights are below"} if mixed else {}),
        "networks": f"{study.comparison.replicates}, one per fold and seed",
        "arm": arm,
        "balancer": winner.params.get("balancer", arm),
        "trial": winner.trial,
        "epochs": winner.epochs,
        **{name: value for name, value in winner.params.items() if name != "balancer"},
    }


def _reference_facts(study: LoadedStudy, arm: str) -> dict[str, Any]:
    return {
        "kind": f"a reference model: {_FAMILIES[arm].lower()} per task; no neural network",
        "fits": f"{replicates(study, arm)}, one per fold; their mean predicts",
        "software": "scikit-learn",
    }


def _tables(study: LoadedStudy) -> tuple[Block, ...]:
    outputs = output_table(study.tasks)
    if study.schema is None or study.feature_set not in study.schema.blocks_by_set:
        return (outputs,)
    return outputs, input_table(study.schema, study.feature_set)


def _use() -> tuple[Block, ...]:
    return (
        Prose("Decision support for research. It is meant for:"),
        Notes(USES),
        Prose("It is not meant for:"),
        Notes(NOT_USES),
    )


def _factors(study: LoadedStudy) -> tuple[Block, ...]:
    schema = study.schema
    if schema is None or not schema.subgroups:
        return (Prose("The schema declares no subgroups: scores are over all rows."),)
    unit = study.comparison.unit
    names = ", ".join(bilingual(s.title, schema.second_title(s)) for s in schema.subgroups)
    return (
        Prose(
            f"Scores are also given by {names}, and by pairs of these if every pair of their "
            f"levels has {MIN_UNITS} {unit} or more. Other factors (the place, the staff, the "
            "machines) are not recorded."
        ),
    )


def _metrics(study: LoadedStudy) -> tuple[Block, ...]:
    unit = study.comparison.unit
    how = (
        f"Intervals have a level of {study.level}: percentiles of a bootstrap over held-out "
        f"{unit}. The networks are fixed."
    )
    return (Notes((*METRICS, how)),)


def _evaluation(study: LoadedStudy) -> tuple[Block, ...]:
    folds = study.comparison.outer_folds
    split = (
        f"The search was repeated for each of {folds} parts of the rows. The scores are over all "
        "parts; each part is predicted by the model that did not see it."
        if folds > 1
        else "They were separated before the search."
    )
    return (
        Prose(
            f"{study.comparison.held_out} of the same table. {split} They were scored "
            "once, after every choice had been made on other rows. The model was not tested on "
            "another table."
        ),
    )


def _training(study: LoadedStudy, arm: str) -> tuple[Block, ...]:
    rows = number(study.comparison.training_rows, 0)
    choice = (
        "Regularisation was chosen by inner cross-validation on the training rows."
        if arm in EXPORTED_REFERENCES
        else "Epoch and configuration were chosen on validation rows."
    )
    blocks: list[Block] = [
        Prose(
            f"{study.settings.get('data', 'a table')}, with {rows} training rows per replicate. "
            f"{choice} The digest of the rows in the cohort is {study.record['data_digest']}."
        )
    ]
    if study.attrition is not None:
        blocks.append(attrition_table(study.attrition))
    return tuple(blocks)


def _results(study: LoadedStudy, arm: str, outer_fold: int) -> tuple[Block, ...]:
    if not {"ensemble_scores", "subgroups", "ensemble_calibration"} <= set(study.tables):
        return (Prose(_NOT_THERE),)
    blocks: list[Block] = [
        score_table(study, arm, outer_fold),
        subgroup_table(study, arm, folded=False),
    ]
    if len(study.tables["ensemble_calibration"]):
        blocks.append(temperature_table(study, (arm,), folded=False))
    if arm in set(study.tables.get("permutation", {"arm": ()})["arm"]):
        blocks.append(feature_table(study))
    return tuple(blocks)


def _caveats(study: LoadedStudy) -> tuple[Block, ...]:
    few = f"The scores are from {study.comparison.held_out}: read the intervals."
    return (Notes((*study.notes, *data_notes(study), few, *ALWAYS)),)


def _load(place: str) -> tuple[Block, ...]:
    return (
        Prose(
            "Run this in the folder that contains studies/. The model folder may be moved: it "
            "needs hemomodel, and no other file of the study. Loading it runs no code of the "
            "folder, which contains only numbers and text."
        ),
        Code(
            "import hemomodel\n\n"
            f"model = hemomodel.load({json.dumps(place, ensure_ascii=False)})\n"
            "model.recommend(frame)  # a DataFrame with the table's own columns",
            "python",
        ),
        Code(
            f"{command_name('recommend')} --model {shlex.quote(place)} --data new.xlsx "
            "--out recommendations.xlsx",
            "bash",
        ),
    )
