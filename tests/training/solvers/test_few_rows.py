"""Lines through few rows of very many columns, against the same lines from moments, scikit-learn and copied rows."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn import linear_model as peer
from sklearn.model_selection import KFold

import bestline as bl
from bestline.errors import DataError, OptionError, ShapeError
from bestline.estimators import ElasticNet, ElasticNetCV, Lasso, LassoCV
from bestline.numerics.comoments import Comoments
from bestline.numerics.rows import Rows
from bestline.numerics.scaling import Scaling
from bestline.training import too_wide
from bestline.training.cross_validation import geometric
from bestline.training.solvers import few_rows
from bestline.training.solvers.few_rows import CentredRows, solve_rows
from bestline.training.solvers.path import Normal, solve, top
from bestline.training.too_wide import refuse_folds

# Duality gaps over the target's mean square: rounding of a few hundred terms.
GAP = 1e-12
# Two exact ways to one solution: equations of some hundred correlated columns lose a few digits.
SAME = {"rel": 1e-9, "abs": 1e-10}
# Coordinate descent with a gap of 1e-12 has the square root of that in its weights, less the rows' curvature.
DESCENT = {"rel": 1e-6, "abs": 1e-7}

f64 = torch.float64


def table(n: int, p: int, seed: int = 0, *, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Columns each correlated with the one before, five of use for each target, and a target off zero."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    X[:, 1:] += 0.6 * X[:, :-1]
    slopes = np.zeros((p, k))
    for i in range(k):
        slopes[rng.choice(p, 5, replace=False), i] = rng.normal(size=5)
    return X + rng.normal(size=p), 3 + X @ slopes + rng.normal(size=(n, k))


def rows_of(X: np.ndarray, y: np.ndarray, w: np.ndarray | None = None) -> Rows:
    return Rows(torch.tensor(X), torch.tensor(y if y.ndim == 2 else y[:, None]), None if w is None else torch.tensor(w))


def few_of(X: np.ndarray, y: np.ndarray, w: np.ndarray | None = None, *, intercept: bool = True) -> CentredRows:
    return CentredRows.of(rows_of(X, y, w), intercept=intercept)


def normal_of(rows: Rows, *, intercept: bool = True) -> Normal:
    moments = Comoments.of_rows(rows)
    scaling = Scaling.of(moments, rows.X.shape[1], intercept=intercept, standardize=False)
    return Normal.of([moments], [replace(scaling, center=moments.center) if intercept else scaling])


def series(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=f64)


# --- against the same path from moments -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.05])
@pytest.mark.parametrize("shape", [(60, 200), (30, 40), (80, 20)])
def test_a_path_is_that_of_moments(shape: tuple[int, int], ratio: float, positive: bool) -> None:
    X, y = table(*shape, seed=1, k=2)
    w = np.random.default_rng(2).uniform(0.2, 3, len(X))
    rows = rows_of(X, y, w)
    normal = normal_of(rows)
    l1 = geometric(float(top(normal).amax()), count=25, smallest=0.01)
    l2 = l1 * (1 - ratio) / (2 * ratio)
    theirs = solve(normal, l1, l2, positive=positive)
    ours = solve_rows(CentredRows.of(rows, intercept=True), l1, l2, positive=positive)
    assert ours.weights.numpy() == pytest.approx(theirs.weights.numpy(), **SAME)
    assert torch.equal(ours.support, theirs.support)
    assert bool((ours.gap <= GAP * normal.square[:, None]).all())
    assert not ours.weights[0, 0].any(0)[int(top(normal)[0].argmin())]  # the largest penalty leaves nothing in


@pytest.mark.parametrize("order", ["one value", "ascending", "a series for each target", "far below the last"])
def test_any_series_of_penalties(order: str) -> None:
    X, y = table(40, 120, seed=3, k=2)
    rows = rows_of(X, y)
    normal = normal_of(rows)
    largest = float(top(normal).amax())
    l1 = {
        "one value": series(0.05 * largest),
        "ascending": series(0.05, 0.2, 0.9).mul(largest),
        "a series for each target": torch.tensor([[0.9, 0.3], [0.1, 0.2]], dtype=f64) * largest,
        "far below the last": series(0.9, 0.001).mul(largest),
    }[order]
    theirs, few = solve(normal, l1, series(0.01)), CentredRows.of(rows, intercept=True)
    ours = solve_rows(few, l1, series(0.01))
    assert ours.weights.numpy() == pytest.approx(theirs.weights.numpy(), **SAME)
    warm = solve_rows(few, l1, series(0.01), start=ours.weights[0, 0])
    assert warm.weights.numpy() == pytest.approx(theirs.weights.numpy(), **SAME)
    assert warm.rounds <= ours.rounds


@pytest.mark.parametrize("positive", [False, True])
def test_free_columns_and_factors(positive: bool) -> None:
    X, y = table(50, 120, seed=4)
    X[:, 7] = X[:, 3] + X[:, 4]  # penalised, and a combination of free ones
    factors = torch.tensor(np.random.default_rng(5).uniform(0.5, 2, 120))
    factors[[3, 4, 9]] = 0.0
    rows = rows_of(X, y)
    normal = normal_of(rows)
    l1 = geometric(float(top(normal, factors)), count=10, smallest=0.02)
    for l2 in (torch.zeros_like(l1), 0.3 * l1):
        theirs = solve(normal, l1, l2, factors=factors, positive=positive)
        ours = solve_rows(CentredRows.of(rows, intercept=True), l1, l2, factors=factors, positive=positive)
        assert ours.weights.numpy() == pytest.approx(theirs.weights.numpy(), **SAME)
        assert float(ours.gap.max()) <= GAP * float(normal.square)
        assert positive or bool(ours.support[0, :, [3, 4, 9]].all())


def test_ridge_and_least_squares_are_scikit_learns() -> None:
    X, y = table(30, 90, seed=6, k=2)
    few = few_of(X, y)
    path = solve_rows(few, series(0.0), series(10, 0.1, 1e-4, 0))
    for i, l2 in enumerate((10, 0.1, 1e-4)):
        theirs = peer.Ridge(alpha=30 * l2, solver="svd").fit(X, y)
        assert path.weights[0, i].T.numpy() == pytest.approx(theirs.coef_, rel=1e-8, abs=1e-10)
        assert few.level(path.weights[0, i]).numpy() == pytest.approx(theirs.intercept_, rel=1e-8)
    smallest = np.linalg.pinv(X - X.mean(0)) @ (y - y.mean(0))
    assert path.weights[0, 3].numpy() == pytest.approx(smallest, rel=1e-8, abs=1e-10)
    assert bool((path.gap[0] <= GAP * few.square).all())


@pytest.mark.parametrize("share", [0.2, 0.7, 1.0])
def test_the_gap_of_no_weights_is_that_of_its_closed_form(share: float) -> None:
    """Without weights and ridge the residuals are y, to be shrunk by c = l1 / max 2 |x_j'y|: so the gap is (1 - c)^2 |y|^2."""
    X, y = (torch.tensor(v) for v in table(30, 50, seed=7))
    ones = torch.ones(50, dtype=f64)
    dual = few_rows._DualProblem.of(X, y[:, 0], ones, positive=False)
    nothing = torch.zeros(1, 50, dtype=f64)
    hardest = float(2 * (X.T @ y).abs().max())
    gap = dual._gaps(nothing, dual.pulls(nothing), series(share * hardest), series(0.0))
    assert float(gap) == pytest.approx((1 - share) ** 2 * float((y**2).sum()), rel=1e-9, abs=1e-6)


