"""Replicates: the weights of every sample at once, as changes from the line's own.

    (sum c_u S_u) delta = sum c_u s_u        S_u = sum q q'    s_u = sum q e   over the rows of a unit u

q are the rows' coordinates in which sum q q' = 1 over all rows, e their residuals: so a sample that draws every unit once changes
nothing, and what is solved for is small, which costs no digits. A unit is a row or a cluster; all samples are one batch of systems.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

_CHUNK = 2**24  # numbers drawn at a time
_FIRM = 1e-10  # least pivot of a sample's system, squared, where 1 is that of all rows: below, it does not determine the line


@dataclass(frozen=True, slots=True, eq=False)
class UnitSums:
    """The sums of units that are drawn together: S (U, r, r) and s (U, r, k)."""

    S: Tensor
    s: Tensor

    @classmethod
    def of(cls, q: Tensor, e: Tensor, codes: Tensor | None) -> UnitSums:
        """Of rows with coordinates q (n, r) and residuals e (n, k); by the clusters that codes (n,) name, or each row by itself."""
        if codes is None:
            return cls(q[:, :, None] * q[:, None, :], q[:, :, None] * e[:, None, :])
        used, codes = codes.unique(return_inverse=True)
        r, k = q.shape[1], e.shape[1]
        S, s = q.new_zeros(len(used), r * r), q.new_zeros(len(used), r * k)
        S.index_add_(0, codes, (q[:, :, None] * q[:, None, :]).flatten(1))
        s.index_add_(0, codes, (q[:, :, None] * e[:, None, :]).flatten(1))
        return cls(S.unflatten(1, (r, r)), s.unflatten(1, (r, k)))

    def __len__(self) -> int:
        return len(self.S)

    def drawn(self, samples: int, draw: Callable[[int], Tensor]) -> Tensor:
        """Changes (B, r, k) of samples in which units count c (B, U); NaN for a sample that does not determine the line."""
        found = []
        for size in _sizes(samples, len(self)):
            c = draw(size)
            found.append(_solved((c @ self.S.flatten(1)).unflatten(1, self.S.shape[1:]), self._pull(c)))
        return torch.cat(found)

    def multiplied(self, samples: int, draw: Callable[[int], Tensor]) -> Tensor:
        """Changes (B, r, k) where the columns stay and the residuals of units are multiplied: the systems are those of all rows."""
        return torch.cat([self._pull(draw(size)) for size in _sizes(samples, len(self))])

    def left_out(self) -> Tensor:
        """Changes (U, r, k) of the lines that lack one unit each."""
        eye = torch.eye(self.S.shape[1], dtype=torch.float64)
        return _solved(eye - self.S, -self.s)

    def _pull(self, c: Tensor) -> Tensor:
        return (c @ self.s.flatten(1)).unflatten(1, self.s.shape[1:])


def _sizes(samples: int, units: int) -> list[int]:
    """So many samples at a time that their draws stay small."""
    most = max(1, _CHUNK // max(units, 1))
    return [min(most, samples - done) for done in range(0, samples, most)]


def _solved(G: Tensor, g: Tensor) -> Tensor:
    """One batched Cholesky factorisation; NaN where a system has none."""
    factor, failed = torch.linalg.cholesky_ex(G)
    pivots = factor.diagonal(dim1=-2, dim2=-1)
    firm = (failed == 0) & (pivots.square().amin(-1) > _FIRM if G.shape[-1] else failed == 0)
    factor = torch.where(firm[:, None, None], factor, torch.eye(G.shape[-1], dtype=torch.float64))
    return torch.where(firm[:, None, None], torch.cholesky_solve(g, factor), torch.nan)
