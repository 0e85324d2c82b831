"""Digits: what is claimed is right by rational arithmetic, and exact arithmetic reaches what the stored numbers hold."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit
from torch import Tensor

import bestline as bl
from bestline import files as store
from bestline.api.model import Model
from bestline.data.tables import open_source
from bestline.errors import BestlineWarning, NumericalError
from bestline.inference import scores as evaluate
from bestline.inference import sharpen as climb
from bestline.inference.classical import Inference, infer, infer_exactly
from bestline.numerics.bowl import Bowl
from bestline.numerics.comoments import Comoments, total
from bestline.numerics.digits import right_digits, right_error_digits
from bestline.numerics.doubled import Doubled
from bestline.numerics.exact_solve import Refined, refined
from bestline.numerics.exact_sums import CrossProducts
from bestline.numerics.rows import Rows
from bestline.numerics.scaling import Scaling

pytestmark = pytest.mark.usefixtures("quiet")

# Rounding once leaves 15.95 digits; a last place or two are lost where a test itself divides in float64.
EXACT = 15.0
CERTIFIED = 13.0  # NIST prints 15 digits, and x as float64 holds it is not x as printed
NIST = json.loads((Path(__file__).parents[1] / "references" / "nist.json").read_text(encoding="utf-8"))


# --- the truth ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Truth:
    """Least squares in rational numbers: the weights (d, k), squares of the standard errors (k, d), residual sums (k,)."""

    weights: list[list[Fraction]]
    variances: list[list[Fraction]]
    rss: list[Fraction]

    @classmethod
    def of(cls, X: list[list[Fraction]], Y: list[list[Fraction]], w: list[Fraction]) -> Truth | None:
        d, k = len(X[0]), len(Y[0])
        A = [[sum(u * x[i] * x[j] for u, x in zip(w, X, strict=True)) for j in range(d)] for i in range(d)]
        c = [[sum(u * x[i] * y[t] for u, x, y in zip(w, X, Y, strict=True)) for t in range(k)] for i in range(d)]
        M = [[*A[i], *c[i], *(Fraction(i == j) for j in range(d))] for i in range(d)]
        for i in range(d):
            pivot = next((r for r in range(i, d) if M[r][i]), None)
            if pivot is None:
                return None
            M[i], M[pivot] = M[pivot], M[i]
            M[i] = [v / M[i][i] for v in M[i]]
            for r in range(d):
                if r != i and M[r][i]:
                    M[r] = [a - M[r][i] * b for a, b in zip(M[r], M[i], strict=True)]
        B, V = [row[d : d + k] for row in M], [row[d + k :] for row in M]
        rss = [
            sum(
                (u * (y[t] - sum(a * b[t] for a, b in zip(x, B, strict=True))) ** 2 for u, x, y in zip(w, X, Y, strict=True)),
                Fraction(0),
            )
            for t in range(k)
        ]
        df = sum(u > 0 for u in w) - d
        return cls(B, [[r * V[j][j] / df if df > 0 else Fraction(-1) for j in range(d)] for r in rss], rss)


def truth(rows: Rows, *, intercept: bool, below: Tensor | None = None) -> Truth | None:
    below = torch.zeros_like(rows.X) if below is None else below
    X = [
        [Fraction(a) + Fraction(b) for a, b in zip(*r, strict=True)] for r in zip(rows.X.tolist(), below.tolist(), strict=True)
    ]
    X = [[*r, *([Fraction(1)] if intercept else [])] for r in X]
    w = [Fraction(1)] * len(X) if rows.w is None else [Fraction(v) for v in rows.w.tolist()]
    return Truth.of(X, [[Fraction(v) for v in r] for r in rows.y.tolist()], w)


def right(value: float, exact: Fraction) -> float:
    """How many digits of a value are right, 16 at most; of an exact zero all or none."""
    if exact == 0:
        return 16.0 if value == 0 else 0.0
    error = abs(Fraction(value) - exact) / abs(exact)
    return 16.0 if error < Fraction(1, 10**16) else max(0.0, -math.log10(error))


def right_root(value: float, square: Fraction) -> float:
    """The same of a square root."""
    if square == 0:
        return right(value, square)
    shift = 1_200
    return right(value, Fraction(math.isqrt((square.numerator << 2 * shift) // square.denominator), 1 << shift))


def holds(found: Refined, exact: Truth, least: float = EXACT) -> None:
    """Every number claims no more than is right of it, and no less than `least` digits."""
    for j, row in enumerate(exact.weights):
        for i, value in enumerate(row):
            assert least <= found.digits[j, i] <= right(float(found.weights[j, i]), value)
    for i, row in enumerate(exact.variances):
        for j, square in enumerate(row):
            if square < 0:
                assert math.isnan(found.std_error[i, j])
            else:
                assert least <= found.std_error_digits[i, j] <= right_root(float(found.std_error[i, j]), square)
        assert math.isinf(found.rss[i]) or right(float(found.rss[i]), exact.rss[i]) >= least


def solve(rows: Rows, *, intercept: bool, below: Tensor | None = None) -> Refined | None:
    return refined([(rows, below)], rows.X.shape[1], rows.y.shape[1], intercept=intercept)


def hostile(seed: int) -> tuple[Rows, bool]:
    """A few rows whose columns are nearly collinear, far from zero for their spread, or of very different sizes."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 14))
    p = int(rng.integers(1, min(4, n - 2) + 1))
    X = rng.normal(size=(n, p))
    if p > 1 and rng.random() < 0.6:
        X[:, -1] = X[:, 0] * rng.choice([1.0, -3.0, 1e4]) + 10.0 ** -rng.integers(0, 12) * rng.normal(size=n)
    X = X * 10.0 ** rng.integers(-6, 7, size=p) + rng.choice([0, 1.0, 1e3, 1e6, 1e8, -1e5])
    y = X @ rng.normal(size=p) * rng.choice([1, 1e-6]) + 10.0 ** -rng.integers(0, 10) * rng.normal(size=n)
    Y = np.column_stack([y + rng.choice([0, 0, 1e6]), rng.integers(-3, 4, n)])
    w = None if seed % 2 else torch.tensor(rng.uniform(0, 3, n) * 10.0 ** rng.integers(-8, 8, n))
    return Rows(torch.tensor(X), torch.tensor(Y), w), bool(seed % 3)


