"""Analysis of variance: what each term of a formula explains beside which others, as one test for all its columns.

    type I      each term beside those that stand before it in the formula
    type II     each term beside all others but those that contain it, as a:b contains a
    type III    each term beside all others; the effect of a category is averaged evenly over the levels of those it interacts with

A term's sum of squares is that of the weights that a line of these terms would lose, w'(V/s^2)^-1 w of its columns; F divides it by the
residual variance. Under robust errors the same is Wald's test with their covariance in place of the classical one, and there are no
sums of squares. All of it comes from the moments. Sources: Nelder (1977, JRSS A 140:48-77) for type II, Yates (1934, JASA 29:51-66)
for type III; under robust errors Fox & Weisberg's `Anova` of R's package car.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bestline.data.design import Design, by_term, made_of
from bestline.errors import NumericalError, OptionError, listed, readable
from bestline.inference import classical
from bestline.inference.covariance.base import Cov
from bestline.inference.covariance.sandwich import Covariance
from bestline.inference.fitted import FittedLine
from bestline.inference.hypotheses import in_turn, verdict
from bestline.inference.uncertainty import covariance, target_number
from bestline.inference.why_not import refuse
from bestline.numerics import Bowl, Scaling
from bestline.wording import aligned, finite, p_value, plain, preformatted, significant

if TYPE_CHECKING:
    from pandas import DataFrame

KINDS = {1: "I", 2: "II", 3: "III"}
_BESIDE = {
    1: "Each term beside those above it.",
    2: "Each term beside all others, but for those that contain it.",
    3: "Each term beside all others; effects of a category are averaged evenly over the levels of those that it interacts with.",
}


@dataclass(frozen=True, slots=True)
class TermTest:
    """What one term explains; NaN where a number is not defined.

    Attributes
    ----------
    term : str
    df : int
        Weights of the term that the data determine beside those of the terms that it is held against.
    sum_sq, mean_sq : float
        What it explains of the (weighted) sum of squares; NaN under robust errors.
    statistic, p_value : float
        Of F, with `df` and the residual degrees of freedom.
    partial_r2 : float
        Its share of what the terms that it is held against leave: sum_sq / (sum_sq + residual sum of squares). NaN under robust errors.
    """

    term: str
    df: int
    sum_sq: float
    mean_sq: float
    statistic: float
    p_value: float
    partial_r2: float


@dataclass(frozen=True, slots=True, eq=False)
class Anova:
    """The analysis of variance of a line: `print` it, or take `frame()`.

    Attributes
    ----------
    formula, target : str
    kind : int
        1, 2 or 3.
    terms : tuple of TermTest
        In the order of the formula.
    df_residual : int
        Rows less weights.
    rss : float
        Residual sum of squares.
    df_denominator : int
        Of F: those of the residuals, or clusters less one.
    cov : str
        What the standard errors of the tests are called.
    """

    formula: str
    target: str
    kind: int
    terms: tuple[TermTest, ...]
    df_residual: int
    rss: float
    df_denominator: int
    cov: str = "classical"

    def frame(self) -> DataFrame:
        """A row a term, and one for the residuals: term, df, sum_sq, mean_sq, statistic, p_value, partial_r2."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in (*self.terms, self._residual)])

    @property
    def _residual(self) -> TermTest:
        mean = self.rss / self.df_residual if self.df_residual > 0 else math.nan
        return TermTest("Residuals", self.df_residual, self.rss, mean, math.nan, math.nan, math.nan)

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready."""
        rows = [{name: finite(value) for name, value in asdict(row).items()} for row in self.terms]
        return {
            "formula": self.formula,
            "target": self.target,
            "kind": self.kind,
            "terms": rows,
            "df_residual": self.df_residual,
            "rss": finite(self.rss),
            "df_denominator": self.df_denominator,
            "cov": self.cov,
        }

    def __str__(self) -> str:
        head, squares = ["", "df"], self.cov == "classical"
        head += ["sum of squares", "mean square"] if squares else []
        share = ["partial R2"] if squares else []
        rows = [[*head, "F", "p", *share]]
        for row in (*self.terms, self._residual):
            sums = [significant(row.sum_sq), significant(row.mean_sq)] if squares else []
            tested = ["", ""] if row.term == "Residuals" else [significant(row.statistic, absent="-"), p_value(row.p_value)]
            part = [] if not squares else [""] if row.term == "Residuals" else [significant(row.partial_r2, 4, absent="-")]
            rows.append([plain(row.term, 60), f"{row.df:,}", *sums, *tested, *part])
        errors = [] if squares else [f"Standard errors: {self.cov}; the denominator of F has {self.df_denominator:,} df."]
        title = f"Analysis of variance, type {KINDS[self.kind]}: {plain(self.formula, 100)}"
        return "\n".join([title, "", *aligned(rows, numbers=True), "", _BESIDE[self.kind], *errors])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return preformatted(str(self))


def anova(line: FittedLine, kind: int | str = 2, cov: Cov | None = None, data: Any = None, *, target: int | str = 0) -> Anova:
    """The analysis of variance of a least-squares line, term by term; statsmodels' `anova_lm`, R's `anova` and car's `Anova`.

    Parameters
    ----------
    line : FittedLine
    kind : {1, 2, 3}
        The type of the sums of squares; see the module. Type III does not depend on which level of a category is the reference.
    cov, data
        As in `covariance`; robust errors make Wald tests, without sums of squares.
    target : int or str

    Raises
    ------
    OptionError
        For another kind.
    NumericalError
        For penalties, other losses and own forward functions; for type III where the data do not determine all weights, as with empty
        cells; under robust errors where columns say the same, and where few clusters cannot test so many weights.
    """
    kind, at = _kind(kind), target_number(line, target)
    inference = refuse(line, "There is no analysis of variance")
    errors = covariance(line, cov, data)
    robust = errors if isinstance(errors, Covariance) else None
    _refuse_undetermined(line, inference, robust, at, kind)
    terms = by_term(line.design.columns)
    found = _chains(line, inference, robust, at, terms, kind)
    variance = float(inference.sigma[at]) ** 2 if robust is None else 1.0
    rss = float(inference.rss[at])
    rows = tuple(_tested(term, *found[term], variance, errors.df, rss if robust is None else math.nan) for term in terms)
    return Anova(line.design.formula, line.targets[at], kind, rows, inference.df_resid, rss, errors.df, errors.title)


def _kind(kind: Any) -> int:
    known: dict[int | str, int] = {
        **{number: number for number in KINDS},
        **{str(n): n for n in KINDS},
        **{roman: n for n, roman in KINDS.items()},
    }
    if isinstance(kind, bool) or not isinstance(kind, int | str) or kind not in known:
        raise OptionError(f"`kind` is the type of the sums of squares: 1, 2 or 3; got {readable(repr(kind))}.")
    return known[kind]


def _refuse_undetermined(
    line: FittedLine, inference: classical.Inference, robust: Covariance | None, at: int, kind: int
) -> None:
    """Raise NumericalError where the data do not determine what is to be tested."""
    same = [line.names[alias.column] for alias in inference.aliased]
    if kind == 3 and same:
        raise NumericalError(
            f"The data do not determine {listed(same)}: other columns say the same, or no row has such levels together; so type III has no "
            f"effect to average. Ask for kind=2 or kind=1."
        )
    if robust is None:
        return
    joint = [line.names[alias.column] for alias in inference.aliased if alias.on]
    if joint and (line.shares or kind != 1):
        raise NumericalError(
            f"{listed(joint)} say what other columns say, so there is no test of each term by {robust.title} errors; leave them out of the "
            f"formula."
        )
    lacking = [line.names[j] for j in inference.kept if math.isnan(float(robust.std_error[at, j]))]
    if lacking:
        raise NumericalError(
            f"Of {listed(lacking)} there is no standard error ({robust.title}), so the term has no test; use another covariance."
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Weights:
    """Slopes (p,) with their covariance (p, p), and which of them the data determine beside those before them."""

    weights: Tensor
    covariance: Tensor
    kept: frozenset[int]

    def picks(self, columns: Sequence[int]) -> Tensor:
        """The restrictions (m, p) that these weights are zero, of those that are determined."""
        return torch.eye(len(self.weights), dtype=torch.float64)[[j for j in columns if j in self.kept]]


def _chains(
    line: FittedLine,
    inference: classical.Inference,
    robust: Covariance | None,
    at: int,
    terms: dict[str, list[int]],
    kind: int,
) -> dict[str, tuple[int, float]]:
    """Of each term its degrees of freedom and what it explains: a sum of squares, or Wald's statistic by robust errors."""
    every = list(range(line.design.p))

    def beside(order: Sequence[int]) -> _Weights:
        if robust is not None:
            p = line.design.p
            return _Weights(line.weights[:p, at], robust.covariance[at][:p, :p], frozenset(inference.kept))
        return _classical(line, inference, at, order)

    if kind == 1:
        own = beside(every)
        # From the last term to the first: each is held against those before it once those behind it are gone.
        blocks = {term: own.picks(columns) for term, columns in reversed(terms.items())}
        explained = in_turn(list(blocks.values()), own.weights, own.covariance)
        return {term: (len(A), value) for (term, A), value in zip(blocks.items(), explained, strict=True)}
    found = {}
    for term, columns in terms.items():
        # What contains the term goes out first, by type II: there it is held against the others alone.
        above = [j for those in terms.values() if _contains(line.design, those, columns) for j in those]
        gone = above if kind == 2 else []
        rest = sorted(set(every) - {*columns, *gone})
        own = beside([*rest, *columns, *gone])
        A = _averaged(line.design, [j for j in columns if j in own.kept], rest)
        found[term] = len(A), in_turn([own.picks(gone), A], own.weights, own.covariance)[-1]
    return found


