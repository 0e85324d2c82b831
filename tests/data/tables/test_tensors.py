"""Tensors of every kind that torch has: what holds real numbers is taken at every door, what does not is refused in our words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import bestline as bl
from bestline.errors import BestlineError
from bestline.estimators import LassoCV, LinearRegression, Ridge, SGDRegressor

pytestmark = pytest.mark.filterwarnings("ignore:Sparse CSR", "ignore:torch.quantize", "ignore:ComplexHalf")

Made = Callable[[Tensor], Tensor]
X = torch.tensor(np.random.default_rng(0).integers(-8, 8, (40, 2)) / 4)  # numbers that 8 bits hold
y = X @ torch.tensor([1.0, 2.0]).double() + torch.tensor(np.random.default_rng(1).integers(-1, 2, 40) / 4)
FIT = np.linalg.lstsq(np.c_[X, np.ones(40)], y, rcond=None)[0]

REAL: dict[str, Made] = {
    "bfloat16": lambda T: T.to(torch.bfloat16),
    "float16": lambda T: T.to(torch.float16),
    "features of 8 bits": lambda T: T.to(torch.float8_e4m3fn) if T.ndim == 2 else T,
    "negated view": lambda T: torch._neg_view(-T),
    "imaginary part of a conjugate": lambda T: torch.complex(T, -T).conj().imag,
    "quantized": lambda T: torch.quantize_per_tensor(T.float(), 0.25, 0, torch.qint8),
    "with a gradient": lambda T: T.clone().requires_grad_(),
    "parameter": lambda T: torch.nn.Parameter(T.clone()),
    "turned round": lambda T: T.flip(0).clone().flip(0),
}
NONE: dict[str, Made] = {
    "sparse": lambda T: T.to_sparse(),
    "sparse rows": lambda T: T.reshape(40, -1).to_sparse_csr(),
    "meta": lambda T: T.to("meta"),
    "complex": lambda T: T.to(torch.complex64),
    "complex of 32 bits": lambda T: T.to(torch.complex32),
}
DOORS: dict[str, Callable[[Made], Any]] = {
    "fit": lambda f: bl.fit(f(X), f(y)).weights[:, 0],
    "a dict": lambda f: bl.fit({"a": f(X[:, 0]), "b": f(X[:, 1]), "y": f(y)}, "y ~ a + b").weights[:, 0],
    "moments": lambda f: bl.fit(bl.Moments.collect(f(X), f(y))).weights[:, 0],
    "predict": lambda f: np.linalg.lstsq(np.c_[X, np.ones(40)], bl.fit(X, y).predict(f(X)), rcond=None)[0],
    "evaluate": lambda f: bl.fit(X, y).evaluate((f(X), f(y))) and FIT,
    "LinearRegression": lambda f: _weights(LinearRegression().fit(f(X), f(y))),
    "Ridge": lambda f: _weights(Ridge(alpha=0).fit(f(X), f(y), sample_weight=np.ones(40))),
}


def _weights(fitted: Any) -> np.ndarray:
    return np.append(np.ravel(fitted.coef_), fitted.intercept_)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("made", REAL)
def test_real_numbers_of_any_kind_are_taken(made: str, door: str) -> None:
    np.testing.assert_allclose(np.asarray(DOORS[door](REAL[made])), FIT, rtol=1e-5 if door[0] in "LR" else 1e-9)


@pytest.mark.parametrize("door", ["fit", "moments", "predict", "evaluate", "LinearRegression", "Ridge"])
@pytest.mark.parametrize("made", NONE)
def test_what_holds_no_real_numbers_is_refused(made: str, door: str) -> None:
    # scikit-learn's own words where scikit-learn's rules are asked for.
    with pytest.raises((BestlineError, ValueError), match=r"sparse|meta|[Cc]omplex"):
        DOORS[door](NONE[made])


@pytest.mark.parametrize("estimator", [LassoCV(cv=3), SGDRegressor(random_state=0)])
@pytest.mark.parametrize("made", ["bfloat16", "quantized", "negated view"])
def test_iterated_estimators_take_them_too(made: str, estimator: Any) -> None:
    assert np.isfinite(estimator.fit(REAL[made](X), REAL[made](y)).coef_).all()
