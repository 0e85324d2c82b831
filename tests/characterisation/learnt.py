"""Everything that an estimator has learnt: all fitted attributes, with and without weights, of one target and of two."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

import bestline as bl
from characterisation.cases import attempt, case, table

WAYS: dict[str, list[dict[str, Any]]] = {
    "LinearRegression": [{}, {"fit_intercept": False}, {"positive": True}],
    "Ridge": [{}, {"alpha": [0.5, 2.0]}, {"fit_intercept": False, "positive": True}],
    "RidgeCV": [
        {},
        {"alphas": [0.1, 1.0, 10.0], "store_cv_results": True},
        {"cv": 3, "scoring": "neg_mean_absolute_error"},
        {"alpha_per_target": True, "fit_intercept": False},
    ],
    "Lasso": [{"alpha": 0.1}, {"alpha": 0.1, "fit_intercept": False, "positive": True}],
    "LassoCV": [{"cv": 3}, {"cv": 3, "alphas": 5, "positive": True, "fit_intercept": False}],
    "ElasticNet": [{"alpha": 0.1, "l1_ratio": 0.3}],
    "ElasticNetCV": [{"l1_ratio": [0.2, 0.8], "cv": 3}, {"cv": 3, "alphas": [0.5, 0.05]}],
    "HuberRegressor": [{}, {"epsilon": 1.1, "alpha": 0.1, "fit_intercept": False}],
    "SGDRegressor": [
        {"max_iter": 6, "tol": None},
        {
            "max_iter": 6,
            "tol": None,
            "random_state": np.random.RandomState(7),
            "power_t": 0.4,
            "eta0": 0.02,
            "warm_start": True,
        },
        {"max_iter": 6, "tol": None, "average": 20, "penalty": "elasticnet", "l1_ratio": 0.4, "alpha": 0.01},
        {"max_iter": 60, "early_stopping": True, "n_iter_no_change": 2, "validation_fraction": 0.3, "random_state": 5},
        {"max_iter": 6, "loss": "squared_epsilon_insensitive", "epsilon": 0.3, "fit_intercept": False},
        {"max_iter": 6, "learning_rate": "pa2", "loss": "epsilon_insensitive", "epsilon": 0.2, "eta0": 0.5},
        {"max_iter": 90, "learning_rate": "adaptive", "n_iter_no_change": 1, "eta0": 0.05},
    ],
}


def rows() -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Standardised features by name, two targets, and weights of which two are 0."""
    X, y, w = table()[["x1", "x2", "x3"]], table()[["y", "z"]], table().w.to_numpy().copy()
    w[[4, 9]] = 0.0
    return (X - X.mean()) / X.std(ddof=0), y, w


def everything(fitted: Any) -> dict[str, Any]:
    names = sorted(name for name in dir(fitted) if name.endswith("_") and not name.startswith("_"))
    found = {name: attempt(partial(getattr, fitted, name)) for name in names}
    plain = {name: value for name, value in found.items() if not callable(value)}
    # An object of another library is told by its name; a model is characterised elsewhere.
    return {
        name: type(value).__name__ if hasattr(value, "get_params") or isinstance(value, bl.Model) else value
        for name, value in plain.items()
    }


def learnt(name: str, how: dict[str, Any]) -> dict[str, Any]:
    X, y, w = rows()
    said = {}
    for targets in ("y", ["y", "z"]):
        for weights in (None, w):
            with_one = attempt(lambda targets=targets, weights=weights: fit(name, how, X, y[targets], weights))
            said[f"{targets}{'' if weights is None else ', weighted'}"] = with_one
    return said


def fit(name: str, how: dict[str, Any], X: pd.DataFrame, y: Any, w: Any) -> Any:
    try:
        fitted = getattr(bl, name)(**how).fit(X, y, sample_weight=w)
    except (ValueError, TypeError) as refused:
        return refused
    return everything(fitted) | {"score": fitted.score(X, y, sample_weight=w), "predicted": fitted.predict(X.head(4))}


for _name, _ways in WAYS.items():
    for _i, _how in enumerate(_ways):
        case(f"learnt: {_name} {_i}", partial(learnt, _name, _how))
