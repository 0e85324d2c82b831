"""Row loop: rows take turns, each the cause of a small step.

    w <- (1 - rate l2) w - rate loss'(x w + b, y) x      b <- b - rate loss'(x w + b, y)

This is stochastic gradient descent as Robbins & Monro (1951) meant it, with the rates, penalties, averages and stopping rules
that scikit-learn's SGDRegressor made familiar. An l1 penalty pulls weights towards zero and stops there, making up at a row's
turn for what the weight has been spared before (Tsuruoka, Tsujii & Ananiadou 2009).

For squared loss without an l1 penalty blocks of rows are done at once, with the same result: the errors g the rows would meet one
after the other obey (1 + L) g = X w + b - y, L strictly lower triangular, since each row only feels the steps before it. So 32
steps are one triangular system, whose matrix does not depend on the weights: many of them are made and solved together, and from
block to block two products are left. What rounding may do to that is bounded before it is done (`_growth`); where the bound is
too high, and for all other losses, rows are taken one after the other.
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
from bestline.numerics import Rows
from bestline.numerics.rows import fingerprint, mixed, odd_numbers

Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

LOSSES = ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive")
RATES = ("constant", "optimal", "invscaling", "adaptive", "pa1", "pa2")
_BLOCK = 32  # rows of one triangular system: fewer leave more to the loop over the blocks, more have longer products
_AT_ONCE = 2**20  # numbers of such systems that are made together: more leave the cache, with fewer torch is called too often
_MOST_GROWTH = 1e3  # of errors, by the steps of their block: beyond it digits would cancel
_NO_STEP = 1e-200  # stands for a step of 0, since there is a division by its root
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
    # A weight of 2.5 is three turns of 2.5 / 3: as many rows, as nearly as turns can be.
    turns = rows.w.ceil().clamp(max=_MOST_VISITS)
    index = torch.arange(n).repeat_interleave(turns.long())
    return index, (rows.w / turns.clamp(min=1))[index]


def shuffled(rows: Rows, seed: int) -> Iterator[Tensor]:
    """Orders of the rows (n,) for each epoch, drawn from the rows' own numbers and a seed.

    The order in which the rows were given does not matter, and equal rows come one after the other: so a row that is there twice
    is the same as one of weight 2.
    """
    generator = torch.Generator().manual_seed(seed)
    own = fingerprint(rows, odd_numbers(rows.X.shape[1] + rows.y.shape[1], generator))
    while True:
        salt = torch.randint(-(2**62), 2**62, (1,), generator=generator)
        yield mixed(own ^ salt).argsort(stable=True)


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
    # Mean losses of the parts, each weighed by its steps; rows that the blocks would not do safely go to the plain loop.
    objective = loss = 0.0
    room = _Workspace.of(len(order), rows.X.shape[1])
    many = _BLOCK * len(room.Z)
    for own, share in zip(order.split(many), weights.split(many), strict=True):
        at = _in_blocks(how, rows, own, share, at, room) or _row_by_row(how, rows, own, share, at, owed)
        objective, loss = objective + at.objective * len(own), loss + at.loss * len(own)
    return replace(at, objective=objective / len(order), loss=loss / len(order))


@dataclass(frozen=True, slots=True, eq=False)
class _Workspace:
    """Where the systems of many blocks are put, over and over: to be given new memory takes longer than to fill it.

    Attributes
    ----------
    Z : Tensor (blocks, m, p + 3)
    L : Tensor (blocks, m, m)
    solved : Tensor (blocks, m, p + 2 or m)
        Whichever is less.
    """

    Z: Tensor
    L: Tensor
    solved: Tensor

    @classmethod
    def of(cls, steps: int, p: int) -> _Workspace:
        """For as many steps, or for as many as are made together."""
        m = _BLOCK
        widths = (p + 3, m, min(m, p + 2))
        blocks = min(-(-steps // m), max(8, _AT_ONCE // (m * sum(widths))))
        return cls(*(torch.empty(blocks, m, width, dtype=torch.float64) for width in widths))

    def part(self, blocks: int) -> _Workspace:
        """That of the first blocks."""
        return _Workspace(self.Z[:blocks], self.L[:blocks], self.solved[:blocks])


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """Steps in blocks of m; the last block is filled up with steps that do nothing.

    Step j moves (w, b) by -pull_j error_j (x_j, level_rate), and what it adds to w has shrunk to before_i / after_j of it when row
    i meets it. In units felt = size error, size = sqrt(pull / (before after)), a row meets and moves w alike, by v = scale x:

        felt_i = v_i w + size_i (b - y_i) - sum over j < i of (v_i v_j + size_i level_j) felt_j
        w <- after (w - sum of felt_j v_j)      b <- b - sum of felt_j level_j

    Attributes
    ----------
    n : int
        How many steps there are.
    t : Tensor (blocks, m)
        Their numbers.
    before, after : Tensor (blocks, m)
        What is left of a block's first weights before and after each step.
    scale, size, level, target : Tensor (blocks, m)
        v / x, felt / error, what a step moves b by for each felt, and size y.
    """

    n: int
    t: Tensor
    before: Tensor
    after: Tensor
    scale: Tensor
    size: Tensor
    level: Tensor
    target: Tensor

    @classmethod
    def of(cls, how: OneByOne, rows: Rows, order: Tensor, weights: Tensor, at: Progress) -> _Blocks | None:
        """None where a step leaves less than half of the weights."""
        n, m = len(order), _BLOCK
        # What is left of the first weights: after_j = keep_1 ... keep_j of the block's steps, so one block must not shrink them to
        # nothing, or the division by it would lose all digits.
        t = at.step + torch.arange(-(-n // m) * m, dtype=torch.float64)
        rate = how.rates(t, at.eta)
        keep = 1 - rate * how.l2
        keep[n:] = 1
        if not float(keep.amin()) >= 0.5:
            return None
        pull, y = torch.full_like(t, _NO_STEP), torch.zeros_like(t)
        pull[:n] = (rate[:n] * weights).clamp(min=_NO_STEP)
        y[:n] = rows.y[:, 0].index_select(0, order)
        t, keep, pull, y = (values.view(-1, m) for values in (t, keep, pull, y))
        after = keep.cumprod(1)
        before = after / keep
        size = (pull / (before * after)).sqrt()
        level = pull / size * (how.level_rate if how.intercept else 0.0)
        return cls(n, t, before, after, (pull / keep).sqrt(), size, level, y * size)

    def fill(self, Z: Tensor, X: Tensor, order: Tensor) -> None:
        """Z = (level, v, size, -target): its last p + 2 columns times (w, b, 1) are felt, but for the steps before."""
        flat, n = Z.flatten(0, 1), self.n
        torch.index_select(X, 0, order, out=flat[:n, 1:-2])
        flat[n:, 1:-2] = 0
        flat[:, 1:-2] *= self.scale.view(-1, 1)
        Z[:, :, 0], Z[:, :, -2] = self.level, self.size
        torch.neg(self.target, out=Z[:, :, -1])


def _in_blocks(how: OneByOne, rows: Rows, order: Tensor, weights: Tensor, at: Progress, room: _Workspace) -> Progress | None:
    """Many blocks of rows: their equations together, and then from block to block a few products each.

    None where a step is so long that errors are cut, or digits are lost: see `_growth`.
    """
    it = _Blocks.of(how, rows, order, weights, at)
    if it is None:
        return None
    room = room.part(len(it.t))
    # L = V V' + size level' below its diagonal, which is all that a unit triangular solve reads. With few columns (1 + L)^-1 is
    # multiplied into what the rows meet; with many, it is kept itself, as the smaller of the two.
    it.fill(room.Z, rows.X, order)
    V, meets = room.Z[:, :, 1:-2], room.Z[:, :, 1:]
    torch.bmm(V, V.mT, out=room.L)
    squares = room.L.diagonal(dim1=1, dim2=2).clone()
    if not _growth(it, squares) <= _MOST_GROWTH:
        return None
    if how.intercept:
        room.L.addcmul_(it.size[:, :, None], it.level[:, None, :])
    right = meets if room.solved.shape[2] < _BLOCK else torch.eye(_BLOCK, dtype=torch.float64).expand_as(room.L)
    torch.linalg.solve_triangular(room.L, right, upper=False, unitriangular=True, out=room.solved)
    found = np.empty((len(it.t) + 1, room.Z.shape[2]))
    found[0, 0] = found[0, -2] = at.level
    found[0, 1:-2], found[:, -1] = at.weights.numpy(), 1
    fades = it.after[:, -1].tolist() if how.l2 else None
    felt = torch.from_numpy(_scan(room.Z.numpy(), room.solved.numpy(), fades, found))
    errors = (felt / it.size).flatten()[: it.n]
    if not float(errors.abs().amax()) < _STEEPEST:
        return None
    return _progress(how, it, V, squares, felt, errors, torch.from_numpy(found), at)


def _growth(it: _Blocks, squares: Tensor) -> float:
    """Most that errors can grow in a block, where v v' are `squares` (blocks, m).

    A step is (w, b / r) <- (keep w, b / r) - pull error (x, r), r^2 = level_rate: symmetric, so that it lengthens nothing unless
    pull |(x, r)|^2 > 1 + keep, which is to overshoot the row's own target by more than was missed.
    """
    # Such a step lengthens (w, b / r) by pull |(x, r)|^2 - keep at most, or not at all where that is below 1; the
    # block's steps multiply. Times rounding, this is what the errors of a block may be off.
    keep = it.after / it.before
    return float((keep * squares + it.size * it.level - keep).clamp(min=1).prod(1).amax())


def _scan(Z: Numbers, solved: Numbers, fades: list[float] | None, found: Numbers) -> Numbers:
    """What is felt (blocks, m), from block to block; `found` (blocks + 1, p + 3) receives (b, w, b, 1) as each leaves it.

    `solved` is (1 + L)^-1 times the last columns of Z where they are fewer than a block's rows, and (1 + L)^-1 itself otherwise.
    """
    felt, whole = np.empty(Z.shape[:2]), solved.shape[1] == solved.shape[2]
    begins, ends = found[:-1], found[1:]
    each = zip(solved, Z[:, :, 1:], Z[:, :, :-2], begins[:, 1:], begins[:, :-2], ends[:, :-2], ends, felt, strict=True)
    # Invariant: begins[i] is (b, w, b, 1) as block i finds it. The errors follow from it by one product, and what they move by
    # another; b stands twice so that both products are of one piece of memory.
    with np.errstate(over="ignore", invalid="ignore"):
        for i, (own, meets, moves, met, moved, left, end, out) in enumerate(each):
            own.dot(meets.dot(met) if whole else met, out)
            np.subtract(moved, out.dot(moves), left)
            if fades is not None:
                left[1:] *= fades[i]
            end[-2] = end[0]
    return felt


def _progress(
    how: OneByOne, it: _Blocks, V: Tensor, squares: Tensor, felt: Tensor, errors: Tensor, found: Tensor, at: Progress
) -> Progress:
    """What steps with these errors (n,) come to; `found` (blocks + 1, p + 3) is (b, w, b, 1) as each block finds it."""
    loss, penalty = 0.5 * float(errors.square().sum()) / it.n, 0.0
    mean, mean_b = at.mean_weights, at.mean_level
    if how.l2 or how.average:
        w, b, move = found[:-1, 1:-2], found[:-1, :1], felt * it.level
        after = b - move.cumsum(1)
        if how.l2:  # |w + m x|^2 = |w|^2 + 2 m x w + m^2 |x|^2: the lengths that the penalty wants, without the weights
            seen = felt - it.size * (after + move) + it.target  # v w
            lengths = _squares_before(it, w, felt * (felt * squares - 2 * seen)).flatten()
            penalty = 0.5 * how.l2 * float(lengths[: it.n].sum()) / it.n
        if how.average:
            mean, mean_b = _averaged(how, it, V, w, felt, after, at)
    last = found[-1]
    return Progress(last[1:-2].clone(), float(last[0]), mean, mean_b, at.step + it.n, at.eta, loss + penalty, loss)


def _squares_before(it: _Blocks, w: Tensor, steps: Tensor) -> Tensor:
    """|w|^2 as each row meets it, (blocks, m), from what the steps add to |w|^2 of weights that do not shrink."""
    return it.before**2 * ((w**2).sum(1, keepdim=True) + steps.cumsum(1) - steps).clamp(min=0)


def _averaged(
    how: OneByOne, it: _Blocks, V: Tensor, w: Tensor, felt: Tensor, levels: Tensor, at: Progress
) -> tuple[Tensor, float]:
    """The running averages after the blocks: those before, and the weights after each step that is used, alike."""
    used = it.t >= how.average
    used.view(-1)[it.n :] = False
    count = int(used.sum())
    if not count:
        return at.mean_weights, at.mean_level
    before = max(at.step - how.average, 0.0)  # weights averaged so far
    share = it.after * used
    tail = share.flip(1).cumsum(1).flip(1)  # sum of after_i over used i >= j of the block
    total = share.sum(1) @ w - V.flatten(0, 1).T @ (felt * tail).flatten()
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
            if how.l1:  # cumulative penalty: take what is due and not yet taken, but never push a weight across zero
                due += rate * how.l1
                old = w
                w = (old > 0) * (old - due - taken).clip(min=0) + (old < 0) * (old + due - taken).clip(max=0)
                taken += w - old
            t += 1
    n = len(order)
    return Progress(torch.from_numpy(w), b, torch.from_numpy(mean), mean_b, t, at.eta, (loss + penalty) / n, loss / n)
