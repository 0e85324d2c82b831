"""Penalty paths: pictures of a selection. How the weights shrink as the penalty grows, and how well each penalty predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bestline.errors import OptionError, listed
from bestline.pictures.axis_labels import called
from bestline.pictures.marks import (
    Band,
    Horizontal,
    Line,
    Mark,
    Names,
    Numbers,
    Panel,
    Picture,
    Points,
    Vertical,
    numbers,
    run_role,
)
from bestline.training import Selection
from bestline.wording import count, said, shown, without

_MOST_NAMED = 7  # weights that have a line and a name of their own; as many as there are roles for runs
_MOST_LINES = 200
_MOST_COUNTS = 9  # along the top
_LINE = 0.072  # of the panel's height: a line of small text, with some air
_NONZERO = "non-zero coefficients"


def error_curve(selection: Selection) -> Picture:
    """Out-of-fold error against the penalty, with a standard error on either side, and the two penalties that are chosen."""
    # One series only: with two penalties the other axis is the ratio, kept at its best.
    at, x, xlabel = _series(selection)
    error, std = selection.error[at], selection.std_error[at]
    marks: list[Mark] = [
        Band(x, numbers((error - std).tolist()), numbers((error + std).tolist()), "held_out", "one standard error up and down"),
        Line(x, numbers(error.tolist()), "held_out", f"error of rows left out, {selection.folds} folds"),
        Horizontal(float(selection.error[-1]), "floor", f"without penalty: {said(float(selection.error[-1]))}"),
    ]
    chosen = _chosen(selection)
    for index, role, label in chosen:
        if index in at:
            here = x[at.index(index)]
            marks.append(Points((here,), (float(selection.error[index]),), role, f"{label}: {selection.scale} = {said(here)}"))
    # Of several targets a column counts where any of them keeps it, as for the choice.
    top = _counts(x, selection.nonzero[at].tolist()) if selection.kind != "ridge" else ()
    label = "error, as a share of the target's variance"
    panel = Panel("", xlabel, label, tuple(marks), xlim=_falling(x), log_x=True, top=top, toplabel=_NONZERO)
    least = float(selection.error[selection.best])
    alt = (
        f"Out-of-fold error of {len(selection.error)} penalties ({selection.kind}, {selection.folds} folds, "
        f"{selection.rows:,} rows): least {said(least)}; without penalty {said(float(selection.error[-1]))}."
    )
    note = f"Of {selection.p} columns the line keeps {' and '.join(_kept(selection))}." if selection.kind != "ridge" else ""
    if selection.best == len(selection.error) - 1:
        note = f"The error is least without a penalty. {note}".strip()
    return Picture((panel,), f"Out-of-fold error of each penalty ({selection.kind})", note, alt)


def coefficient_path(selection: Selection, *, target: int = 0, scales: list[float] | None = None) -> Picture:
    """Every slope against the penalty, which falls to the right: from zero to least squares. The largest are named at their ends.

    Along the top stands how many slopes are not zero, where a penalty makes some zero.

    Parameters
    ----------
    selection : Selection
    target : int
        Which target.
    scales : list of float, optional
        Standard deviations of the columns: each slope is then shown per standard deviation of its column, so that they can be
        compared. By default one unit.
    """
    if not 0 <= target < len(selection.targets):
        raise OptionError(f"There is no target number {target}; the targets are {listed(selection.targets)}.")
    p = selection.p
    if scales is not None and len(scales) != p:
        raise OptionError(f"`scales` needs {p} numbers, one for each column; got {len(scales)}.")
    at, x, xlabel = _series(selection)
    weights = [numbers(((1.0 if scales is None else scales[j]) * selection.weights[at, j, target]).tolist()) for j in range(p)]
    # The largest have names; they are large at the end, where the penalty is least.
    order = sorted(range(p), key=lambda j: -abs(weights[j][-1]))[:_MOST_LINES]
    named = {j: run_role(i) for i, j in enumerate(order[:_MOST_NAMED])}
    called_so = called(selection.names[:p])
    short = [called_so[name] for name in selection.names[:p]]
    marks: list[Mark] = [Horizontal(0.0, "reference")]
    # Quiet lines first: the named ones lie above them.
    rest = [j for j in order if j not in named]
    others = f"the other {count(len(rest), 'column')}" if len(order) == p else f"{len(rest)} other columns"
    marks += [Line(x, weights[j], "earlier", others if j == rest[0] else "") for j in rest]
    marks += [Line(x, weights[j], role, short[j]) for j, role in named.items()]
    ylim = _around([v for j in order for v in weights[j]])
    marks.append(_ends(x[-1], {short[j]: (weights[j][-1], role) for j, role in named.items()}, ylim))
    for index, role, label in _chosen(selection):
        if index in at:
            # Neither has the colour of a column.
            marks.append(Vertical(x[at.index(index)], "floor" if role == "optimum" else "over", label))
    unit = "unit" if scales is None else "standard deviation"
    top = _counts(x, (selection.weights[at, :p, target] != 0).sum(1).tolist()) if selection.kind != "ridge" else ()
    panel = Panel(
        "",
        xlabel,
        f"slope per {unit} of the column",
        tuple(marks),
        xlim=_falling(x),
        ylim=ylim,
        log_x=True,
        top=top,
        toplabel=_NONZERO,
    )
    alt = f"Slopes of {count(p, 'column')} against the penalty ({selection.kind}); columns kept: {', '.join(_kept(selection))}."
    notes = ["" if len(order) == p else f"The {len(order)} largest of {p} slopes are shown.", without(selection.names[:p])]
    note = " ".join(sentence for sentence in notes if sentence)
    return Picture((panel,), f"Slopes against the penalty ({selection.kind}){_of(selection, target)}", note, alt)


def _of(selection: Selection, target: int) -> str:
    """Which of several targets."""
    return f": {shown(selection.targets[target], 24)}" if len(selection.targets) > 1 else ""


def _falling(x: Numbers) -> tuple[float, float]:
    """Limits of an axis of factors that falls to the right, with some air."""
    air = (max(x) / min(x)) ** 0.03 if max(x) > min(x) else 2.0
    return max(x) * air, min(x) / air


def _around(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=0.0)
    air = 0.06 * (high - low) or abs(high) or 1.0
    return low - air, high + air


def _counts(x: Numbers, many: Sequence[int]) -> tuple[tuple[float, str], ...]:
    """How many coefficients are not zero, at some of the penalties, evenly spread."""
    places = sorted({round(i * (len(x) - 1) / (_MOST_COUNTS - 1)) for i in range(_MOST_COUNTS)})
    return tuple((x[i], f"{many[i]:,}") for i in places)


def _ends(x: float, curves: Mapping[str, tuple[float, str]], ylim: tuple[float, float]) -> Names:
    """The names of curves beside their ends, given by name as (height, role): moved as little as leaves each a line of its own."""
    ordered = sorted(curves, key=lambda name: curves[name][0])
    gap = _LINE * (ylim[1] - ylim[0])
    at: list[float] = []
    for name in ordered:
        at.append(max(curves[name][0], at[-1] + gap if at else ylim[0]))
    # From the top down again: what was pushed out at the top pushes those below it.
    top = ylim[1]
    for i in reversed(range(len(at))):
        at[i] = min(at[i], top)
        top = at[i] - gap
    heights, roles = zip(*(curves[name] for name in ordered), strict=True) if ordered else ((), ())
    return Names(tuple(ordered), numbers([x] * len(at)), numbers(heights), numbers(at), roles)


def _chosen(selection: Selection) -> list[tuple[int, str, str]]:
    """The two choices as (number, role, label)."""
    # Breiman et al. (1984): the simplest line whose error is within one standard error of the least.
    if selection.best == selection.one_se:
        return [(selection.best, "kept", "least error")]
    return [(selection.best, "kept", "least error"), (selection.one_se, "optimum", "the largest within one standard error")]


def _kept(selection: Selection) -> list[str]:
    """How many columns the line of each choice keeps, in words."""
    return [f"{int(selection.nonzero[index])} at {label}" for index, _, label in _chosen(selection)]


def _series(selection: Selection) -> tuple[list[int], Numbers, str]:
    """The numbers of the penalties of the best ratio, largest first; these penalties, and what they are called on an axis."""
    # The last entry is the line without penalty, which has no ratio.
    ratio = selection.ratio[selection.error[:-1].argmin()]
    at = (selection.ratio == ratio).nonzero()[:, 0].tolist()
    of = f", at a ratio of {float(ratio):g}" if selection.kind == "enet" else ""
    x = numbers(getattr(selection, selection.scale)[at].tolist())
    return at, x, f"{selection.scale}: the penalty{of}, falling to the right"


__all__ = ["coefficient_path", "error_curve"]
