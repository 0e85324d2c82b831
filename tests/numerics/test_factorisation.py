"""Factorisations beside what defines them, with LAPACK and without; and none anywhere that is not made here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import bestline as bl
from bestline.errors import BestlineWarning, NumericalError
from bestline.numerics import factorisation
from bestline.numerics.factorisation import (
    by_rotations,
    eigenvalues,
    eigenvectors,
    inverted,
    least_squares,
    singular_values,
    singular_vectors,
)

ROUNDING = 1e-14  # a few units, of sums over some dozens of columns


def drawn(n: int, p: int, seed: int = 0) -> Tensor:
    return torch.randn(n, p, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def categories(rows: int, levels: int) -> Tensor:
    """Correlations of the columns of two crossed categories: many equal eigenvalues, and many that are 0."""
    rng = np.random.default_rng(27)
    own, other = np.eye(levels)[rng.permutation(rows) % levels], np.eye(3)[rng.integers(0, 3, rows)]
    X = np.column_stack([own[:, 1:], other[:, 1:], *(other[:, i : i + 1] * own[:, 1:] for i in (1, 2))])
    X = X - X.mean(0)
    size = np.sqrt((X**2).sum(0))
    X = X / np.where(size > 0, size, 1)
    return torch.tensor(X.T @ X)


MATRICES = {
    "tall": drawn(20, 6),
    "wide": drawn(6, 20),
    "one number": torch.tensor([[-3.0]], dtype=torch.float64),
    "nothing but zeros": torch.zeros(5, 3, dtype=torch.float64),
    "one direction": torch.ones(6, 6, dtype=torch.float64),
    "no columns": torch.zeros(4, 0, dtype=torch.float64),
    "many equal": torch.eye(7, dtype=torch.float64) * 1e300,
    "columns of very different sizes": drawn(15, 4) * torch.tensor([1e-300, 1.0, 1e200, 1e-8], dtype=torch.float64),
    "denormal": drawn(8, 3) * 1e-310,
    "dependent": drawn(12, 3) @ drawn(3, 7, seed=1),
}


def without_lapack(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Both builds give up, and say so to the list."""
    told: list[str] = []

    def gives_up(library: str, error: type[Exception]) -> Callable[..., None]:
        def method(*_: object, **__: object) -> None:
            told.append(library)
            raise error("did not converge")

        return method

    for name in ("eigh", "eigvalsh", "svd"):
        monkeypatch.setattr(torch.linalg, name, gives_up("torch", torch.linalg.LinAlgError))
        monkeypatch.setattr(np.linalg, name, gives_up("numpy", np.linalg.LinAlgError))
    return told


@pytest.mark.parametrize("method", [singular_vectors, by_rotations])
@pytest.mark.parametrize("name", MATRICES)
def test_singular_vectors(name: str, method: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]):
    B = MATRICES[name]
    U, s, Wt = method(B)
    r, size = min(B.shape), float(B.abs().max()) if B.numel() else 1.0
    assert (U.shape, s.shape, Wt.shape) == ((len(B), r), (r,), (r, B.shape[1]))
    assert float(((U * s) @ Wt - B).abs().max() if r else 0.0) <= ROUNDING * size + 1e-323
    one = torch.eye(r, dtype=torch.float64)
    for gram in (U.T @ U, Wt @ Wt.T):
        torch.testing.assert_close(gram, one, rtol=0, atol=ROUNDING)
    assert bool((s.diff() <= 0).all())
    assert bool((s >= 0).all())


def test_rotations_keep_the_digits_of_small_singular_values():
    """The columns' sizes taken aside, which LAPACK does not see, their angles decide (Demmel & Veselic 1992)."""
    B = drawn(9, 3)
    scale = torch.tensor([1e-40, 1.0, 1e40], dtype=torch.float64)
    s = by_rotations(B * scale)[1]
    # Far apart as these sizes are, the values are those of one column after the other across the larger ones.
    Q = torch.linalg.qr(B.flip(1)).R.diagonal().abs()
    torch.testing.assert_close(s / scale.flip(0), Q, rtol=ROUNDING * 10, atol=0)


@pytest.mark.parametrize("name", ["categories", "equal", "random"])
def test_eigenvectors_when_lapack_gives_up(monkeypatch: pytest.MonkeyPatch, name: str):
    A = {"categories": categories(60, 12), "equal": torch.eye(9, dtype=torch.float64), "random": drawn(9, 9) @ drawn(9, 9).T}[
        name
    ]
    usual = torch.linalg.eigvalsh(A)
    told = without_lapack(monkeypatch)
    values, V = eigenvectors(A)
    assert told == ["torch", "numpy"]
    scale = float(usual.abs().max())
    torch.testing.assert_close(values, usual, rtol=0, atol=10 * ROUNDING * scale)
    torch.testing.assert_close(eigenvalues(A), values, rtol=0, atol=0)
    torch.testing.assert_close((V * values) @ V.T, A, rtol=0, atol=10 * ROUNDING * scale)
    torch.testing.assert_close(V.T @ V, torch.eye(len(A), dtype=torch.float64), rtol=0, atol=10 * ROUNDING)
    stack = torch.stack([A, 2 * A])
    assert eigenvectors(stack)[0].shape == (2, len(A))
    torch.testing.assert_close(eigenvalues(stack)[1], 2 * values, rtol=0, atol=10 * ROUNDING * scale)


