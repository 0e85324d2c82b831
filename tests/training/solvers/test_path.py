"""Penalty paths against scikit-learn, closed forms, 50-digit arithmetic and the conditions of an optimum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mpmath import lu_solve, matrix, mp, mpf
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge, enet_path, lasso_path
from sklearn.preprocessing import StandardScaler

import bestline as bl
from bestline.errors import DataError, OptionError, ShapeError
from bestline.training.cross_validation import geometric
from bestline.training.penalty import ElasticNetPenalty as Penalty
from bestline.training.solvers import Proximal
from bestline.training.solvers.path import Normal, solve, top
from training.penalised import normal_of, series, shortlist, table

# Duality gaps are a share of the target's second moment; rounding of a few hundred terms.
ROUNDING = 1e-13


# Coordinate descent asked for a gap of 1e-14 has the square root of that in the weights of correlated columns.
DESCENT = {"rel": 1e-6, "abs": 1e-6}


f64 = torch.float64


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.05])
@pytest.mark.parametrize("shape", [(120, 8), (400, 40), (30, 60)])
def test_a_path_is_scikit_learns(shape: tuple[int, int], ratio: float, positive: bool) -> None:
    X, y = table(*shape, seed=3)
    normal = normal_of(X, y)
    l1 = geometric(float(top(normal)), count=30, smallest=0.01)
    path = solve(normal, l1, l1 * (1 - ratio) / (2 * ratio), positive=positive)
    alphas = (l1 / (2 * ratio)).numpy()
    options = {"alphas": alphas, "tol": 1e-14, "max_iter": 1_000_000, "positive": positive}
    centred = X - X.mean(0), y[:, 0] - y.mean()
    theirs = (lasso_path(*centred, **options) if ratio == 1 else enet_path(*centred, l1_ratio=ratio, **options))[1].T
    assert path.weights[0, :, :, 0].numpy() == pytest.approx(theirs, **DESCENT)
    assert float(path.gap.max()) <= ROUNDING * float(normal.square)
    assert float(path.gap.min()) >= 0
    assert not path.weights[:, 0].any()  # the largest penalty leaves nothing in
    assert not positive or bool((path.weights >= 0).all())


def exact_problem(name: str) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Problems on which coordinate descent loses most of its digits: X, y, alpha, l1_ratio."""
    if name == "diabetes":
        return *load_diabetes(return_X_y=True), 0.1, 1.0
    rng = np.random.default_rng(7)
    if name == "near duplicates":
        X = rng.normal(size=(100, 8))
        X = np.hstack([X, X + 1e-6 * rng.normal(size=X.shape)])
        return X, X[:, :4] @ [1.0, -1, 0.5, 2] + 0.1 * rng.normal(size=100), 0.01, 1.0
    if name == "scales from 1e-4 to 1e4":
        X = rng.normal(size=(60, 9)) * np.logspace(-4, 4, 9)
        return X, (X / np.logspace(-4, 4, 9)).sum(1) + rng.normal(size=60), 0.05, 1.0
    X, y = table(30, 60, seed=5, correlation=0.9)
    return X, y[:, 0], 0.05, 1.0 if name == "wide lasso" else 0.5


