"""Pooling: lines of groups, shrunk towards their common line by as much as their own errors say.

    w_g = mu + u_g,  u_g ~ (0, T)        w_g as estimated ~ (w_g, V_g)
    T = covariance of the estimates - mean V_g, no less than 0
    mu = (sum (T + V_g)^-1)^-1 sum (T + V_g)^-1 w_g        shrunk: mu + T (T + V_g)^-1 (w_g - mu)

Swamy's random coefficients (1970, Econometrica 38:311-323), estimated by moments: the empirical Bayes estimate of every line. A
group of few rows leans on the others, one of many stands on its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.errors import NumericalError
from bestline.inference.groups.lines import GroupLines
from bestline.numerics.factorisation import eigenvectors, pseudo_inverse
from bestline.wording import count

_MORE = 5  # groups than weights: from fewer a covariance of d weights is hardly known in all directions


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Shrunken weights of one target.

    Attributes
    ----------
    weights : Tensor (G, d)
        NaN for groups without a line of their own.
    std_error : Tensor (G, d)
        Of the weights, given mu and T.
    common : Tensor (d,)
        The common line, mu.
    between : Tensor (d, d)
        How the lines of groups differ, T.
    """

    weights: Tensor
    std_error: Tensor
    common: Tensor
    between: Tensor


def pooled(lines: GroupLines, target: int = 0) -> Pooled:
    """The lines, shrunk. Raises NumericalError for groups too few to say how lines differ."""
    w, V = lines.weights[:, :, target], lines.covariance[:, target]
    used = w.isfinite().all(1) & V.isfinite().all((1, 2)) & (lines.df > 0)
    least = w.shape[1] + _MORE
    if int(used.sum()) < least:
        raise NumericalError(
            f"Partial pooling of {count(w.shape[1], 'weight')} needs {least} groups or more that determine all weights and their errors, "
            f"to say how lines differ; here {'is' if int(used.sum()) == 1 else 'are'} {int(used.sum())}."
        )
    own, V = w[used], V[used]
    # Weights have units of their own: each in the size of its errors and differences, so that no unit decides what is zero.
    size = (own.var(0) + V.diagonal(dim1=1, dim2=2).mean(0)).sqrt()
    size = torch.where(size > 0, size, 1.0)
    own, V = own / size, V / torch.outer(size, size)
    T = _no_less_than_zero(own.T.cov().reshape(len(size), len(size)) - V.mean(0))
    precision = pseudo_inverse(T + V)
    mu = pseudo_inverse(precision.sum(0)) @ (precision @ own[:, :, None]).sum(0)[:, 0]
    gain = T @ precision
    shrunk = mu + (gain @ (own - mu)[:, :, None])[:, :, 0]
    error = (T - gain @ T).diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
    weights, errors = torch.full_like(w, torch.nan), torch.full_like(w, torch.nan)
    weights[used], errors[used] = shrunk * size, error * size
    return Pooled(weights, errors, mu * size, T * torch.outer(size, size))


def _no_less_than_zero(T: Tensor) -> Tensor:
    """The nearest covariance: negative eigenvalues, which chance has left, are none."""
    values, vectors = eigenvectors(T)
    return (vectors * values.clamp(min=0)) @ vectors.T
