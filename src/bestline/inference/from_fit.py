"""From a fit: the way to a line with everything that is known of it; the last step of training, and the first of inference."""

from __future__ import annotations

import time

from bestline.data.design.weight_kinds import PROBABILITY
from bestline.data.progress import Progress
from bestline.inference.cautions import findings
from bestline.inference.covariance.base import CovarianceKind
from bestline.inference.covariance.named import parse_cov
from bestline.inference.fitted import FittedLine
from bestline.inference.sharpen import sharpened
from bestline.inference.uncertainty import robustly
from bestline.training import Fit, Prepared, Request


def finished(
    request: Request, prepared: Prepared, fit: Fit, progress: Progress | None = None, cov: CovarianceKind | None = None
) -> FittedLine:
    """The fitted line, its weights computed exactly where moments leave too few digits, with all that people should know of it.

    `cov` says which errors it keeps; None: those that go with the loss and the weights, classical ones for least squares.
    """
    parts, gathered = prepared.parts, prepared.gathered
    line = FittedLine(
        gathered.design,
        prepared.plan,
        fit,
        prepared.moments,
        parts.training.moments,
        repr(prepared.plan.solver),
        parts=parts,
        sizes=parts.sizes,
        source=gathered.source,
        labels=gathered.labels,
        cv=prepared.choice,
        recipe=request.recipe,
        later=prepared.later,
    )
    line = sharpened(line, request.digits, progress)
    if not prepared.plan.squared_line and not line.diverged:
        # Such scores are of the rows and not of moments, and rows in memory are the caller's: later others may stand there.
        line = FittedLine.of(line, saved_scores={"training": line.fitted_scores})
    notes = tuple(dict.fromkeys([*prepared.notes, *line.notes, *findings(line, request.digits)]))
    line = FittedLine.of(line, notes=notes)
    if gathered.design.weight_kind == PROBABILITY and cov is None and _has_errors(line):
        cov = parse_cov("HC1")  # as Stata has it: the weights are no precisions
    line = robustly(line, cov, progress)
    return FittedLine.of(line, seconds=time.perf_counter() - request.began)


def _has_errors(line: FittedLine) -> bool:
    """Whether a line has standard errors: of least squares, with rows to spare."""
    return line.least_squares and line.inference is not None and line.inference.df_resid > 0
