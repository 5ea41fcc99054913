"""A cohort with tasks of all five kinds trains like one with two."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from hemomodel import FitConfig, Replicates, fit
from hemomodel.balancers.equal import Equal
from hemomodel.cohort.cohort import build_cohort
from hemomodel.dataset.preparation import prepare
from hemomodel.ensemble.ensemble import average_predictions
from hemomodel.schema.schema import Schema
from hemomodel.training.loop import Training
from hemomodel.training.reference_models import fit_references, reference_losses
from hemomodel.training.reliability import reliability
from tests.support.task_kinds import of_all_kinds

SMALL = FitConfig(hidden=(8, 6, 4), epochs=2, batch_size=64)
DESIGN = Replicates(folds=3, seeds=1)


@pytest.fixture(scope="module")
def mixed(cohort):
    return of_all_kinds(cohort)


@pytest.mark.parametrize("targets", ["standard", "raw"])
def test_skill_is_the_same_in_the_targets_scale_and_in_natural_units(double, mixed, targets):
    run = fit(replace(SMALL, targets=targets), mixed, DESIGN)
    torch.testing.assert_close(run.history.skill[-1], run.scores, rtol=1e-10, atol=1e-10)


def test_every_kind_can_be_learned(mixed):
    run = fit(FitConfig(epochs=40, lr=3e-3, dropout=0.1, batch_size=32), mixed, DESIGN)
    best = run.history.skill.mean(1).amax(0).tolist()
    skill = dict(zip([task.name for task in mixed.schema.tasks], best, strict=True))
    for name in ("dialysate_flow", "calcium", "potassium"):  # count, ordinal, binary
        assert skill[name] > 0.05, name


def test_natural_predictions_say_the_same_when_read_once_more(double, mixed):
    training = Training(SMALL, prepare(mixed, DESIGN))
    natural, layout = training.scored.natural(training.outputs()), training.layout
    torch.testing.assert_close(
        layout.log_probabilities(natural), natural.masked_fill(layout.is_value, 0)
    )
    levels = natural.exp().masked_fill(layout.is_value, 0)
    torch.testing.assert_close(
        levels @ layout.member,
        (~layout.has_value).double().expand(*levels.shape[:2], -1),
    )
    count = [task.kind for task in mixed.schema.tasks].index("count")
    assert (natural[..., int(layout.starts[count])] > 0).all()


def test_the_last_column_of_an_ordered_task_is_not_used(double, mixed):
    training = Training(replace(SMALL, balancer=Equal()), prepare(mixed, DESIGN))
    layout, outputs = training.layout, training.outputs()
    ends = (layout.starts + layout.sizes - 1)[layout.ordinal.tasks]
    other = outputs.clone()
    other[..., ends] += 3
    scored = training.scored
    assert torch.equal(scored.natural(other), scored.natural(outputs))
    assert (layout.row_losses(outputs, scored.targets)[1][..., ends] == 0).all()


def test_an_ensemble_pools_ordered_levels_and_counts(double, mixed):
    training = Training(SMALL, prepare(mixed, DESIGN))
    outputs = training.layout.natural(
        training.outputs(), training.scored.offset, training.scored.spread
    )
    pooled = average_predictions(training.layout, outputs)
    ordinal = training.layout.ordinal.columns
    torch.testing.assert_close(pooled[:, ordinal].exp(), outputs[..., ordinal].exp().mean(0))
    values = training.layout.is_value
    torch.testing.assert_close(pooled[:, values], outputs[..., values].mean(0))


def test_the_bins_of_an_ordered_task_hold_its_probabilities(double, mixed):
    training = Training(SMALL, prepare(mixed, DESIGN))
    natural = training.scored.natural(training.outputs())
    bins = reliability(training.layout, natural, training.scored.scoring_targets).sum(1)
    rows = int((training.scored.scoring_targets.share[..., 0] > 0).sum())
    for task, (chance, occurred, count) in zip(mixed.schema.tasks, bins, strict=True):
        expected = (0, 0, 0) if not task.levels else (rows, rows, rows * task.size)
        assert (chance, occurred, count) == pytest.approx(expected)


SMALLEST = {
    "name": "made",
    "title": "Made up",
    "columns": [
        *({"name": name, "kind": "number", "role": "feature"} for name in ("x", "z")),
        *(
            {"name": kind, "kind": "number", "role": "task", "task": {"kind": kind, **more}}
            for kind, more in {
                "binary": {"levels": [0, 1]},
                "classification": {"levels": [0, 1, 2]},
                "ordinal": {"levels": [0, 1, 2, 3]},
                "regression": {"transform": "log"},
                "count": {},
            }.items()
        ),
    ],
    "feature_sets": {"both": [{"encode": "standardize", "columns": ["x", "z"]}]},
}


def table_of_all_kinds(rows):
    """Returns a table with gaps, whose tasks depend on its two features."""
    draw = np.random.default_rng(0)
    x, z = draw.normal(size=(2, rows))
    noise = draw.normal(size=(5, rows))
    tasks = {
        "binary": (x + noise[0] > 0).astype(float),
        "classification": np.digitize(z + noise[1], [-0.5, 0.5]).astype(float),
        "ordinal": np.digitize(x + noise[2], [-1, 0, 1.2]).astype(float),
        "regression": np.exp(x + 0.3 * noise[3]),
        "count": draw.poisson(np.exp(0.8 * z)).astype(float),
    }
    known = draw.random((5, rows)) > 0.1
    gaps = {
        name: np.where(own, values, np.nan)
        for (name, values), own in zip(tasks.items(), known, strict=True)
    }
    return pd.DataFrame({"x": x, "z": z, **gaps})


def test_another_table_with_gaps_and_a_logarithm_is_learned():
    columns = [{"english": c["name"], "title": c["name"], **c} for c in SMALLEST["columns"]]
    schema = Schema.model_validate({**SMALLEST, "columns": columns})
    cohort = build_cohort(table_of_all_kinds(300), schema, source="table", labels="partial")
    config = FitConfig(epochs=40, lr=1e-2, features="both")
    run = fit(config, cohort, DESIGN)
    assert np.isnan(cohort.labels).any(0).all()
    assert (run.history.skill.mean(1).amax(0) > 0.05).all()
    stack = prepare(cohort, DESIGN[:1], features="both")
    rows = (stack.score_rows, stack.score_counts)
    for name, model in reference_losses(stack, fit_references(stack), rows).items():
        assert name == "base_rate" or (model.metrics["skill"] > 0.05).all()
