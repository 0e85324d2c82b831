"""Rows beyond memory are read anew in every epoch."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import CosineAnnealingLR

import bestline as bl
from bestline.data.tables import open_source
from bestline.numerics.rows import Rows
from bestline.training import prepare, request
from bestline.training.reread import mixed
from training.solvers.epochs import table

NEAR = 0.01  # of weights about 1: what is left of the noise in the mean of some ten thousand steps


@pytest.fixture
def small_memory(monkeypatch):
    """As if 20 kB were all there is."""
    for module in (prepare, request):
        monkeypatch.setattr(module, "KEPT_BYTES", 20_000)


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(1, 50), st.integers(1, 9))
def test_mixing_loses_no_row_and_holds_few(sizes, window, multiple):
    taken = 0

    def blocks():
        nonlocal taken
        for size in sizes:
            ids = torch.arange(taken, taken + size, dtype=torch.float64)[:, None]
            taken += size
            yield Rows(ids, ids)

    window, seen = max(window, multiple), list[float]()
    pieces = mixed(blocks(), window, torch.Generator().manual_seed(0), multiple)
    for piece in pieces:
        assert taken - len(seen) <= 2 * window + max(sizes)
        seen += piece.X[:, 0].tolist()
        assert len(piece) % multiple == 0 or len(seen) == sum(sizes)
    assert sorted(seen) == list(range(sum(sizes)))


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize("split", [None, (0.7, 0.3)])
def test_streamed_rows_lead_to_the_solution(tmp_path, split):
    X, y = table(3_000)
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y[:, 0]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    exact = bl.fit(frame, "y ~ a + b + c", split=split)
    with pytest.warns(bl.errors.BestlineWarning, match="read anew"):
        model = bl.fit(tmp_path / "t.csv", "y ~ a + b + c", solver="stochastic", steps=40, split=split)
    np.testing.assert_allclose(model.weights, exact.weights, rtol=NEAR, atol=NEAR)
    assert model.parts.training.rows is None
    assert model.sizes == exact.sizes
    if split is None:
        assert model.held_out is None
    else:
        assert model.held_out.rmse == pytest.approx(exact.held_out.rmse, rel=NEAR)


@pytest.mark.usefixtures("small_memory")
@pytest.mark.filterwarnings("ignore:The rows take", "ignore:Early stopping holds")
def test_streamed_batches_are_seeded_and_find_the_solution():
    X, y = table(3_000)
    solver = bl.Descent("sgd", batch_size=50, steps=600, schedule=partial(CosineAnnealingLR, T_max=600))
    one, same, other = (bl.fit((X, y), solver=solver, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.weights, same.weights)
    assert not torch.equal(one.weights, other.weights)
    np.testing.assert_allclose(one.weights, bl.fit((X, y)).weights, rtol=NEAR, atol=NEAR)
    early = bl.fit((X, y), solver=bl.Stochastic(patience=2, steps=200))
    assert early.parts.training.moments.count + early.parts.held_out.moments.count == 3_000
    assert early.stop is bl.Stop.PATIENCE


@pytest.mark.usefixtures("small_memory")
@pytest.mark.filterwarnings("ignore:The rows take")
def test_the_stream_is_of_the_training_rows_alone():
    X, y = table(3_000)
    w = np.arange(3_000) % 3.0  # a third of the rows is not there
    model = bl.fit((X, y), weights=w, solver="stochastic", steps=1, split=(0.5, 0.5))
    part = model.parts.training
    rows = torch.cat([block.X for block in part.again(torch.Generator().manual_seed(0))])
    assert len(rows) == part.moments.count
    labels = model.labels.numpy()
    mine = X[(labels == 0) & (w > 0)]
    np.testing.assert_allclose(np.sort(rows[:, 0]), np.sort(mine[:, 0]))


@pytest.mark.usefixtures("small_memory")
def test_other_losses_beyond_memory_are_refused():
    X, y = table(3_000)
    with pytest.raises(bl.errors.DataError, match=r"loss 'absolute'.*in memory"):
        bl.fit((X, y), loss="absolute", solver="adam", steps=5)


def test_batches_come_in_another_order_with_the_same_numbers(tmp_path):
    values = torch.arange(100, dtype=torch.float64)
    for i in range(5):
        pd.DataFrame({"x": values[20 * i : 20 * i + 20].numpy()}).to_parquet(tmp_path / f"{i}.parquet")
    for source in (open_source({"x": values}), open_source(str(tmp_path / "*.parquet"))):
        batches = list(source.batches(size=7, order=torch.Generator().manual_seed(1)))
        for batch in batches:
            assert batch.numbers(["x"])[:, 0].tolist() == list(range(batch.start, batch.start + batch.rows))
        starts = [batch.start for batch in batches]
        assert sorted(starts) != starts
        assert sum(batch.rows for batch in batches) == 100
