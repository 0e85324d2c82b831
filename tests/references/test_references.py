"""Against what nobody here wrote: statsmodels, scikit-learn, NumPy, torch's own loops, exact arithmetic and NIST."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
import torch
from sklearn.linear_model import Lasso, LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels.tools.sm_exceptions import SingularMatrixWarning
from torch import Tensor, nn
from torch.optim.lr_scheduler import ExponentialLR, ReduceLROnPlateau, StepLR

import bestline as bl
from bestline.api.model import Model
from bestline.data.folds import row_hash
from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Rows
from bestline.numerics.scaling import Scaling
from bestline.training.outcome import Trace

pytestmark = pytest.mark.usefixtures("quiet")

# Two float64 solutions of a well-conditioned problem differ by some units of rounding times its condition, here below 1e3.
SAME = {"rel": 1e-10, "abs": 1e-10}
# p-values far in the tail multiply the relative error of t by t^2.
TAIL = {"rel": 1e-8, "abs": 1e-300}
# Predictions lose what the size of the products takes from their sum.
PREDICTED = {"rel": 1e-9, "abs": 1e-9}

DATA = Path(__file__).parent


def by_name(values: pd.Series | Sequence[float], names: Sequence[str]) -> list[float]:
    """Values in the order of these names, where statsmodels writes `g[T.b]` as bestline does."""
    return [float(values[n]) for n in names]


# --- statsmodels ------------------------------------------------------------------------------------------------------------


@cache
def frame(n: int = 240, seed: int = 0) -> pd.DataFrame:
    """Two numbers off zero, two categories, a target that depends on all of them, a positive one and weights."""
    rng = np.random.default_rng(seed)
    x1, x2 = rng.normal(3, 1, n), rng.normal(-1, 2, n)
    g, h = rng.choice(["a", "b", "c"], n), rng.choice(["left", "right"], n)
    y = 2 + 1.5 * x1 - 0.7 * x2 + np.where(g == "b", 1.0, 0.0) + 0.3 * x1 * (h == "left") + rng.normal(0, 1, n)
    return pd.DataFrame(
        {"x1": x1, "x2": x2, "g": g, "h": h, "y": y, "z": np.exp(0.1 * y), "y2": y - 3 * x2**2, "w": rng.uniform(0.2, 3, n)}
    )


FORMULAS = [
    "y ~ x1",
    "y ~ x1 + x2",
    "y ~ x1 + x2 - 1",
    "y ~ 0 + x1",
    "y ~ x1 * x2",
    "y ~ x1 + x1:x2",
    "y ~ g",
    "y ~ x1 + g + h",
    "y ~ x1 * g",
    "y ~ g * h",
    "y ~ x1 + g:h",
    "y ~ x1 + I(x1**2) + I(x2**3)",
    "log(z) ~ x1 + log(x1**2 + 1)",
    "y ~ 1",
]


def of_statsmodels(formula: str, data: pd.DataFrame, weights: str | None = None) -> Any:
    text = formula.replace("log(", "np.log(")
    return smf.ols(text, data).fit() if weights is None else smf.wls(text, data, weights=data[weights]).fit()


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("formula", FORMULAS)
class TestStatsmodels:
    def test_coefficients(self, formula: str, weights: str | None):
        model, ref = bl.fit(frame(), formula, weights=weights), of_statsmodels(formula, frame(), weights)
        names = [n.replace("np.log", "log").replace(" ** ", "**") for n in ref.params.index]
        ours = [n.replace(" ", "") for n in model.names]
        theirs = {n.replace(" ", ""): i for i, n in enumerate(names)}
        assert sorted(ours) == sorted(theirs)
        order = [theirs[n] for n in ours]
        assert model.params.tolist() == pytest.approx(ref.params.to_numpy()[order], **SAME)
        assert model.bse.tolist() == pytest.approx(ref.bse.to_numpy()[order], **SAME)
        assert model.tvalues.tolist() == pytest.approx(ref.tvalues.to_numpy()[order], **SAME)
        assert model.pvalues.tolist() == pytest.approx(ref.pvalues.to_numpy()[order], **TAIL)
        for level in (0.95, 0.5):
            assert model.conf_int(level).to_numpy() == pytest.approx(ref.conf_int(1 - level).to_numpy()[order], **SAME)
        assert model.inference.covariance[0].numpy() == pytest.approx(ref.cov_params().to_numpy()[np.ix_(order, order)], **SAME)

    def test_the_fit_as_a_whole(self, formula: str, weights: str | None):
        model, ref = bl.fit(frame(), formula, weights=weights), of_statsmodels(formula, frame(), weights)
        row = model.glance().iloc[0]
        figures = {
            "nobs": ref.nobs,
            "df_residual": ref.df_resid,
            "r_squared": ref.rsquared,
            "adj_r_squared": ref.rsquared_adj,
            "sigma": math.sqrt(ref.scale),
            "log_lik": ref.llf,
            "aic": ref.aic,
            "bic": ref.bic,
        }
        assert row[list(figures)].to_dict() == pytest.approx(figures, **SAME)
        if ref.df_model:
            assert row["statistic"] == pytest.approx(ref.fvalue, **SAME)
            assert row["p_value"] == pytest.approx(ref.f_pvalue, **TAIL)
        else:
            assert math.isnan(row["statistic"])

    @pytest.mark.parametrize("level", [0.95, 0.8])
    def test_intervals_of_predictions(self, formula: str, weights: str | None, level: float):
        new = frame(40, seed=1)
        model, ref = bl.fit(frame(), formula, weights=weights), of_statsmodels(formula, frame(), weights)
        table = ref.get_prediction(new).summary_frame(alpha=1 - level)
        mean = model.predict(new, interval="confidence", level=level)
        one = model.predict(new, interval="prediction", level=level)
        assert mean["prediction"].to_numpy() == pytest.approx(table["mean"].to_numpy(), **PREDICTED)
        assert mean["conf_low"].to_numpy() == pytest.approx(table["mean_ci_lower"].to_numpy(), **PREDICTED)
        assert mean["conf_high"].to_numpy() == pytest.approx(table["mean_ci_upper"].to_numpy(), **PREDICTED)
        assert one["pred_low"].to_numpy() == pytest.approx(table["obs_ci_lower"].to_numpy(), **PREDICTED)
        assert one["pred_high"].to_numpy() == pytest.approx(table["obs_ci_upper"].to_numpy(), **PREDICTED)


@pytest.mark.parametrize("weights", [None, "w"])
def test_levels_without_an_intercept(weights: str | None):
    """`g - 1`: one weight a level. R2 compares with zero, as in R; statsmodels finds the hidden constant and takes the mean."""
    model, ref = bl.fit(frame(), "y ~ g + x1 - 1", weights=weights), of_statsmodels("y ~ g + x1 - 1", frame(), weights)
    assert model.params.tolist() == pytest.approx(ref.params.tolist(), **SAME)
    assert model.bse.tolist() == pytest.approx(ref.bse.tolist(), **SAME)
    row = model.glance().iloc[0]
    assert [row["sigma"] ** 2, row["log_lik"], row["aic"]] == pytest.approx([ref.scale, ref.llf, ref.aic], **SAME)
    assert row["r_squared"] == pytest.approx(1 - ref.ssr / ref.uncentered_tss, **SAME)


@pytest.mark.parametrize("weights", [None, "w"])
def test_several_targets_are_so_many_fits(weights: str | None):
    model = bl.fit(frame(), target=["y", "y2"], features=["x1", "x2"], weights=weights)
    assert model.params.shape == (3, 2)
    for i, target in enumerate(["y", "y2"]):
        ref = of_statsmodels(f"{target} ~ x1 + x2", frame(), weights)
        assert model.params[target].tolist() == pytest.approx(by_name(ref.params, model.names), **SAME)
        assert model.bse[target].tolist() == pytest.approx(by_name(ref.bse, model.names), **SAME)
        assert model.pvalues[target].tolist() == pytest.approx(by_name(ref.pvalues, model.names), **TAIL)
        assert model.conf_int().loc[target].to_numpy() == pytest.approx(
            ref.conf_int().loc[list(model.names)].to_numpy(), **SAME
        )
        row = model.glance().iloc[i]
        figures = [row["r_squared"], row["statistic"], row["aic"], row["bic"], row["adj_r_squared"]]
        assert figures == pytest.approx([ref.rsquared, ref.fvalue, ref.aic, ref.bic, ref.rsquared_adj], **SAME)


def test_rows_of_weight_zero_are_absent():
    data = frame().assign(w=lambda t: np.where(np.arange(len(t)) % 3 == 0, 0.0, t["w"]))
    model = bl.fit(data, "y ~ x1 + g", weights="w")
    ref = of_statsmodels("y ~ x1 + g", data[data["w"] > 0], "w")
    assert model.bse.tolist() == pytest.approx(by_name(ref.bse, model.names), **SAME)
    assert model.glance().iloc[0]["aic"] == pytest.approx(ref.aic, **SAME)


@pytest.mark.parametrize("size", [1e-200, 1e-100, 1e100, 1e200])
def test_only_the_proportions_of_weights_count(size: float):
    data = frame()
    model = bl.fit(data.assign(w=data["w"] * size), "y ~ x1 + g", weights="w")
    ref = of_statsmodels("y ~ x1 + g", data, "w")
    assert model.params.tolist() == pytest.approx(by_name(ref.params, model.names), **SAME)
    assert model.bse.tolist() == pytest.approx(by_name(ref.bse, model.names), **SAME)


@pytest.mark.parametrize("unit", [1e-170, 1e-100, 1e100, 1e170])
def test_standard_errors_in_any_unit(unit: float):
    data = frame()
    model, ref = bl.fit(data.assign(x1=data["x1"] * unit), "y ~ x1 + x2"), of_statsmodels("y ~ x1 + x2", data)
    assert [v * u for v, u in zip(model.bse, (unit, 1, 1), strict=True)] == pytest.approx(by_name(ref.bse, model.names), **SAME)
    assert model.tvalues.tolist() == pytest.approx(by_name(ref.tvalues, model.names), **SAME)


def test_a_tiny_column_with_zeros_in_it_is_not_constant():
    x, y = np.maximum(np.arange(16.0) - 11, 0), np.arange(16.0) ** 2
    model = bl.fit((x[:, None] * 1e-200, y), solver="exact")  # some folds hold nothing but zeros
    assert model.coef.iloc[0] * 1e-200 == pytest.approx(np.polyfit(x, y, 1)[0], **SAME)


# --- exact arithmetic -------------------------------------------------------------------------------------------------------

INFERENCE = json.loads((DATA / "inference.json").read_text(encoding="utf-8"))
# Right digits that float64 moments are seen to reach, less one or two for other orders of summation. The columns of Longley are
# nearly collinear: their condition, 1e2 when centred and scaled, counts twice in moments.
REACHED = {
    "longley": 8.0,
    "engel_wls": 11.0,
    "mtcars_main": 11.5,
    "stackloss": 11.5,
    "cars_nointercept": 13,
    "warpbreaks": 12.5,
}
TAIL_LOSS = 2.0  # digits of p-values: t^2 times the relative error of t


def columns(case: str) -> dict[str, Any]:
    with (DATA / f"inference_{case}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    numbers = {n: [r[n] for r in rows] for n in rows[0]}
    return {n: v if v[0].isalpha() else np.array(v, dtype=float) for n, v in numbers.items()}


def right_digits(got: float, exact: str) -> float:
    """-log10 of the relative error, at most 16."""
    truth = Fraction(exact)
    if truth == 0:
        return 16.0 if got == 0 else -math.log10(abs(got))
    error = abs((Fraction(got) - truth) / truth)
    return 16.0 if error == 0 else min(16.0, -math.log10(error))


@pytest.mark.parametrize("case", INFERENCE)
def test_inference_of_classic_data_against_exact_arithmetic(case: str):
    facts = INFERENCE[case]
    exact, terms, bar = facts["exact"], facts["terms"], REACHED[case]
    model = bl.fit(columns(case), facts["formula"], weights=facts["weights"])
    assert sorted(model.names) == sorted(terms)
    interval = model.conf_int()
    order = [terms.index(n) for n in model.names]
    covariance = model.inference.covariance[0].flatten().tolist()
    row = model.glance().iloc[0]
    assert (row["nobs"], row["df_residual"]) == (facts["n"], facts["df_resid"])
    found = {
        "params": model.params.tolist(),
        "bse": model.bse.tolist(),
        "t": model.tvalues.tolist(),
        "p": model.pvalues.tolist(),
        "ci_lo": interval["low"].tolist(),
        "ci_hi": interval["high"].tolist(),
        "sigma": [row["sigma"]],
        "r2": [row["r_squared"]],
        "adj_r2": [row["adj_r_squared"]],
        "f": [row["statistic"]],
        "f_p": [row["p_value"]],
        "llf": [row["log_lik"]],
        "aic": [row["aic"]],
        "bic": [row["bic"]],
    }
    short = {}
    for name, values in found.items():
        truth = exact[name] if len(values) == 1 else [exact[name][i] for i in order]
        reached = min(right_digits(v, t) for v, t in zip(values, truth, strict=True))
        if reached < bar - TAIL_LOSS * (name in ("p", "f_p")):
            short[name] = round(reached, 1)
    assert not short
    size = max(abs(float(v)) for v in exact["cov"])
    d = len(terms)
    truth = [float(exact["cov"][i * d + j]) for i in order for j in order]
    assert max(abs(a - b) for a, b in zip(covariance, truth, strict=True)) < size * 10**-bar


NIST = json.loads((DATA / "nist.json").read_text(encoding="utf-8"))


def of_nist(name: str) -> Model:
    facts = NIST[name]
    x = np.array(facts["x"], dtype=float)
    y = np.array(facts["y"], dtype=float)
    if facts["kind"] == "multiple":
        return bl.fit({**{f"x{j}": x[:, j] for j in range(x.shape[1])}, "y": y}, target="y", solver="exact")
    powers = " + ".join(["x", *(f"I(x**{d})" for d in range(2, facts["degree"] + 1))])
    return bl.fit({"x": x[:, 0], "y": y}, f"y ~ {powers}{'' if facts['intercept'] else ' - 1'}")


# Digits that float64 moments are known to reach; Filip, degree 10, is beyond them and must say so.
NIST_REACHED = dict.fromkeys(("Norris", "NoInt1", "Longley", "Wampler1", "Filip"), 13.0)


@pytest.mark.parametrize("name", NIST)
def test_nist_problems_claim_no_more_digits_than_are_right(name: str):
    facts, model = NIST[name], of_nist(name)
    names = [model.names[-1], *model.names[:-1]] if facts["intercept"] else list(model.names)
    params, claimed = model.params[names].tolist(), model.digits[names].tolist()
    against = [[right_digits(v, t) for v, t in zip(params, facts[which], strict=True)] for which in ("exact", "certified")]
    true = [min(15.0, max(0.0, *pair)) for pair in zip(*against, strict=True)]  # certified values have 15 digits themselves
    assert all(c <= t for c, t in zip(claimed, true, strict=True)), (claimed, true)
    assert min(true) >= NIST_REACHED[name]
    told = any("digits are certain" in note or "combination" in note for note in model.notes)
    assert told == (min(claimed) < 8)


def test_filip_in_a_basis_of_its_own():
    """The powers of x are lost to float64 moments, their space is not: `poly` makes a basis that is well conditioned."""
    facts = NIST["Filip"]
    x, y = np.array(facts["x"], dtype=float)[:, 0], np.array(facts["y"], dtype=float)
    model = bl.fit({"x": x, "y": y}, "y ~ poly(x, 10)")
    row = model.glance().iloc[0]
    # A residual is a hundredth of y and the polynomials of degree 10 are good to some eleven digits.
    assert row["sigma"] == pytest.approx(float(facts["residual_sd"]), rel=1e-9)
    assert row["r_squared"] == pytest.approx(float(facts["r2"]), rel=1e-11)
    assert model.digits.min() >= 9  # of columns that float64 could not compute exactly
    exact = [Fraction(c) for c in facts["exact"]]
    for at in (-8.5, -6.0, -3.5):
        truth = float(sum(c * Fraction(at) ** d for d, c in enumerate(exact)))
        assert model.predict(at) == pytest.approx(truth, rel=1e-9)


def solved_exactly(X: np.ndarray, y: np.ndarray) -> list[Fraction]:
    """Least squares with an intercept, last, by rational elimination."""
    rows = [[*map(Fraction, r), Fraction(1)] for r in X.tolist()]
    target = [Fraction(v) for v in y.tolist()]
    d = len(rows[0])
    A = [
        [sum(r[i] * r[j] for r in rows) for j in range(d)] + [sum(r[i] * t for r, t in zip(rows, target, strict=True))]
        for i in range(d)
    ]
    for i in range(d):
        pivot = next(k for k in range(i, d) if A[k][i])
        A[i], A[pivot] = A[pivot], A[i]
        A[i] = [v / A[i][i] for v in A[i]]
        for k in range(d):
            if k != i and A[k][i]:
                A[k] = [a - A[k][i] * b for a, b in zip(A[k], A[i], strict=True)]
    return [row[-1] for row in A]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e7])
@pytest.mark.parametrize("apart", [1.0, 1e-3, 1e-6])
def test_digits_claimed_are_right_by_rational_arithmetic(seed: int, offset: float, apart: float):
    rng = np.random.default_rng([seed, int(offset), round(1 / apart)])
    X = rng.normal(size=(14, 3))
    X[:, 2] = X[:, 1] + apart * rng.normal(size=14)
    X += offset
    y = X @ rng.normal(size=3) + rng.normal(size=14)
    model = bl.fit((X, y), solver="exact")
    exact = solved_exactly(X, y)
    for value, truth, claimed in zip(model.params.tolist(), exact, model.digits.tolist(), strict=True):
        error = abs((Fraction(value) - truth) / truth)
        assert claimed <= (-math.log10(error) if error else 16)
    # And the claim is of use: within six digits of the best that the worst of the weights has.
    condition = np.linalg.cond((X - X.mean(0)) / X.std(0))
    assert model.digits.min() >= 15 - 6 - 2 * math.log10(condition) - math.log10(1 + offset)


def hostile(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A few rows whose columns are nearly collinear, far from zero for their spread, or of very different sizes."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 16))
    p = int(rng.integers(1, min(4, n - 2) + 1))
    X = rng.normal(size=(n, p))
    if p > 1 and rng.random() < 0.6:
        X[:, -1] = X[:, 0] * rng.choice([1.0, -3.0, 1e4]) + 10.0 ** -rng.integers(0, 8) * rng.normal(size=n)
    X = X * 10.0 ** rng.integers(-4, 5, size=p) + rng.choice([0, 1.0, 1e3, 1e6, 1e8, -1e5])
    y = X @ rng.normal(size=p) * rng.choice([1, 1e-6]) + 10.0 ** -rng.integers(0, 10) * rng.normal(size=n)
    return X, y + rng.choice([0, 0, 1e6])


@pytest.mark.parametrize("first", range(0, 480, 40))
def test_digits_claimed_of_hostile_columns_are_right_too(first: int):
    wrong = []
    for seed in range(first, first + 40):
        X, y = hostile(seed)
        model = bl.fit((X, y), solver="exact")
        for value, truth, claimed in zip(model.params.tolist(), solved_exactly(X, y), model.digits.tolist(), strict=True):
            error = abs((Fraction(value) - truth) / truth)
            true = max(0.0, -math.log10(error)) if error else 16.0
            if claimed > true:
                wrong.append((seed, claimed, round(true, 1)))
    assert not wrong, wrong


# --- scikit-learn -----------------------------------------------------------------------------------------------------------


def numbers(n: int, p: int, k: int = 1, seed: int = 0, *, offset: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated columns off zero, of different sizes, and k targets."""
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, p)) @ (np.eye(p) + 0.3 * rng.normal(size=(p, p))) + offset) * rng.uniform(0.5, 4, p)
    Y = X @ rng.normal(size=(p, k)) + rng.normal(size=(n, k)) + 5
    return X, Y if k > 1 else Y[:, 0]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("k", [1, 2])
