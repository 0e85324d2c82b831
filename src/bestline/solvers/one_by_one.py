"""One by one: rows take turns, each the cause of a small step.

    w <- (1 - rate l2) w - rate loss'(x w + b, y) x      b <- b - rate loss'(x w + b, y)

This is stochastic gradient descent as Robbins & Monro (1951) meant it, with the rates, penalties, averages and stopping rules
that scikit-learn's SGDRegressor made familiar. An l1 penalty pulls weights towards zero and stops there, making up at a row's
turn for what the weight has been spared before (Tsuruoka, Tsujii & Ananiadou 2009).

For squared loss without an l1 penalty blocks of rows are done at once, with the same result: the errors g the rows would meet one
after the other obey (1 + L) g = X w + b - y, L lower triangular, since each row only feels the steps before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from bestline.errors import OptionError
from bestline.rows import Rows

Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

LOSSES = ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive")
RATES = ("constant", "optimal", "invscaling", "adaptive", "pa1", "pa2")
_BLOCK = 32  # rows of one triangular system: fewer leave more to the loop over the blocks, more have longer products
_AT_ONCE = 2**18  # numbers of such systems that are made together: as many as a processor's cache holds
_MOST_GROWTH = 1e3  # of what rows meet, by the steps of their block: beyond it digits would cancel
_STEEPEST = 1e12  # loss' is cut here, so that one wild row leaves finite weights
_MOST_VISITS = 16  # of a row in an epoch, however heavy it is
_LEAST_RATE = 1e-6  # below this the adaptive rate is not divided any more


@dataclass(frozen=True, slots=True)
class OneByOne:
    """How to train one row at a time, in scikit-learn's scale.

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


