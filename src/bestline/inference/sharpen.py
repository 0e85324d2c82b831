"""Sharpen: the exact solution where moments in float64 leave too few digits, and wherever it costs next to nothing.

The moments' own answer comes first, with its right digits estimated. When they are fewer than asked for, and the rows can be
read again, one more pass solves the problem exactly (`refine`). A small table is always solved so: it takes milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bestline.data.design.lost_digits import rows_doubled
from bestline.data.progress import Progress
from bestline.errors import NumericalError, listed
from bestline.inference.fitted import FittedLine
from bestline.numerics.exact_solve import Refined, refined
from bestline.numerics.rows import Features, Rows
from bestline.training.solvers.base import Reach

_SMALL = 200_000  # numbers in a table that is solved exactly whether or not its digits are in doubt
_FEW = 30  # weights, likewise: the elimination grows with their cube
_CLOSE = 1e-6  # size of what sets a column apart, over its own, below which the last digits of the data matter
_MOST = 1e11  # rows times the square of columns beyond which the sums would take more than ten minutes


def sharpened(line: FittedLine, digits: int, progress: Progress | None = None) -> FittedLine:
    """The model with the exact solution, or the model itself where that is not asked for, not possible or not worth it.

    A note says so when the solution rests on the last digits of the data: exact it is, but other data would move it far.

    Parameters
    ----------
    line : FittedLine
        Just fitted.
    digits : int
        Right digits asked for, of every weight and standard error.
    progress : callable, optional
        Hears (what, fraction) of another pass.

    Raises
    ------
    NumericalError
        When a least-squares weight is beyond the range of float64.
    """
    _refuse_beyond(line)
    d, k, n = len(line.names), len(line.targets), line.training.count
    plain = line.plan.solver.reach is Reach.SOLUTION and line.least_squares
    small = n * (d + k) <= _SMALL and d <= _FEW
    if not plain or line.source is None or n * (d + k) ** 2 > _MOST or not (small or _least(line) < digits):
        return line
    lost = _Lost.none(line.design.p + k)
    found = refined(_rows(line, progress, lost), line.design.p, k, intercept=line.design.intercept)
    inference = line.inference
    assert inference is not None  # noqa: S101  least squares has one
    if found is None or (inference.aliased and not bool(found.distinct)):
        return line  # columns that only their rounding tells apart are not told apart
    found = found.known_to(lost.length)
    trace = line.trace.ended_at(found.weights, (found.rss / line.training.weight).sum())
    notes = _notes(line, found) if _least_of(line.right_digits) < digits else ()
    fit = replace(line.fit, weights=found.weights, trace=trace)
    return replace(line, fit=fit, refined=found, notes=(*line.notes, *notes))


def _refuse_beyond(line: FittedLine) -> None:
    """Raise NumericalError where a least-squares weight is too large for float64, as for columns of numbers about 1e-310."""
    if line.plan.solver.reach is not Reach.SOLUTION or not line.plan.squared_line or bool(line.weights.isfinite().all()):
        return
    size = dict(zip(line.features, line.training.spread.tolist(), strict=False))
    names = [n for n, w in zip(line.names, line.weights, strict=True) if not bool(w.isfinite().all()) and n in size]
    names = [n for n in names if size[n] == min(size[m] for m in names)]
    raise NumericalError(
        f"The weight of {listed(names)} is beyond the range of float64, because its numbers are so small ({size[names[0]]:.0e}) beside "
        f"those of the target; give {'it' if len(names) == 1 else 'them'} in other units."
        if names
        else "A weight is beyond the range of float64; give the columns in other units."
    )


def _notes(line: FittedLine, found: Refined) -> tuple[str, ...]:
    close = [name for name, c in zip(line.features, found.closeness.tolist(), strict=True) if c < _CLOSE]
    if not close:
        return ()
    what = "This column is" if len(close) == 1 else "These columns are"
    return (
        f"The weight{'s' if len(close) > 1 else ''} of {listed(close)} rest{'s' if len(close) == 1 else ''} on the last digits of the "
        f"data. {what} nearly collinear with the others, or far from zero for the spread: no more than "
        f"{float(found.closeness.min()):.0e} of the numbers' size sets them apart. The digits claimed are right for the numbers as stored.",
    )


def _least(line: FittedLine) -> float:
    """Fewest digits that are certain of any number."""
    return min(_least_of(line.right_digits), _least_of(line.right_error_digits))


def _least_of(digits: Tensor) -> float:
    """The smallest that is a number; NaN stands for digits of what does not exist."""
    return float(digits.nan_to_num(math.inf).amin()) if digits.numel() else math.inf


@dataclass(slots=True, eq=False)
class _Lost:
    """Length of what is not known of every column of X and y, (p + k,): the root of a sum of squares over the rows."""

    length: Tensor

    @classmethod
    def none(cls, q: int) -> _Lost:
        return cls(torch.zeros(q, dtype=torch.float64))

    def take(self, error: Tensor, w: Tensor | None) -> None:
        """More rows' errors (n, q)."""
        error = (error if w is None else error * w[:, None].sqrt()).cpu()
        if len(error) == 0 or not bool(error.any()):
            return
        most = error.amax(0)
        unit = torch.where(most > 0, most, 1.0)  # squares of the errors themselves may be too small for float64
        self.length = torch.hypot(self.length, most * (error / unit).square().sum(0).sqrt())


def _rows(line: FittedLine, progress: Progress | None, lost: _Lost) -> Iterator[tuple[Rows, Features | None]]:
    """The training rows, and what float64 has left out of them; what is not known of them goes to `lost`."""
    assert line.source is not None  # noqa: S101  the caller has looked
    tell = None if progress is None else (lambda fraction: progress("reading the rows again, for more digits", fraction))
    for batch in line.source.batches(line.design.reads(), progress=tell):
        encoded, beyond = rows_doubled(line.design, batch)
        rows = encoded.rows
        if line.labels is not None:
            own = line.labels[batch.start : batch.start + batch.rows]
            own = (own if encoded.index is None else own[encoded.index.cpu()]).to(rows.X.device) == 0
            rows, beyond = rows[own], None if beyond is None else beyond[own]
        if beyond is not None:
            lost.take(beyond.error, rows.w)
        yield rows, None if beyond is None else beyond.below