def _classical(line: FittedLine, inference: classical.Inference, at: int, order: Sequence[int]) -> _Weights:
    """Least squares in a variance of one; of columns that say the same, the first in this order are kept."""
    p, k = line.design.p, len(line.targets)
    if not any(alias.on for alias in inference.aliased):
        kept, weights, core = list(inference.kept), line.exact_weights[list(inference.kept), at], inference.core
    else:
        # Which of the columns that say the same are kept depends on the order, so each order has a line of its own.
        own = line.training[[*order, *range(p, p + k)]]
        found = classical.infer(own, Scaling.of(own, p, intercept=line.design.intercept, standardize=True), shared=False)
        kept, core = [order[j] for j in found.kept], found.core
        own = line.training[[*kept, *range(p, p + k)]]
        scaling = Scaling.of(own, len(kept), intercept=line.design.intercept, standardize=True)
        weights = scaling.to_data(Bowl.of(own, scaling).bottom)[: len(kept), at]
    slopes, covariance = torch.zeros(p, dtype=torch.float64), torch.zeros((p, p), dtype=torch.float64)
    index = torch.tensor(kept, dtype=torch.long)
    slopes[index], covariance[index[:, None], index[None]] = weights, core
    return _Weights(slopes, covariance, frozenset(kept))


def _contains(design: Design, large: Sequence[int], small: Sequence[int]) -> bool:
    """Whether a term has all factors of another, and more: a:b contains a."""
    return made_of(design.columns[j] for j in large) > made_of(design.columns[j] for j in small)