def epoch(how: OneByOne, rows: Rows, order: Tensor, weights: Tensor, at: Progress, owed: Tensor) -> Progress:
    """One pass over the rows, or over some of them.

    Parameters
    ----------
    how : OneByOne
    rows : Rows
        X (n, p) float64, y (n, 1).
    order, weights : Tensor (m,)
        Which row takes each step, and its weight.
    at : Progress
    owed : Tensor (2, p)
        What an l1 penalty might have taken of every weight, and what it has taken: kept from epoch to epoch, changed here.
    """
    if how.loss != "squared_error" or how.l1 or how.rate in ("pa1", "pa2") or len(order) <= _BLOCK:
        return _row_by_row(how, rows, order, weights, at, owed)
    objective = loss = 0.0
    many = _BLOCK * max(8, _AT_ONCE // (_BLOCK * (rows.X.shape[1] + _BLOCK)))
    for own, share in zip(order.split(many), weights.split(many), strict=True):
        at = _in_blocks(how, rows, own, share, at) or _row_by_row(how, rows, own, share, at, owed)
        objective, loss = objective + at.objective * len(own), loss + at.loss * len(own)
    return replace(at, objective=objective / len(order), loss=loss / len(order))


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """Rows in blocks of m steps; the last block is filled up with rows that do nothing.

    Attributes
    ----------
    Z : Tensor (blocks, m, p + 2)
        x, 1 and -y of each row: times (w, b, 1) its error.
    real : Tensor (blocks, m)
        Whether a row is there.
    t, pull, keep : Tensor (blocks, m)
        Number of each step, its rate times the row's weight, and what it leaves of the weights before its own move.
    before, after : Tensor (blocks, m)
        What is left of a block's first weights before and after each step.
    """

    Z: Tensor
    real: Tensor
    t: Tensor
    pull: Tensor
    keep: Tensor
    before: Tensor
    after: Tensor

    @classmethod
    def of(cls, how: OneByOne, rows: Rows, order: Tensor, weights: Tensor, at: Progress) -> _Blocks:
        n, p, m = len(order), rows.X.shape[1], _BLOCK
        blocks = -(-n // m)
        t = at.step + torch.arange(blocks * m, dtype=torch.float64)
        rate, pull = how.rates(t, at.eta), torch.zeros_like(t)
        pull[:n] = rate[:n] * weights
        keep = (1 - rate * how.l2).clamp(min=0)
        keep[n:] = 1
        Z = pull.new_zeros(blocks * m, p + 2)
        torch.index_select(rows.X, 0, order, out=Z[:n, :p])
        Z[:n, p], Z[:n, p + 1] = 1, -rows.y[order, 0]
        t, pull, keep = (values.view(blocks, m) for values in (t, pull, keep))
        after = keep.cumprod(1)
        real = (torch.arange(blocks * m) < n).view(blocks, m)
        return cls(Z.view(blocks, m, p + 2), real, t, pull, keep, after / keep, after)

    @property
    def features(self) -> Tensor:
        """X, (blocks, m, p)."""
        return self.Z[:, :, :-2]


def _in_blocks(how: OneByOne, rows: Rows, order: Tensor, weights: Tensor, at: Progress) -> Progress | None:
    """Many blocks of rows: their equations together, and then from block to block two products each.

    With u = (w, b, 1) as a block finds it, the errors are E u, E = (1 + L)^-1 U, and u <- fade (u - errors R). L is U R' below its
    diagonal, since row i only feels the steps before it. None where a step is so long that errors are cut, or digits are lost.
    """
    it = _Blocks.of(how, rows, order, weights, at)
    if float(it.keep.amin()) < 0.5:
        return None
    # The step of row j reaches row i > j shrunk by before_i / after_j.
    meets, moves = it.Z, it.Z * (it.pull / it.after)[:, :, None]
    moves[:, :, -2] = how.level_rate * it.pull if how.intercept else 0.0
    moves[:, :, -1] = 0
    if how.l2:
        meets = meets.clone()
        meets[:, :, :-2] *= it.before[:, :, None]
    felt = torch.linalg.solve_triangular(meets @ moves.mT, meets, upper=False, unitriangular=True)
    given, grown = (values.abs().amax((0, 1)) for values in (meets, felt))
    if not bool((grown <= _MOST_GROWTH * given).all()):
        return None
    found = np.empty((len(it.Z) + 1, it.Z.shape[2]))
    found[0] = np.concatenate([at.weights.numpy(), [at.level, 1.0]])
    fades = it.after[:, -1].tolist() if how.l2 else None
    error = torch.from_numpy(_scan(felt.numpy(), moves.numpy(), fades, found))
    if not bool((error.abs() < _STEEPEST).all()):
        return None
    return _progress(how, it, error, torch.from_numpy(found), at)


def _progress(how: OneByOne, it: _Blocks, error: Tensor, found: Tensor, at: Progress) -> Progress:
    """What steps with these errors (blocks, m) come to, `found` (blocks + 1, p + 2) being (w, b, 1) at each block's begin."""
    p, n = it.Z.shape[2] - 2, int(it.real.sum())
    w, b = found[:-1, :p], found[:-1, p, None]
    move = it.pull * error
    level = how.level_rate * move if how.intercept else torch.zeros_like(move)
    levels = b - level.cumsum(1)  # after each step
    loss, penalty = 0.5 * float((error[it.real] ** 2).sum()) / n, 0.0
    if how.l2:
        squares = _squares_before(it, w, error - (levels + level) - it.Z[:, :, -1], move)
        penalty = 0.5 * how.l2 * float(squares[it.real].sum()) / n
    mean, mean_b = at.mean_weights, at.mean_level
    if how.average:
        mean, mean_b = _averaged(how, it, w, move, levels, at)
    last = found[-1]
    return Progress(last[:p].clone(), float(last[p]), mean, mean_b, at.step + n, at.eta, loss + penalty, loss)


def _scan(felt: Numbers, moves: Numbers, fades: list[float] | None, found: Numbers) -> Numbers:
    """Errors (blocks, m) from block to block; `found` (blocks + 1, p + 2) receives what each leaves to the next."""
    errors = np.empty(felt.shape[:2])
    with np.errstate(over="ignore", invalid="ignore"):
        for i in range(len(felt)):
            np.matmul(felt[i], found[i], out=errors[i])
            np.subtract(found[i], errors[i] @ moves[i], out=found[i + 1])
            if fades is not None:
                found[i + 1, :-2] *= fades[i]
    return errors


def _squares_before(it: _Blocks, w: Tensor, seen: Tensor, move: Tensor) -> Tensor:
    """|w|^2 as each row meets it, (blocks, m): a step adds move^2 |x|^2 - 2 keep move x.w, x.w being `seen`, to what is kept."""
    steps = (move**2 * (it.features**2).sum(2) - 2 * it.keep * move * seen) / it.after**2
    gained = torch.cat([torch.zeros_like(steps[:, :1]), steps.cumsum(1)[:, :-1]], 1)
    return it.before**2 * ((w**2).sum(1, keepdim=True) + gained).clamp(min=0)


def _averaged(how: OneByOne, it: _Blocks, w: Tensor, move: Tensor, levels: Tensor, at: Progress) -> tuple[Tensor, float]:
    """The running averages after the blocks: those before, and the weights after each step that is used, alike."""
    used = (it.t >= how.average) & it.real
    count = int(used.sum())
    if not count:
        return at.mean_weights, at.mean_level
    before = max(at.step - how.average, 0.0)  # weights averaged so far
    share = it.after * used
    tail = share.flip(1).cumsum(1).flip(1)  # sum of after_i over used i >= j of the block
    total = share.sum(1) @ w - it.features.flatten(0, 1).T @ (move / it.after * tail).flatten()
    kept, seen = before / (before + count), before + count
    return kept * at.mean_weights + total / seen, kept * at.mean_level + float((levels * used).sum()) / seen


def _row_by_row(how: OneByOne, rows: Rows, order: Tensor, weights: Tensor, at: Progress, owed: Tensor) -> Progress:
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
