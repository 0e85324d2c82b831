"""Diagnosis: what a second look at the rows says of a line. R's four panels, the rows that move it, tests of what it takes for granted.

The tests follow from moments of a few more columns than the line's own, so that they cost one pass, whatever the number of rows.
What matters comes first, in plain words and with the picture that shows it; it takes an effect, and not a p-value alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from bestline.errors import listed, readable
from bestline.inference.classical import infer, t_two_sided
from bestline.inference.diagnostics.collinearity import INFLATED, Collinearity
from bestline.inference.diagnostics.residual_sums import CROSSED, TOP, Lens, ResidualSums
from bestline.inference.hypotheses import Verdict, verdict
from bestline.numerics import Comoments, Scaling
from bestline.wording import bulleted, finite, plain

_NAN = float("nan")
_CAUSE = 0.1  # share of what is left over that a bend explains, from which on it may be why other tests fail
_PLAIN = 0.5  # share of what is left over that a bend explains, beyond which it comes before rows that move the line but little


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


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that matters, in plain words, and the picture that shows it; the graver, the larger `weight`."""

    text: str
    panel: str
    weight: float


FITTED, QUANTILES, SPREAD, LEVERAGE = (
    "Residuals against fitted",
    "Normal quantiles",
    "Scale and location",
    "Residuals against leverage",
)


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """What a second look at the rows says of a least-squares line; `print` it, or take its facts.

    Attributes
    ----------
    formula, target : str
    rows : int
    sigma : float
        Residual standard deviation of a row of mean weight, in the data's units.
    skew, kurtosis : float
        Of the residuals; 0 and 3 for normal ones.
    tests : tuple of Verdict
        Breusch-Pagan (Koenker's studentised form), White, RESET, Jarque-Bera, Durbin-Watson. With weights, of the residuals times
        the root of their weight.
    influential : tuple of Row
        The rows of the largest Cook's distance, largest first.
    collinearity : Collinearity
    findings : tuple of Finding
        Gravest first.
    lens, evidence
        What the pictures are drawn from.
    """

    formula: str
    target: str
    rows: int
    sigma: float
    skew: float
    kurtosis: float
    tests: tuple[Verdict, ...]
    influential: tuple[Row, ...]
    collinearity: Collinearity
    findings: tuple[Finding, ...]
    lens: Lens
    evidence: ResidualSums

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready."""
        worst = self.collinearity.worst
        plain = ("formula", "target", "rows", "sigma", "skew", "kurtosis")
        return {
            **{name: finite(getattr(self, name)) for name in plain},
            "tests": {t.name: {**t.facts, "about": t.about} for t in self.tests},
            "influential": [{name: finite(value) for name, value in asdict(row).items()} for row in self.influential],
            "vif": {name: finite(v) for name, v in self.collinearity.vif.items()},
            "condition_indices": [finite(i.value) for i in self.collinearity.indices],
            "collinear": [] if worst is None else list(worst[1]),
            "findings": [{"text": f.text, "panel": f.panel} for f in self.findings],
        }

    def __str__(self) -> str:
        target = "" if len(self.lens.basis.unit) == 1 else f", target {self.target}"
        lines = [f"{plain(self.formula, 300)}   ({self.rows:,} rows{target})", ""]
        lines.append("What to look at" if self.findings else "Nothing stands out.")
        for finding in self.findings[:3]:
            lines += bulleted(f"{finding.text} [{finding.panel}]", 98)
        if len(self.findings) > 3:
            lines.append(f"  and {len(self.findings) - 3} more in `.findings`")
        lines += ["", "Tests"]
        lines += [f"  {t!s:<58} {t.about}" for t in self.tests]
        lines += ["", f"  {'row':>12} {'fitted':>12} {'residual':>12} {'leverage':>10} {'std resid':>10} {'Cook':>10}"]
        lines += [
            f"  {r.row:>12,} {r.fitted:>12.6g} {r.resid:>12.5g} {r.hat:>10.4g} {r.std_resid:>10.4g} {r.cooksd:>10.4g}"
            for r in self.influential[:5]
        ]
        return "\n".join(lines)

    __repr__ = __str__


def diagnose(lens: Lens, evidence: ResidualSums, collinear: Collinearity, *, formula: str, target: str) -> Diagnosis:
    """The diagnosis of one target's line, from what the pass over all its rows has gathered."""
    n = evidence.rows
    first, second, third, fourth = (float(v) / n for v in evidence.powers)
    # Central moments from raw ones: residuals have a mean of 0, or nearly so without an intercept, so nothing cancels.
    variance = second - first**2
    normal = lens.sigma == lens.sigma and variance > 0
    skew = (third - 3 * first * second + 2 * first**3) / variance**1.5 if normal else _NAN
    kurtosis = (fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4) / variance**2 if normal else _NAN
    bent, gain = _reset(lens, evidence)
    uneven = _spread_tests(lens, evidence)
    # Durbin & Watson (1950): sum (e_i - e_{i-1})^2 / sum e^2 = 2 (1 - r), r the correlation of neighbours.
    serial = evidence.steps / float(evidence.totals.size[lens.target]) if normal and n > 1 else _NAN
    tests = (
        *uneven,
        bent,
        # Jarque & Bera (1987): skewness and kurtosis of normal errors vary by 6 / n and 24 / n.
        verdict("Jarque-Bera", n / 6 * (skew**2 + (kurtosis - 3) ** 2 / 4), 2, about="are the errors normal?"),
        Verdict("Durbin-Watson", serial, _NAN, (), "do neighbouring rows err alike? 2 if not"),
    )
    rows = [Row(int(number) + 1, *rest) for number, *rest in evidence.top.tolist()]
    influential = sorted((r for r in rows if r.cooksd == r.cooksd), key=lambda r: (-r.cooksd, r.row))[:TOP]
    found = [
        *_of_rows(lens, evidence, rows),
        *_of_errors(_Evidence(n, bent, gain, uneven, _fan(evidence.profile), skew, kurtosis, tests[-2], serial)),
        *_of_columns(collinear),
    ]
    return Diagnosis(
        formula=formula,
        target=target,
        rows=n,
        sigma=lens.sigma * lens.unit,
        skew=skew,
        kurtosis=kurtosis,
        tests=tests,
        influential=tuple(influential),
        collinearity=collinear,
        findings=tuple(sorted(found, key=lambda f: -f.weight)),
        lens=lens,
        evidence=evidence,
    )


