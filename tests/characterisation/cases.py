"""Calls over every feature, each with all its numbers: what they say today is what they said before.

A case is a function without arguments; it returns anything that `told` can write down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch

import bestline as bl
from bestline.pictures import diagnostics, figures, live
from bestline.pictures import sweep as pictures_of_sweeps
from bestline.pictures.marks import Picture
from bestline.pictures.overview import overview
from bestline.pictures.sample import Sample
from bestline.pictures.watch import session_of
from bestline.pictures.weights import coefficients as dots
from bestline.pictures.weights import penalty_paths
from pictures import examples

CASES: dict[str, Callable[[], Any]] = {}


@cache
def table(holes: bool = False) -> pd.DataFrame:
    """Sixty rows of numbers, categories, years, weights and two targets; with holes if asked for."""
    r = np.random.default_rng(0)
    n = 60
    f = pd.DataFrame(
        {"x1": r.normal(size=n), "x2": r.uniform(1, 9, n), "x3": r.normal(50, 4, n), "w": r.uniform(0.2, 3, n)}
    ).round(5)
    f["g"], f["h"], f["year"] = r.choice(list("abc"), n), r.choice(["u", "v w"], n), r.integers(2001, 2005, n)
    noise = r.normal(size=n) * (1 + 0.2 * f.x2)
    f["y"] = (1 + 2 * f.x1 - 0.7 * f.x2 + 0.1 * f.x3 + 1.5 * (f.g == "b") + 0.4 * (f.year - 2002) + 0.5 * noise).round(5)
    f["z"] = (3 - f.x1 + 0.2 * f.x2**2 + r.normal(size=n)).round(5)
    if holes:
        f.loc[[3, 17, 40], "x1"] = np.nan
        f.loc[[5, 17, 50], "g"] = None
        f.loc[[9], "y"] = np.nan
    return f


@cache
def line() -> dict[str, np.ndarray]:
    x = np.arange(-3, 3, 0.1).round(6)
    return {"x": x, "y": (x - 1 + 0.1 * np.random.default_rng(1).standard_normal(60)).round(6)}


def attempt(what: Callable[[], Any]) -> Any:
    try:
        return what()
    except bl.errors.BestlineError as refused:
        return refused


def case(name: str, what: Callable[[], Any]) -> None:
    assert name not in CASES
    CASES[name] = what


def model(m: bl.Model) -> dict[str, Any]:
    """Everything a fit says of itself."""
    scores = m.held_out
    return {
        "params": m.params,
        "stop": m.stop,
        "advice": m.advice,
        "step": m.step,
        "rate": m.rate,
        "rate_limit": m.rate_limit,
        # A row on the line lies above or below it by rounding, and under a loss with a corner its gradient is the one or the other.
        "trace": m.trace.frame().drop(
            columns=["gradient_norm"] if str(m.plan.loss).startswith(("absolute", "quantile")) else []
        ),
        # What was held out is always held against the mean, and says no more of that.
        "held_out": None if scores is None else {n: v for n, v in asdict(scores).items() if n != "r2_about_mean"},
        "tidy": attempt(m.tidy),
        "glance": attempt(m.glance),
        "notes": list(m.notes),
        "predicted": m.predict(table().head(6) if "x" not in m.names else {"x": line()["x"][:6]}),
    }


# -- fits ----------------------------------------------------------------------------------------------------------------

START = {"x": -15, "Intercept": -10}
FITS: dict[str, tuple[str, dict[str, Any]]] = {
    "exact": ("y ~ x1 + x2 + x3 + g", {}),
    "exact terms": ("y ~ log(x2) + poly(x3, 2) + x1 * g + center(x1):x2 + C(year)", {}),
    "no intercept, weights": ("y ~ x1 + x2 - 1", {"weights": "w"}),
    "weights that count": ("y ~ x1", {"weights": "year"}),
    "split": ("y ~ x1 + g", {"split": (0.7, 0.15, 0.15), "seed": 2}),
    "folds of a column": ("y ~ x1 + x2", {"folds": "year"}),
    "seven folds": ("y ~ x1 + x2", {"folds": 7, "seed": 3}),
    "two targets": ("y + z ~ x1 + g", {}),
    "rank": ("y ~ x1 + x2 + I(x1 - 2 * x2)", {}),
    "ridge": ("y ~ x1 + x2 + g", {"l2": 0.3}),
    "lasso": ("y ~ x1 + x2 + x3 + g", {"l1": 0.2, "l2": 0.1, "penalty_factors": {"g": 0, "x2": 2}}),
    "lasso, weights, own units": ("y ~ x1 + x2", {"l1": 0.2, "weights": "w", "standardize": False}),
    "cv ridge": ("y ~ x1 + x2 + g", {"cv": "ridge"}),
    "cv lasso": ("y ~ x1 + x2 + g", {"cv": "lasso", "weights": "w"}),
    "cv enet by year": ("y ~ x1 + x2 + g", {"cv": "enet", "folds": "year"}),
    "huber": ("y ~ x1 + x2 + g", {"loss": "huber"}),
    "huber edge, l1": ("y ~ x1 + x2 + g", {"loss": "huber:2", "l1": 0.3}),
    "absolute, l2": ("y ~ x1 + x2", {"loss": "absolute", "l2": 0.05}),
    "quantile, weights": ("y ~ x1 + g", {"loss": "quantile:0.2", "weights": "w"}),
    "huber by adam": ("y ~ x1 + x2", {"loss": "huber", "solver": "adam", "steps": 20, "lr": 0.1}),
    "own loss": (
        "y ~ x1 + x2",
        {"loss": lambda p, y: (p - y) ** 2 + 0.1 * (p - y) ** 4, "solver": "adam", "steps": 20, "lr": 0.1},
    ),
    "slices": ("y ~ x1 + x2", {"solver": bl.Descent("sgd", lr=0.05, steps=20, batch_size=8), "seed": 3, "weights": "w"}),
    "schedule": (
        "y ~ x1 + x2",
        {"solver": bl.Descent("sgd", lr=0.4, steps=20, schedule=partial(torch.optim.lr_scheduler.StepLR, step_size=5))},
    ),
    "patience": ("y ~ x1 + x2 + g", {"solver": bl.Descent("adam", lr=0.3, steps=200, patience=10), "split": (0.6, 0.2, 0.2)}),
    "descent with ridge": ("y ~ x1 + x2", {"solver": "momentum", "steps": 15, "l2": 0.3, "weights": "w"}),
    "proximal": ("y ~ x1 + x2 + g", {"solver": bl.Proximal(), "l1": 0.2}),
    "stochastic": ("y ~ x1 + x2 + g", {"solver": "stochastic", "steps": 3, "weights": "w", "seed": 4}),
    "stochastic rates": ("y ~ x1 + x2", {"solver": bl.Stochastic(lr=0.02, steps=4, rate="invscaling", power=0.3), "l2": 0.01}),
}
for _name, (_formula, _how) in FITS.items():
    case(f"fit: {_name}", lambda formula=_formula, how=_how: model(bl.fit(table(), formula, **how)))
for _name in ("sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop", "adagrad", "lbfgs"):
    how = {"solver": _name, "steps": 10}
    case(f"fit: {_name}", lambda how=how: model(bl.fit(table(), "y ~ x1 + x2 + g", **how)))
    own = how | {"lr": 0.05, "standardize": False, "start": START}
    case(f"fit: {_name} from a start", lambda how=own: model(bl.fit(line(), "y ~ x", **how)))
case("fit: diverged", lambda: model(bl.fit(line(), "y ~ x", solver="sgd", lr=0.4, steps=50, standardize=False, start=START)))
for _rule in ("drop", "impute"):
    case(f"fit: missing {_rule}", lambda rule=_rule: model(bl.fit(table(True), "y ~ x1 + g", missing=rule, weights="w")))


def wave(X: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.sin(X @ w) + b


def waved() -> Any:
    return bl.fit(line(), target="y", forward=wave, start=[3.0, 2.0], solver="adam", lr=0.2, steps=15).trace.frame()


case("fit: own forward", waved)
case("fit: polynomial", lambda: bl.fit(line(), target="y", forward="polynomial:3").params)


def chosen(kind: str) -> dict[str, Any]:
    cv = bl.fit(table(), "y ~ x1 + x2 + x3 + g", cv=kind, weights="w").cv
    return {"frame": cv.frame(), "best": cv.best, "one_se": cv.one_se, "coefficients": cv.coefficients(), "gain": cv.gain}


for _kind in ("ridge", "lasso", "enet"):
    case(f"cross-validation: {_kind}", lambda kind=_kind: chosen(kind))


# -- what the numbers are worth --------------------------------------------------------------------------------------------

COVS = {"HC0": "HC0", "HC1": "HC1", "HC2": "HC2", "HC3": "HC3", "one cluster": {"cluster": "g"}, "years": {"cluster": "year"}}


def errors(cov: Any) -> list[Any]:
    plain, weighted = bl.fit(table(), "y ~ x1 + x2 + g"), bl.fit(table(), "y ~ x1 + x2 - 1", weights="w")
    parts = bl.fit(table(), "y ~ x1 * g", split=(0.8, 0.2))
    tables = [m.tidy(level, cov=cov) for m in (plain, weighted, parts) for level in (0.95, 0.8)]
    return [*tables, plain.wald("x1 = 0, x2 = 0", cov=cov), weighted.wald("x1 = x2", cov=cov)]


for _name, _cov in {"classical": "classical", **COVS}.items():
    case(f"errors: {_name}", lambda cov=_cov: errors(cov))


def compared() -> list[Any]:
    small, large = bl.fit(table(), "y ~ x1", weights="w"), bl.fit(table(), "y ~ x1 + x2 + g", weights="w")
    found = bl.compare(small, large)
    return [
        str(found),
        found.facts,
        large.wald("g[T.b] = 2 * g[T.c] + 1"),
        str(large.wald("x1 = 1")),
        attempt(lambda: bl.compare(large, small)),
    ]


def diagnosed(formula: str, **how: Any) -> list[Any]:
    m = bl.fit(table(), formula, **how)
    found = m.diagnose()
    return [
        str(found),
        found.facts,
        m.influence(),
        m.augment(interval="prediction", level=0.9),
        m.augment(interval="confidence").tail(9),
    ]


case("compare", compared)
case("diagnose", lambda: diagnosed("y ~ x1 + x2 + g"))
case("diagnose: weights", lambda: diagnosed("z ~ x1 + x2", weights="w"))
case("diagnose: a part", lambda: diagnosed("y ~ x1", split=(0.7, 0.3)))


def foreseen() -> list[Any]:
    m = bl.fit(table(), "y ~ x1 + x2 + g", weights="w")
    new = table().tail(7)
    return [m.predict(new, interval=kind, level=level) for kind in ("prediction", "confidence") for level in (0.95, 0.5)] + [
        m.evaluate(new),
        m.predict({"x1": [0.1, 0.2], "x2": [2.0, 1.0], "g": ["zz", "a"]}, on_unseen="nan"),
        str(m.summary()),
        str(m.summary(0.9, cov="HC3")),
    ]


case("predict", foreseen)


# -- moments ---------------------------------------------------------------------------------------------------------------


def collected() -> dict[str, Any]:
    f = table()
    whole = bl.Moments.collect(f, "y ~ x1 + x2 + g", weights="w", folds=3)
    first, rest = bl.Moments.collect(f.head(25), "y ~ x1 + x2 + g"), bl.Moments.collect(f.tail(35), "y ~ x1 + x2 + g")
    plain = bl.Moments.collect(f, "y ~ x1 + x2 + g")
    parts = {
        "whole": whole,
        "plain": plain,
        "sum": first + rest,
        "rest": plain - first,
        "by": bl.Moments.collect(f, "y ~ x1", by="year"),
    }
    told = {name: [(p.count, p.weight, p.mean, p.scatter) for p in m.folds] for name, m in parts.items()}
    return (
        told
        | {name: bl.fit(m).params for name, m in parts.items()}
        | {"gaps": bl.Moments.collect(table(True), "y ~ x1 + g", missing="impute").imputed}
    )


def loss_of_moments() -> list[Any]:
    weight = torch.tensor([[0.5, -0.25]], dtype=torch.float64, requires_grad=True)
    bias = torch.tensor([0.75], dtype=torch.float64, requires_grad=True)
    loss = bl.nn.MomentLoss(bl.Moments.collect(table(), "y ~ x1 + x2", weights="w"))
    value = loss(weight, bias)
    return [value, *torch.autograd.grad(value, [weight, bias])]


case("moments", collected)
case("moments: loss", loss_of_moments)


# -- before training -------------------------------------------------------------------------------------------------------


def before(optimizer: str) -> Any:
    found = bl.preflight(line(), "y ~ x", optimizer=optimizer, lr=0.3, start=(-15, -10))
    return [
        str(found),
        found.limits,
        found.condition,
        found.steps,
        found.steps_99,
        found.lr,
        found.standardized.lr,
        found.standardized.steps,
    ]


for _name in ("sgd", "momentum", "nesterov", "adam"):
    case(f"preflight: {_name}", lambda name=_name: before(name))
case("preflight: ridge, weights", lambda: str(bl.preflight(table(), "y ~ x1 + x2", l2=0.3, weights="w", seed=3)))


def swept() -> list[Any]:
    found = bl.sweep(line(), "y ~ x", lrs="1e-3:1:9", starts=[(-15, -10), (0, 0)], standardize=False, steps=12)
    return [found.frame(), found.losses, found.best(), str(found)]


case("sweep", swept)

# -- surfaces, pictures, sessions ------------------------------------------------------------------------------------------


def surface(how: dict[str, Any], formula: str = "y ~ x1 + x2 + g", **fit: Any) -> Any:
    found = bl.surface(bl.fit(table(), formula, **({"solver": "momentum", "steps": 12} | fit)), **{"resolution": 9, **how})
    return [found.names, found.axes, found.loss, found.bottom, found.floor]


SURFACES: dict[str, dict[str, Any]] = {
    "slice": {"pair": ("x1", "x2")},
    "one weight": {"pair": ("x1",)},
    "profile": {"pair": ("x1", "x2"), "kind": "profile"},
    "profile of one": {"pair": ("x2",), "kind": "profile"},
    "path": {"pair": "path"},
    "span": {"pair": ("x1", "x2"), "span": [(0, 1), (-1, 1)], "resolution": 5},
}
for _name, _how in SURFACES.items():
    case(f"surface: {_name}", lambda how=_how: surface(how))
for _name, _how in {
    "huber": {"loss": "huber", "solver": "adam"},
    "ridge": {"l2": 0.3},
    "weights": {"weights": "w", "standardize": False},
}.items():
    case(f"surface: {_name}", lambda how=_how: surface({}, "y ~ x1 + x2", **how))


def drawn(name: str) -> dict[str, Any]:
    """What every picture shows: its title, its words for who cannot see, and its table of numbers, mark by mark."""
    return {title: shown(picture) for title, picture in examples.pictures(examples.case(name)).items()}


def shown(picture: Picture) -> dict[str, Any]:
    frame = pd.DataFrame(picture.table())
    marks = frame.groupby(["panel", "mark", "label"], sort=False, dropna=False)
    limits = [(panel.title, panel.xlabel, panel.ylabel, panel.xlim, panel.ylim) for panel in picture.panels]
    found = {"title": picture.title, "alt": picture.alt, "panels": limits}
    return found | {" | ".join(map(str, key)): part[["x", "y", "z"]] for key, part in marks}


for _name in ("lesson", "diverged", "p=3", "held out", "huber", "two targets", "ridge", "one weight"):
    case(f"pictures: {_name}", lambda name=_name: drawn(name))


def planes() -> list[Any]:
    fit = examples.case("p=3").fit
    return [pd.DataFrame(figures.contour(fit, pair).table())[["x", "y", "z"]] for pair in (("x0", "x2"), "path")]


case("pictures: other planes", planes)


def selected() -> list[Any]:
    cv = bl.fit(table(), "y ~ x1 + x2 + x3 + g", cv="enet", weights="w").cv
    return [shown(penalty_paths.error_curve(cv)), shown(penalty_paths.coefficient_path(cv))]


def suspected(rows: int, **how: Any) -> list[Any]:
    """A few rows are drawn one by one; of many, the cells they lie in."""
    data = pd.concat([table().assign(x1=table().x1 + 0.01 * i, y=table().y + 0.02 * i) for i in range(-(-rows // 60))]).head(
        rows
    )
    return [
        shown(diagnostics.panels(bl.fit(data.assign(x1b=data.x1 + 1e-5 * data.x3), formula, **how).diagnose()))
        for formula in ("y ~ x1 + x2", "y ~ x1 + x1b")
    ]


def seen_live() -> list[Any]:
    pictures: list[Any] = []
    screen = SimpleNamespace(show=lambda picture, text: pictures.append([shown(picture), text]), close=lambda: None)
    first = bl.fit(line(), "y ~ x", solver="sgd", steps=1)
    watch = live.Live(screen, Sample.draw(next(iter(first.rows())), first.features, first.targets))
    bl.fit(line(), "y ~ x", solver="sgd", lr=0.1, steps=12, split=(0.7, 0.3), watch=watch.hear)
    watch.close()
    return pictures[-1]


def raced() -> list[Any]:
    found = [examples.fitted(examples.made(), bl.Descent(name, lr=0.1, steps=8), [3, 3]) for name in ("sgd", "adam")]
    return [
        shown(overview(dict(zip(("slow", "adam"), found, strict=True)), examples.sampled(examples.made()), step=step))
        for step in (3, 8)
    ]


case("pictures: errors and paths of penalties", selected)
for _rows in (9, 60, 6000):
    case(f"pictures: diagnosis of {_rows} rows", lambda rows=_rows: suspected(rows))
case("pictures: live", seen_live)
case("pictures: a race", raced)
case(
    "pictures: a sweep",
    lambda: shown(
        pictures_of_sweeps.picture(
            bl.sweep(
                line(),
                "y ~ x",
                lrs="1e-3:1:5",
                starts=[(-15, -10), (0, 0)],
                optimizers=["sgd", "adam"],
                standardize=False,
                steps=9,
            )
        )
    ),
)
case(
    "pictures: coefficients",
    lambda: shown(
        dots.coefficients(examples.table(["a", "b", "c"], [1, -2, 0.1], [0, -3, float("nan")], [2, -1, float("nan")]))
    ),
)


def walked(formula: str = "y ~ x1 + x2", **how: Any) -> bl.Model:
    return bl.fit(
        line() if formula == "y ~ x" else table(),
        formula,
        **{"solver": "sgd", "lr": 0.02, "steps": 12, "standardize": False, **how},
    )


SESSIONS: dict[str, Callable[[], Any]] = {
    "a line": lambda: session_of(walked("y ~ x", start=[-4.0, 6.0])),
    "a split": lambda: session_of(walked("y ~ x", split=(0.7, 0.15, 0.15))),
    "several": lambda: session_of(
        {"slow": walked("y ~ x"), "adam": walked("y ~ x", solver="adam", lr=0.3), "fast": walked("y ~ x", lr=0.2)}
    ),
    "two features": lambda: session_of(walked(standardize=True, lr=0.1, weights="w")),
    "huber": lambda: session_of(walked("y ~ x", loss="huber", solver="adam", lr=0.2)),
    "ridge": lambda: session_of(walked("y ~ x1 + x2 + g", l2=0.2, solver="momentum"), pair="path"),
    "own forward": lambda: session_of(
        bl.fit(line(), target="y", forward=wave, start=[3.0, 2.0], solver="adam", lr=0.2, steps=9)
    ),
}
for _name, _what in SESSIONS.items():
    case(f"session: {_name}", _what)

# -- told to others --------------------------------------------------------------------------------------------------------

EXPORTED: dict[str, Callable[[], bl.Model]] = {
    "terms": lambda: bl.fit(table(), "y ~ log(x2) + poly(x3, 2) + x1 * g + C(year)"),
    "two targets": lambda: bl.fit(table(), "y + z ~ x1 + g"),
    "lasso": lambda: bl.fit(table(), "y ~ x1 + x2", l1=0.2),
}
for _name, _make in EXPORTED.items():
    case(f"sql: {_name}", lambda make=_make: make().to_sql("t"))
    case(
        f"json: {_name}",
        lambda make=_make: {key: value for key, value in make().to_dict().items() if key in ("coef", "intercept", "params")},
    )
for _style in ("numpy", "tensors", "linear", "module"):
    case(
        f"script: {_style}",
        lambda style=_style: bl.fit(line(), "y ~ x", solver="adam", lr=0.1, steps=9).script(style, rows="inline"),
    )

# -- estimators ------------------------------------------------------------------------------------------------------------

ESTIMATORS: dict[str, list[dict[str, Any]]] = {
    "LinearRegression": [{}, {"positive": True}],
    "Ridge": [{}, {"alpha": 3.0, "fit_intercept": False}],
    "RidgeCV": [{"alphas": [0.1, 1.0, 10.0]}, {"cv": 4}],
    "Lasso": [{"alpha": 0.1}, {"alpha": 0.1, "positive": True}],
    "LassoCV": [{"cv": 4}],
    "ElasticNet": [{"alpha": 0.1, "l1_ratio": 0.3}],
    "ElasticNetCV": [{"l1_ratio": [0.2, 0.8], "cv": 3}],
    "HuberRegressor": [{}, {"epsilon": 1.8, "alpha": 0.01}],
    "SGDRegressor": [
        {"max_iter": 5},
        {"loss": "huber", "learning_rate": "constant", "eta0": 1e-3, "max_iter": 5},
        {"penalty": "l1", "average": True, "max_iter": 5},
        {"penalty": "elasticnet", "learning_rate": "adaptive", "max_iter": 9},
        {"learning_rate": "pa1", "loss": "epsilon_insensitive", "max_iter": 3},
        {"learning_rate": "optimal", "shuffle": False, "max_iter": 5},
        {"early_stopping": True, "random_state": 3, "max_iter": 9},
    ],
}


def learnt(name: str, how: dict[str, Any]) -> Any:
    X, y, w = table()[["x1", "x2", "x3"]].to_numpy(), table().y.to_numpy(), table().w.to_numpy()
    X = (X - X.mean(0)) / X.std(0)
    found = []
    for weights in (None, w):
        e = getattr(bl, name)(**how).fit(X, y, sample_weight=weights)
        found += [
            e.coef_,
            e.intercept_,
            e.predict(X[:4]),
            e.score(X, y),
            getattr(e, "alpha_", None),
            getattr(e, "mse_path_", None),
        ]
    return found


for _name, _ways in ESTIMATORS.items():
    for _i, _how in enumerate(_ways):
        case(f"{_name} {_i}", lambda name=_name, how=_how: learnt(name, how))

# -- lessons and made lines ------------------------------------------------------------------------------------------------

for _name in ("torch-trends", "slope-and-bias", "slope-and-bias-exact", "crash-course", "made-with-ml"):
    case(f"lesson: {_name}", lambda name=_name: [(made := bl.synthetic.lesson(name)).x, made.y, made.truth])
MADE = {
    "normal": {"slope": [1, 2, -0.5], "intercept": 3, "x": "normal:0,2", "n": 20, "noise": "uniform:-1,2", "seed": 4},
    "steps": {"slope": 1, "intercept": -1, "x": "arange:-3,3,0.1", "noise": "normal:0.1", "seed": 1},
    "range": {"slope": 2, "x": "range:0,1,11"},
}
for _name, _how in MADE.items():
    case(f"made: {_name}", lambda how=_how: [(made := bl.synthetic.line(**how)).x, made.y, made.truth])
