"""Lines told to others in every way there is: scripts of every optimiser, loss and penalty, SQL of every kind of term."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.optim import lr_scheduler

import bestline as bl
from bestline.export.script import STYLES
from characterisation.cases import attempt, case, table


def few() -> pd.DataFrame:
    """Eight rows are enough to tell how a line is written, and short enough to be read."""
    return table().head(8).assign(one=2.0, twice=lambda f: 2 * f.x1, short=lambda f: f.x2.astype(np.float32))


OPTIM = torch.optim
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "exact": ("y ~ x1 + x2", {}),
    "exact, one slope": ("y ~ x1", {"weights": "w"}),
    "exact, through zero": ("y ~ x1 - 1", {}),
    "exact, two targets": ("y + z ~ x1", {}),
    "rank": ("y ~ x1 + twice + one", {}),
    "rank, weights": ("y ~ x1 + twice - 1", {"weights": "w"}),
    "ridge": ("y ~ x1 + x2", {"l2": 0.3, "weights": "w"}),
    "ridge, own units": ("y + z ~ x1 + x2", {"l2": 0.3, "standardize": False}),
    "lasso": ("y ~ x1 + x2 + one", {"l1": 0.1}),
    "lasso, two targets": ("y + z ~ x1 + x2", {"l1": 0.1, "weights": "w"}),
    "elastic net": ("y ~ x1 + short", {"l1": 0.1, "l2": 0.2}),
    "many levels": ("y + z ~ C(x1) - 1", {"l2": 0.1}),
    "sgd": ("y ~ x1", {"solver": "sgd", "lr": 0.1, "start": [2, -1], "standardize": False}),
    "sgd, single precision": ("y ~ short", {"solver": "sgd", "lr": 0.1}),
    "sgd, penalties": ("y + z ~ x1 + x2", {"solver": "sgd", "lr": 0.1, "l1": 0.1, "l2": 0.2, "weights": "w"}),
    "sgd, weight decay": ("y ~ x1 + x2", {"solver": bl.Descent(partial(OPTIM.SGD, weight_decay=0.1), lr=0.1, steps=4)}),
    "momentum, through zero": ("y ~ x1 + x2 - 1", {"solver": "momentum", "lr": 0.1, "l2": 0.1}),
    "nesterov": ("y ~ x1 + one", {"solver": "nesterov", "lr": 0.1, "standardize": False, "l1": 0.1}),
    "adam": ("y ~ x1 + x2", {"solver": bl.Descent(partial(OPTIM.Adam, betas=(0.8, 0.9), eps=1e-6), lr=0.1, steps=4)}),
    "adamw": ("y ~ x1", {"solver": "adamw", "lr": 0.1, "loss": "huber:0.5", "weights": "w"}),
    "rmsprop": ("y ~ x1 + x2", {"solver": "rmsprop", "lr": 0.1, "loss": "absolute", "start": [1, 1, 1]}),
    "adagrad": ("y + z ~ x1", {"solver": "adagrad", "lr": 0.1, "loss": "quantile:0.8"}),
    "huber, two targets": ("y + z ~ x1", {"solver": "sgd", "lr": 0.1, "loss": "huber"}),
    "lbfgs": ("y ~ x1", {"solver": "lbfgs", "loss": "huber"}),
    "slices": ("y ~ x1 + x2", {"solver": "sgd", "lr": 0.1, "batch_size": 3, "seed": 5}),
    "schedule": ("y ~ x1", {"solver": bl.Descent("sgd", lr=0.1, steps=4, schedule=partial(lr_scheduler.StepLR, step_size=2))}),
    "plateau": ("y ~ x1", {"solver": bl.Descent("sgd", lr=0.1, steps=4, schedule=lr_scheduler.ReduceLROnPlateau)}),
    "diverging": ("y ~ x1", {"solver": "sgd", "lr": 2.0}),
    "early": ("y ~ x1", {"solver": "sgd", "lr": 0.4, "steps": 60, "patience": 2}),
    "no steps": ("y ~ x1", {"solver": "adam", "steps": 0}),
    "factors": ("y ~ x1 + x2", {"l2": 0.1, "penalty_factors": {"x1": 0}}),
}


def scripts(formula: str, how: dict[str, Any]) -> dict[str, Any]:
    steps = {"steps": 4} if isinstance(how.get("solver"), str) else {}
    line = bl.fit(few(), formula, **(steps | how))
    return {style: attempt(partial(line.script, style, rows="inline")) for style in STYLES}


for _name, (_formula, _how) in RUNS.items():
    case(f"scripts: {_name}", partial(scripts, _formula, _how))

FORMULAS = {
    "powers": "y ~ poly(x2, 3, raw=True) + I(x1**2) + I(x1 - x2 / x3) + abs(x1) + sqrt(x2) + exp(x1) + log10(x2) + log1p(x2)",
    "levels": "y ~ g * h + x1:g + C(year):x2 - 1",
    "centred": "y ~ poly(x2, 3) + center(x1) * scale(x3) + C(g, Treatment('b'))",
    "weights below zero": "z ~ x1 + x2 + h",
}


def queries(formula: str) -> dict[str, Any]:
    def asked(line: bl.Model, name: Any, dialect: str) -> Any:
        return attempt(lambda: line.to_sql(name, dialect=dialect))

    line, gaps = bl.fit(table(), formula), bl.fit(table(True), formula, missing="impute")
    found = {dialect: asked(line, ("s", 'a"b'), dialect) for dialect in ("ansi", "sqlite")}
    return found | {f"{dialect}, imputed": asked(gaps, "t", dialect) for dialect in ("ansi", "sqlite")}


for _name, _formula in FORMULAS.items():
    case(f"sql: {_name}", partial(queries, _formula))
