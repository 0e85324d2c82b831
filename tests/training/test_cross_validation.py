"""Penalty paths and cross-validation against scikit-learn, closed forms, 50-digit arithmetic and the laws of optimality."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mpmath import lu_solve, matrix, mp, mpf
from sklearn.datasets import load_diabetes
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    LinearRegression,
    Ridge,
    RidgeCV,
    enet_path,
    lasso_path,
)
from sklearn.model_selection import GridSearchCV, KFold, LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

import bestline as bl
from bestline.errors import DataError, OptionError, ShapeError
from bestline.numerics.comoments import Comoments, by_group
from bestline.numerics.rows import Rows
from bestline.numerics.scaling import Scaling
from bestline.pictures.penalty_paths import coefficient_path, error_curve
from bestline.training.cross_validation import fold_errors, geometric, leave_one_out, refuse_wide, select
from bestline.training.penalty import Penalty
from bestline.training.solvers import Proximal
from bestline.training.solvers import shortlist as stretches
from bestline.training.solvers.active_sets import Cells, State
from bestline.training.solvers.path import Normal, solve, top

# Duality gaps are a share of the target's second moment; rounding of a few hundred terms.
ROUNDING = 1e-13
# Coordinate descent asked for a gap of 1e-14 has the square root of that in the weights of correlated columns.
DESCENT = {"rel": 1e-6, "abs": 1e-6}
# Two float64 ways to one mean squared error.
SAME = {"rel": 1e-8}

f64 = torch.float64


def table(n: int = 120, p: int = 8, seed: int = 0, *, k: int = 1, correlation: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """Columns each correlated with the one before, a third of them of use, a target off zero."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    for j in range(1, p):
        X[:, j] = correlation * X[:, j - 1] + (1 - correlation**2) ** 0.5 * X[:, j]
    slopes = np.where(rng.random((p, k)) < 0.4, rng.normal(size=(p, k)), 0)
    return X + rng.normal(size=p), 3 + X @ slopes + rng.normal(size=(n, k))


def normal_of(X: np.ndarray, y: np.ndarray, *, intercept: bool = True, w: np.ndarray | None = None) -> Normal:
    weights = None if w is None else torch.tensor(w)
    rows = Rows(torch.tensor(X), torch.tensor(y.reshape(len(y), -1)), weights)
    statistic = Comoments.of_rows(rows)
    scaling = Scaling.of(statistic, X.shape[1], intercept=intercept, standardize=False)
    return Normal.of([statistic], [scaling])


def series(*values: float) -> Tensor:
    return torch.tensor(values, dtype=f64)


def folds_of(X: np.ndarray, y: np.ndarray, count: int = 5, w: np.ndarray | None = None) -> tuple[list[Comoments], np.ndarray]:
    number = np.random.default_rng(9).permutation(len(y)) % count
    rows = Rows(torch.tensor(X), torch.tensor(y.reshape(len(y), -1)), None if w is None else torch.tensor(w))
    return by_group(rows, torch.tensor(number), count), number


def splits(number: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.flatnonzero(number != f), np.flatnonzero(number == f)) for f in range(number.max() + 1)]


# --- one path ---------------------------------------------------------------------------------------------------------------


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


