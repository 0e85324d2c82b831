"""Precision: how many digits of an answer are right.

Moments in float64 carry relative errors of a few units of rounding. To first order an error dS of the second moments and ds of
the products with the target moves the solution of S w = s by S^-1 (ds - dS w). So, weight by weight and with every column in
units of its own,

    |error of w| <= rounding * |S^-1| (1 + sum |w|)

which is Wilkinson's bound (1963; Higham 2002, ch. 7), taken componentwise. It is a bound: the truth is rarely worse.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bestline.moments import Moments

MOST = 15  # digits of float64


def right_digits(moments: Moments, p: int, slopes: Tensor, *, intercept: bool) -> Tensor:
    """Digits that are right of the least-squares weights, (d, k): at least so many, from 0 to 15.

    Parameters
    ----------
    moments : Moments
        Of q = p + k columns.
    p : int
        Number of features.
    slopes : Tensor (p, k)
        The solution's slopes, in the data's units.
    intercept : bool
        Whether the line has one, which then makes the last row of the answer.
    """
    spread, center = moments.spread, moments.center
    size = spread if intercept else torch.hypot(spread, center)
    x, y = torch.where(size[:p] > 0, size[:p], 1.0), torch.where(size[p:] > 0, size[p:], 1.0)
    relative = slopes.abs() * x[:, None] / y  # of standardised columns
    both = torch.cat([x, y])
    # What the 24-bit shift leaves of a mean is rounded where moments merge; beside a small spread that is most of the rounding.
    left_over = max(1.0, float((moments.mean * moments.unit / both).abs().max()))
    rounding = 32 * torch.finfo(torch.float64).eps * (1 + (moments.count / 65_536) ** 0.5) * left_over
    inverse = _inverse(moments, p, x, intercept=intercept)
    # Where the matrix itself is uncertain by a hundredth of its smallest direction, the first order says nothing.
    if inverse is None or rounding * float(inverse.abs().sum(1).max() if p else 0.0) > 0.01:
        return torch.zeros(p + intercept, slopes.shape[1])
    error = rounding * inverse.abs().sum(1)[:, None] * (1 + relative.sum(0))
    digits = _digits(error, relative)
    if not intercept:
        return digits
    moved = (error * (center[:p].abs() / x)[:, None]).sum(0) * y + rounding * (center[p:].abs() + y)
    moved = moved + 4 * torch.finfo(torch.float64).eps * (slopes * center[:p, None]).abs().sum(0)
    value = center[p:] - (slopes * center[:p, None]).sum(0)
    return torch.cat([digits, _digits(moved[None], value.abs()[None])])


def _inverse(moments: Moments, p: int, x: Tensor, *, intercept: bool) -> Tensor | None:
    unit = moments.unit[:p] / x
    S = moments.scatter[:p, :p] * torch.outer(unit, unit) / max(moments.weight, 1e-300)
    if not intercept:
        mean = moments.center[:p] / x
        S = S + torch.outer(mean, mean)
    factor, failed = torch.linalg.cholesky_ex(S)
    return None if failed else torch.cholesky_inverse(factor)


def _digits(error: Tensor, size: Tensor) -> Tensor:
    """-log10 of the relative error; a weight that is exactly zero is held against the unit of its own column."""
    size = torch.where(size > 0, size, 1.0)
    return (-torch.log10(error / size)).nan_to_num(0.0).clamp(0, MOST)
