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

from bestline.numerics.bowl import second_moments, trained_moments
from bestline.numerics.comoments import Comoments
from bestline.numerics.scaling import Scaling
from bestline.numerics.semidefinite import inverse

MOST = 15  # digits of float64
_EPS = torch.finfo(torch.float64).eps
# Of rounding in one chunk's products: a few for each step, and some to spare; the tests hold it against exact answers.
ROUNDING = 32 * torch.finfo(torch.float64).eps
_CHUNK = 65_536  # rows about whose products that holds
_SURE = 10.0  # standard errors from zero: from there on a weight's own digits are what matters
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
    known = _conditioning(moments, p, slopes, intercept=intercept)
    return (
        torch.zeros(p + intercept, slopes.shape[1], dtype=torch.float64)
        if known is None
        else known.of_weights(intercept=intercept)
    )


def right_error_digits(moments: Comoments, p: int, slopes: Tensor, floor: Tensor, *, intercept: bool) -> Tensor:
    """The same of their standard errors, (k, d).

    Parameters
    ----------
    moments, p, slopes, intercept
        As in `right_digits`.
    floor : Tensor (k,)
        Mean squared residual of each target, in the data's units.
    """
    known = _conditioning(moments, p, slopes, intercept=intercept)
    if known is None:
        return torch.zeros(slopes.shape[1], p + intercept, dtype=torch.float64)
    return known.of_errors(floor, intercept=intercept)


def beside_errors(right: Tensor, weights: Tensor, sigma: Tensor, moments: Comoments) -> Tensor:
    """Right digits of weights, all (d, k), counted from the first one of ten standard errors where the weight is smaller than these.

    Digits are relative, so a weight that is near zero by chance has few of its own: which says nothing of the columns, and
    what is lacking there is far below what the data can tell. The standard errors are those that each column would have alone:
    beside others that are nearly the same errors are large, too, and there the columns are what digits are lost by.

    Parameters
    ----------
    right, weights : Tensor (d, k)
        The intercept last, if there is one.
    sigma : Tensor (k,)
        Standard deviation of the residuals.
    moments : Comoments
        Of q = p + k columns.
    """
    d, k = weights.shape
    spread = torch.cat([moments.spread[: moments.q - k], moments.spread.new_ones(1)])[:d, None]
    alone, size = sigma / (spread * moments.weight**0.5), weights.abs()
    # Without a standard error, and for a weight of exactly zero, the digits are what they are.
    times = torch.where((size > 0) & alone.isfinite(), _SURE * alone / size, 1.0)
    return right + torch.log10(times.clamp(min=1.0))


@dataclass(frozen=True, slots=True, eq=False)
class LossDigits:
    """How well mean squared errors (k,) are known.

    Attributes
    ----------
    digits : Tensor (k,)
        Right digits of their roots, at least.
    error : Tensor (k,)
        How far the mean squared errors themselves are off, at most, in the data's units.
    """

    digits: Tensor
    error: Tensor


def right_loss_digits(
    moments: Comoments, held: Comoments, p: int, slopes: Tensor, squares: Tensor, *, intercept: bool
) -> LossDigits:
    """The same of the root mean squared error on rows that the line has not seen.

    The line's height at a row x is off by x'S^-1 (ds - dS w); the mean square of that over the rows held out is, by Cauchy and
    Schwarz, at most rounding^2 (1 + sum |w|)^2 times 1'|S^-1|1 and the trace of S^-1 M, where M are their second moments about the
    means of the line's own rows. What adds up their squares is rounded by as much as its terms are large.

    Parameters
    ----------
    moments, held : Comoments
        Of the rows that the line was fitted to, and of those held out.
    p, slopes, intercept
        As in `right_digits`.
    squares : Tensor (k,)
        Mean squared error of the rows held out, in the data's units.
    """
    known = _conditioning(moments, p, slopes, intercept=intercept)
    if known is None:
        return LossDigits(torch.zeros_like(squares), torch.full_like(squares, float("inf")))
    read = _Reading.of(moments, held, p, slopes, intercept=intercept)
    off = known.rounding * (1 + known.slopes.abs().sum(0))
    spread = (known.inverse.abs().sum() * (known.inverse * read.second[:p, :p]).sum().clamp(min=0)).sqrt()
    return read.digits(squares, height=read.height + off * (1 + spread))


