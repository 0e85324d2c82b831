"""Subsets: the best of all lines that leave out some terms of one, by a criterion that makes up for their number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from bestline.calls import checked, is_whole, no_such
from bestline.data.design import by_term, factors_of, made_of, narrowed
from bestline.data.design.weight_kinds import PROBABILITY
from bestline.errors import ColumnError, NumericalError, OptionError, readable
from bestline.inference import classical
from bestline.inference.fitted import FittedLine
from bestline.inference.selection.criteria import CRITERIA, Worth, worth
from bestline.inference.selection.space import TermSpace
from bestline.inference.uncertainty import target_number
from bestline.inference.why_not import refuse
from bestline.numerics import Scaling
from bestline.wording import aligned, count, finite, fixed, plain, preformatted, significant

if TYPE_CHECKING:
    from pandas import DataFrame

_BEST = 10  # lines of `frame`
_CLOSE = 2.0  # of AIC and BIC: less is "not worth more than a bare mention" (Kass & Raftery 1995, JASA 90:773-795)
_DIGITS = 1e4  # times what is rounding: four digits are known of what is larger


@dataclass(frozen=True, slots=True)
class Subset:
    """One line of some of the terms, by the figures that a fit of it has; NaN where one is not defined.

    Attributes
    ----------
    size : int
        How many terms.
    weights : int
        How many weights the data determine, the intercept included, and those of absorbed effects.
    rss, r_squared, adj_r_squared, cp, aic, bic : float
        Residual sum of squares, and as in `glance`; Mallows' Cp with the residual variance of the line of all terms.
    cv_rmse : float
        Root mean squared error out of fold; NaN unless it is what the lines were judged by.
    formula : str
    terms : tuple of str
    """

    size: int
    weights: int
    rss: float
    r_squared: float
    adj_r_squared: float
    cp: float
    aic: float
    bic: float
    cv_rmse: float
    formula: str
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Subsets:
    """The best subsets of a line's terms: `print` it, or take `best`, `frame()` and `sizes()`.

    Attributes
    ----------
    formula, target : str
        Of the line of all terms, and the target it is of: of several targets the formula has this one.
    by : str
        The criterion: "aic", "bic", "cp", "adj_r_squared" or "cv".
    rows, tried : int
        How many rows, and how many subsets there are.
    close : int
        Of AIC and BIC, how many others are within 2 of the best; subsets whose columns say the same are one line.
    top : tuple of Subset
        The ten best, the best first.
    by_size : tuple of Subset
        The best of each number of terms.
    kept : tuple of str
        Terms that are in all of them.
    notes : tuple of str
        What to know of this search.
    """

    formula: str
    target: str
    by: str
    rows: int
    tried: int
    close: int
    top: tuple[Subset, ...]
    by_size: tuple[Subset, ...]
    kept: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def best(self) -> str:
        """The formula of the best line: fit it to other rows than these, and its errors are honest."""
        return self.top[0].formula

    @property
    def terms(self) -> tuple[str, ...]:
        """The terms of the best line: `features` of a fit to the same moments."""
        return self.top[0].terms

    def frame(self) -> DataFrame:
        """The ten best, a row each: size, weights, rss, r_squared, adj_r_squared, cp, aic, bic, cv_rmse, formula."""
        return _frame(self.top)

    def sizes(self) -> DataFrame:
        """The best of each number of terms, in the same columns."""
        return _frame(self.by_size)

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready."""
        told: dict[str, Any] = {"formula": self.formula, "target": self.target, "by": self.by, "rows": self.rows}
        told |= {"tried": self.tried, "close": self.close, "kept": list(self.kept), "best": self.best}
        lines = {"top": self.top, "sizes": self.by_size}
        for name, some in lines.items():
            told[name] = [{key: finite(value) for key, value in asdict(line).items()} for line in some]
        return {**told, "notes": list(self.notes)}

    def __str__(self) -> str:
        criterion = CRITERIA[self.by]
        title = f"Best subsets by {criterion.said}: {plain(self.formula, 100)}"
        tried = f"{count(self.tried, 'line')} of {count(self.rows, 'row')}; the best of each number of terms:"
        names = dict.fromkeys(["rss", "adj_r_squared", "cp", "aic", "bic", criterion.figure])
        heads = {"rss": "RSS"} | {one.figure: one.head for one in CRITERIA.values()}
        rows = [["terms", "", "weights", *(heads[name] for name in names)]]
        for line in self.by_size:
            marked = "*" if line.terms == self.terms else ""
            # AIC and BIC as in summaries, tables and reports.
            numbers = [
                fixed(value, 1) if name in ("aic", "bic") else significant(value)
                for name, value in ((name, getattr(line, name)) for name in names)
            ]
            rows.append([str(line.size), marked, str(line.weights), *numbers])
        # Formulas are words: they stand to the left, behind columns of numbers that stand to the right.
        told = [
            f"{row}  {plain(self._right(line), 70)}"
            for row, line in zip(aligned(rows, numbers=True)[1:], self.by_size, strict=True)
        ]
        head = aligned(rows, numbers=True)[0]
        near = [f"{count(self.close, 'other')} within {_CLOSE:g} of its {criterion.said}: the data hardly tell them apart."]
        text = [title, "", tried, "", head, *told, "", f"Best: {self.best}", *(near if self.close else [])]
        return "\n".join([*text, "", *self.notes])

    def _right(self, line: Subset) -> str:
        return line.formula.partition("~")[2].strip()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return preformatted(str(self))


