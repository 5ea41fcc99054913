"""No recommendation breaks a rule, whatever the networks predict."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hemomodel import InputError
from hemomodel.recommender.decision_constraints import apply_constraints, task_groups
from hemomodel.schema.entries import Rule
from hemomodel.schema.output_slices import task_slices
from hemomodel.schema.schema import Schema, load_schema

SCHEMA = load_schema()
PLACE = {task.name: place for place, task in enumerate(SCHEMA.tasks)}
WIDTH = sum(task.size for task in SCHEMA.tasks)
ALL = np.ones(WIDTH, dtype=bool)


def with_rules(*rules):
    """Returns the schema with other rules."""
    return SCHEMA.model_copy(update={"rules": tuple(Rule(**rule) for rule in rules)})


def chosen(schema, in_use, probabilities):
    """Returns the recommended level (N,) of each task with levels, by column."""
    found = {}
    for tied in task_groups(schema, in_use):
        own = [probabilities[:, task_slices(schema.tasks)[place]] for place in tied.places]
        for place, given_ in zip(tied.places, apply_constraints(tied, own), strict=True):
            np.testing.assert_allclose(given_.sum(1), 1, rtol=1e-5)
            levels = np.array(schema.tasks[place].levels)
            found[schema.tasks[place].column] = levels[given_.argmax(1)]
    return found


def broken(schema, levels):
    """Returns the names of the rules about these tasks that at least one row breaks."""
    return [
        rule.name
        for rule in schema.rules
        if set(rule.columns) <= set(levels)
        and (
            ~rule.must.evaluate(levels) & (rule.when.evaluate(levels) if rule.when else True)
        ).any()
    ]


OTHERS = with_rules(
    {"name": "a", "when": "potassium == 2", "must": "calcium >= 3"},
    {"name": "b", "must": "session_time + surface_area <= 5.5"},
    {"name": "c", "when": "calcium == 3.5", "must": "session_time != 4"},
    {"name": "d", "when": "modality == 4 and anticoagulant == 0", "must": "initial_dose <= 500"},
)


@pytest.mark.parametrize("schema", [SCHEMA, OTHERS], ids=["built-in", "others"])
@settings(max_examples=60)
@given(
    probabilities=arrays(
        float, (4, WIDTH), elements=st.sampled_from([0, 1e-300, 1e-9, 0.2, 0.5, 1])
    ),
    in_use=arrays(bool, WIDTH),
)
def test_any_probabilities_give_levels_that_break_no_rule(schema, probabilities, in_use):
    assert broken(schema, chosen(schema, in_use, probabilities)) == []


@settings(max_examples=60)
@given(probabilities=arrays(float, (4, WIDTH), elements=st.floats(0, 1)), place=st.integers(0, 46))
def test_a_level_that_never_occurred_is_not_recommended(probabilities, place):
    task, level = next(
        (task, place - own.start)
        for task, own in zip(SCHEMA.tasks, task_slices(SCHEMA.tasks), strict=True)
        if own.start <= place < own.stop
    )
    in_use = ALL.copy()
    in_use[place] = task.is_value
    found = chosen(SCHEMA, in_use, probabilities)
    assert task.is_value or not (found[task.column] == task.levels[level]).any()


def test_a_dose_is_that_of_patients_with_the_recommended_anticoagulant():
    tied = next(one for one in task_groups(SCHEMA, ALL) if PLACE["anticoagulant"] in one.places)
    assert tied.places == tuple(
        PLACE[name] for name in ("anticoagulant", "initial_dose", "maintenance_dose")
    )
    agent = np.array([[0.25, 0.45, 0.30]])  # none, heparin, low-molecular-weight heparin
    initial, maintenance = np.full((1, 10), 0.07), np.full((1, 10), 0.04)
    initial[0, 0], maintenance[0, 0] = 0.37, 0.64
    heparin, first, then = apply_constraints(tied, [agent, initial, maintenance])
    np.testing.assert_allclose(heparin, agent)
    # `none` forces both doses to 0; low-molecular-weight heparin only the maintenance dose.
    assert first[0, 0] == pytest.approx((0.37 - 0.25) / 0.75)
    assert then[0, 0] == pytest.approx((0.64 - 0.55) / 0.45)
    assert then[0, 1] == pytest.approx(0.04 / 0.45)


def test_no_anticoagulant_means_no_dose_for_certain():
    tied = next(one for one in task_groups(SCHEMA, ALL) if PLACE["anticoagulant"] in one.places)
    agent = np.array([[0.5, 0.3, 0.2]])
    none, first, then = apply_constraints(tied, [agent, *np.full((2, 1, 10), 0.1)])
    assert none.argmax() == 0
    assert first[0].tolist() == then[0].tolist() == [1.0] + [0.0] * 9


def test_a_task_without_rules_keeps_its_probabilities():
    tied = next(one for one in task_groups(SCHEMA, ALL) if one.places == (PLACE["calcium"],))
    own = np.random.default_rng(0).dirichlet(np.ones(3), 5)
    np.testing.assert_allclose(apply_constraints(tied, [own])[0], own)


def test_rules_that_nothing_satisfies_are_refused():
    schema = with_rules(
        {"name": "a", "must": "calcium > 3"}, {"name": "b", "must": "calcium < potassium"}
    )
    with pytest.raises(InputError, match="levels of calcium, potassium"):
        task_groups(schema, ALL)


def test_rules_about_what_is_not_predicted_as_a_level_play_no_part():
    schema = with_rules({"name": "a", "when": "calcium == 3", "must": "blood_flow > 200"})
    assert [one.places for one in task_groups(schema, ALL) if len(one.places) > 1] == []


def test_codes_may_be_texts():
    whole = SCHEMA.model_dump()
    shift = {"name": "shift", "english": "shift", "title": "Shift", "kind": "category"}
    codes = {"am": "morning", "pm": "afternoon"}
    task = {"role": "task", "codes": codes, "task": {"kind": "classification"}}
    others = [c for c in whole["columns"] if c["english"] in ("calcium", "gender")]
    rule = {"name": "a", "when": "shift == 'am'", "must": "calcium == 3"}
    plain = {"name": "shifts", "title": "Shifts", "columns": [shift | task, *others]}
    schema = Schema.model_validate(plain | {"rules": [rule]})
    (tied,) = task_groups(schema, np.ones(5, dtype=bool))
    assert tied.allowed.tolist() == [[False, True, False], [True, True, True]]


def test_a_tie_that_compares_a_code_with_a_number_is_refused():
    shift = {"name": "shift", "kind": "category", "role": "task", "codes": {"0": "am", "1": "pm"}}
    calcium = {"name": "calcium", "kind": "number", "role": "task"}
    feature = {"name": "age", "kind": "number", "role": "feature"}
    columns = [
        shift | {"task": {"kind": "binary"}},
        calcium | {"task": {"kind": "ordinal", "levels": [2.5, 3, 3.5]}},
        feature,
    ]
    rule = {"name": "a", "when": "shift == 0", "must": "calcium == 3"}
    plain = {"name": "shifts", "title": "Shifts", "columns": columns}
    with pytest.raises(ValueError, match="'shift == 0' compares a text with a number"):
        Schema.model_validate(plain | {"rules": [rule]})
    schema = Schema.model_validate(plain | {"rules": [rule | {"when": "shift == '0'"}]})
    (tied,) = task_groups(schema, np.ones(5, dtype=bool))
    assert tied.allowed.tolist() == [[False, True, False], [True, True, True]]
