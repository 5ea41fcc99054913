"""A table that has nothing to do with dialysis: apple trees."""

import re

import numpy as np
import pandas as pd

from study.store.study_folder import StudyFolder

SCHEMA = """
name: orchard
title: Apples of a valley
groups: growers
notes: [All trees stand in one valley.]
feature_notes: {plain: "The features are known before the harvest."}
columns:
  - {name: Grower, english: grower, title: Grower, kind: text, role: group}
  - {name: 樹齡, english: age, title: Age of the tree, unit: years, kind: number, role: feature}
  - {name: Soil, english: soil, title: Soil, title_zh: 土壤, kind: category, role: feature,
     codes: {c: clay, s: sand}}
  - {name: Ripe, english: ripe, title: Ripe in time, title_zh: 成熟, kind: category, role: task,
     codes: {"n": not in time, "y": in time}, task: {kind: binary}}
  - {name: Sort, english: sort, title: Sort, kind: category, role: task,
     codes: {a: Alant, b: Boskoop, c: Cox}, task: {kind: classification}}
  - {name: Grade, english: grade, title: Grade, kind: number, role: task,
     task: {kind: ordinal, levels: [1, 2, 3]}}
  - {name: Yield, english: yield_kg, title: Yield, unit: kg, kind: number, role: task,
     task: {kind: regression, transform: log}}
  - {name: Pests, english: pests, title: Pests found, kind: number, role: task,
     task: {kind: count}}
feature_sets:
  plain:
    - {encode: one_hot, columns: [soil]}
    - {encode: standardize, columns: [age]}
"""


FOREIGN = re.compile(r"dialys|patient|prescri|session|clinic|mL/min|Kt/V|flows?:", re.IGNORECASE)


def trees(rows: int) -> pd.DataFrame:
    i = np.arange(rows)
    return pd.DataFrame({
        "grower": [f"g{k % 20}" for k in i],
        "age": 3.0 + i % 11,
        "soil": np.array(["c", "s"], dtype=object)[i % 2],
        "ripe": np.array(["n", "y"], dtype=object)[i % 2],
        "sort": np.array(["a", "b", "c"], dtype=object)[i % 3],
        "grade": 1.0 + i % 3,
        "yield_kg": 20.0 + i,
        "pests": 1.0 * (i % 5),
    })  # fmt: skip


def set_features(folder: StudyFolder, name: str) -> None:
    text = (folder.root / "study.yaml").read_text(encoding="utf-8")
    folder.write_text("study.yaml", text.replace("epochs: 60", f"epochs: 60\n    features: {name}"))
