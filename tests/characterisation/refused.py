"""What is refused, and in which words."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import chdir
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import bestline as bl
from characterisation.cases import case, line, table


def asked(what: Callable[[], Any]) -> Any:
    """What it refuses by, or what kind of thing it gives."""
    try:
        found = what()
    except (
        bl.errors.BestlineError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RuntimeError,
        OSError,
        ArithmeticError,
    ) as refused:
        return refused
    return found if isinstance(found, str | int | float) else f"gives a {type(found).__name__}"


def own(what: Callable[[], Any]) -> Any:
    """The same, where another library may have found the fault first: its words are its own affair."""
    said = asked(what)
    return said if isinstance(said, str | bl.errors.BestlineError) else type(said).__name__


def case_of(name: str, questions: dict[str, Callable[[], Any]]) -> None:
    case(f"refused: {name}", lambda: {question: asked(what) for question, what in questions.items()})


def fits(**how: Any) -> Callable[[], Any]:
    formula = how.pop("formula", "y ~ x1 + x2")
    return lambda: bl.fit(table(), formula, **how)


# -- fit -----------------------------------------------------------------------------------------------------------------

FITS: dict[str, dict[str, Any]] = {
    "an unknown penalty to choose": {"cv": "net"},
    "cv and a solver": {"cv": "ridge", "solver": "sgd"},
    "cv and l2": {"cv": "ridge", "l2": 0.1},
    "cv of another loss": {"cv": "lasso", "loss": "huber"},
    "factors without names": {"l1": 0.1, "penalty_factors": [1, 2]},
    "factors of nobody": {"l1": 0.1, "penalty_factors": {"x9": 1}},
    "a negative factor": {"l1": 0.1, "penalty_factors": {"x1": -1}},
    "an infinite factor": {"l1": 0.1, "penalty_factors": {"x1": np.inf}},
    "factors that free all": {"l1": 0.1, "penalty_factors": {"x1": 0, "x2": 0}},
    "an unknown device": {"device": "tpu"},
    "rows one at a time on a device": {"device": "cuda", "solver": "stochastic"},
    "no forward function": {"forward": 3},
    "a negative l2": {"l2": -0.1},
    "l1 that is a word": {"l1": "much"},
    "l1 that is a truth": {"l1": True},
    "digits beyond 15": {"digits": 16},
    "digits below 0": {"digits": -1},
    "digits in parts": {"digits": 2.5},
    "least squares by its solver's name": {"solver": "newton"},
    "a solver by its class": {"solver": "asgd"},
    "an optimiser made already": {"solver": bl.Exact, "steps": 3},
    "steps below 0": {"solver": "sgd", "steps": -1},
    "steps in parts": {"solver": "sgd", "steps": 1.5},
    "no rows in a batch": {"solver": "sgd", "steps": 2, "batch_size": 0},
    "no patience": {"solver": "sgd", "steps": 2, "patience": 0},
    "a rate of 0": {"solver": "sgd", "lr": 0},
    "an infinite rate": {"solver": "sgd", "lr": np.inf},
    "a rate in words": {"solver": "sgd", "lr": "fast"},
    "a negative tolerance": {"solver": "sgd", "tol": -1.0},
    "L-BFGS on slices": {"solver": "lbfgs", "batch_size": 4},
    "an unknown schedule": {"solver": "sgd", "schedule": "sine", "steps": 5},
    "a schedule without steps": {"solver": "sgd", "schedule": "cosine"},
    "a schedule that is none": {"solver": "sgd", "schedule": 3, "steps": 5},
    "a rate of the exact solver": {"solver": "exact", "lr": 0.1},
    "an option of two solvers": {"solver": "proximal", "power": 0.3},
    "an option of another library": {"alpha": 0.1},
    "a misspelt option": {"weigths": "w"},
    "another misspelt option": {"standardise": False},
    "an unknown loss": {"loss": "logistic"},
    "huber without an edge": {"loss": "huber:-1"},
    "a quantile beyond 1": {"loss": "quantile:1.5"},
    "a quantile that is a word": {"loss": "quantile:half"},
    "a number for a loss that takes none": {"loss": "absolute:2"},
    "exact for another loss": {"solver": "exact", "loss": "huber"},
    "a start of too few": {"solver": "sgd", "steps": 1, "start": [1, 2]},
    "a start of other names": {"solver": "sgd", "steps": 1, "start": {"x9": 1}},
    "a start with a name left out": {"solver": "sgd", "steps": 1, "start": {"x1": 1}},
    "a start of words": {"solver": "sgd", "steps": 1, "start": ["a", "b", "c"]},
    "an infinite start": {"solver": "sgd", "steps": 1, "start": [1, 2, np.nan]},
    "shares beyond 1": {"split": (0.7, 0.7)},
    "shares below 0": {"split": (1.2, -0.2)},
    "shares of four parts": {"split": (0.4, 0.2, 0.2, 0.2)},
    "a split that is a word": {"split": "half"},
    "one fold": {"folds": 1},
    "more folds than rows": {"folds": 100},
    "folds of no column": {"folds": "nowhere"},
    "a negative seed": {"seed": -1},
    "a seed in words": {"seed": "now"},
    "weights of no column": {"weights": "nowhere"},
    "weights below 0": {"weights": "x1"},
    "missing values treated otherwise": {"missing": "ignore"},
    "no column": {"formula": "y ~ x9"},
    "two letters the other way round": {"formula": "y ~ 1x"},
    "a line of nothing": {"formula": "y ~ 0"},
    "a side too many": {"formula": "y ~ x1 ~ x2"},
    "an open bracket": {"formula": "y ~ log(x2"},
    "a function that there is not": {"formula": "y ~ sinh(x1)"},
    "a logarithm of what is below 0": {"formula": "y ~ log(x1)"},
    "a category as the target": {"formula": "g ~ x1"},
    "a level of nobody": {"formula": "y ~ C(g, Treatment('q'))"},
    "a target among the features": {"formula": "y ~ y + x1"},
    "too high a degree": {"formula": "y ~ poly(x1, 60)"},
    "a degree of 0": {"formula": "y ~ poly(x1, 0)"},
    "a power of words": {"formula": "y ~ g**x1"},
    "a category multiplied": {"formula": "y ~ I(g * 2)"},
}
case_of("fit", {name: fits(**how) for name, how in FITS.items()})


def told_of_slips(*named: str) -> dict[str, Any]:
    return {name: asked(fits(**{name: 1})) for name in named}


OTHERS = (
    "alpha C penalty learning_rate eta0 epochs n_epochs max_iter n_iter cov vcov robust cluster family link optimizer "
    "sample_weight weight fit_intercept intercept normalize scale standardise random_state batch batchsize tolerance "
    "momentum beta verbose n_jobs callbacks validation_split val early_stopping degree knots dropna na"
)
case("refused: options of others", partial(told_of_slips, *OTHERS.split()))

# -- data ----------------------------------------------------------------------------------------------------------------


def columns(**given: Any) -> Callable[[], Any]:
    return lambda: bl.fit({"x": [1.0, 2.0, 4.0], "y": [1.0, 3.0, 2.0]} | given, "y ~ x")


DATA: dict[str, Callable[[], Any]] = {
    "nothing": lambda: bl.fit(None, "y ~ x"),
    "a number": lambda: bl.fit(3, "y ~ x"),
    "no rows": lambda: bl.fit({"x": [], "y": []}, "y ~ x"),
    "one row": lambda: bl.fit({"x": [1.0], "y": [2.0]}, "y ~ x"),
    "columns of two lengths": columns(x=[1.0, 2.0]),
    "an infinite cell": columns(x=[1.0, np.inf, 3.0]),
    "a missing cell": columns(x=[1.0, np.nan, 3.0]),
    "complex numbers": columns(x=[1j, 2.0, 3.0]),
    "a column of columns": columns(x=np.zeros((3, 2))),
    "a column of mappings": columns(x=[{}, {}, {}]),
    "words and numbers": columns(x=[1.0, "a", 3.0]),
    "no values at all": columns(x=[None, None, None]),
    "a set": lambda: bl.fit({1, 2}, "y ~ x"),
    "an array of three dimensions": lambda: bl.fit((np.zeros((3, 2, 2)), np.zeros(3))),
    "too few targets": lambda: bl.fit((np.zeros((3, 2)), np.zeros(2))),
    "a structured array": lambda: bl.fit(np.zeros(3, dtype=[("x", float), ("y", float)]), "y ~ x"),
    "an empty list of paths": lambda: bl.fit([], "y ~ x"),
    "paths and other things": lambda: bl.fit(["a.csv", 3], "y ~ x"),
    "an empty path": lambda: bl.fit("", "y ~ x"),
    "a path with NUL": lambda: bl.fit("a\0.csv", "y ~ x"),
    "no file": lambda: bl.fit("nowhere.csv", "y ~ x"),
    "no file of a pattern": lambda: bl.fit("nowhere-*.csv", "y ~ x"),
    "a scheme of nobody": lambda: bl.fit("xyz://a/b.csv", "y ~ x"),
    "a sample of another name": lambda: bl.samples.path("pinguins"),
    "a lesson of another name": lambda: bl.synthetic.lesson("crash"),
    "a line of no size": lambda: bl.synthetic.line(slope=1, x="normal:0,1", n=0),
    "a line of an infinite slope": lambda: bl.synthetic.line(slope=np.inf, x="normal:0,1", n=5),
    "a distribution of nobody": lambda: bl.synthetic.line(slope=1, x="cauchy:0,1", n=5),
    "a distribution without numbers": lambda: bl.synthetic.line(slope=1, x="normal", n=5),
    "a range backwards": lambda: bl.synthetic.line(slope=1, x="range:1,0,5"),
    "a function that is none": lambda: bl.synthetic.line(f=3, x="normal:0,1", n=5),
    "a negative spread": lambda: bl.synthetic.line(slope=1, x="normal:0,-1", n=5),
}
case_of("data", DATA)


def files(content: bytes, name: str = "t.csv", formula: str = "y ~ x", **how: Any) -> Any:
    """A file of this content, fitted in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path(name).write_bytes(content)
        return asked(lambda: list(bl.fit(name, formula, **how).params))


