"""Learner: goes over the rows for what a design has to learn, and remembers what it has found.

    center(x) = x - mean        scale(x) = (x - mean) / s, s^2 = sum (x - mean)^2 / (n - 1)        poly(x, d) = P(x) R^-1

Splines take quantiles for knots: how often each value comes is counted, each row once whatever it weighs, as in R.

P are Legendre polynomials on the range of x, and R'R = P'P over the training rows, so P R^-1 is orthonormal there: the QR
decomposition without Q, which adds up over batches. P is nearly orthogonal already, so squaring it costs few digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from bestline.data.design.bases.quantiles import Counted
from bestline.data.design.bases.splines import spline
from bestline.data.design.expressions import Call, State
from bestline.data.design.profiles import ArgumentSummary, CountValues, Gram, Learnt, Profile, Profiles, Summarise
from bestline.data.passes import Named
from bestline.data.progress import Progress
from bestline.data.tables import Source
from bestline.errors import FormulaError, MissingValuesError, listed, readable
from bestline.numerics import of_one_size
from bestline.wording import count

# Of a polynomial's own size that those of lower degree leave: less is none, for the rounding of its square is 1e-15.
_LEAST = 1e-7


def learn_state(call: Call, summary: ArgumentSummary, gram: Tensor | None) -> State:
    """The state of a stateful call from what the passes over its argument have found."""
    if call.kind == "center":
        return {"mean": summary.mean}
    if call.kind in ("scale", "standardize"):
        # Divisor n - 1, as R's scale() has it, not n as `standardize` in training and in patsy has it.
        deviation = math.sqrt(summary.squares / (summary.count - call.ddof)) if summary.count > 1 else 0.0
        if summary.low == summary.high or deviation == 0:  # about its mean a constant may leave rounding
            raise FormulaError(
                f"{readable(call.text)} cannot be computed: {readable(call.argument)} is constant in the training rows."
            )
        return {"mean": summary.mean, "deviation": deviation}
    assert gram is not None  # noqa: S101  the second pass has seen to it
    C, size = of_one_size(gram)
    factor, failed = torch.linalg.cholesky_ex(C)
    if failed or float(factor.diagonal().min()) < _LEAST:
        raise FormulaError(
            f"{readable(call.text)} needs more than {call.degree} different values of {readable(call.argument)}; use a lower degree."
        )
    # C = L L', so L^-1 P' / size has unit rows: its transpose turns P into columns that are orthonormal over the training rows.
    basis = torch.linalg.solve_triangular(factor, torch.eye(len(C), dtype=torch.float64), upper=False).T / size[:, None]
    return {"middle": summary.middle, "half": summary.half, "basis": basis.tolist()}


def knots_of(call: Call, counted: Counted) -> State:
    """The outer knots of a spline, the inner ones where they are not given, and the means of its columns where they are taken away."""
    wanted, text, x = call.spline, readable(call.text), readable(call.argument)
    assert wanted is not None  # noqa: S101  a spline
    if counted.count == 0:
        raise MissingValuesError(f"{text} has no training rows to learn from.")
    low, high = (own if own is not None else end for own, end in ((wanted.low, counted.low), (wanted.high, counted.high)))
    if not low < high:
        raise FormulaError(
            f"{text} cannot be computed: {x} is constant in the training rows, or all of it lies outside the bounds given."
        )
    # As in R and patsy, rows beyond the outer knots say nothing of the inner ones; for `cr` each value counts once.
    learnt = counted.between(low, high).quantiles(
        [(k + 1) / (wanted.inner + 1) for k in range(wanted.inner)], different=call.kind == "cr"
    )
    ends = [low, *(wanted.knots or learnt), high]
    if wanted.knots and not all(a < b for a, b in pairwise(ends)):
        raise FormulaError(
            f"{text}: its knots lie between the outer ones, {low:g} and {high:g}; give others, or leave them out for quantiles."
        )
    if not all(a < b for a, b in pairwise(ends)):
        raise FormulaError(
            f"{text} needs {count(wanted.inner, 'knot')} inside the range of {x}, and its quantiles there coincide: too many rows have the "
            f"same value. Use a lower df, or give knots=[...]."
        )
    state: State = {"low": low, "high": high, "knots": learnt}
    if wanted.centred:
        columns = spline(replace(wanted, centred=False), state)(counted.values)
        state["means"] = (columns * (counted.counts.double() / counted.count)[:, None]).sum(0).tolist()
    return state


def states_of(
    calls: Sequence[Call], ranges: Mapping[Call, ArgumentSummary], grams: Mapping[Call, Tensor] | None = None
) -> dict[str, State]:
    """The states of calls, by their text; raises MissingValuesError where there were no rows to learn from."""
    empty = [c.text for c in calls if ranges[c].count == 0]
    if empty:
        raise MissingValuesError(f"{listed(empty)} has no training rows to learn from.")
    return {c.text: learn_state(c, ranges[c], None if grams is None else grams.get(c)) for c in calls}


class Learner:
    """Goes over the source for what is not known yet, and remembers what it has found."""

    def __init__(self, source: Source, counted: Learnt, progress: Progress | None) -> None:
        self.source, self.counted, self.progress = source, counted, progress
        self.found = Profiles(Named({}), Named({}))

    def counting(self, counted: Learnt) -> Learner:
        """One that learns from other rows; what is known of these stays known."""
        return self if counted == self.counted else Learner(self.source, counted, self.progress)

    def lacks(self, texts: Sequence[str], numbers: Sequence[str], calls: Sequence[Call]) -> bool:
        """Whether rows must be read to know the levels of some columns, the means of others, and the states of calls."""
        known = self.found
        return bool(calls or {*texts}.difference(known.levels.parts) or {*numbers}.difference(known.means.parts))

    def profile(self, texts: Sequence[str] = (), numbers: Sequence[str] = ()) -> Profiles:
        """The levels of some columns and the means of others: one pass over those that are not known yet."""
        new = Profile(
            # What an earlier step has found is not read again: choosing features has profiled the texts already.
            tuple(n for n in dict.fromkeys(texts) if n not in self.found.levels.parts),
            tuple(n for n in dict.fromkeys(numbers) if n not in self.found.means.parts),
            self.counted,
        )
        if new.texts or new.numbers:
            self.found = self.found + self.source.reduce(new, progress=self.progress)
        return self.found

    def states(self, calls: tuple[Call, ...], means: Mapping[str, float] | None) -> dict[str, State]:
        """What stateful calls learn from the training rows, whose gaps are filled with `means` if these are given."""
        splines = tuple(c for c in calls if c.spline is not None)
        found: dict[str, State] = {}
        if splines:
            values = self.source.reduce(CountValues(splines, means, self.counted), progress=self.progress).parts
            found = {c.text: knots_of(c, values[c]) for c in splines}
        calls = tuple(c for c in calls if c.spline is None)
        if not calls:
            return found
        ranges = self.source.reduce(Summarise(calls, means, self.counted), progress=self.progress).parts
        # Polynomials need the range of their argument first, so they take a pass of their own.
        poly = tuple(c for c in calls if c.kind == "poly")
        grams: Mapping[Call, Tensor] = {}
        if poly:
            grams = self.source.reduce(Gram(poly, means, self.counted, ranges=ranges), progress=self.progress).parts
        return found | states_of(calls, ranges, grams)
