"""Rates to try are read in any form, and refused where they make no sense."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.errors import OptionError
from bestline.training.foresight.rate_grid import checked_rates, rates_around
from bestline.training.solvers import Descent

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize(
    ("lrs", "says"),
    [
        ([], "no rate"),
        ("", "no rate"),
        ([0.0], "positive"),
        ([0.1, -1], "positive"),
        ([math.nan], "positive"),
        ("0.1,inf", "positive"),
        ("1:0.1:5", "low to high"),
        ("0.1:1:0", "COUNT"),
        ("0.1:1:2.5", "COUNT"),
        ("0.1:1:1e99", "COUNT"),
        ("0.1:1", "LOW:HIGH:COUNT"),
        ("0.1:1:5:7", "LOW:HIGH:COUNT"),
        ("a:b:c", "LOW:HIGH:COUNT"),
        ("0:1:5", "positive"),
        ("0.1;0.2", "must be"),
        (["x"], "must be"),
        (None, "must be"),
    ],
)
def test_rates_that_make_no_sense_are_refused(lrs: object, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        checked_rates(lrs)


def test_rates_are_read_in_any_form() -> None:
    assert checked_rates("auto") is None
    assert checked_rates(0.1) == [0.1]
    assert checked_rates("0.2, 0.1,0.2") == [0.1, 0.2]
    assert checked_rates(torch.tensor([0.5, 0.25])) == [0.25, 0.5]
    rates = checked_rates("1e-4:1:200")
    assert (len(rates), rates[0], rates[-1]) == (200, 1e-4, 1.0)
    assert np.ptp(np.diff(np.log(rates))) < 1e-12
    assert checked_rates("0.1:1:1") == [0.1]
    assert checked_rates(r for r in (0.3, 0.1)) == [0.1, 0.3]


@pytest.mark.parametrize(
    ("name", "low", "high", "count"),
    [
        ("sgd", 1 / 1_000, 2, 12),  # of the largest stable rate
        ("adam", 1 / 1_000, 100, 12),  # of the rate that torch takes
        ("rmsprop", 1 / 1_000, 100, 12),
        ("lbfgs", 1 / 10, 1, 10),
    ],
)
def test_rates_are_tried_around_what_is_known_of_them(name: str, low: float, high: float, count: int) -> None:
    rng = np.random.default_rng(0)
    model = bl.fit({"x": rng.normal(size=30), "y": rng.normal(size=30)}, "y ~ x", solver=Descent(name, lr=0.1, steps=1))
    start = torch.ones(2, 1, dtype=torch.float64)
    task = SimpleNamespace(objective=model.trained.objective)
    known = Descent(name).rate_limit(task.objective, start)
    if name != "sgd":
        assert known is None
        known = Descent(name).built(torch.nn.Parameter(start), task.objective).param_groups[0]["lr"]
    rates = rates_around(name, task, start, 12)
    assert (len(rates), rates[0], rates[-1]) == (count, pytest.approx(low * known), pytest.approx(high * known))
    np.testing.assert_allclose(np.diff(np.log(rates)), np.log(high / low) / (count - 1), rtol=1e-9)
