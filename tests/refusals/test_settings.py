# ruff: noqa: E501 - tables, one case a line
"""Settings files and schemas that are broken, hostile or contradictory."""

import pytest

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
)
# Each case: the content of the file, and what the message names besides the file.
YAML = {
    "a list": (b"[1, 2]", ()),
    "a word": (b"hello", ()),
    "a number": (b"5", ()),
    "keys that are numbers": (b"1: 2", ()),
    "a key that is nothing": (b"~: 2", ()),
    "a bracket left open": (b"trials: [", ("line 1",)),
    "a quote left open": (b'name: "w', ("line 1",)),
    "a tab for a space": (b"a:\n\t- b", ("line 2",)),
    "two documents": (b"trials: 5\n---\ntrials: 6", ("line 2",)),
    "a key twice": (b"trials: 5\ntrials: 6", ("'trials'",)),
    "a key twice inside": (b"fit: {lr: 0.1, lr: 0.2}", ("'lr'",)),
    "a billion laughs": (LAUGHS.encode(), ("*a",)),
    "a reference to itself": (b"fit: &a {x: *a}", ("*a",)),
    "a merge": (b"fit: &a {lr: 1}\nspace:\n  <<: *a", ("*a",)),
    "ten thousand brackets": (b"[" * 2_000, ()),
    "code to run": (b"!!python/object/apply:os.system ['touch owned']", ("os.system", "line 1")),
    "a Python object": (b"fit: !!python/object:study.settings.settings.Settings {}", ("study.settings.settings.Settings", "line 1")),
    "a Python name": (b"fit: !!python/name:os.system", ("os.system", "line 1")),
    "an unknown tag": (b"trials: !spell 5", ("'!spell'", "line 1")),
    "a date that is none": (b"trials: 2026-13-45", ("trials", "'2026-13-45'")),
    "a number that is none": (b"trials: !!int five", ("'five'",)),
    "a truth that is none": (b"nested: !!bool perhaps", ("'perhaps'",)),
    "bytes that are none": (b"fit: !!binary '???'", ("fit", "b''")),
    "a number of 5000 digits": (b"trials: " + b"9" * 5000, ()),
    "a key that is a list": (b"? [a]\n: b", ("line 1",)),
    "UTF-16": ("trials: 5".encode("utf-16"), ()),
    "a picture": (b"\x89PNG\r\n\x1a\n\xff", ()),
    "zero bytes": (b"trials: 5\0", ()),
    "two megabytes": (b"# " + b"x" * 2_000_000, ("1,048,576",)),
    "an unknown key": (b"trails: 5", ("trails", "trials")),
    "an unknown key inside": (b"early_stopping: {graze: 3}", ("early_stopping.graze", "grace")),
    "a key in capitals": (b"TRIALS: 5", ("TRIALS",)),
    "a key of markup": (b"<script>: 5", ("<script>",)),
    "a key over lines": (b'"a\\nb": 5', ("a\\nb",)),
    "trials as a list": (b"trials: [5]", ("trials", "[5]")),
    "trials as nothing": (b"trials: ~", ("trials", "None")),
    "trials as a date": (b"trials: 2026-01-01", ("trials", "'2026-01-01'")),
    "trials as a half": (b"trials: 2.5", ("trials", "2.5")),
    "trials without end": (b"trials: .inf", ("trials", "inf")),
    "trials as a sum": (b"trials: 10 + 10", ("trials", "'10 + 10'")),
    "balancers as one word": (b"balancers: equal", ("balancers", "'equal'")),
    "no balancers": (b"balancers: []", ("balancers", "[]", "1")),
    "balancers of numbers": (b"balancers: [1, 2]", ("balancers.0", "1")),
    "an allocation of its own": (b"allocation: fair", ("allocation", "'fair'", "'equal'", "'joint'")),
    "nested as a word": (b"nested: often", ("nested", "'often'")),
    "early stopping as a number": (b"early_stopping: 3", ("early_stopping", "3")),
    "a factor of one": (b"early_stopping: {factor: 1}", ("early_stopping.factor", "1")),
    "a factor without end": (b"early_stopping: {factor: .inf}", ("early_stopping.factor", "inf")),
    "a factor that is none": (b"early_stopping: {factor: .nan}", ("early_stopping.factor", "nan")),
    "no grace": (b"early_stopping: {grace: 0}", ("early_stopping.grace", "0", "1")),
    "one fold": (b"folds: 1", ("folds", "1", "2")),
    "no seed": (b"seeds: 0", ("seeds", "0", "1")),
    "more seeds than there are": (b"seeds: 6000", ("seeds", "6000", "5000")),
    "one fresh seed": (b"confirm_seeds: 1", ("confirm_seeds", "1", "2")),
    "no finalist": (b"finalists: 0", ("finalists", "0", "1")),
    "no report": (b"report_every: 0", ("report_every", "0", "1")),
    "fit as a list": (b"fit: [lr]", ("fit", "['lr']")),
    "space as a number": (b"space: 3", ("space", "3")),
    "data as a list": (b"data: [a.csv, b.csv]", ("data", "['a.csv', 'b.csv']")),
    "a schema as a number": (b"schema_file: 3", ("schema_file", "3")),
}  # fmt: skip


