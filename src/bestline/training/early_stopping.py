"""Early stopping: where the held-out loss is least, and which ridge penalty keeps the weights as small as so few steps do.

Descent from zero at rate r has gone 1 - (1 - r c)^k of the way along a direction of curvature c after k steps; ridge goes
c / (c + 2 l2) of it (Ali, Kolter & Tibshirani 2019, AISTATS). The two are curves of different forms: of a few directions they may
agree, of many they are up to 0.2 apart. A step with r c > 1 leaps over the lowest point, and no ridge does that.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bestline.numerics import Bowl
from bestline.training.outcome import Fit
from bestline.training.solvers.rate_limits import principal

AGREED = 0.05  # of the way, along every direction
_RISEN = 0.01  # of the least held-out loss: less is no minimum, but a curve that has come to its end
_CENTRED = 1e-6  # means of columns as trained, whose spread is 1 or so


def best_step(fit: Fit) -> int | None:
    """Where stopping early would have stopped: the step of least held-out loss, unless that is the last one."""
    held_out = fit.trace.held_out
    if held_out is None or not bool(held_out.isfinite().any()):
        return None
    # The first of equals, for whoever stops early stops there.
    at = int(held_out.nan_to_num(math.inf).argmin())
    return int(fit.trace.step[at]) if at < len(held_out) - 1 else None


def held_out_minimum(fit: Fit) -> int | None:
    """The step of least held-out loss, where the curve has a real minimum there; None where it has come to its end."""
    step, held_out = best_step(fit), fit.trace.held_out
    if step is None or held_out is None:
        return None
    least = held_out[held_out.isfinite()].min()
    # A loss that is no number any more has risen.
    return None if bool(held_out[-1] <= (1 + _RISEN) * least) else step


def ridge_of(fit: Fit, step: int) -> float | None:
    """The ridge penalty, on the columns as trained, whose weights are those after so many updates; None where there is none.

    There may be one for plain descent, all rows at one rate without momentum, from near zero, on the squared loss of centred
    columns, where the held-out loss has a real minimum at that step (`_shrunk_alike`).
    """
    if fit.trace.gap is None or held_out_minimum(fit) != step:
        return None
    smooth = fit.objective.smooth
    if fit.solver.whole_gradient != "sgd" or not isinstance(smooth, Bowl) or fit.objective.penalty or not fit.rate or not step:
        return None
    bowl, p = smooth.cpu(), fit.scaling.p
    slopes = bowl.curvature[:p, :p]
    # Ridge leaves the intercept free, and descent does not: only where the columns are centred it makes no difference to the slopes.
    if p == 0 or float(bowl.curvature[:p, p:].abs().max() if fit.scaling.intercept else 0.0) > _CENTRED:
        return None
    l2 = _shrunk_alike(principal(slopes)[0], fit.rate, step)
    if l2 is None:
        return None
    ridge = bowl.with_ridge(torch.tensor([l2] * p + [0.0] * (len(bowl.curvature) - p), dtype=torch.float64)).bottom[:p]
    at = int((fit.trace.step == step).nonzero()[0])
    away = fit.scaling.to_trained(fit.trace.weights[at])[:p] - ridge
    # The start counts, too: a path from elsewhere leads to other weights.
    return l2 if float(away.norm()) <= AGREED * float(bowl.bottom[:p].norm()) else None


def _shrunk_alike(curvatures: Tensor, rate: float, steps: int) -> float | None:
    """The penalty `l2` that shrinks every direction as so many steps of plain descent from zero do, within `AGREED` of the way.

    Parameters
    ----------
    curvatures : Tensor (m,)
        Second derivatives of the loss along its principal directions, positive.
    rate : float
    steps : int
        At least 1.

    Returns
    -------
    float or None
        In the units of `fit`'s `l2`, on the columns as trained: that of the smallest largest difference. None where steps leap over
        the lowest point, where nothing is shrunk, and where no penalty agrees.
    """
    if not len(curvatures) or float(rate * curvatures.max()) > 1:
        return None
    gone = -torch.expm1(steps * torch.log1p(-rate * curvatures))
    own = curvatures / 2 * (1 - gone) / gone  # the penalty that is right along each direction alone
    low, high = (float(v) for v in (own.min(), own.max()))
    if high == 0:
        return None
    # Ridge goes less far the larger the penalty, so the largest excess falls and the largest lack rises: they meet once.
    for _ in range(100):
        middle = (low + high) / 2
        apart = curvatures / (curvatures + 2 * middle) - gone
        low, high = (middle, high) if float(apart.max()) > float(-apart.min()) else (low, middle)
    return middle if float(apart.abs().max()) <= AGREED else None
