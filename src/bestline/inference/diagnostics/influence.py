"""Influence: what one row does to the line. Leverage, standardised residuals, Cook's distance, and the line without the row.

    r = e / (s sqrt(1 - h))      D = r^2 h / ((1 - h) rank)      t = e / (s_without sqrt(1 - h))

after Belsley, Kuh & Welsch (1980) and Cook & Weisberg (1982). With weights, e and h are those of the rows times the root of
their weight, as in R and statsmodels. A row that determines a weight by itself has leverage 1 and residual 0: the line without
it does not exist, and what would speak of it is NaN. So is what would be divided by zero, where a line goes through every point.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.inference.coordinates import Basis, Coordinates

_NAN = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """Rows' influence on the line of one target; every field is (n,) but the last.

    Attributes
    ----------
    hat : Tensor
        Leverage.
    resid : Tensor
        Residuals in the data's units, without the weights' root.
    std_resid : Tensor
        Residuals over their own standard deviation (internally studentised).
    rstudent : Tensor
        The same with the standard deviation of the line without the row; Student's t with df - 1.
    cooksd : Tensor
        Cook's distance.
    dffits : Tensor
        Change of the row's prediction when it is left out, in standard errors.
    cov_ratio : Tensor
        Determinant of the weights' covariance without the row over that with it.
    """

    hat: Tensor
    resid: Tensor
    std_resid: Tensor
    rstudent: Tensor
    cooksd: Tensor
    dffits: Tensor
    cov_ratio: Tensor


def influence(basis: Basis, seen: Coordinates, target: int = 0) -> Influence:
    """The influence of rows on the line of one target; rows of weight 0 have none, and NaN where it would be divided by."""
    h, e = seen.leverage, seen.e[:, target]
    df, rss, rank = basis.df, basis.rss[target], basis.rank
    rest = _rest(basis, seen)
    # Leaving row i out lowers rss by e^2 / (1 - h): Sherman & Morrison's formula for (X'X - x x')^-1.
    share = e * e / rest  # what the row takes of the residual sum of squares
    there = (seen.root > 0) & (rss > 0)
    r = torch.where(there, e / (basis.sigma[target] * rest.sqrt()), _NAN)
    cooks = r * r * h / (rest * max(rank, 1))
    t = torch.where(there, e / (_sigma_without(share, rss, df) * rest.sqrt()), _NAN)
    # det(X'X - x x') = det(X'X)(1 - h), and s^2 without the row over s^2 is ((df - 1) + t^2) / df turned round.
    ratio = 1 / (rest * (((df - 1) + t * t) / df) ** rank) if df > 0 else torch.full_like(h, _NAN)
    residual = torch.where(seen.root > 0, e / seen.root, _NAN) * basis.unit[target]
    return Influence(h, residual, r, t, cooks, t * (h / rest).sqrt(), ratio)


def dfbetas(basis: Basis, seen: Coordinates, target: int = 0) -> Tensor:
    """Change of every weight when a row is left out, in its standard error without the row, (n, d).

    NaN for columns that others already say.
    """
    rest = _rest(basis, seen)
    e, T = seen.e[:, target], basis.weights()
    sigma = _sigma_without(e * e / rest, basis.rss[target], basis.df)
    size = T.abs().amax(1, keepdim=True)
    rows = T / size  # of a size that can be squared, whatever the units; NaN where there is nothing
    # w - w without i = (X'X)^-1 x e / (1 - h), in coordinates T q e / (1 - h).
    moved = (seen.q @ rows.T) * (e / rest)[:, None]
    return moved / (sigma[:, None] * (rows * rows).sum(1).sqrt())


def _rest(basis: Basis, seen: Coordinates) -> Tensor:
    """1 - h, and NaN for rows of leverage 1."""
    rest = 1 - seen.leverage
    return torch.where(rest > basis.alone, rest, _NAN)


def _sigma_without(share: Tensor, rss: Tensor, df: int) -> Tensor:
    """Residual standard deviation without a row that takes `share` of `rss`; NaN where the others fit exactly."""
    if df <= 1:
        return torch.full_like(share, _NAN)
    # Below 1e-14 of the whole, what is left is the rounding of the difference.
    left = rss - share
    return torch.where(left > 1e-14 * rss, left / (df - 1), _NAN).sqrt()
