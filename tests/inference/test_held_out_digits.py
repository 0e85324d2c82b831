"""Held-out errors of columns that are nearly alike, against exact fractions: no digit is told that is not right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import bestline as bl
from bestline.data.split import part_labels
from bestline.inference import sharpen
from bestline.inference.scores import on_moments
from bestline.numerics import Bowl, Comoments, Rows, Scaling, right_loss_digits

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
EXACT = 1e-14  # errors solved exactly are rounded a few times at the end: mean square, root
N = 60


def table(apart: float, offset: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """A target of x, and two columns that differ by `apart`, far from zero by `offset`."""
    draw = np.random.default_rng(seed)
    x, z, group = draw.normal(size=N), draw.normal(size=N), np.array([f"g{i % 5}" for i in range(N)])
    a = offset + x
    y = offset + 2 * x + draw.normal(size=N)
    return pd.DataFrame(
        {"a": a, "b": a + apart * z, "y": y, "y2": y**2, "g": group, "w": draw.uniform(0.5, 2, N), "one": np.ones(N)}
    )


def solved(A: list[list[Fraction]], c: list[Fraction]) -> list[Fraction]:
    """A w = c by Gauss and Jordan, without rounding."""
    M = [[*row, value] for row, value in zip(A, c, strict=True)]
    for i in range(len(M)):
        pivot = next(r for r in range(i, len(M)) if M[r][i])
        M[i], M[pivot] = M[pivot], M[i]
        M[i] = [v / M[i][i] for v in M[i]]
        M = [row if r == i else [v - row[i] * u for v, u in zip(row, M[i], strict=True)] for r, row in enumerate(M)]
    return [row[-1] for row in M]


def off(X: Sequence[Sequence[Fraction]], y: Sequence[Fraction], w: Sequence[Fraction], held: Sequence[bool]) -> Fraction:
    """Sum of w r^2 over the rows held out, by the weighted least-squares line of the others."""
    own = [i for i, out in enumerate(held) if not out]
    p = range(len(X[0]))
    A = [[sum((w[i] * X[i][a] * X[i][b] for i in own), Fraction(0)) for b in p] for a in p]
    line = solved(A, [sum((w[i] * X[i][a] * y[i] for i in own), Fraction(0)) for a in p])
    left = [y[i] - sum((u * v for u, v in zip(X[i], line, strict=True)), Fraction(0)) for i in range(len(y))]
    return sum((w[i] * left[i] ** 2 for i, out in enumerate(held) if out), Fraction(0))


def fractions(values: Sequence[float]) -> list[Fraction]:
    return [Fraction(float(v)) for v in values]


def truth(f: pd.DataFrame, columns: Sequence[str], parts: Sequence[Sequence[bool]], y: str = "y", w: str = "one") -> float:
    """The root mean squared error over parts, each by the line of all rows that are not in it."""
    X = [list(row) for row in zip(*(fractions(f[c].tolist()) for c in columns), strict=True)]
    target, weight = fractions(f[y].tolist()), fractions(f[w].tolist())
    whole = sum((weight[i] for part in parts for i, out in enumerate(part) if out), Fraction(0))
    return math.sqrt(sum((off(X, target, weight, part) for part in parts), Fraction(0)) / whole)


def by_group(f: pd.DataFrame) -> list[list[bool]]:
    return [(f.g == value).tolist() for value in sorted(set(f.g))]


def test_who_asks_for_no_more_digits_of_a_large_table_has_none_of_its_errors_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables are solved exactly all the same; of others an error is that of the line as sums have it, and told as far."""
    monkeypatch.setattr(sharpen, "_SMALL", 0)
    f = table(1e-5)
    rough, exact = (bl.fit(f, "y ~ a + b", digits=digits).held_out.rmse[0] for digits in (0, 8))
    assert rough == pytest.approx(exact, rel=1e-3)
    assert rough == float(f"{rough:.5g}") != exact
    # Two columns that sums do not tell apart are one, in every fold as in the line itself.
    f = table(1e-7)
    one, both = (bl.fit(f, formula, digits=0, folds="g").held_out.rmse[0] for formula in ("y ~ a", "y ~ a + b"))
    assert both == pytest.approx(one, rel=1e-6)


CLOSE = [(1e-5, 0.0), (1e-7, 0.0), (1e-7, 1e6), (1e-9, 1e3), (1e-12, 0.0)]


@pytest.mark.parametrize(("apart", "offset"), CLOSE)
def test_errors_out_of_fold_are_those_of_exact_fractions(apart: float, offset: float) -> None:
    f = table(apart, offset)
    found = bl.fit(f, "y ~ a + b", folds="g").held_out
    assert found is not None
    assert found.rmse[0] == pytest.approx(truth(f, ["a", "b", "one"], by_group(f)), rel=EXACT)
    assert found.mse[0] == pytest.approx(found.rmse[0] ** 2, rel=EXACT)
    assert found.r2[0] == pytest.approx(1 - found.mse[0] / f.y.var(ddof=0), rel=1e-9)


def test_weights_several_targets_and_no_intercept_too() -> None:
    f = table(1e-8)
    weighted = bl.fit(f, "y + y2 ~ a + b", weights="w", folds="g").held_out
    through_zero = bl.fit(f, "y ~ a + b - 1", folds="g").held_out
    assert weighted is not None
    assert through_zero is not None
    for i, y in enumerate(("y", "y2")):
        assert weighted.rmse[i] == pytest.approx(truth(f, ["a", "b", "one"], by_group(f), y, "w"), rel=EXACT)
    assert through_zero.rmse[0] == pytest.approx(truth(f, ["a", "b"], by_group(f)), rel=EXACT)


