"""Hypotheses: is what we see of several weights at once more than chance? Wald's test, the F test of nested models, and information criteria.

    F = (A w - c)' (A V A')^-1 (A w - c) / m        with m restrictions A w = c and V the covariance of w

Restrictions are written as people write them, `weight = 0, horsepower = 2 * weight`, and read by a small parser of their own:
nothing is evaluated as code. With V classical this is the F test of the model with the restrictions against the model without.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from bestline.errors import NumericalError, OptionError, readable
from bestline.numerics import eigenvalues, of_one_size
from bestline.training.restrictions import SAME, Restrictions, restricted
from bestline.wording import aligned, finite, fixed, power_of_ten, significant


@dataclass(frozen=True, slots=True)
class Verdict:
    """A test and its verdict.

    Attributes
    ----------
    name : str
    statistic : float
    p_value : float
    df : tuple of float
        Of F: numerator and denominator. Of chi-squared: one number. Of a statistic without a distribution: none.
    about : str
        What it tests, in plain words.
    """

    name: str
    statistic: float
    p_value: float
    df: tuple[float, ...]
    about: str = ""

    def __str__(self) -> str:
        if math.isnan(self.statistic):
            return f"{self.name}: not defined here"
        if not self.df:
            return f"{self.name}: {significant(self.statistic)}"
        return f"{self.name}: {statistic_of(self.df)} = {significant(self.statistic)}, {self.p_said(4)}"

    def p_said(self, digits: int) -> str:
        """The p-value; one too small for a float is none of 0."""
        return f"p = {significant(self.p_value, digits)}" if self.p_value > 0 else f"p < {power_of_ten(-300)}"

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"statistic": finite(self.statistic), "df": list(self.df), "p_value": finite(self.p_value)}


def statistic_of(df: Sequence[float]) -> str:
    """A test's statistic by its distribution: `F(2, 326)` of two degrees of freedom, `chi-squared(3)` of one."""
    return f"{'F' if len(df) == 2 else 'chi-squared'}({', '.join(f'{d:.12g}' for d in df)})"


def verdict(name: str, statistic: float, *df: float, about: str = "") -> Verdict:
    """A test of F, which has two degrees of freedom, or of chi-squared, which has one; NaN where they are none."""
    from scipy.special import chdtrc, fdtrc

    if min(df) <= 0 or math.isnan(statistic):
        return Verdict(name, math.nan, math.nan, df, about)
    return Verdict(name, statistic, float((fdtrc if len(df) == 2 else chdtrc)(*df, statistic)), df, about)


def wald(
    restrictions: Restrictions, names: Sequence[str], weights: Tensor, covariance: Tensor, df: int, *, about: str = ""
) -> Verdict:
    """Verdict linear restrictions on the weights of one target.

    Parameters
    ----------
    restrictions
        Text such as `"weight = 0, horsepower = weight"`, several such texts, a matrix A (m, d), or (A, c) with c (m,).
    names : sequence of str
        Of the weights, (d,).
    weights, covariance : Tensor (d,) and (d, d)
        Of any kind; robust covariances make a robust test.
    df : int
        Degrees of freedom of the denominator.

    Raises
    ------
    OptionError
        For restrictions that cannot be read, repeat each other or contradict each other.
    NumericalError
        When they touch a weight that the data do not determine, or there are no degrees of freedom.
    """
    # Refusals from the plain to the subtle, so that the first to be told is the one to act on.
    A, c, text = restricted(restrictions, names)
    if df <= 0:
        raise NumericalError("A test of weights needs residual degrees of freedom: more rows than weights.")
    touched = (A != 0).any(0)
    blind = [n for j, n in enumerate(names) if touched[j] and math.isnan(float(covariance[j, j]))]
    if blind:
        raise NumericalError(
            f"The data do not determine {readable(blind[0])}, or tell no standard error of it, so nothing can be tested about it."
        )
    if len(A) > df:
        raise NumericalError(f"{len(A)} restrictions cannot be tested with {df} degrees of freedom; test fewer at once.")
    apart, together = _uncorrelated(A, c, weights, covariance)
    if apart is None and bool(eigenvalues(together)[0] < -SAME):
        raise NumericalError(
            f"The covariance is not positive semidefinite, as few clusters can make it, so it has no test of {text}; test fewer at once."
        )
    if apart is None:
        raise OptionError(f"The restrictions repeat or contradict each other, or more are tested than vary: {text}.")
    return verdict(text, float((apart**2).sum()) / len(A), len(A), df, about=about)