@pytest.mark.parametrize("name", ["diabetes", "near duplicates", "scales from 1e-4 to 1e4", "wide lasso", "wide elastic net"])
def test_solutions_and_supports_are_exact(name: str) -> None:
    """The signs found are put to the proof in 50 digits: the equations on the support, and that no other column may enter."""
    X, y, alpha, ratio = exact_problem(name)
    l1, l2 = 2 * alpha * ratio, alpha * (1 - ratio)
    found = solve(normal_of(X, y), series(l1), series(l2)).weights[0, 0, :, 0].numpy()
    on, n = np.flatnonzero(found), len(y)
    mp.dps = 50
    columns = [[mpf(v) for v in column] for column in X.T]
    columns = [[v - mp.fsum(c) / n for v in c] for c in columns]
    target = [mpf(v) for v in y]
    target = [v - mp.fsum(target) / n for v in target]
    A = matrix(len(on), len(on))
    for i, a in enumerate(on):
        for j, b in enumerate(on):
            A[i, j] = mp.fdot(columns[a], columns[b]) / n + (mpf(l2) if a == b else 0)
    b = matrix([mp.fdot(columns[a], target) / n - mpf(l1) / 2 * int(np.sign(found[a])) for a in on])
    exact = lu_solve(A, b)
    left = [target[i] - mp.fsum(exact[j] * columns[a][i] for j, a in enumerate(on)) for i in range(n)]
    pull = [abs(mp.fdot(column, left)) / n for column in columns]
    assert all(int(mp.sign(exact[j])) == int(np.sign(found[a])) for j, a in enumerate(on))
    assert all(pull[j] < mpf(l1) / 2 for j in set(range(X.shape[1])) - set(on.tolist()))
    worst = max(abs(mpf(found[a]) - exact[j]) * float(X[:, a].std()) for j, a in enumerate(on))
    size = max(abs(exact[j]) * float(X[:, a].std()) for j, a in enumerate(on))
    assert float(worst / size) < 1e-12


def test_an_orthonormal_design_is_soft_thresholding() -> None:
    h = series(3, -2, 0.5, 0.1, -0.01)[:, None]
    normal = Normal(torch.eye(5, dtype=f64)[None], h[None], series(20)[None])
    l1, l2 = series(8, 4, 1, 0.5, 0.02, 0.001), series(0.5, 0.3, 0.2, 0.1, 0, 0)
    expected = torch.sign(h) * (h.abs() - l1 / 2).clamp(min=0) / (1 + l2)
    path = solve(normal, l1, l2)
    assert torch.allclose(path.weights[0, :, :, 0].T, expected, rtol=1e-14, atol=1e-15)
    assert torch.equal(path.support[0, :, :, 0].T, expected != 0)