FILES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "an empty file": (b"", {}),
    "a header alone": (b"x,y\n", {}),
    "a name twice": (b"x,x,y\n1,2,3\n2,3,5\n", {}),
    "a row too short": (b"x,y\n1,2\n2\n3,4\n", {}),
    "a row too long": (b"x,y\n1,2\n2,3,4\n3,4\n", {}),
    "a word among numbers": (b"x,y\n1,2\n2,3\nthree,4\n5,7\n6,7\n7,7\n8,8\n9,9\n10,9\n11,12\n12,13\n", {}),
    "an open quote": (b'x,y\n1,2\n"2,3\n3,4\n', {}),
    "not text": (b"\x00\x01\x02\x03" * 40, {}),
    "a broken archive": (b"\x1f\x8b\x08\x00broken", {"name": "t.csv.gz"}),
    "no Parquet": (b"PAR1 and nothing", {"name": "t.parquet"}),
    "a spreadsheet": (b"PK\x03\x04" + b"\0" * 60, {"name": "t.xlsx"}),
    "an unknown ending": (b"x,y\n1,2\n", {"name": "t.sav"}),
    "an empty cell": (b"x,y\n1,2\n,3\n3,4\n", {}),
    "no such column": (b"a,y\n1,2\n2,3\n3,5\n", {}),
    "a column of nothing": (b"x,y\n,2\n,3\n,4\n", {}),
    "percents": (b"x,y\n1%,2\n2%,3\n4%,5\n", {}),
    "units": (b"x,y\n1 kg,2\n2 kg,3\n4 kg,5\n", {}),
    "money": (b"x,y\n$1,2\n$2,3\n$4,5\n", {}),
    "thousands": (b'x,y\n"1,000",2\n"2,000",3\n"4,500",5\n', {}),
    "decimal commas": (b"x;y\n1,5;2\n2,5;3\n4,25;5\n", {}),
    "dates": (b"x,y\n2020-01-01,2\n2020-01-02,3\n2020-01-05,5\n", {}),
    "large whole numbers": (b"x,y\n9007199254740993,2\n9007199254740995,3\n9007199254740999,5\n", {}),
    "codes": (b"x,y\n007,2\n012,3\n099,5\n007,6\n012,7\n", {}),
    "brackets": (b"x,y\n(1),2\n2,3\n(4),5\n", {}),
    "a byte-order mark": ("\ufeffx,y\n1,2\n2,3\n4,5\n".encode(), {}),
    "two bytes a letter": ("x,y\n1,2\n2,3\n4,5\n".encode("utf-16"), {}),
    "western letters": ("x,y,é\n1,2,ü\n2,3,ö\n4,5,ü\n".encode("cp1252"), {"formula": "y ~ é"}),
    "pipes": (b"x|y\n1|2\n2|3\n4|5\n", {}),
    "tabs and a comment": (b"# made by hand\nx\ty\n1\t2\n2\t3\n4\t5\n", {}),
    "true and false": (b"x,y\ntrue,2\nfalse,3\ntrue,5\n", {}),
    "JSON lines": (b'{"x": 1, "y": 2}\n{"x": 2, "y": 3}\n{"x": 4, "y": 5}\n', {"name": "t.jsonl"}),
}
case("refused: files", lambda: {name: files(content, **how) for name, (content, how) in FILES.items()})