# --- exact sums ---------------------------------------------------------------------------------------------------------------

ANY = st.floats(allow_nan=False, allow_infinity=False)
WIDE = st.floats(-1e40, 1e40)
PLAIN = st.floats(-1e6, 1e6)
WEIGHT = st.floats(0, 1e300) | st.integers(0, 9).map(float)


@st.composite
def tables(draw: st.DrawFn) -> Rows:
    n = draw(st.integers(1, 5))
    number = draw(st.sampled_from([ANY, WIDE, PLAIN]))
    Z = torch.tensor(draw(st.lists(st.tuples(number, number, number), min_size=n, max_size=n)), dtype=torch.float64)
    w = draw(st.none() | st.lists(WEIGHT, min_size=n, max_size=n))
    return Rows(Z[:, :2], Z[:, 2:], None if w is None else torch.tensor(w, dtype=torch.float64))


def as_fractions(products: CrossProducts) -> list[list[Fraction]]:
    q = len(products.low)
    powers = [[Fraction(2) ** (products.low[i] + products.low[j] + products.unit) for j in range(q)] for i in range(q)]
    return [[int(products.whole[i, j]) * powers[i][j] for j in range(q)] for i in range(q)]


@given(tables(), st.integers(0, 8))
def test_cross_products_are_exact_and_add_up(rows: Rows, cut: int):
    Z = [[Fraction(v) for v in (*x, 1.0, *y)] for x, y in zip(rows.X.tolist(), rows.y.tolist(), strict=True)]
    w = [Fraction(1)] * len(Z) if rows.w is None else [Fraction(v) for v in rows.w.tolist()]
    expected = [[sum(u * z[i] * z[j] for u, z in zip(w, Z, strict=True)) for j in range(4)] for i in range(4)]
    whole = CrossProducts.of(rows, intercept=True)
    assert whole.count == sum(u > 0 for u in w)
    assert as_fractions(whole) == expected
    first, last = (CrossProducts.of(part, intercept=True) for part in (rows[:cut], rows[cut:]))
    assert as_fractions(first + last) == as_fractions(last + first) == expected


def test_cross_products_of_many_rows_are_exact():
    rng = np.random.default_rng(0)
    x, w = rng.integers(-(2**52), 2**52, 100_000), rng.integers(0, 1_000, 100_000)
    for weights in (None, w):
        rows = Rows(torch.tensor(x[:, None]).double(), torch.ones(len(x), 1), None if weights is None else torch.tensor(w))
        sums = as_fractions(CrossProducts.of(rows, intercept=False))
        times = [1] * len(x) if weights is None else w.tolist()
        assert sums[0][0] == sum(u * v * v for u, v in zip(times, x.tolist(), strict=True))
        assert sums[0][1] == sum(u * v for u, v in zip(times, x.tolist(), strict=True))


# --- the exact solution -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(0, 160, 20))
def test_the_solution_is_that_of_rational_arithmetic(first: int):
    solved = 0
    for seed in range(first, first + 20):
        rows, intercept = hostile(seed)
        exact, found = truth(rows, intercept=intercept), solve(rows, intercept=intercept)
        assert (found is None) == (exact is None)
        if found is not None and exact is not None:
            solved += 1
            holds(found, exact)
    assert solved


@given(tables(), st.booleans())
def test_claims_hold_for_numbers_of_any_size(rows: Rows, intercept: bool):
    found = solve(rows, intercept=intercept)
    exact = truth(rows, intercept=intercept) if rows.w is None or bool((rows.w > 0).any()) else None
    if found is None:  # singular, or a weight that float64 cannot hold
        largest = max((abs(v) for row in exact.weights for v in row), default=Fraction(0)) if exact else Fraction(0)
        left = None if exact is None else min(CLOSE(rows, intercept=intercept), key=float)
        assert exact is None or largest > Fraction(10) ** 308 or left < Fraction(1, 2**176)
    elif exact is not None:
        holds(found, exact, least=0.0)


def CLOSE(rows: Rows, *, intercept: bool) -> list[Fraction]:  # noqa: N802
    """What the other columns leave of each column, squared and over its square."""
    X = torch.cat([rows.X, torch.ones(len(rows), int(intercept), dtype=torch.float64)], 1)
    found = []
    for j in range(X.shape[1]):
        others = [i for i in range(X.shape[1]) if i != j]
        alone = Rows(X[:, others], X[:, j : j + 1], rows.w)
        w = [Fraction(1)] * len(rows) if rows.w is None else [Fraction(v) for v in rows.w.tolist()]
        square = sum(u * Fraction(v) ** 2 for u, v in zip(w, X[:, j].tolist(), strict=True))
        rest = truth(alone, intercept=False) if others else None
        found.append((rest.rss[0] / square if rest else Fraction(int(not others))) if square else Fraction(0))
    return found


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_sums_of_squares_and_covariance_agree_with_moments(intercept: bool, weighted: bool):
    """On a tame problem, where moments are right to 13 digits."""
    rng = np.random.default_rng(1)
    X, Y = torch.tensor(rng.normal(1, 1, (60, 3))), torch.tensor(rng.normal(2, 1, (60, 2)))
    rows = Rows(X, Y, torch.tensor(rng.uniform(0, 2, 60)) if weighted else None)
    found = solve(rows, intercept=intercept)
    assert found is not None
    ours, moments = infer_exactly(found, 60), Comoments.of_rows(rows)
    theirs = infer(moments, Scaling.of(moments, 3, intercept=intercept, standardize=True))
    assert (ours.df_resid, ours.rank, ours.aliased, ours.kept) == (theirs.df_resid, theirs.rank, theirs.aliased, theirs.kept)
    for name in ("covariance", "std_error", "sigma", "rss", "tss", "core"):
        assert getattr(ours, name).numpy() == pytest.approx(getattr(theirs, name).numpy(), rel=1e-11, abs=1e-14), name


