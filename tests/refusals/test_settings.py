# ruff: noqa: E501 - tables, one case a line
"""Settings files and schemas that are broken, hostile, or that contradict themselves."""

import pytest

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
)
YAML = {
    "a list": (b"[1, 2]", "holds no settings"),
    "a word": (b"hello", "holds no settings"),
    "a number": (b"5", "holds no settings"),
    "keys that are numbers": (b"1: 2", "holds no settings"),
    "a key that is nothing": (b"~: 2", "holds no settings"),
    "a bracket left open": (b"trials: [", "is not YAML"),
    "a quote left open": (b'name: "w', "is not YAML"),
    "a tab for a space": (b"a:\n\t- b", "is not YAML"),
    "two documents": (b"trials: 5\n---\ntrials: 6", "is not YAML"),
    "a key twice": (b"trials: 5\ntrials: 6", "'trials' stands twice"),
    "a key twice inside": (b"fit: {lr: 0.1, lr: 0.2}", "'lr' stands twice"),
    "a billion laughs": (LAUGHS.encode(), "refers to another place"),
    "a reference to itself": (b"fit: &a {x: *a}", "refers to another place"),
    "a merge": (b"fit: &a {lr: 1}\nspace:\n  <<: *a", "refers to another place"),
    "ten thousand brackets": (b"[" * 2_000, "nested too deeply|is not YAML"),
    "code to run": (b"!!python/object/apply:os.system ['touch owned']", "is not YAML"),
    "a Python object": (b"fit: !!python/object:study.settings.settings.Settings {}", "is not YAML"),
    "a Python name": (b"fit: !!python/name:os.system", "is not YAML"),
    "an unknown tag": (b"trials: !spell 5", "is not YAML"),
    "a date that is none": (b"trials: 2026-13-45", "trials is '2026-13-45'"),
    "a number that is none": (b"trials: !!int five", "is not YAML"),
    "a truth that is none": (b"nested: !!bool perhaps", "is not YAML"),
    "bytes that are none": (b"fit: !!binary '???'", "is not YAML|is b"),
    "a number of 5000 digits": (b"trials: " + b"9" * 5000, "is not YAML|trials is"),
    "a key that is a list": (b"? [a]\n: b", "is not YAML|holds no settings"),
    "UTF-16": ("trials: 5".encode("utf-16"), "cannot be read"),
    "a picture": (b"\x89PNG\r\n\x1a\n\xff", "cannot be read"),
    "zero bytes": (b"trials: 5\0", "is not YAML"),
    "two megabytes": (b"# " + b"x" * 2_000_000, "larger than"),
    "an unknown key": (b"trails: 5", "did you mean trials"),
    "an unknown key inside": (b"early_stopping: {graze: 3}", "did you mean grace"),
    "a key in capitals": (b"TRIALS: 5", "TRIALS is not a setting"),
    "a key of markup": (b"<script>: 5", "is not a setting"),
    "a key over lines": (b'"a\\nb": 5', "is not a setting"),
    "trials as a list": (b"trials: [5]", r"trials is \[5\]"),
    "trials as nothing": (b"trials: ~", "trials is None"),
    "trials as a date": (b"trials: 2026-01-01", "trials is"),
    "trials as a half": (b"trials: 2.5", "trials is 2.5"),
    "trials without end": (b"trials: .inf", "trials is inf"),
    "trials as a sum": (b"trials: 10 + 10", "trials is '10"),
    "balancers as one word": (b"balancers: equal", "balancers is 'equal'"),
    "no balancers": (b"balancers: []", "balancers is"),
    "balancers of numbers": (b"balancers: [1, 2]", "balancers.0 is 1"),
    "nested as a word": (b"nested: often", "nested is 'often'"),
    "early stopping as a number": (b"early_stopping: 3", "early_stopping is 3"),
    "a factor of one": (b"early_stopping: {factor: 1}", "factor is 1"),
    "a factor without end": (b"early_stopping: {factor: .inf}", "factor is inf"),
    "a factor that is none": (b"early_stopping: {factor: .nan}", "factor is nan"),
    "no grace": (b"early_stopping: {grace: 0}", "grace is 0"),
    "a grace beyond the end": (b"early_stopping: {grace: 50}\nfit: {epochs: 20}", "grace is 50"),
    "one fold": (b"folds: 1", "folds is 1"),
    "no seed": (b"seeds: 0", "seeds is 0"),
    "more seeds than there are": (b"seeds: 6000", "seeds is 6000"),
    "one fresh seed": (b"confirm_seeds: 1", "confirm_seeds is 1"),
    "no finalist": (b"finalists: 0", "finalists is 0"),
    "no report": (b"report_every: 0", "report_every is 0"),
    "fit as a list": (b"fit: [lr]", "fit is"),
    "space as a number": (b"space: 3", "space is 3"),
    "data as a list": (b"data: [a.csv, b.csv]", "data is"),
    "a schema as a number": (b"schema_file: 3", "schema_file is 3"),
    "a schema of nobody": (b"schema_file: nobody", "no schema 'nobody'"),
    "a schema that is a folder": (b"schema_file: /tmp/.yaml", "cannot be read|no schema"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "says"), YAML.values(), ids=YAML)