def _spread_tests(lens: Lens, evidence: ResidualSums) -> tuple[Verdict, Verdict]:
    """Breusch-Pagan with Koenker's (1981) studentised statistic, and White (1980): n R2 of the squared residuals."""
    s, q = len(lens.basis.kept), evidence.squares.q
    about = "do the errors spread alike everywhere?"
    name = "White" if s <= CROSSED else "White (on fitted values)"
    return (
        _explained("Breusch-Pagan", evidence.squares[[*range(s), q - 1]], about, lens),
        _explained(name, evidence.squares, f"{about} (squares and products too)", lens),
    )


def _explained(name: str, moments: Comoments, about: str, lens: Lens) -> Verdict:
    fit = infer(moments, Scaling.of(moments, moments.q - 1, intercept=True, standardize=True))
    known = lens.sigma == lens.sigma and float(fit.tss[0]) > 0
    # n R2 of the auxiliary regression is chi-squared under equal variances (Koenker 1981).
    share = 1 - float(fit.rss[0] / fit.tss[0]) if known else _NAN
    return verdict(name, moments.count * share, fit.rank - 1, about=about)


def _reset(lens: Lens, evidence: ResidualSums) -> tuple[Verdict, float]:
    """Ramsey's (1969) RESET: do squares and cubes of the fitted values explain what is left? And which share of it."""
    s, linear, straight = len(lens.basis.kept), evidence.linear, lens.basis.intercept
    # The residuals on the columns alone, which explains nothing, and on the powers as well: an F test of nested lines.
    pair = [
        infer(m, Scaling.of(m, m.q - 1, intercept=straight, standardize=True)) for m in (linear[[*range(s), s + 2]], linear)
    ]
    more, rss, left = pair[1].rank - pair[0].rank, float(pair[0].rss[0]), float(pair[1].rss[0])
    df = (float(more), float(pair[1].df_resid))
    known = lens.sigma == lens.sigma and min(df) > 0 and left > 0
    share = max(rss - left, 0.0) / rss if known else _NAN
    statistic = max(rss - left, 0.0) / df[0] / (left / df[1]) if known else _NAN
    about = "is it a straight line? (squares and cubes of the fitted values)"
    return verdict("RESET", statistic, *df, about=about), share