def bits(found: Refined) -> list[list[float]]:
    return [getattr(found, f.name).double().nan_to_num(-1.0).flatten().tolist() for f in fields(found)]


def test_the_same_bits_from_any_batches_order_threads_and_storage():
    rng = np.random.default_rng(2)
    X = torch.tensor(rng.normal(size=(70_000, 3)) * [1, 1e6, 1e-3] + [0, 1e7, 0], dtype=torch.float32)
    y, w = (
        X @ torch.ones(3, 1) + torch.tensor(rng.normal(size=(70_000, 1)), dtype=torch.float32),
        torch.tensor(rng.uniform(size=70_000)),
    )
    for weights in (None, w.float()):
        rows = Rows(X.double(), y.double(), None if weights is None else weights.double())
        whole = solve(rows, intercept=True)
        assert whole is not None
        order = torch.tensor(rng.permutation(len(rows)))
        for size in (1_000, 32_768, 69_999):
            shuffled = rows[order]
            parts = ((shuffled[i : i + size], None) for i in range(0, len(rows), size))
            again = refined(parts, 3, 1, intercept=True)
            assert again is not None
            assert bits(again) == bits(whole)
        single = solve(Rows(X, y, weights), intercept=True)
        threads = torch.get_num_threads()
        try:
            torch.set_num_threads(1 if threads > 1 else 2)
            other = solve(rows, intercept=True)
        finally:
            torch.set_num_threads(threads)
        assert single is not None
        assert other is not None
        assert bits(single) == bits(other) == bits(whole)


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


