"""Comparison: tests of restrictions on the weights, and of one line against a larger one that holds it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from bestline.calls import checked
from bestline.errors import DataError, NumericalError, OptionError, listed
from bestline.inference import hypotheses
from bestline.inference.covariance.base import Cov
from bestline.inference.covariance.sandwich import Covariance
from bestline.inference.fitted import FittedLine
from bestline.inference.hypotheses import ComparedLine, Comparison, Verdict
from bestline.inference.restrictions import Restrictions
from bestline.inference.uncertainty import covariance, glances, target_number
from bestline.inference.why_not import refuse
from bestline.numerics import singular_values

# --- tests of weights ----------------------------------------------------------------------------------------------------


def wald(
    line: FittedLine, restrictions: Restrictions, cov: Cov | None = None, data: Any = None, *, target: int | str = 0
) -> Verdict:
    """Wald's test of linear restrictions on the weights.

    Parameters
    ----------
    line : FittedLine
    restrictions
        Text such as `"weight = 0, horsepower = 2 * weight"`, several such texts, a matrix (m, d) in the order of `line.names`,
        or (matrix, values (m,)).
    cov, data
        As in `covariance`.
    target : int or str
    """
    at = target_number(line, target)
    found, weights = covariance(line, cov, data), line.weights[:, at]
    about = f"standard errors: {found.title if isinstance(found, Covariance) else 'classical'}"
    return hypotheses.wald(restrictions, line.names, weights, found.covariance[at], found.df, about=about)


@checked
def compare(small: FittedLine, large: FittedLine, *, target: int | str = 0) -> Comparison:
    """The F test of two nested models of the same rows: does the large one explain more than chance would?

    Where the large one keeps robust errors it is Wald's test by them, that what it has more is zero.

    Raises
    ------
    OptionError
        When the small model has a column that the large one lacks, or both have the same.
    DataError
        When they were fitted to different rows or targets.
    NumericalError
        For penalties, other losses and own forward functions.
    """
    for line in (small, large):
        if not isinstance(line, FittedLine):
            raise OptionError(f"compare takes two models of bestline.fit, the small one first; got {type(line).__name__}.")
        refuse(line, "There is no F test")
    name = small.targets[target_number(small, target)]
    if name not in large.targets:
        raise OptionError(f"The models have different targets: {listed(small.targets)} and {listed(large.targets)}.")
    # Nested: every column of the small line is one of the large. A constant may be there in the disguise of all levels of a category.
    lacking = [n for n in small.names if n not in large.names]
    if lacking and not (lacking == ["Intercept"] and large.constant is not None):
        raise OptionError(
            f"The small model has {listed(lacking)}, which the large one lacks: they are not nested. Compare their held-out errors."
        )
    lines = _line(small, small.targets.index(name)), _line(large, large.targets.index(name))
    # Two tables of as many rows, of one weight and with a target of one mean and spread are taken for the same rows.
    y = [(m.training, m.design.p + m.targets.index(name)) for m in (small, large)]
    same = [(m.count, m.weight, float(m.center[j]), float(m.spread[j])) for m, j in y]
    if same[0][0] != same[1][0] or not np.allclose(same[0], same[1], rtol=1e-9, atol=1e-9 * same[0][3]):
        raise DataError(
            f"The models were fitted to different rows ({same[0][0]:,} and {same[1][0]:,}), or to other weights; leave out rows with a "
            f"missing value before both fits."
        )
    if large.robust is None:
        return Comparison(*lines, test=hypotheses.nested(*lines))
    return Comparison(*lines, test=_robustly(small, large, name), cov=large.robust.title)


def _robustly(small: FittedLine, large: FittedLine, target: str) -> Verdict:
    """Wald's test that the large line is one of the small ones."""
    errors, at = large.robust, large.targets.index(target)
    assert errors is not None  # noqa: S101  the caller has looked
    known = refuse(large, "There is no test").determined
    shared = [name for name, is_known in zip(large.names, known.tolist(), strict=True) if not is_known]
    if large.shares and shared:
        raise NumericalError(
            f"{listed(shared)} of the large model say the same and share their effect, so no test by {errors.title} errors says what is "
            f"new; fit it with aliased='drop'."
        )
    # The columns of the small line in those of the large one; a constant of its own may be there as the sum of a category's levels.
    held = torch.zeros(len(large.names), len(small.names), dtype=torch.float64)
    for j, name in enumerate(small.names):
        if name in large.names:
            held[large.names.index(name), j] = 1.0
        elif large.constant is not None:
            held[:, j] = large.constant
    own = torch.nonzero(known)[:, 0]
    Q = torch.linalg.qr(held[own], mode="complete").Q
    # Rows and columns are few and of zeros, ones and whole sums of these: what is no more than rounding is far below.
    rank = int((singular_values(held[own]) > 1e-10).sum()) if held.shape[1] else 0
    A = torch.zeros(len(own) - rank, len(known), dtype=torch.float64)
    A[:, own] = Q[:, rank:].T
    about = f"whether the weights that only the large model has are zero; standard errors: {errors.title}"
    if not len(A):
        raise OptionError("The large model has no weight that the small one lacks; there is nothing to test.")
    found = hypotheses.wald(A, large.names, large.weights[:, at], errors.covariance[at], errors.df, about=about)
    return replace(found, name="more weights")


def _line(line: FittedLine, target: int) -> ComparedLine:
    inference = refuse(line, "There is no F test")
    rss, of = float(inference.rss[target]), glances(line, inference)[target]
    return ComparedLine(line.design.formula, rss, of.df_residual, of.aic, of.bic, of.adj_r_squared)
