"""RidgeCV: leave one out, scorers, folds."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.linear_model as theirs

import bestline.estimators as ours
from bestline.errors import OptionError
from estimators.examples import table


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize(("n", "p"), [(30, 4), (8, 20)])
def test_leave_one_out_by_leaving_one_out(n, p, weighted, intercept):
    X, y, w = table(n, p, 2)
    w = w + 0.5 if weighted else np.ones(n)
    alphas = (1e-3, 1.0, 50.0)
    line = ours.RidgeCV(alphas, fit_intercept=intercept, store_cv_results=True, alpha_per_target=True).fit(X, y, w)
    for m, alpha in enumerate(alphas):
        for i in range(n):
            rest = np.arange(n) != i
            one = theirs.Ridge(alpha, fit_intercept=intercept, solver="svd").fit(X[rest], y[rest], w[rest])
            error = (y[i] - one.predict(X[i : i + 1])[0]) ** 2 * w[i]
            np.testing.assert_allclose(line.cv_results_[i, :, m], error, rtol=1e-6, atol=1e-9)
    best = -line.cv_results_.mean(0)
    np.testing.assert_allclose(line.best_score_, best.max(1))
    np.testing.assert_array_equal(line.alpha_, np.array(alphas)[best.argmax(1)])


@pytest.mark.parametrize("weighted", [False, True])
def test_one_penalty_for_several_targets_is_chosen_as_scikit_learn_does(weighted):
    X, y, w = table(40, 4, 3)
    w = w + 1 if weighted else None
    mine = ours.RidgeCV((1e-2, 1.0, 1e2)).fit(X, y, w)
    others = theirs.RidgeCV((1e-2, 1.0, 1e2)).fit(X, y, w)
    assert mine.alpha_ == others.alpha_
    assert mine.best_score_ == pytest.approx(others.best_score_, rel=1e-9)


def test_ridge_cv_with_scorers_and_folds():
    X, y, w = table()
    w += 1
    for parameters in ({"scoring": "neg_mean_absolute_error"}, {"cv": 4}, {"cv": 3, "scoring": "r2"}):
        mine = ours.RidgeCV(**parameters).fit(X, y, sample_weight=w)
        others = theirs.RidgeCV(**parameters).fit(X, y, sample_weight=w)
        assert mine.alpha_ == others.alpha_
        assert mine.best_score_ == pytest.approx(others.best_score_)
    with pytest.raises(OptionError, match="incompatible"):
        ours.RidgeCV(cv=3, store_cv_results=True).fit(X, y)
    with pytest.raises(OptionError, match=r"alphas\[1\] == -1"):
        ours.RidgeCV((1, -1)).fit(X, y)


def test_a_scorer_is_given_what_is_predicted_and_not_its_mirror_image() -> None:
    from sklearn.metrics import make_scorer, mean_pinball_loss

    draw = np.random.default_rng(8)
    X = draw.normal(size=(60, 4))
    y = X @ [1.0, -2.0, 0.5, 0.0] + draw.exponential(2.0, 60)
    # Errors up and down cost differently, as squares and sizes of errors do not.
    asked = {"alphas": (0.1, 3.0, 100.0), "scoring": make_scorer(mean_pinball_loss, alpha=0.9, greater_is_better=False)}
    mine, peer = ours.RidgeCV(**asked).fit(X, y), theirs.RidgeCV(**asked).fit(X, y)
    assert mine.alpha_ == peer.alpha_
    assert mine.best_score_ == pytest.approx(peer.best_score_, rel=1e-9)
