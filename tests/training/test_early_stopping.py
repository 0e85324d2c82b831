"""Stopping early is said to be as a ridge penalty only where it is: the weights of that step beside those of that ridge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

import bestline as bl
from bestline.training.early_stopping import AGREED, _shrunk_alike, ridge_of

pytestmark = pytest.mark.usefixtures("quiet")


curvature = st.floats(1e-3, 10)


@given(st.lists(curvature, min_size=1, max_size=6), st.floats(1e-4, 1), st.integers(1, 2_000))
def test_what_is_said_holds_along_every_direction_and_no_other_penalty_does_better(
    curvatures: list[float], share: float, steps: int
) -> None:
    c = torch.tensor(curvatures, dtype=torch.float64)
    rate = share / max(curvatures)
    gone = 1 - (1 - rate * c) ** steps
    assume(float(gone.min()) < 1 - 1e-9)

    def apart(l2: float) -> float:
        return float((c / (c + 2 * l2) - gone).abs().max())

    penalties = np.geomspace(1e-9, 1e5, 400)
    found = _shrunk_alike(c, rate, steps)
    if found is None:
        assert min(map(apart, penalties)) > AGREED * 0.999
    else:
        assert apart(found) <= AGREED
        assert apart(found) <= min(map(apart, penalties)) + 1e-9


def test_steps_that_leap_over_the_lowest_point_are_no_ridge() -> None:
    c = torch.tensor([2.0, 2.0], dtype=torch.float64)
    assert _shrunk_alike(c, 0.49, 2) is not None
    assert _shrunk_alike(c, 0.51, 2) is None
    assert _shrunk_alike(c, 0.5, 1) is None  # there at once: nothing is shrunk
    assert _shrunk_alike(c[:0], 0.1, 5) is None


def run(data: dict[str, np.ndarray], formula: str = "y ~ x + z", **options: Any) -> Any:
    options = {"solver": "sgd", "lr": 0.02, "steps": 800, "start": [0.0] * formula.count("+") + [0.0, 0.0]} | options
    return bl.fit(data, formula, split=(0.5, 0.5), seed=4, **options).trained


def table(*, correlation: float = 0.0, effect: float = 0.3, seed: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, 60))
    return {"x": x, "z": correlation * x + (1 - correlation**2) ** 0.5 * z, "y": effect * x + 2 * rng.normal(size=60)}


def least(fit: Any) -> int:
    return int(fit.trace.step[int(fit.trace.held_out.argmin())])


def test_the_weights_of_the_step_are_those_of_the_ridge() -> None:
    """scikit-learn's ridge on the standardised training rows, whose alpha is n l2."""
    told = 0
    for seed in range(12):
        fit = run(table(seed=seed))
        l2 = ridge_of(fit, least(fit)) if least(fit) else None
        if l2 is None:
            continue
        told += 1
        trained, scaling = fit.trace.weights[least(fit)], fit.scaling
        bowl = fit.objective.smooth
        root = np.linalg.cholesky(bowl.curvature[:2, :2].numpy()).T
        ridge = Ridge(alpha=l2, fit_intercept=False).fit(root, root @ bowl.bottom[:2, 0].numpy())
        away = scaling.to_trained(trained)[:2, 0].numpy() - ridge.coef_
        assert np.linalg.norm(away) <= AGREED * np.linalg.norm(bowl.bottom[:2].numpy())
    assert told >= 2


def test_where_there_is_no_such_ridge_nothing_is_said() -> None:
    plain = next(seed for seed in range(40) if (fit := run(table(seed=seed))) and least(fit) and ridge_of(fit, least(fit)))
    data = table(seed=plain)
    start = [0.5, -0.5, 0.0]
    for options in (
        {"solver": "momentum"},
        {"solver": "nesterov"},
        {"solver": "adam"},
        {"l2": 0.01},
        {"lr": 0.7},
        {"start": start},
        {"standardize": False},
        {"steps": least(run(data)) + 1},  # the curve has not risen: no minimum
    ):
        fit = run(data, **options)
        assert ridge_of(fit, max(1, least(fit))) is None, options
    assert ridge_of(run(data), 0) is None