# -- what a model is asked ---------------------------------------------------------------------------------------------------


def of_models() -> dict[str, Any]:
    exact, huber = bl.fit(table(), "y ~ x1 + g"), bl.fit(table(), "y ~ x1", loss="huber")
    ridge, few = bl.fit(table(), "y ~ x1 + g", l2=0.1), bl.fit(table().head(3), "y ~ x1 + x2")
    two, walked = bl.fit(table(), "y + z ~ x1"), bl.fit(line(), "y ~ x", solver="sgd", lr=0.1, steps=5)
    from_moments = bl.fit(bl.Moments.collect(table(), "y ~ x1 + g"))
    questions: dict[str, Callable[[], Any]] = {}
    for name, m in {"exact": exact, "huber": huber, "ridge": ridge, "few": few, "two": two, "moments": from_moments}.items():
        questions |= {
            f"{name}: wald": lambda m=m: m.wald("x1 = 0"),
            f"{name}: diagnose": m.diagnose,
            f"{name}: influence": m.influence,
            f"{name}: HC3": lambda m=m: m.tidy(cov="HC3"),
            f"{name}: interval": lambda m=m: m.predict(table().head(2), interval="prediction"),
            f"{name}: plot.data": lambda m=m: bool(m.plot.data()),
            f"{name}: score": lambda m=m: m.evaluate(table()).r2,
            f"{name}: script": lambda m=m: len(m.script("numpy")) > 0,
            f"{name}: agree": lambda m=m: len(str(m.agree())) > 0,
        }
    questions |= {
        "cov of another name": lambda: exact.tidy(cov="HC9"),
        "cov near a name": lambda: exact.tidy(cov="hc-3x"),
        "clusters of nobody": lambda: exact.tidy(cov={"cluster": "nowhere"}),
        "level 95": lambda: exact.tidy(95),
        "level 0": lambda: exact.conf_int(0.0),
        "level of no interval": lambda: exact.predict(table(), level=0.9),
        "interval of another name": lambda: exact.predict(table(), interval="credible"),
        "on_unseen of another name": lambda: exact.predict(table(), on_unseen="drop"),
        "rows of another part": lambda: list(exact.rows("validation")),
        "rows of another name": lambda: list(exact.rows("train")),
        "a batch that is none": lambda: exact.predict_batch(table()),
        "no columns to predict from": lambda: exact.predict({"x1": [1.0]}),
        "too few numbers in a row": lambda: exact.predict([1.0]),
        "a restriction of nobody": lambda: exact.wald("x9 = 0"),
        "a restriction without a sign": lambda: exact.wald("x1"),
        "restrictions that repeat": lambda: exact.wald("x1 = 0, 2 * x1 = 0"),
        "restrictions that contradict": lambda: exact.wald("x1 = 0, x1 = 1"),
        "a table that has no name": lambda: exact.to_sql(""),
        "another SQL": lambda: exact.to_sql("t", dialect="mysql"),
        "a third target": lambda: two.diagnose(target=2),
        "a target of nobody": lambda: two.plot.data(target="q"),
        "a surface of one name twice": lambda: bl.surface(walked, ("x", "x")),
        "a surface of nobody": lambda: bl.surface(walked, ("x", "q")),
        "a surface of another kind": lambda: bl.surface(walked, ("x", "Intercept"), kind="slices"),
        "a surface that is too fine": lambda: bl.surface(walked, ("x", "Intercept"), resolution=1),
        "a span backwards": lambda: bl.surface(walked, ("x", "Intercept"), span=[(1, 0), (0, 1)]),
        "a span of no width": lambda: bl.surface(walked, ("x", "Intercept"), span=[(1, 1), (0, 1)]),
        "digits in words": lambda: exact.lacking("many"),
        "a span of one": lambda: bl.surface(walked, ("x", "Intercept"), span=[(0, 1)]),
        "models of other rows": lambda: bl.compare(exact, bl.fit(table().head(40), "y ~ x1 + x2 + g")),
        "models that are not nested": lambda: bl.compare(bl.fit(table(), "y ~ x2"), exact),
        "a model of the same": lambda: bl.compare(exact, exact),
        "a set attribute": lambda: setattr(exact, "weights", 1),
        "a word of another library": lambda: exact.coefs_,
        "fitted again": lambda: exact.fit(table()),
        "steps beyond the walk": lambda: walked.plot.frame(99),
        "steps below 0": lambda: walked.plot.contour(step=-1),
        "units of another kind": lambda: walked.plot.contour(units="metres"),
        "a theme of another kind": lambda: walked.animate("a.gif", theme="blue"),
        "a film of another kind": lambda: walked.animate("a.txt"),
        "a page of another kind": lambda: walked.watch(theme="blue"),
        "another style": lambda: walked.script("keras"),
        "other rows": lambda: walked.script("numpy", data={"x": [1.0, 2.0], "y": [1.0, 2.0]}),
    }
    return {question: asked(what) for question, what in questions.items()}