def test_free_columns_are_partialled_out_collinear_or_not() -> None:
    X, y = table(200, 6, seed=2)
    both = np.hstack([X, X[:, :1] + X[:, 1:2]])  # the last repeats what the first two say
    factors = series(0, 0, 1, 1, 2, 1, 0)
    l1 = series(0.3, 0.05)
    path = solve(normal_of(both, y), l1, 0 * l1, factors=factors)
    # A lasso of the residuals on the residuals, column 4 at half its size.
    centred = X - X.mean(0)
    free = centred[:, :2]
    onto = np.linalg.lstsq(free, np.hstack([centred[:, 2:], y - y.mean()]), rcond=None)[0]
    rest = np.hstack([centred[:, 2:], y - y.mean()]) - free @ onto
    shrunk = rest[:, :-1] / [1, 1, 2, 1]
    for i, value in enumerate(l1.tolist()):
        theirs = Lasso(alpha=value / 2, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(shrunk, rest[:, -1]).coef_
        assert path.weights[0, i, 2:6, 0].numpy() == pytest.approx(theirs / [1, 1, 2, 1], **DESCENT)
    fitted = path.weights[0, :, :, 0].numpy() @ (both - both.mean(0)).T
    left = (y - y.mean())[:, 0] - fitted
    assert np.abs(left @ free).max() < 1e-10  # nothing of the free columns is left over
    # Of all that fit as well, the free columns have the smallest norm.
    direction = np.array([1, 1, -1]) / 3**0.5
    assert np.abs(path.weights[0][:, [0, 1, 6], 0].numpy() @ direction).max() < 1e-12


def test_ridge_is_scikit_learns_and_that_of_augmented_rows() -> None:
    X, y = table(80, 7, seed=4, k=2)
    l2 = series(1e6, 1, 1e-6, 1e-12, 0)
    path = solve(normal_of(X, y), 0 * l2, l2)
    for i, value in enumerate(l2.tolist()):
        theirs = (Ridge(alpha=80 * value, solver="svd") if value else LinearRegression()).fit(X, y).coef_
        assert path.weights[0, i].T.numpy() == pytest.approx(theirs, rel=1e-10)
    assert float(path.gap.max()) < ROUNDING * float(normal_of(X, y).square.max())
    # Columns of very different sizes: the penalty as rows of their own, the columns at one size (a plain SVD loses six digits).
    sizes = np.logspace(-5, 5, 7)
    path = solve(normal_of(X * sizes, y), 0 * l2, l2)
    for i, value in enumerate(l2.tolist()):
        rows = np.vstack([X - X.mean(0), np.diag((80 * value) ** 0.5 / sizes)])
        theirs = np.linalg.lstsq(rows, np.vstack([y - y.mean(0), np.zeros((7, 2))]), rcond=None)[0]
        assert path.weights[0, i].numpy() * sizes[:, None] == pytest.approx(theirs, rel=1e-9, abs=1e-12)


def test_targets_and_their_own_series_are_problems_apart() -> None:
    X, y = table(150, 6, seed=5, k=3)
    l1 = torch.stack([geometric(float(t), count=12) for t in top(normal_of(X, y))[0]], 1)
    together = solve(normal_of(X, y), l1, 0 * l1)
    for i in range(3):
        alone = solve(normal_of(X, y[:, i]), l1[:, i], 0 * l1[:, i])
        assert torch.allclose(together.weights[:, :, :, i], alone.weights[:, :, :, 0], atol=1e-12)


@pytest.mark.parametrize("short", [None, 1, 4])
def test_duplicates_and_constants_have_a_solution_with_a_certificate(short: int | None) -> None:
    X, y = table(60, 5, seed=6)
    X = np.hstack([X, X[:, :3], np.ones((60, 1)), X[:, :1] - X[:, 1:2]])
    normal = normal_of(X, y)
    l1 = geometric(float(top(normal)), count=25, smallest=1e-5)
    with shortlist(short):
        path = solve(normal, l1, 0 * l1)
    assert float(path.gap.max()) <= ROUNDING * float(normal.square)
    assert not path.weights[0, :, 8].any()
    plain = solve(normal_of(X[:, :5], y), l1, 0 * l1)
    predicted, expected = (
        (X[:, : w.shape[1]] - X.mean(0)[: w.shape[1]]) @ w.numpy().T
        for w in (path.weights[0, :, :, 0], plain.weights[0, :, :, 0])
    )
    # The column that is a difference of two others can only make the penalty smaller.
    assert (np.abs(path.weights[0, :, :, 0].numpy()).sum(1) <= np.abs(plain.weights[0, :, :, 0].numpy()).sum(1) + 1e-9).all()
    assert predicted[:, -1] == pytest.approx(expected[:, -1], abs=1e-3)


def test_nothing_to_explain_no_columns_and_all_penalised_out() -> None:
    X, y = table(20, 3)
    flat = normal_of(X, np.full((20, 1), 2.0))
    assert not solve(flat, series(1, 0.1, 0), series(0, 0, 0)).weights.any()
    none = normal_of(X[:, :0], y)
    assert solve(none, series(1), series(0)).weights.shape == (1, 1, 0, 1)
    gone = solve(normal_of(X, y), series(1e6), series(0))
    assert not gone.weights.any()
    assert float(gone.gap) == 0


def test_a_series_may_be_in_any_order_and_a_start_does_not_matter() -> None:
    X, y = table(100, 30, seed=8, correlation=0.95)
    normal = normal_of(X, y)
    l1 = geometric(float(top(normal)), count=20)
    l2 = 0.1 * l1
    down = solve(normal, l1, l2).weights
    assert torch.allclose(solve(normal, l1.flip(0), l2.flip(0)).weights.flip(1), down, atol=1e-11)
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(1, 30, 1, generator=generator, dtype=f64)
    for at in (3, 19):
        alone = solve(normal, l1[at : at + 1], l2[at : at + 1], start=start)
        assert torch.allclose(alone.weights[:, 0], down[:, at], atol=1e-11)


seeds = st.integers(0, 10_000)


shortlists = st.sampled_from([None, 1, 3, 8])


@given(seeds, st.integers(1, 12), st.integers(2, 40), st.sampled_from([1.0, 0.7, 0.1]), st.booleans(), shortlists)
def test_every_solution_is_optimal(seed: int, p: int, n: int, ratio: float, positive: bool, short: int | None) -> None:
    """The violation of the optimality conditions, by the objective's own definition, is rounding; the loss falls with the penalty."""
    X, y = table(n, p, seed, correlation=0.9)
    normal = normal_of(X, y)
    l1 = geometric(max(float(top(normal)), 1e-3), count=15)
    l2 = l1 * (1 - ratio) / (2 * ratio) if short is None else torch.full_like(l1, (1 - ratio) / 10)
    with shortlist(short):
        path = solve(normal, l1, l2, positive=positive)
    square = float(normal.square)
    assert float(path.gap.min()) >= 0
    assert float(path.gap.max()) <= 1e-11 * square
    size = (normal.curvature[0].diagonal().sqrt()[:, None] * square**0.5).clamp(min=1e-300)
    for i in range(15):
        w = path.weights[0, i]
        gradient = 2 * (normal.curvature[0] @ w - normal.linear[0])
        penalty = Penalty(float(l1[i]), float(l2[i]), torch.ones(p, dtype=f64))
        violation = penalty.violation(w, gradient)
        if positive:
            violation = torch.where(w == 0, (-gradient - l1[i]).clamp(min=0), violation)
        assert float((violation / size).max()) < 1e-10
    losses = normal.losses(path.weights)[0, :, 0]
    if short is not None:  # the other penalty is no part of what falls
        losses = losses + l2 * (path.weights[0, :, :, 0] ** 2).sum(1)
    assert bool((losses.diff() <= 1e-12 * square).all())
    steps = geometric(1.0, count=2, smallest=1 - 1e-7) * l1[7]
    near = solve(normal, steps, steps * (1 - ratio) / (2 * ratio), positive=positive)
    fitted = normal.curvature[0] @ near.weights[0].diff(dim=0)[0]
    assert float((fitted / size).abs().max()) < 1e-5  # the fit moves no faster than the penalty


def test_series_and_factors_that_make_no_sense() -> None:
    normal = normal_of(*table(20, 3))
    with pytest.raises(OptionError, match="l1"):
        solve(normal, series(-1), series(0))
    with pytest.raises(OptionError, match="l2"):
        solve(normal, series(1), series(float("nan")))
    with pytest.raises(ShapeError, match="one length"):
        solve(normal, series(1, 2, 3), series(0, 0))
    with pytest.raises(DataError, match="too large"):
        solve(Normal(normal.curvature * torch.inf, normal.linear, normal.square), series(1), series(0))
    with pytest.raises(OptionError, match="factors"):
        solve(normal, series(1), series(0), factors=series(1, 1))
    with pytest.raises(ShapeError):
        Normal(torch.eye(2, dtype=f64)[None], torch.zeros(1, 2, 1, dtype=f64), torch.zeros(2, 1, dtype=f64))
    with pytest.raises(OptionError, match="smallest"):
        geometric(1.0, smallest=0)


def test_the_solver_for_one_penalty_ends_exactly(quiet: None) -> None:
    X, y = table(60, 12, seed=11, correlation=0.99)
    model = bl.fit((X, y), l1=0.05, l2=0.01, solver=Proximal())
    scaler = StandardScaler().fit(X)
    height = y.std()
    theirs = ElasticNet(alpha=0.035, l1_ratio=0.05 / 0.07, tol=1e-14, max_iter=1_000_000)
    theirs.fit(scaler.transform(X), (y[:, 0] - y.mean()) / height)
    assert model.coef.to_numpy() * X.std(0) / height == pytest.approx(theirs.coef_, **DESCENT)
    assert "Converged" in model.advice
    assert model.trace.step[-1] <= 600
