"""The exact solver: targets, rank, aliases, minimum norm."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

import bestline as bl
from bestline.errors import BestlineWarning, DataError, NumericalError
from bestline.numerics.comoments import Comoments
from bestline.numerics.semidefinite import aliases, minimum_norm
from training.examples import some_rows

seeds = st.integers(0, 10_000)


def test_targets_together_are_targets_apart(quiet: None) -> None:
    rows = some_rows(3, k=3)
    for options in (
        {},
        {"l2": 0.2},
        {"solver": "adam", "steps": 50, "lr": 0.1},
        {"solver": "sgd", "steps": 9, "batch_size": 7},
    ):
        start = None if not options.get("solver") else torch.zeros(4, 3)
        together = bl.fit((rows.X, rows.y), start=start, **options)
        for i in range(3):
            start = None if start is None else torch.zeros(4)
            apart = bl.fit(
                (rows.X, rows.y[:, i]), start=start, **{"lr": together.rate, **options} if start is not None else options
            )
            assert together.weights[:, i].numpy() == pytest.approx(apart.weights[:, 0].numpy(), rel=1e-9)
    assert list(together.coef.columns) == ["y0", "y1", "y2"]


@given(seeds, st.integers(1, 6), st.integers(0, 4))
def test_a_minimum_norm_solution_is_numpys_whatever_the_rank(seed: int, p: int, lost: int) -> None:
    g = torch.Generator().manual_seed(seed)
    basis = torch.randn(p, max(p - lost, 0), generator=g, dtype=torch.float64)
    A = basis @ basis.T
    B = A @ torch.randn(p, 2, generator=g, dtype=torch.float64)
    expected = np.linalg.pinv(A.numpy(), rcond=1e-10, hermitian=True) @ B.numpy()
    values = np.linalg.eigvalsh(A.numpy())
    assume((values[values > 1e-10] > 1e-4 * values.max()).all())  # what is flat is flat to rounding, and what is not is not
    assert minimum_norm(A, B).numpy() == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_aliases_name_what_earlier_columns_already_say() -> None:
    rows = some_rows(0, n=50, p=3)
    X = torch.cat([rows.X, rows.X[:, :1] * 2 - rows.X[:, 1:2], torch.ones(50, 1), rows.X[:, 2:3]], 1).double()
    A = Comoments.of(X).scatter
    found = {a.column: a.on for a in aliases(A)}
    assert set(found) == {3, 4, 5}
    assert found[3] == pytest.approx({0: 2, 1: -1})
    assert found[4] == {}
    assert found[5] == pytest.approx({2: 1})


def test_one_row_and_rows_without_freedom() -> None:
    with pytest.raises(DataError, match="only 1 row"):
        bl.fit({"x": [1.0], "y": [2.0]}, "y ~ x")
    with pytest.warns(BestlineWarning, match="no degrees of freedom"):
        single = bl.fit({"x": [-3.0], "y": [3.0]}, "y ~ x - 1")  # a line through one point and the origin
    assert single.coef["x"] == pytest.approx(-1)
    with (
        pytest.warns(BestlineWarning, match="no degrees of freedom"),
        pytest.warns(BestlineWarning, match="is a linear combination"),
    ):
        model = bl.fit((torch.eye(3).double(), torch.arange(3.0)))
    assert model.predict(torch.eye(3).double()) == pytest.approx([0, 1, 2], abs=1e-9)
    assert model.bse.isna().all()
    with pytest.raises(NumericalError, match="degrees of freedom"):
        model.predict(torch.eye(3).double(), interval="prediction")


def test_rank_deficiency_is_named_and_the_answer_has_the_smallest_norm(quiet: None) -> None:
    rows = some_rows(3, n=60, p=2)
    X = torch.cat([rows.X, rows.X[:, :1]], 1)
    model = bl.fit((X, rows.y), standardize=False)
    assert any("`x2` repeats `x0`" in note for note in model.notes)
    expected = np.linalg.lstsq(X.numpy() - X.numpy().mean(0), rows.y.numpy() - rows.y.numpy().mean(), rcond=None)[0]
    assert model.coef.to_numpy() == pytest.approx(expected[:, 0], rel=1e-9)
    assert np.isnan(model.bse["x0"])
    assert np.isfinite(model.bse["x1"])
    plain = bl.fit((rows.X, rows.y))
    assert model.bse["x1"] == pytest.approx(plain.bse["x1"], rel=1e-9)
    assert model.predict(X) == pytest.approx(plain.predict(rows.X), rel=1e-9)
