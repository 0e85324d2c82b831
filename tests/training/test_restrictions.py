"""Restrictions are read as they are written."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bestline.errors import OptionError
from bestline.training.restrictions import restricted

pytestmark = pytest.mark.usefixtures("quiet")


NAMES = ("x1", "x10", "x1:x2", "C(g)[T.b]", "poly(x, 2)[1]", "net weight", "2", "Intercept")


@given(
    st.lists(st.tuples(st.integers(0, len(NAMES) - 1), st.integers(-9, 9)), min_size=1, max_size=6),
    st.integers(-5, 5),
    st.booleans(),
)
def test_restrictions_are_read_as_they_are_written(terms: list[tuple[int, int]], value: int, quoted: bool):
    exact = torch.zeros(len(NAMES), dtype=torch.float64)
    for j, c in terms:
        exact[j] += c
    words = [f"`{n}`" if quoted or n == "2" else n for n in NAMES]
    text = " + ".join(f"{c} * {words[j]}" if c >= 0 else f"(-{words[j]} * {-c})" for j, c in terms) + f" = {value}"
    if not bool(exact.any()):
        with pytest.raises(OptionError):
            restricted(text, NAMES)
        return
    A, c, said = restricted(text, NAMES)
    assert A[0].tolist() == exact.tolist()
    assert (c.tolist(), said) == ([value], text)


@pytest.mark.parametrize(
    ("text", "A", "c"),
    [
        ("x = y", [[1, -1, 0]], [0]),
        ("x = y = 2", [[1, -1, 0], [0, 1, 0]], [0, 2]),
        ("-(x - 2*(y+1))/4 = 1e1,z", [[-0.25, 0.5, 0], [0, 0, 1]], [9.5, 0]),
        ("3 = .5*x", [[-0.5, 0, 0]], [-3]),
    ],
)
def test_the_grammar(text: str, A: list[list[float]], c: list[float]):
    found = restricted(text, ("x", "y", "z"))
    assert (found[0].tolist(), found[1].tolist()) == (A, c)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x * y = 0", "linear"),
        ("1 / x = 0", "linear"),
        ("x / 0", "linear"),
        ("wait = 0", "no weight `wait`"),
        ("`wait` = 0", "no weight `wait`"),
        ("x = ", "at its end"),
        ("x = 0 0", "cannot be read"),
        ("(x = 0", "cannot be read"),
        ("__import__('os')", "no weight"),
        ("x ** 2", "cannot be read"),
        ("", "at its end"),
        ("1 = 1", "names no weight"),
        ("x = 0, 2 * x = 0", "repeat or contradict"),
        ("x = 0, x = 1", "repeat or contradict"),
    ],
)
def test_restrictions_that_make_no_sense(text: str, said: str):
    with pytest.raises(OptionError, match=said.replace("*", r"\*")):
        restricted(text, ("x", "y", "weight"))
