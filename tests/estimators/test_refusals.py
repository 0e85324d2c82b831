"""Refusals of the estimators: what no rule of scikit-learn's checks before `fit`, each with its sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bestline.errors import BestlineError
from bestline.estimators import Ridge, SGDRegressor

X = np.random.default_rng(0).normal(size=(20, 2))
Y = X @ np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("estimator", "said"),
    [
        (Ridge(solver="lbfgs"), "only when positive=True"),
        *((Ridge(solver=s, positive=True), f"solver='{s}' does not support positive") for s in ("svd", "cholesky", "sag")),
        (Ridge(alpha=[-1.0]), "`alpha` must be finite and not negative"),
        (Ridge(alpha=[1.0, np.inf]), "Number of targets and number of penalties do not correspond: 2 != 1"),
        (Ridge(alpha=[np.inf]), "`alpha` must be finite and not negative"),
        (SGDRegressor(early_stopping=True, validation_fraction=0.999), "Splitting 20 samples"),
    ],
    ids=repr,
)
def test_options_that_do_not_go_together_are_refused_in_words(estimator: Any, said: str) -> None:
    with pytest.raises((BestlineError, ValueError), match=said):
        estimator.fit(X, Y)


@pytest.mark.parametrize("solver", ["auto", "lbfgs"])
def test_the_solvers_that_allow_it_fit_weights_that_are_not_negative(solver: str) -> None:
    found = Ridge(alpha=1e-6, positive=True, solver=solver).fit(X, X @ np.array([1.0, -2.0]))
    assert found.coef_[1] == 0
    assert found.coef_[0] > 0


@pytest.mark.parametrize("start", [[1.0, 2.0], []])
def test_a_start_of_the_intercept_is_one_number(start: list[float]) -> None:
    with pytest.raises((BestlineError, ValueError), match=f"intercept_init does not match dataset.*got {len(start)}"):
        SGDRegressor().fit(X, Y, intercept_init=start)
