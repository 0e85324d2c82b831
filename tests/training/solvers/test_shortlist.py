"""Shortlists of columns say the same as all columns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bestline.training.cross_validation import geometric
from bestline.training.solvers import shortlist as module
from bestline.training.solvers.active_sets import Cells, State
from bestline.training.solvers.path import solve, top
from searches import long
from training.penalised import normal_of, series, shortlist, table

f64 = torch.float64


@pytest.mark.parametrize("short", long([1, 9, 40], quick=[9]))
@pytest.mark.parametrize(
    ("correlation", "positive", "k"), [(0.6, False, 1), (0.99, False, 2), (0.6, True, 1), (0.995, False, 1)]
)
def test_a_shortlist_of_any_length_says_the_same_as_all_columns(short: int, correlation: float, positive: bool, k: int) -> None:
    X, y = table(400, 90, seed=4, k=k, correlation=correlation)
    X[:, 7] = 5.0  # and one that does not vary
    normal = normal_of(X, y + 0.3 * X.sum(1, keepdims=True))
    l1 = geometric(float(top(normal).max()), smallest=1e-5)
    factors = torch.linspace(0 if positive else 0.5, 2, 90, dtype=f64)
    for l2 in (0 * l1, 0 * l1 + 0.01):
        with shortlist(short):
            found = solve(normal, l1, l2, factors=factors, positive=positive)
        with shortlist(None):
            whole = solve(normal, l1, l2, factors=factors, positive=positive)
        assert positive or int(found.support[0, -1, :, 0].sum()) > 67  # so three quarters are active at the end
        assert torch.equal(found.support, whole.support)
        size = float(whole.weights.abs().max())
        assert float((found.weights - whole.weights).abs().max()) < 1e-11 / (1 - correlation**2) * size
        assert float((found.gap / normal.square[:, None]).max()) < 1e-13


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.95])
def test_shortlists_carry_whole_paths(monkeypatch: pytest.MonkeyPatch, correlation: float) -> None:
    """Of independent columns there is none about which all others have to be asked."""
    normal = normal_of(*table(500, 150, seed=9, correlation=correlation))
    along, carried = module._by_segments, []

    def watched(cells: Cells, state: State) -> int:
        rounds = along(cells, state)
        carried.append(bool((state.at == state.ends).all()))
        return rounds

    monkeypatch.setattr(module, "_by_segments", watched)
    l1 = geometric(float(top(normal)), smallest=1e-4)
    for short in (16, 64):
        with shortlist(short):
            solve(normal, l1, 0 * l1)
    assert carried == [True, True]


@given(st.integers(0, 10_000), st.integers(2, 14), st.integers(0, 3))
def test_a_core_that_changes_has_the_factor_of_its_columns(seed: int, p: int, copies: int) -> None:
    """Columns come from the shortlist and leave, again and again; those that repeat others are told apart."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(3 * p, p)) * 10 ** rng.uniform(-0.5, 0, p) + rng.normal(size=(3 * p, 1))
    of = rng.integers(0, p, copies)
    X = np.hstack([X, X[:, of]])
    X = torch.tensor(X / np.sqrt((X**2).sum(0)))
    G, ridge, q = X.T @ X, torch.zeros(p + copies, dtype=f64), p + copies
    right = torch.tensor(rng.normal(size=(q, 2)))
    core, near = module._Core.empty(q), np.arange(q)
    for _ in range(6):
        core.eliminate(torch.tensor(near), G, right)
        wanted = torch.zeros(q, dtype=torch.bool)
        wanted[core.columns] = torch.tensor(rng.random(len(core.columns)) < 0.8)
        wanted[near] = torch.tensor(rng.random(len(near)) < 0.4)
        doubles = bool((wanted[of] & wanted[p:]).any()) or len(set(of[wanted[p:].numpy()])) < int(wanted[p:].sum())
        assert core.become(wanted, G, ridge) == (not doubles)
        if doubles:
            return
        C = core.columns
        assert torch.equal(C.sort().values, wanted.nonzero()[:, 0])
        L = torch.linalg.cholesky(G[C][:, C])
        assert torch.allclose(core.factor.tril(), L, atol=1e-12)
        rest = np.flatnonzero(~wanted.numpy())
        near = rest[rng.permutation(len(rest))[: max(1, len(rest) // 2)]]
        S, force = core.eliminate(torch.tensor(near), G, right)
        onto = torch.linalg.solve(G[C][:, C], G[C][:, near])
        assert torch.allclose(S, G[near][:, near] - G[near][:, C] @ onto, atol=1e-11)
        assert torch.allclose(force, right[near] - onto.T @ right[C], atol=1e-11)
        l1, found = series(0.0, 0.5), torch.tensor(rng.normal(size=(2, len(near))))
        pull = right[C, :1] - right[C, 1:] * l1 - G[C][:, near] @ found.T
        assert torch.allclose(core.weights(found, l1), torch.linalg.solve(G[C][:, C], pull).T, atol=1e-10)