def _frame(lines: Sequence[Subset]) -> DataFrame:
    import pandas as pd

    return pd.DataFrame([{name: value for name, value in asdict(line).items() if name != "terms"} for line in lines])


@checked
def subsets(
    line: FittedLine, by: str = "bic", *, most: int | None = None, keep: str | Sequence[str] = (), target: int | str = 0
) -> Subsets:
    """The best of all lines that leave out some terms of a least-squares line, from its moments: no row is read again.

    A term is in or out as a whole, with all levels of a category and all columns of a spline. An interaction comes only with what it is
    made of (marginality); powers such as I(x ** 2) are terms of their own. R's `leaps::regsubsets` and `bestglm` choose among columns.

    Parameters
    ----------
    line : FittedLine
        Of all terms; at most 20 of them to choose from.
    by : {"bic", "aic", "cp", "adj_r_squared", "cv"}
        The Bayesian or Akaike's information criterion, Mallows' Cp, adjusted R2, or the error out of fold, by the folds of the fit.
    most : int, optional
        Most terms of a line.
    keep : str or sequence of str, optional
        Terms that stay in; what they rest on stays with them.
    target : int or str
        Which target, of several: each has its own best line.

    Returns
    -------
    Subsets

    Raises
    ------
    OptionError, ColumnError
        For another criterion, a term that the line lacks, too many terms; under probability weights for criteria of a likelihood; for
        by="cv" with absorbed effects, fewer than two folds, or a level in one fold alone.
    NumericalError
        For penalties, bounds, other losses and own forward functions, and where no line leaves a degree of freedom.

    Notes
    -----
    What is least of so many is least by chance, too: the criterion of the best line flatters, and the errors, p-values and intervals of a
    fit to the same rows take its terms for given (Breiman 1992, JASA 87:738-754). Judge it on rows held out before the search.
    Columns that others say already add no weight. Source: Furnival & Wilson (1974, Technometrics 16:499-511).
    """
    by, at = _criterion(line, by), target_number(line, target)
    if line.plan.penalised:
        raise NumericalError(
            "There are no best subsets under a penalty, which shrinks weights instead; fit with solver='exact'."
        )
    inference = refuse(line, "There are no best subsets")
    if by == "cp" and inference.df_resid <= 0:
        raise OptionError(
            "Mallows' Cp needs the residual variance of the line of all terms, which has no degree of freedom; by='bic' does not."
        )
    known = by_term(line.design.columns)
    if not known:
        raise OptionError(f"The line {readable(line.design.formula)} has no terms to choose from.")
    space = TermSpace.of(line, _kept(keep, line, known))
    found = worth(line, inference, space, CRITERIA[by], at, _most(most, space, len(known)))
    told = _Figures(line, inference, space, found, at)
    order = found.order
    sizes = space.size[order]
    # The order is the best first, so the first of a size is its best.
    first = [int(order[sizes == size][0]) for size in sizes.unique().tolist()]
    return Subsets(
        formula=narrowed(line.design.formula, known, at),
        target=line.targets[at],
        by=by,
        rows=line.training.count,
        tried=len(order),
        close=found.close(_CLOSE) if CRITERIA[by].information else 0,
        top=tuple(map(told.subset, order[:_BEST].tolist())),
        by_size=tuple(map(told.subset, first)),
        kept=space.kept,
        notes=_notes(line, by, space, found),
    )


def _criterion(line: FittedLine, by: Any) -> str:
    name = by.strip().lower().replace("-", "_") if isinstance(by, str) else by
    if not isinstance(name, str) or name not in CRITERIA:
        raise no_such("criterion", by, CRITERIA)
    if line.design.weight_kind == PROBABILITY and CRITERIA[name].likelihood:
        raise OptionError(
            f"Of a sample with probability weights there is no likelihood, and so no {CRITERIA[name].said}; choose by='cv'."
        )
    if name == "adj_r_squared" and line.about_zero:
        raise OptionError("Of lines without a constant some have an R2 about zero and others about the mean; choose by='bic'.")
    return name