case("refused: of models", of_models)


def of_others() -> dict[str, Any]:
    """Preflight, sweeps, groups, windows, moments."""
    f = table()
    questions: dict[str, Callable[[], Any]] = {
        "preflight of an exact solver": lambda: bl.preflight(f, "y ~ x1", optimizer="exact"),
        "preflight of another optimiser": lambda: bl.preflight(f, "y ~ x1", optimizer="adamm"),
        "preflight of a negative l2": lambda: bl.preflight(f, "y ~ x1", l2=-1),
        "preflight of a rate of 0": lambda: bl.preflight(f, "y ~ x1", lr=0),
        "preflight of a line of nothing": lambda: bl.preflight(f, "y ~ 0"),
        "a sweep without rates": lambda: bl.sweep(f, "y ~ x1", lrs=[]),
        "a sweep of a rate below 0": lambda: bl.sweep(f, "y ~ x1", lrs=[0.1, -1]),
        "a sweep of words": lambda: bl.sweep(f, "y ~ x1", lrs="1:2"),
        "a sweep backwards": lambda: bl.sweep(f, "y ~ x1", lrs="1:0.1:5"),
        "a sweep of another optimiser": lambda: bl.sweep(f, "y ~ x1", lrs=[0.1], optimizers=["adm"]),
        "a sweep of too many runs": lambda: bl.sweep(f, "y ~ x1", lrs=np.linspace(0.1, 1, 100_001)),
        "a sweep of no steps": lambda: bl.sweep(f, "y ~ x1", lrs=[0.1], steps=0),
        "a sweep from a start of too few": lambda: bl.sweep(f, "y ~ x1", lrs=[0.1], starts=[(1, 2, 3)]),
        "groups of nobody": lambda: bl.fit_groups(f, "y ~ x1", by="nowhere"),
        "groups of nothing": lambda: bl.fit_groups(f, "y ~ x1", by=[]),
        "groups without `by`": lambda: bl.fit_groups(f, "y ~ x1"),
        "groups called as a column of the answer": lambda: bl.fit_groups(f.assign(term=f.g), "y ~ x1", by="term"),
        "groups with a negative l2": lambda: bl.fit_groups(f, "y ~ x1", by="g", l2=-1),
        "groups with digits beyond 15": lambda: bl.fit_groups(f, "y ~ x1", by="g", digits=20),
        "a group of nobody": lambda: bl.fit_groups(f, "y ~ x1", by="g").model("q"),
        "a group by too many values": lambda: bl.fit_groups(f, "y ~ x1", by="g").model("a", "b"),
        "a group by its number": lambda: bl.fit_groups(f, "y ~ x1", by="year").model(2002),
        "a group by its word": lambda: bl.fit_groups(f, "y ~ x1", by="year").model("2002"),
        "few groups pooled": lambda: bl.fit_groups(f, "y ~ x1", by="g").tidy(pooling="partial"),
        "groups pooled otherwise": lambda: bl.fit_groups(f, "y ~ x1", by="g").tidy(pooling="full"),
        "windows of nothing": lambda: bl.fit_rolling(f, "y ~ x1"),
        "windows of two kinds": lambda: bl.fit_rolling(f, "y ~ x1", window=9, half_life=3),
        "a window of 0": lambda: bl.fit_rolling(f, "y ~ x1", window=0),
        "a window beyond the rows": lambda: bl.fit_rolling(f, "y ~ x1", window=61),
        "a half-life of 0": lambda: bl.fit_rolling(f, "y ~ x1", half_life=0),
        "windows of 0 steps": lambda: bl.fit_rolling(f, "y ~ x1", window=9, step=0),
        "an order of words": lambda: bl.fit_rolling(f, "y ~ x1", window=9, order="g"),
        "an order of nobody": lambda: bl.fit_rolling(f, "y ~ x1", window=9, order="nowhere"),
        "moments and rows": lambda: bl.fit(bl.Moments.collect(f, "y ~ x1"), "y ~ x1 + x2"),
        "moments and slices": lambda: bl.fit(bl.Moments.collect(f, "y ~ x1"), solver="sgd", steps=1, batch_size=4),
        "moments row by row": lambda: bl.fit(bl.Moments.collect(f, "y ~ x1"), solver="stochastic"),
        "moments and another loss": lambda: bl.fit(bl.Moments.collect(f, "y ~ x1"), loss="huber"),
        "moments and a split": lambda: bl.fit(bl.Moments.collect(f, "y ~ x1"), split=(0.8, 0.2)),
        "moments and weights": lambda: bl.fit(bl.Moments.collect(f, "y ~ x1"), weights="w"),
        "moments of other columns": lambda: bl.Moments.collect(f, "y ~ x1") + bl.Moments.collect(f, "y ~ x2"),
        "moments less more": lambda: bl.Moments.collect(f.head(9), "y ~ x1") - bl.Moments.collect(f, "y ~ x1"),
        "moments and 1": lambda: bl.Moments.collect(f, "y ~ x1") + 1,
        "moments of no such weight": lambda: bl.Moments.collect(f, "y ~ x1").select(["x9"]),
        "a model file of nobody": lambda: bl.load("nowhere.bestline"),
        "a device to solve rows by": lambda: bl.fit(f, "y ~ x1", solver=bl.Stochastic(lr=-1)),
        "an average of nothing": lambda: bl.fit(f, "y ~ x1", solver=bl.Stochastic(average=-1)),
        "a rate of another kind": lambda: bl.fit(f, "y ~ x1", solver=bl.Stochastic(rate="cyclic")),
    }
    return {question: asked(what) for question, what in questions.items()}


