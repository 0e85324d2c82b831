"""A quadratic program ends where the conditions of its optimum hold, whatever its restrictions are."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear, nnls

from bestline.numerics.quadratic import quadratic_program

KKT = 1e-10  # of the conditions of the optimum, over the size of their own terms
AGREES = 1e-8  # with methods that stop at a tolerance of their own


def tensor(values: object) -> torch.Tensor:
    return torch.as_tensor(np.asarray(values, dtype=float))


@st.composite
def programs(draw):
    """Rows, some of whose columns are combinations of others, and restrictions that a point meets, some of them twice."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, d, m = draw(st.integers(2, 12)), draw(st.integers(1, 6)), draw(st.integers(0, 8))
    X, y = rng.integers(-3, 4, (n, d)).astype(float), rng.integers(-5, 6, n).astype(float)
    if d > 2 and draw(st.booleans()):
        X[:, 1] = X[:, 0] - X[:, 2]
    C = rng.integers(-2, 3, (m, d)).astype(float)
    C = C[(C != 0).any(1)]
    if len(C) and draw(st.booleans()):
        C = np.vstack([C, 3 * C[0], C[-1]])
    inside = rng.integers(-2, 3, d).astype(float)
    room = rng.choice([0.0, 0.5, 2.0], len(C))
    equalities = draw(st.integers(0, min(2, len(C))))
    room[:equalities] = 0
    return X, y, C, C @ inside - room, equalities


@settings(max_examples=300)
@given(programs())
def test_the_conditions_of_the_optimum_hold(program):
    X, y, C, b, equalities = program
    G, a = X.T @ X, X.T @ y
    found = quadratic_program(tensor(G), tensor(a), tensor(C), tensor(b), equalities)
    assert not found.conflict
    x, u = found.x.numpy(), found.multipliers.numpy()
    size = 1 + np.abs(G) @ np.abs(x) + np.abs(a)
    slack, reach = C @ x - b, 1 + np.abs(C) @ np.abs(x) + np.abs(b)
    assert (np.abs(G @ x - a - C.T @ u) <= KKT * size.max()).all()
    assert (np.abs(slack[:equalities]) <= KKT * reach[:equalities]).all()
    assert (slack >= -KKT * reach).all()
    assert (u[equalities:] >= -KKT * size.max()).all()
    assert (np.abs(u * slack)[equalities:] <= KKT * size.max() * reach[equalities:]).all()
    assert found.violation <= KKT


@settings(max_examples=100)
@given(programs())
def test_of_several_solutions_the_smallest_is_taken(program):
    X, y, C, b, equalities = program
    G, a = X.T @ X, X.T @ y
    found = quadratic_program(tensor(G), tensor(a), tensor(C), tensor(b), equalities).x.numpy()
    # A bowl that rises by next to nothing in all directions has one bottom, and it is near the smallest.
    scale = np.sqrt(np.diag(G)).max() or 1.0
    near = quadratic_program(
        tensor(G + 1e-7 * scale**2 * np.eye(len(a))), tensor(a), tensor(C), tensor(b), equalities
    ).x.numpy()
    assert np.abs(X @ found - X @ near).max() <= 1e-3 * (1 + np.abs(X @ near).max())
    assert np.linalg.norm(found) <= np.linalg.norm(near) * 1.01 + 1e-3


@pytest.mark.parametrize("seed", range(8))
def test_bounds_agree_with_scipy(seed: int):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(40, 12)), rng.normal(size=40)
    low, high = rng.choice([-np.inf, -0.1, 0.0], 12), rng.choice([np.inf, 0.05, 0.2], 12)
    eye = np.eye(12)
    C = np.vstack([eye[np.isfinite(low)], -eye[np.isfinite(high)]])
    b = np.concatenate([low[np.isfinite(low)], -high[np.isfinite(high)]])
    found = quadratic_program(tensor(X.T @ X), tensor(X.T @ y), tensor(C), tensor(b)).x.numpy()
    peer = lsq_linear(X, y, (low, high), method="bvls", tol=1e-15).x
    assert found == pytest.approx(peer, abs=AGREES)
    # Weights that are held are at their bounds, and not near them.
    assert ((found == low) | (found == high)).sum() == (
        np.isclose(peer, low, atol=1e-9) | np.isclose(peer, high, atol=1e-9)
    ).sum()


