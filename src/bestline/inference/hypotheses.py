"""Hypotheses: is what we see of several weights at once more than chance? Wald's test, the F test of nested models, and information criteria.

    F = (A w - c)' (A V A')^-1 (A w - c) / m        with m restrictions A w = c and V the covariance of w

Restrictions are written as people write them, `weight = 0, horsepower = 2 * weight`, and read by a small parser of their own:
nothing is evaluated as code. With V classical this is the F test of the model with the restrictions against the model without.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from bestline.errors import NumericalError, OptionError, readable
from bestline.inference.restrictions import SAME, Restrictions, restricted
from bestline.numerics import eigenvalues, of_one_size
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
        raise NumericalError(f"The data do not determine {readable(blind[0])}, so nothing can be tested about it.")
    if len(A) > df:
        raise NumericalError(f"{len(A)} restrictions cannot be tested with {df} degrees of freedom; test fewer at once.")
    used = torch.nonzero(touched)[:, 0]
    V, size = of_one_size(covariance[used][:, used])
    scaled = A[:, used] * size  # every weight in its own standard error, so that units do not matter
    # Each restriction in units of its own: A and 3 A are the same restriction, and must give the same digits.
    length = scaled.norm(dim=1)
    apart = (A[:, used] @ weights[used] - c) / length
    B = scaled / length[:, None]
    # d'(B V B')^-1 d = |L^-1 d|^2: no inverse is made, and L's pivots tell restrictions that repeat each other.
    factor, failed = torch.linalg.cholesky_ex(B @ V @ B.T)
    if failed and bool(eigenvalues(B @ V @ B.T)[0] < -SAME):
        raise NumericalError(
            f"The covariance is not positive, as few clusters can make it, so it has no test of {text}; test less at once."
        )
    if failed or float(factor.diagonal().min()) <= SAME:
        raise OptionError(f"The restrictions repeat or contradict each other, or more are tested than vary: {text}.")
    solved = torch.linalg.solve_triangular(factor, apart[:, None], upper=False)
    return verdict(text, float((solved**2).sum()) / len(A), len(A), df, about=about)


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
    """Two nested models of the same rows: does the larger one explain more than chance would?

    Attributes
    ----------
    small, large : ComparedLine
    test : Verdict
        Of the weights that only the large model has being zero.
    cov : str
        What the standard errors of the test are called.
    """

    small: ComparedLine
    large: ComparedLine
    test: Verdict
    cov: str = "classical"

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready."""
        sides = {"small": self.small, "large": self.large}
        return (
            {which: {n: finite(v) for n, v in asdict(line).items()} for which, line in sides.items()}
            | self.test.facts
            | {"cov": self.cov}
        )

    def __str__(self) -> str:
        rows = []
        for which, line in (("small", self.small), ("large", self.large)):
            left_over = f"RSS {significant(line.rss)} on {line.df_residual:,} df"
            rows.append((f"  {which}", line.formula, left_over, f"AIC {fixed(line.aic, 2)}", f"BIC {fixed(line.bic, 2)}"))
        errors = [] if self.cov == "classical" else [f"  Standard errors: {self.cov}"]
        return "\n".join(["Nested models", *aligned(rows), f"  {self.test}", *errors])


def nested(small: ComparedLine, large: ComparedLine) -> Verdict:
    """The F test of the large model's own weights, from the residual sums of squares of both."""
    more = small.df_residual - large.df_residual
    about = "whether the weights that only the large model has are zero"
    if more <= 0:
        raise OptionError("The large model has no weight that the small one lacks; there is nothing to test.")
    gain = max(small.rss - large.rss, 0.0)
    # If the small model is right, its gain per weight and what the large one leaves per degree of freedom both estimate sigma^2.
    statistic = gain / more / (large.rss / large.df_residual) if large.df_residual > 0 and large.rss > 0 else math.nan
    return verdict("more weights", statistic, more, large.df_residual, about=about)