def test_a_bad_settings_file(refused, tmp_path, content, says):
    path = tmp_path / "s.yaml"
    path.write_bytes(content)
    refused("search", "--config", path, "--out", tmp_path / "studies", says=says)
    assert not (tmp_path / "owned").exists()
    assert not (tmp_path / "studies").exists()


FIT = {
    "lr without end": ("fit.lr=.inf", "lr is inf"),
    "lr that is none": ("fit.lr=.nan", "lr is nan"),
    "lr of zero": ("fit.lr=0", "lr is 0"),
    "lr below zero": ("fit.lr=-1", "lr is -1"),
    "lr in words": ("fit.lr=fast", "lr is 'fast'"),
    "lr as a truth": ("fit.lr=true", "lr is True"),
    "lr as a list": ("fit.lr=[0.1, 0.2]", "lr is"),
    "epochs of zero": ("fit.epochs=0", "epochs is 0"),
    "epochs in a billion": ("fit.epochs=1000000000", "epochs is 1000000000"),
    "epochs as a truth": ("fit.epochs=true", "epochs is True"),
    "epochs as a yes": ("fit.epochs=yes", "epochs is 'yes'"),
    "no layer": ("fit.hidden=[]", r"hidden is \[\]"),
    "a layer of nothing": ("fit.hidden=[64, 0]", "hidden.1 is 0"),
    "a layer of 10^9": ("fit.hidden=[1000000000]", "hidden.0 is 1000000000"),
    "a layer of halves": ("fit.hidden=[3.5]", "hidden.0 is 3.5"),
    "depth in words": ("fit.hidden.depth=many", "hidden.depth is 'many'"),
    "nine layers deep": ("fit.hidden.depth=9", "hidden.depth is 9"),
    "width of halves": ("fit.hidden.width1=3.5", "is 3.5"),
    "no row a batch": ("fit.batch_size=0", "batch_size is 0"),
    "weight decay below zero": ("fit.weight_decay=-1", "weight_decay is -1"),
    "all silenced": ("fit.dropout=1", "dropout is 1"),
    "an optimizer of nobody": ("fit.optimizer=sgdd", "optimizer is 'sgdd'"),
    "features of nobody": ("fit.features=all", "'all'"),
    "targets of nobody": ("fit.targets=log", "targets is 'log'"),
    "the balancer itself": ("fit.balancer=equal", "fit.balancer is no parameter"),
    "a parameter misspelt": ("fit.epoch=5", "did you mean epochs"),
    "a parameter without name": ("fit.=5", "fit. is no parameter"),
    "a number as parameter": ("fit={1: 2}", "fit.1"),
    "alpha below zero": ("fit.gradnorm.alpha=-1", "alpha is -1"),
    "alpha without end": ("fit.gradnorm.alpha=.inf", "alpha is inf"),
    "alpha of an absent arm": ("fit.cagrad.c=0.4", "belongs to cagrad, which is no arm"),
    "two log-weights": ("fit.fixed.log_weights=[1, 2]", "has 2 numbers; give 10"),
    "a log-weight in words": ("fit.fixed.log_weights.calcium=much", "is 'much'"),
    "a log-weight that is none": ("fit.fixed.log_weights.calcium=.nan", "is nan"),
    "lr reversed": ("space.lr=[0.01, 0.001]", "give low <= high"),
    "lr beyond its domain": ("space.lr=[1e-9, 1]", "give low <= high within"),
    "lr with three ends": ("space.lr=[1e-3, 2e-3, 3e-3]", r"give \[low, high\]"),
    "lr with one end": ("space.lr=[1e-3]", r"give \[low, high\]"),
    "lr of nothing": ("space.lr=[]", r"give \[low, high\]"),
    "lr from none": ("space.lr=[.nan, .nan]", "give low <= high"),
    "lr of truths": ("space.lr=[true, false]", r"give \[low, high\]"),
    "lr as a number": ("space.lr=0.01", "space.lr is 0.01"),
    "a batch outside": ("space.batch_size=[7]", "holds 7; choose from"),
    "batches of nothing": ("space.batch_size=[]", "is empty; give one"),
    "half a layer": ("space.hidden.depth=[2.5, 3]", "give whole numbers"),
    "a space misspelt": ("space.lrr=[1e-3, 1e-2]", "did you mean lr"),
    "the space of an absent arm": ("space.cagrad.c=[0.1, 0.2]", "is not searched"),
    "features searched": ("space.features=[seed]", "is not searched"),
}  # fmt: skip
BOTH = {
    "fixed and narrowed": (["fit.lr=0.01", "space.lr=[1e-3, 1e-2]"], "space.lr narrows"),
    "whole and part": (["fit.hidden=[8, 8]", "fit.hidden.width1=8"], "fixes fit.hidden.width1"),
    "fixed whole, narrowed part": (
        ["fit.hidden=[8, 8]", "space.hidden.depth=[2, 3]"],
        "narrows what fit fixes",
    ),
    "an arm taken out": (["balancers=[equal]", "fit.gradnorm.alpha=1"], "belongs to gradnorm"),
    "legacy age of other data": (
        ["legacy_age=true", "schema_file=SCHEMA"],
        "no switch 'legacy_age'",
    ),
}


