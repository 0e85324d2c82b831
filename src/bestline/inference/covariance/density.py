"""Density: how densely the errors of a quantile line lie at the line, from residuals within a bandwidth of it.

    f(0) = sum of K(u / h) / (n h)        h = the spread of residuals, times how far b moves the normal quantile

The bandwidth b is one of probabilities: the rules for it say how near to the quantile residuals tell of it, the nearer the more rows
there are (Koenker 2005, 3.4.2 and 4.10.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from bestline.errors import NumericalError
from bestline.numerics import quantiles
from bestline.wording import count

USUAL = "hall-sheather"
_NORMAL_IQR = 1.34  # interquartile range of normal errors, in standard deviations, as R's quantreg and Stata round it


def hall_sheather(n: int, level: float) -> float:
    """(1.5 z(0.975)^2 phi(z)^2 / (2 z^2 + 1) / n)^(1/3), for intervals of 95% (Hall & Sheather 1988); z is the level's normal quantile."""
    z, phi, wide = _normal(level)
    return float((1.5 * wide**2 * phi**2 / (2 * z**2 + 1) / n) ** (1 / 3))


def bofinger(n: int, level: float) -> float:
    """(4.5 phi(z)^4 / (2 z^2 + 1)^2 / n)^(1/5), for the least mean squared error of the density (Bofinger 1975)."""
    z, phi, _ = _normal(level)
    return float((4.5 * phi**4 / (2 * z**2 + 1) ** 2 / n) ** (1 / 5))


def chamberlain(n: int, level: float) -> float:
    """z(0.975) (level (1 - level) / n)^(1/2), the interval of the level itself (Chamberlain 1994)."""
    return float(_normal(level)[2] * math.sqrt(level * (1 - level) / n))


def _normal(level: float) -> tuple[float, float, float]:
    """The normal quantile of the level, the density there, and the quantile that leaves out 2.5%."""
    z, wide = torch.special.ndtri(torch.tensor([level, 0.975], dtype=torch.float64)).tolist()
    return z, math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi), wide


# On the scale of probabilities, from the number of rows and the level.
BANDWIDTHS: dict[str, Callable[[int, float], float]] = {
    USUAL: hall_sheather,
    "bofinger": bofinger,
    "chamberlain": chamberlain,
}


def reaches(b: float, level: float) -> bool:
    """Whether there are quantiles as far from the level as a bandwidth b of probabilities."""
    # Beyond that the bandwidth reaches past all of the data. R halves it until it fits, which tells of nothing but the rounding.
    return b < min(level, 1 - level)


def too_few(n: int, level: float) -> NumericalError:
    """That n rows do not reach as far."""
    return NumericalError(
        f"{count(n, 'row')} {'is' if n == 1 else 'are'} too few to tell the density of errors at the {level:g} quantile."
    )


def kernel_width(u: Tensor, times: Tensor, level: float, b: float, *, rounding: float) -> float:
    """How near to 0 residuals u (n,), each there so many `times`, are to tell of the density there; R's quantreg and Stata's.

    h = min(sd, interquartile range / 1.34) (z(level + b) - z(level - b))        z the normal quantile, b the bandwidth for probabilities

    Raises NumericalError where there are too few rows for the quantile, and where half of the residuals are the same to `rounding`.
    """
    rows = float(times.sum())
    if not reaches(b, level):
        raise too_few(round(rows), level)
    # The smaller of two measures of spread: one follows far rows, the other steps in few rows (Silverman 1986, 3.4.2).
    mean = float((times * u).sum()) / rows
    sd = math.sqrt(float((times * (u - mean) ** 2).sum()) / (rows - 1))
    z = torch.special.ndtri(torch.tensor([level + b, level - b], dtype=torch.float64))
    h = min(sd, between_quartiles(u, times) / _NORMAL_IQR) * float(z[0] - z[1])
    # Half of the rows on one line: their density there is infinite, and a multiple of rounding is no bandwidth.
    if not h > 100 * rounding:
        raise NumericalError("half of the residuals are the same, so they have no density at the line.")
    return h


def between_quartiles(u: Tensor, times: Tensor) -> float:
    """The interquartile range of residuals u (n,), each there so many `times`."""
    ordered, order = u.sort()
    own = times[order]
    # Parts of rows, as weights make them, are counted from below; so from above too, for -u has the same spread.
    ends = [quantiles(ordered, own, (0.25, 0.75)), quantiles(-ordered.flip(0), own.flip(0), (0.25, 0.75))]
    return sum(high - low for low, high in ends) / 2


def at_zero(u: Tensor, times: Tensor, h: float) -> float:
    """The density at 0 of residuals u (n,), each there so many `times`, by an Epanechnikov kernel of half width h."""
    return float((times * 0.75 * (1 - (u / h) ** 2).clamp(min=0)).sum()) / (float(times.sum()) * h)


def at_each(u: Tensor, h: float) -> Tensor:
    """What each residual u (n,) says of the density of its own row's error at the line, by a normal kernel of width h (Powell 1991)."""
    return torch.exp(-((u / h) ** 2) / 2) / (h * math.sqrt(2 * math.pi))