# --- what columns and rows may be --------------------------------------------------------------------------------------------------


def test_weights_are_copies_of_rows() -> None:
    X, y = table(40, 150, seed=7)
    w = np.random.default_rng(8).integers(0, 4, 40).astype(float)
    X[w == 0, 5], X[w > 0, 5] = 1e6, 7.0  # constant on the rows that count
    copied = np.repeat(np.arange(40), w.astype(int))
    l1 = series(0.5, 0.1, 0.02)
    ours, theirs = solve_rows(few_of(X, y, w), l1, 0.1 * l1), solve_rows(few_of(X[copied], y[copied]), l1, 0.1 * l1)
    assert ours.weights.numpy() == pytest.approx(theirs.weights.numpy(), **SAME)
    assert not ours.weights[0, :, 5].any()


def test_columns_of_zeros_constants_and_duplicates() -> None:
    X, y = table(40, 150, seed=9)
    X[:, 0], X[:, 1] = 0.0, 1e6
    X = np.hstack([X, X[:, :60]])
    alone, twice = few_of(X[:, :150], y), few_of(X, y)
    l1 = geometric(1.0, count=10, smallest=0.02)
    one, both = solve_rows(alone, l1, 0 * l1), solve_rows(twice, l1, 0 * l1)
    assert not both.weights[0, :, [0, 1]].any()
    assert float(both.gap.max()) <= GAP * float(twice.square)
    fitted = [few.X @ path.weights[0, :, :, 0].T for few, path in ((alone, one), (twice, both))]
    assert fitted[1].numpy() == pytest.approx(fitted[0].numpy(), rel=1e-8, abs=1e-8)


