"""Other losses and own functions, in the data's units and under weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.errors import OptionError
from training.examples import some_rows


def test_other_losses_find_what_statsmodels_finds(quiet: None) -> None:
    import statsmodels.api as sm

    rows = some_rows(2, n=400, p=2)
    y = rows.y.clone()
    y[:40] += 60  # outliers
    X = sm.add_constant(rows.X.numpy())
    expected = sm.QuantReg(y.numpy()[:, 0], X).fit(q=0.5).params
    got = bl.fit((rows.X, y), loss="absolute").params
    assert got.to_numpy()[[2, 0, 1]] == pytest.approx(expected, abs=0.05)
    upper = bl.fit((rows.X, rows.y), loss="quantile:0.9")
    assert np.mean(rows.y.numpy()[:, 0] < upper.predict(rows.X)) == pytest.approx(0.9, abs=0.02)
    robust = bl.fit((rows.X, y), loss="huber")
    clean = bl.fit((rows.X[40:], y[40:]))
    squares = bl.fit((rows.X, y))
    assert np.abs(robust.coef - clean.coef).max() < 0.3 * np.abs(squares.coef - clean.coef).max()
    assert robust.held_out is not None
    assert robust.held_out.mae is not None


def test_own_losses_see_the_datas_units_and_forward_functions_train(quiet: None) -> None:
    rows = some_rows(2, n=300, p=1)
    expected = bl.fit((rows.X, rows.y)).params.to_numpy()
    own = bl.fit((rows.X, rows.y), loss=lambda f, y: ((f - y) ** 2).mean(), solver="lbfgs", lr=1.0, steps=50)
    assert own.params.to_numpy() == pytest.approx(expected, rel=1e-6)
    assert float(own.trace.loss[-1]) == pytest.approx(bl.fit((rows.X, rows.y)).fitted_scores.mse[0], rel=1e-6)
    curved = bl.fit((rows.X, rows.y), forward=lambda X, w, b: X @ w + b, solver="lbfgs", lr=1.0, steps=100)
    assert curved.params.to_numpy() == pytest.approx(expected, rel=1e-6)
    torch_line = torch.nn.utils.skip_init(torch.nn.Linear, 1, 1, dtype=torch.float64)
    with torch.no_grad():
        torch_line.weight.fill_(0.1)
        torch_line.bias.fill_(0.0)
    module = bl.fit((rows.X, rows.y), forward=torch_line, solver="lbfgs", lr=1.0, steps=100)
    assert module.names == ("weight[0,0]", "bias[0]")
    assert module.params.to_numpy() == pytest.approx(expected, rel=1e-6)
    assert torch_line.weight.item() == pytest.approx(0.1)  # the user's own module is left as it was
    assert module.to_torch()(rows.X[:1]).item() == pytest.approx(module.predict(rows.X[:1])[0])


def test_weights_reach_every_loss(quiet: None) -> None:
    rows = some_rows(4, n=60, p=2)
    w = torch.arange(60) % 3
    copied = rows[torch.arange(60).repeat_interleave(w)]
    for options in ({}, {"loss": "huber"}, {"l2": 0.1}, {"solver": "adam", "lr": 0.1, "steps": 40}):
        weighted = bl.fit((rows.X, rows.y), weights=w.double(), **options)
        whole = bl.fit((copied.X, copied.y), **options)
        tolerance = 0.2 if options.get("loss") else 1e-9  # the scale of `huber` is a median of rows, not of copies
        assert weighted.params.to_numpy() == pytest.approx(whole.params.to_numpy(), rel=tolerance)
    with pytest.raises(OptionError, match="one number for all rows"):
        bl.fit((rows.X, rows.y), weights=w.double(), loss=lambda f, y: ((f - y) ** 2).mean())
