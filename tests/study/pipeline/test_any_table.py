"""Any table, from its schema to a verdict, cards and recommendations."""

import json

import pandas as pd
import pytest

from hemomodel import load
from hemomodel.recommender.recommendations import headings
from hemomodel.schema.schema import load_schema
from hemomodel.tables.readers import read_file
from tests.support.orchard import SCHEMA, trees
from tests.support.paths import ROOT
from tests.support.studies import run

DATA = ROOT.parent / "shared" / "data"
REAL = {"pbcseq": "pbcseq.csv", "jura": "jura.arff", "nhanes": "nhanes_adults.csv"}
MOST = 1000  # rows
MODELS = ["equal", "forest", "gradnorm", "linear"]
SHORTEST = [
    *("--trials", 2, "--balancers", "equal,gradnorm", "--wandb", "disabled"),
    *("--set", "labels=partial", "--set", "early_stopping=null", "--set", "startup_trials=1"),
    *("--set", "folds=2", "--set", "seeds=1", "--set", "confirm_seeds=2", "--set", "finalists=1"),
    *("--set", "fit.epochs=2", "--set", "fit.hidden=[8]", "--set", "blend=linear"),
]


@pytest.fixture(
    params=[
        pytest.param("orchard", marks=pytest.mark.slow),
        *(pytest.param(name, marks=pytest.mark.thorough) for name in REAL),
    ]
)
def table(request, tmp_path):
    """Returns a table and its schema: a made-up one with all five kinds of task, or a real one."""
    if request.param == "orchard":
        data, schema = tmp_path / "apples.csv", tmp_path / "orchard.yaml"
        schema.write_text(SCHEMA, encoding="utf-8")
        header = {column.english: column.name for column in load_schema(schema).columns}
        trees(120).rename(columns=header).to_csv(data, index=False)
        return data, schema
    data = DATA / REAL[request.param]
    if not data.is_file():
        pytest.skip(f"{data.name} is not on this machine")
    if data.suffix == ".csv":  # the largest would take as long as the others together
        begin = data.read_text(encoding="utf-8").splitlines()[: 1 + MOST]
        data = tmp_path / data.name
        data.write_text("\n".join(begin), encoding="utf-8")
    return data, ROOT / "configs" / "schemas" / f"{request.param}.yaml"


def test_a_table_goes_from_its_schema_to_recommendations(table, tmp_path, search_here):
    data, schema = table
    printed = search_here(
        *SHORTEST, "--data", data, "--set", f"schema_file={schema}",
        "--out", tmp_path, "--name", "s",
    )  # fmt: skip
    folder = tmp_path / "s"
    comparison = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    assert comparison["verdict"] in " ".join(printed.split())
    assert {arm["arm"] for arm in comparison["arms"]} == {"equal", "gradnorm"}
    assert comparison["verdict"] in (folder / "report.md").read_text(encoding="utf-8")
    assert sorted(path.name for path in (folder / "best").iterdir()) == MODELS
    for place in (folder / "best").iterdir():
        card = (place / "card.md").read_text(encoding="utf-8")
        assert ("blended with" in card) == (place.name in {"equal", "gradnorm"})
        assert all(name.english in card for name in headings(load_schema(schema)))
        assert (place / "card.html").exists()
    out = tmp_path / "advice.parquet"
    run("recommend.py", "--model", folder / "best" / "gradnorm", "--data", data, "--out", out)
    advice, model = pd.read_parquet(out), load(folder / "best" / "gradnorm")
    assert len(advice) == read_file(data, model.input_schema, tasks=False).size
    for name in headings(load_schema(schema)):
        assert advice[name.column()].notna().all()
