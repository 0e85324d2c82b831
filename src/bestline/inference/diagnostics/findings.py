"""Findings: what the tests and the rows of a line give to think of, in plain words, each with the picture that shows it.

A finding needs a sizeable effect as well as a small p-value: with very many rows tiny effects are significant. The shape of the
mean comes first, then the spread of the errors, then their dependence, then their tails, for each may be the cause of what comes
after it; and a remedy is offered only for what has evidence of its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.errors import listed, readable
from bestline.inference.classical import t_two_sided
from bestline.inference.covariance.bartlett import lags_for
from bestline.inference.covariance.base import CovarianceKind
from bestline.inference.diagnostics.collinearity import INFLATED, Collinearity
from bestline.inference.diagnostics.remedies import Remedies
from bestline.inference.diagnostics.residual_sums import Lens
from bestline.inference.hypotheses import Verdict, verdict
from bestline.wording import fixed, percent, places, said, significant

LEVEL = 0.01  # of every test here
CAUSE = 0.1  # share of what is left over that a bend explains, from which on it may be why other tests fail
_PLAIN = 0.5  # share of what is left over that a bend explains, beyond which it comes before rows that move the line but little
_ALL_DIGITS = 1e15  # beyond it float64 has no decimals
_ASIDE = 3.5  # standard errors of the quantile skewness of symmetric errors, 1 / sqrt(n) for normal ones and somewhat more for heavy tails


@dataclass(frozen=True, slots=True)
class Row:
    """One row's influence; `row` counts from 1 over the whole table, as messages do."""

    row: int
    fitted: float
    resid: float
    hat: float
    std_resid: float
    rstudent: float
    cooksd: float


