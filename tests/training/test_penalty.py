"""Penalties: prox is the argmin, the violation is zero at the optimum, and the scales are scikit-learn's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import bestline as bl
from bestline.training.penalty import ElasticNetPenalty
from bestline.training.solvers import Proximal, Stop
from training.examples import some_rows

seeds = st.integers(0, 10_000)


penalties = st.floats(0, 5, allow_subnormal=False)


@given(seeds, penalties, penalties, st.floats(0.01, 3))
def test_prox_is_the_argmin_it_is_defined_by(seed: int, l1: float, l2: float, step: float) -> None:
    penalty = ElasticNetPenalty.on_slopes(l1, l2, 2, intercept=True)
    w = torch.randn(3, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3
    z = penalty.prox(w, step)

    def objective(v: torch.Tensor) -> float:
        return float(penalty.value(v) + ((v - w) ** 2).sum() / (2 * step))

    for direction in torch.eye(3, dtype=torch.float64):
        for move in (1e-4, -1e-4, 0.3, -0.3):
            assert objective(z) <= objective(z + move * direction[:, None]) + 1e-12
    assert z[-1] == w[-1]  # the intercept is free
    assert float(penalty.violation(z, (z - w) / step).abs().max()) < 1e-9


@given(seeds, penalties, penalties)
def test_the_violation_is_zero_at_the_optimum_and_only_there(seed: int, l1: float, l2: float) -> None:
    rows = some_rows(seed)
    model = bl.fit((rows.X, rows.y), l1=l1 / 5, l2=l2, solver=Proximal(tol=1e-11))
    fit = model.trained
    last = fit.scaling.to_trained(model.weights)
    gradient = fit.objective.evaluate(last)[1]
    assert fit.objective.violation(last, gradient) < 1e-10
    moved = last.clone()
    moved[0] += 0.1
    assert fit.objective.violation(moved, fit.objective.evaluate(moved)[1]) > 1e-4
    assert fit.objective.value(last) <= fit.objective.value(moved)


def test_l1_is_scikit_learns_lasso_and_l2_its_ridge_on_standardised_columns(quiet: None) -> None:
    from sklearn.linear_model import ElasticNet, Ridge
    from sklearn.preprocessing import StandardScaler

    rows = some_rows(1, n=200, p=6)
    X = StandardScaler().fit_transform(rows.X.numpy())
    y = StandardScaler().fit_transform(rows.y.numpy())[:, 0]
    scale = rows.X.numpy().std(0) / rows.y.numpy().std()
    ridge = Ridge(alpha=200 * 0.3).fit(X, y)
    ours = bl.fit((rows.X, rows.y), l2=0.3)
    assert ours.coef.to_numpy() * scale == pytest.approx(ridge.coef_, rel=1e-10)
    assert ours.inference is None
    enet = ElasticNet(alpha=0.1, l1_ratio=0.4, tol=1e-14, max_iter=100_000).fit(X, y)
    # (1/2n) RSS + a r |w| + a (1 - r) / 2 w^2 is half of ours with l1 = 2 a r and l2 = a (1 - r).
    ours = bl.fit((rows.X, rows.y), l1=2 * 0.1 * 0.4, l2=0.1 * 0.6)
    assert ours.coef.to_numpy() * scale == pytest.approx(enet.coef_, rel=1e-8, abs=1e-10)
    assert ours.stop is Stop.CONVERGED