def _of_rows(lens: Lens, evidence: ResidualSums, rows: list[Row]) -> Iterator[Finding]:
    most = max(rows, key=lambda r: r.cooksd if r.cooksd == r.cooksd else -1, default=None)
    # Cook & Weisberg (1982): at 1 the weights move to the edge of their own 50 % region, roughly; half of that is worth a look.
    if most is not None and most.cooksd > 0.5:
        much = "moves the line a lot" if most.cooksd > 1 else "moves the line noticeably"
        text = f"Row {most.row:,} {much} (Cook's distance {most.cooksd:.2g}): check it, and compare the line without it."
        yield Finding(text, LEVERAGE, 5 + min(most.cooksd, 2) + (most.cooksd > 1))
    alone = [r for r in rows if r.hat > 1 - lens.basis.alone]
    if alone and lens.basis.df > 0:
        text = f"Row {alone[0].row:,} determines a weight by itself (leverage 1): nothing can check it."
        yield Finding(text, LEVERAGE, 2.6)
    far = max(rows, key=lambda r: abs(r.rstudent) if r.rstudent == r.rstudent else -1, default=None)
    # Bonferroni: the farthest of n residuals is far by chance n times as often as one row's is (Cook & Weisberg 1982, 2.2.2).
    if far is not None and lens.basis.df > 2 and evidence.rows * t_two_sided(far.rstudent, lens.basis.df - 1) < 0.01:
        # The name of the residual stands here, for that of the table is another: there the row itself has part in line and spread.
        side = "above" if far.rstudent > 0 else "below"
        size = f"{abs(far.rstudent):.1f} standard deviations {side} the line of the other rows (studentised residual)"
        text = f"Row {far.row:,} lies {size}, more than chance explains."
        yield Finding(text, FITTED, 2.0)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What the tests have found of one target's errors; `fan` is their spread at high fitted values over that at low ones."""

    rows: int
    bent: Verdict
    gain: float
    uneven: tuple[Verdict, Verdict]
    fan: float
    skew: float
    kurtosis: float
    normality: Verdict
    serial: float

    @property
    def alike(self) -> float:
        """Correlation of neighbours where it is more than chance and more than a little; else 0."""
        # Durbin and Watson's statistic is nearly 2 (1 - r) of neighbours; 3.3 standard errors of r, 1 / sqrt(n): one order in a thousand.
        r = 1 - self.serial / 2
        return r if self.rows >= 20 and abs(r) > 0.2 and abs(r) * self.rows**0.5 > 3.3 else 0.0

    @property
    def is_bent(self) -> bool:
        """Both: of a million rows a bend of nothing is significant, and of ten a large one may be chance."""
        # Errors that are alike tell less: for smooth columns as much as (1 - r) / (1 + r) of as many rows (Bartlett 1935).
        return _less(self.bent, _share_of_rows(self.alike)).p_value < 0.01 and self.gain > 0.01

    @property
    def is_uneven(self) -> bool:
        """Effects, and not p-values alone: of very many rows everything is significant."""
        # The squares of errors of correlation r have about r^2. The spread in the upper fifth over that in the lower, beside the tests:
        # half more, or a third less, is what eyes see.
        share = _share_of_rows(self.alike**2)
        return min(_less(t, share).p_value for t in self.uneven) < 0.01 and (not self.fan_is_small or self.explained > 0.1)

    @property
    def fan_is_small(self) -> bool:
        """Less than half more, and than a third less."""
        return 0.67 < self.fan < 1.5

    @property
    def explained(self) -> float:
        """Share of the squared residuals' variance that the columns explain."""
        return max(t.statistic for t in self.uneven) / self.rows


def _share_of_rows(r: float) -> float:
    """How much evidence rows of correlation r are, beside as many that are independent; in turns they are taken for as much."""
    return (1 - max(r, 0.0)) / (1 + max(r, 0.0))


def _less(test: Verdict, share: float) -> Verdict:
    return verdict(test.name, test.statistic * share, *test.df)


