"""A line that was chosen: it predicts in the shape it is asked in, and its error is that of nn.Linear and MSELoss."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import bestline as bl
from bestline.errors import DataError, OptionError


def test_the_line_of_the_crash_course():
    line = bl.line(w=3, b=1)
    assert line.predict(2) == 7.0
    assert isinstance(line.predict(2), float)
    np.testing.assert_array_equal(line.predict([[4], [7]]), [[13.0], [22.0]])
    np.testing.assert_array_equal(line([4, 7]), [13.0, 22.0])
    assert repr(line) == "<bestline.line: y = 1 + 3 x>"


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=4), st.integers(0, 5))
def test_several_slopes_predict_as_the_linear_module_does(w: list[float], n: int):
    line = bl.line(w, b=-0.5)
    module = line.to_torch()
    X = torch.arange(n * len(w), dtype=torch.float64).reshape(n, len(w)) - 3
    expected = X @ torch.tensor(w, dtype=torch.float64)[:, None] - 0.5
    torch.testing.assert_close(line.predict(X), expected)
    torch.testing.assert_close(module(X).detach(), expected)
    np.testing.assert_allclose(line.predict(X.numpy()), expected.numpy())
    assert line.predict(X.numpy()[:1][0] if n else np.zeros(len(w))).shape == (1,)


def test_tensors_stay_tensors_of_their_precision():
    line = bl.line(0.1, 0.2)
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    predicted = line(x)
    assert predicted.dtype == torch.float32
    predicted.sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([0.1, 0.1]))
    assert line(torch.tensor([1, 2])).dtype == torch.float64


def test_the_error_is_the_mean_squared_one():
    X, y = torch.linspace(-2, 2, 9), torch.linspace(0, 5, 9)
    line = bl.line(1.5, 0.25)
    assert line.loss(X, y) == pytest.approx(float(nn.MSELoss()(1.5 * X.double() + 0.25, y.double())), rel=1e-7)
    assert bl.line(2, 0).loss([[1], [3]], [2, 5]) == pytest.approx(0.5)  # a column against a row of y is not n x n errors
    for w, error in {-2: 9, -1.5: 2.25, 1.5: 56.25, 2: 81, -1: 0}.items():
        assert bl.line(w).loss(-3, 3) == error


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bl.line("3"), "`w` must be a finite number"),
        (lambda: bl.line(float("nan")), "`w` must be a finite number"),
        (lambda: bl.line(1, b=None), "`b` must be a finite number"),
        (lambda: bl.line([]), "one slope at least"),
        (lambda: bl.line([1, True]), "`w` must be a finite number"),
        (lambda: bl.line(1).predict("x"), "predicts from numbers"),
        (lambda: bl.line(1).predict([[1], [2, 3]]), "predicts from numbers"),
        (lambda: bl.line([1, 2]).predict(3), "2 slopes, so X has 2 columns"),
        (lambda: bl.line([1, 2]).predict([[1, 2, 3]]), "2 slopes, so X has 2 columns"),
        (lambda: bl.line(1).loss([1, 2], [1]), "X has 2 rows, and y has 1"),
        (lambda: bl.line(1).loss([], []), "no rows"),
    ],
)
def test_what_cannot_be_is_one_sentence(call, words):
    with pytest.raises((OptionError, DataError), match=words):
        call()


@pytest.mark.parametrize(
    ("name", "told"),
    [("coef", r"line\.w"), ("evaluate", r"line\.loss\(X, y\)"), ("watch", "has no data"), ("predic", "did you mean `predict`")],
)
def test_what_models_have_is_answered(name: str, told: str):
    with pytest.raises(AttributeError, match=told):
        getattr(bl.line(3, 1), name)


def test_it_is_copied_and_pickled():
    line = bl.line([1, 2], 3)
    assert pickle.loads(pickle.dumps(line)) == copy.deepcopy(line) == line  # noqa: S301
    with pytest.raises(OptionError, match="interval"):
        line.predict([[1, 2]], interval="prediction")