def test_the_second_build_of_lapack_is_asked_first(monkeypatch: pytest.MonkeyPatch):
    def gives_up(*_: object, **__: object) -> None:
        raise torch.linalg.LinAlgError("did not converge")

    A = categories(60, 12)
    usual = torch.linalg.eigvalsh(A)
    monkeypatch.setattr(torch.linalg, "eigh", gives_up)
    monkeypatch.setattr(factorisation, "by_rotations", gives_up)
    torch.testing.assert_close(eigenvectors(A)[0], usual, rtol=0, atol=ROUNDING * 10)


def test_what_is_not_finite_is_refused_in_words():
    A = torch.tensor([[1.0, float("nan")], [float("nan"), 1.0]], dtype=torch.float64)
    for method in (eigenvectors, eigenvalues, singular_vectors, singular_values):
        with pytest.raises(NumericalError, match="other units"):
            method(A)


def test_least_squares_and_inverses():
    A, b = MATRICES["dependent"], drawn(12, 2, seed=5)
    assert least_squares(A, b).numpy() == pytest.approx(np.linalg.lstsq(A.numpy(), b.numpy(), rcond=1e-12)[0], abs=1e-12)
    B = drawn(4, 4)
    found = inverted(B)
    assert found is not None
    torch.testing.assert_close(B @ found, torch.eye(4, dtype=torch.float64), rtol=0, atol=1e-13)
    assert inverted(torch.ones(3, 3, dtype=torch.float64)) is None


def test_a_line_of_crossed_categories_when_lapack_gives_up(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(4)
    data = {"x": np.arange(60) % 20, "k": rng.integers(0, 3, 60), "y": rng.normal(size=60)}
    with pytest.warns(BestlineWarning):
        usual = bl.fit(data, "y ~ C(k) * C(x)")
    told = without_lapack(monkeypatch)
    with pytest.warns(BestlineWarning):
        found = bl.fit(data, "y ~ C(k) * C(x)")
    assert told
    assert found.params.to_numpy() == pytest.approx(usual.params.to_numpy(), abs=1e-11)
    assert "digits" in str(found.summary(digits=True))


def test_a_profile_over_what_is_not_determined_is_refused():
    rng = np.random.default_rng(5)
    data = {"x": rng.normal(size=30), "k": np.ones(30), "y": rng.normal(size=30)}
    with pytest.warns(BestlineWarning, match="constant"):
        model = bl.fit(data, "y ~ x + k")
    with pytest.raises(NumericalError, match=r"do not determine `x` and `k`.*slice"):
        bl.surface(model, ("x", "k"), kind="profile")


# What never fails: triangles, and a Cholesky factor or an inverse that says by a number whether it is one.
_SAFE = {"cholesky_ex", "solve_triangular", "qr", "inv_ex", "norm"}


def test_no_factorisation_that_can_fail_is_made_elsewhere():
    tree = Path(factorisation.__file__).parents[1]
    raw = re.compile(r"(?:torch|np|scipy)\.linalg\.(\w+)\(")
    found = {
        (str(path.relative_to(tree)), name)
        for path in sorted(tree.rglob("*.py"))
        # Scripts are written out for other people's machines; lessons, which an installed bestline has inside, work by hand.
        if path.name != "factorisation.py" and not {"script", "lessons"} & set(path.parts)
        for name in raw.findall(path.read_text(encoding="utf-8"))
    }
    assert {name for _, name in found} <= _SAFE, sorted(found)
    assert any(name == "qr" for _, name in found)


def test_a_pseudo_inverse_is_numpys_and_leaves_what_is_rounding():
    draw = torch.Generator().manual_seed(0)
    B = torch.randn(5, 7, 4, dtype=torch.float64, generator=draw)
    B[2, :, 3] = B[2, :, 0] + B[2, :, 1]  # rank 3
    A = B.mT @ B
    expected = np.linalg.pinv(A.numpy(), rcond=1e-12, hermitian=True)
    np.testing.assert_allclose(factorisation.pseudo_inverse(A), expected, rtol=1e-8, atol=1e-12)
    assert not factorisation.pseudo_inverse(torch.zeros(2, 2, dtype=torch.float64)).any()
