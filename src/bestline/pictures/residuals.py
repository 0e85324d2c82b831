"""Residuals: what the line leaves, against what it says. A cloud without any shape is what a good line leaves.

raw           e = y - fitted                        in the target's units
standardised  e / (s sqrt(1 - h))                   over its own standard deviation; h is the leverage
studentised   e / (s_without_it sqrt(1 - h))        the same, s from the line without the row (Cook & Weisberg 1982, 2.2)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from bestline.errors import DataError, NumericalError, OptionError
from bestline.inference.diagnostics.influence import influence
from bestline.inference.fitted import FittedLine
from bestline.inference.numbered_rows import Numbered
from bestline.inference.training_rows import check_training, numbered
from bestline.inference.uncertainty import basis_of
from bestline.inference.why_not import why_not
from bestline.numerics import Rows
from bestline.pictures import clouds
from bestline.pictures.diagnostics import smoothed
from bestline.pictures.marks import Horizontal, Line, Panel, Picture, numbers
from bestline.pictures.sample import Sample, rows_shown, with_levels
from bestline.training.objective import line
from bestline.wording import count, shown

_ROUNDING = 64 * torch.finfo(torch.float64).eps  # of the largest value of the target
KINDS = {"raw": "resid", "standardised": "std_resid", "studentised": "rstudent"}  # and what tables call them


def residuals(
    model: FittedLine, data: Any = None, *, kind: str | None = None, by: str | None = None, target: int = 0
) -> Picture:
    """Residuals of one kind against fitted values, with their local mean.

    Raises
    ------
    OptionError
        For another kind.
    NumericalError
        For standardised and studentised ones, where the line has no leverage.
    DataError
        For those of other data than the training rows.
    """
    if kind is not None and kind not in tuple(KINDS):  # not the mapping itself, which needs what can be hashed
        raise OptionError(f"`kind` of residuals is one of {', '.join(map(repr, KINDS))}; got {kind!r}.")
    reason = why_not(model)
    sample, axes = None, clouds.Axes(lambda rows: (rows.X[:, 0], rows.y[:, 0]))
    if kind in ("standardised", "studentised") or (kind is None and reason is None):
        try:
            sample = _leveraged(model, data, kind or "standardised", by, target)
        except DataError:  # of other data than those of training the line knows no leverage
            if data is None or kind is not None:
                raise
            reason = "the data are not those of training"
        if sample is not None and not bool(sample.rows.y.isfinite().any()):
            reason = "the line goes through every point, or no degrees of freedom are left"
            if kind is not None:
                raise NumericalError(f"There are no {kind} residuals to draw: {reason}.")
            sample = None
    kind = kind or ("raw" if sample is None else "standardised")
    told = f"Raw residuals, for there are no standardised ones: {reason}." if kind == "raw" and reason else ""
    if sample is None:
        sample = rows_shown(model, data, most=clouds.POINTS, by=by)
        axes = clouds.Axes(_raw(model, sample, target))
    name = shown(model.targets[target])
    view = clouds.cloud(sample, axes, label="rows")
    x, y = axes.place(sample.rows)
    # Of the rows in sight: one far off would draw the mean out of the panel.
    near = (x >= view.xlim[0]) & (x <= view.xlim[1]) & (y >= view.ylim[0]) & (y <= view.ylim[1])
    used = int(near.sum())
    label = "local mean" if used == sample.of else f"local mean of {used:,} rows"
    at, mean = smoothed(x[near], y[near], torch.ones(used, dtype=torch.float64))
    role = "over" if view.coloured else "fitted"
    marks = (*view.marks, Horizontal(0.0, "reference"), Line(numbers(at.tolist()), numbers(mean.tolist()), role, label))
    unit = " (the target's units)" if kind == "raw" else ""
    panel = Panel("", f"fitted {name}", f"{kind} residual{unit}", marks, xlim=view.xlim, ylim=view.ylim)
    unknown = "without a number" if kind == "raw" else "of leverage 1, of which no residual is left,"
    note = " ".join(part for part in (told, clouds.note(sample, view, lacking_what=unknown)) if part)
    alt = f"{count(sample.of, 'row')}: {kind} residuals against fitted values of {name}, with their local mean."
    return Picture((panel,), f"{kind.capitalize()} residuals of {name}", note, alt)


def _raw(model: FittedLine, sample: Sample, target: int) -> Callable[[Rows], tuple[Tensor, Tensor]]:
    """Fitted values and raw residuals of some rows."""

    def place(rows: Rows) -> tuple[Tensor, Tensor]:
        if model.plan.forward is None and sample.columns is None:
            fitted = line(rows.X, model.weights, intercept=model.design.intercept)[:, target]
        else:
            fitted = sample.predictions(model.trained, rows.X, model.weights)[:, target]
        return fitted, without_rounding(rows.y[:, target], fitted)

    return place


def without_rounding(y: Tensor, fitted: Tensor) -> Tensor:
    """Residuals (n,): those within the rounding of the target are none, lest a line through every point seem to have some."""
    left = y - fitted
    size = torch.maximum(y.abs(), fitted.abs()).max() if len(y) else 0.0
    return torch.where(left.abs() <= _ROUNDING * size, 0.0, left)


def _leveraged(model: FittedLine, data: Any, kind: str, by: str | None, target: int) -> Sample:
    """The training rows, or those to be shown of them, as fitted values and residuals that know their leverage."""
    basis = basis_of(model, data)
    wide, levels = with_levels(model, by)
    p = model.design.p

    def known(part: Numbered) -> Rows:
        rows = part.rows
        found = influence(basis, basis.see(Rows(rows.X[:, :p], rows.y, rows.w)), target)
        fitted, r = rows.y[:, target] - found.resid, getattr(found, KINDS[kind])
        level = rows.X[:, p:].argmax(1) if levels else torch.zeros(len(r))
        return Rows(torch.stack([fitted, level.to(fitted)], 1), r[:, None], rows.w)

    def read() -> Iterator[Rows]:
        return (known(part) for part in numbered(wide, data))

    if data is not None:
        check_training(model, data)
    sample = Sample.draw(read(), ["fitted", "level"], [kind], most=clouds.POINTS)
    return replace(sample, again=read, group=sample.rows.X[:, 1] if levels else None, levels_of=levels)