def test_one_row_no_rows_and_no_columns() -> None:
    X, y = table(1, 30)
    assert not solve_rows(few_of(X, y), series(0.1), series(0)).weights.any()
    through = solve_rows(few_of(X, y, intercept=False), series(1e-3), series(0))
    assert int(through.support.sum()) == 1
    assert float(through.gap.max()) <= GAP * y.item() ** 2
    with pytest.raises(DataError, match="no rows"):
        few_of(X[:0], y[:0])
    free = solve_rows(few_of(*table(20, 6)), series(0.1), series(0), factors=torch.zeros(6))
    X, y = table(20, 6)
    plain = np.linalg.lstsq(X - X.mean(0), y - y.mean(0))[0]
    assert free.weights[0, 0].numpy() == pytest.approx(plain, rel=1e-10)
    nothing = solve_rows(few_of(X[:, :0], y), series(0.1, 0), series(0, 0))
    assert nothing.weights.shape == (1, 2, 0, 1)


def test_what_is_refused() -> None:
    few = few_of(*table(10, 30))
    with pytest.raises(OptionError, match="l1"):
        solve_rows(few, series(-1), series(0))
    with pytest.raises(ShapeError, match="one length"):
        solve_rows(few, series(1, 2, 3), series(0, 1))
    with pytest.raises(OptionError, match="factors"):
        solve_rows(few, series(1), series(0), factors=torch.ones(3))
    with pytest.raises(DataError, match="too large"):
        solve_rows(few_of(1e200 * np.eye(3, 5), np.ones(3)), series(1), series(0))
    with pytest.raises(OptionError, match=r"20,000 columns.*bestline\.LassoCV"):
        refuse_folds(20_000, 5)
    X = np.zeros((3, 8_001))
    with pytest.raises(DataError, match=r"at least 8,001 columns.*bestline\.Lasso or bestline\.LassoCV"):
        bl.fit((X, np.arange(3.0)), l1=0.1)


# --- the estimators ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("positive", "intercept"), [(False, True), (True, True), (False, False)])
def test_lasso_and_elastic_net_are_scikit_learns(positive: bool, intercept: bool) -> None:
    X, y = table(100, 3_000, seed=10)
    w = np.random.default_rng(11).uniform(0.5, 2, 100)
    options = {"alpha": 0.2, "positive": positive, "fit_intercept": intercept}
    for ours, theirs in ((Lasso, peer.Lasso), (ElasticNet, peer.ElasticNet)):
        line = ours(**options).fit(X, y[:, 0], w)
        other = theirs(**options, tol=1e-12, max_iter=100_000).fit(X, y[:, 0], w)
        assert line.coef_ == pytest.approx(other.coef_, **DESCENT)
        assert line.intercept_ == pytest.approx(other.intercept_, **DESCENT)
        assert 0 <= line.dual_gap_ <= 1e-10
        assert line.predict(X) == pytest.approx(other.predict(X), rel=1e-5, abs=1e-5)


def test_several_targets_float32_and_a_warm_start() -> None:
    X, y = table(50, 900, seed=12, k=2)
    line = Lasso(alpha=0.1, warm_start=True).fit(X, y)
    for i in range(2):
        assert line.coef_[i] == pytest.approx(Lasso(alpha=0.1).fit(X, y[:, i]).coef_, **SAME)
    by_moments = line.model_.weights[:-1].numpy().T
    assert by_moments == pytest.approx(line.coef_, **SAME)
    first = line.coef_.copy()
    assert line.fit(X, y).coef_ == pytest.approx(first, **SAME)
    single = Lasso(alpha=0.1).fit(X.astype(np.float32), y)
    assert single.coef_.dtype == np.float32
    assert single.coef_ == pytest.approx(first, rel=1e-4, abs=1e-5)  # digits of float32


