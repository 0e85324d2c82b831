"""Contrasts: other columns for the levels of a category than one indicator for each. The line is the same; its weights say other things.

    column k of a row with level i = M[i, k]        M = [1 | contrasts], and beside an intercept without the column of ones

    sum       level k against the mean of all levels            helmert   level k against the mean of the levels before it
    diff      level k + 1 against level k                       poly      a trend over levels in order: linear, quadratic, ...

The matrices and the names are those of patsy's Sum, Helmert, Diff and Poly, and but for Diff those of R's contr.sum, contr.helmert and
contr.poly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

CODINGS = ("sum", "helmert", "poly", "diff")
MOST_ORDERED = 20  # levels: beyond them float64 cannot tell the polynomials apart
_DEGREES = (".Constant", ".Linear", ".Quadratic", ".Cubic")


@lru_cache(maxsize=200)
def contrasts(coding: str, levels: int) -> Tensor:
    """M (levels, levels) of a coding: the constant first, then a column for each contrast."""
    # Row i is a level, column k a contrast; the constant is column 0.
    i, k = torch.arange(levels)[:, None], torch.arange(1, levels)[None, :]
    match coding:
        case "sum":
            rest = (i == k - 1).double() - (i == levels - 1).double()
        case "helmert":
            rest = torch.where(i == k, k, torch.where(i < k, -1, 0)).double()
        case "diff":
            rest = torch.where(i < k, k - levels, k).double() / levels
        case _:
            rest = _polynomials(levels)
    return torch.cat([torch.ones(levels, 1, dtype=torch.float64), rest], 1)


def _polynomials(levels: int) -> Tensor:
    """Orthonormal polynomials of degree 1 and up in the level's place, evenly spaced, rising at the end."""
    # Of levels between -1 and 1 powers do not overflow, and Q is the same.
    t = torch.linspace(-1, 1, levels, dtype=torch.float64)
    q, r = torch.linalg.qr(torch.stack([t**d for d in range(levels)], 1))
    return (q * r.diagonal().sign())[:, 1:]


def contrast_names(text: str, coding: str, levels: Sequence[str]) -> list[str]:
    """What patsy calls the columns of M, for a factor written as `text`."""
    n = len(levels)
    match coding:
        case "sum":
            return [f"{text}[mean]", *(f"{text}[S.{level}]" for level in levels[:-1])]
        case "helmert":
            return [f"{text}[H.intercept]", *(f"{text}[H.{level}]" for level in levels[1:])]
        case "diff":
            return [f"{text}[D.mean]", *(f"{text}[D.{level}]" for level in levels[:-1])]
    return [f"{text}{_DEGREES[d]}" if d < len(_DEGREES) else f"{text}^{d}" for d in range(n)]