@pytest.mark.parametrize(("content", "names"), YAML.values(), ids=YAML)
def test_a_bad_settings_file(refused, tmp_path, content, names):
    path = tmp_path / "s.yaml"
    path.write_bytes(content)
    refused("search", "--config", path, "--out", tmp_path / "studies", names=("s.yaml", *names))
    assert not (tmp_path / "owned").exists()
    assert not (tmp_path / "studies").exists()


FIT = {
    "lr without end": ("fit.lr=.inf", ("fit.lr", "inf")),
    "lr that is none": ("fit.lr=.nan", ("fit.lr", "nan")),
    "lr of zero": ("fit.lr=0", ("lr", "0")),
    "lr below zero": ("fit.lr=-1", ("lr", "-1", "0")),
    "lr in words": ("fit.lr=fast", ("lr", "'fast'")),
    "lr as a truth": ("fit.lr=true", ("fit.lr", "True")),
    "lr as a list": ("fit.lr=[0.1, 0.2]", ("lr", "[0.1, 0.2]")),
    "epochs of zero": ("fit.epochs=0", ("epochs", "0", "1")),
    "epochs in a billion": ("fit.epochs=1000000000", ("epochs", "1000000000", "100000")),
    "epochs as a truth": ("fit.epochs=true", ("fit.epochs", "True")),
    "epochs as a yes": ("fit.epochs=yes", ("epochs", "'yes'")),
    "no layer": ("fit.hidden=[]", ("hidden", "[]", "1")),
    "a layer of nothing": ("fit.hidden=[64, 0]", ("hidden.1", "0", "1")),
    "a layer of 10^9": ("fit.hidden=[1000000000]", ("hidden.0", "1000000000", "65536")),
    "a layer of halves": ("fit.hidden=[3.5]", ("hidden.0", "3.5")),
    "depth in words": ("fit.hidden.depth=many", ("fit.hidden.depth", "'many'", "1", "4")),
    "nine layers deep": ("fit.hidden.depth=9", ("fit.hidden.depth", "9", "1", "4")),
    "width of halves": ("fit.hidden.width1=3.5", ("hidden.0", "3.5")),
    "no row a batch": ("fit.batch_size=0", ("batch_size", "0", "1")),
    "decay in less than no time": (
        "fit.weight_decay_epochs=-1",
        ("weight_decay_epochs", "-1", "0"),
    ),
    "a path of 1": ("fit.linear_path=1", ("fit.linear_path", "1")),
    "noise as a flag": ("fit.input_noise=true", ("fit.input_noise", "True")),
    "all silenced": ("fit.dropout=1", ("dropout", "1")),
    "a schedule of nobody": ("fit.schedule=step", ("schedule", "'step'", "'constant'", "'cosine'")),
    "features of nobody": ("fit.features=all", ("'hemodialysis'", "'all'", "pretreatment")),
    "targets of nobody": ("fit.targets=log", ("targets", "'log'", "'standard'", "'raw'")),
    "the balancer itself": ("fit.balancer=equal", ("fit.balancer",)),
    "a parameter misspelt": ("fit.epoch=5", ("fit.epoch", "epochs")),
    "a parameter without name": ("fit.=5", ("fit.",)),
    "a number as parameter": ("fit={1: 2}", ("fit.1",)),
    "alpha misspelt": ("fit.gradnorm.alfa=5", ("fit.gradnorm.alfa", "gradnorm.alpha")),
    "alpha in words": ("fit.gradnorm.alpha=x", ("alpha", "'x'")),
    "alpha below zero": ("fit.gradnorm.alpha=-1", ("alpha", "-1", "0")),
    "alpha without end": ("fit.gradnorm.alpha=.inf", ("fit.gradnorm.alpha", "inf")),
    "alpha of an absent arm": ("fit.cagrad.c=0.4", ("fit.cagrad.c", "cagrad", "balancers")),
    "two log-weights": ("fit.fixed.log_weights=[1, 2]", ("fit.fixed.log_weights", "2", "10")),
    "a log-weight in words": ("fit.fixed.log_weights.calcium=much", ("fit.fixed.log_weights.calcium", "'much'")),
    "a log-weight that is none": ("fit.fixed.log_weights.calcium=.nan", ("fit.fixed.log_weights.calcium", "nan")),
    "lr reversed": ("space.lr=[0.01, 0.001]", ("space.lr", "[0.01, 0.001]", "0.0001", "0.03")),
    "lr beyond its domain": ("space.lr=[1e-9, 1]", ("space.lr", "[1e-09, 1]", "0.0001", "0.03")),
    "lr with three ends": ("space.lr=[1e-3, 2e-3, 3e-3]", ("space.lr", "[0.001, 0.002, 0.003]", "0.0001", "0.03")),
    "lr with one end": ("space.lr=[1e-3]", ("space.lr", "[0.001]", "0.0001", "0.03")),
    "lr of nothing": ("space.lr=[]", ("space.lr", "[]", "0.0001", "0.03")),
    "lr of words": ("space.lr=[a, b]", ("space.lr", "['a', 'b']", "0.0001", "0.03")),
    "lr from none": ("space.lr=[.nan, .nan]", ("space.lr", "[nan, nan]", "0.0001", "0.03")),
    "lr of truths": ("space.lr=[true, false]", ("space.lr", "[True, False]", "0.0001", "0.03")),
    "lr as a number": ("space.lr=0.01", ("space.lr", "0.01")),
    "a batch outside": ("space.batch_size=[7]", ("space.batch_size", "7", "8", "64")),
    "batches of nothing": ("space.batch_size=[]", ("space.batch_size",)),
    "half a layer": ("space.hidden.depth=[2.5, 3]", ("space.hidden.depth", "[2.5, 3]", "2", "4")),
    "a space misspelt": ("space.lrr=[1e-3, 1e-2]", ("space.lrr", "lr")),
    "the space of an absent arm": ("space.cagrad.c=[0.1, 0.2]", ("space.cagrad.c",)),
    "a schema of nobody": ("schema_file=nobody", ("'nobody'",)),
    "a schema in a hidden file": ("schema_file=/tmp/.yaml", ("'/tmp/.yaml'",)),
    "features searched": ("space.features=[seed]", ("space.features",)),
}  # fmt: skip
BOTH = {
    "a grace beyond the end": (
        ["early_stopping.grace=50", "fit.epochs=20"],
        ("early_stopping.grace", "50", "20"),
    ),
    "fixed and narrowed": (["fit.lr=0.01", "space.lr=[1e-3, 1e-2]"], ("space.lr", "fit")),
    "whole and part": (
        ["fit.hidden=[8, 8]", "fit.hidden.width1=8"],
        ("fit.hidden", "fit.hidden.width1"),
    ),
    "fixed whole, narrowed part": (
        ["fit.hidden=[8, 8]", "space.hidden.depth=[2, 3]"],
        ("space.hidden.depth", "fit"),
    ),
    "an arm taken out": (
        ["balancers=[equal]", "fit.gradnorm.alpha=1"],
        ("fit.gradnorm.alpha", "gradnorm", "balancers"),
    ),
    "legacy age of other data": (
        ["legacy_age=true", "schema_file=SCHEMA"],
        ("'apples'", "'legacy_age'"),
    ),
}