@pytest.mark.parametrize(("change", "says"), FIT.values(), ids=FIT)
def test_a_bad_parameter(refused, tmp_path, change, says):
    refused("search", "--out", tmp_path / "studies", "--set", change, says=says)


@pytest.mark.parametrize(("changes", "says"), BOTH.values(), ids=BOTH)
def test_settings_that_contradict_each_other(refused, tmp_path, changes, says):
    schema = tmp_path / "apples.yaml"
    schema.write_text(APPLES, encoding="utf-8")
    (tmp_path / "apples.csv").write_text("colour,ripe\nred,1\ngreen,0\n")
    flags = [
        part for change in changes for part in ("--set", change.replace("SCHEMA", str(schema)))
    ]
    if schema.name in "".join(flags):
        flags += ["--data", str(tmp_path / "apples.csv"), "--set", "fit.features=plain"]
    refused("search", "--out", tmp_path / "studies", *flags, says=says)


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
    "empty": ("", "", "valid dictionary|should"),
    "a list": (APPLES, "- apples", "should"),
    "no columns": ("columns:", "pillars:", "columns|pillars"),
    "a column twice": ("name: ripe, english: ripe", "name: colour, english: ripe", "twice"),
    "a name of two words": ("english: ripe", "english: ripe now", "match pattern"),
    "a kind of its own": ("kind: number", "kind: colour", "kind"),
    "a role of its own": ("role: task", "role: king", "role"),
    "no task": ("role: task, task: {kind: classification, levels: [0, 1]}", "role: context",
                "at least one column of role 'task'"),
    "one level": ("levels: [0, 1]", "levels: [0]", "two levels"),
    "levels that fall": ("levels: [0, 1]", "levels: [1, 0]", "rising order"),
    "levels in words": ("levels: [0, 1]", "levels: [no, so]", "number|rising|valid"),
    "no codes": (", codes: {red: red, green: green}", "", "needs `codes`"),
    "a name that gives none": ("name: ripe, english: ripe", "name: 熟", "give `english`"),
    "codes twice over": ("codes: {red: red, green: green}", "codes: [red, red]", None),
    "a code that is a truth": ("codes: {red: red, green: green}", "codes: [true, red]", "in quotes"),
    "a flag of five levels": (
        "kind: number, role: task, task: {kind: classification, levels: [0, 1]}",
        "kind: flag, role: task, task: {kind: ordinal, levels: [0, 1, 2, 3, 4]}", "a binary task"),
    "a count of colours": (
        "kind: number, role: task, task: {kind: classification, levels: [0, 1]}",
        "kind: category, codes: [a], role: task, task: {kind: count}", "not made of a column"),
    "a transform of its own": ("levels: [0, 1]", "levels: [0, 1], transform: cube", "transform"),
    "levels with a logarithm": ("levels: [0, 1]", "levels: [0, 1], transform: log", "transform"),
    "a filter of nothing": ("feature_sets:", "filters:\n  - {name: f}\nfeature_sets:", "one of the two"),
    "a filter twice over": (
        "feature_sets:", "filters:\n  - {name: f, drop: ripe == 0, kind: all_missing, role: task}\nfeature_sets:",
        "one of the two"),
    "a filter that runs code": (
        "feature_sets:", 'filters:\n  - {name: f, drop: "ripe.__class__ == 1"}\nfeature_sets:', "may use"),
    "a filter that is no question": (
        "feature_sets:", "filters:\n  - {name: f, drop: ripe + 1}\nfeature_sets:", "not a comparison"),
    "a filter that orders texts": (
        "feature_sets:", "filters:\n  - {name: f, drop: colour < 'red'}\nfeature_sets:", "texts have no order"),
    "a filter of what is not there": (
        "feature_sets:", "filters:\n  - {name: f, drop: missing(size)}\nfeature_sets:", "not declared"),
    "a filter for other labels": (
        "feature_sets:", "filters:\n  - {name: f, drop: ripe == 0, labels: some}\nfeature_sets:", "labels"),
    "a default that is not there": (
        "feature_sets:", "default_features: rich\nfeature_sets:", "`default_features` names 'rich'"),
    "one heading for two": (
        "feature_sets:", "sections: [a, a, b]\nfeature_sets:", "section 'a' stands twice"),
    "a feature that is not there": ("columns: [colour]", "columns: [size]", "not declared"),
    "an encoding of its own": ("encode: one_hot", "encode: magic", "encode"),
    "an unknown key": ("title: Apples", "title: Apples\nsubtitle: x", "Extra inputs|subtitle"),
    "code to run": ("title: Apples", "title: !!python/name:os.system", "is not YAML"),
    "a reference": ("title: Apples", "title: &a Apples\nderived: *a", "refers to another"),
    "a formula that runs code": (
        "feature_sets:",
        'rules:\n  - {name: r, must: "__import__(\'os\').system(\'touch owned\') == 0"}\nfeature_sets:',
        "which is not declared|may use",
    ),
    "a formula that reaches in": (
        "feature_sets:",
        'rules:\n  - {name: r, must: "ripe.__class__ == 0"}\nfeature_sets:',
        "may use",
    ),
    "a formula that is none": (
        "feature_sets:", 'rules:\n  - {name: r, must: "ripe >"}\nfeature_sets:', "cannot be read"),
    "a formula without end": (
        "feature_sets:", f'rules:\n  - {{name: r, must: "{"(" * 5000}"}}\nfeature_sets:',
        "cannot be read"),
    "a power of a power": (
        "feature_sets:", 'rules:\n  - {name: r, must: "9**9**9**9**9 > ripe"}\nfeature_sets:', None),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), SCHEMAS.values(), ids=SCHEMAS)
