"""Folds depend on the rows alone."""

from __future__ import annotations

import torch

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
