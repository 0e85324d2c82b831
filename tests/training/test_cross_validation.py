"""Cross-validation of penalties against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet, ElasticNetCV, Lasso, LassoCV, LinearRegression, Ridge, RidgeCV
from sklearn.model_selection import GridSearchCV, KFold, LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bestline as bl
from bestline.errors import DataError, OptionError
from bestline.numerics.comoments import Comoments, by_group
from bestline.numerics.rows import Rows
from bestline.pictures.weights.penalty_paths import error_curve
from bestline.training.cross_validation import fold_errors, geometric, leave_one_out, select
from bestline.training.solvers.path import solve, top
from bestline.training.too_wide import refuse_folds
from training.penalised import folds_of, normal_of, series, table

# Duality gaps are a share of the target's second moment; rounding of a few hundred terms.
ROUNDING = 1e-13


# Two float64 ways to one mean squared error.
SAME = {"rel": 1e-8}


f64 = torch.float64


def splits(number: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.flatnonzero(number != f), np.flatnonzero(number == f)) for f in range(number.max() + 1)]


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


def test_the_gain_is_a_share_of_the_error_without_a_penalty() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(40, 12))
    y = X[:, :1] + 3 * rng.normal(size=(40, 1))
    folds, number = folds_of(X, y, 4)
    chosen = select("lasso", folds, 12, intercept=True)
    assert chosen is not None

    def error(penalty: float) -> float:
        """Out-of-fold, each fold by a line on the others, standardised by themselves."""
        squares = 0.0
        for train, test in splits(number):
            height = y[train].std()
            line = LinearRegression() if penalty == 0 else Lasso(alpha=penalty / 2, tol=1e-14, max_iter=10**6)
            predicted = make_pipeline(StandardScaler(), line).fit(X[train], y[train, 0] / height).predict(X[test])
            squares += ((predicted * height - y[test, 0]) ** 2).sum()
        return squares / len(y)

    assert chosen.gain == pytest.approx(1 - error(float(chosen.l1[chosen.best])) / error(0), rel=1e-6)
    assert chosen.gain > 0.2


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
        assert error_curve(chosen).note.startswith("The error is least without a penalty")
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
    refuse_folds(1_000, 10)
    with pytest.raises(OptionError, match="20,000 columns"):
        refuse_folds(20_000, 5)


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
