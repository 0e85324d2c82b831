"""Losses as text for scripts say what the losses do: their values, their slopes, and their numbers in the data's units."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bestline.errors import OptionError
from bestline.training.losses import LOSSES, Loss, parse_loss
from bestline.training.losses.base import Units
from bestline.training.losses.piecewise import Piecewise

SAME = {"rel": 1e-14, "abs": 1e-14}
LEVELS = ["squared", "absolute", "quantile", "quantile:0.9", "huber", "huber:0.7"]
SCALE = torch.tensor([2.0], dtype=torch.float64)


def units(scale: Tensor) -> Units:
    return Units(scale, torch.zeros_like(scale), False, lambda: torch.tensor([0.5], dtype=torch.float64))


def evaluated(lines: tuple[str, ...], names: dict[str, object]) -> object:
    """The value of the last line, after the others."""
    *before, last = lines
    for line in before:
        exec(line, names)  # noqa: S102  the library's own text
    return eval(last, names)  # noqa: S307


@pytest.mark.parametrize("name", LEVELS)
def test_code_is_the_loss(name: str) -> None:
    loss = parse_loss(name)
    code = loss.code
    assert code is not None
    draw = torch.Generator().manual_seed(3)
    prediction, y = (torch.randn(50, 1, generator=draw, dtype=torch.float64).requires_grad_() for _ in range(2))
    one = torch.ones(1, dtype=torch.float64)
    function, unit = loss.trained(units(one))
    assert unit.tolist() == [1.0]
    expected = function(prediction, y)
    (slope,) = torch.autograd.grad(expected.sum(), prediction)
    p, t = prediction.detach(), y.detach()
    names: dict[str, object] = {"torch": torch, "np": np, "prediction": p, "y": t, "error": p - t, "nn": nn}
    if code.setting:
        names[code.setting] = float(loss.number(function, one))
    assert evaluated(code.torch, dict(names)).numpy() == pytest.approx(expected.detach().numpy(), **SAME)
    arrays = {n: v.numpy() if isinstance(v, Tensor) else v for n, v in names.items()}
    assert evaluated(code.numpy, dict(arrays)) == pytest.approx(expected.detach().numpy(), **SAME)
    assert eval(code.pull.format(setting=code.setting), dict(arrays)) == pytest.approx(slope.numpy(), **SAME)  # noqa: S307
    assert (code.ready is None) == name.startswith("quantile"), "torch has a module of its own for each of the others"
    ready = eval((code.ready or "torch.tensor").format(setting=code.setting), dict(names))  # noqa: S307
    if not name.startswith("quantile"):
        assert float(ready(p, t)) == pytest.approx(float(expected.detach().mean()), rel=1e-12)


@pytest.mark.parametrize("name", LEVELS)
def test_a_loss_as_trained_times_its_unit_is_the_loss_in_the_datas_units(name: str) -> None:
    loss = parse_loss(name)
    f, y = torch.tensor([[3.0], [-1.0]], dtype=torch.float64), torch.tensor([[1.0], [0.5]], dtype=torch.float64)
    one = torch.ones(1, dtype=torch.float64)
    direct, _ = loss.trained(units(one))
    scaled, unit = loss.trained(units(SCALE))
    assert (scaled(f / SCALE, y / SCALE) * unit).numpy() == pytest.approx(direct(f, y).numpy(), rel=1e-14)
    assert loss.number(scaled, SCALE).tolist() == pytest.approx(loss.number(direct, one).tolist())
    assert isinstance(scaled, Piecewise) == loss.edged


def test_an_own_loss_is_shown_the_datas_units() -> None:
    own = parse_loss(lambda f, y: f - y)
    scale, center = SCALE, torch.tensor([5.0], dtype=torch.float64)
    shown, unit = own.trained(Units(scale, center, False, lambda: scale))
    zero = torch.zeros(1, 1, dtype=torch.float64)
    assert float(shown(zero + 1, zero)) == 2.0
    assert unit.tolist() == [1.0]
    assert own.code is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hubert", "did you mean `huber`"),
        ("tukey", "choose squared, huber, absolute, quantile or quantile:0.9"),
        ("squared:2", "squared takes no number"),
        ("quantile:1", "must be a number between 0 and 1, such as quantile:0.9"),
        ("huber:-1", "must be a number above 0, such as huber:0.9"),
        ("huber:x", "must be a number above 0"),
    ],
)
def test_what_is_no_loss_says_so(text: str, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_loss(text)


def test_every_loss_is_listed_by_its_name() -> None:
    assert {name: kind.name for name, kind in LOSSES.items()} == {n: n for n in ("squared", "huber", "absolute", "quantile")}
    assert [kind.squared for kind in LOSSES.values()] == [True, False, False, False]
    assert all(issubclass(kind, Loss) for kind in LOSSES.values())
