"""Edged lines: standard errors of a fitted median, quantile or Huber line, from its residuals in one look at the training rows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from bestline.data.design.weight_kinds import FREQUENCY
from bestline.errors import NumericalError, OptionError
from bestline.inference.coordinates import Basis, other_rows
from bestline.inference.covariance.base import Cov, CovarianceKind
from bestline.inference.covariance.edged import KINDS, EdgedRows, OfEdges, edged
from bestline.inference.covariance.named import parse_cov
from bestline.inference.covariance.sandwich import NO_ERRORS, Covariance
from bestline.inference.fitted import FittedLine
from bestline.inference.training_rows import check_training, look, numbered
from bestline.inference.why_not import why_not_edged
from bestline.numerics import Rows
from bestline.numerics.rows import joined
from bestline.training import Part
from bestline.training.losses.piecewise import Piecewise
from bestline.training.solvers.interior import InteriorPoint

_SHORT = "the weights are further than a hundredth of a standard error from where the loss is least (solver='interior-point' reaches it)"


def edged_errors(line: FittedLine, cov: Cov | None = None, data: Any = None) -> Covariance:
    """The covariance of the weights that the line keeps, or of another kind.

    Raises
    ------
    NumericalError
        Where there is none, and why: a penalty, training that has not converged, no residual degrees of freedom, too few rows for a
        quantile.
    OptionError
        For kinds of other losses, and for a line without rows when `data` are not given.
    DataError
        When `data` are not the training rows.
    """
    found = found_errors(line, cov, data)
    if found.lacks:
        raise NumericalError(f"There are no standard errors here: {found.lacks}.")
    return found


def found_errors(line: FittedLine, cov: Cov | None = None, data: Any = None) -> Covariance:
    """The same, with NaN and the reason in its notes where the rows do not tell."""
    kept = line.robust
    if cov is None and kept is not None:
        return kept
    asked: CovarianceKind = KINDS[line.plan.cost.name][0]() if cov is None else parse_cov(cov, line.plan.loss)
    assert isinstance(asked, OfEdges)  # noqa: S101  such a loss has no others
    refused = asked.refused_under(line.design.weight_kind if line.design.weights is not None else FREQUENCY)
    if refused:
        raise OptionError(refused)
    # Data given along with the question are looked at, whatever is known: they may be others.
    if kept is not None and kept.kind == asked and data is None:
        return kept
    reason = why_not_edged(line)
    if reason is not None:
        raise NumericalError(f"There are no standard errors here: {reason}.")
    return _computed(line, asked, data)


def _computed(line: FittedLine, kind: OfEdges, data: Any) -> Covariance:
    """Of this kind, from the rows."""
    known = line.geometry
    basis = Basis.of(line.training, line.scaling, known.kept, lambda over: look(line, over, data))
    rows = _rows(line, data)
    seen = basis.see(rows)
    low, high = _edges(line, rows, basis)
    # From the line's own weights: the basis has the least-squares line, which serves as coordinates alone.
    missed = (rows.y - line.plan.predictor(line.weights)(rows.X)) / basis.unit
    w = torch.ones(len(rows), dtype=torch.float64) if rows.w is None else basis.relative(rows.w)
    # Of copies each has its share of the leverage.
    alone = 1 - (seen.leverage / w if line.design.weight_kind == FREQUENCY else seen.leverage) <= basis.alone
    residuals = [
        EdgedRows(u, a, b, w, line.design.weight_kind, basis.count, basis.rank, rounding, alone)
        for u, a, b, rounding in zip(missed.T, low, high, basis.rounding.tolist(), strict=True)
    ]
    levels = kind.beside(basis.count, residuals[0].level)
    if levels is not None:
        rises = _rise(line, rows, levels) / basis.unit
        residuals = [replace(of, rise=rise) for of, rise in zip(residuals, rises.T, strict=True)]
    found = edged(basis, seen.q, residuals, kind, known.determined, line.names, line.targets)
    return _without(found, _SHORT) if _is_short(line, rows, found) else found


def _is_short(line: FittedLine, rows: Rows, found: Covariance) -> bool:
    """Whether the weights are further than a hundredth of a standard error from where the loss is least, as least squares counts it."""
    # By its usual tolerance this method ends at the least loss itself; others end where steps or slopes are small by theirs.
    if found.lacks or line.plan.solver == InteriorPoint():
        return False
    exactly = replace(line.plan, solver=InteriorPoint(), start=None, device=rows.X.device).run(Part(line.training, rows))
    best, p = exactly.weights.cpu(), line.design.p
    scale = torch.cat([line.scaling.scale[:p], torch.ones(len(best) - p, dtype=torch.float64)])
    rounding = 1e-8 * (best.abs() + line.scaling.scale[p:] / scale[:, None])
    # Of weights without an error, such as those of columns that repeat each other, many are as good.
    far = (line.weights - best).abs() > 0.01 * found.std_error.T + rounding
    if not bool(far.any()) or exactly.task is None:
        return False
    # Where several lines are as good, as any median between two rows is, the other one is no better.
    task = exactly.task
    ours, theirs = (task.objective.evaluate(task.scaling.to_trained(w))[0] for w in (line.weights, best))
    return bool((ours > theirs + 1e-9 * theirs.abs()).any())


def _rise(line: FittedLine, rows: Rows, levels: tuple[float, float]) -> Tensor:
    """How far the quantile line rises at each row between two levels, (n, k)."""
    plans = [
        replace(line.plan, loss=f"quantile:{level!r}", solver=InteriorPoint(), start=None, device=rows.X.device)
        for level in levels
    ]
    low, high = (plan.run(Part(line.training, rows)).weights.cpu() for plan in plans)
    return line.plan.predictor(high - low)(rows.X)


def _without(found: Covariance, reason: str) -> Covariance:
    """The same without any error, and why."""
    covariance, std_error, about = (torch.full_like(t, math.nan) for t in (found.covariance, found.std_error, found.about_mean))
    return replace(
        found, covariance=covariance, std_error=std_error, about_mean=about, notes=(f"{NO_ERRORS}{reason}.",), lacks=reason
    )


def _rows(line: FittedLine, data: Any) -> Rows:
    """The training rows of positive weight: such a loss has had them in memory."""
    part = None if line.parts is None or data is not None else line.parts.training
    rows = None if part is None else part.rows
    if part is not None and not part.unchanged:
        raise other_rows(part.moments.count, line.training.count)
    if rows is None:
        check_training(line, data)
        rows = joined([part.rows for part in numbered(line, data, once=False)])
    rows = rows.to("cpu")
    return rows if rows.w is None else rows[rows.w > 0]


def _edges(line: FittedLine, rows: Rows, basis: Basis) -> tuple[list[float], list[float]]:
    """The slopes of the loss far below and above the line, target by target (k,); of a bent loss, edges in units of the basis."""
    task = line.fit.task or line.plan.task(Part(line.training, rows))
    loss = getattr(task.objective.smooth, "loss", None)
    assert isinstance(loss, Piecewise)  # noqa: S101  what a loss with edges is
    # An edge is in units of the target as trained, and the slopes of a corner have no unit.
    unit = task.scaling.target_scale / basis.unit if loss.curve else torch.ones_like(basis.unit)

    def of(slope: float | Tensor) -> list[float]:
        return (torch.as_tensor(slope, dtype=torch.float64).cpu() * unit).tolist()

    return of(loss.low), of(loss.high)
