"""Tensors, sparse matrices and what is too large."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

import bestline.estimators as ours
from bestline.errors import DataError, OptionError
from bestline.estimators import arrays
from estimators.examples import NAMES, made, table


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensors_go_in_and_come_out(name, dtype):
    X, y, w = table()
    w += 1
    given_X, given_y = torch.tensor(X, dtype=dtype, requires_grad=True), torch.tensor(y, dtype=dtype)
    line = made(name).fit(given_X, given_y, sample_weight=torch.tensor(w))
    found = line.predict(given_X)
    assert isinstance(found, torch.Tensor)
    assert found.dtype == dtype
    reference = made(name).fit(given_X.detach().numpy(), given_y.numpy(), sample_weight=w)
    np.testing.assert_array_equal(found.numpy(), reference.predict(given_X.detach().numpy()))
    assert reference.predict(given_X.detach().numpy()).dtype == given_X.detach().numpy().dtype


@pytest.mark.parametrize("name", [n for n in NAMES if n != "SGDRegressor"])
@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_array, sparse.coo_array])
def test_sparse_is_dense(name, kind):
    X, y, _ = table()
    X[X < 3] = 0
    np.testing.assert_allclose(made(name).fit(kind(X), y).predict(kind(X)), made(name).fit(X, y).predict(X), rtol=1e-9)


def test_what_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(arrays, "MOST_DENSE", 100)
    X, y, _ = table()
    with pytest.raises(DataError, match="80 rows and 4 columns"):
        ours.Ridge().fit(sparse.csr_array(X), y)
    with pytest.raises(OptionError, match=r"20,000 columns"):
        ours.Ridge(positive=True).fit(np.ones((2, 20_000)), [1.0, 2.0])