def test_redundant_columns_and_columns_that_are_computed_take_no_digit_away() -> None:
    f = table(1e-6).assign(c=lambda f: f.a - 3.0, square=lambda f: f.a**2)
    exact = truth(f, ["a", "b", "one"], by_group(f))
    for formula in ("y ~ a + b + c", "y ~ a + b + one", "y ~ a + I(2 * a) + b"):
        for aliased in ("smallest-norm", "drop"):
            found = bl.fit(f, formula, folds="g", aliased=aliased).held_out
            assert found is not None
            assert found.rmse[0] == pytest.approx(exact, rel=EXACT), (formula, aliased)
    # Powers of numbers about 1e4 are nearly parallel, and rounding is most of what tells them apart.
    far = table(1.0, 1e4).assign(second=lambda f: f.a)
    powers = bl.fit(far, "y ~ a + I(a**2) + I(a**3)", folds="g").held_out
    assert powers is not None
    exactly = [[Fraction(float(v)) ** k for k in (1, 2, 3, 0)] for v in far.a]
    y, w = fractions(far.y.tolist()), [Fraction(1)] * N
    assert powers.rmse[0] == pytest.approx(math.sqrt(sum(off(exactly, y, w, part) for part in by_group(far)) / N), rel=EXACT)


@pytest.mark.parametrize("split", [(0.7, 0.3), (0.6, 0.2, 0.2)])
def test_the_error_of_the_test_part_too(split: tuple[float, ...]) -> None:
    f = table(1e-10)
    found = bl.fit(f, "y ~ a + b", split=split, seed=3).held_out
    labels = part_labels(torch.ones(N, dtype=torch.bool), split, 3)
    X = [list(row) for row in zip(*(fractions(f[c].tolist()) for c in ("a", "b", "one")), strict=True)]
    y = fractions(f.y.tolist())
    # The validation part has no weight in either.
    own = [Fraction(int(label != 1)) for label in labels]
    exact = math.sqrt(off(X, y, own, (labels == 2).tolist()) / int((labels == 2).sum()))
    assert found is not None
    assert found.kind == "test"
    assert found.rmse[0] == pytest.approx(exact, rel=EXACT)


def test_every_door_tells_the_same(tmp_path: Path) -> None:
    f = table(1e-9, 10.0)
    f.to_csv(tmp_path / "close.csv", index=False)
    f.to_parquet(tmp_path / "close.parquet")
    exact = truth(f, ["a", "b", "one"], by_group(f))
    for data in (f, tmp_path / "close.csv", tmp_path / "close.parquet"):
        model = bl.fit(data, "y ~ a + b", folds="g")
        assert model.held_out is not None
        assert model.held_out.rmse[0] == pytest.approx(exact, rel=EXACT)
        assert f"Held-out error   RMSE {exact:.6g}" in model.summary().text
        model.save(tmp_path / "close.bestline", overwrite=True)
        assert bl.load(tmp_path / "close.bestline").held_out.rmse[0] == pytest.approx(exact, rel=EXACT)


@pytest.mark.parametrize(("apart", "offset"), [(1e-2, 0.0), (1e-4, 0.0), (1e-4, 1e5), *CLOSE])
def test_where_the_rows_are_not_at_hand_only_right_digits_are_told(apart: float, offset: float) -> None:
    f = table(apart, offset)
    model = bl.fit(bl.Moments.collect(f, "y ~ a + b", folds="g"))
    found = model.held_out
    assert found is not None
    exact = truth(f, ["a", "b", "one"], by_group(f))
    told = f"{found.rmse[0]:.6g}"
    assert (apart > 1e-6) == (not any("no digits are claimed" in note for note in model.notes))
    if apart < 1e-6:  # moments take the two for one, and say so: that is another line
        return
    assert abs(float(told) - exact) <= 10.0 ** (math.floor(math.log10(exact)) - digits_of(told) + 1)


def digits_of(number: str) -> int:
    return len(number.replace(".", "").lstrip("0"))


@given(st.integers(0, 2**31), st.floats(0, 7.5), st.floats(0, 6), st.booleans())
def test_the_digits_of_an_error_are_never_more_than_are_right(seed: int, near: float, far: float, intercept: bool) -> None:
    draw = np.random.default_rng(seed)
    n = 24
    a = 10**far + draw.normal(size=n)
    f = pd.DataFrame({"a": a, "b": a + 10**-near * draw.normal(size=n), "one": 1.0, "y": 3 * a + draw.normal(size=n)})
    held = [i % 4 == 0 for i in range(n)]
    rows = Rows(torch.tensor(f[["a", "b"]].to_numpy()), torch.tensor(f[["y"]].to_numpy()))
    out = torch.tensor(held)
    rest, test = Comoments.of_rows(rows[~out]), Comoments.of_rows(rows[out])
    scaling = Scaling.of(rest, 2, intercept=intercept, standardize=True)
    line = scaling.to_data(Bowl.of(rest, scaling).bottom)
    mse = on_moments(test, line, scaling, "", "test").mse
    claimed = right_loss_digits(rest, test, 2, line[:2], torch.tensor(mse, dtype=torch.float64), intercept=intercept).digits
    columns = ["a", "b", "one"] if intercept else ["a", "b"]
    exact = truth(f, columns, [held])
    assert abs(math.sqrt(mse[0]) / exact - 1) <= 10.0 ** -float(claimed)
