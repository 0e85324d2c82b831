"""Coefficients: estimates as dots with their intervals, and a line at zero: what is above it, what below, and what may be either.

The largest stand first. Where sizes differ a thousand times, one even scale would lay the small ones on zero: then the axis
grows by factors on either side of it. Of several models each has its own dot and interval at a name, one below the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bestline.errors import OptionError
from bestline.inference.classical import Coefficient
from bestline.pictures.axis_labels import called
from bestline.pictures.marks import RUNS, Intervals, Panel, Picture, Vertical, numbers, run_role
from bestline.wording import apart, count, errors_told, level_of, said, shown, without

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
        What the standard errors of the intervals are called.

    Raises
    ------
    OptionError
        For another order, a term without a scale, or no coefficient at all.
    """
    _check(order, table)
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
    errors = errors_told(cov) if ranged else ""
    notes = _notes(drawn, rows, order, within, scales, "" if ranged else why or "no residual degrees of freedom are left")
    return Picture((panel,), title.capitalize(), " ".join(filter(None, [errors, *notes])), alt)


@dataclass(frozen=True, slots=True)
class Estimates:
    """What one of several models says of its weights.

    Attributes
    ----------
    table : sequence of Coefficient
    target : str
    errors : str
        What the standard errors of the intervals are called; "none" where there are none.
    scales : mapping of term to float, optional
        As in `coefficients`.
    """

    table: Sequence[Coefficient]
    target: str
    errors: str
    scales: Mapping[str, float] | None = None


def coefficients_beside(models: Mapping[str, Estimates], *, level: float = 0.95, order: str = "size") -> Picture:
    """The estimates of several models at each name, one below the other; the legend says whose they are, by which standard errors.

    Of more than 40 names, those are shown that lie farthest from zero in any model, as in `coefficients`.

    Parameters
    ----------
    models : mapping of label to Estimates
        Seven at most, which can be told apart.
    level, order
        As in `coefficients`; the order of a formula is that in which the models have their terms.

    Raises
    ------
    OptionError
        For more models, another order, a term without a scale, or no coefficient at all.
    """
    _check(order, [c for model in models.values() for c in model.table])
    if len(models) > RUNS:
        raise OptionError(f"{len(models)} models cannot be told apart in one picture; draw {RUNS} at the most.")
    scaled = next(iter(models.values())).scales is not None
    rows = {
        label: {c.term: _finite(c) if m.scales is None else _scaled(_finite(c), m.scales) for c in m.table}
        for label, m in models.items()
    }
    # The intercept last, as everywhere: a model without a term does not put those of the next behind it.
    terms = sorted(dict.fromkeys(term for own in rows.values() for term in own), key=lambda term: term == "Intercept")
    own = {term: [model[term] for model in rows.values() if term in model] for term in terms}
    drawn = sorted(terms, key=lambda term: max(map(_strength, own[term])), reverse=True)[:_MOST]
    largest = {term: max(map(_size, own[term])) for term in terms}
    drawn = sorted(drawn, key=(lambda term: -largest[term]) if order == "size" else terms.index)
    short = called(terms)
    within = _even_within([c for term in drawn for c in own[term]])
    short_labels = dict(zip(models, apart(list(models)), strict=True))
    marks = [
        _beside(rows[name], drawn, short, short_labels[name], model.errors, i, len(models))
        for i, (name, model) in enumerate(models.items())
    ]
    ends = [0.0, *(value for mark in marks for column in (mark.estimate, mark.low, mark.high) for value in column)]
    targets = list(dict.fromkeys(model.target for model in models.values()))
    of = shown(targets[0]) if len(targets) == 1 else "each model's target"
    panel = Panel(
        "",
        f"change of {of} per {'standard deviation' if scaled else 'unit'} of the column",
        "",
        (Vertical(0.0, "reference", "no effect"), *marks),
        xlim=_reach(ends, within) if within else None,
        even_within=within,
    )
    ranged = any(math.isfinite(v) for mark in marks for v in mark.low)
    interval = f"{level_of(level)} interval"
    several = f"{count(len(models), 'model')}"
    told = [f"Dots are estimates{f', lines their {interval}s' if ranged else ''}; a model without a dot has no such term."]
    if len(targets) > 1:
        told.append(f"The targets differ: {', '.join(map(shown, targets))}.")
    notes = _notes(
        [own[term][0] for term in drawn],
        [own[term][0] for term in terms],
        order,
        within,
        {} if scaled else None,
        "",
    )
    what = "standardised coefficients" if scaled else "coefficients"
    title = f"{what} of {several}{f' with {interval}s' if ranged else ''}"
    alt = f"{count(len(drawn), 'coefficient')} of {several}, one below the other: {', '.join(mark.label for mark in marks)}."
    return Picture((panel,), title.capitalize(), " ".join([*told, *notes]), alt)


def _beside(
    table: Mapping[str, Coefficient],
    terms: Sequence[str],
    short: Mapping[str, str],
    label: str,
    errors: str,
    place: int,
    of: int,
) -> Intervals:
    """One of several models at all names; those that it has no term of are left empty."""
    estimate, low, high = (
        numbers(getattr(table[term], end) if term in table else math.nan for term in terms)
        for end in ("estimate", "conf_low", "conf_high")
    )
    ranged = any(map(math.isfinite, low))
    by = "no standard errors" if errors == "none" else errors if ranged else "no intervals"
    below = (place - (of - 1) / 2) * (0.8 / of)  # together they take four fifths of a row
    return Intervals(tuple(short[t] for t in terms), estimate, low, high, run_role(place), f"{label} ({by})", below)


def _check(order: str, rows: Sequence[Coefficient]) -> None:
    if order not in ORDERS:
        raise OptionError(f"`order` is 'size', the largest first, or 'formula'; got {order!r}.")
    if not rows:
        raise OptionError("This line has no slopes; `intercept=True` draws its intercept.")


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