def test_a_gram_matrix_is_checked_and_used() -> None:
    X, y = table(30, 900, seed=13)
    X -= X.mean(0)
    theirs = Lasso(alpha=0.1).fit(X, y[:, 0])
    assert Lasso(alpha=0.1, precompute=X.T @ X).fit(X, y[:, 0]).coef_ == pytest.approx(theirs.coef_, **SAME)
    with pytest.raises(OptionError, match="Gram"):
        Lasso(precompute=np.eye(900)).fit(X, y[:, 0])


@pytest.mark.parametrize("weighted", [False, True])
def test_cross_validation_is_that_of_moments(weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = table(60, 900, seed=14)
    w = np.random.default_rng(15).uniform(0.5, 2, 60) if weighted else None
    cases = (
        LassoCV(alphas=20, eps=0.05, cv=KFold(3)),
        ElasticNetCV(l1_ratio=[0.5, 0.9], alphas=8, eps=0.05, cv=3, positive=True),
    )
    ours = [line.fit(X, y[:, 0], w) for line in cases]
    found = [(line.alphas_, line.mse_path_, line.alpha_, line.coef_) for line in ours]
    monkeypatch.setattr(too_wide, "LASSO_FROM_MOMENTS", 10_000)
    for line, (alphas, mse, alpha, coef) in zip(cases, found, strict=True):
        line.fit(X, y[:, 0], w)
        assert alphas == pytest.approx(line.alphas_, rel=1e-12)
        assert mse == pytest.approx(line.mse_path_, rel=1e-9)
        assert alpha == pytest.approx(line.alpha_, rel=1e-12)
        assert coef == pytest.approx(line.coef_, **SAME)


def test_cross_validation_is_scikit_learns() -> None:
    X, y = table(60, 1_500, seed=16)
    options = {"alphas": 10, "eps": 0.1, "cv": 3}
    ours = LassoCV(**options).fit(X, y[:, 0])
    theirs = peer.LassoCV(**options, tol=1e-10, max_iter=100_000).fit(X, y[:, 0])
    assert ours.mse_path_ == pytest.approx(theirs.mse_path_, rel=1e-5)
    assert ours.alpha_ == pytest.approx(theirs.alpha_)
    assert ours.coef_ == pytest.approx(theirs.coef_, rel=1e-5, abs=1e-6)


def test_thirty_thousand_columns_take_the_room_of_their_rows() -> None:
    X, y = table(40, 30_000, seed=17)
    line = Lasso(alpha=0.3).fit(X, y[:, 0])
    assert 0 <= line.dual_gap_ <= 1e-10
    assert 0 < (line.coef_ != 0).sum() <= 40
    with pytest.raises(AttributeError, match="fewer rows than columns"):
        _ = line.model_
    with pytest.raises(DataError, match="partial_fit"):
        line.partial_fit(X, y[:, 0])


_PEAK = """
import re
from pathlib import Path
import numpy as np
from bestline.estimators import Lasso
def peak():  # of this process alone; getrusage would start from the peak of the process that made it
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
rng = np.random.default_rng(17)
X, y = rng.normal(size=(40, 30_000)), rng.normal(size=40)
Lasso(alpha=0.3).fit(X[:, :50], y)  # what is loaded for any fit is no matter
before = peak()
Lasso(alpha=0.3).fit(X, y)
print((peak() - before) / X.nbytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is measured as Linux reports it")
def test_that_room_is_measured() -> None:
    """In a process of its own: a peak is never lower than what any test before has needed."""
    grown = subprocess.run([sys.executable, "-c", _PEAK], capture_output=True, text=True, check=True).stdout
    assert 0 < float(grown) < 20  # second moments would be 7 GB, 750 times the rows


def test_cross_validation_by_moments_names_what_works_on_the_rows(quiet: None) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(OptionError, match=r"bestline\.LassoCV"):
        bl.fit((rng.normal(size=(30, 2_001)), rng.normal(size=30)), cv="lasso")
