"""Arrays in memory may be written to after a fit: what is said later is of the rows of the fit, or is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.errors import DataError

CHANGED = "the data have changed since the line was fitted"
DESCENT = {"solver": "sgd", "batch_size": 16, "steps": 24}


def _arrays(order="C"):
    rng = np.random.default_rng(7)
    X = np.asarray(rng.normal(size=(120, 2)), order=order)
    return X, X @ np.array([2.0, -1.0]) + 3 + rng.standard_t(3, size=120)


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
@pytest.mark.parametrize("into", [lambda a: a, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("told", [{"loss": "huber"}, {"loss": "absolute"}, {"loss": "quantile:0.2"}, DESCENT], ids=str)
def test_scores_are_never_of_other_rows(told, order, into):
    X, y = map(into, _arrays(order))
    before = bl.fit(X, y, **told)
    assert before.held_out is not None
    kept = before.held_out.rmse, before.fitted_scores
    asked_late = bl.fit(X, y, **told)
    y[:] = 0
    assert asked_late.held_out is None
    assert asked_late.unheld == CHANGED
    assert asked_late.fitted_scores == kept[1]
    assert before.held_out.rmse == kept[0]  # what is known stays known


@pytest.mark.parametrize("write", [lambda X, y: X.__setitem__((slice(None), 1), 1.0), lambda X, y: y.__imul__(5)])
def test_errors_of_another_kind_are_refused_where_the_rows_are_others(write):
    X, y = _arrays()
    line = bl.fit(X, y, loss="absolute")
    same = line.tidy(cov="iid")
    assert same.std_error.gt(0).all()
    write(X, y)
    with pytest.raises(DataError, match="not the 120 rows that the line was fitted to"):
        line.tidy(cov="iid")


def test_weights_written_to_are_other_rows():
    X, y = _arrays()
    w = np.linspace(1, 2, len(y))
    line = bl.fit(X, y, weights=w, loss="huber")
    w[:60] = 0.01
    assert line.held_out is None
    assert line.unheld == CHANGED


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_scores_under_an_own_forward_function_are_those_of_the_fit():
    X, y = _arrays()

    def told():
        return bl.fit(X, y, forward=lambda X, w, b: X @ w + b, loss="squared", steps=20)

    before, late = told(), told()
    kept = before.fitted_scores
    y[:] = 0
    assert late.fitted_scores == kept
    assert late.held_out is None
    assert late.unheld == CHANGED
