"""Coefficients: estimates as dots with their intervals, and a line at zero: what is above it, what below, and what may be either.

The largest stand first. Where sizes differ a thousand times, one even scale would lay the small ones on zero: then the axis
grows by factors on either side of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bestline.errors import OptionError
from bestline.inference.classical import Coefficient
from bestline.pictures.axis_labels import called
from bestline.pictures.marks import Intervals, Panel, Picture, Vertical, numbers
from bestline.wording import count, level_of, said, shown, without

ORDERS = ("size", "formula")
_MOST = 40  # one below the other on a page
_FACTOR = 1e3  # from the smallest to the largest: on one even scale the smallest would be less than a pixel from zero
_MOST_DECADES = 12  # on either side of zero


def coefficients(
    table: Sequence[Coefficient],
    *,
    level: float = 0.95,
    target: str = "the target",
    order: str = "size",
    scales: Mapping[str, float] | None = None,
    why: str = "",
    cov: str = "",
) -> Picture:
    """Estimates as dots with their intervals, and a line at zero.

    Of more than 40, those are shown that lie farthest from zero for the width of their interval, or without intervals from zero.

    Parameters
    ----------
    table : sequence of Coefficient
    level : float
        Of the intervals.
    target : str
    order : {"size", "formula"}
        The largest first, or as they stand in the table.
    scales : mapping of term to float, optional
        Standard deviations of the columns: each estimate is then shown times that of its column, so that they can be compared.
    why : str
        Why there are no intervals, where there are none.
    cov : str
        What the standard errors of the intervals are called; nothing for classical ones.

    Raises
    ------
    OptionError
        For another order, a term without a scale, or no coefficient at all.
    """
    if order not in ORDERS:
        raise OptionError(f"`order` is 'size', the largest first, or 'formula'; got {order!r}.")
    if not table:
        raise OptionError("This line has no slopes; `intercept=True` draws its intercept.")
    rows = [_finite(c) for c in table] if scales is None else [_scaled(_finite(c), scales) for c in table]
    drawn = sorted(rows, key=_strength, reverse=True)[:_MOST]
    drawn = sorted(drawn, key=_size if order == "size" else rows.index, reverse=order == "size")
    short = called([c.term for c in rows])
    names = tuple(short[c.term] + ("" if math.isfinite(c.estimate) else " (no estimate)") for c in drawn)
    estimate, low, high = (numbers(getattr(c, name) for c in drawn) for name in ("estimate", "conf_low", "conf_high"))
    ranged = any(map(math.isfinite, low))
    interval = f"{level_of(level)} interval"
    within = _even_within(drawn)
    unit = "unit" if scales is None else "standard deviation"
    panel = Panel(
        "",
        f"change of {shown(target)} per {unit} of the column",
        "",
        (
            Vertical(0.0, "reference", "no effect"),
            Intervals(names, estimate, low, high, label=f"estimate and {interval}" if ranged else "estimate"),
        ),
        xlim=_reach((*estimate, *low, *high), within) if within else None,
        even_within=within,
    )
    # An interval that holds zero leaves the sign open.
    clear = sum(c.conf_low > 0 or c.conf_high < 0 for c in rows)
    alt = (
        _seen(len(rows), interval, clear)
        if ranged
        else f"{count(len(rows), 'coefficient')} without intervals; the largest is {said(drawn[0].estimate)}, of {names[0]}."
    )
    sized = "standardised coefficients" if scales is not None else "coefficients"
    title = f"{sized} with {interval}s" if ranged else sized
    errors = [f"Standard errors: {cov}."] if cov and ranged else []
    notes = errors + _notes(
        drawn, rows, order, within, scales, "" if ranged else why or "no residual degrees of freedom are left"
    )
    return Picture((panel,), title.capitalize(), " ".join(notes), alt)


def _notes(
    drawn: Sequence[Coefficient],
    rows: Sequence[Coefficient],
    order: str,
    within: float,
    scales: Mapping[str, float] | None,
    why: str,
) -> list[str]:
    """What must be known to read the picture right."""
    told = ["The largest first." if order == "size" else "In the order of the formula."] if len(drawn) > 1 else []
    if len(drawn) < len(rows):
        by = "the farthest from zero" + ("" if why else " for the width of their interval")
        told.append(f"{len(drawn)} of {len(rows)} shown: {by}.")
    if why:
        told.append(f"No intervals are drawn: {why}.")
    if scales is not None:
        told.append("Each weight is multiplied by the standard deviation of its column in the training rows.")
        if any("[" in c.term for c in drawn):
            told.append(
                "The column of a category's level is 1 in the rows of that level and 0 elsewhere, so its standard deviation is "
                "√(share × (1 − share))."
            )
    told.append(without([c.term for c in rows]))
    if within:
        told.append(f"The axis grows by factors of ten on either side of zero, and evenly within ±{said(within)}.")
    return [sentence for sentence in told if sentence]


def _seen(many: int, interval: str, clear: int) -> str:
    """What is seen of intervals, of which so many are clear of zero."""
    if many == 1:
        return f"1 coefficient with its {interval}, which {'does not contain' if clear else 'contains'} zero."
    return f"{many} coefficients with {interval}s; {clear} of the intervals do{'es' if clear == 1 else ''} not contain zero."


def _finite(c: Coefficient) -> Coefficient:
    """Without an estimate where training has left the numbers behind."""
    return c if math.isfinite(c.estimate) else replace(c, estimate=math.nan, conf_low=math.nan, conf_high=math.nan)


def _scaled(c: Coefficient, scales: Mapping[str, float]) -> Coefficient:
    if c.term not in scales:
        raise OptionError(
            f"The {'intercept' if c.term == 'Intercept' else f'weight {shown(c.term)}'} belongs to no column, so it has no standard "
            f"deviation; leave it out, or ask for the coefficients as they are."
        )
    s = scales[c.term]
    return replace(c, estimate=s * c.estimate, conf_low=s * c.conf_low, conf_high=s * c.conf_high)


def _size(c: Coefficient) -> float:
    return abs(c.estimate) if math.isfinite(c.estimate) else -1.0


def _strength(c: Coefficient) -> float:
    """The estimate over the width of its interval: as |t|, but for intervals of any kind."""
    width = c.conf_high - c.conf_low
    return abs(c.estimate) / width if width > 0 else _size(c)


def _even_within(drawn: Sequence[Coefficient]) -> float:
    """Up to where the axis is even, a power of ten below the smallest; 0 where one even scale shows them all."""
    # An interval counts with its farther end: an estimate of nothing whose interval is wide is seen well on an even scale.
    reach = [max(abs(v) for v in (c.estimate, c.conf_low, c.conf_high) if math.isfinite(v)) for c in drawn if _size(c) >= 0]
    sizes = [value for value in reach if value > 0]
    if not sizes or max(sizes) < _FACTOR * min(sizes):
        return 0.0
    least = max(min(sizes), max(sizes) / 10.0**_MOST_DECADES)
    return 10.0 ** math.floor(math.log10(least))


def _reach(values: Sequence[float], within: float) -> tuple[float, float]:
    """Limits of an axis of factors: twice as far as the farthest end on either side of zero."""
    finite = [v for v in values if math.isfinite(v)]
    low, high = min(finite), max(finite)
    return 2 * min(low, -within), 2 * max(high, within)
