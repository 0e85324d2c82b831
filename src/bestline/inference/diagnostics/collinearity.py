"""Collinearity: columns that tell nearly the same story, so that their effects are hard to tell apart.

    VIF_j = 1 / (1 - R2 of column j on the others)      condition index = largest singular value / another

A variance inflation factor of 10 makes a standard error three times as large as it would be alone. Condition indices are those of
Belsley, Kuh & Welsch (1980): columns of unit length, not centred, the intercept among them; one above 30 that carries more than
half of the variance of two weights or more is trouble, and names them. All of it follows from the moments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.numerics import Comoments, Scaling, inverse, of_one_size, second_moments, singular_vectors

TROUBLE, SHARE, INFLATED = 30.0, 0.5, 10.0
_NEARLY_CONSTANT = 1e-4  # spread beside the mean
_UNITS_APART = 1e6  # between the spreads of two columns


@dataclass(frozen=True, slots=True)
class Index:
    """One condition index, and each weight's share of variance in its direction."""

    value: float
    shares: dict[str, float]


@dataclass(frozen=True, slots=True)
class Collinearity:
    """How far the columns can be told apart.

    Attributes
    ----------
    vif : dict
        Column -> variance inflation factor; NaN for columns that others already say.
    indices : tuple of Index
        Ascending; the last is the condition number.
    aliased : dict
        Column -> the columns that already say it.
    constant, nearly_constant : tuple of str
        Columns that do not vary at all, or hardly beside their mean.
    far_units : tuple of str
        Columns with the smallest and the largest spread, when these are a million times apart.
    """

    vif: dict[str, float]
    indices: tuple[Index, ...]
    aliased: dict[str, tuple[str, ...]]
    constant: tuple[str, ...]
    nearly_constant: tuple[str, ...]
    far_units: tuple[str, ...]

    @property
    def worst(self) -> tuple[float, tuple[str, ...]] | None:
        """The largest index in trouble, and the weights that share its direction; None where there is none."""
        for index in reversed(self.indices):
            together = tuple(name for name, share in index.shares.items() if share > SHARE)
            if index.value > TROUBLE and len(together) > 1:
                return index.value, together
        return None


def collinearity(
    moments: Comoments,
    scaling: Scaling,
    names: Sequence[str],
    kept: Sequence[int],
    aliased: Mapping[int, Sequence[int]],
    *,
    exact: Tensor | None = None,
) -> Collinearity:
    """Collinearity of the columns (p,) behind `moments`.

    Parameters
    ----------
    moments, scaling
        Of the training rows, standardised.
    names : sequence of str
        Of the columns.
    kept : sequence of int
        Columns that say something of their own.
    aliased : dict
        The others -> those that say them.
    exact : Tensor (p,), optional
        Diagonal of (X'WX)^-1 in the data's units, where it is known to its last digits.
    """
    p, kept = scaling.p, list(kept)
    spread, center = moments.spread[:p], moments.center[:p]
    A = second_moments(moments, scaling, kept)
    # 1 / (1 - R2_j) is the j-th diagonal entry of the inverse correlation matrix; A_jj makes up for a diagonal that is not 1.
    V = inverse(A) if exact is None else None
    own = torch.full((len(kept),), float("inf"), dtype=torch.float64) if V is None else V.diagonal()
    if exact is not None:
        own = exact[kept] * scaling.scale[kept] * moments.weight * scaling.scale[kept]
    inflation = A.diagonal() * own
    vif = {name: float("nan") for name in names} | {names[j]: float(v) for j, v in zip(kept, inflation, strict=True)}
    varying = [j for j in range(p) if spread[j] > 0]
    ordered = sorted(varying, key=lambda j: float(spread[j]))
    far = len(ordered) > 1 and float(spread[ordered[-1]] / spread[ordered[0]]) > _UNITS_APART
    return Collinearity(
        vif=vif,
        indices=_indices(moments, scaling, names, kept),
        aliased={names[j]: tuple(names[i] for i in on) for j, on in aliased.items()},
        constant=tuple(names[j] for j in range(p) if spread[j] == 0),
        nearly_constant=tuple(names[j] for j in varying if spread[j] < _NEARLY_CONSTANT * center[j].abs()),
        far_units=(names[ordered[0]], names[ordered[-1]]) if far else (),
    )


def _indices(moments: Comoments, scaling: Scaling, names: Sequence[str], kept: list[int]) -> tuple[Index, ...]:
    """Condition indices of the columns as they are, of unit length, and the shares of variance in each direction.

    With a mean m and a centred part Q R, a column is [1 Q] [m; R]: so the singular values are those of a small matrix in which
    nothing was squared, however far the columns lie from zero.
    """
    spread, center = moments.spread[kept], moments.center[kept]
    labels = [*(names[j] for j in kept), *(["Intercept"] if scaling.intercept else [])]
    factor, failed = torch.linalg.cholesky_ex(of_one_size(second_moments(moments, scaling, kept))[0])
    if failed or not labels:
        return ()
    small = factor.T
    if scaling.intercept:
        length = torch.hypot(spread, center)
        one = torch.ones(1, 1, dtype=torch.float64)
        # Rows of the small matrix: the means and the one of the intercept, then the centred triangle in units of each column's length.
        top = torch.cat([(center / length)[None], one], 1)
        small = torch.cat([top, torch.cat([small * (spread / length), torch.zeros(len(kept), 1, dtype=torch.float64)], 1)])
    _, values, vectors = singular_vectors(small)
    values = values.clamp(min=1e-300)
    # The variance of weight j is s^2 sum_k v_kj^2 / mu_k^2: each direction k has its share of it.
    shares = (vectors / values[:, None]) ** 2  # one row a direction
    shares = shares / shares.sum(0)
    return tuple(
        Index(float(values[0] / value), dict(zip(labels, share.tolist(), strict=True)))
        for value, share in zip(values, shares, strict=True)
    )
