"""Numbers whose squares leave float64: a target is refused by its name and size, a feature is standardised, or refused likewise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import bestline as bl
from bestline.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")

X = np.random.default_rng(0).normal(size=50)
Y = 1 + 2 * X + np.random.default_rng(1).normal(size=50)

DOORS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "exact": lambda d: bl.fit(d, "y ~ x"),
    "descent": lambda d: bl.fit(d, "y ~ x", solver="sgd"),
    "ridge": lambda d: bl.fit(d, "y ~ x", l2=0.1),
    "lasso": lambda d: bl.fit(d, "y ~ x", l1=0.1),
    "huber": lambda d: bl.fit(d, "y ~ x", loss="huber"),
    "moments": lambda d: bl.fit(bl.Moments.collect(d, "y ~ x")),
    "groups": lambda d: bl.fit_groups(d | {"g": np.arange(50) % 2}, "y ~ x", by="g"),
    "preflight": lambda d: bl.preflight(d, "y ~ x"),
    "sweep": lambda d: bl.sweep(d, "y ~ x", lrs=[0.1], optimizers=["sgd"], steps=5),
    "evaluate": lambda d: bl.fit({"x": X, "y": Y}, "y ~ x").evaluate(d),
}
ESTIMATORS = (
    bl.LinearRegression(),
    bl.Ridge(),
    bl.Lasso(),
    bl.ElasticNet(),
    bl.RidgeCV(),
    bl.LassoCV(),
    bl.HuberRegressor(),
    bl.SGDRegressor(),
)


@pytest.mark.parametrize("unit", [1e200, 1e-200, 1e150, 1e-310])
@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_target_beyond_squares_is_refused_by_name_and_size(door: Callable[[dict[str, Any]], Any], unit: float) -> None:
    usual, largest = (
        f"1e{round(np.log10(unit * size))}" for size in (1, np.abs(Y).max())
    )  # some doors see the one, some the other
    with pytest.raises(DataError, match=rf"`y` has numbers of about ({usual}|{largest}), .*; divide it by \1"):
        door({"x": X, "y": Y * unit})


@pytest.mark.parametrize("unit", [1e200, 1e-200, 1e130, 1e-130])
@pytest.mark.parametrize("door", ["exact", "descent", "ridge", "huber", "moments"])
def test_a_feature_in_any_unit_gives_the_same_line(door: str, unit: float) -> None:
    usual, model = DOORS[door]({"x": X, "y": Y}), DOORS[door]({"x": X * unit, "y": Y})
    assert model.params["x"] * unit == pytest.approx(usual.params["x"], rel=1e-9)
    assert model.fitted_scores.r2 == pytest.approx(usual.fitted_scores.r2, rel=1e-9)


@pytest.mark.parametrize("unit", [1e130, 1e-130])
def test_a_target_whose_squares_can_be_written_is_fitted(unit: float) -> None:
    usual, model = bl.fit({"x": X, "y": Y}, "y ~ x"), bl.fit({"x": X, "y": Y * unit}, "y ~ x")
    assert (model.params / unit).tolist() == pytest.approx(usual.params.tolist(), rel=1e-12)
    assert (model.bse / unit).tolist() == pytest.approx(usual.bse.tolist(), rel=1e-12)
    assert model.summary().facts["r2"] == pytest.approx(usual.summary().facts["r2"], rel=1e-12)


@pytest.mark.parametrize("unit", [1e200, 1e-200])
def test_a_feature_that_is_not_standardised_is_refused_by_name(unit: float) -> None:
    with pytest.raises(DataError, match=r"`x` has numbers of about .* or leave the columns standardised"):
        bl.fit({"x": X * unit, "y": Y}, "y ~ x", solver="sgd", standardize=False)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_estimators_refuse_what_they_cannot_square(estimator: Any) -> None:
    for unit in (1e200, 1e-200, 1e150, 1e-310):
        size = round(np.log10(np.abs(Y * unit).max()))
        with pytest.raises(DataError, match=f"`y` has numbers of about 1e{size}, .*; divide it by 1e{size}"):
            estimator.fit(X[:, None], Y * unit)
    with pytest.raises(DataError, match=r"`X\[:, 0\]` has numbers of about 1e200, .*; divide it by 1e200"):
        estimator.fit(X[:, None] * 1e200, Y)


@pytest.mark.parametrize("estimator", [e for e in ESTIMATORS if not hasattr(e, "cv")], ids=lambda e: type(e).__name__)
def test_a_row_of_no_weight_may_be_of_any_size(estimator: Any) -> None:
    w = np.ones(50)
    w[3] = 0
    for far in (1e200, 1e-200):
        features, target = X[:, None].copy(), Y.copy()
        features[3], target[3] = far, far
        near = clone(estimator).fit(np.delete(X, 3)[:, None], np.delete(Y, 3))
        if not isinstance(estimator, bl.SGDRegressor):  # which goes through the rows in an order of their number
            assert clone(estimator).fit(features, target, w).coef_ == pytest.approx(near.coef_, rel=1e-9)


@pytest.mark.parametrize("estimator", [e for e in ESTIMATORS if hasattr(e, "partial_fit")], ids=lambda e: type(e).__name__)
def test_a_part_of_the_rows_may_be_tiny_and_not_huge(estimator: Any) -> None:
    # What comes first may be next to nothing beside what comes then, as of exp(-x^2).
    stream = clone(estimator).partial_fit(X[:10, None], Y[:10] * 1e-200).partial_fit(X[10:, None], Y[10:])
    assert np.isfinite(stream.coef_).all()
    with pytest.raises(DataError, match=r"`y` has numbers of about 1e20[01], "):
        stream.partial_fit(X[:10, None], Y[:10] * 1e200)


def test_the_target_is_named_among_several() -> None:
    for unit in (1e200, 1e-200):
        with pytest.raises(DataError, match=r"`y\[:, 1\]` has numbers of about"):
            bl.LinearRegression().fit(X[:, None], np.column_stack([Y, Y * unit, np.zeros(50)]))


def test_least_squares_does_not_take_tiny_numbers_for_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"`X\[:, 0\]` has numbers of about 1e-200"):
        bl.LinearRegression().fit(X[:, None] * 1e-200, Y)


def test_a_weight_beyond_float64_is_refused_by_every_solver() -> None:
    for solver in ("exact", "sgd", "adam"):
        with pytest.raises(bl.errors.NumericalError, match="The weight of `x` is beyond the range of float64"):
            bl.fit({"x": X * 1e-310, "y": Y}, "y ~ x", solver=solver)
