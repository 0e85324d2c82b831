"""Sharpen: the exact solution where moments in float64 leave too few digits, and wherever it costs next to nothing.

The moments' own answer comes first, with its right digits estimated. When they are fewer than asked for, and the rows can be
read again, one more pass solves the problem exactly (`numerics.exact_solve`). A small table is always solved so: it takes
milliseconds. Of many targets each costs some 30 milliseconds, many times a plain solution, so then it is for columns whose own
digits are lacking, and not for the sake of a few weights that happen to be near zero. Columns that others say already are found on the way, and taken out; what they do not touch has its digits all the same.
"""

from __future__ import annotations

from dataclasses import replace

from bestline.data.exact_sums import SumExactly, affordable
from bestline.data.folds import ByPart, Together
from bestline.data.progress import Progress
from bestline.errors import NumericalError, listed
from bestline.inference.fitted import FEW_TARGETS, FittedLine
from bestline.numerics import MANY_TARGETS, Refined
from bestline.numerics.exact_solve import solved
from bestline.numerics.exact_sums import TooWideError

_SMALL = 200_000  # numbers in a table that is solved exactly whether or not its digits are in doubt
_FEW = 30  # weights, likewise: the elimination grows with their cube
_CLOSE = 1e-6  # size of what sets a column apart, over its own, below which the last digits of the data matter


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
    found = _solved(line, digits, progress)
    if found is None:
        return _of_first(line)
    if not line.plan.exact_least_squares:  # a descent stays where it was stopped; its standard errors are those of the solution
        trace = line.trace.above((found.rss / line.training.weight).sum())
        return replace(line, fit=replace(line.fit, trace=trace), refined=found)
    trace = line.trace.ended_at(found.weights, (found.rss / line.training.weight).sum())
    notes = _notes(line, found) if line.lacking(digits) else ()
    if line.lacking(digits, errors=True) and line.source is not None and line.source.afar:
        notes += (
            f"Sums in float64 leave fewer than the {digits} digits asked for, so all rows were read once more, a batch at a time.",
        )
    fit = replace(line.fit, weights=found.weights, trace=trace)
    return replace(line, fit=fit, refined=found, notes=(*line.notes, *notes))


def _solved(line: FittedLine, digits: int, progress: Progress | None) -> Refined | None:
    """The exact solution; None where that is not asked for, not possible or not worth it."""
    d, k, n = len(line.names), len(line.targets), line.training.count
    if line.inference is None or line.source is None or line.design.absorbed is not None or not affordable(n, d, k):
        return None
    if not line.plan.exact_least_squares and not bool((line.right_error_digits < digits).any()):
        return None
    small = n * (d + k) <= _SMALL and d <= _FEW and k <= FEW_TARGETS
    inference = line.inference
    doubtful = any(alias.on for alias in inference.aliased)  # moments may take columns for one that the rows tell apart
    if doubtful and k > MANY_TARGETS:  # to solve each of them exactly would take many seconds
        return None
    if not (small or (digits and doubtful) or line.lacking(digits, errors=True)):
        return None
    try:
        grouping = Together() if line.labels is None else ByPart(line.labels, 1, Together())
        sums = line.source.reduce(SumExactly(line.design, grouping), progress=progress)[0]
    except TooWideError:
        return None
    # Where moments cannot tell columns apart, those that only their rounding tells apart are not told apart.
    found = solved(sums.products, d, intercept=line.design.intercept, rounding=bool(inference.aliased))
    if found is None:
        return None
    if line.shares:
        found = found.shared(line.trained_scaling.scale[: line.design.p])
    # Exact for the columns as computed; what these have lost of the truth bounds the digits once more.
    return found.known_to(sums.lost)


def _of_first(line: FittedLine) -> FittedLine:
    """The line without the columns that others say already, where that is asked for; else itself."""
    inference = line.inference
    if line.shares or inference is None or not inference.aliased:
        return line
    trace = line.trace.ended_at(line.exact_weights, (inference.rss / line.training.weight).sum())
    return replace(line, fit=replace(line.fit, weights=line.exact_weights, trace=trace))


def _refuse_beyond(line: FittedLine) -> None:
    """Raise NumericalError where a weight is too large for float64, as for columns of numbers about 1e-310."""
    if bool(line.weights.isfinite().all()):
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
        f"data. {what} nearly collinear with the others, or far from zero for the spread: relative difference below "
        f"{float(found.closeness.nan_to_num(1.0).min()):.0e}. The digits claimed are right for the numbers as stored.",
    )
