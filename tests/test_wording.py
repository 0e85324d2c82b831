"""How numbers and equations are said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bestline.wording import equation, rounded

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


def test_equations_read_as_people_write_them():
    assert equation("mpg", ("weight", "Intercept"), (-0.0076473, 46.2165)) == "mpg = 46.22 − 0.007647 weight"
    assert equation("y", ("x",), (2.0,)) == "y = 2 x"
    assert equation("y", ("x", "Intercept"), (-1.0, -3.0)) == "y = −3 − 1 x"
    assert equation("y", (), ()) == "y = 0"
    assert equation("y", tuple(f"x{i}" for i in range(12)), [1.0] * 12).endswith("+ 4 more")


@given(value=st.floats(-1e300, 1e300))
def test_rounding_is_right_to_four_digits(value):
    text = rounded(value).replace(",", "").replace("−", "-")
    assert float(text) == pytest.approx(value, rel=5.1e-4)