SINGULAR = {
    "a column of zeros": (torch.tensor([[1.0, 0], [2, 0], [4, 0]]), True),
    "a constant beside the intercept": (torch.tensor([[1.0, 3], [2, 3], [4, 3]]), True),
    "a column twice": (torch.tensor([[1.0, 1], [2, 2], [4, 4]]), False),
    "an exact combination": (torch.tensor([[1.0, 3], [2, 5], [4, 9]]), True),
    "more columns than rows": (torch.tensor([[1.0, 3, 7, 1]]), False),
    "one row and an intercept": (torch.tensor([[1.0]]), True),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_there_is_no_one_solution_where_columns_are_combinations_of_others(name: str):
    X, intercept = SINGULAR[name]
    assert solve(Rows(X.double(), torch.arange(len(X))[:, None].double()), intercept=intercept) is None


def test_few_rows():
    found = solve(Rows(column(3.0), column(1.0)), intercept=False)
    assert found is not None
    assert found.weights.item() == 1 / 3
    assert found.std_error.isnan().all()
    found = solve(Rows(column(1.0, 4.0), column(2.0, 3.0)), intercept=True)
    assert found is not None
    assert found.weights[:, 0].tolist() == [1 / 3, 5 / 3]
    assert found.rss.tolist() == [0.0]
    found = solve(Rows(column(1.0, 4.0), column(2.0, 3.0), torch.tensor([2.0, 0.0])), intercept=False)
    assert found is not None
    assert found.weights.item() == 2.0
    assert solve(Rows(column(1.0), column(2.0), torch.zeros(1)), intercept=False) is None


def test_no_columns_but_the_intercept():
    """The mean and its error: NIST's univariate sets have offsets like this."""
    y = column(*[10_000_000.2, *[10_000_000.1, 10_000_000.3] * 500])
    rows = Rows(torch.empty(len(y), 0, dtype=torch.float64), y)
    exact, found = truth(rows, intercept=True), solve(rows, intercept=True)
    assert found is not None
    assert exact is not None
    holds(found, exact)
    model = bl.fit({"y": y[:, 0].numpy()}, "y ~ 1")
    assert right(model.params.item(), exact.weights[0][0]) >= EXACT
    assert right_root(model.inference.sigma.item(), exact.rss[0] / 1_000) >= EXACT


def test_a_line_through_every_point_leaves_nothing():
    x = torch.arange(21, dtype=torch.float64)
    X = torch.stack([x**d for d in range(1, 6)], 1)
    found = solve(Rows(X, 1 + X.sum(1, keepdim=True)), intercept=True)
    assert found is not None
    assert found.weights[:, 0].tolist() == [1.0] * 6
    assert found.std_error.tolist() == [[0.0] * 6]
    assert found.rss.tolist() == [0.0]


def test_what_would_take_too_long_is_not_begun():
    rng = np.random.default_rng(3)
    many = Rows(torch.tensor(rng.normal(size=(300, 201))), torch.tensor(rng.normal(size=(300, 1))))
    assert solve(many, intercept=False) is None
    apart = Rows(torch.tensor(rng.normal(size=(60, 50)) * 10.0 ** rng.integers(-300, 300, (60, 50))), column(*range(60)))
    assert solve(apart, intercept=False) is None


def test_columns_that_only_rounding_tells_apart_are_not_distinct():
    rng = np.random.default_rng(4)
    a, b = rng.uniform(0, 100, (2, 200))
    z = rng.normal(size=200)

    def distinct(*columns: np.ndarray) -> bool:
        found = solve(Rows(torch.tensor(np.column_stack(columns)), torch.tensor(z[:, None])), intercept=True)
        return found is not None and bool(found.distinct)

    assert distinct(a, b)
    assert distinct(a, a + 1e-10 * z)
    assert not distinct(a, b, a + b)
    assert not distinct(a, b, 0.3 * a + 0.7 * b)
    assert not distinct(np.round(a, 2), np.round(b, 2), 100 - np.round(a, 2) - np.round(b, 2))
    model = bl.fit((np.column_stack([a, b, 0.3 * a + 0.7 * b]), z), solver="exact")
    assert [alias.column for alias in model.inference.aliased] == [2]
    assert model.refined is None


# --- models -------------------------------------------------------------------------------------------------------------------


@cache
def of_nist(name: str) -> Model:
    facts = NIST[name]
    x, y = np.array(facts["x"], dtype=float), np.array(facts["y"], dtype=float)
    if facts["kind"] == "multiple":
        return bl.fit({**{f"x{j}": x[:, j] for j in range(x.shape[1])}, "y": y}, target="y", solver="exact")
    powers = " + ".join(["x", *(f"I(x**{d})" for d in range(2, facts["degree"] + 1))])
    return bl.fit({"x": x[:, 0], "y": y}, f"y ~ {powers}{'' if facts['intercept'] else ' - 1'}")


@pytest.mark.parametrize("name", NIST)
def test_nist_problems_reach_what_their_numbers_hold(name: str):
    facts, model = NIST[name], of_nist(name)
    names = [model.names[-1], *model.names[:-1]] if facts["intercept"] else list(model.names)
    for found, exact, certified in (
        (model.params, "exact", "certified"),
        (model.bse, "exact_se", "certified_se"),
    ):
        values = found[names].tolist()
        # 25 digits of the solution for the numbers as float64 holds them, powers unrounded.
        assert min(right(v, Fraction(t)) for v, t in zip(values, facts[exact], strict=True)) >= EXACT
        assert min(right(v, Fraction(t)) for v, t in zip(values, facts[certified], strict=True)) >= CERTIFIED
    assert model.digits.tolist() == model.std_error_digits.tolist() == [15.0] * len(names)
    row = model.glance().iloc[0]
    assert right(row["sigma"], Fraction(facts["residual_sd"])) >= CERTIFIED
    assert row["r_squared"] == pytest.approx(float(facts["r2"]), rel=1e-14)


def test_filip_by_raw_polynomials():
    facts = NIST["Filip"]
    x, y = np.array(facts["x"], dtype=float)[:, 0], np.array(facts["y"], dtype=float)
    model = bl.fit({"x": x, "y": y}, "y ~ poly(x, 10, raw=True)")
    assert model.params.tolist() == of_nist("Filip").params.tolist()
    assert model.settled
    assert any("last digits" in note for note in model.notes)


@pytest.mark.parametrize("offset", [1.0, 1e6, 1e12])
def test_analysis_of_variance_with_an_offset(offset: float):
    """NIST's SmLs sets are made so: nine treatments, 21 replicates, values of 1, 7 and 13 constant leading digits."""
    level = np.repeat(np.arange(9), 21)
    y = offset + 0.1 * (level % 3) + np.tile([0.4, *[0.3, 0.5] * 10], 9)
    model = bl.fit({"treatment": [f"t{v}" for v in level], "y": y}, "y ~ treatment")
    values = [Fraction(v) for v in y.tolist()]
    groups = [values[21 * g : 21 * g + 21] for g in range(9)]
    means, mean = [sum(g) / 21 for g in groups], sum(values) / len(values)
    within = sum((v - m) ** 2 for g, m in zip(groups, means, strict=True) for v in g)
    between = 21 * sum((m - mean) ** 2 for m in means)
    row = model.glance().iloc[0]
    assert right(row["statistic"], (between / 8) / (within / 180)) >= 13.5
    assert right_root(row["sigma"], within / 180) >= EXACT
    assert right(row["r_squared"], between / (between + within)) >= 14
    assert min(right(v, m - means[0]) for v, m in zip(model.coef.tolist(), means[1:], strict=True)) >= EXACT


@pytest.mark.parametrize("large", [1e6, 1e9, 1e100])
def test_a_column_of_large_numbers_hides_no_other(large: float):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(100, 2)) * [large, 1]
    y = X @ [3 / large, 3] + rng.normal(size=100)
    model = bl.fit((X, y), solver="exact")
    exact = truth(Rows(torch.tensor(X), torch.tensor(y[:, None])), intercept=True)
    assert exact is not None
    assert min(right(v, t[0]) for v, t in zip(model.params.tolist(), exact.weights, strict=True)) >= EXACT
    assert model.pvalues[["x0", "x1"]].max() < 1e-10


