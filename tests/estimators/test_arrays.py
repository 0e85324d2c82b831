"""Tensors, sparse matrices and what is too large."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.linear_model as theirs
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


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("laid", ["rows", "columns", "every other", "backwards", "read only", "frame"])
def test_the_line_is_theirs_however_the_numbers_lie(laid, dtype):
    rng = np.random.default_rng(4)
    whole = (10 * rng.normal(size=(60, 6))).astype(dtype)
    X = {"columns": np.asfortranarray(whole), "every other": whole[:, ::2], "backwards": whole[::-1]}.get(laid, whole.copy())
    if laid == "read only":
        X.flags.writeable = False
    y = X @ np.arange(1.0, X.shape[1] + 1) + rng.normal(size=len(X))
    data = pd.DataFrame(X) if laid == "frame" else X
    assert ours.LinearRegression().fit(data, y).coef_ == pytest.approx(theirs.LinearRegression().fit(data, y).coef_, rel=1e-4)


@pytest.mark.parametrize("laid", [np.ascontiguousarray, np.asfortranarray, lambda X: np.repeat(X, 2, axis=1)[:, ::2]])
@pytest.mark.parametrize(("odd", "said"), [(np.nan, "contains NaN"), (np.inf, "contains infinity"), (1e200, "1e\\+?200")])
def test_one_odd_number_is_found_wherever_it_stands(odd, said, laid):
    X = np.random.default_rng(0).normal(size=(50, 3))
    X[-1, -1] = odd
    with pytest.raises(ValueError, match=said):
        ours.LinearRegression().fit(laid(X), X[:, 0])
