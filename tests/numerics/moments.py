"""Tables of numbers and when their moments are the same."""

from __future__ import annotations

import pytest
import torch

from bestline.numerics.comoments import Comoments

# Merging and subtracting rounds a few times; scatter entries are sums of a few hundred products.
ROUNDING = 1e-12


def table(seed: int, n: int, q: int = 4, offset: float = 0.0, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(n, q, generator=generator, dtype=torch.float64) + offset) * scale


def assert_same(a: Comoments, b: Comoments, tolerance: float = ROUNDING, of: Comoments | None = None) -> None:
    """Equal to rounding; `of` are the moments whose size sets the scale of it, where digits had to be lost."""
    assert a.count == b.count
    assert a.weight == pytest.approx(b.weight, rel=tolerance)
    size = (of or a).spread
    size = torch.where(size > 0, size, a.unit)
    assert bool(((a.center - b.center).abs() <= tolerance * (size + a.center.abs())).all())
    scaled = [m.scatter * torch.outer(m.unit / size, m.unit / size) for m in (a, b)]
    assert bool(((scaled[0] - scaled[1]).abs() <= 20 * tolerance * max((of or a).weight, 1)).all())