case("refused: of others", of_others)


def own_code() -> dict[str, Any]:
    """Losses, forward functions and optimisers that somebody brought along."""

    def fitted(**how: Any) -> Callable[[], Any]:
        return lambda: bl.fit(line(), "y ~ x", **({} if "solver" in how else {"solver": "sgd", "lr": 0.1, "steps": 2}), **how)

    def forward(function: Any, **how: Any) -> Callable[[], Any]:
        return lambda: bl.fit(line(), target="y", forward=function, **({"solver": "sgd", "lr": 0.1, "steps": 2} | how))

    questions: dict[str, Callable[[], Any]] = {
        "a loss of words": fitted(loss=lambda p, y: "small"),
        "a loss of another shape": fitted(loss=lambda p, y: (p - y)[:3]),
        "a mean": fitted(loss=lambda p, y: ((p - y) ** 2).mean()),
        "a weighted mean": lambda: bl.fit(
            line() | {"w": np.ones(60)}, "y ~ x", loss=lambda p, y: ((p - y) ** 2).mean(), weights="w", solver="sgd", steps=2
        ),
        "a loss of the target alone": fitted(loss=lambda p, y: y**2),
        "a loss that fails": fitted(loss=lambda p, y: {}[0]),
        "a loss of three": fitted(loss=lambda p, y, q: p),
        "a module of torch": fitted(loss=nn.MSELoss()),
        "its class": fitted(loss=nn.L1Loss),
        "a smooth loss of torch": fitted(loss=nn.SmoothL1Loss(beta=2.0)),
        "a sum of torch": fitted(loss=nn.MSELoss(reduction="sum")),
        "huber of torch": fitted(loss=nn.HuberLoss(delta=2.0)),
        "a forward of words": forward(lambda X, w, b: "up"),
        "a forward of another shape": forward(lambda X, w, b: X[:3] @ w),
        "a forward that fails": forward(lambda X, w, b: {}[0]),
        "a forward of the rows alone": forward(lambda X, w, b: X[:, 0]),
        "an unknown forward": forward("spline:3"),
        "a polynomial of degree 0": forward("polynomial:0"),
        "a module without weights": forward(nn.ReLU()),
        "an optimiser of two": fitted(solver=bl.Descent(lambda parameters: None, steps=2)),
        "an optimiser that is none": fitted(solver=bl.Descent(lambda parameters, lr: 3, steps=2)),
        "an optimiser that fails": fitted(
            solver=bl.Descent(lambda parameters, lr: torch.optim.SGD(parameters, lr=-1), steps=2)
        ),
        "an object": lambda: bl.Descent(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)),
        "a number": lambda: bl.Descent(3),
        "a schedule of nothing": fitted(solver=bl.Descent("sgd", lr=0.1, steps=2, schedule=lambda optimizer: 3)),
        "a schedule that fails": fitted(solver=bl.Descent("sgd", lr=0.1, steps=2, schedule=lambda optimizer: 1 / 0)),
    }
    return {question: asked(what) for question, what in questions.items()}


