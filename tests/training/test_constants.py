"""Numbers that stand in the code because somebody found them, against where they come from."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import statsmodels.api as sm
import torch
from scipy import stats
from scipy.optimize import brentq
from sklearn.linear_model import ElasticNet, LinearRegression

import bestline as bl
from bestline.numerics import Rows
from bestline.numerics.comoments import Comoments
from bestline.numerics.scaling import Scaling
from bestline.training.cross_validation import geometric, select
from bestline.training.objective import residual_scale
from bestline.training.penalty.elastic_net import ElasticNetPenalty
from bestline.training.solvers import Descent
from bestline.training.solvers.path import Normal, solve, top

pytestmark = pytest.mark.usefixtures("quiet")

f64 = torch.float64


def table(n: int = 80, p: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * [1.0, 3.0, 0.5, 2.0][:p] + 1
    return X, X @ [2.0, -1.0, 0.0, 0.3][:p] + rng.standard_t(3, n)


def efficiency(delta: float) -> float:
    """Of Huber's estimate of a mean where errors are normal, against the mean itself: (E psi')^2 / E psi^2."""
    inside = 2 * stats.norm.cdf(delta) - 1
    square = inside - 2 * delta * stats.norm.pdf(delta) + 2 * delta**2 * stats.norm.sf(delta)
    return float(inside**2 / square)


def test_hubers_edge_is_where_he_loses_a_twentieth() -> None:
    delta = brentq(lambda d: efficiency(d) - 0.95, 0.5, 3)
    X, y = table(80)
    residuals = y - LinearRegression(tol=0).fit(X, y).predict(X)
    # The robust scale: the median size of the residuals over that of a standard normal.
    scale = float(np.median(np.abs(residuals)) / stats.norm.ppf(0.75))
    assert f"{delta:.3f}" == "1.345"  # three decimals are given everywhere
    model, same = bl.fit((X, y), loss="huber"), bl.fit((X, y), loss=f"huber:{1.345 * scale!r}")
    other = bl.fit((X, y), loss=f"huber:{1.35 * scale!r}")  # as its neighbour among the constants, scikit-learn's
    # Our 0.6745 is the quartile of a standard normal to four digits, so the two lines are not quite one.
    assert np.abs(model.params - same.params).max() < 0.05 * np.abs(other.params - same.params).max()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [4, 7, 8, 30, 31])
def test_hubers_scale_is_that_of_statsmodels_for_any_number_of_rows(n: int, weighted: bool) -> None:
    """An even number of rows has its median between two; a row of weight 3 is three rows."""
    X, y = table(n, 1, seed=n)
    w = np.random.default_rng(n).integers(1, 4, n) if weighted else np.ones(n, dtype=int)
    each = np.repeat(np.arange(n), w)
    residuals = (y - LinearRegression(tol=0).fit(X[each], y[each]).predict(X))[each]
    rows = Rows(torch.from_numpy(X), torch.from_numpy(y)[:, None], torch.from_numpy(w).double() / 10 if weighted else None)
    moments = Comoments.of_rows(rows)
    found = residual_scale(rows, moments, Scaling.of(moments, 1, intercept=True, standardize=True))
    assert float(found[0]) == pytest.approx(sm.robust.mad(residuals, center=0), rel=1e-9)


@pytest.mark.parametrize("decay", [0.0, 0.3, 5.0])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_weight_decay_lowers_the_largest_stable_rate(decay: float, momentum: float, nesterov: bool) -> None:
    """The decay adds to the curvature, of the intercept too, and so has descent explode sooner: just above the limit it does."""
    if nesterov and not momentum:
        nesterov, momentum = False, 0.5
    X, y = table(40, 2)
    maker = partial(torch.optim.SGD, weight_decay=decay, momentum=momentum, nesterov=nesterov)
    ones = np.c_[X, np.ones(40)]
    steepest = np.linalg.eigvalsh(2 * ones.T @ ones / 40)[-1] + decay
    factor = 2 * (1 + momentum) / ((1 + 2 * momentum) if nesterov else 1)
    run = partial(bl.fit, (X, y), standardize=False, start=[1.0, 1.0, 1.0])
    limit = run(solver=Descent(maker, lr=1e-3, steps=0)).rate_limit
    assert limit == pytest.approx(factor / steepest, rel=1e-10)
    assert run(solver=Descent(maker, lr=1.01 * limit, steps=20_000)).stop is bl.Stop.DIVERGED
    assert run(solver=Descent(maker, lr=0.99 * limit, steps=2_000)).stop is bl.Stop.STEPS


@pytest.mark.parametrize("factors", [[1.0, 1.0, 1.0, 1.0], [2.0, 0.1, 1.0, 3.0], [0.0, 1.0, 0.5, 0.0]])
def test_the_first_penalty_of_a_path_is_the_least_that_leaves_no_column_in(factors: list[float]) -> None:
    X, y = table()
    moments = Comoments.of(torch.from_numpy(np.c_[X, y]))
    normal = Normal.of([moments], [Scaling.of(moments, 4, intercept=True, standardize=True)])
    f = torch.tensor(factors, dtype=f64)
    first = float(top(normal, f))
    # By numpy: what the free columns leave over pulls at each of the others, by its factor.
    Z, t = (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()
    free = Z[:, f == 0]
    rest = t - (free @ np.linalg.lstsq(free, t, rcond=None)[0] if free.size else 0)
    pulls = [2 * abs(z @ rest) / 80 / share for z, share in zip(Z.T, factors, strict=True) if share]
    assert first == pytest.approx(max(pulls), rel=1e-10)
    held = f > 0
    above, below = (solve(normal, by * first, 0.0, factors=f).weights[0, 0, held, 0] for by in (1 + 1e-9, 0.999))
    assert int((above != 0).sum()) == 0
    assert int((below != 0).sum()) == 1
    folds = [Comoments.of(torch.from_numpy(np.c_[X, y][i::4])) for i in range(4)]
    chosen = select("lasso", folds, 4, intercept=True, factors=f)
    assert float(chosen.l1[0]) == pytest.approx(first, rel=1e-9)
    assert int(chosen.nonzero[0]) == int((~held).sum())
    assert float(chosen.l1[99] / chosen.l1[0]) == pytest.approx(1e-4)


@pytest.mark.parametrize("bad", [[-1.0, 1, 1, 1], [float("nan"), 1, 1, 1], [float("inf"), 1, 1, 1], [1.0, 1, 1]])
def test_factors_that_are_none_are_refused(bad: list[float]) -> None:
    X, y = table()
    moments = Comoments.of(torch.from_numpy(np.c_[X, y]))
    normal = Normal.of([moments], [Scaling.of(moments, 4, intercept=True, standardize=True)])
    with pytest.raises(bl.errors.OptionError, match="4 finite numbers that are not negative"):
        solve(normal, 0.1, 0.0, factors=torch.tensor(bad, dtype=f64))


def test_with_fewer_rows_than_columns_the_series_ends_sooner() -> None:
    """As glmnet's does: a hundredth of the first penalty, not a ten-thousandth."""
    X = np.random.default_rng(0).normal(size=(12, 30))
    folds = [Comoments.of(torch.from_numpy(np.c_[X, X[:, :1]][i::3])) for i in range(3)]
    chosen = select("lasso", folds, 30, intercept=True)
    assert float(chosen.l1[99] / chosen.l1[0]) == pytest.approx(1e-2)
    assert len(geometric(2.0)) == 100