def _kept(keep: Any, line: FittedLine, known: dict[str, list[int]]) -> list[str]:
    terms = [keep] if isinstance(keep, str) else list(keep) if isinstance(keep, Sequence | set | frozenset) else None
    if terms is None or not all(isinstance(term, str) for term in terms):
        raise OptionError(f"`keep` names terms that stay in every line, such as ['x', 'C(g)']; got {readable(repr(keep))}.")
    by_factors = {made_of(line.design.columns[j] for j in own): term for term, own in known.items()}
    found = [term if term in known else by_factors.get(factors_of(line.design, term)) for term in terms]
    for term, own in zip(terms, found, strict=True):
        if own is None:
            raise ColumnError.missing(term, known, "the formula", what="term")
    return [term for term in found if term is not None]


def _most(most: Any, space: TermSpace, terms: int) -> int:
    if most is None:
        return terms
    if not is_whole(most) or not max(1, len(space.kept)) <= most:
        least = f"{len(space.kept)}, as many as are kept" if len(space.kept) > 1 else "1"
        raise OptionError(f"`most` is a number of terms, at least {least}; got {readable(repr(most))}.")
    return min(int(most), terms)


@dataclass(frozen=True, slots=True, eq=False)
class _Figures:
    """Tells subsets by the figures that a fit of them has."""

    line: FittedLine
    inference: classical.Inference
    space: TermSpace
    worth: Worth
    target: int

    def subset(self, number: int) -> Subset:
        """One of the subsets."""
        line, terms = self.line, self.space.held(number)
        columns = [j for term in terms for j in self.space.terms[term]]
        # By the same functions as a fit, and not from the search: so its figures are those of a fit to the last digit.
        own = line.training[[*columns, line.design.p + self.target]]
        scaling = Scaling.of(own, len(columns), intercept=line.design.intercept, standardize=True)
        taken, absorbed = line.design.levels_taken, line.design.absorbed
        found = classical.infer(own, scaling, shared=False, taken=taken)
        constant = not line.design.intercept and classical.constant_of(own, len(columns)) is not None
        squares = None if absorbed is None else float(absorbed.squares[self.target])
        glance = classical.glance(own, found, intercept=line.design.intercept, constant=constant, squares=squares, taken=taken)
        if line.design.weight_kind == PROBABILITY:
            glance = replace(glance, aic=math.nan, bic=math.nan)
        rss, whole = float(found.rss[0]), self.inference
        # A ratio of rounding would say nothing: the line of all terms is the last subset.
        judged = whole.df_resid > 0 and float(self.worth.left[-1]) > self.worth.floor
        scale = float(whole.rss[self.target]) / whole.df_resid if judged else math.nan
        weights = found.rank + taken
        return Subset(
            size=len(terms),
            weights=weights,
            rss=rss,
            r_squared=glance.r_squared,
            adj_r_squared=glance.adj_r_squared,
            cp=rss / scale - own.count + 2 * weights if scale > 0 else math.nan,
            aic=glance.aic,
            bic=glance.bic,
            cv_rmse=math.sqrt(float(self.worth.error[number])),
            formula=narrowed(line.design.formula, terms, self.target),
            terms=terms,
        )


def _notes(line: FittedLine, by: str, space: TermSpace, found: Worth) -> tuple[str, ...]:
    """What to know of the search."""
    notes, tried, left = [], len(found.order), float(found.left[found.order[0]])
    if not space.free:
        notes.append("All terms are kept, so nothing is left to choose: this is the line itself.")
    if tried > 1:
        notes.append(
            f"The best of {tried:,} lines was looked for in these rows: its {CRITERIA[by].said} flatters, and the errors, p-values and intervals of "
            f"a fit to the same rows do not hold. Judge it on rows held out before the search, or let cv='lasso' choose."
        )
    if left <= found.floor:
        notes.append("It leaves nothing of the target but rounding; of such lines the one of the fewest terms is taken.")
    elif left < _DIGITS * found.lost:
        notes.append(
            "The best lines leave so little of the target, or their columns are so nearly collinear, that moments have few digits of it: near "
            "ones may change places."
        )
    if line.robust is not None and not CRITERIA[by].by_folds:
        notes.append(
            f"{CRITERIA[by].said} takes errors for independent and alike, while the line's standard errors ({line.robust.title}) do not; by='cv' "
            f"with whole groups as folds asks for less."
        )
    if line.collected.dropped:
        notes.append(
            f"{count(line.collected.dropped, 'row')} with a missing value in any column of the search left out; a fit of the best line to the "
            f"table may take some of them."
        )
    return tuple(notes)
