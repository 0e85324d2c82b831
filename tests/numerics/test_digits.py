"""Digits: moments claim no more than is right, and remember what was taken away."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import bestline as bl
from bestline.inference import scores as evaluate
from bestline.inference.classical import infer
from bestline.numerics.bowl import Bowl
from bestline.numerics.comoments import Comoments, total
from bestline.numerics.digits import right_digits, right_error_digits
from bestline.numerics.rows import Rows
from bestline.numerics.scaling import Scaling
from numerics.exact import hostile, right, solve
from searches import long

pytestmark = pytest.mark.usefixtures("quiet")


def claims(moments: Comoments, p: int, *, intercept: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights and standard errors from moments, and the digits that they claim."""
    scaling = Scaling.of(moments, p, intercept=intercept, standardize=True)
    inference, weights = infer(moments, scaling), scaling.to_data(Bowl.of(moments, scaling).bottom)
    digits = right_digits(moments, p, weights[:p], intercept=intercept)
    floor = inference.rss / moments.weight
    return weights, inference.std_error, digits, right_error_digits(moments, p, weights[:p], floor, intercept=intercept)


def moments_of(rows: Rows, how: str, seed: int) -> Comoments:
    """The moments of these rows, at once, in parts, or what is left of more when others are taken away."""
    if how == "parts":
        return total([Comoments.of_rows(rows[i : i + 2]) for i in range(0, len(rows), 2)], rows.X.shape[1] + rows.y.shape[1])
    if how == "at once":
        return Comoments.of_rows(rows)
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 9))
    others = Rows(
        torch.tensor(rng.normal(size=(m, rows.X.shape[1])) * 10.0 ** rng.integers(-2, 4)) * rows.X.std(0) + rows.X.mean(0),
        torch.tensor(rng.normal(size=(m, rows.y.shape[1])) * 10.0 ** rng.integers(-2, 4)) * rows.y.std(0) + rows.y.mean(0),
        None if rows.w is None else rows.w[torch.randint(len(rows), (m,), generator=torch.Generator().manual_seed(seed))],
    )
    away = Comoments.of_rows(others)
    return (Comoments.of_rows(rows) + away) - away


@pytest.mark.parametrize("how", ["at once", "parts", "taken away"])
@pytest.mark.parametrize("first", long(range(0, 300, 100), quick=[0]))
def test_moments_claim_no_more_than_is_right(how: str, first: int):
    claimed = []
    for seed in range(first, first + 100):
        rows, intercept = hostile(seed)
        found = solve(rows, intercept=intercept)
        weights, errors, digits, error_digits = claims(moments_of(rows, how, seed), rows.X.shape[1], intercept=intercept)
        if found is None:
            continue
        assert bool((digits <= true_digits(weights, found.weights)).all()), seed
        there = ~found.std_error.isnan()
        assert bool((error_digits <= true_digits(errors, found.std_error))[there].all()), seed
        claimed += [digits.mean().item(), error_digits[there].mean().item() if bool(there.any()) else 0.0]
    assert np.mean(claimed) > 3  # a claim of nothing is never wrong, but of no use


def true_digits(value: Tensor, exact: Tensor) -> Tensor:
    """Of values held against others that were rounded once: to a fiftieth of a digit near 15."""
    apart = (value - exact).abs() / exact.abs()
    return torch.where(apart > 0, -torch.log10(apart), 16.0).nan_to_num(16.0).clamp(min=0) + 0.02


def test_moments_remember_what_was_taken_away(tmp_path: Path):
    rng = np.random.default_rng(9)
    few = {"x": rng.normal(size=30), "y": rng.normal(size=30)}
    many = {"x": 1e6 * rng.normal(size=300), "y": 1e6 * rng.normal(size=300)}
    own, other = (bl.Moments.collect(d, "y ~ x") for d in (few, many))
    rest = (own + other) - other
    rest.save(tmp_path / "rest.moments")
    clean, left, stored = (bl.fit(m) for m in (own, rest, bl.Moments.load(tmp_path / "rest.moments")))
    left.save(tmp_path / "left.bestline")
    kept = bl.load(tmp_path / "left.bestline")
    exact = bl.fit(few, "y ~ x")
    assert clean.digits.min() >= 12
    for model in (left, stored, kept):
        assert model.digits.max() < 6
        for found, claimed, true in (
            (model.params, model.digits, exact.params),
            (model.bse, model.std_error_digits, exact.bse),
        ):
            # What moments cannot tell at all is not told, and has no digits.
            assert all(c <= (0 if np.isnan(v) else right(v, Fraction(t))) for v, c, t in zip(found, claimed, true, strict=True))


def test_scores_of_sums_are_those_of_moments():
    rng = np.random.default_rng(10)
    rows = Rows(torch.tensor(rng.normal(size=(40, 2))), torch.tensor(rng.normal(size=(40, 2))))
    moments, found = Comoments.of_rows(rows), solve(rows, intercept=True)
    assert found is not None
    scaling = Scaling.of(moments, 2, intercept=True, standardize=True)
    theirs = evaluate.on_moments(moments, found.weights, scaling, "rows", "training")
    ours = evaluate.on_sums(found.rss, found.tss, moments, "rows", "training")
    assert replace(ours, mse=(), rmse=(), r2=()) == replace(theirs, mse=(), rmse=(), r2=())
    for name in ("mse", "rmse", "r2"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-12)


@pytest.mark.parametrize("far", [0.0, 0.5, 3.0, 100.0])
def test_the_error_of_an_intercepts_error_grows_with_the_mean_in_three_ways(far: float) -> None:
    """Of one column of spread 1 at `far`, whose slope is 0: relative errors in units of the rounding of the moments, by hand."""
    x = torch.tensor([-1.0, 1.0] * 8, dtype=torch.float64)
    y = torch.tensor([-1.0, -1.0, 1.0, 1.0] * 4, dtype=torch.float64)
    moments = Comoments.of(torch.stack([x + far, y], 1))
    nothing, floor = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    rounding = 10 ** -float(right_digits(moments, 1, nothing, intercept=True)[0, 0])
    slope, level = 10 ** -right_error_digits(moments, 1, nothing, floor, intercept=True)[0]
    # Its variance is s^2 / n, that of the intercept s^2 (1 + far^2) / n. The floor s^2 has the error 1; of far^2 / spread^2 the
    # spread's share is far^2, the mean's 2 far (1 + far), and 1 is the sum's own.
    assert float(slope) / rounding == pytest.approx(2, rel=1e-6)
    assert float(level) / rounding == pytest.approx(1 + (3 * far**2 + 2 * far + 1) / (1 + far**2), rel=1e-6)