def close_columns(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(6)
    a, z, e = rng.normal(size=(3, n))
    return {"a": a, "b": a + 1e-7 * z, "y": a + z + 0.1 * e, "part": rng.integers(0, 3, n)}


def test_a_large_table_climbs_only_where_digits_are_lacking(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(climb, "_SMALL", 0)
    data, heard = close_columns(500), []
    easy = bl.fit(data, "y ~ a", progress=lambda what, _: heard.append(what))
    assert easy.refined is None
    assert not any("again" in what for what in heard)
    assert 8 <= easy.digits.min() < 15
    hard = bl.fit(data, "y ~ a + b", progress=lambda what, _: heard.append(what))
    assert hard.refined is not None
    assert any("again" in what for what in heard)
    assert any("last digits" in note for note in hard.notes)
    assert bl.fit(data, "y ~ a", digits=15).refined is not None
    assert bl.fit(data, "y ~ a + b", digits=0).refined is None
    monkeypatch.setattr(climb, "_MOST", 0)
    assert bl.fit(data, "y ~ a + b").refined is None


def test_what_is_not_plain_least_squares_of_rows_stays_as_it_is():
    data = close_columns(50)
    assert bl.fit(data, "y ~ a + b", l2=0.1).refined is None
    assert bl.fit(data, "y ~ a + b", solver="adam", steps=3).refined is None
    assert bl.fit(bl.Moments.collect(data, "y ~ a + b")).refined is None


def test_everything_about_a_refined_model_is_of_one_piece(tmp_path: Path):
    model = bl.fit(close_columns(80), "y ~ a + b")
    assert model.settled
    assert model.trace.weights[-1].tolist() == model.trained.weights.tolist() == model.weights.tolist()
    assert model.inference.aliased == ()
    assert model.conf_int().notna().all(axis=None)
    assert model.fitted_scores.mse[0] == pytest.approx(model.inference.rss[0].item() / 80, rel=1e-15)
    assert model.evaluate(close_columns(80)).mse[0] == pytest.approx(model.fitted_scores.mse[0], rel=1e-7)
    facts = model.summary().facts
    assert facts["exact_arithmetic"]
    assert facts["digits"] == facts["std_error_digits"] == {"a": 15, "b": 15, "Intercept": 15}
    model.save(tmp_path / "line.bestline")
    loaded = bl.load(tmp_path / "line.bestline")
    assert loaded.summary().facts == facts
    assert loaded.predict({"a": [1.0], "b": [1.0]}, interval="confidence").equals(
        model.predict({"a": [1.0], "b": [1.0]}, interval="confidence")
    )


@pytest.mark.parametrize("weights", [None, "w"])
def test_only_the_training_rows_count(weights: str | None):
    rng = np.random.default_rng(7)
    data = {**close_columns(60), "w": rng.integers(0, 4, 60).astype(float)}
    data["y"][3] = np.nan
    model = bl.fit(data, "y ~ a + b", split=(0.7, 0.3), weights=weights, missing="drop")
    rows = [r for r in model.rows() if len(r)]
    joined = Rows(
        torch.cat([r.X for r in rows]), torch.cat([r.y for r in rows]), torch.cat([r.w for r in rows]) if weights else None
    )
    exact = truth(joined, intercept=True)
    assert exact is not None
    assert min(right(v, t[0]) for v, t in zip(model.params.tolist(), exact.weights, strict=True)) >= EXACT
    assert min(right_root(v, t) for v, t in zip(model.bse.tolist(), exact.variances[0], strict=True)) >= EXACT


# --- powers in twice the digits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["drop", "impute"])
@pytest.mark.parametrize("size", [7, 1_000])
def test_products_and_powers_are_known_beyond_float64(missing: str, size: int):
    rng = np.random.default_rng(8)
    data = {"a": rng.normal(3, 1, 40), "b": 1e3 * rng.normal(size=40), "g": list("uvwx" * 10), "y": rng.normal(size=40)}
    data["a"][5] = np.nan
    formula = "y ~ a + b + a:b + poly(a, 3, raw=True) + I(2*a - 0.5*b**3) + I(-(a**2))*b + log(b**2) + I(a**2):b:g"
    model = bl.fit(data, formula, missing=missing, solver="exact")
    expected = {
        "a:b": lambda a, b: a * b,
        "poly(a, 3, raw=True)[3]": lambda a, b: a**3,
        "I(2 * a - 0.5 * b ** 3)": lambda a, b: 2 * a - b**3 / 2,
        "I(-a ** 2)": lambda a, b: -(a**2),
        "I(-a ** 2):b": lambda a, b: -(a**2) * b,
    }
    names = list(model.features)
    count = 0
    for batch in open_source(data).batches(model.design.reads(), size=size):
        encoded, beyond = model.design.rows_doubled(batch)
        X = encoded.rows.X
        assert beyond is not None
        below = beyond.below
        assert torch.equal(X, model.design.rows(batch).rows.X)
        assert bool((below.abs() <= 1e-15 * X.abs()).all())
        assert not below[:, [names.index("a"), names.index("b")]].any()
        count += len(X)
        for name, power in expected.items():
            j = names.index(name)
            for row, rest, error in zip(X.tolist(), below[:, j].tolist(), beyond.error[:, j].tolist(), strict=True):
                true = power(Fraction(row[names.index("a")]), Fraction(row[names.index("b")]))
                assert abs(Fraction(row[j]) + Fraction(rest) - true) <= min(Fraction(error), abs(true) / 2**95)
    assert count == (40 if missing == "impute" else 39)
    plain = bl.fit(data, "y ~ a + b + g", missing=missing)
    assert all(plain.design.rows_doubled(b)[1] is None for b in open_source(data).batches(plain.design.reads()))


# --- columns that float64 computes ----------------------------------------------------------------------------------------------

YEARS = np.arange(1990.0, 2021.0)
TREND = np.random.default_rng(1).normal(size=31) + 0.1 * (YEARS - 2000)
SPREAD = np.random.default_rng(2).uniform(0.2, 2.5, 31)
Column = Callable[[Any], Any]
COMPUTED: dict[str, tuple[str, np.ndarray, list[Column]]] = {
    "logarithm of years": ("x + log(x)", YEARS, [lambda x: x, mp.log]),
    "root of years": ("x + sqrt(x)", YEARS, [lambda x: x, mp.sqrt]),
    "quotient": ("I(x / 3)", YEARS, [lambda x: x / 3]),
    "what is left of two logarithms": ("I(log(x) - log(x + 1))", YEARS, [lambda x: mp.log(x) - mp.log(x + 1)]),
    "function of a function": ("exp(sin(3 * x))", SPREAD, [lambda x: mp.exp(mp.sin(3 * x))]),
    "logarithm near one": ("log(x * x - x)", 1.6 + SPREAD * 1e-3, [lambda x: mp.log(x * x - x)]),
    "powers": ("I(x**0.5) + I(x**-1) + I(x**3)", SPREAD, [mp.sqrt, lambda x: 1 / x, lambda x: x**3]),
    "hyperbola": ("tanh(x) + expm1(x) + log1p(x)", SPREAD, [mp.tanh, mp.expm1, mp.log1p]),
    "steps": ("floor(3 * x) + abs(x - 1)", SPREAD, [lambda x: mp.floor(3 * x), lambda x: abs(x - 1)]),
    "product of both kinds": ("x:log(x)", YEARS, [lambda x: x * mp.log(x)]),
}


def mp_line(columns: list[list[Any]], y: list[Any]) -> tuple[Any, Any, Any, Any]:
    """Weights, inverse of X'X, residual variance and residuals with 120 digits, the intercept last."""
    n = len(y)
    X = mp.matrix([[c[i] for c in columns] + [mp.mpf(1)] for i in range(n)])
    V = (X.T * X) ** -1
    w = V * (X.T * mp.matrix(y))
    rest = mp.matrix(y) - X * w
    return w, V, (rest.T * rest)[0] / (n - len(columns) - 1), rest


def exactly(values: np.ndarray) -> list[Any]:
    return [mp.mpf(float(v)) for v in values]


def claims_hold(model: Model, columns: list[list[Any]], y: list[Any]) -> float:
    """The most digits claimed of any number; none is more than is right."""
    w, V, s2, _ = mp_line(columns, y)
    for found, claimed, true in (
        (model.params, model.digits, list(w)),
        (model.bse, model.std_error_digits, [mp.sqrt(s2 * V[j, j]) for j in range(len(w))]),
    ):
        for value, digits, exact in zip(found, claimed, true, strict=True):
            assert digits <= (16 if value == exact else -mp.log10(abs(value / exact - 1)))
    return float(min(model.digits.min(), model.std_error_digits.min()))


@pytest.mark.parametrize("of_moments", [False, True])
@pytest.mark.parametrize("name", COMPUTED)
def test_no_digit_is_claimed_that_float64_lost_of_a_column(name: str, of_moments: bool):
    formula, x, functions = COMPUTED[name]
    with mp.workdps(120):
        columns = [[f(v) for v in exactly(x)] for f in functions]
        model = bl.fit({"x": x, "y": TREND}, f"y ~ {formula}", digits=0)
        if of_moments:
            model = bl.fit(bl.Moments.collect({"x": x, "y": TREND}, f"y ~ {formula}"), digits=0)
        assert (model.refined is None) == of_moments
        least = claims_hold(model, columns, exactly(TREND))
        assert least >= 6 or of_moments  # a claim of nothing would be no use


def test_exact_powers_keep_all_digits():
    with mp.workdps(120):
        columns = [[v**d for v in exactly(YEARS)] for d in range(1, 6)]
        model = bl.fit({"x": YEARS, "y": TREND}, "y ~ x + I(x**2) + I(x**3) + I(x**4) + I(x**5)")
        assert claims_hold(model, columns, exactly(TREND)) == 15


def test_computed_targets_and_learnt_columns_claim_less():
    with mp.workdps(120):
        x, y = exactly(SPREAD), [mp.log(v) for v in exactly(YEARS)]
        mean = sum(x) / len(x)
        deviation = mp.sqrt(sum((v - mean) ** 2 for v in x) / (len(x) - 1))
        data = {"x": SPREAD, "y": YEARS, "z": TREND}
        assert 8 <= claims_hold(bl.fit(data, "log(y) ~ x"), [x], y) < 15
        assert 8 <= claims_hold(bl.fit(data, "z ~ scale(x)"), [[(v - mean) / deviation for v in x]], exactly(TREND)) < 15
        assert 8 <= claims_hold(bl.fit(data, "z ~ center(x)"), [[v - mean for v in x]], exactly(TREND)) < 15
        Q, R = mp.qr(mp.matrix([[v**d for d in range(4)] for v in x]), mode="skinny")
        columns = [[Q[i, k] * mp.sign(R[k, k]) for i in range(len(x))] for k in (1, 2, 3)]
        assert 8 <= claims_hold(bl.fit(data, "z ~ poly(x, 3)"), columns, exactly(TREND)) < 15


# --- intervals and residuals of nearly collinear columns --------------------------------------------------------------------------


@pytest.mark.parametrize("degree", [1, 3, 4, 5])
def test_intervals_and_residuals_of_polynomials_in_years(degree: int, tmp_path: Path):
    formula = "y ~ x" + "".join(f" + I(x**{d})" for d in range(2, degree + 1))
    model = bl.fit({"x": YEARS, "y": TREND}, formula)
    new, df = np.array([2015.0, 2021.0, 2003.37]), 30 - degree
    with mp.workdps(120):
        w, V, s2, rest = mp_line([[v**d for v in exactly(YEARS)] for d in range(1, degree + 1)], exactly(TREND))
        rows = [mp.matrix([v**d for d in range(1, degree + 1)] + [mp.mpf(1)]) for v in exactly(new)]
        line = [float((r.T * w)[0]) for r in rows]
        across = [(r.T * V * r)[0] for r in rows]
        half = {
            "conf": [float(mp.sqrt(s2 * a)) * stdtrit(df, 0.975) for a in across],
            "pred": [float(mp.sqrt(s2 * (1 + a))) * stdtrit(df, 0.975) for a in across],
        }
        resid = [float(v) for v in rest]
    model.save(tmp_path / "line.bestline")
    for own in (model, bl.load(tmp_path / "line.bestline")):
        for kind, short in (("confidence", "conf"), ("prediction", "pred")):
            found = own.predict({"x": new}, interval=kind)
            assert found["prediction"].to_numpy() == pytest.approx(line, rel=1e-12)
            assert ((found[f"{short}_high"] - found[f"{short}_low"]) / 2).to_numpy() == pytest.approx(half[short], rel=1e-12)
        other = own.augment({"x": new})
        assert ((other["pred_high"] - other["pred_low"]) / 2).to_numpy() == pytest.approx(half["pred"], rel=1e-12)
    table = model.augment()
    assert table["resid"].to_numpy() == pytest.approx(resid, rel=1e-12)
    assert table["fitted"].to_numpy() == pytest.approx(TREND - resid, rel=1e-12)
    assert table["hat"].sum() == pytest.approx(degree + 1, rel=1e-12)
    assert table.notna().all(axis=None)


def test_a_polynomial_of_degree_ten_can_be_augmented():
    model = of_nist("Filip")
    facts = NIST["Filip"]
    with mp.workdps(150):
        x, y = (exactly(np.array(facts[n], dtype=float).ravel()) for n in ("x", "y"))
        rest = mp_line([[v**d for v in x] for d in range(1, 11)], y)[3]
        resid = [float(v) for v in rest]
    table = model.augment()
    assert table["resid"].to_numpy() == pytest.approx(resid, rel=1e-11)
    assert table["hat"].sum() == pytest.approx(11, rel=1e-10)
    assert table["conf_low"].notna().all()


@pytest.mark.parametrize("small", [True, False])
def test_residuals_far_from_zero_keep_their_digits(small: bool, monkeypatch: pytest.MonkeyPatch):
    if not small:
        monkeypatch.setattr(climb, "_SMALL", 0)
    rng = np.random.default_rng(3)
    x = rng.normal(size=40) + 1e6
    y = 3 * x + rng.normal(size=40)
    model = bl.fit({"x": x, "y": y}, "y ~ x", digits=0)
    assert (model.refined is None) != small
    with mp.workdps(120):
        resid = [float(v) for v in mp_line([exactly(x)], exactly(y))[3]]
    table = model.augment()
    assert table["resid"].to_numpy() == pytest.approx(resid, rel=1e-12 if small else 1e-8, abs=0 if small else 1e-11)
    assert table["fitted"].to_numpy() == pytest.approx(y - resid, rel=1e-15)


def test_nearly_collinear_columns_can_be_augmented():
    data = close_columns(60)
    table = bl.fit(data, "y ~ a + b").augment()
    columns = [exactly(data["a"]), exactly(data["b"])]
    with mp.workdps(120):
        _, V, s2, rest = mp_line(columns, exactly(data["y"]))
        rows = [mp.matrix([a, b, mp.mpf(1)]) for a, b in zip(*columns, strict=True)]
        h = [(r.T * V * r)[0] for r in rows]
        std = [float(e / mp.sqrt(s2 * (1 - a))) for e, a in zip(rest, h, strict=True)]
    assert table["hat"].to_numpy() == pytest.approx([float(v) for v in h], rel=1e-12)
    assert table["resid"].to_numpy() == pytest.approx([float(v) for v in rest], rel=1e-11)
    assert table["std_resid"].to_numpy() == pytest.approx(std, rel=1e-8)
    model = bl.fit(data, "y ~ a + b")
    assert model.augment(data).equals(table)
    other = model.augment({name: values[:7] for name, values in data.items()})
    assert other[["hat", "resid", "pred_low"]].equals(table.loc[:6, ["hat", "resid", "pred_low"]])
    assert other["cooksd"].isna().all()


def test_an_interval_that_is_all_rounding_is_not_given(tmp_path: Path):
    """As from a file that has the inverse alone."""
    model = bl.fit({"x": YEARS, "y": TREND}, "y ~ x + I(x**2) + I(x**3)")
    assert model.refined is not None
    model.save(tmp_path / "line.bestline")
    _, tensors, facts = store.read(tmp_path / "line.bestline", "model", 1)
    old = {n: t for n, t in tensors.items() if n not in ("refined.factor", "refined.factor_below", "refined.weights_below")}
    store.write(tmp_path / "old.bestline", "model", 1, old, facts, overwrite=False)
    loaded = bl.load(tmp_path / "old.bestline")
    assert loaded.digits.tolist() == model.digits.tolist()
    with pytest.warns(BestlineWarning, match="1 row has no interval"):
        found = loaded.predict({"x": [2015.0]}, interval="prediction")
    assert found["prediction"].notna().all()
    assert found["pred_low"].isna().all()


def test_a_variance_below_rounding_is_no_number():
    close = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64) * 1e20
    one = torch.ones(1, dtype=torch.float64)
    inference = Inference(close[None], one[None], 9, 2, one, one, one, (), (0, 1), close, one.expand(2))
    found = inference.variance_of_mean(torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]], dtype=torch.float64))
    assert found.isnan().tolist() == [True, False, False]
    assert found[1:].tolist() == [1e20, 0.0]