@contextmanager
def shortlist(columns: int | None) -> Iterator[None]:
    """Paths decide about so many columns at a time, or about all when None."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "_MANY", 1_000_000 if columns is None else 1)
        patch.setattr(stretches, "_SHORT", columns)
        yield


@pytest.mark.parametrize("short", [1, 9, 40])
@pytest.mark.parametrize(
    ("correlation", "positive", "k"), [(0.6, False, 1), (0.99, False, 2), (0.6, True, 1), (0.995, False, 1)]
)
def test_a_shortlist_of_any_length_says_the_same_as_all_columns(short: int, correlation: float, positive: bool, k: int) -> None:
    X, y = table(400, 90, seed=4, k=k, correlation=correlation)
    X[:, 7] = 5.0  # and one that does not vary
    normal = normal_of(X, y + 0.3 * X.sum(1, keepdims=True))
    l1 = geometric(float(top(normal).max()), smallest=1e-5)
    factors = torch.linspace(0 if positive else 0.5, 2, 90, dtype=f64)
    for l2 in (0 * l1, 0 * l1 + 0.01):
        with shortlist(short):
            found = solve(normal, l1, l2, factors=factors, positive=positive)
        with shortlist(None):
            whole = solve(normal, l1, l2, factors=factors, positive=positive)
        assert positive or int(found.support[0, -1, :, 0].sum()) > 67  # so three quarters are active at the end
        assert torch.equal(found.support, whole.support)
        size = float(whole.weights.abs().max())
        assert float((found.weights - whole.weights).abs().max()) < 1e-11 / (1 - correlation**2) * size
        assert float((found.gap / normal.square[:, None]).max()) < 1e-13


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.95])
def test_shortlists_carry_whole_paths(monkeypatch: pytest.MonkeyPatch, correlation: float) -> None:
    """Of independent columns there is none about which all others have to be asked."""
    normal = normal_of(*table(500, 150, seed=9, correlation=correlation))
    along, carried = stretches._along, []

    def watched(cells: Cells, state: State) -> int:
        rounds = along(cells, state)
        carried.append(bool((state.at == state.ends).all()))
        return rounds

    monkeypatch.setattr(stretches, "_along", watched)
    l1 = geometric(float(top(normal)), smallest=1e-4)
    for short in (16, 64):
        with shortlist(short):
            solve(normal, l1, 0 * l1)
    assert carried == [True, True]


@given(st.integers(0, 10_000), st.integers(2, 14), st.integers(0, 3))
def test_a_core_that_changes_has_the_factor_of_its_columns(seed: int, p: int, copies: int) -> None:
    """Columns come from the shortlist and leave, again and again; those that repeat others are told apart."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3 * p, p)) * 10 ** rng.uniform(-0.5, 0, p) + rng.normal(size=(3 * p, 1))
    of = rng.integers(0, p, copies)
    X = np.hstack([X, X[:, of]])
    X = torch.tensor(X / np.sqrt((X**2).sum(0)))
    G, ridge, q = X.T @ X, torch.zeros(p + copies, dtype=f64), p + copies
    right = torch.tensor(rng.normal(size=(q, 2)))
    core, near = stretches._Core.empty(q), np.arange(q)
    for _ in range(6):
        core.eliminate(torch.tensor(near), G, right)
        wanted = torch.zeros(q, dtype=torch.bool)
        wanted[core.columns] = torch.tensor(rng.random(len(core.columns)) < 0.8)
        wanted[near] = torch.tensor(rng.random(len(near)) < 0.4)
        doubles = bool((wanted[of] & wanted[p:]).any()) or len(set(of[wanted[p:].numpy()])) < int(wanted[p:].sum())
        assert core.become(wanted, G, ridge) == (not doubles)
        if doubles:
            return
        C = core.columns
        assert torch.equal(C.sort().values, wanted.nonzero()[:, 0])
        L = torch.linalg.cholesky(G[C][:, C])
        assert torch.allclose(core.factor.tril(), L, atol=1e-12)
        rest = np.flatnonzero(~wanted.numpy())
        near = rest[rng.permutation(len(rest))[: max(1, len(rest) // 2)]]
        S, force = core.eliminate(torch.tensor(near), G, right)
        onto = torch.linalg.solve(G[C][:, C], G[C][:, near])
        assert torch.allclose(S, G[near][:, near] - G[near][:, C] @ onto, atol=1e-11)
        assert torch.allclose(force, right[near] - onto.T @ right[C], atol=1e-11)
        l1, found = series(0.0, 0.5), torch.tensor(rng.normal(size=(2, len(near))))
        pull = right[C, :1] - right[C, 1:] * l1 - G[C][:, near] @ found.T
        assert torch.allclose(core.weights(found, l1), torch.linalg.solve(G[C][:, C], pull).T, atol=1e-10)


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


# --- cross-validation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("intercept", [True, False])
def test_fold_errors_are_scikit_learns(intercept: bool) -> None:
    X, y = table(150, 9, seed=12)
    X = X + 50
    folds, number = folds_of(X, y)
    if not intercept:
        X, y = X - 50, y - 3
        folds, number = folds_of(X, y)
    peer = ElasticNetCV(l1_ratio=[0.3, 1.0], alphas=20, cv=splits(number), fit_intercept=intercept, tol=1e-13, max_iter=10**6)
    peer.fit(X, y[:, 0])
    alphas = torch.tensor(peer.alphas_, dtype=f64).T  # (m, r)
    ratios = series(0.3, 1.0)
    ours = fold_errors(folds, 9, 2 * alphas * ratios, alphas * (1 - ratios), intercept=intercept)
    assert ours[:, :, :, 0].permute(2, 1, 0).numpy() == pytest.approx(peer.mse_path_, **SAME)


def test_alphas_and_the_choice_are_lasso_cvs() -> None:
    X, y = load_diabetes(return_X_y=True)
    folds, number = folds_of(X, y, 10)
    peer = LassoCV(cv=splits(number), tol=1e-12, max_iter=10**6).fit(X, y)
    normal = normal_of(X, y)
    l1 = geometric(float(top(normal)))
    assert (l1 / 2).numpy() == pytest.approx(peer.alphas_, rel=1e-12)
    errors = fold_errors(folds, 10, l1, 0 * l1, intercept=True)
    assert errors[:, :, 0].T.numpy() == pytest.approx(peer.mse_path_, **SAME)
    best = int(errors.mean(0)[:, 0].argmin())
    assert float(l1[best]) / 2 == pytest.approx(peer.alpha_, rel=1e-12)
    coef = solve(normal, l1, 0 * l1).weights[0, best, :, 0]
    assert coef.numpy() == pytest.approx(peer.coef_, rel=1e-5, abs=1e-4)


def test_each_fold_is_standardised_by_its_own_training_part() -> None:
    X, y = table(90, 5, seed=13)
    X = X * [1, 10, 0.1, 100, 3]
    folds, number = folds_of(X, y, 3)
    chosen = select("lasso", folds, 5, intercept=True)
    assert chosen is not None
    cuts = splits(number)
    for at in (10, 50, 80):
        for f, (train, test) in enumerate(cuts):
            height = y[train].std()
            line = make_pipeline(StandardScaler(), Lasso(alpha=float(chosen.l1[at]) / 2, tol=1e-14, max_iter=10**6))
            line.fit(X[train], y[train, 0] / height)
            mse = ((line.predict(X[test]) * height - y[test, 0]) ** 2).mean()
            assert float(chosen.fold_mse[f, at, 0]) == pytest.approx(mse, **SAME)


def test_ridge_by_folds_is_a_grid_search() -> None:
    X, y = table(100, 6, seed=14)
    folds, number = folds_of(X, y, 4)  # equal folds, so that the penalty per row is the same in each
    alphas = np.logspace(-3, 3, 9)
    search = GridSearchCV(Ridge(), {"alpha": alphas * 75}, cv=splits(number), scoring="neg_mean_squared_error").fit(X, y[:, 0])
    l2 = torch.tensor(alphas)
    ours = fold_errors(folds, 6, 0 * l2, l2, intercept=True)[:, :, 0]
    theirs = np.stack([-search.cv_results_[f"split{f}_test_score"] for f in range(4)])
    assert ours.numpy() == pytest.approx(theirs, **SAME)


def test_groups_left_out_weights_and_several_targets() -> None:
    X, y = table(80, 4, seed=15, k=2)
    rng = np.random.default_rng(1)
    w, group = rng.integers(1, 4, size=80), rng.choice(7, size=80, p=np.array([30, 20, 10, 5, 5, 5, 5]) / 80)
    repeated = np.repeat(np.arange(80), w)
    rows = Rows(torch.tensor(X), torch.tensor(y), torch.tensor(w, dtype=f64))
    folds = by_group(rows, torch.tensor(group), 7)
    l1, l2 = series(0.5, 0.1), series(0.1, 0.02)
    ours = fold_errors(folds, 4, l1, l2, intercept=True)
    cuts = list(LeaveOneGroupOut().split(X[repeated], groups=group[repeated]))
    for i in range(2):
        for at in range(2):
            alpha = float(l1[at] / 2 + l2[at])
            line = ElasticNet(alpha=alpha, l1_ratio=float(l1[at]) / 2 / alpha, tol=1e-14, max_iter=10**6)
            for f, (train, test) in enumerate(cuts):
                fitted = line.fit(X[repeated][train], y[repeated][train, i])
                mse = ((fitted.predict(X[repeated][test]) - y[repeated][test, i]) ** 2).mean()
                assert float(ours[f, at, i]) == pytest.approx(mse, **SAME)


def test_both_choices_and_standard_errors_are_as_defined() -> None:
    X, y = table(70, 10, seed=16)
    folds, _ = folds_of(X, y, 6)
    for kind in ("ridge", "lasso", "enet"):
        chosen = select(kind, folds, 10, intercept=True)
        assert chosen is not None
        share = np.array([f.weight for f in folds]) / 70
        relative = chosen.fold_mse[:, :, 0].numpy() / y.var()
        mean = np.average(relative, axis=0, weights=share)
        assert chosen.error.numpy() == pytest.approx(mean)
        error = np.sqrt(np.average((relative - mean) ** 2, axis=0, weights=share) / 5)
        assert chosen.std_error.numpy() == pytest.approx(error)
        assert chosen.best == int(mean.argmin())
        bound = mean[chosen.best] + error[chosen.best]
        alike = [i for i in range(len(mean)) if chosen.ratio[i] == chosen.ratio[mean[:-1].argmin()]]
        assert chosen.one_se == next(i for i in [*alike, len(mean) - 1] if mean[i] <= bound)
        assert float(chosen.gap.max()) < ROUNDING
        many = {"ridge": 1, "lasso": 1, "enet": 7}[kind]
        assert len(alike) == (len(mean) - 1) // many
        mixed = chosen.l1[:-1] / (chosen.l1[:-1] + 2 * chosen.l2[:-1])
        assert mixed.numpy() == pytest.approx(chosen.ratio[:-1].numpy())
        assert float(chosen.l1[-1]) == float(chosen.l2[-1]) == 0
        assert chosen.weights[-1, :-1, 0].numpy() == pytest.approx(LinearRegression().fit(X, y[:, 0]).coef_)
        frame = chosen.frame()
        assert list(frame.columns) == ["l1", "l2", "ratio", "error", "std_error", "nonzero", "gap", "mse"]
        assert len(frame) == len(chosen.error)
        assert chosen.gain >= 0


def test_where_there_is_no_noise_no_penalty_is_best() -> None:
    X, _ = table(60, 3, seed=2)
    folds, _ = folds_of(X, X.sum(1))
    for kind in ("ridge", "lasso", "enet"):
        chosen = select(kind, folds, 3, intercept=True)
        assert chosen is not None
        assert chosen.best == chosen.one_se == len(chosen.error) - 1
        assert chosen.gain == 0
        assert error_curve(chosen).note.startswith("No penalty predicts best")
        assert "least error" not in error_curve(chosen).table()["label"]


def test_the_line_of_the_best_penalty_is_what_fit_gives(quiet: None) -> None:
    X, y = table(90, 6, seed=17)
    X = X * [1, 10, 0.1, 100, 3, 1]
    folds, _ = folds_of(X, y)
    chosen = select("enet", folds, 6, intercept=True)
    assert chosen is not None
    at = chosen.best if float(chosen.l1[chosen.best]) else 30
    model = bl.fit((X, y), l1=float(chosen.l1[at]), l2=float(chosen.l2[at]))
    assert model.weights.numpy() == pytest.approx(chosen.weights[at].numpy(), rel=1e-9)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_leaving_one_row_out_is_ridge_cvs(intercept: bool, weighted: bool) -> None:
    X, y = table(40, 5, seed=18, k=2)
    w = np.random.default_rng(3).uniform(0.5, 2, 40) if weighted else None
    alphas = np.array([0.1, 1.0, 10.0])
    rows = Rows(torch.tensor(X), torch.tensor(y), None if w is None else torch.tensor(w))
    whole = Comoments.of_rows(rows)
    ours = leave_one_out(rows, whole, torch.tensor(alphas / whole.weight), intercept=intercept)
    if not weighted:
        for at, alpha in enumerate(alphas):
            line = Ridge(alpha=alpha, fit_intercept=intercept, solver="svd")
            predicted = cross_val_predict(line, X, y, cv=KFold(40))
            assert ours[:, at].numpy() == pytest.approx(y - predicted, rel=1e-8, abs=1e-10)
    for at, alpha in enumerate(alphas):
        for i in (0, 17, 39):
            rest = np.arange(40) != i
            line = Ridge(alpha=alpha, fit_intercept=intercept, solver="svd").fit(
                X[rest], y[rest], None if w is None else w[rest]
            )
            assert ours[i, at].numpy() == pytest.approx(y[i] - line.predict(X[i : i + 1])[0], rel=1e-8, abs=1e-10)
    peer = RidgeCV(alphas=alphas, fit_intercept=intercept, store_cv_results=True).fit(X, y[:, 0])
    if not weighted:
        assert ours[:, :, 0].numpy() ** 2 == pytest.approx(peer.cv_results_, rel=1e-7, abs=1e-12)


def test_empty_folds_too_few_folds_and_wide_tables() -> None:
    X, y = table(30, 3)
    folds, _ = folds_of(X, y, 3)
    empty = Comoments.empty(4)
    assert select("lasso", [folds[0], empty], 3, intercept=True) is None
    chosen = select("lasso", [*folds, empty], 3, intercept=True)
    assert chosen is not None
    assert chosen.folds == 3
    with pytest.raises(DataError, match="two folds"):
        fold_errors([*folds, empty], 3, series(1), series(0), intercept=True)
    with pytest.raises(OptionError, match="ridge"):
        select("bayes", folds, 3, intercept=True)
    with pytest.raises(OptionError, match="ratios"):
        select("enet", folds, 3, intercept=True, ratios=[0.0])
    refuse_wide(1_000, 10)
    with pytest.raises(OptionError, match="20,000 columns"):
        refuse_wide(20_000, 5)


def test_folds_of_one_row_constant_columns_and_float32() -> None:
    X, y = table(12, 4, seed=20)
    X[:, 2] = 5
    single, _ = folds_of(X, y, 12)
    chosen = select("lasso", single, 4, intercept=True)
    assert chosen is not None
    assert bool(chosen.fold_mse.isfinite().all())
    assert not chosen.weights[:, 2].any()
    narrow = Rows(torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32))
    again = select("lasso", by_group(narrow, torch.arange(12), 12), 4, intercept=True)
    assert again is not None
    assert again.error.numpy() == pytest.approx(chosen.error.numpy(), rel=1e-2)
    flat = select("lasso", folds_of(X, np.full((12, 1), 2.0), 4)[0], 4, intercept=True)
    assert flat is not None
    assert not flat.weights[:, :-1].any()


def test_columns_far_from_zero_keep_their_digits() -> None:
    X, y = table(100, 4, seed=21)
    # Offsets are powers of two beyond what rounding the columns would change.
    X, y = np.round(X * 1024) / 1024, np.round(y * 1024) / 1024
    near, _ = folds_of(X, y)
    far, _ = folds_of(X + 2**26, y - 2**26)
    l1 = series(0.5, 0.1, 0.01)
    for standardize in (False, True):
        pair = [fold_errors(f, 4, l1, 0 * l1, intercept=True, standardize=standardize) for f in (near, far)]
        assert pair[0].numpy() == pytest.approx(pair[1].numpy(), rel=1e-7)


# --- pictures ---------------------------------------------------------------------------------------------------------------


def test_pictures_hold_the_numbers_of_the_selection() -> None:
    X, y = table(90, 12, seed=22)
    folds, _ = folds_of(X, y)
    chosen = select("enet", folds, 12, intercept=True, names=[f"c{j}" for j in range(12)], targets=["t"])
    assert chosen is not None
    cells = error_curve(chosen).table()
    at = [i for i in range(len(chosen.error)) if chosen.ratio[i] == chosen.ratio[chosen.best]]
    curve = [v for v, label in zip(cells["y"], cells["label"], strict=True) if str(label).startswith("error of rows")]
    assert curve == chosen.error[at].tolist()
    assert float(chosen.error[chosen.best]) in cells["y"]
    path = coefficient_path(chosen, scales=X.std(0).tolist())
    table_ = path.table()
    largest = chosen.weights[at[-1], :-1, 0].abs() * torch.tensor(X.std(0))
    drawn = [v for v, label in zip(table_["y"], table_["label"], strict=True) if label == f"c{int(largest.argmax())}"]
    assert drawn == pytest.approx((chosen.weights[at, int(largest.argmax()), 0] * X.std(0)[int(largest.argmax())]).tolist())
    with pytest.raises(OptionError, match="target"):
        coefficient_path(chosen, target=1)
    with pytest.raises(OptionError, match="scales"):
        coefficient_path(chosen, scales=[1.0])


@pytest.mark.parametrize("k", [1, 2])
def test_the_table_of_coefficients_is_scikit_learns_path_in_the_datas_units(k: int) -> None:
    X, y = table(p=4, k=k)
    X *= [1, 50, 0.1, 2]
    folds = by_group(Rows(torch.tensor(X), torch.tensor(y)), torch.arange(len(X)) % 5, 5)
    chosen = select("lasso", folds, 4, intercept=True)
    assert chosen is not None
    found = chosen.coefficients()
    assert found.shape == (len(chosen.frame()), 5 * k)
    assert list(found.index.get_level_values("l1")) == chosen.l1.tolist()
    for i in range(k):
        columns = [name if k == 1 else f"{name}:y{i}" for name in ("x0", "x1", "x2", "x3", "Intercept")]
        for at in (0, 30, 60):
            spread = y[:, i].std()
            line = Lasso(alpha=float(chosen.l1[at]) / 2, tol=1e-14, max_iter=100_000)
            line.fit((X - X.mean(0)) / X.std(0), (y[:, i] - y[:, i].mean()) / spread)
            slopes = line.coef_ * spread / X.std(0)
            expected = [*slopes, y[:, i].mean() - X.mean(0) @ slopes]
            assert found[columns].iloc[at].to_numpy() == pytest.approx(expected, **DESCENT)
