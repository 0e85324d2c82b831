"""Formulas that patsy and formulaic people write: each fits here, to patsy's R2; and each that our own page shows is understood."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import patsy
import pytest

import bestline as bl
from bestline.errors import BestlineWarning

PAGE = Path(__file__).parents[2] / "docs" / "formulas.md"
CLOSE = 1e-11
FORMULAS = """
y ~ x
y ~ x + z
y ~ x - 1
y ~ 0 + x
y ~ x:z
y ~ x*z
y ~ (x + z)**2
y ~ a
y ~ 0 + a
y ~ a - 1
y ~ C(a)
y ~ C(a) + C(b)
y ~ C(a):C(b)
y ~ C(a)*C(b)
y ~ a:b:c
y ~ a*b*c
y ~ a/x
y ~ a:x
y ~ a*x
y ~ 0 + a:x
y ~ x + a:x
y ~ C(a, Treatment('b'))
y ~ C(a, Treatment(reference='c'))
y ~ C(a, Sum)
y ~ C(a, Sum)*x
y ~ 0 + C(a, Sum)
y ~ C(a, Helmert)
y ~ C(a, Poly)
y ~ C(a, Diff)
y ~ C(a, levels=['c', 'b', 'a'])
y ~ C(a, Sum):C(b, Helmert)
y ~ np.log(z)
y ~ np.exp(x) + np.sqrt(z)
y ~ I(x**2)
y ~ x + I(x**2) + I(x**3)
y ~ I(x + z)
y ~ center(x)
y ~ standardize(x)
y ~ standardize(x) * center(z)
y ~ scale(x)
y ~ bs(x, df=4)
y ~ bs(x, df=6, degree=2)
y ~ bs(x, df=4) + bs(z, df=5)
y ~ bs(x, df=4):a
y ~ cr(x, df=4)
y ~ cr(x, df=4, constraints='center')
y ~ Q('wt')
y ~ Q('my col') + np.log(Q('wt'))
np.log(z) ~ x
""".strip().split("\n")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    made = pd.DataFrame({"x": draw.normal(size=240), "z": draw.uniform(1, 3, 240), "my col": draw.uniform(1, 2, 240)})
    made = made.assign(
        **{name: draw.choice(levels, 240) for name, levels in {"a": list("abc"), "b": list("uvw"), "c": ["s", "t"]}.items()}
    )
    return made.assign(wt=made.z, y=made.x + made.z**2 + (made.a == "b") + draw.normal(size=240))


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_of_patsy_fits_to_patsy_s_r2(table: pd.DataFrame, formula: str) -> None:
    left, right = patsy.dmatrices(formula, table)
    y, X = np.asarray(left)[:, 0], np.asarray(right)
    rss = ((y - X @ np.linalg.lstsq(X, y, rcond=None)[0]) ** 2).sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)  # of columns that repeat each other, and of targets in logarithms
        ours = bl.fit(formula, table)
    # Without an intercept R2 is about zero, as R and statsmodels have it, but where the columns add up to one.
    about = y**2 if ours.about_zero else (y - y.mean()) ** 2
    assert ours.r2 == pytest.approx(1 - rss / about.sum(), abs=CLOSE)


def test_every_formula_of_the_page_is_understood() -> None:
    draw = np.random.default_rng(1)
    numbers = {name: draw.uniform(1, 3, 90) for name in ("a", "b", "x", "z", "y", "y1", "y2", "my x")}
    data = pd.DataFrame(numbers).assign(g=["low", "high", "b"] * 30, firm=np.repeat(np.arange(9), 10))
    cells = [
        line.split(" | ")[0].strip("| ") for line in PAGE.read_text().replace("\\|", "¦").splitlines() if line.startswith("| `")
    ]
    shown = [text for cell in cells for text in re.findall(r"``\s(.+?)\s``|`([^`]+)`", cell)]
    tried = 0
    for quoted, plain in shown:
        text = (quoted or plain).replace("¦", "|")
        if text == ".":
            continue
        if "levels=" in text:
            text = text.replace('"low", "high"', '"low", "high", "b"')
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BestlineWarning)
            bl.fit(data, text if "~" in text else f"y ~ {text}", missing="drop")  # a lag lacks a value in the first row
        tried += 1
    assert tried > 30
