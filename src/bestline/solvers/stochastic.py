"""Stochastic: one row at a time, each the cause of a small step.

    w <- (1 - rate l2) w - rate loss'(x w + b, y) x      b <- b - rate loss'(x w + b, y)

This is stochastic gradient descent as Robbins & Monro (1951) meant it, with the rates, penalties, averages and stopping rules
that scikit-learn's SGDRegressor made familiar. An l1 penalty pulls weights towards zero and stops there, making up at a row's
turn for what the weight has been spared before (Tsuruoka, Tsujii & Ananiadou 2009).

For squared loss without an l1 penalty a block of rows is done at once, with the same result: the errors g the rows would meet one
after the other obey (1 + L) g = X w + b - y, L lower triangular, since each row only feels the steps before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bestline.errors import OptionError
from bestline.rows import Rows

LOSSES = ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive")
RATES = ("constant", "optimal", "invscaling", "adaptive", "pa1", "pa2")
_FEW = 400  # rows that are done one by one in any case
_BLOCK = 128  # rows solved for at once: m / 2 products with p numbers each take the place of m turns of a loop
_STEEPEST = 1e12  # loss' is cut here, so that one wild row leaves finite weights
_MOST_VISITS = 16  # of a row in an epoch, however heavy it is
_LEAST_RATE = 1e-6  # below this the adaptive rate is not divided any more


@dataclass(frozen=True, slots=True)
class Stochastic:
    """How to train one row at a time.

    Attributes
    ----------
    loss : str
        One of LOSSES; with e = prediction - y they are e^2 / 2, Huber's, max(0, |e| - epsilon) and max(0, |e| - epsilon)^2.
    epsilon : float
        Where Huber's loss turns linear, and what the insensitive ones forgive.
    l1, l2 : float
        Of the penalty l1 |w| + l2 |w|^2 / 2.
    intercept : bool
    rate : str
        One of RATES: eta0; 1 / (alpha (t0 + t)); eta0 / t^power; eta0, divided by 5 whenever progress stops; and the two
        passive-aggressive rules of Crammer et al. (2006).
    eta0, power, alpha : float
        What the rates are made of.
    average : int
        Average the weights from this step on; 0 not at all.
    level_rate : float
        What the intercept's steps are multiplied by.
    """

    loss: str = "squared_error"
    epsilon: float = 0.1
    l1: float = 0.0
    l2: float = 0.0
    intercept: bool = True
    rate: str = "invscaling"
    eta0: float = 0.01
    power: float = 0.25
    alpha: float = 1e-4
    average: int = 0
    level_rate: float = 1.0

    def __post_init__(self) -> None:
        if self.loss not in LOSSES or self.rate not in RATES:
            raise OptionError(
                f"Choose a loss of {', '.join(LOSSES)} and a rate of {', '.join(RATES)}; got {self.loss!r}, {self.rate!r}."
            )

    @property
    def begin(self) -> float:
        """Of the optimal rate: t0, so that the first step is no larger than typical weights."""
        typical = math.sqrt(1 / math.sqrt(self.alpha))
        return 1 / (typical / max(1.0, self.slope(-typical - 1.0)) * self.alpha)

    def rates(self, t: Tensor, eta: float) -> Tensor:
        """Rates of the steps t (m,), counted from 1."""
        if self.rate == "optimal":
            return 1 / (self.alpha * (self.begin + t - 1))
        if self.rate == "invscaling":
            return self.eta0 / t**self.power
        return torch.full_like(t, eta)

    def value(self, error: float) -> float:
        """Loss of an error."""
        size = abs(error)
        if self.loss == "squared_error":
            return 0.5 * error * error
        if self.loss == "huber":
            return 0.5 * error * error if size <= self.epsilon else self.epsilon * (size - 0.5 * self.epsilon)
        over = max(0.0, size - self.epsilon)
        return over if self.loss == "epsilon_insensitive" else over * over

    def slope(self, error: float) -> float:
        """Derivative of the loss."""
        if self.loss == "squared_error":
            return error
        if self.loss == "huber":
            return min(max(error, -self.epsilon), self.epsilon)
        over = abs(error) - self.epsilon
        if over <= 0:
            return 0.0
        return math.copysign(1.0 if self.loss == "epsilon_insensitive" else 2 * over, error)


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """Where training stands, after some epoch.

    Attributes
    ----------
    weights, level : Tensor (p,), float
    mean_weights, mean_level : Tensor (p,), float
        Averages, where they are asked for.
    step : int
        Number of the next step, from 1.
    eta : float
        The constant or adaptive rate.
    objective, loss : float
        Mean over the epoch's rows, each at the weights that met it: with the penalty, and without.
    """

    weights: Tensor
    level: float
    mean_weights: Tensor
    mean_level: float
    step: float
    eta: float
    objective: float = math.inf
    loss: float = math.inf

    @classmethod
    def start(cls, weights: Tensor, level: float, *, eta: float, step: float = 1.0) -> Progress:
        """Before the first step."""
        return cls(weights.clone(), level, torch.zeros_like(weights), 0.0, step, eta)


def visits(rows: Rows) -> tuple[Tensor, Tensor]:
    """Which row takes each step of an epoch, and with what weight: a row of weight 3 comes three times, each time in full.

    So a weight is worth as many rows. Weights that are no whole number are shared by their row's turns, of which there are 16 at
    most. Rows of weight 0 do not come.
    """
    n = len(rows)
    if rows.w is None:
        return torch.arange(n), torch.ones(n, dtype=torch.float64)
    turns = rows.w.ceil().clamp(max=_MOST_VISITS)
    index = torch.arange(n).repeat_interleave(turns.long())
    return index, (rows.w / turns.clamp(min=1))[index]


def shuffled(rows: Rows, seed: int) -> Iterator[Tensor]:
    """Orders of the rows (n,) for each epoch, drawn from the rows' own numbers and a seed.

    The order in which the rows were given does not matter, and equal rows come one after the other: so a row that is there twice
    is the same as one of weight 2.
    """
    q = rows.X.shape[1] + rows.y.shape[1]
    generator = torch.Generator().manual_seed(seed)
    odd = torch.randint(-(2**62), 2**62, (q,), generator=generator) * 2 + 1
    bits = torch.cat([rows.X.to(torch.float64), rows.y], 1).add(0.0).view(torch.int64)  # + 0.0: one zero of -0.0 and 0.0
    own = _mixed((bits * odd).sum(1))
    while True:
        salt = torch.randint(-(2**62), 2**62, (1,), generator=generator)
        yield _mixed(own ^ salt).argsort(stable=True)


def _mixed(bits: Tensor) -> Tensor:
    for multiplier in (-4658895280553007687, -7723592293110705685):  # the finaliser of splitmix64 (Steele et al. 2014)
        bits = (bits ^ ((bits >> 30) & 0x3FFFFFFFF)) * multiplier
    return bits ^ ((bits >> 31) & 0x1FFFFFFFF)


def epoch(how: Stochastic, rows: Rows, order: Tensor, weights: Tensor, at: Progress, owed: Tensor) -> Progress:
    """One pass over the rows.

    Parameters
    ----------
    how : Stochastic
    rows : Rows
        X (n, p) float64, y (n, 1).
    order, weights : Tensor (m,)
        Which row takes each step, and its weight.
    at : Progress
    owed : Tensor (2, p)
        What an l1 penalty might have taken of every weight, and what it has taken: kept from epoch to epoch, changed here.
    """
    if how.loss == "squared_error" and not how.l1 and how.rate not in ("pa1", "pa2") and len(order) > _FEW:
        return _in_blocks(how, rows, order, weights, at) or _row_by_row(how, rows, order, weights, at, owed)
    return _row_by_row(how, rows, order, weights, at, owed)


def _in_blocks(how: Stochastic, rows: Rows, order: Tensor, weights: Tensor, at: Progress) -> Progress | None:
    """None where a step is so long that the weights are cut or leave float64's range: one by one then."""
    w, b, mean, mean_b = at.weights, at.level, at.mean_weights, at.mean_level
    squares = penalty = 0.0
    for begin in range(0, len(order), _BLOCK):
        own = order[begin : begin + _BLOCK]
        X, y, share = rows.X[own], rows.y[own, 0], weights[begin : begin + _BLOCK]
        m = len(own)
        t = at.step + begin + torch.arange(m, dtype=torch.float64)
        rate = how.rates(t, at.eta)
        keep = (1 - rate * how.l2).clamp(min=0)
        if float(keep.amin()) < 0.5:
            return None
        after = keep.cumprod(0)  # what is left of the first weights after each step
        before = after / keep
        pull = rate * share
        # The step of row j reaches row i > j shrunk by before_i / after_j.
        reach = (X @ X.T) * torch.outer(before, 1 / after) + (how.level_rate if how.intercept else 0.0)
        system = (reach * pull).tril(-1)
        met = before * (X @ w) + b - y
        error = torch.linalg.solve_triangular(system, met[:, None], upper=False, unitriangular=True)[:, 0]
        if not bool((error.abs() < _STEEPEST).all()):
            return None
        squares += float(error @ error)
        move = pull * error
        if how.l2:
            penalty += float(_squares_before(X, w, move, before, after).sum())
        if how.average:
            mean, mean_b = _averaged(how, X, w, b, move, after, t, mean, mean_b)
        w = after[-1] * (w - X.T @ (move / after))
        b = b - how.level_rate * float(move.sum()) if how.intercept else b
    loss = 0.5 * squares / len(order)
    objective = loss + 0.5 * how.l2 * penalty / len(order)
    return replace(
        at, weights=w, level=b, mean_weights=mean, mean_level=mean_b, step=at.step + len(order), objective=objective, loss=loss
    )


