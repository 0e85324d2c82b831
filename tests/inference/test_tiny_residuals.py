"""Residuals far smaller than the target: no door tells of them what moments have lost. Against exact fractions, and the rows themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from inference.test_held_out_digits import by_group, fractions, solved, truth

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
N = 40
# How large the noise is, and how far from zero a column lies.
TINY = [(1e-9, 0.0), (1e-7, 1e6), (3e-8, 0.0), (1e-10, 10.0)]
BY_TRAINING: dict[str, dict[str, Any]] = {
    "descent": {"solver": "sgd", "steps": 3000},
    "newton": {"solver": "lbfgs"},
    "ridge": {"l2": 1e-14},
    "lasso": {"l1": 1e-14},
}


def close(noise: float, offset: float) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    a, b, e = draw.normal(size=N) + offset, draw.normal(size=N), draw.normal(size=N)
    return pd.DataFrame({"a": a, "b": b, "y": 3 * a - b + noise * e, "g": [f"g{i % 5}" for i in range(N)], "one": np.ones(N)})


def spread_of(f: pd.DataFrame) -> tuple[float, list[float]]:
    """Residual standard deviation and standard errors of the weights of a, b and the intercept, by fractions."""
    X = [[*row, Fraction(1)] for row in zip(fractions(f.a.tolist()), fractions(f.b.tolist()), strict=True)]
    y, p = fractions(f.y.tolist()), range(3)
    A = [[sum((row[i] * row[j] for row in X), Fraction(0)) for j in p] for i in p]
    line = solved(A, [sum((row[i] * v for row, v in zip(X, y, strict=True)), Fraction(0)) for i in p])
    left = [v - sum((u * c for u, c in zip(row, line, strict=True)), Fraction(0)) for row, v in zip(X, y, strict=True)]
    variance = sum((r * r for r in left), Fraction(0)) / (N - 3)
    units = [[Fraction(i == j) for i in p] for j in p]
    return math.sqrt(variance), [math.sqrt(variance * solved(A, units[j])[j]) for j in p]


@pytest.mark.parametrize(("noise", "offset"), TINY)
@pytest.mark.parametrize("how", BY_TRAINING)
def test_errors_are_those_of_the_rows_whatever_trained_the_line(how: str, noise: float, offset: float) -> None:
    f = close(noise, offset)
    model = bl.fit(f, "y ~ a + b", folds="g", **BY_TRAINING[how])
    assert model.fitted_scores.rmse == pytest.approx(model.evaluate(f).rmse, rel=1e-9)
    expected = truth(f.assign(i=1.0), ["a", "b", "i"], by_group(f))
    rounding = 4 * np.finfo(float).eps * (1 + 3 * offset) / noise
    assert model.held_out.rmse[0] == pytest.approx(expected, rel=max(1e-3, rounding))


@pytest.mark.parametrize(("noise", "offset"), TINY)
def test_held_out_errors_of_exact_lines_have_all_digits(noise: float, offset: float) -> None:
    f = close(noise, offset)
    model = bl.fit(f, "y ~ a + b", folds="g")
    assert model.held_out.rmse[0] == pytest.approx(truth(f.assign(i=1.0), ["a", "b", "i"], by_group(f)), rel=1e-13)


@pytest.mark.parametrize(("noise", "offset"), TINY)
def test_standard_errors_of_a_descent_are_those_of_the_exact_solution(noise: float, offset: float) -> None:
    f = close(noise, offset)
    model, (sigma, errors) = bl.fit(f, "y ~ a + b", solver="sgd", steps=3000), spread_of(f)
    assert model.sigma == pytest.approx(sigma, rel=1e-13)
    assert model.bse.tolist() == pytest.approx(errors, rel=1e-13)
    # The loss of a step is over the least one, and that is not zero.
    assert float(model.trace.loss[-1]) == pytest.approx(sigma**2 * (N - 3) / N, rel=1e-4 + 1e-8 / noise * (offset > 100))
    assert float(model.trace.gap[-1]) < 1e-20


@pytest.mark.parametrize(("noise", "offset"), TINY)
def test_moments_alone_say_that_they_cannot_tell(noise: float, offset: float) -> None:
    f = close(noise, offset)
    model = bl.fit(bl.Moments.collect(f, "y ~ a + b", folds=5))
    assert math.isnan(model.fitted_scores.rmse[0])
    assert math.isnan(model.held_out.rmse[0])
    assert model.bse.isna().all()
    assert model.rsquared == pytest.approx(1, abs=1e-6)
    assert model.held_out.r2[0] == pytest.approx(1, abs=1e-6)
    assert any("so closely that moments cannot tell by how much it misses" in note for note in model.notes)


def test_lines_that_miss_by_more_are_as_they_were() -> None:
    f = close(1e-3, 0.0)
    moments = bl.fit(bl.Moments.collect(f, "y ~ a + b", folds="g"))
    assert moments.bse.tolist() == pytest.approx(spread_of(f)[1], rel=1e-9)
    assert moments.held_out.rmse[0] == pytest.approx(truth(f.assign(i=1.0), ["a", "b", "i"], by_group(f)), rel=1e-6)
    assert not any("so closely" in note for note in moments.notes)


@pytest.mark.parametrize(("noise", "offset"), TINY)
@pytest.mark.parametrize("l2", [0.0, 1e-14])
def test_groups_and_windows_tell_nothing_that_is_not_so(noise: float, offset: float, l2: float) -> None:
    f = close(noise, offset)
    both = pd.concat([f.assign(s="u"), f.assign(s="v", y=f.y + 1e-3 * np.sin(np.arange(N)))])
    found = bl.fit_groups(both, "y ~ a + b", by="s", **({"l2": l2} if l2 else {})).glance().set_index("s")
    sigma, _ = spread_of(f)
    assert math.isnan(found.held_out_rmse["u"])
    assert 5e-4 < found.held_out_rmse["v"] < 2e-3
    if l2:
        assert math.isnan(found.sigma["u"])
        assert "no larger than rounding" in found.note["u"]
    else:
        assert found.sigma["u"] == pytest.approx(sigma, rel=1e-12)
    windows = bl.fit_rolling(f.assign(t=range(N)), "y ~ a + b", order="t", window=20, step=10).glance()
    assert windows.held_out_rmse.isna().all()


def test_the_command_line_says_the_same(run: Callable[..., SimpleNamespace]) -> None:
    close(1e-9, 0.0).to_csv("close.csv", index=False)
    told = run("fit", "close.csv", "y ~ a + b", "--solver", "sgd", "--steps", "3000", "--json").facts
    sigma, errors = spread_of(close(1e-9, 0.0))
    assert told["loss"] == pytest.approx(sigma**2 * (N - 3) / N, rel=1e-4)
    assert told["rmse"] == pytest.approx(sigma * math.sqrt((N - 3) / N), rel=1e-4)
    assert list(told["std_error"].values()) == pytest.approx(errors, rel=1e-12)


def test_a_target_that_is_met_exactly_takes_nothing_from_the_others() -> None:
    f = close(1.0, 0.0).assign(exactly=lambda t: 2 * t.a - t.b, fixed=2.5)
    moments = bl.fit(bl.Moments.collect(f, target=["y", "exactly", "fixed"], features=["a", "b"], folds="g"))
    alone = bl.fit(f, target="y", features=["a", "b"], folds="g")
    assert moments.fitted_scores.rmse[0] == pytest.approx(alone.fitted_scores.rmse[0], rel=1e-12)
    assert moments.held_out.rmse[0] == pytest.approx(alone.held_out.rmse[0], rel=1e-9)
    assert math.isnan(moments.fitted_scores.rmse[1])
    assert moments.fitted_scores.rmse[2] == 0
    assert moments.fitted_scores.r2[1] == pytest.approx(1, abs=1e-9)
