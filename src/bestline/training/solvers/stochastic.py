"""Stochastic: one row at a time, and its step is taken before the next row is looked at.

    r <- x w + b - y      w <- w - lr (2 r x + l1 sign(w) + 2 l2 w)      b <- b - 2 lr r

Each step is cheap and rough. With a constant rate the weights never come to rest: they end up wandering about the solution, and
their mean finds it (Polyak & Juditsky 1992; Bach & Moulines 2013). An epoch, all rows in a new order, is one step of the trace.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import count
from typing import Any, ClassVar

import torch
from torch import Tensor

from bestline.calls import is_number, no_such, with_hints
from bestline.errors import OptionError
from bestline.numerics import Bowl, Rows, Weights
from bestline.training.objective import Objective, Slices
from bestline.training.solvers.base import Equals, Reads, Rule, Solver, Step
from bestline.training.solvers.rate_limits import curvatures, stable
from bestline.training.solvers.row_loop import OneByOne, Progress, epoch, visits

RATES = ("constant", "invscaling")
_TURNS = 65_536  # rows of an epoch, after which it is looked whether there is any hope
_LOST = 1e20  # mean squared error as trained from which there is no way back: the epoch is not finished


@with_hints
@dataclass(frozen=True, slots=True)
class Stochastic(Solver):
    """Train on squared loss of a line one row at a time, by the engine of `SGDRegressor`.

    A row of weight 3 takes its turn three times in an epoch, so a weight is worth as many rows; weights that are no whole
    numbers are shared by their row's turns, 16 at the most. A row's turn counts the penalties in full: with `l1` a weight stops
    at zero, and stays there if the weights are not averaged (Tsuruoka, Tsujii & Ananiadou 2009).

    Attributes
    ----------
    lr : float or "auto"
        Learning rate, for the columns as trained. "auto" is 1 / (4 R), R = |x|^2 + 1 of the longest row: a quarter of the rate
        at which that row overshoots its own target.
    steps : int
        Number of epochs; each is one step of the trace.
    rate : {"constant", "invscaling"}
        The rate of the row taken t-th, from 1 on: `lr`, or lr / t^power.
    power : float
        Not negative.
    average : bool
        Give the mean of the weights after each row: in the first epoch the mean of that epoch, which finds the way, and from
        then on the mean of all epochs but the first. Otherwise the weights as the last row left them.
    patience : int, optional
        Stop when the held-out loss has not improved for this many epochs, and keep the best weights.
    tol : float, optional
        Stop when the violation of optimality, free of units, is at most this; by default never.
    """

    name: ClassVar[str] = "stochastic"
    settings: ClassVar[tuple[str, ...]] = ("lr", "steps", "rate", "power", "average", "patience", "tol")
    equals: ClassVar[Equals] = Equals.NEAREST
    rated: ClassVar[bool] = True
    kept_as: ClassVar[str | None] = "stochastic"
    unwritten: ClassVar[str] = (
        "Scripts do not write out `Stochastic`; fit with Descent('sgd', batch_size=1), whose loop they do."
    )
    unruled: ClassVar[str] = (
        "A step is an epoch here: as many updates as there are rows, each by the gradient of one row. To follow them by hand, take "
        "one row at a time with Descent('sgd', batch_size=1)."
    )
    refusal: ClassVar[str] = (  # of other losses and forward functions
        "Stochastic() trains on squared loss of a line only; for other losses and forwards take one row at a time with "
        "Descent('sgd', batch_size=1)."
    )
    lr: float | str = "auto"
    steps: int = 20
    rate: str = "constant"
    power: float = 0.25
    average: bool = True
    patience: int | None = None
    tol: float | None = None

    def __post_init__(self) -> None:
        if self.lr != "auto" and not (is_number(self.lr) and 0 < float(self.lr) < math.inf):
            raise OptionError(f"`lr` must be a positive number or 'auto'; got {self.lr!r}.")
        for name, least in (("steps", 0), ("patience", 1)):
            value = getattr(self, name)
            if (name, value) != ("patience", None) and (type(value) is not int or value < least):
                raise OptionError(f"`{name}` must be a whole number of at least {least}; got {value!r}.")
        if self.rate not in RATES:
            raise no_such("rate", self.rate, RATES)
        if type(self.average) is not bool:
            raise OptionError(f"`average` must be True or False; got {self.average!r}.")
        for name in ("power", "tol"):
            value = getattr(self, name)
            if (name, value) != ("tol", None) and not (is_number(value) and 0 <= value < math.inf):
                raise OptionError(f"`{name}` must be a finite number and not negative; got {value!r}.")

    @property
    def reads(self) -> Reads:
        """One row at a time."""
        return Reads.SINGLE_ROWS

    def facts(self) -> dict[str, Any]:
        """All settings are plain values."""
        return asdict(self)

    @property
    def rule(self) -> Rule:
        """All the epochs, or fewer with `tol` or `patience`."""
        return Rule(self.steps, -1.0 if self.tol is None else self.tol, self.patience)

    def rate_limit(self, objective: Objective, start: Weights) -> float | None:
        """Largest stable rate with the whole data in each step; row by row the true limit is lower."""
        largest = float(curvatures(objective, start)[-1]) if len(start) else 0.0
        return stable(largest) if largest > 0 else None

    def run(self, objective: Objective, start: Weights, *, seed: int = 0) -> Iterator[Step]:
        """The start, and the weights after every epoch, without end."""
        slices = objective.slices
        if not isinstance(objective.smooth, Bowl):
            raise OptionError(self.refusal)
        if slices is None:
            raise OptionError("Training row by row needs the rows; these are moments only. Use solver='sgd'.")
        how = self._method(objective, slices, seed, intercept=len(start) > slices.columns)
        # Each target is trained by itself; all of them see the rows in the same order.
        states = [Progress.start(w[:-1], float(w[-1]), eta=how.eta0) if how.intercept else Progress.start(w, 0.0, eta=how.eta0)
                  for w in start.T]  # fmt: skip
        # What the l1 penalty might have taken of every weight and what it has taken, from epoch to epoch.
        owed = torch.zeros(start.shape[1], 2, len(states[0].weights), dtype=torch.float64)
        generator, passes, weights = torch.Generator().manual_seed(seed), slices.passes(seed), start
        for index in count():
            rate = float(how.rates(torch.tensor([states[0].step], dtype=torch.float64), how.eta0)[0]) / 2
            here = Step.at(objective, index, weights, rate)
            yield here
            if self.average and index <= 1:  # the mean begins, and begins again after the first epoch
                how = replace(how, average=int(states[0].step))
                states = [replace(s, mean_weights=torch.zeros_like(s.weights), mean_level=0.0) for s in states]
            for rows, order, share in _turns(next(passes), generator):
                states = [
                    epoch(how, Rows(rows.X, rows.y[:, j : j + 1]), order, share, state, owed[j])
                    for j, state in enumerate(states)
                ]
                if not all(state.loss < _LOST for state in states):
                    # What was lost stays lost: the epoch is told as one whose loss is infinite, and the loop says "diverged".
                    yield replace(here, index=index + 1, losses=here.losses * math.inf, violation=math.inf)
                    return
            weights = torch.stack([_weights(state, how) for state in states], 1)

    def _method(self, objective: Objective, slices: Slices, seed: int, *, intercept: bool) -> OneByOne:
        """The engine's settings. Its loss is r^2 / 2: half of ours, so at twice the rate, with l1 / 2 and l2 as they are."""
        terms = objective.penalty.terms
        if terms is None:
            raise OptionError("Stochastic() knows the penalties l1 and l2 only; use solver='proximal' for others.")
        penalised = terms.l1 > 0 or terms.l2 > 0
        if penalised and bool((terms.factors[: slices.columns] != 1).any()):
            raise OptionError(
                "Stochastic() penalises every slope alike; with penalty factors use Descent('sgd', batch_size=1), or solver='proximal'."
            )
        # A turn counts its row by the turn's weight, and the penalty in full. So that both weigh as in the objective, whose loss is
        # a mean, the penalty is multiplied by the mean weight of a turn.
        lr, share = self.lr, 1.0
        if self.lr == "auto" or penalised:
            steepest, share = _look(next(slices.passes(seed)))
            if self.lr == "auto":
                lr = 1 / (4 * steepest) if steepest > 0 else 0.1
        return OneByOne(
            l1=terms.l1 / 2 * share,
            l2=terms.l2 * share,
            intercept=intercept,
            rate=self.rate,
            eta0=2 * float(lr),
            power=self.power,
        )