def test_a_bad_schema(refused, tmp_path, old, new, says):
    assert old in APPLES
    path, table = tmp_path / "apples.yaml", tmp_path / "apples.csv"
    path.write_text(APPLES.replace(old, new) if old else "", encoding="utf-8")
    table.write_text("colour,ripe\nred,1\nblue,0\n")
    says = says or "is not one of the declared codes"  # what is left to refuse is the table
    refused("cohort", "describe", table, "--schema", path, says=says)
    assert not (tmp_path / "owned").exists()


DRAFTS = {
    "no table": (["nothing.csv"], "does not exist"),
    "a task that is not there": (["apples.csv", "--tasks", "colur"], "did you mean 'colour'"),
    "a task twice": (["apples.csv", "--tasks", "ripe,ripe"], "asked for twice"),
    "a task of one value": (["apples.csv", "--tasks", "kind"], "one value in all rows"),
    "a task of no value": (["apples.csv", "--tasks", "gone"], "no value"),
    "a person that is not there": (["apples.csv", "--group", "tree"], "has no column 'tree'"),
    "nothing left": (["apples.csv", "--tasks", "colour,ripe"], "no column to learn from"),
    "a file that is there": (["apples.csv", "--out", "apples.yaml"], "exists already"),
    "a file of another kind": (["apples.csv", "--out", "apples.json"], "is a .yaml file"),
    "a folder that is not there": (
        ["apples.csv", "--out", "no/apples.yaml"],
        "the folder no does not exist",
    ),
    "a header twice": (["twice.csv"], "2 columns are called 'a'"),
}


@pytest.mark.parametrize(("arguments", "says"), DRAFTS.values(), ids=DRAFTS)
def test_a_bad_draft(refused, tmp_path, arguments, says):
    rows = "red,1,apple,\ngreen,0,apple,\n" * 2
    (tmp_path / "apples.csv").write_text(f"colour,ripe,kind,gone\n{rows}")
    (tmp_path / "twice.csv").write_text("a,b,a\n1,2,3\n")
    (tmp_path / "apples.yaml").write_text(APPLES, encoding="utf-8")
    refused("cohort", "schema", *arguments, says=says)
