"""Combinations: linear combinations of a line's weights, such as heights, differences of heights and slopes, with their errors.

    estimate = a'w + c b        std_error^2 = (a, c)' cov (a, c)        b the intercept; c = 1 of a height, 0 of a difference or slope

About the training mean m this is (a - c m)'w + c h with h the line's height at the mean: no offset of the columns takes digits away.
Where the columns do not determine a combination (columns that others say already, cells without a row) there is no estimate: NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bestline.inference import classical
from bestline.inference.covariance.base import Cov
from bestline.inference.covariance.sandwich import Covariance
from bestline.inference.fitted import FittedLine
from bestline.inference.restricted import Restricted
from bestline.inference.uncertainty import covariance
from bestline.inference.why_not import why_no_heights

UNDETERMINED = "the training rows do not determine {}: no row has such a cell, or columns that say the same part there"
UNDEFINED = "a column of the line is not a finite number there, or has no slope"
ALONE = "its error depends on {}s that determine a weight by themselves"  # rows or clusters
NARROW = "the columns are too nearly collinear: rounding is all that is left of its error"
NO_ROWS_LEFT = "no residual degrees of freedom are left"


@dataclass(frozen=True, slots=True, eq=False)
class Combinations:
    """Linear combinations of the weights: `slopes` (m, p) of the columns' weights, `constant` (m,) of the intercept.

    What is `known` (m,), as an offset is, adds to them and has no error.
    """

    slopes: Tensor
    constant: Tensor
    known: Tensor

    @property
    def undefined(self) -> Tensor:
        """Which of them (m,) need a number that there is not, such as log(0)."""
        return self.slopes.isnan().any(1) | self.known.isnan()

    def contrasted(self, shares: Tensor) -> Combinations:
        """Differences of these heights: `shares` (r, m), whose rows add up to zero."""
        # Less the first, so that a column in which all are alike is exactly zero, and the intercept gone.
        constant = torch.zeros(len(shares), dtype=torch.float64)
        return Combinations(shares @ (self.slopes - self.slopes[0]), constant, shares @ (self.known - self.known[0]))

    def __getitem__(self, rows: Any) -> Combinations:
        return Combinations(self.slopes[rows], self.constant[rows], self.known[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Combined:
    """What a line says of combinations.

    Attributes
    ----------
    estimate, std_error : Tensor (m, k)
    df : int
        Degrees of freedom of Student's t; 0 where there are no errors.
    cov : str
        What the standard errors are called; empty where there are none.
    why : tuple of str
        Of each, why it has no estimate or no error, (m,); empty where it has both.
    without : str
        Why none has an error.
    """

    estimate: Tensor
    std_error: Tensor
    df: int
    cov: str
    why: tuple[str, ...]
    without: str = ""


def estimated(line: FittedLine, of: Combinations, cov: Cov | None = None, data: Any = None) -> Combined:
    """Combinations of the line's weights, under its own covariance or another kind.

    A line that has no covariance, such as a penalised one, has estimates without errors; where `cov` is asked for all the same, it is
    refused by NumericalError.
    """
    found = _heights(line, of) + of.known[:, None]
    # A penalised line has heights all the same; only what was asked for by name and does not exist is an error.
    without = None if line.restricted is not None else why_no_heights(line)
    if without is not None and cov is None:
        why = tuple(UNDEFINED if bad else "" for bad in of.undefined.tolist())
        return Combined(found, torch.full_like(found, float("nan")), 0, "", why, without)
    errors = covariance(line, cov, data)
    if isinstance(errors, Restricted):  # asked for by name or not
        return _within_limits(errors, of, found)
    inference = line.geometry
    p = line.design.p
    # NaN of a column that is no number would spread over the others of a product with zero.
    undefined = of.undefined
    slopes = torch.where(undefined[:, None], 0.0, of.slopes)
    # About the mean the intercept's place is taken by the height there, which no slope moves: so no offset cancels.
    away = slopes - of.constant[:, None] * line.training.center[:p] if line.design.intercept else slopes
    leverage = _leverage(line, slopes, of.constant, away, inference)
    known = inference.estimable(away)
    if isinstance(errors, Covariance):
        # As if the row had the mean weight: robust covariances are in such units.
        relative = leverage * line.training.weight / line.training.count
        variance = errors.variance_of_height(away, relative, of.constant if line.design.intercept else None)
        # What least squares cannot place has no robust error either: both are of the same columns.
        variance = torch.where(leverage.isnan()[:, None], float("nan"), variance)
        error = variance.sqrt()
    else:
        error = leverage.clamp(min=0).sqrt()[:, None] * inference.sigma
    unit = errors.kind.unit if isinstance(errors, Covariance) else "row"
    lost = (undefined | ~known)[:, None]
    # The first reason that holds is told; estimable is what every least-squares solution says alike (Searle 1971, 5.4).
    reasons = (
        (undefined, UNDEFINED),
        (~known, UNDETERMINED),
        (leverage.isnan(), NARROW),
        (error.isnan().all(1) & bool(errors.df > 0), ALONE.format(unit)),
    )
    told = tuple(next((text for mask, text in reasons if bool(mask[i])), "") for i in range(len(slopes)))
    return Combined(
        torch.where(lost, float("nan"), found),
        torch.where(lost, float("nan"), error),
        max(errors.df, 0),
        errors.title,
        told,
        "" if errors.df > 0 else NO_ROWS_LEFT,
    )


def _within_limits(errors: Restricted, of: Combinations, found: Tensor) -> Combined:
    """The combinations `found` (m, k) of a line that bounds or constraints hold, with the errors that take these for known."""
    # NaN of a column that is no number would spread over the others of a product with zero.
    undefined = of.undefined
    slopes = torch.where(undefined[:, None], 0.0, of.slopes)
    # Target by target: bounds hold each of them at other weights.
    leverage = torch.stack([errors.leverage(slopes, of.constant, i) for i in range(found.shape[1])], 1)
    lost = undefined[:, None] | leverage.isnan()
    told = zip(undefined.tolist(), lost.all(1).tolist(), strict=True)
    return Combined(
        torch.where(lost, float("nan"), found),
        torch.where(lost, float("nan"), leverage.sqrt() * errors.sigma),
        max(errors.df, 0),
        errors.title,
        tuple(UNDEFINED if bad else UNDETERMINED if unknown else "" for bad, unknown in told),
        "" if errors.df > 0 else NO_ROWS_LEFT,
    )


def _heights(line: FittedLine, of: Combinations) -> Tensor:
    """The combinations of the line's own weights (m, k)."""
    refined = line.refined
    if refined is not None and refined.steep and torch.equal(line.weights, refined.weights):
        return refined.height(of.slopes, None, of.constant)
    p = line.design.p
    found = of.slopes @ line.weights[:p]
    return found + of.constant[:, None] * line.weights[p:] if line.design.intercept else found


def _leverage(line: FittedLine, slopes: Tensor, constant: Tensor, away: Tensor, inference: classical.Inference) -> Tensor:
    """Variance of each combination over the residual variance, (m,); NaN where rounding has eaten it up or it does not exist."""
    if line.refined is not None:
        return line.refined.leverage(slopes, None, constant)
    found = inference.leverage_of_slopes(away)
    # The height at the mean and the slopes are independent: its variance is s^2 / W.
    return found + constant**2 / line.training.weight if line.design.intercept else found
