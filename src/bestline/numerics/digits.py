"""Digits: how many digits of an answer are right, when it comes from moments in float64.

Moments carry relative errors of a few units of rounding. To first order an error dS of the second moments and ds of the
products with the target moves the solution of S w = s by S^-1 (ds - dS w), and what it says of its own errors with it. So,
number by number and with every column in units of its own,

    |error of w|      <= rounding * |S^-1| (1 + sum |w|)
    |error of S^-1|   <= rounding * |S^-1| 1 1' |S^-1|
    |error of floor|  <= rounding * (1 + sum |w|)^2

which is Wilkinson's bound (1963; Higham 2002, ch. 7), taken componentwise: in units of its own no entry of S or s is above 1, so
|ds - dS w| is at most rounding * (1 + sum |w|). Every term is taken with the sign that makes it worst, so the digits counted
are fewer than the right ones, not about as many. Where they are too few, `exact_solve` has more.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.numerics.bowl import second_moments
from bestline.numerics.comoments import CHUNK, Comoments
from bestline.numerics.scaling import Scaling
from bestline.numerics.semidefinite import inverse

MOST = 15  # digits of float64
_EPS = torch.finfo(torch.float64).eps
# Of rounding in one chunk's products: a few for each step, and some to spare; the tests hold it against exact answers.
ROUNDING = 32 * torch.finfo(torch.float64).eps
UNCERTAIN = 0.01  # of the smallest direction of S: beyond it the first order of the error no longer stands for all of it


def right_digits(moments: Comoments, p: int, slopes: Tensor, *, intercept: bool) -> Tensor:
    """Digits that are right of the least-squares weights, (d, k): at least so many, from 0 to 15.

    Parameters
    ----------
    moments : Comoments
        Of q = p + k columns.
    p : int
        Number of features.
    slopes : Tensor (p, k)
        The solution's slopes, in the data's units.
    intercept : bool
        Whether the line has one, which then makes the last row of the answer.
    """
    known = _Conditioning.of(moments, p, slopes, intercept=intercept)
    if known is None:
        return torch.zeros(p + intercept, slopes.shape[1], dtype=torch.float64)
    error = known.rounding * known.inverse.abs().sum(1)[:, None] * (1 + known.slopes.sum(0))
    digits = _digits(error, known.slopes)
    if not intercept:
        return digits
    center, x, y = moments.center, known.x, known.y
    # b = m_y - w'm_x: the errors of the slopes times the means, those of the means themselves, and the sum's own rounding.
    moved = (error * (center[:p].abs() / x)[:, None]).sum(0) * y + known.rounding * (center[p:].abs() + y)
    moved = moved + 4 * _EPS * (slopes * center[:p, None]).abs().sum(0)
    value = center[p:] - (slopes * center[:p, None]).sum(0)
    return torch.cat([digits, _digits(moved[None], value.abs()[None])])


def right_error_digits(moments: Comoments, p: int, slopes: Tensor, floor: Tensor, *, intercept: bool) -> Tensor:
    """The same of their standard errors, (k, d).

    Parameters
    ----------
    moments, p, slopes, intercept
        As in `right_digits`.
    floor : Tensor (k,)
        Mean squared residual of each target, in the data's units.
    """
    d = p + intercept
    known = _Conditioning.of(moments, p, slopes, intercept=intercept)
    if known is None:
        return torch.zeros(slopes.shape[1], d, dtype=torch.float64)
    V, rounding = known.inverse, known.rounding
    variance, error = V.diagonal(), rounding * V.abs().sum(1) ** 2
    if intercept:
        # The intercept's variance is 1 + m'V m; dV = -V dS V moves it by the square of |V m|, and dm by twice that times m's own error.
        center = moments.center[:p] / known.x
        pull = (V @ center).abs()
        variance = torch.cat([variance, (1 + center @ V @ center)[None]])
        error = torch.cat([error, (rounding * (pull.sum() ** 2 + 2 * (pull * (1 + center.abs())).sum() + 1))[None]])
    # s^2 is the floor times the inverse's diagonal: relative errors of the two add up.
    of_floor = rounding * (1 + known.slopes.sum(0)) ** 2 / (floor / known.y / known.y)
    relative = of_floor[:, None] + (error / variance)[None, :]
    # Half of it, for the root; but beyond a tenth the first order no longer holds.
    return torch.where(relative < 0.1, _digits(relative, torch.ones_like(relative)), 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Conditioning:
    """Sizes of the columns x (p,) and y (k,), slopes of columns in these units (p, k), not negative, the inverse of their
    second moments (p, p), and the relative error of those.
    """

    x: Tensor
    y: Tensor
    slopes: Tensor
    inverse: Tensor
    rounding: float

    @classmethod
    def of(cls, moments: Comoments, p: int, slopes: Tensor, *, intercept: bool) -> _Conditioning | None:
        """None where the second moments are uncertain by a hundredth of their smallest direction: nothing is known then."""
        scaling = Scaling.of(moments, p, intercept=intercept, standardize=True)
        both = scaling.scale
        x, y = both[:p], both[p:]
        # What the 24-bit shift leaves of a mean is rounded where moments merge; beside a small spread that is most of it.
        left_over = max(1.0, float((moments.mean * moments.unit / both).abs().max()))
        # Merged chunks add their roundings by chance, as a root of their number; rows taken away leave theirs behind.
        rounding = ROUNDING * (1 + (moments.count / CHUNK) ** 0.5) * left_over * moments.cancelled
        V = inverse(second_moments(moments, scaling, range(p)))
        if V is None or not rounding * float(V.abs().sum(1).max() if p else 0.0) <= UNCERTAIN:
            return None
        return cls(x, y, slopes.abs() * x[:, None] / y, V, rounding)


def _digits(error: Tensor, size: Tensor) -> Tensor:
    """-log10 of the relative error; a weight that is exactly zero is held against the unit of its own column."""
    size = torch.where(size > 0, size, 1.0)
    return (-torch.log10(error / size)).nan_to_num(0.0).clamp(0, MOST)