def read_loss_digits(
    moments: Comoments, held: Comoments, p: int, slopes: Tensor, squares: Tensor, *, intercept: bool
) -> LossDigits:
    """The same for weights taken as they stand, wherever they come from: only what moments lose in adding up their errors.

    Parameters
    ----------
    moments, held, p, slopes, squares, intercept
        As in `right_loss_digits`.
    """
    read = _Reading.of(moments, held, p, slopes, intercept=intercept)
    return read.digits(squares, height=read.height)


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """What moments lose of a line's mean squared error, in units of the target, (k,).

    Attributes
    ----------
    own : Tensor (k,)
        Of the mean square, for its terms are rounded as they are large.
    height : Tensor (k,)
        Of the line's height, for the intercept m_y - w'm_x is rounded as its terms are large.
    second : Tensor (q, q)
        Second moments of the rows held out about the means of the line's own.
    y : Tensor (k,)
        Sizes of the targets, in the data's units.
    """

    own: Tensor
    height: Tensor
    second: Tensor
    y: Tensor

    @classmethod
    def of(cls, moments: Comoments, held: Comoments, p: int, slopes: Tensor, *, intercept: bool) -> _Reading:
        scaling = Scaling.of(moments, p, intercept=intercept, standardize=True)
        x, y = scaling.scale[:p], scaling.scale[p:]
        mean, covariance = trained_moments(held, scaling)
        second = covariance + torch.outer(mean, mean)
        size, weight = second.diagonal().clamp(min=0).sqrt(), (slopes * x[:, None] / y).abs()
        # A mean square is a sum of products of terms of y - w'x: rounded as these are large, however small the sum is.
        own = _rounding(held, scaling.scale) * summed(size, weight) ** 2
        # A target that does not vary is its intercept, and nothing of it is rounded.
        varies = (moments.spread[p:] > 0) & intercept
        height = torch.where(varies, height_rounding(moments.center / scaling.scale, weight), 0.0)
        return cls(own, height, second, y)

    def digits(self, squares: Tensor, *, height: Tensor) -> LossDigits:
        """Right digits of the roots of `squares` (k,), in the data's units, where the line is off by `height`."""
        square = squares / self.y**2
        error = square_error(square, self.own, height)
        relative = torch.where(error > 0, error / square, 0.0)
        digits = torch.where(relative < 0.1, _digits(relative / 2, torch.ones_like(relative)), 0.0)
        return LossDigits(digits, error * self.y**2)