@pytest.mark.parametrize("of_moments", [False, True])
def test_numbers_too_small_for_a_weight_are_refused(of_moments: bool):
    data = {"small": 1e-310 * SPREAD, "x": SPREAD[::-1].copy(), "y": TREND}
    with pytest.raises(NumericalError, match=r"weight of `small` is beyond the range of float64.*other units"):
        bl.fit(bl.Moments.collect(data, "y ~ small + x") if of_moments else data, None if of_moments else "y ~ small + x")


# --- numbers of twice the digits ------------------------------------------------------------------------------------------------


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


# --- what moments alone can claim ---------------------------------------------------------------------------------------------


def claims(moments: Comoments, p: int, *, intercept: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights and standard errors from moments, and the digits that they claim."""
    scaling = Scaling.of(moments, p, intercept=intercept, standardize=True)
    inference, weights = infer(moments, scaling), scaling.to_data(Bowl.of(moments, scaling).bottom)
    digits = right_digits(moments, p, weights[:p], intercept=intercept)
    floor = inference.rss / moments.weight
    return weights, inference.std_error, digits, right_error_digits(moments, p, weights[:p], floor, intercept=intercept)


def moments_of(rows: Rows, how: str, seed: int) -> Comoments:
    """The moments of these rows, at once, in parts, or what is left of more when others are taken away."""
    if how == "parts":
        return total([Comoments.of_rows(rows[i : i + 2]) for i in range(0, len(rows), 2)], rows.X.shape[1] + rows.y.shape[1])
    if how == "at once":
        return Comoments.of_rows(rows)
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 9))
    others = Rows(
        torch.tensor(rng.normal(size=(m, rows.X.shape[1])) * 10.0 ** rng.integers(-2, 4)) * rows.X.std(0) + rows.X.mean(0),
        torch.tensor(rng.normal(size=(m, rows.y.shape[1])) * 10.0 ** rng.integers(-2, 4)) * rows.y.std(0) + rows.y.mean(0),
        None if rows.w is None else rows.w[torch.randint(len(rows), (m,), generator=torch.Generator().manual_seed(seed))],
    )
    away = Comoments.of_rows(others)
    return (Comoments.of_rows(rows) + away) - away


@pytest.mark.parametrize("how", ["at once", "parts", "taken away"])
@pytest.mark.parametrize("first", range(0, 300, 100))
def test_moments_claim_no_more_than_is_right(how: str, first: int):
    claimed = []
    for seed in range(first, first + 100):
        rows, intercept = hostile(seed)
        found = solve(rows, intercept=intercept)
        weights, errors, digits, error_digits = claims(moments_of(rows, how, seed), rows.X.shape[1], intercept=intercept)
        if found is None:
            continue
        assert bool((digits <= true_digits(weights, found.weights)).all()), seed
        there = ~found.std_error.isnan()
        assert bool((error_digits <= true_digits(errors, found.std_error))[there].all()), seed
        claimed += [digits.mean().item(), error_digits[there].mean().item() if bool(there.any()) else 0.0]
    assert np.mean(claimed) > 3  # a claim of nothing is never wrong, but of no use


def true_digits(value: Tensor, exact: Tensor) -> Tensor:
    """Of values held against others that were rounded once: to a fiftieth of a digit near 15."""
    apart = (value - exact).abs() / exact.abs()
    return torch.where(apart > 0, -torch.log10(apart), 16.0).nan_to_num(16.0).clamp(min=0) + 0.02


def test_moments_remember_what_was_taken_away(tmp_path: Path):
    rng = np.random.default_rng(9)
    few = {"x": rng.normal(size=30), "y": rng.normal(size=30)}
    many = {"x": 1e6 * rng.normal(size=300), "y": 1e6 * rng.normal(size=300)}
    own, other = (bl.Moments.collect(d, "y ~ x") for d in (few, many))
    rest = (own + other) - other
    rest.save(tmp_path / "rest.moments")
    clean, left, stored = (bl.fit(m) for m in (own, rest, bl.Moments.load(tmp_path / "rest.moments")))
    left.save(tmp_path / "left.bestline")
    kept = bl.load(tmp_path / "left.bestline")
    exact = bl.fit(few, "y ~ x")
    assert clean.digits.min() >= 12
    for model in (left, stored, kept):
        assert model.digits.max() < 6
        for found, claimed, true in (
            (model.params, model.digits, exact.params),
            (model.bse, model.std_error_digits, exact.bse),
        ):
            assert all(c <= right(v, Fraction(t)) for v, c, t in zip(found, claimed, true, strict=True))


def test_scores_of_sums_are_those_of_moments():
    rng = np.random.default_rng(10)
    rows = Rows(torch.tensor(rng.normal(size=(40, 2))), torch.tensor(rng.normal(size=(40, 2))))
    moments, found = Comoments.of_rows(rows), solve(rows, intercept=True)
    assert found is not None
    scaling = Scaling.of(moments, 2, intercept=True, standardize=True)
    theirs = evaluate.on_moments(moments, found.weights, scaling, "rows", "training")
    ours = evaluate.on_sums(found.rss, found.tss, moments, "rows", "training")
    assert replace(ours, mse=(), rmse=(), r2=()) == replace(theirs, mse=(), rmse=(), r2=())
    for name in ("mse", "rmse", "r2"):
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-12)


def iterated(rows: Rows) -> Iterator[tuple[Rows, None]]:
    yield rows, None


def test_rows_may_come_from_an_iterator_and_be_none():
    assert refined(iter(()), 1, 1, intercept=True) is None
    rows = Rows(column(1.0, 2.0, 4.0), column(1.0, 3.0, 3.0))
    found = refined(iterated(rows), 1, 1, intercept=True)
    again = solve(rows, intercept=True)
    assert found is not None
    assert again is not None
    assert bits(found) == bits(again)
