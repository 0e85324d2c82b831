"""Climb: the exact solution where moments in float64 leave too few digits, and wherever it costs next to nothing.

The moments' own answer comes first, with its right digits estimated. When they are fewer than asked for, and the rows can be
read again, one more pass solves the problem exactly (`refine`). A small table is always solved so: it takes milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from bestline.collect import Progress
from bestline.errors import listed
from bestline.model import Model
from bestline.refine import Refined, refined
from bestline.rows import Features, Rows
from bestline.solvers.exact import Exact

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_SMALL = 200_000  # numbers in a table that is solved exactly whether or not its digits are in doubt
_FEW = 30  # weights, likewise: the elimination grows with their cube
_CLOSE = 1e-6  # size of what sets a column apart, over its own, below which the last digits of the data matter
_MOST = 1e11  # rows times the square of columns beyond which the sums would take more than ten minutes


def climbed(model: Model, digits: int, progress: Progress | None = None) -> Model:
    """The model with the exact solution, or the model itself where that is not asked for, not possible or not worth it.

    A note says so when the solution rests on the last digits of the data: exact it is, but other data would move it far.

    Parameters
    ----------
    model : Model
        Just fitted.
    digits : int
        Right digits asked for, of every weight and standard error.
    progress : callable, optional
        Hears (what, fraction) of another pass.
    """
    d, k, n = len(model.names), len(model.targets), model.training.count
    plain = isinstance(model.plan.solver, Exact) and model.plan.squared_line and not model.plan.l1 and not model.plan.l2
    small = n * (d + k) <= _SMALL and d <= _FEW
    if not plain or model.source is None or n * (d + k) ** 2 > _MOST or not (small or _least(model) < digits):
        return model
    found = refined(_rows(model, progress), model.design.p, k, intercept=model.design.intercept)
    inference = model.inference
    assert inference is not None  # noqa: S101  least squares has one
    if found is None or (inference.aliased and not bool(found.distinct)):
        return model  # columns that only their rounding tells apart are not told apart
    trace = replace(model.trace, weights=model.trace.weights.clone(), loss=model.trace.loss.clone())
    trace.weights[-1], trace.loss[-1] = found.weights, (found.rss / model.training.weight).sum()
    fit = None if model.fit is None else replace(model.fit, weights=found.weights, trace=trace)
    notes = _notes(model, found) if _least_of(model.digits) < digits else ()
    return replace(model, weights=found.weights, trace=trace, fit=fit, refined=found, notes=(*model.notes, *notes))


def _notes(model: Model, found: Refined) -> tuple[str, ...]:
    close = [name for name, c in zip(model.features, found.closeness.tolist(), strict=True) if c < _CLOSE]
    if not close:
        return ()
    what = "This column is" if len(close) == 1 else "These columns are"
    return (
        f"The weight{'s' if len(close) > 1 else ''} of {listed(close)} rest{'s' if len(close) == 1 else ''} on the last digits of the "
        f"data. {what} nearly collinear with the others, or far from zero for the spread: no more than "
        f"{float(found.closeness.min()):.0e} of the numbers' size sets them apart. All digits shown are right for the numbers as stored.",
    )


def _least(model: Model) -> float:
    """Fewest digits that are certain of any number."""
    return min(_least_of(model.digits), _least_of(model.std_error_digits))


def _least_of(digits: Series | DataFrame) -> float:
    """The smallest that is a number; NaN stands for digits of what does not exist."""
    return min((v for v in digits.to_numpy().ravel().tolist() if not math.isnan(v)), default=math.inf)


def _rows(model: Model, progress: Progress | None) -> Iterator[tuple[Rows, Features | None]]:
    """The training rows, and what float64 has left out of them."""
    assert model.source is not None  # noqa: S101  the caller has looked
    tell = None if progress is None else (lambda fraction: progress("reading the rows again, for more digits", fraction))
    for batch in model.source.batches(model.design.reads(), progress=tell):
        encoded, below = model.design.rows_doubled(batch)
        if model.labels is None:
            yield encoded.rows, below
            continue
        own = model.labels[batch.start : batch.start + batch.rows]
        own = (own if encoded.index is None else own[encoded.index.cpu()]).to(encoded.rows.X.device) == 0
        yield encoded.rows[own], None if below is None else below[own]