def test_errors_of_folds_and_their_spread_are_numpys() -> None:
    """Folds of unlike weight count by their weight; the spread of the mean is over one fold fewer than there are."""
    X, y = table(90)
    w = np.random.default_rng(1).uniform(0.1, 4, 90)
    place = np.repeat([0, 1, 2], [15, 25, 50])
    Z = torch.from_numpy(np.c_[X, y])
    folds = [Comoments.of(Z[place == i], torch.from_numpy(w[place == i])) for i in range(3)]
    chosen = select("enet", folds, 4, intercept=True, standardize=False, ratios=[0.5])
    at = 40
    l1, l2 = float(chosen.l1[at]), float(chosen.l2[at])
    found = []
    for i in range(3):
        own, held = place != i, place == i
        # Theirs halves the squares: alpha r = l1 / 2 and alpha (1 - r) = l2.
        alpha = l1 / 2 + l2
        peer = ElasticNet(alpha=alpha, l1_ratio=l1 / 2 / alpha, tol=1e-14, max_iter=100_000)
        peer.fit(X[own], y[own], sample_weight=w[own])
        found.append(np.average((y[held] - peer.predict(X[held])) ** 2, weights=w[held]))
    share = np.array([w[place == i].sum() for i in range(3)]) / w.sum()
    variance = np.average((y - np.average(y, weights=w)) ** 2, weights=w)
    mean = share @ found
    assert float(chosen.error[at]) == pytest.approx(mean / variance, rel=1e-7)
    spread = np.sqrt(share @ (np.array(found) - mean) ** 2 / 2)
    assert float(chosen.std_error[at]) == pytest.approx(spread / variance, rel=1e-6)


def test_the_curvature_of_a_penalty_is_the_largest_eigenvalue_of_its_hessian() -> None:
    """Of a ridge by autograd, whatever the factors: it bounds the rate."""
    penalty = ElasticNetPenalty(0.0, 0.7, torch.tensor([0.5, 3.0, 0.0], dtype=f64))
    w = torch.tensor([[1.0], [-2.0], [0.5]], dtype=f64)
    hessian = torch.autograd.functional.hessian(lambda v: penalty.value(v[:, None]), w[:, 0])
    assert penalty.curvature == pytest.approx(float(torch.linalg.eigvalsh(hessian)[-1]))
    both = ElasticNetPenalty(0.4, 0.7, torch.tensor([0.5, 3.0, 0.0], dtype=f64))
    gradient = torch.autograd.functional.jacobian(both.value, w)
    assert torch.allclose(both.gradient(w), gradient)