@pytest.mark.parametrize(("change", "names"), FIT.values(), ids=FIT)
def test_a_bad_parameter(refused, tmp_path, change, names):
    refused("search", "--out", tmp_path / "studies", "--set", change, names=names)


@pytest.mark.parametrize(("changes", "names"), BOTH.values(), ids=BOTH)
def test_settings_that_contradict_each_other(refused, tmp_path, changes, names):
    schema = tmp_path / "apples.yaml"
    schema.write_text(APPLES, encoding="utf-8")
    (tmp_path / "apples.csv").write_text("colour,ripe\nred,1\ngreen,0\n")
    flags = [
        part for change in changes for part in ("--set", change.replace("SCHEMA", str(schema)))
    ]
    if schema.name in "".join(flags):
        flags += ["--data", str(tmp_path / "apples.csv"), "--set", "fit.features=plain"]
    refused("search", "--out", tmp_path / "studies", *flags, names=names)


APPLES = """\
name: apples
title: Apples
columns:
  - {name: colour, english: colour, title: Colour, kind: category, role: feature, codes: {red: red, green: green}}
  - {name: ripe, english: ripe, title: Ripe, kind: number, role: task, task: {kind: classification, levels: [0, 1]}}
feature_sets:
  plain:
    - {encode: one_hot, columns: [colour]}
"""
SCHEMAS = {
    "empty": ("", "", ()),
    "a list": (APPLES, "- apples", ()),
    "no columns": ("columns:", "pillars:", ("columns",)),
    "a column twice": ("name: ripe, english: ripe", "name: colour, english: ripe", ("'colour'",)),
    "a name of two words": ("english: ripe", "english: ripe now", ("columns.1.english", "'ripe now'")),
    "a kind of its own": ("kind: number", "kind: colour", ("columns.1.kind", "'colour'", "'number'")),
    "a role of its own": ("role: task", "role: king", ("columns.1.role", "'king'", "'id'")),
    "no task": ("role: task, task: {kind: classification, levels: [0, 1]}", "role: context",
                ("'task'",)),
    "one level": ("levels: [0, 1]", "levels: [0]", ("columns.1",)),
    "levels that fall": ("levels: [0, 1]", "levels: [1, 0]", ("columns.1.task",)),
    "levels in words": ("levels: [0, 1]", "levels: [no, so]", ("columns.1",)),
    "no codes": (", codes: {red: red, green: green}", "", ("columns.0", "'category'", "codes")),
    "a name that gives none": ("name: ripe, english: ripe", "name: 熟", ("columns.1", "'熟'", "english")),
    "codes twice over": ("codes: {red: red, green: green}", "codes: [red, red]", ("apples.csv", "'colour'", "row 3", "'blue'", "red")),
    "a code that is a truth": ("codes: {red: red, green: green}", "codes: [true, red]", ("columns.0.codes", "True")),
    "a flag of five levels": (
        "kind: number, role: task, task: {kind: classification, levels: [0, 1]}",
        "kind: flag, role: task, task: {kind: ordinal, levels: [0, 1, 2, 3, 4]}", ("columns.1",)),
    "a count of colours": (
        "kind: number, role: task, task: {kind: classification, levels: [0, 1]}",
        "kind: category, codes: [a], role: task, task: {kind: count}", ("columns.1", "'category'")),
    "a transform of its own": ("levels: [0, 1]", "levels: [0, 1], transform: cube", ("columns.1.task.transform", "'cube'", "'none'", "'log'")),
    "levels with a logarithm": ("levels: [0, 1]", "levels: [0, 1], transform: log", ("columns.1.task",)),
    "a filter of nothing": ("feature_sets:", "filters:\n  - {name: f}\nfeature_sets:", ("filters.0", "drop", "kind")),
    "a filter twice over": (
        "feature_sets:", "filters:\n  - {name: f, drop: ripe == 0, kind: all_missing, role: task}\nfeature_sets:",
        ("filters.0", "drop", "kind")),
    "a filter that runs code": (
        "feature_sets:", 'filters:\n  - {name: f, drop: "ripe.__class__ == 1"}\nfeature_sets:', ("'f'", "'ripe.__class__'")),
    "a filter that is no question": (
        "feature_sets:", "filters:\n  - {name: f, drop: ripe + 1}\nfeature_sets:", ("'f'", "'ripe + 1'")),
    "a filter that orders texts": (
        "feature_sets:", "filters:\n  - {name: f, drop: colour < 'red'}\nfeature_sets:", ("'f'", "colour < 'red'")),
    "a filter of what is not there": (
        "feature_sets:", "filters:\n  - {name: f, drop: missing(size)}\nfeature_sets:", ("'f'", "'size'")),
    "a filter for other labels": (
        "feature_sets:", "filters:\n  - {name: f, drop: ripe == 0, labels: some}\nfeature_sets:", ("filters.0.labels", "'some'", "'complete'", "'partial'")),
    "a default that is not there": (
        "feature_sets:", "default_features: rich\nfeature_sets:", ("default_features", "'rich'")),
    "one heading for two": (
        "feature_sets:", "sections: [a, a, b]\nfeature_sets:", ("'a'",)),
    "a feature that is not there": ("columns: [colour]", "columns: [size]", ("'plain'", "'one_hot'", "'size'")),
    "an encoding of its own": ("encode: one_hot", "encode: magic", ("feature_sets.plain.0.encode", "'magic'", "'one_hot'", "'standardize'", "'pca'")),
    "an unknown key": ("title: Apples", "title: Apples\nsubtitle: x", ("subtitle", "'x'")),
    "code to run": ("title: Apples", "title: !!python/name:os.system", ("os.system", "line 2")),
    "a reference": ("title: Apples", "title: &a Apples\nderived: *a", ("*a",)),
    "a formula that runs code": (
        "feature_sets:",
        'rules:\n  - {name: r, must: "__import__(\'os\').system(\'touch owned\') == 0"}\nfeature_sets:',
        ("'r'", "__import__('os').system('touch owned')"),
    ),
    "a formula that reaches in": (
        "feature_sets:",
        'rules:\n  - {name: r, must: "ripe.__class__ == 0"}\nfeature_sets:',
        ("'r'", "'ripe.__class__'"),
    ),
    "a formula that is none": (
        "feature_sets:", 'rules:\n  - {name: r, must: "ripe >"}\nfeature_sets:', ("'ripe >'",)),
    "a formula without end": (
        "feature_sets:", f'rules:\n  - {{name: r, must: "{"(" * 5000}"}}\nfeature_sets:',
        ("((((",)),
    "a power of a power": (
        "feature_sets:", 'rules:\n  - {name: r, must: "9**9**9**9**9 > ripe"}\nfeature_sets:', ("apples.csv", "'colour'", "row 3", "'blue'", "green")),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "names"), SCHEMAS.values(), ids=SCHEMAS)
