"""Least squares in rational arithmetic: what claims of digits are held against."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

import bestline as bl
from bestline.api.model import Model
from bestline.numerics.exact_solve import Refined, refined
from bestline.numerics.rows import Rows

NIST = json.loads((Path(__file__).parents[1] / "references" / "nist.json").read_text(encoding="utf-8"))


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


@cache
def of_nist(name: str) -> Model:
    facts = NIST[name]
    x, y = np.array(facts["x"], dtype=float), np.array(facts["y"], dtype=float)
    if facts["kind"] == "multiple":
        return bl.fit({**{f"x{j}": x[:, j] for j in range(x.shape[1])}, "y": y}, target="y", solver="exact")
    powers = " + ".join(["x", *(f"I(x**{d})" for d in range(2, facts["degree"] + 1))])
    return bl.fit({"x": x[:, 0], "y": y}, f"y ~ {powers}{'' if facts['intercept'] else ' - 1'}")


def close_columns(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(6)
    a, z, e = rng.normal(size=(3, n))
    return {"a": a, "b": a + 1e-7 * z, "y": a + z + 0.1 * e, "part": rng.integers(0, 3, n)}