def test_linear_regression(weighted: bool, intercept: bool, k: int):
    X, Y = numbers(150, 4, k)
    w = np.random.default_rng(1).uniform(0.1, 2, 150) if weighted else None
    ref = LinearRegression(tol=0, fit_intercept=intercept).fit(X, Y, w)
    targets = [f"y{i}" for i in range(k)]
    data = {**{f"x{j}": X[:, j] for j in range(4)}, **dict(zip(targets, Y.reshape(150, k).T, strict=True))}
    formula = f"{' + '.join(targets)} ~ x0 + x1 + x2 + x3{'' if intercept else ' - 1'}"
    model = bl.fit(data, formula, weights=w)
    assert model.weights[:4].T.numpy() == pytest.approx(ref.coef_.reshape(k, 4), **SAME)
    assert np.ravel(model.intercept) == pytest.approx(np.ravel(ref.intercept_ * np.ones(k)), **SAME)
    assert np.ravel(model.predict(X)) == pytest.approx(np.ravel(ref.predict(X)), **SAME)
    if k == 1 and intercept:
        assert model.fitted_scores.r2[0] == pytest.approx(ref.score(X, Y, w), **SAME)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("l2", [1e-3, 0.1, 5.0])
def test_ridge(l2: float, intercept: bool, weighted: bool):
    X, y = numbers(150, 4)
    w = np.random.default_rng(1).uniform(0.1, 2, 150) if weighted else None
    total = 150 if w is None else w.sum()
    data = {**{f"x{j}": X[:, j] for j in range(4)}, "y": y}
    formula = f"y ~ x0 + x1 + x2 + x3{'' if intercept else ' - 1'}"
    ridge = partial(Ridge, alpha=total * l2, solver="cholesky", fit_intercept=intercept)
    raw = ridge().fit(X, y, w)
    model = bl.fit(data, formula, l2=l2, standardize=False, weights=w)
    assert model.predict(X) == pytest.approx(raw.predict(X), **SAME)
    assert model.weights[:4, 0].tolist() == pytest.approx(raw.coef_, **SAME)
    scaler = StandardScaler(with_mean=intercept).fit(X, sample_weight=w)
    if not intercept:  # nothing is centred, so a column's size is its root mean square
        scaler.scale_ = np.sqrt(np.average(X**2, axis=0, weights=w))
    scaled = ridge().fit(scaler.transform(X), y, w)
    model = bl.fit(data, formula, l2=l2, weights=w)
    assert model.weights[:4, 0].tolist() == pytest.approx(scaled.coef_ / scaler.scale_, **SAME)
    assert model.predict(X) == pytest.approx(scaled.predict(scaler.transform(X)), **SAME)


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.5])
def test_lasso(alpha: float):
    X, y = numbers(150, 6)
    X[:, 3] = np.random.default_rng(9).normal(size=150)  # a column that the target does not depend on
    scaler = StandardScaler().fit(X)
    size = y.std()
    ref = Lasso(alpha=alpha, tol=1e-14, max_iter=100_000).fit(scaler.transform(X), (y - y.mean()) / size)
    model = bl.fit((X, y), l1=2 * alpha)
    scaled = model.weights[:6, 0].numpy() * scaler.scale_ / size
    assert scaled == pytest.approx(ref.coef_, abs=1e-8)
    assert ((scaled == 0) == (ref.coef_ == 0)).all()