def test_a_bad_schema(refused, tmp_path, old, new, names):
    assert old in APPLES
    path, table = tmp_path / "apples.yaml", tmp_path / "apples.csv"
    path.write_text(APPLES.replace(old, new) if old else "", encoding="utf-8")
    table.write_text("colour,ripe\nred,1\nblue,0\n")
    if "apples.csv" not in names:  # the schema is valid, so the table is refused
        names = ("apples.yaml", *names)
    refused("cohort", "describe", table, "--schema", path, names=names)
    assert not (tmp_path / "owned").exists()


BLOCKS = {
    "marks of a category": ("{encode: one_hot, columns: [colour], missing: mark}", ("plain.0", "'one_hot'", "missing: mark")),
    "marks of components": ("{encode: pca, columns: [size], components: 1, missing: mark}", ("plain.0", "'pca'", "missing: mark")),
    "another answer to gaps": ("{encode: standardize, columns: [size], missing: drop}", ("plain.0.missing", "'drop'", "'mean'", "'mark'")),
    "one bin": ("{encode: piecewise_linear, columns: [size], bins: 1}", ("plain.0", "'piecewise_linear'", "bins")),
    "no bins": ("{encode: piecewise_linear, columns: [size]}", ("plain.0", "'piecewise_linear'", "bins")),
    "too many bins": ("{encode: piecewise_linear, columns: [size], bins: 33}", ("plain.0.bins", "33", "32")),
    "a half bin": ("{encode: piecewise_linear, columns: [size], bins: 2.5}", ("plain.0.bins", "2.5")),
    "bins of ranks": ("{encode: quantile, columns: [size], bins: 4}", ("plain.0", "'piecewise_linear'", "bins")),
    "ranks of colours": ("{encode: quantile, columns: [colour]}", ("'plain'", "'quantile'", "'colour'")),
    "bins of colours": ("{encode: piecewise_linear, columns: [colour], bins: 4}", ("'plain'", "'piecewise_linear'", "'colour'")),
    "bins twice": (
        ("{encode: piecewise_linear, columns: [size], bins: 2}\n"
         "    - {encode: piecewise_linear, columns: [size], bins: 4}"), ("'plain'", "'size'", "encode: piecewise_linear")),
    "marks twice": (
        ("{encode: standardize, columns: [size], missing: mark}\n"
         "    - {encode: standardize, columns: [size], missing: mark}"), ("'plain'", "'size'", "missing: mark")),
}  # fmt: skip


