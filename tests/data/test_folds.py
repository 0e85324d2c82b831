"""Folds depend on the rows alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import bestline as bl
from bestline.data.folds import row_hash
from bestline.numerics.rows import Rows
from numerics.moments import table


def test_rows_stay_in_the_folds_that_they_have_always_been_in() -> None:
    X = torch.tensor([[0.0, 1.5], [-0.0, 1.5], [2.0, -3.25], [1e300, 5e-324]], dtype=torch.float64)
    rows = Rows(X, torch.tensor([[1.0], [1.0], [2.0], [3.0]], dtype=torch.float64))
    assert row_hash(rows, 7).tolist() == [777444234, 777444234, 675474284, 648690923]
    many = Rows(table(13, 70_001, 3), table(14, 70_001, 1))  # gone through in several pieces
    assert torch.equal(row_hash(many, 7)[-500:], row_hash(many[-500:], 7))


def test_folds_depend_on_the_rows_alone_and_are_even() -> None:
    Z = table(7, 50_000)
    rows = Rows(Z[:, :3], Z[:, 3:])
    folds = row_hash(rows, 0) % 5
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(1))
    assert torch.equal(row_hash(rows[order], 0) % 5, folds[order])
    assert not torch.equal(row_hash(rows, 1) % 5, folds)
    counts = torch.bincount(folds)
    assert bool(((counts - 10_000).abs() < 5 * 90).all())  # five standard deviations of a fair draw


@pytest.mark.parametrize(
    ("formula", "turned"),
    [
        ("y ~ a + b", "y ~ b + a"),
        ("y ~ x2 + x10 + a", "y ~ x10 + a + x2"),
        ("y ~ a * b + c", "y ~ c + b + a + b:a"),
        ("y ~ C(g) + C(h) + a", "y ~ a + C(h) + C(g)"),
        ("y ~ np.log(e) + a", "y ~ a + np.log(e)"),
        ("y + a ~ b + c", "a + y ~ c + b"),
        ("y ~ a + b + offset(c)", "y ~ offset(c) + b + a"),
    ],
)
@pytest.mark.parametrize("missing", ["raise", "impute"])
def test_the_order_of_the_terms_changes_no_fold(formula: str, turned: str, missing: str) -> None:
    rng = np.random.default_rng(3)
    data = {name: rng.normal(size=60) for name in ("y", "a", "b", "c", "x2", "x10")}
    data |= {"e": np.exp(data["a"] + data["b"]), "g": np.tile(["u", "v", "w"], 20), "h": np.repeat(["k", "l"], 30)}
    one, two = (bl.fit(data, text, missing=missing) for text in (formula, turned))
    assert [fold.count for fold in one.moments.folds] == [fold.count for fold in two.moments.folds]
    order = [two.targets.index(name) for name in one.targets]
    assert one.held_out.mse == pytest.approx([two.held_out.mse[at] for at in order], rel=1e-12)


def test_the_order_of_a_frames_columns_changes_no_fold_of_any_door() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({name: rng.normal(size=80) for name in ("b", "x10", "e", "x9", "a")})
    frame = frame.assign(g=[*"uv"] * 40, y=5 * (frame["a"] + frame["b"] + frame["x9"] + frame["x10"]) + frame.pop("e"))
    turned = frame[["a", "g", "x9", "y", "x10", "b"]]
    for made in (
        lambda data: bl.fit(data, target="y").held_out.mse[0],
        lambda data: bl.fit_groups(data[["y", "a", "b", "g"]], target="y", by="g").glance()["held_out_rmse"].tolist(),
        lambda data: [fold.center[-1].item() for fold in bl.Moments.collect(data, target="y").folds],
    ):
        assert made(turned) == pytest.approx(made(frame), rel=1e-9)


@pytest.mark.filterwarnings("ignore:There are few rows")
@pytest.mark.parametrize("columns", [2, 12, 102])
def test_columns_without_names_are_in_the_order_in_which_they_stand(columns: int) -> None:
    """x0, x1, ..., x10 are in the folds of the same columns under names that the alphabet has in that order."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, columns))
    y = X[:, :2].sum(1) + rng.normal(size=300)
    named = pd.DataFrame(X, columns=[f"c{j:03}" for j in range(columns)]).assign(y=y)
    bare = pd.DataFrame(X, columns=[f"x{j}" for j in range(columns)]).assign(y=y)
    counts = [[f.count for f in bl.Moments.collect(data, target="y").folds] for data in (named, bare)]
    assert counts[0] == counts[1] == [f.count for f in bl.fit(X, y).moments.folds]