def told(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Rows as people read them: row, fitted, residual, leverage, standardised residual, Cook's distance.

    A fitted value is told to the place of the residuals, however large it is: from that place on it tells rows apart.
    """
    place = places(max((abs(row.resid) for row in rows), default=0.0), 4)

    def sized(value: float) -> str:
        return significant(value, 10) if place is None or abs(value) > _ALL_DIGITS else f"{value:,.{place}f}"

    return [
        (f"{r.row:,}", sized(r.fitted), sized(r.resid), significant(r.hat, 4), fixed(r.std_resid, 3), significant(r.cooksd, 4))
        for r in rows
    ]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that matters, in plain words, and the picture that shows it; the graver, the larger `weight`."""

    text: str
    panel: str
    weight: float

    @property
    def short(self) -> str:
        """What was found; reason and advice, which follow a colon, a semicolon or a full stop, left out."""
        return re.split(r"[:;.] ", self.text, maxsplit=1)[0].rstrip(".")


FITTED, QUANTILES, SPREAD, LEVERAGE = (
    "Residuals against fitted",
    "Normal Q-Q",
    "Scale and location",
    "Residuals against leverage",
)


# --- rows ----------------------------------------------------------------------------------------------------------------


def outlier(lens: Lens, count: int, rows: Sequence[Row]) -> Row | None:
    """The row farthest off the line fitted without it, where that is more than chance explains among so many rows."""
    far = max(rows, key=lambda r: abs(r.rstudent) if r.rstudent == r.rstudent else -1, default=None)
    if far is None or lens.basis.df <= 2:
        return None
    # Bonferroni: the farthest of n residuals is far by chance n times as often as one row's is (Cook & Weisberg 1982, 2.2.2).
    return far if count * t_two_sided(far.rstudent, lens.basis.df - 1) < LEVEL else None


def of_rows(lens: Lens, far: Row | None, rows: Sequence[Row], *, tails: bool) -> Iterator[Finding]:
    """Findings about single rows; with `tails` an outlier is one of many, and comes behind what is said of them."""
    most = max(rows, key=lambda r: r.cooksd if r.cooksd == r.cooksd else -1, default=None)
    # Cook & Weisberg (1982): at 1 the weights move to the edge of their own 50 % region, roughly; half of that is worth a look.
    if most is not None and most.cooksd > 0.5:
        much = "moves the line a lot" if most.cooksd > 1 else "moves the line noticeably"
        text = f"Row {most.row:,} {much} (Cook's distance {said(most.cooksd, 2)}): check it, and compare the line without it."
        yield Finding(text, LEVERAGE, 5 + min(most.cooksd, 2) + (most.cooksd > 1))
    alone = [r for r in rows if r.hat > 1 - lens.basis.alone]
    if alone and lens.basis.df > 0:
        text = f"Row {alone[0].row:,} determines a weight by itself (leverage 1): nothing can check it."
        yield Finding(text, LEVERAGE, 2.6)
    if far is not None:
        # The name of the residual stands here, for that of the table is another: there the row itself has part in line and spread.
        side = "above" if far.rstudent > 0 else "below"
        size = f"{fixed(abs(far.rstudent), 1)} standard deviations {side} the line of the other rows (studentised residual)"
        text = f"Row {far.row:,} lies {size}, more than chance explains where errors are normal."
        yield Finding(text, FITTED, 1.4 if tails else 2.0)


# --- errors --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bend:
    """A test of the shape: what is added to the line, and the share of what is left over that it explains.

    `robust` is the p-value where the errors may spread unequally, which an F test takes for a bend too often. Beyond `least` the share
    is sizeable.
    """

    test: Verdict
    robust: float
    by: str
    gain: float
    least: float
    remedy: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the tests have found of one target's errors.

    Attributes
    ----------
    rows : int
    bends : tuple of Bend
        Tests of the shape.
    uneven : tuple of Verdict
        Tests of the spread.
    fan : float
        Spread at high fitted values over that at low ones.
    skew, kurtosis : float
        Without the outlier that is named already, if there is one, so that no row is told of twice.
    aside : float
        Quantile skewness: of the upper tenth's edge, the median and the lower one's, (high + low - 2 middle) / (high - low).
    serial : float
        Durbin and Watson's statistic.
    kept : CovarianceKind
        The covariance that the line keeps.
    remedies : Remedies
        What the formula does not have yet.
    """

    rows: int
    bends: tuple[Bend, ...]
    uneven: tuple[Verdict, ...]
    fan: float
    skew: float
    kurtosis: float
    aside: float
    serial: float
    kept: CovarianceKind
    remedies: Remedies

    @property
    def cov(self) -> str:
        """The covariance that fits what was found, as `cov` takes it: the line's own where it allows for that.

        What a bend alone can cause asks for no other.
        """
        if self.allowed:
            return self.kept.text
        if self.alike:
            return f"hac:lags={max(1, lags_for('newey-west', self.rows))}"
        bent = self.bend is not None and self.bend.gain > CAUSE
        return "HC3" if self.is_uneven and not bent else "classical"

    @property
    def allowed(self) -> bool:
        """Whether the errors that the line keeps allow for what was found."""
        return self.kept.dependent if self.alike else self.kept.unequal

    @property
    def correlation(self) -> float:
        """Of the errors of neighbours: Durbin and Watson's statistic is nearly 2 (1 - r)."""
        return 1 - self.serial / 2

    @property
    def is_correlated(self) -> bool:
        """Whether that is more than chance: 3.3 standard errors of r, 1 / sqrt(n), one order of the rows in a thousand."""
        return self.rows >= 20 and abs(self.correlation) * self.rows**0.5 > 3.3

    @property
    def alike(self) -> float:
        """Correlation of neighbours where it is more than chance and more than a little; else 0."""
        return self.correlation if self.is_correlated and abs(self.correlation) > 0.2 else 0.0

    @property
    def bend(self) -> Bend | None:
        """The bend that explains most, of those with both: of a million rows one of nothing is significant, of ten a large one chance."""
        # Errors that are alike tell less: for smooth columns as much as (1 - r) / (1 + r) of as many rows (Bartlett 1935).
        share = _share_of_rows(self.alike)
        there = [b for b in self.bends if b.gain > b.least and _less(b.test, share).p_value < LEVEL]
        # Where the spread is unequal, whether it only looks bent; not where the bend is plain, which makes the spread unequal itself.
        there = [b for b in there if not self.is_uneven or b.gain > _PLAIN or b.robust < 0.05]
        return max(there, key=lambda b: b.gain, default=None)

    @property
    def is_uneven(self) -> bool:
        """Effects, and not p-values alone: of very many rows everything is significant."""
        # The squares of errors of correlation r have about r^2. The spread in the upper fifth over that in the lower, beside the tests:
        # half more, or a third less, is what eyes see.
        share = _share_of_rows(self.alike**2)
        return min(_less(t, share).p_value for t in self.uneven) < LEVEL and (not self.fan_is_small or self.explained > 0.1)

    @property
    def fan_is_small(self) -> bool:
        """Less than half more, and than a third less."""
        return 0.67 < self.fan < 1.5

    @property
    def explained(self) -> float:
        """Share of the squared residuals' variance that the columns explain."""
        return max(t.statistic for t in self.uneven) / self.rows

    @property
    def is_skewed(self) -> bool:
        """The bulk of the rows must lean as well as the far ones: a few far rows of heavy tails make a large skewness by chance."""
        leans = abs(self.aside) > max(_ASIDE / self.rows**0.5, 0.05) and self.aside * self.skew > 0
        return abs(self.skew) > 1 and leans

    @property
    def is_normal(self) -> bool:
        """Whether normal errors have such tails, by chance (`jarque_bera`)."""
        return not jarque_bera(self.rows, self.skew, self.kurtosis).p_value < LEVEL


def jarque_bera(rows: int, skew: float, kurtosis: float) -> Verdict:
    """Jarque & Bera (1987): skewness and kurtosis of normal errors vary by 6 / n and 24 / n."""
    return verdict("Jarque-Bera", rows / 6 * (skew**2 + (kurtosis - 3) ** 2 / 4), 2, about="normality: are the errors normal?")


def _share_of_rows(r: float) -> float:
    """How much evidence rows of correlation r are, beside as many that are independent; in turns they are taken for as much."""
    return (1 - max(r, 0.0)) / (1 + max(r, 0.0))


def _less(test: Verdict, share: float) -> Verdict:
    return verdict(test.name, test.statistic * share, *test.df)


def of_errors(found: Evidence) -> Iterator[Finding]:
    """Findings about the errors, and what may help."""
    bend = found.bend
    after = "; a bend alone can cause that: look again when it is mended." if bend is not None and bend.gain > CAUSE else ""
    if bend is not None:
        text = f"The residuals are bent: {bend.by} explain {percent(bend.gain)} of what the line leaves. {bend.remedy}"
        yield Finding(text, FITTED, 4 + bend.gain + (2 if bend.gain > _PLAIN else 0))
    if found.is_uneven:
        small = found.fan_is_small or not math.isfinite(found.fan)
        fan = "" if small else f", {said(found.fan, 2)} times as wide at high fitted values as at low ones"
        # Standard errors that allow for unequal spread alone take the rows for independent.
        both = (
            f"the line's standard errors ({found.kept.name}) allow for it"
            if found.allowed
            else "standard errors that allow for both are needed, see there"
            if found.alike
            else f"take heteroscedasticity-consistent standard errors (cov='HC3'), or {found.remedies.weights}"
        )
        text = f"The errors do not spread alike everywhere (heteroscedasticity){fan}{after or f': {both}.'}"
        yield Finding(text, SPREAD, 3 + min(found.explained, 0.5))
    if found.alike:
        yield Finding(_neighbours(found, after), FITTED, 3.6 if not after else 2.9)
    if not found.is_normal and found.is_skewed:
        help_ = f" {found.remedies.skew}" if found.skew > 0 else ""
        remedy = after or f": prediction intervals are off in the tails.{help_}"
        yield Finding(f"The errors are skewed, they lean to one side (skewness {fixed(found.skew, 1)}){remedy}", QUANTILES, 1.5)
    elif not found.is_normal and found.kurtosis > 6:
        more = (
            "Errors that spread unevenly look like that, too."
            if found.is_uneven
            else "loss='huber' and loss='absolute' (least absolute deviations) are drawn less by far rows."
        )
        remedy = after or f": prediction intervals are off in the tails. {more}"
        tails = f"kurtosis {said(found.kurtosis, 3)}, of normal errors 3"
        yield Finding(f"The errors have heavy tails ({tails}){remedy}", QUANTILES, 1.5)


def _neighbours(found: Evidence, after: str) -> str:
    text = f"The errors of neighbouring rows are correlated (autocorrelation {found.alike:.2f})"
    if after:
        return f"{text}{after}"
    if found.allowed:
        return f"{text}: the line's standard errors ({found.kept.name}) are of a kind that allows for it."
    wrong = "as a rule too small" if found.alike > 0 else "wrong, as a rule too large"
    lags = max(1, lags_for("newey-west", found.rows))
    return (
        f"{text}. If the order of the rows means something, such as time, classical standard errors are {wrong}, and HC0 to HC3 do not mend "
        f"that: take cov={{'hac': column, 'lags': {lags}}} (Newey-West; column None for rows as they stand), of several units at each time "
        f"cov={{'driscoll-kraay': column}}. For rows that come in groups: cov={{'cluster': column}}."
    )


def fan_of(profile: Tensor) -> float:
    """Spread of the standardised residuals in the highest fifth of the fitted values, over that in the lowest."""
    count, squares = profile[:, 0], profile[:, 3]
    occupied = torch.nonzero(count)[:, 0]
    if len(occupied) < 2:
        return 1.0
    # Whole cells that lie within the lowest and the highest fifth of the rows, and the outermost ones in any case.
    upto = count.cumsum(0) / count.sum()
    low, high = upto <= 0.2, upto - count / count.sum() >= 0.8
    low[occupied[0]], high[occupied[-1]] = True, True
    below, above = squares[low].sum() / count[low].sum(), squares[high].sum() / count[high].sum()
    return float((above / below).sqrt()) if below > 0 else math.inf


# --- columns -------------------------------------------------------------------------------------------------------------


def of_columns(collinear: Collinearity, remedies: Remedies) -> Iterator[Finding]:
    """Findings about the columns; the picture is that of the coefficients with their intervals."""
    worst = collinear.worst
    slopes = () if worst is None else tuple(n for n in worst[1] if n != "Intercept")
    inflated = [v for v in collinear.vif.values() if v > INFLATED]
    if worst is not None and len(slopes) > 1 and inflated:
        sizes = f"multicollinearity: condition index {said(worst[0])}, largest VIF {said(max(inflated))}"
        text = f"{listed(slopes)} are nearly collinear ({sizes}): {remedies.apart(slopes)}"
        yield Finding(text, "Coefficients", 2.5)
    for name, others in collinear.aliased.items():
        if name not in collinear.constant:
            text = f"{readable(name)} is a linear combination of {listed(others)}; it says nothing new."
            yield Finding(text, "Coefficients", 2.7)
    for names, what in ((collinear.constant, "constant"), (collinear.nearly_constant, "nearly constant beside the mean")):
        if names:
            yield Finding(f"{listed(names)} {'is' if len(names) == 1 else 'are'} {what}.", "Coefficients", 1.2)
    if collinear.far_units:
        text = f"{listed(collinear.far_units)} differ a million times in size: other units would make their weights readable."
        yield Finding(text, "Coefficients", 1.0)