@pytest.mark.parametrize(("block", "names"), BLOCKS.values(), ids=BLOCKS)
def test_a_bad_block_of_features(refused, tmp_path, block, names):
    size = "  - {name: size, kind: number, role: feature}\nfeature_sets:"
    text = APPLES.replace("{encode: one_hot, columns: [colour]}", block)
    (tmp_path / "apples.yaml").write_text(text.replace("feature_sets:", size), encoding="utf-8")
    (tmp_path / "apples.csv").write_text("colour,size,ripe\nred,5,1\ngreen,7,0\n")
    arguments = ["describe", tmp_path / "apples.csv", "--schema", tmp_path / "apples.yaml"]
    refused("cohort", *arguments, names=("apples.yaml", *names))


DRAFTS = {
    "no table": (["nothing.csv"], ("nothing.csv",)),
    "a task that is not there": (
        ["apples.csv", "--tasks", "colur"],
        ("apples.csv", "'colur'", "'colour'"),
    ),
    "a task twice": (["apples.csv", "--tasks", "ripe,ripe"], ("apples.csv", "'ripe'")),
    "a task of one value": (["apples.csv", "--tasks", "kind"], ("apples.csv", "'kind'")),
    "a task of no value": (["apples.csv", "--tasks", "gone"], ("apples.csv", "'gone'")),
    "a person that is not there": (["apples.csv", "--group", "tree"], ("apples.csv", "'tree'")),
    "nothing left": (["apples.csv", "--tasks", "colour,ripe"], ("apples.csv",)),
    "a file that is there": (["apples.csv", "--out", "apples.yaml"], ("apples.yaml",)),
    "a file of another kind": (["apples.csv", "--out", "apples.json"], ("apples.json", ".yaml")),
    "a folder that is not there": (
        ["apples.csv", "--out", "no/apples.yaml"],
        ("no/apples.yaml",),
    ),
    "a header twice": (["twice.csv"], ("twice.csv", "'a'")),
}


@pytest.mark.parametrize(("arguments", "names"), DRAFTS.values(), ids=DRAFTS)
def test_a_bad_draft(refused, tmp_path, arguments, names):
    rows = "red,1,apple,\ngreen,0,apple,\n" * 2
    (tmp_path / "apples.csv").write_text(f"colour,ripe,kind,gone\n{rows}")
    (tmp_path / "twice.csv").write_text("a,b,a\n1,2,3\n")
    (tmp_path / "apples.yaml").write_text(APPLES, encoding="utf-8")
    refused("cohort", "schema", *arguments, names=names)