@pytest.mark.parametrize("d", [1, 5, 60])
def test_weights_that_are_not_negative_agree_with_nnls(d: int):
    rng = np.random.default_rng(d)
    X, y = rng.normal(size=(2 * d + 3, d)), rng.normal(size=2 * d + 3)
    found = quadratic_program(tensor(X.T @ X), tensor(X.T @ y), tensor(np.eye(d)), tensor(np.zeros(d))).x.numpy()
    assert found == pytest.approx(nnls(X, y)[0], abs=AGREES)


def test_equalities_have_the_solution_of_lagrange_in_fractions():
    G = [
        [Fraction(4), Fraction(1), Fraction(0)],
        [Fraction(1), Fraction(3), Fraction(1)],
        [Fraction(0), Fraction(1), Fraction(2)],
    ]
    a, row, value = [Fraction(1), Fraction(2), Fraction(-3)], [Fraction(1), Fraction(2), Fraction(-1)], Fraction(5, 3)
    system = [[*g, -c] for g, c in zip(G, row, strict=True)] + [[*row, Fraction(0)]]
    exact = solved_in_fractions(system, [*a, value])
    found = quadratic_program(
        tensor([[float(v) for v in g] for g in G]), tensor([float(v) for v in a]), tensor([[float(c) for c in row]]),
        tensor([float(value)]), 1,
    )  # fmt: skip
    assert [*found.x.tolist(), *found.multipliers.tolist()] == pytest.approx([float(v) for v in exact], rel=1e-15)


def solved_in_fractions(A: list[list[Fraction]], b: list[Fraction]) -> list[Fraction]:
    rows = [[*row, value] for row, value in zip(A, b, strict=True)]
    for i in range(len(rows)):
        pivot = next(r for r in range(i, len(rows)) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(len(rows)):
            if r != i:
                rows[r] = [v - rows[r][i] * w for v, w in zip(rows[r], rows[i], strict=True)]
    return [row[-1] for row in rows]


def test_what_cannot_hold_together_is_named_and_nothing_else():
    C = tensor([[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    found = quadratic_program(torch.eye(3).double(), torch.zeros(3).double(), C, tensor([1.0, 2.0, 0.0, 5.0]), 1)
    assert found.conflict == (0, 1, 2)


def test_every_set_of_conflicting_bounds_is_found_and_no_other():
    # x + y + z = 3 with some of x, y, z <= 0.5: only all three together leave no room.
    for size in range(4):
        for held in combinations(range(3), size):
            C = np.vstack([np.ones(3), *(-np.eye(3)[j] for j in held)])
            b = np.array([3.0, *(-0.5 for _ in held)])
            found = quadratic_program(torch.eye(3).double(), torch.zeros(3).double(), tensor(C), tensor(b), 1)
            assert bool(found.conflict) == (size == 3)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_units_do_not_matter(unit: float):
    rng = np.random.default_rng(3)
    X, y, size = rng.normal(size=(30, 4)), rng.normal(size=30), np.array([1.0, unit, 1.0, 1.0])
    plain = quadratic_program(tensor(X.T @ X), tensor(X.T @ y), tensor(np.eye(4)), tensor(np.full(4, 0.01))).x.numpy()
    Z = X * size
    scaled = quadratic_program(tensor(Z.T @ Z), tensor(Z.T @ y), tensor(np.eye(4)), tensor(0.01 / size)).x.numpy()
    assert scaled * size == pytest.approx(plain, rel=1e-9)


def test_without_weights_and_without_restrictions_there_is_nothing_to_do():
    empty = quadratic_program(
        torch.zeros(0, 0).double(), torch.zeros(0).double(), torch.zeros(0, 0).double(), torch.zeros(0).double()
    )
    assert empty.x.shape == (0,)
    free = quadratic_program(torch.eye(2).double() * 2, tensor([2.0, 4.0]), torch.zeros(0, 2).double(), torch.zeros(0).double())
    assert free.x.tolist() == [1.0, 2.0]
