"""Adjustment: p-values and intervals for many comparisons at once, so that chance alone rarely makes any of them stand out.

    bonferroni  m p                                  Dunn (1961)
    sidak       1 - (1 - p)^m                        Sidak (1967)
    holm        the smallest times m, the next times m - 1, ..., never falling        Holm (1979)
    tukey       sqrt(2) |t| against the studentised range of the k means compared     Tukey (1953), Kramer (1956)

A family is the m comparisons of one table, or of one group of `by`. Intervals hold together at the level asked for: Tukey's and Sidak's
by their own quantile, Holm's, which has none, by Bonferroni's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bestline.calls import no_such, one_of
from bestline.errors import OptionError
from bestline.inference.classical import t_quantile

ADJUSTMENTS = ("none", "bonferroni", "sidak", "holm", "tukey")
SAID = {"bonferroni": "Bonferroni", "sidak": "Sidak", "holm": "Holm", "tukey": "Tukey"}


def check_adjust(adjust: object, *, pairwise: bool) -> str:
    """The adjustment's name; raises OptionError for another, and for Tukey's of anything but all pairs."""
    if adjust is None:
        return "none"
    if not one_of(adjust, ADJUSTMENTS):
        raise no_such("adjustment", adjust, ADJUSTMENTS)
    if adjust == "tukey" and not pairwise:
        raise OptionError("adjust='tukey' is for all pairs of means, method='pairwise'; use adjust='holm' or 'sidak' here.")
    return str(adjust)


def adjusted(p_values: Sequence[float], statistics: Sequence[float], adjust: str, means: int, df: int) -> list[float]:
    """The p-values of one family, adjusted; NaN stays, and does not count."""
    p = np.asarray(p_values, dtype=float)
    there = np.isfinite(p)
    m = int(there.sum())
    if adjust == "none" or m == 0:
        return p.tolist()
    if adjust == "bonferroni":
        p = np.minimum(m * p, 1.0)
    elif adjust == "sidak":
        # 1 - (1 - p)^m, with all digits of small p.
        p = -np.expm1(m * np.log1p(-p))
    elif adjust == "holm":
        # A later p-value may not be smaller than one before it: the running maximum sees to it.
        order = np.argsort(np.where(there, p, np.inf), kind="stable")[:m]
        p[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(m, 0, -1)), 1.0)
    else:
        from scipy.stats import studentized_range

        # Of two means it is Student's t itself.
        if means > 2:
            size = math.sqrt(2) * np.abs(np.asarray(statistics, dtype=float)[there])
            # One less a distribution keeps no digits of what is far out; the p-value of one comparison alone is less in any case.
            p[there] = np.maximum(studentized_range.sf(size, means, df), p[there])
    return [float(value) for value in p]


def half_width(level: float, adjust: str, comparisons: int, means: int, df: int) -> float:
    """How many standard errors an interval reaches to either side, so that all of a family hold together."""
    m = max(comparisons, 1)
    if adjust == "tukey" and means > 2:
        from scipy.stats import studentized_range

        return float(studentized_range.ppf(level, means, df)) / math.sqrt(2)
    if adjust in ("bonferroni", "holm"):
        return t_quantile(1 - (1 - level) / (2 * m), df)
    if adjust == "sidak":
        return t_quantile(0.5 + level ** (1 / m) / 2, df)
    return t_quantile(0.5 + level / 2, df)