@dataclass(frozen=True, slots=True, eq=False)
class Conditioning:
    """What the bounds are made of, for one system or for many at once: `...` are the axes that tell systems.

    Attributes
    ----------
    x, y : Tensor (..., p), (..., k)
        Sizes of the columns.
    slopes : Tensor (..., p, k)
        Of columns in these units.
    inverse : Tensor (..., p, p)
        Of their second moments.
    center : Tensor (..., q)
        Means, in the data's units.
    rounding : Tensor (...)
        Relative error of the second moments.
    """

    x: Tensor
    y: Tensor
    slopes: Tensor
    inverse: Tensor
    center: Tensor
    rounding: Tensor

    @property
    def holds(self) -> Tensor:
        """Whether the first order stands for all of the error, (...): the moments are not uncertain by a hundredth of any direction."""
        if not self.x.shape[-1]:
            return torch.ones_like(self.rounding, dtype=torch.bool)
        return self.rounding * self.inverse.abs().sum(-1).amax(-1) <= UNCERTAIN

    @property
    def _off(self) -> Tensor:
        """Means of the features in units of their columns, (..., p, 1)."""
        return (self.center[..., : self.x.shape[-1]] / self.x)[..., None]

    def of_weights(self, *, intercept: bool) -> Tensor:
        """Right digits of the weights, (..., d, k)."""
        rounding, size = self.rounding[..., None, None], self.slopes.abs()
        # dw = S^-1 (ds - dS w), entry by entry: each row of |S^-1| times what rounding leaves of either, in units of the columns.
        error = rounding * self.inverse.abs().sum(-1)[..., None] * (1 + size.sum(-2, keepdim=True))
        digits = _digits(error, size)
        if not intercept:
            return digits
        off, y, level = self._off, self.y[..., None, :], self.center[..., None, self.x.shape[-1] :]
        # b = m_y - w'm_x: the errors of the slopes times the means, those of the means themselves, and the sum's own rounding.
        moved = (error * off.abs()).sum(-2, keepdim=True) * y + rounding * (level.abs() + y)
        moved = moved + 4 * _EPS * (self.slopes * off).abs().sum(-2, keepdim=True) * y
        value = level - (self.slopes * off).sum(-2, keepdim=True) * y
        return torch.cat([digits, _digits(moved, value.abs())], -2)

    def of_errors(self, floor: Tensor, *, intercept: bool) -> Tensor:
        """Right digits of the standard errors, (..., k, d), where the mean squared residual is `floor` (..., k), in the data's units."""
        V, rounding = self.inverse, self.rounding[..., None]
        variance, error = V.diagonal(dim1=-2, dim2=-1), rounding * V.abs().sum(-1) ** 2
        if intercept:
            # The intercept's variance is 1 + m'V m; dV = -V dS V moves it by the square of |V m|, and dm by twice that times m's own error.
            off = self._off
            pull = (V @ off).abs()
            own = rounding[..., None] * (
                pull.sum(-2, keepdim=True) ** 2 + 2 * (pull * (1 + off.abs())).sum(-2, keepdim=True) + 1
            )
            variance = torch.cat([variance, (1 + off.mT @ V @ off)[..., 0]], -1)
            error = torch.cat([error, own[..., 0]], -1)
        # s^2 is the floor times the inverse's diagonal: relative errors of the two add up.
        of_floor = rounding * (1 + self.slopes.abs().sum(-2)) ** 2 / (floor / self.y / self.y)
        relative = of_floor[..., :, None] + (error / variance)[..., None, :]
        # Half of it, for the root; but beyond a tenth the first order no longer holds.
        return torch.where(relative < 0.1, _digits(relative, torch.ones_like(relative)), 0.0)


def _conditioning(moments: Comoments, p: int, slopes: Tensor, *, intercept: bool) -> Conditioning | None:
    """That of one line; None where nothing is known."""
    scaling = Scaling.of(moments, p, intercept=intercept, standardize=True)
    both = scaling.scale
    x, y = both[:p], both[p:]
    V = inverse(second_moments(moments, scaling, range(p)))
    if V is None:
        return None
    known = Conditioning(x, y, slopes * x[:, None] / y, V, moments.center, _rounding(moments, both))
    return known if bool(known.holds) else None


def _rounding(moments: Comoments, scale: Tensor) -> Tensor:
    """Relative error of the second moments of columns in units of `scale` (q,)."""
    # What the 24-bit shift leaves of a mean is rounded where moments merge; beside a small spread that is most of it.
    left_over = max(1.0, float((moments.mean * moments.unit / scale).abs().max()))
    return merged_rounding(torch.tensor(moments.count)) * left_over * moments.cancelled


def summed(terms: Tensor, weight: Tensor) -> Tensor:
    """The sizes of all terms of y - w'x, (..., k): of columns of size `terms` (..., q) and slopes of size `weight` (..., p, k)."""
    p = weight.shape[-2]
    return (terms[..., None, :p] @ weight)[..., 0, :] + terms[..., p:]


def height_rounding(center: Tensor, weight: Tensor) -> Tensor:
    """What rounding takes from the height m_y - w'm_x, (..., k), for its terms are large: of means `center` (..., q)."""
    return 4 * _EPS * summed(center.abs(), weight)


def square_error(square: Tensor, own: Tensor, height: Tensor) -> Tensor:
    """How far a mean `square` may be off that is off by `own`, of a line that is off by `height`."""
    return own + height**2 + 2 * square.sqrt() * height


def merged_rounding(count: Tensor) -> Tensor:
    """Relative error of the second moments of so many rows, by rounding alone."""
    # Merged chunks add their roundings by chance, as a root of their number; rows taken away leave theirs behind.
    return ROUNDING * (1 + (count.double() / _CHUNK) ** 0.5)


def _digits(error: Tensor, size: Tensor) -> Tensor:
    """-log10 of the relative error; a weight that is exactly zero is held against the unit of its own column."""
    size = torch.where(size > 0, size, 1.0)
    return (-torch.log10(error / size)).nan_to_num(0.0).clamp(0, MOST)
