"""Tables that are safe to open."""

import io

import numpy as np
import pandas as pd
import pytest

from study.report.components.end_labels import _spread
from study.report.render.table_files import to_csv, to_latex


def test_numbers_are_exact() -> None:
    values = [-0.1, 1 / 3, 1e-300]
    table = pd.read_csv(io.StringIO(to_csv(pd.DataFrame({"x": values}))))
    assert table["x"].tolist() == values


def test_latex_escapes_what_it_would_read() -> None:
    text = to_latex(pd.DataFrame({"a_b": ["50 % & \\input{x} #1 $x$ ~^"], "n": [np.nan]}), "R_1")
    body = text.split(r"\endlastfoot")[1]
    assert r"50 \% \& \textbackslash input\{x\} \#1 \$x\$ \textasciitilde \textasciicircum" in body
    assert r"\caption{R\_1}" in text
    assert body.count(r"\\") == 1


def test_labels_keep_their_order_and_their_distance() -> None:
    values = [0.0, 0.01, 0.02, 0.9, 1.0]
    places = np.array(_spread(values, 0.1))
    assert (np.diff(places) >= 0.1 - 1e-12).all()
    assert places[:3].mean() == pytest.approx(np.mean(values[:3]))
    assert _spread([0.0, 1.0], 0.1) == [0.0, 1.0]


def test_latex_has_the_numbers_and_the_signs_of_print() -> None:
    table = pd.DataFrame({"x": [-0.123456, np.nan], "n": pd.array([123456, None], dtype="Int64")})
    body = to_latex(table.assign(text=["1 ± 2", "a\n< b"]), "±").split(r"\endlastfoot")[1]
    first, second = body.strip().splitlines()[:2]
    assert first == r"$-$0.1235 & 123456 & 1 $\pm$ 2 \\"
    assert second == r"-- & -- & a \textless{} b \\"
    assert r"\caption{$\pm$}" in to_latex(table, "±")