def in_turn(blocks: Sequence[Tensor], weights: Tensor, covariance: Tensor) -> list[float]:
    """Chi-squared of each block of restrictions A w = 0, A (m, d), given that those of the blocks before it hold.

    They add up to that of all together. Raises NumericalError for a covariance that cannot test so many.
    """
    A = torch.cat(list(blocks))
    if not len(A):
        return [0.0] * len(blocks)
    if bool(covariance.diagonal()[(A != 0).any(0)].isnan().any()):
        raise NumericalError("Some of the weights that are tested have no standard error, so there is no test.")
    apart, _ = _uncorrelated(A, torch.zeros(len(A), dtype=torch.float64), weights, covariance)
    if apart is None:
        raise NumericalError(
            f"The covariance is too nearly singular, as nearly collinear columns or few clusters make it, to test {len(A)} weights beside each "
            f"other; test fewer."
        )
    # Given those before: so the parts are independent, and their squares add up.
    return [float((own**2).sum()) for own in apart.split([len(block) for block in blocks])]


def _uncorrelated(A: Tensor, c: Tensor, weights: Tensor, covariance: Tensor) -> tuple[Tensor | None, Tensor]:
    """By how much restrictions are missed (m,), in standard errors, each given those before it; and their correlations (m, m).

    None where restrictions repeat each other, or the covariance is not positive.
    """
    used = torch.nonzero((A != 0).any(0))[:, 0]
    V, size = of_one_size(covariance[used][:, used])
    scaled = A[:, used] * size  # every weight in its own standard error, so that units do not matter
    # Each restriction in units of its own: A and 3 A are the same restriction, and must give the same digits.
    length = scaled.norm(dim=1)
    apart = (A[:, used] @ weights[used] - c) / length
    B = scaled / length[:, None]
    # d'(B V B')^-1 d = |L^-1 d|^2: no inverse is made, and L's pivots tell restrictions that repeat each other.
    together = B @ V @ B.T
    factor, failed = torch.linalg.cholesky_ex(together)
    if failed or float(factor.diagonal().min()) <= SAME:
        return None, together
    return torch.linalg.solve_triangular(factor, apart[:, None], upper=False)[:, 0], together


@dataclass(frozen=True, slots=True)
class ComparedLine:
    """What a comparison needs of one of its models."""

    formula: str
    rss: float
    df_residual: int
    aic: float
    bic: float
    adj_r_squared: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Nested models of the same rows: does each explain more than chance would beside the one before it?

    Attributes
    ----------
    lines : tuple of ComparedLine
        From the smallest to the largest.
    tests : tuple of Verdict
        Of each but the first: the weights that it has more than the one before it are zero.
    cov : str
        What the standard errors of the tests are called.
    """

    lines: tuple[ComparedLine, ...]
    tests: tuple[Verdict, ...]
    cov: str = "classical"

    @property
    def small(self) -> ComparedLine:
        """The first."""
        return self.lines[0]

    @property
    def large(self) -> ComparedLine:
        """The last."""
        return self.lines[-1]

    @property
    def test(self) -> Verdict:
        """The test of the last beside the one before it."""
        return self.tests[-1]

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready; of two models with the test beside them, of more with the `tests`."""
        lines = [{n: finite(v) for n, v in asdict(line).items()} for line in self.lines]
        if len(lines) > 2:
            return {"lines": lines, "tests": [test.facts for test in self.tests], "cov": self.cov}
        return {"small": lines[0], "large": lines[1]} | self.test.facts | {"cov": self.cov}

    def __str__(self) -> str:
        rows, two = [], len(self.lines) == 2
        for number, line in enumerate(self.lines, 1):
            which = ("small", "large")[number - 1] if two else str(number)
            left_over = f"RSS {significant(line.rss)} on {line.df_residual:,} df"
            rows.append((f"  {which}", line.formula, left_over, f"AIC {fixed(line.aic, 1)}", f"BIC {fixed(line.bic, 1)}"))
        errors = [] if self.cov == "classical" else [f"  Standard errors: {self.cov}"]
        beside = ["  "] if two else [f"  {number + 1} beside {number}, " for number in range(1, len(self.lines))]
        tests = [f"{which}{test}" for which, test in zip(beside, self.tests, strict=True)]
        return "\n".join(["Nested models", *aligned(rows), *tests, *errors])


def nested(lines: Sequence[ComparedLine]) -> list[Verdict]:
    """The F tests of what each model has more than the one before it, from residual sums of squares; the variance is the last one's."""
    about, last = "whether the weights that only the large model has are zero", lines[-1]
    found = []
    for small, large in pairwise(lines):
        more = small.df_residual - large.df_residual
        if more <= 0:
            raise OptionError("The large model has no weight that the small one lacks; there is nothing to test.")
        gain = max(small.rss - large.rss, 0.0)
        # If the small model is right, its gain per weight and what the last one leaves per degree of freedom both estimate sigma^2.
        statistic = gain / more / (last.rss / last.df_residual) if last.df_residual > 0 and last.rss > 0 else math.nan
        found.append(verdict("more weights", statistic, more, last.df_residual, about=about))
    return found