def _turns(pieces: Iterator[Rows], generator: torch.Generator) -> Iterator[tuple[Rows, Tensor, Tensor]]:
    """Some rows, which of them takes each turn, and its weight, in an order drawn; some turns at a time, until an epoch is over."""
    for rows in pieces:
        index, share = visits(rows)
        order = torch.randperm(len(index), generator=generator)
        if rows.w is not None:
            order, share = index[order], share[order]
        for own, weight in zip(order.split(_TURNS), share.split(_TURNS), strict=True):
            yield rows, own, weight


def _look(pieces: Iterator[Rows]) -> tuple[float, float]:
    """Largest weight of a turn times |x|^2 + 1, and mean weight of a turn."""
    steepest, weight, turns = 0.0, 0.0, 0
    for rows in pieces:
        index, share = visits(rows)
        if len(index):
            size = rows.X.square().sum(1) + 1
            steepest = max(steepest, float((size if rows.w is None else share * size[index]).max()))
        weight, turns = weight + float(share.sum()), turns + len(index)
    return steepest, weight / max(turns, 1)


def _weights(state: Progress, how: OneByOne) -> Tensor:
    """Weights (d,), the intercept last."""
    slopes, level = (state.mean_weights, state.mean_level) if how.average else (state.weights, state.level)
    return torch.cat([slopes, slopes.new_tensor([level])]) if how.intercept else slopes