case("refused: code of one's own", own_code)

# -- estimators --------------------------------------------------------------------------------------------------------------

PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "LinearRegression": [{"positive": True, "n_jobs": 2}, {"fit_intercept": "no"}],
    "Ridge": [
        {"alpha": -1},
        {"alpha": [1, 2]},
        {"solver": "lbfgs"},
        {"solver": "magic"},
        {"tol": -1},
        {"max_iter": 0},
        {"alpha": "a"},
    ],
    "RidgeCV": [
        {"alphas": []},
        {"alphas": [-1.0]},
        {"alphas": [1, "a"]},
        {"cv": 3, "alpha_per_target": True},
        {"cv": 3, "store_cv_results": True},
        {"scoring": 3},
        {"scoring": "nothing"},
        {"gcv_mode": "odd"},
    ],
    "Lasso": [{"alpha": -1}, {"max_iter": 0}, {"tol": -1}, {"selection": "all"}, {"alpha": 0}, {"precompute": "x"}],
    "LassoCV": [{"alphas": []}, {"alphas": [-1.0]}, {"eps": 0}, {"n_alphas": 0}, {"cv": 1}, {"alphas": "many"}],
    "ElasticNet": [{"l1_ratio": 2}, {"l1_ratio": -0.1}, {"alpha": np.nan}],
    "ElasticNetCV": [{"l1_ratio": [0.5, 2]}, {"l1_ratio": []}, {"l1_ratio": 0}],
    "HuberRegressor": [{"epsilon": 0.5}, {"alpha": -1}, {"max_iter": -1}, {"tol": -1}],
    "SGDRegressor": [
        {"loss": "hinge"},
        {"penalty": "l3"},
        {"penalty": "elasticnet", "l1_ratio": None},
        {"alpha": -1},
        {"learning_rate": "pa1"},
        {"learning_rate": "fast"},
        {"learning_rate": "constant", "eta0": 0},
        {"learning_rate": "optimal", "alpha": 0},
        {"max_iter": 0},
        {"n_iter_no_change": 0},
        {"validation_fraction": 1.5},
        {"early_stopping": True, "validation_fraction": 0.001},
        {"average": -1},
        {"epsilon": -1},
        {"l1_ratio": 2},
        {"power_t": "x"},
    ],
}


