"""Against NumPy: offsets, float32, minimum norm, nearly equal columns, polynomials."""

from __future__ import annotations

import math
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import torch
from statsmodels.tools.sm_exceptions import SingularMatrixWarning

import bestline as bl

pytestmark = pytest.mark.usefixtures("quiet")


# Two float64 solutions of a well-conditioned problem differ by some units of rounding times its condition, here below 1e3.
SAME = {"rel": 1e-10, "abs": 1e-10}


# Predictions lose what the size of the products takes from their sum.
PREDICTED = {"rel": 1e-9, "abs": 1e-9}


# --- offsets and precision --------------------------------------------------------------------------------------------------


@cache
def ladder() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ten columns that stay exact under an offset of 1e8, a target, and the slopes of the centred columns."""
    rng = np.random.default_rng(0)
    Z = np.round(rng.normal(size=(200_000, 10)) * 2**20) / 2**20
    y = Z @ np.linspace(-2, 2.5, 10) + rng.normal(size=200_000)
    centred = Z - Z.mean(0)
    return Z, y, np.linalg.lstsq(centred, y - y.mean(), rcond=None)[0]


@pytest.mark.parametrize("offset", [0.0, 1e2, 1e4, 1e6, 1e8])
def test_an_offset_costs_no_digit(offset: float):
    Z, y, slopes = ladder()
    X = Z + offset
    assert np.array_equal(X - offset, Z)
    model = bl.fit((X, y), solver="exact")
    assert np.abs(model.weights[:10, 0].numpy() - slopes).max() < 1e-10
    intercept = y.mean() - Z.mean(0) @ slopes - offset * slopes.sum()
    assert model.intercept == pytest.approx(intercept, abs=1e-10 * (1 + 10 * offset))


@pytest.mark.parametrize("n", [100_000, pytest.param(10_000_000, marks=pytest.mark.heavy)])
def test_float32_rows_keep_their_digits(n: int):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, generator=generator, dtype=torch.float32) + 100
    model = bl.fit((x[:, None], x + 2), solver="exact")
    assert model.coef.iloc[0] == pytest.approx(1, abs=1e-7)
    # Every y is off by up to half of 2^-16, the spacing of float32 at 102.
    assert model.intercept == pytest.approx(2, abs=2e-7 if n > 1_000_000 else 1e-5)
    x -= 100
    model = bl.fit((x[:, None], x + 2), solver="exact")
    assert model.intercept == pytest.approx(2, abs=2e-7)
    assert model.coef.iloc[0] == pytest.approx(1, abs=2e-7)


# --- rank deficiency --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_minimum_norm_is_numpy_s(seed: int, intercept: bool):
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(60, 3)) + 1
    X = np.column_stack([base, base[:, 0] - 2 * base[:, 1], base[:, 2], base[:, 2] * 3 + (5 if intercept else 0)])
    y = base @ [1.0, -2.0, 0.5] + rng.normal(size=60)
    mean, level = (X.mean(0), y.mean()) if intercept else (np.zeros(6), 0.0)
    slopes = np.linalg.lstsq(X - mean, y - level, rcond=1e-12)[0]
    predicted = (X - mean) @ slopes + level
    data = {**{f"x{j}": X[:, j] for j in range(6)}, "y": y}
    formula = f"y ~ x0 + x1 + x2 + x3 + x4 + x5{'' if intercept else ' - 1'}"
    for standardize in (False, True):
        with pytest.warns(bl.errors.BestlineWarning, match=r"combination|repeats"):
            model = bl.fit(data, formula, standardize=standardize)
        assert model.predict(data) == pytest.approx(predicted, **PREDICTED)
        if not standardize:
            assert model.weights[:6, 0].tolist() == pytest.approx(slopes, **SAME)
    assert model.inference.rank == np.linalg.matrix_rank(X - mean) + intercept
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularMatrixWarning)
        ref = sm.OLS(y, np.column_stack([X, np.ones(60)]) if intercept else X).fit()
    row = model.glance().iloc[0]
    assert [row["df_residual"], row["sigma"]] == pytest.approx([ref.df_resid, math.sqrt(ref.scale)], **SAME)


@pytest.mark.parametrize("standardize", [True, False])
def test_more_columns_than_rows(standardize: bool):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 30)), rng.normal(size=12)
    model = bl.fit((X, y), solver="exact", standardize=standardize)
    assert model.predict(X) == pytest.approx(y, **PREDICTED)
    if not standardize:
        slopes = np.linalg.lstsq(X - X.mean(0), y - y.mean(), rcond=None)[0]
        assert model.weights[:30, 0].tolist() == pytest.approx(slopes, **PREDICTED)


def test_nearly_equal_columns_are_not_called_equal():
    """Moments cannot tell columns apart that differ by 1e-8 of their spread; the rows can, and they are read again."""
    rng = np.random.default_rng(0)
    a, z = rng.normal(size=(2, 50))
    model = bl.fit((np.column_stack([a, a + 1e-8 * z]), z), solver="exact")
    assert model.digits.min() == 15
    assert model.notes
    assert not any("same column" in note or "exact combination" in note for note in model.notes)


def test_a_small_column_beside_a_large_one_is_no_noise():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2)) * [1e-9, 1e9]
    y = X @ [1e9, 1e-9] + 0.1 * rng.normal(size=100)
    model = bl.fit((X, y), solver="exact")
    ref = np.linalg.lstsq(np.column_stack([X * [1e9, 1e-9], np.ones(100)]), y, rcond=None)[0]
    assert model.coef.to_numpy() / [1e9, 1e-9] == pytest.approx(ref[:2], **SAME)


# --- polynomials ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("degree", [1, 2, 3, 6])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_poly_spans_the_powers_and_is_orthonormal(degree: int, offset: float):
    from formulaic import model_matrix

    rng = np.random.default_rng(degree)
    x = rng.uniform(-3, 5, 90) + offset
    data = pd.DataFrame({"x": x, "y": rng.normal(size=90)})
    model = bl.fit(data, f"y ~ poly(x, {degree})")
    X = next(iter(model.rows())).X.numpy()
    assert X.shape == (90, degree)
    assert X.sum(0) == pytest.approx(np.zeros(degree), abs=1e-11)
    gram = X.T @ X
    assert gram == pytest.approx(np.eye(degree), abs=1e-11)
    powers = np.vander((x - x.mean()) / x.std(), degree + 1)
    with_one = np.column_stack([X, np.ones(90)])
    assert powers == pytest.approx(with_one @ np.linalg.lstsq(with_one, powers, rcond=None)[0], abs=1e-9)
    theirs = model_matrix(f"poly(x, {degree}) - 1", data - [offset, 0]).to_numpy()
    assert np.abs(X.T @ theirs) == pytest.approx(np.eye(degree), abs=1e-9)
    raw = bl.fit(data.assign(x=x - offset), f"y ~ poly(x, {degree}, raw=True)")
    assert model.predict(data) == pytest.approx(raw.predict(data.assign(x=x - offset)), rel=1e-7)