def _squares_before(X: Tensor, w: Tensor, move: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """|w|^2 as each row of a block meets it, (m,): w_i = before_i (w - sum_(j < i) c_j x_j)."""
    c = move / after
    products = X @ X.T
    crossed = (products * c[None, :]).tril(-1) @ torch.ones_like(c)  # x_i . sum_(j < i) c_j x_j
    steps = c * (2 * (crossed - X @ w) + c * products.diagonal())  # what each step adds to |w - sum|^2
    sums = torch.cat([torch.zeros(1, dtype=torch.float64), steps.cumsum(0)[:-1]])
    return before**2 * (w @ w + sums).clamp(min=0)


def _averaged(
    how: Stochastic, X: Tensor, w: Tensor, b: float, move: Tensor, after: Tensor, t: Tensor, mean: Tensor, mean_b: float
) -> tuple[Tensor, float]:
    """The running averages after a block: those before, and the weights after each of its steps, alike."""
    used = t >= how.average
    count = int(used.sum())
    if not count:
        return mean, mean_b
    seen = float(t[-1]) - how.average + 1  # weights averaged so far, these included
    tail = (after * used).flip(0).cumsum(0).flip(0)  # sum of after_i over used i >= j
    total = float((after * used).sum()) * w - X.T @ (move / after * tail)
    levels = b - how.level_rate * move.cumsum(0) if how.intercept else torch.full_like(move, b)
    kept = (seen - count) / seen
    return kept * mean + total / seen, kept * mean_b + float((levels * used).sum()) / seen


def _row_by_row(how: Stochastic, rows: Rows, order: Tensor, weights: Tensor, at: Progress, owed: Tensor) -> Progress:
    """The same for any loss and penalty: plain numbers and NumPy, since each step is but a few operations."""
    X, y, share = rows.X.numpy(), rows.y[:, 0].tolist(), weights.tolist()
    w, mean = at.weights.numpy().copy(), at.mean_weights.numpy().copy()
    b, mean_b, t = at.level, at.mean_level, at.step
    rates = how.rates(t + torch.arange(len(order), dtype=torch.float64), at.eta).tolist()
    due, taken = owed.numpy()
    passive = how.rate in ("pa1", "pa2")
    loss = penalty = 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # weights that are no numbers any more are found out after the epoch
        for i, rate, weight in zip(order.tolist(), rates, share, strict=True):
            x = X[i]
            error = float(x @ w) + b - y[i]
            value = how.value(error)
            loss += value
            if (how.l1 or how.l2) and not passive:
                penalty += 0.5 * how.l2 * float(w @ w) + (how.l1 * float(abs(w).sum()) if how.l1 else 0.0)
            if passive:
                size = float(x @ x)
                if how.rate == "pa1" and size == 0:
                    continue
                step = min(how.eta0, value / size) if how.rate == "pa1" else value / (size + 0.5 / how.eta0)
                move = math.copysign(step, -error) * weight
            else:
                move = -rate * min(max(how.slope(error), -_STEEPEST), _STEEPEST) * weight
            if how.l2:
                w *= max(0.0, 1 - rate * how.l2)
            if move:
                w += move * x
                if how.intercept:
                    b += how.level_rate * move
            if how.average and t >= how.average:
                seen = t - how.average + 1
                mean += (w - mean) / seen
                mean_b += (b - mean_b) / seen
            if how.l1:
                due += rate * how.l1
                old = w
                w = (old > 0) * (old - due - taken).clip(min=0) + (old < 0) * (old + due - taken).clip(max=0)
                taken += w - old
            t += 1
    n = len(order)
    return Progress(torch.from_numpy(w), b, torch.from_numpy(mean), mean_b, t, at.eta, (loss + penalty) / n, loss / n)
