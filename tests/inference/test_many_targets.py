"""Of more than a hundred targets each is for itself: the same numbers as alone, without the products of targets with each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.errors import ColumnError, ModelFileError
from bestline.estimators import LinearRegression
from bestline.numerics import MANY_TARGETS, Comoments, Rows
from bestline.numerics.comoments import by_group

K = MANY_TARGETS + 1


def table(n: int = 300, *, seed: int = 0, offset: float = 0.0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) + offset
    Y = X @ rng.normal(size=(3, K)) + rng.normal(size=(n, K)) + offset
    Y[:, 5] = 2.5  # one that is constant
    return X, Y


def taken(whole: torch.Tensor) -> torch.Tensor:
    """What is known of the scatter of 3 features and K targets, of which target 5 is constant."""
    known = torch.zeros_like(whole, dtype=torch.bool)
    known[:3], known[:, :3] = True, True
    known |= torch.eye(len(whole), dtype=torch.bool)
    known[8], known[:, 8] = True, True
    return known


@pytest.mark.parametrize("offset", [0.0, 1e7])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
def test_what_a_line_needs_is_what_exact_sums_give(offset: float, weighted: bool, grouped: bool) -> None:
    X, Y = table(2_000, offset=offset)
    w = np.random.default_rng(1).integers(0, 3, 2_000).astype(float) if weighted else np.ones(2_000)
    rows = Rows(torch.from_numpy(X), torch.from_numpy(Y), torch.from_numpy(w) if weighted else None)
    if grouped:
        parts = by_group(rows, torch.arange(2_000) % 3, 3)
        found = parts[0] + parts[1] + parts[2]
    else:
        found = Comoments.of_rows(rows)
    Z = np.column_stack([X, Y]).astype(np.longdouble)
    center = (w[:, None] * Z).sum(0) / w.sum()
    expected = torch.from_numpy((((Z - center) * w[:, None]).T @ (Z - center)).astype(np.float64))
    known = taken(expected)
    size = torch.outer(expected.diagonal().sqrt(), expected.diagonal().sqrt())
    assert torch.equal(~found.untaken, known)
    assert torch.equal(found.scatter.isnan(), ~known)
    assert float(((found.scatter - expected).abs() / (size + 1e-300))[known & (size > 0)].max()) < 1e-12
    assert found.center.numpy() == pytest.approx(center.astype(np.float64), rel=1e-15)
    assert found.like(Comoments.of_rows(rows))
    assert found.spread[8] == 0


def test_rows_that_lie_far_from_where_they_seemed_to_keep_their_digits() -> None:
    X, Y = table(1_000)
    Y[:, 0] = np.where(np.arange(1_000) == 1, 1e6, 7.0)  # the rows looked at first say 7, exactly
    found = Comoments.of_rows(Rows(torch.from_numpy(X), torch.from_numpy(Y)))
    assert float(found.scatter[3, 3]) == pytest.approx((1e6 - 7) ** 2 * 999 / 1_000, rel=1e-14)


@pytest.mark.parametrize("options", [{}, {"l2": 0.3}, {"l1": 0.2}, {"split": (0.6, 0.2, 0.2)}])
def test_a_target_has_the_line_that_it_has_with_fewer_beside_it(options: dict[str, Any], quiet: None) -> None:
    X, Y = table()
    many, few = bl.fit((X, Y), **options), bl.fit((X, Y[:, :20]), **options)
    assert many.weights[:, :20].numpy() == pytest.approx(few.weights.numpy(), rel=1e-9, abs=1e-12)
    errors = many.tidy().std_error.to_numpy()[: 4 * 20]
    assert errors == pytest.approx(few.tidy().std_error.to_numpy(), rel=1e-9, abs=1e-13, nan_ok=True)
    assert np.isnan(errors).all() == ("l1" in options or "l2" in options)
    assert many.fitted_scores.r2[:5] == pytest.approx(few.fitted_scores.r2[:5], rel=1e-9)
    assert many.evaluate((X, Y)).rmse[:20] == pytest.approx(few.evaluate((X, Y[:, :20])).rmse, rel=1e-9)


def test_robust_errors_are_those_of_fewer_targets(quiet: None) -> None:
    X, Y = table()
    many, few = (bl.fit((X, y)).tidy(cov="HC3").std_error.to_numpy()[:16] for y in (Y, Y[:, :20]))
    assert many == pytest.approx(few, rel=1e-9)


def test_estimators_in_parts_and_at_once_agree(quiet: None) -> None:
    X, Y = table()
    whole = LinearRegression().fit(X, Y)
    parts = LinearRegression().partial_fit(X[:100], Y[:100]).partial_fit(X[100:], Y[100:])
    assert parts.coef_ == pytest.approx(np.linalg.lstsq(X - X.mean(0), Y - Y.mean(0), rcond=None)[0].T, rel=1e-11, abs=1e-12)
    assert whole.coef_ == pytest.approx(parts.coef_, rel=1e-11, abs=1e-12)
    assert whole.coef_table_.std_error.notna().all()


def test_what_was_not_taken_is_asked_for_in_vain_and_said(tmp_path: Path, quiet: None) -> None:
    X, Y = table()
    moments = bl.Moments.collect((X, Y))
    moments.save(tmp_path / "many.moments")
    again = bl.Moments.load(tmp_path / "many.moments")
    both = again + moments - moments
    alone = bl.fit(both, target="y0", features=["x0", "x2"])
    assert alone.weights[:2, 0].numpy() == pytest.approx(bl.fit((X[:, [0, 2]], Y[:, 0])).weights[:2, 0].numpy(), rel=1e-10)
    from_a_target = bl.fit(both, target="x0", features=["y1"])
    assert float(from_a_target.weights[0, 0]) == pytest.approx(float(bl.fit((Y[:, 1:2], X[:, 0])).weights[0, 0]), rel=1e-10)
    with pytest.raises(
        ColumnError, match=r"`y1` goes with `y0` is not in these moments.* more than 100 targets.*with `y1` as a feature"
    ):
        bl.fit(both, target="y0", features=["x0", "y1"])


def test_a_saved_model_of_many_targets_is_the_same(tmp_path: Path, quiet: None) -> None:
    X, Y = table()
    model = bl.fit((X, Y))
    model.save(tmp_path / "many.bestline")
    again = bl.load(tmp_path / "many.bestline")
    assert torch.equal(again.weights, model.weights)
    assert again.tidy().std_error.to_numpy() == pytest.approx(model.tidy().std_error.to_numpy(), rel=1e-9, nan_ok=True)


@pytest.mark.parametrize(("row", "column"), [(0, 1), (0, 7), (7, 7), (7, 9)])
def test_a_product_is_missing_only_where_it_may(row: int, column: int, tmp_path: Path, quiet: None) -> None:
    X, Y = table()
    scatter = bl.Moments.collect((X, Y), folds=1)
    scatter.folds[0].scatter[row, column] = float("nan") if (row, column) != (7, 9) else 0.0  # (7, 9): one half of a pair
    scatter.save(tmp_path / "odd.moments")
    with pytest.raises(ModelFileError):
        bl.Moments.load(tmp_path / "odd.moments")
    few = bl.Moments.collect((X, Y[:, :20]), folds=1)
    few.folds[0].scatter[7, 9] = few.folds[0].scatter[9, 7] = float("nan")  # of few targets none is missing
    few.save(tmp_path / "few.moments")
    with pytest.raises(ModelFileError):
        bl.Moments.load(tmp_path / "few.moments")
