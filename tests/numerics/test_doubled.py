"""Doubled numbers: a hundred bits, and the whole range."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bestline.numerics.doubled import Doubled

pytestmark = pytest.mark.usefixtures("quiet")


@given(
    st.floats(-1e30, 1e30).filter(lambda v: abs(v) > 1e-20),
    st.floats(-1e30, 1e30).filter(lambda v: abs(v) > 1e-20),
    st.integers(1, 9),
)
def test_doubled_numbers_hold_a_hundred_bits(a: float, b: float, exponent: int):
    x, y = (Doubled.of(torch.tensor([v], dtype=torch.float64)) for v in (a, b))

    def value(d: Doubled) -> Fraction:
        return Fraction(d.high.item()) + Fraction(d.low.item())

    assert (
        value(x + y) == Fraction(a) + Fraction(b)
        or abs(value(x + y) - Fraction(a) - Fraction(b)) <= abs(Fraction(a) + Fraction(b)) / 2**100
    )
    assert value(x * y) == Fraction(a) * Fraction(b)
    power = Fraction(a) ** exponent
    assert abs(value(x.power(exponent)) - power) <= abs(power) / 2**98
    row = Doubled(*(torch.cat([getattr(d, n) for d in (x, y * y * y)])[None] for n in ("high", "low", "error")))
    for found, true in (
        (x.power(exponent), power),
        (x.power(exponent) + y, power + Fraction(b)),
        (x.power(exponent) - y * y, power - Fraction(b) ** 2),
        ((row @ Doubled(row.high.T, row.low.T, row.error.T))[0], Fraction(a) ** 2 + Fraction(b) ** 6),
    ):
        assert abs(value(found) - true) <= Fraction(found.error.item())


def test_powers_beyond_the_range_lose_only_what_is_beyond_float64():
    x = torch.tensor([1e200, 1e-200, 0.0, 1.5], dtype=torch.float64)
    square = Doubled.of(x).power(2)
    assert square.beside(x**2)[1:].tolist() == [0.0, 0.0, 0.0]
    assert bool(square.beside(x**2).isfinite().all())