def _averaged(design: Design, own: Sequence[int], others: Sequence[int]) -> Tensor:
    """The restrictions (m, p) that a term's weights are zero, once effects are averaged over the levels of other categories.

    They are those of a coding in which the levels' effects add up to zero, whatever the coding of the columns is: a function of
    levels is a sum of products of indicators; the mean of an indicator over its L levels is 1 / L, and the reference level's is one less
    all others. `others` are the columns of the line that may share the effect.
    """
    categories = {i for i, factor in enumerate(design.factors) if factor.kind == "category"}
    parts = [dict(column.parts) for column in design.columns]
    # Only columns with the same numbers in them share an effect.
    alike: dict[frozenset[tuple[int, int]], list[int]] = {}
    for o in others:
        alike.setdefault(_of_numbers(parts[o], categories), []).append(o)
    A = torch.zeros((len(own), design.p), dtype=torch.float64)
    for row, j in enumerate(own):
        numbers = _of_numbers(parts[j], categories)
        # Each column of a spline or polynomial is an effect of its own.
        alone = [o for o in own if parts[o].keys() == parts[j].keys() and _of_numbers(parts[o], categories) == numbers]
        product = [parts[o] for o in alone]
        # A category is in full where its reference has a column: then its levels are looked at, and not how they differ.
        full = {i for i in categories & parts[j].keys() if any(design.factors[i].place(each[i]) == 0 for each in product)}
        differ = (categories & parts[j].keys()) - full
        for o in (*alone, *alike.get(numbers, ())):
            if differ <= parts[o].keys():
                A[row, o] = _share(design, parts[j], parts[o], categories, full)
    return A


def _of_numbers(parts: dict[int, int], categories: set[int]) -> frozenset[tuple[int, int]]:
    return frozenset(part for part in parts.items() if part[0] not in categories)


def _share(design: Design, at: dict[int, int], parts: dict[int, int], categories: set[int], full: set[int]) -> float:
    """How much a column of these parts adds to the averaged weight of the column `at`."""
    share = 1.0
    for i in categories & {*at, *parts}:
        if i in full and i not in parts:
            continue
        values = design.factors[i].at_levels(parts[i])
        level = design.factors[i].place(at[i]) if i in at else 0
        # Averaged evenly over the levels, whatever their shares among the rows; a level's own column counts by how it differs from the reference.
        share *= fmean(values) if i not in at else values[level] if i in full else values[level] - values[0]
    return share


def _tested(term: str, df: int, explained: float, variance: float, denominator: int, rss: float) -> TermTest:
    """The test of a term; without `rss` what it explains is no sum of squares."""
    mean = explained / df if df else math.nan
    statistic = mean / variance if denominator > 0 and variance > 0 else math.nan
    test = verdict(term, statistic, df, denominator)
    if math.isnan(rss):
        explained = mean = math.nan
    # Cohen (1973): sum of squares over itself and the residuals', whatever other terms explain.
    share = explained / (explained + rss) if explained + rss > 0 else math.nan
    return TermTest(term, df, explained, mean, test.statistic, test.p_value, share)
