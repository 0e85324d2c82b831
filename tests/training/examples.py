"""Rows, and their bowl."""

from __future__ import annotations

import torch

from bestline.numerics.rows import Rows


def some_rows(seed: int, n: int = 40, p: int = 3, k: int = 1, weighted: bool = False, offset: float = 3.0) -> Rows:
    g = torch.Generator().manual_seed(seed)
    X = torch.randn(n, p, generator=g, dtype=torch.float64) * 2 + offset
    y = X @ torch.randn(p, k, generator=g, dtype=torch.float64) + torch.randn(n, k, generator=g, dtype=torch.float64)
    return Rows(X, y, torch.rand(n, generator=g, dtype=torch.float64) if weighted else None)