@pytest.mark.parametrize("kind", ["least squares", "ridge", "no intercept", "weights", "two targets"])
@pytest.mark.parametrize("seed", [0, 7])
def test_out_of_fold_scores_are_those_of_refits(kind: str, seed: int):
    n, k = 97, 2 if kind == "two targets" else 1
    X, Y = numbers(n, 3, k)
    Y = Y.reshape(n, k)
    w = np.random.default_rng(1).uniform(0.1, 2, n) if kind == "weights" else None
    fold = torch.remainder(row_hash(Rows(torch.from_numpy(X), torch.from_numpy(Y)), seed), 5).numpy()
    l2 = 0.3 if kind == "ridge" else 0.0
    predicted = np.empty_like(Y)
    for f in range(5):
        train, test = fold != f, fold == f
        weights = None if w is None else w[train]
        if kind == "ridge":
            ref = make_pipeline(StandardScaler(), Ridge(alpha=l2 * train.sum(), solver="cholesky")).fit(X[train], Y[train])
        else:
            ref = LinearRegression(tol=0, fit_intercept=kind != "no intercept").fit(X[train], Y[train], weights)
        predicted[test] = ref.predict(X[test]).reshape(-1, k)
    mse = np.average((Y - predicted) ** 2, axis=0, weights=w)
    mean = np.average(Y, axis=0, weights=w)
    data = {**{f"x{j}": X[:, j] for j in range(3)}, **{f"y{i}": Y[:, i] for i in range(k)}}
    formula = f"{' + '.join(f'y{i}' for i in range(k))} ~ x0 + x1 + x2{' - 1' if kind == 'no intercept' else ''}"
    score = bl.fit(data, formula, l2=l2, seed=seed, weights=w).held_out
    assert (score.kind, score.rows) == ("5-fold", n)
    assert score.mse == pytest.approx(mse, **SAME)
    mean = 0 if kind == "no intercept" else mean  # a line without an intercept is held against predicting 0
    assert score.r2 == pytest.approx(1 - mse / np.average((Y - mean) ** 2, axis=0, weights=w), **SAME)
    on_rows = bl.Descent("nesterov", lr=0.05, batch_size=n, tol=1e-11)
    trained = bl.fit(data, formula, l2=l2, seed=seed, weights=w, solver=on_rows)
    assert trained.stop is bl.Stop.CONVERGED
    assert trained.held_out.mse == pytest.approx(mse, **SAME)


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