def _of_errors(found: _Evidence) -> Iterator[Finding]:
    """The shape of the mean first, then the spread, then dependence, then tails: what stands before may be the cause of the others.

    A remedy is offered only for what has evidence of its own.
    """
    after = "; a bend alone can cause that: look again when it is mended." if found.is_bent and found.gain > _CAUSE else ""
    if found.is_bent:
        explained = f"squares and cubes of the fitted values explain {found.gain:.0%} of what the line leaves"
        text = f"The residuals are bent: {explained}. Try a logarithm, or I(x**2)."
        yield Finding(text, FITTED, 4 + found.gain + (2 if found.gain > _PLAIN else 0))
    if found.is_uneven:
        fan = "" if found.fan_is_small else f", {found.fan:.1f} times from low to high fitted values"
        # Errors that allow for unequal spread alone take the rows for independent.
        both = (
            "errors that allow for both are needed, see there" if found.alike else "trust errors of cov='HC3', or give weights"
        )
        text = f"The errors do not spread alike everywhere{fan}{after or f': {both}.'}"
        yield Finding(text, SPREAD, 3 + min(found.explained, 0.5))
    if found.alike:
        yield Finding(_neighbours(found, after), FITTED, 3.6 if not after else 2.9)
    tails = found.normality.p_value < 0.01
    if tails and abs(found.skew) > 1:
        remedy = after or ": prediction intervals are off in the tails. A logarithm of the target may help."
        yield Finding(f"The errors lean to one side (skewness {found.skew:.1f}){remedy}", QUANTILES, 1.5)
    elif tails and found.kurtosis > 6:
        more = (
            "Errors that spread unevenly look like that, too." if found.is_uneven else "loss='huber' is drawn less by far rows."
        )
        remedy = after or f": prediction intervals are off in the tails. {more}"
        yield Finding(f"The errors have heavy tails (kurtosis {found.kurtosis:.1f}){remedy}", QUANTILES, 1.5)


def _neighbours(found: _Evidence, after: str) -> str:
    how = "alike" if found.alike > 0 else "in turns"
    text = f"Neighbouring rows err {how} (correlation {found.alike:.2f})"
    if after:
        return f"{text}{after}"
    wrong = "as a rule too small" if found.alike > 0 else "wrong, as a rule too large"
    # The usual lag of Newey & West (1994).
    lags = max(1, math.floor(4 * (found.rows / 100) ** (2 / 9)))
    return (
        f"{text}. If the order of the rows means something, such as time, the standard errors are {wrong}, and HC0 to HC3 do not mend "
        f"that. Errors that do (HAC, Newey-West) are not in bestline yet; statsmodels has them: "
        f"fit(cov_type='HAC', cov_kwds={{'maxlags': {lags}}}). For rows that come in groups: cov={{'cluster': column}}."
    )


def _fan(profile: Tensor) -> float:
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


def _of_columns(collinear: Collinearity) -> Iterator[Finding]:
    """Findings about the columns; the picture is that of the coefficients with their intervals."""
    worst = collinear.worst
    slopes = () if worst is None else tuple(n for n in worst[1] if n != "Intercept")
    inflated = [v for v in collinear.vif.values() if v > INFLATED]
    if worst is not None and len(slopes) > 1 and inflated:
        sizes = f"condition index {worst[0]:,.0f}, largest inflation {max(inflated):,.0f}"
        text = f"{listed(slopes)} tell nearly the same story ({sizes}): their effects are hard to tell apart."
        yield Finding(text, "Coefficients", 2.5)
    for name, others in collinear.aliased.items():
        if name not in collinear.constant:
            text = f"{readable(name)} is a combination of {listed(others)}; it says nothing new."
            yield Finding(text, "Coefficients", 2.7)
    for names, what in ((collinear.constant, "constant"), (collinear.nearly_constant, "nearly constant beside the mean")):
        if names:
            yield Finding(f"{listed(names)} {'is' if len(names) == 1 else 'are'} {what}.", "Coefficients", 1.2)
    if collinear.far_units:
        both = " and ".join(map(readable, collinear.far_units))
        text = f"{both} differ a million times in size: other units would make their weights readable."
        yield Finding(text, "Coefficients", 1.0)
