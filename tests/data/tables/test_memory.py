"""Arrays, tensors, dictionaries and frames in memory."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pytest
import torch
from hypothesis import HealthCheck, given, settings

import bestline as bl
from bestline.data.tables import Kind, open_source
from bestline.errors import ColumnError, DataError, ShapeError
from data.tables.examples import all_numbers, all_text, kinds

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


floats = st.floats(allow_nan=False, width=64)


def test_frames_that_are_refused():
    with pytest.raises(ColumnError, match="MultiIndex"):
        open_source(pd.DataFrame(np.ones((2, 2)), columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])))
    with pytest.raises(ColumnError, match="`a`"):
        open_source(pd.DataFrame(np.ones((2, 2)), columns=["a", "a"]))
    with pytest.raises(ColumnError, match="`m` holds numbers, but `a` at row 2"):
        all_numbers(open_source(pd.DataFrame({"m": [1, "a", 2.5]})))
    with pytest.raises(DataError, match="no rows"):
        open_source(pd.DataFrame({"x": []}))
    with pytest.raises(DataError, match="not a table"):
        open_source(object())


def test_a_matrix_is_not_copied():
    X = np.random.default_rng(0).normal(size=(1000, 10))
    y = X[:, 0].copy()
    X.setflags(write=False)
    source = open_source((X, y))
    assert source.target == ("y",)
    assert source.names == (*(f"x{j}" for j in range(10)), "y")
    for batch in source.batches(size=300):
        block = batch.numbers(source.names[:10])
        assert block.data_ptr() == X.ctypes.data + batch.start * X.strides[0]
        np.testing.assert_array_equal(block, X[batch.start : batch.start + batch.rows])
    np.testing.assert_array_equal(all_numbers(source, ["y", "x3", "x1"]), np.stack([y, X[:, 3], X[:, 1]], 1))
    assert batch.where(0) == "row 901"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8, np.uint16, np.uint64, bool, ">f8", np.longdouble, object])
def test_every_number_type_of_numpy(dtype):
    X = np.array([[1, 0], [0, 1], [1, 1]]).astype(dtype)
    np.testing.assert_array_equal(all_numbers(open_source((X, X[:, 0]))), [[1, 0, 1], [0, 1, 0], [1, 1, 1]])
    np.testing.assert_array_equal(all_numbers(open_source({"a": X[::-1, 1]}))[:, 0], [1, 1, 0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.bool])
def test_tensors(dtype):
    X = torch.tensor([[1, 0], [0, 1]]).to(dtype)
    if dtype.is_floating_point:
        X.requires_grad_()
    source = open_source((X, X[:, 0]))
    assert not next(iter(source.batches())).numbers(source.names).requires_grad
    np.testing.assert_array_equal(all_numbers(source), [[1, 0, 1], [0, 1, 0]])
    assert all_text(source, "x0") == (["True", "False"] if dtype is torch.bool else ["1", "0"])


def test_masked_cells_are_missing():
    X = np.ma.masked_equal(np.array([[1, 2], [3, 4]]), 3)
    np.testing.assert_array_equal(all_numbers(open_source(X)), [[1, 2], [np.nan, 4]])
    np.testing.assert_array_equal(all_numbers(open_source({"a": X[:, 0]}))[:, 0], [1, np.nan])


def test_names_of_pairs():
    X, y = np.ones((3, 2)), np.zeros((3, 2))
    assert open_source((X, y)).target == ("y0", "y1")
    assert open_source((X, y[:, :1])).target == ("y",)
    assert open_source(([[1, 2], [3, 4]], [1, 2])).names == ("x0", "x1", "y")
    assert open_source(([1, 2], torch.ones(2))).names == ("x0", "y")
    frame = pd.DataFrame({"a": [1, 2, 3]})
    assert open_source((frame, pd.Series([1, 2, 3], name="t"))).target == ("t",)
    assert open_source((frame, pl.Series([1, 2, 3]))).target == ("y",)
    assert open_source((pl.from_pandas(frame), frame.rename(columns={"a": "t"}))).names == ("a", "t")
    assert open_source(np.ones((2, 3))).names == ("x0", "x1", "x2")
    assert open_source(torch.ones(2)).target is None


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (np.array([["a", "b"]] * 5, object), ColumnError, "`a` at row 1"),
        (np.array([["a", "b"]] * 5), ColumnError, "text"),
        (np.ones((4, 2, 2)), ShapeError, "shape"),
        ((np.ones((5, 2)), np.ones(4)), ShapeError, "5 rows but y has 4"),
        (np.empty((5, 0)), ShapeError, "no columns"),
        (np.empty((0, 2)), DataError, "no rows"),
        ({"a": [1, 2], "b": [1]}, ShapeError, "differ"),
        ({}, ShapeError, "no columns"),
        ([[1, 2], [3]], ShapeError, "differ in length"),
        ((1, 2, 3), ShapeError, "pair"),
        (np.ones((2, 2), complex), ColumnError, "complex"),
        (torch.ones(2, 2).to_sparse(), ShapeError, "sparse"),
        (None, DataError, "data are missing"),
        ([], DataError, "empty"),
        ({"a": np.ones((2, 2))}, ShapeError, "one-dimensional"),
        ({"b": [{"k": 1}, 2]}, ColumnError, "`b` is a mix of dict, int"),
    ],
)
def test_arrays_that_are_refused(data, error, says):
    with pytest.raises(error, match=says):
        all_numbers(open_source(data))


def test_dict_of_anything():
    data = {"a": [1, 2, None], "b": np.array(["x", "y", "x"]), "c": torch.tensor([1.0, 2.0, 3.0]), "d": ["p", None, "q"]}
    data["e"] = np.array(["2024-01-01", "2024-01-02", "NaT"], "M8[D]")
    source = open_source(data, extra={"w": np.arange(3)})
    assert source.names == ("a", "b", "c", "d", "e", "w")
    assert kinds(source)["e"] is Kind.DATE
    np.testing.assert_array_equal(all_numbers(source, ["w", "a", "c"]), [[0, 1, 1], [1, 2, 2], [2, np.nan, 3]])
    assert all_text(source, "d") == ["p", None, "q"]


@QUICK
@given(st.lists(st.one_of(st.none(), st.integers(-(2**60), 2**60), floats), min_size=1), st.integers(1, 5))
def test_labels_of_numbers_are_the_same_in_every_container(values, size):
    x = np.array([math.nan if v is None else float(v) for v in values])
    expected = [None if math.isnan(v) else str(v + 0.0).removesuffix(".0") for v in x]
    for data in ({"x": x}, {"x": torch.tensor(x)}, pa.table({"x": x}), pl.DataFrame({"x": x})):
        assert all_text(open_source(data), "x", size) == expected


@pytest.mark.parametrize(
    "wrapped", [lambda v: pl.Series("a", v, dtype=pl.Object), lambda v: pl.Series("a", v), pd.Series, pa.array]
)
def test_a_column_of_a_mapping_is_read_alike_from_every_library(wrapped: Any) -> None:
    words = ["a", "b", "a", "c"] * 5
    y = [float(i % 7) for i in range(20)]
    alike = bl.fit({"x": words, "y": y}, "y ~ x").params
    assert bl.fit({"x": wrapped(words), "y": wrapped(y)}, "y ~ x").params.equals(alike)