# --- torch's own loops ------------------------------------------------------------------------------------------------------

LOOPS: dict[str, tuple[Callable[..., torch.optim.Optimizer], float]] = {
    "sgd": (torch.optim.SGD, 0.05),
    "momentum": (partial(torch.optim.SGD, momentum=0.9), 0.02),
    "nesterov": (partial(torch.optim.SGD, momentum=0.9, nesterov=True), 0.02),
    "adam": (torch.optim.Adam, 0.1),
    "adamw": (torch.optim.AdamW, 0.1),
    "rmsprop": (torch.optim.RMSprop, 0.02),
    "adagrad": (torch.optim.Adagrad, 0.3),
    "lbfgs": (partial(torch.optim.LBFGS, line_search_fn="strong_wolfe", tolerance_grad=0.0, tolerance_change=0.0), 1.0),
}
SCHEDULES: dict[str, Callable[..., Any]] = {
    "constant": lambda _: None,
    "step": partial(StepLR, step_size=10, gamma=0.5),
    "exponential": partial(ExponentialLR, gamma=0.95),
    "plateau": partial(ReduceLROnPlateau, patience=2, factor=0.5, threshold=0.3),
}


def looped(
    rows: Rows,
    start: Tensor,
    maker: Callable[..., Any],
    *,
    lr: float,
    steps: int,
    schedule: Callable[..., Any],
) -> tuple[Tensor, Tensor]:
    """Weights (t, d, k) and losses (t,) of the loop that a reader of torch's documentation writes."""
    p, k = rows.X.shape[1], rows.y.shape[1]
    with torch.random.fork_rng():
        model = nn.Linear(p, k, dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(start[:p].T)
        model.bias.copy_(start[p])
    optimizer = maker(model.parameters(), lr=lr)
    scheduler = schedule(optimizer)

    def closure() -> Tensor:
        optimizer.zero_grad()
        squares = (model(rows.X) - rows.y) ** 2
        share = squares.mean(0) if rows.w is None else (rows.w[:, None] * squares).sum(0) / rows.w.sum()
        loss = share.sum()
        loss.backward()
        return loss

    weights, losses = [], []
    for t in range(steps + 1):
        weights.append(torch.cat([model.weight.detach().T, model.bias.detach()[None]]).clone())
        loss = closure().detach()
        losses.append(loss)
        if t == steps:
            break
        if isinstance(optimizer, torch.optim.LBFGS):
            optimizer.step(closure)
        else:
            optimizer.step()
        if isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step(loss)
        elif scheduler is not None:
            scheduler.step()
    return torch.stack(weights), torch.stack(losses)


def train_and_loop(
    solver: bl.Descent,
    maker: Callable[..., Any],
    *,
    standardize: bool,
    k: int = 1,
    weighted: bool = False,
    schedule: Callable[..., Any] = SCHEDULES["constant"],
) -> tuple[Trace, Tensor, Tensor]:
    """The trace of bestline, and weights and losses of the loop in the same units."""
    X, Y = numbers(80, 3, k, offset=0.5)
    X = X / 3
    w = torch.from_numpy(np.random.default_rng(1).uniform(0.1, 2, 80)) if weighted else None
    rows = Rows(torch.from_numpy(X), torch.from_numpy(Y.reshape(80, k)), w)
    scaling = Scaling.of(Comoments.of_rows(rows), 3, intercept=True, standardize=standardize)
    start = torch.linspace(-1, 1, 4 * k, dtype=torch.float64).reshape(4, k)
    run = partial(looped, lr=float(solver.lr), steps=solver.steps or 0, schedule=schedule)
    weights, losses = run(scaling.rows(rows), scaling.to_trained(start), maker)
    model = bl.fit((X, Y), solver=solver, start=start, standardize=standardize, weights=None if w is None else w.numpy())
    if k == 1:
        losses = losses * scaling.target_scale**2
    return model.trace, scaling.to_data(weights), losses


# Sixty steps of rounding.
STEPPED = {"rel": 1e-10, "abs": 1e-10}
# The line search of L-BFGS compares losses, which near the bottom tell weights apart down to the root of rounding only.
SEARCHED = {"rel": 1e-7, "abs": 1e-7}


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("name", LOOPS)
def test_descent_on_moments_is_the_loop_on_rows(name: str, standardize: bool):
    maker, lr = LOOPS[name]
    steps = 6 if name == "lbfgs" else 60
    trace, weights, losses = train_and_loop(bl.Descent(name, lr=lr, steps=steps), maker, standardize=standardize)
    assert trace.weights.numpy() == pytest.approx(weights.numpy(), **(SEARCHED if name == "lbfgs" else STEPPED))
    assert trace.loss.tolist() == pytest.approx(losses.tolist(), **STEPPED)
    assert trace.loss[-1] < trace.loss[0]


@pytest.mark.parametrize("name", ["sgd", "nesterov", "adam"])
@pytest.mark.parametrize("options", [{"k": 2}, {"weighted": True}], ids=["two targets", "weights"])
def test_descent_with_targets_and_weights_is_the_loop_too(name: str, options: dict[str, Any]):
    maker, lr = LOOPS[name]
    trace, weights, losses = train_and_loop(bl.Descent(name, lr=lr, steps=40), maker, standardize=False, **options)
    assert trace.weights.numpy() == pytest.approx(weights.numpy(), **STEPPED)
    assert trace.loss.tolist() == pytest.approx(losses.tolist(), **STEPPED)


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize("schedule", ["step", "exponential", "plateau"])
def test_schedules_are_torch_s(schedule: str, name: str, standardize: bool):
    (maker, lr), make = LOOPS[name], SCHEDULES[schedule]
    solver = bl.Descent(name, lr=lr, steps=60, schedule=make)
    trace, weights, _ = train_and_loop(solver, maker, standardize=standardize, schedule=make)
    assert trace.weights.numpy() == pytest.approx(weights.numpy(), **STEPPED)
    assert trace.rate[-1] < trace.rate[0] == lr


@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("name", LOOPS)
def test_one_batch_of_all_rows_is_the_whole_data(name: str, standardize: bool):
    X, y = numbers(80, 3, offset=0.5)
    lr, steps = LOOPS[name][1], 4 if name == "lbfgs" else 60
    start = [0.1, -0.2, 0.3, 0.5]

    def run(size: int | None) -> Trace:
        solver = bl.Descent(name, lr=lr, steps=steps, batch_size=size)
        return bl.fit((X / 3, y), solver=solver, start=start, standardize=standardize).trace

    whole, sliced = run(None), run(80)
    assert sliced.weights.numpy() == pytest.approx(whole.weights.numpy(), **(SEARCHED if name == "lbfgs" else STEPPED))
    assert sliced.loss.tolist() == pytest.approx(whole.loss.tolist(), **STEPPED)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("p", [1, 4])
@pytest.mark.parametrize(("name", "steps"), [("sgd", 6_000), ("momentum", 600), ("nesterov", 3_000)])
def test_rates_just_below_the_limit_contract_and_just_above_diverge(name: str, steps: int, p: int, seed: int):
    X, y = numbers(50, p, seed=seed, offset=1.0)
    run = partial(bl.fit, (X, y), standardize=bool(seed % 2), start=[1.0] * (p + 1))
    limit = run(solver=bl.Descent(name, lr=1e-3, steps=0)).rate_limit
    H = 2 * run(solver=bl.Descent(name, lr=1e-3, steps=0)).trained.objective.smooth.curvature
    factor = {"sgd": 2, "momentum": 2 * 1.9, "nesterov": 2 * 1.9 / 2.8}[name]
    assert limit == pytest.approx(factor / float(torch.linalg.eigvalsh(H)[-1]), rel=1e-12)
    below = run(solver=bl.Descent(name, lr=0.999 * limit, steps=steps))
    assert below.stop is bl.Stop.STEPS
    assert below.trace.gap[-1] < 1e-3 * below.trace.gap[: steps // 3].max()
    above = run(solver=bl.Descent(name, lr=1.001 * limit, steps=20_000))
    assert above.stop is bl.Stop.DIVERGED


@pytest.mark.parametrize("l2", [0.1, 1.0, 50.0])
@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov"])
def test_a_penalty_lowers_the_limit_and_the_automatic_rate(name: str, l2: float):
    X, y = numbers(50, 3, offset=1.0)
    exact = bl.fit((X, y), l2=l2)
    model = bl.fit((X, y), solver=bl.Descent(name, lr=1e-3, steps=0), l2=l2)
    H = 2 * model.trained.objective.smooth.curvature + 2 * l2 * torch.diag(torch.tensor([1.0, 1, 1, 0], dtype=torch.float64))
    factor = {"sgd": 2, "momentum": 2 * 1.9, "nesterov": 2 * 1.9 / 2.8}[name]
    assert model.rate_limit == pytest.approx(factor / float(torch.linalg.eigvalsh(H)[-1]), rel=1e-9)
    trained = bl.fit((X, y), solver=bl.Descent(name), l2=l2)
    assert trained.stop is bl.Stop.CONVERGED
    assert trained.params.tolist() == pytest.approx(exact.params.tolist(), rel=1e-6)


def test_the_loss_of_moments_is_torch_s():
    X, Y = numbers(80, 3, 2)
    rows = {**{f"x{j}": X[:, j] for j in range(3)}, "a": Y[:, 0], "b": Y[:, 1]}
    loss = bl.nn.MomentLoss(bl.Moments.collect(rows, "a + b ~ x0 + x1 + x2"))
    with torch.random.fork_rng():
        model = nn.Linear(3, 2, dtype=torch.float64)
    ours = loss(model.weight, model.bias)
    theirs = nn.MSELoss()(model(torch.from_numpy(X)), torch.from_numpy(Y))
    assert ours.item() == pytest.approx(theirs.item(), **SAME)
    got, expected = (torch.autograd.grad(v, list(model.parameters())) for v in (ours, theirs))
    for a, b in zip(got, expected, strict=True):
        assert a.numpy() == pytest.approx(b.numpy(), **SAME)


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


# --- memory -----------------------------------------------------------------------------------------------------------------

_FIT_AND_MEASURE = """
import re, sys, warnings
from pathlib import Path
import torch
def peak():  # of this process alone, in MB; getrusage would start from the peak of the process that made it
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
before = peak()
import bestline as bl
warnings.simplefilter("ignore")
model = bl.fit(sys.argv[1], "y ~ a + b + c + d", solver="exact")
assert model.training.count == int(sys.argv[2])
print(peak() - before)
"""


@pytest.mark.heavy
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is measured as Linux reports it")
def test_a_long_file_is_read_in_little_memory(tmp_path: Path):
    import pyarrow as pa
    from pyarrow import csv as writer

    n = 2_000_000
    rng = np.random.default_rng(0)
    writer.write_csv(pa.table({name: rng.normal(size=n) for name in "abcdy"}), tmp_path / "long.csv")
    script = [sys.executable, "-c", _FIT_AND_MEASURE, str(tmp_path / "long.csv"), str(n)]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    assert 0 < float(done.stdout) < 600
