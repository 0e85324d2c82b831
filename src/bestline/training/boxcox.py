"""Box-Cox: the power of the target by maximum likelihood, where a formula leaves it open: `boxcox(y) ~ x`.

    L(lambda) = -n/2 log RSS(lambda)      RSS: of boxcox(y / m, lambda) ~ x by least squares, m the geometric mean of y

Divided by m the targets of all lambdas have the same Jacobian (Box & Cox 1964, eq. 10), and their numbers a like size. A grid of lambdas is
one line with as many targets, so one pass gives all; two passes more look between the best ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bestline.data import gather as data
from bestline.data.design.weight_kinds import ANALYTIC
from bestline.data.gather import Gathered, Query
from bestline.errors import FormulaError, NumericalError, readable
from bestline.numerics import Bowl, Comoments, Scaling, total

_OPEN = re.compile(r"\s*boxcox\(\s*(`[^`]+`|[^\W\d]\w*)\s*\)\s*~")
_LEAST, _MOST, _STEPS = -2.0, 2.0, 40
_CLOSER = 20  # steps of a closer look
_FALL = 1.9207294  # half the 95% quantile of chi-squared with one degree of freedom


def estimated(query: Query) -> tuple[Query, str | None]:
    """The query with the lambda that `boxcox(y)` leaves open, to four places, and what is to be said of it.

    Raises
    ------
    FormulaError
        For effects that are absorbed.
    NumericalError
        Where the line goes through every point.
    """
    found = None if query.formula is None else _OPEN.match(query.formula)
    if found is None or query.formula is None:
        return query, None
    column, right = found[1], query.formula[found.end() :]
    if "|" in right:
        raise FormulaError(f"Lambda is not estimated beside absorbed effects; write it, as in boxcox({column}, 0.5) ~{right}.")
    middle = _geometric_mean(query, column, right)

    def profile(lambdas: Sequence[float]) -> Tensor:
        left = " + ".join(f"boxcox({column} / {middle!r}, {power!r})" for power in lambdas)
        moments, p, intercept = _training(query, f"{left} ~{right}")
        scaling = Scaling.of(moments, p, intercept=intercept, standardize=True)
        rss = Bowl.of(moments, scaling).floor * scaling.target_scale**2
        if not bool((rss > 0).all()):
            raise NumericalError("The line goes through every point, so no lambda is more likely than others; write one.")
        return -moments.count / 2 * rss.log()

    grid = torch.linspace(_LEAST, _MOST, _STEPS + 1, dtype=torch.float64)
    heights = profile(grid.tolist())
    best, step = float(grid[heights.argmax()]), float(grid[1] - grid[0])
    # Each round looks closer about the best, where the profile is smooth enough for a parabola.
    for _ in range(2):
        near = torch.linspace(max(best - step, _LEAST), min(best + step, _MOST), _CLOSER + 1, dtype=torch.float64)
        best, step = _top(near, profile(near.tolist())), 2 * step / _CLOSER
    power = round(best, 4) + 0.0
    written = f"{power:.4f}".rstrip("0").rstrip(".")
    formula = f"boxcox({column}, {written}) ~{right}"
    return replace(query, formula=formula), _said(column, written, power, grid, heights)


def _top(at: Tensor, heights: Tensor) -> float:
    """Where a smooth curve is highest: the top of the parabola through the highest of its points and those beside it."""
    i = int(heights.argmax())
    if not 0 < i < len(at) - 1:
        return float(at[i])
    left, middle, right = heights[i - 1 : i + 2].tolist()
    bend = left - 2 * middle + right
    return float(at[i]) + (0.0 if bend >= 0 else 0.5 * (left - right) / bend * float(at[i + 1] - at[i]))


def _training(query: Query, formula: str) -> tuple[Comoments, int, bool]:
    """The moments of the training rows by a formula, how many features they have, and whether an intercept."""
    found: Gathered = data.gather(replace(query, formula=formula, keep=None, check=None, at_once=query.split is not None))
    groups = found.found.groups
    # With a split the groups are the folds of every part, those of training first.
    own = groups if query.split is None else groups[: len(groups) // 3]
    return total(own, found.design.p + len(found.design.responses)), found.design.p, found.design.intercept


def _geometric_mean(query: Query, column: str, right: str) -> float:
    """The geometric mean of the target's column over the training rows: each counts once where weights are precisions."""
    if query.weights is None or query.weight_kind != ANALYTIC:
        moments, p, _ = _training(query, f"log({column}) ~{right}")
        return math.exp(float(moments.center[p]))
    name = query.weights if isinstance(query.weights, str) else "weights"
    # Moments weigh each row, and the likelihood counts its logarithm once: the weight is taken off and the sum of weights put back.
    moments, p, _ = _training(query, f"I(log({column}) / `{name}`) ~{right}")
    return math.exp(float(moments.center[p]) * moments.weight / moments.count)


def _said(column: str, written: str, power: float, grid: Tensor, heights: Tensor) -> str:
    """The estimate, what it is known to, and what does not take it into account."""
    # Wilks: twice the fall of the likelihood is chi-squared of one degree of freedom.
    likely = grid[heights >= heights.max() - _FALL]
    low, high = (f"{float(end):.1f}" for end in (likely[0], likely[-1]))
    end = (
        f" It is the end of the lambdas tried, {_LEAST:g} to {_MOST:g}: think of another function of {column}."
        if abs(power) > _MOST - 0.01
        else ""
    )
    return (
        f"The lambda of boxcox({readable(column.strip('`'))}) is {written}, by maximum likelihood (95% interval by likelihood: about {low} to {high}); errors and "
        f"intervals take it as known.{end}"
    )
