"""A small schema with every kind of column."""

from hemomodel.schema.schema import Schema
from hemomodel.schema.strict_yaml import parse_yaml

FIELDS = """
name: fields
title: Fields
columns:
  - {name: Wet, kind: flag, role: feature}
  - {name: Sown on, kind: date, role: feature}
  - {name: Soil, kind: one_hot, role: feature, codes: {soil=1: clay, soil=2: sand, soil=3: loam}}
  - {name: 作物, english: crop, kind: category, role: task, codes: [wheat, rye, No],
     task: {kind: classification}}
  - {name: Grade, kind: category, role: task, codes: {C: poor, B: fair, A: good},
     task: {kind: ordinal, levels: [C, B, A]}}
  - {name: Sold, kind: flag, role: task, task: {kind: binary}}
  - {name: Slope, kind: one_hot, role: task, codes: [flat, steep], task: {kind: binary}}
  - {name: Yield, kind: number, role: task, unit: t, task: {kind: regression, transform: log}}
  - {name: Weeds, kind: number, role: task, task: {kind: count}}
"""


def schema(text: str = FIELDS) -> Schema:
    return Schema.model_validate(parse_yaml(text, "t"))
