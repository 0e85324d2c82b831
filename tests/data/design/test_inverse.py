"""The way back from a target's expression: that of the expression itself, and none where there is none."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from bestline.data.design import Factor, expression
from bestline.data.design.inverse import inverse_of

STATES = {"scale(y)": {"mean": 3.0, "deviation": 2.0}, "center(y)": {"mean": -1.0}}
STEPS = [
    "log({})",
    "np.log10({})",
    "log2({} + 1)",
    "log1p({})",
    "sqrt({})",
    "I({} ** 0.5)",
    "I({} ** -2)",
    "1 / {}",
    "-1 / ({} + 3)",
    "2 ** ({} / 100)",
    "expm1(0.3 * log({})) / 0.3",
    "3 - {}",
    "-{} * 0.1",
    "exp({} / 50)",
]


def way(text: str):
    return inverse_of(Factor(text, "expression"), STATES)


@given(st.sampled_from(STEPS), st.lists(st.floats(0.01, 100), min_size=1, max_size=9))
def test_there_and_back(step: str, values: list[float]) -> None:
    text, y = step.format("y"), torch.tensor(values, dtype=torch.float64)
    back = way(text)
    assert back is not None
    assert back.column == "y"
    z = expression(text)({"y": y}, {})
    assert torch.allclose(back(z), y, rtol=1e-9, atol=1e-12)
    assert not back.outside(z, {}).any()
    low, high = back.ends(z - 1e-3 * z.abs(), z + 1e-3 * z.abs())  # falling functions exchange them
    assert bool((low <= y * (1 + 1e-9)).all())
    assert bool((y * (1 - 1e-9) <= high).all())


@given(st.lists(st.sampled_from([s for s in STEPS if "3 -" not in s and s[0] != "-"]), min_size=2, max_size=3))
def test_chains_of_steps(steps: list[str]) -> None:
    text, y = "y", torch.tensor([3.0, 4.5, 7.0], dtype=torch.float64)
    for step in steps:
        text = step.format(f"({text})")
    z = expression(text)({"y": y}, {})
    back = way(text)
    assume(back is not None and bool(z.isfinite().all()))
    near = back(z * (1 + 1e-15))  # how many digits are left on this way
    assert ((back(z) - y).abs() <= 1e-9 + 1e3 * (near - y).abs() + 1e-6 * y).all()


@pytest.mark.parametrize("text", ["scale(y)", "center(y)", "log(y) - 2"])
def test_what_functions_learnt_is_undone(text: str) -> None:
    y = torch.tensor([1.0, 5.0], dtype=torch.float64)
    back = way(text)
    assert back is not None
    assert torch.allclose(back(expression(text)({"y": y}, STATES)), y, rtol=1e-15)


@pytest.mark.parametrize(
    "text", ["abs(y)", "sin(y)", "floor(y)", "log(y / x)", "y * y", "log(y) + y", "I(y ** 2 - y)", "0 * y", "tanh(y)"]
)
def test_no_way_back(text: str) -> None:
    assert way(text) is None


def test_a_column_is_itself() -> None:
    assert inverse_of(Factor("y", "number", "y"), {}) is None


@pytest.mark.parametrize(
    ("text", "end"), [("sqrt(y)", 0.0), ("expm1(y)", -math.inf), ("exp(y)", -math.inf), ("1 / y", math.inf), ("y ** 2", 0.0)]
)
def test_beyond_the_range_is_its_end(text: str, end: float) -> None:
    back = way(text)
    assert back is not None
    beyond = torch.tensor([-7.0])
    assert float(back(beyond)) == end
    assert back.outside(beyond, {}).all()


@pytest.mark.parametrize(
    ("text", "rate", "base"),
    [("log(y)", 1.0, 0.0), ("log10(y)", math.log(10), 0.0), ("log1p(y)", 1.0, -1.0), ("2 * log(3 * y + 6)", 0.5, -2.0)],
)
def test_logarithms_know_their_exponential(text: str, rate: float, base: float) -> None:
    back = way(text)
    assert back is not None
    assert (back.rate, back.base) == pytest.approx((rate, base))
    z = torch.tensor([0.3, 1.7], dtype=torch.float64)
    assert torch.allclose(back(z + 1) - base, (back(z) - base) * math.exp(rate), rtol=1e-12)


def test_others_know_none() -> None:
    assert way("log(log(y))").rate is way("log(sqrt(y))").base is way("sqrt(y)").rate is None


def test_it_is_said_as_people_read_it() -> None:
    said = {text: way(text).said for text in ("log(y)", "sqrt(y)", "log10(y)", "1 / y", "-log(y)")}
    assert said == {
        "log(y)": "exp(fitted)",
        "sqrt(y)": "fitted ** 2",
        "log10(y)": "10 ** fitted",
        "1 / y": "1 / fitted",
        "-log(y)": "exp(-fitted)",
    }