def of_estimators() -> dict[str, Any]:
    X, y = table()[["x1", "x2"]].to_numpy(), table().y.to_numpy()
    said: dict[str, Any] = {}
    for name, ways in PARAMETERS.items():
        kind = getattr(bl, name)
        said[name] = {str(how): own(lambda kind=kind, how=how: kind(**how).fit(X, y)) for how in ways}
        said[name] |= {
            "not fitted, in part": own(lambda kind=kind: kind(alpha=-1).partial_fit(X, y)),
            "rows of two lengths": own(lambda kind=kind: kind().fit(X, y[:9])),
            "no rows": own(lambda kind=kind: kind().fit(X[:0], y[:0])),
            "one dimension": own(lambda kind=kind: kind().fit(y, y)),
            "infinite": own(lambda kind=kind: kind().fit(np.full((9, 2), np.inf), y[:9])),
            "weights below 0": own(lambda kind=kind: kind().fit(X, y, sample_weight=-np.ones(60))),
            "weights of another length": own(lambda kind=kind: kind().fit(X, y, sample_weight=np.ones(3))),
            "weights of 0": own(lambda kind=kind: kind().fit(X, y, sample_weight=np.zeros(60))),
            "not fitted": own(lambda kind=kind: kind().predict(X)),
            "other columns": own(lambda kind=kind: kind().fit(X, y).predict(X[:, :1])),
            "words": own(lambda kind=kind: kind().fit(table()[["g"]].to_numpy(), y)),
        }
    return said


case("refused: of estimators", of_estimators)
