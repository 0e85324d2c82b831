"""Learner: goes over the rows for what a design has to learn, and remembers what it has found.

    center(x) = x - mean        scale(x) = (x - mean) / s, s^2 = sum (x - mean)^2 / (n - 1)        poly(x, d) = P(x) R^-1

P are Legendre polynomials on the range of x, and R'R = P'P over the training rows, so P R^-1 is orthonormal there: the QR
decomposition without Q, which adds up over batches. P is nearly orthogonal already, so squaring it costs few digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from bestline.data.design.expressions import Call, State
from bestline.data.design.profiles import ArgumentSummary, Gram, Learnt, Profile, Profiles, Summarise
from bestline.data.passes import Named
from bestline.data.progress import Progress
from bestline.data.tables import Source
from bestline.errors import FormulaError, MissingValuesError, listed, readable
from bestline.numerics import of_one_size

# Of a polynomial's own size that those of lower degree leave: less is none, for the rounding of its square is 1e-15.
_LEAST = 1e-7


def learn_state(call: Call, summary: ArgumentSummary, gram: Tensor | None) -> State:
    """The state of a stateful call from what the passes over its argument have found."""
    if call.kind == "center":
        return {"mean": summary.mean}
    if call.kind == "scale":
        # Divisor n - 1, as R's scale() has it, not n as `standardize` in training has it.
        deviation = math.sqrt(summary.squares / (summary.count - 1)) if summary.count > 1 else 0.0
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
        if not calls:
            return {}
        ranges = self.source.reduce(Summarise(calls, means, self.counted), progress=self.progress).parts
        # Polynomials need the range of their argument first, so they take a pass of their own.
        poly = tuple(c for c in calls if c.kind == "poly")
        grams: Mapping[Call, Tensor] = {}
        if poly:
            grams = self.source.reduce(Gram(poly, means, self.counted, ranges=ranges), progress=self.progress).parts
        return states_of(calls, ranges, grams)
