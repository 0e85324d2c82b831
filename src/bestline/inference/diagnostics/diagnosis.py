"""Diagnosis: what a second look at the rows says of a line. R's four panels, the rows that move it, tests of what it takes for granted.

The tests follow from moments of a few more columns than the line's own, so that they cost one pass, whatever the number of rows.
What matters comes first (`findings`); a finding needs a sizeable effect as well as a small p-value.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from textwrap import wrap
from typing import Any

import torch

from bestline.errors import in_a_row
from bestline.inference.classical import infer
from bestline.inference.covariance.base import CovarianceKind
from bestline.inference.diagnostics.collinearity import Collinearity
from bestline.inference.diagnostics.findings import (
    CAUSE,
    QUANTILES,
    Bend,
    Evidence,
    Finding,
    Row,
    fan_of,
    jarque_bera,
    of_columns,
    of_errors,
    of_rows,
    outlier,
    told,
)
from bestline.inference.diagnostics.remedies import Remedies
from bestline.inference.diagnostics.residual_sums import COVERAGE, CROSSED, TOP, Lens, ResidualSums, quantile_of
from bestline.inference.hypotheses import Verdict, verdict
from bestline.numerics import Comoments, Scaling, minimum_norm
from bestline.numerics.factorisation import pseudo_inverse
from bestline.wording import aligned, bulleted, finite, on_columns, ordered, percent

_NAN = float("nan")
_NOTED = 0.015  # p-values below are read as 0.01: beside one of them it is not said that nothing stands out
_MANY = 1_000  # rows from which on tiny effects are significant


@dataclass(frozen=True, slots=True, eq=False)
class Diagnosis:
    """What a second look at the rows says of a least-squares line; `print` it, or take its facts.

    Attributes
    ----------
    formula, target : str
    columns, rows : int
        Columns of the design, without the intercept, and rows.
    sigma : float
        Residual standard deviation of a row of mean weight, in the data's units.
    skew, kurtosis : float
        Of the residuals; 0 and 3 for normal ones.
    tests : tuple of Verdict
        Breusch-Pagan (Koenker's studentised form), White, RESET with powers of the fitted values, of two to eight columns also with
        their squares and products, Jarque-Bera, Durbin-Watson. With weights, of the residuals times the root of their weight.
    covered : tuple of int
        How many rows lie within the 95% prediction interval of the line without them, and of how many that can be said.
    influential : tuple of Row
        The rows of the largest Cook's distance, largest first.
    collinearity : Collinearity
    findings : tuple of Finding
        Gravest first. Each needs a sizeable effect as well as a small p-value: with many rows tiny effects are significant.
    cov : str
        The standard errors that fit what was found, as `cov` of `bestline.fit` takes them: the line's own where they allow for it.
    lens, evidence
        What the pictures are drawn from.
    """

    formula: str
    target: str
    columns: int
    rows: int
    sigma: float
    skew: float
    kurtosis: float
    tests: tuple[Verdict, ...]
    covered: tuple[int, int]
    influential: tuple[Row, ...]
    collinearity: Collinearity
    findings: tuple[Finding, ...]
    cov: str
    lens: Lens
    evidence: ResidualSums

    @property
    def headline(self) -> str:
        """What stands above the findings, or in their place; nothing is said to be clear beside a test that is significant."""
        if self.findings:
            return "What to look at"
        low = [f"{t.name} ({t.p_said(2)})" for t in self.tests if t.p_value < _NOTED]
        if not low:
            return "Nothing stands out."
        why = "as tiny effects are with many rows" if self.rows >= _MANY else "so look at the pictures"
        return f"No effect is sizeable; {in_a_row(low)} {'is' if len(low) == 1 else 'are'} significant, {why}."

    @property
    def coverage(self) -> float:
        """Share of the rows within the 95% prediction interval of the line without them; NaN where there are none."""
        within, known = self.covered
        return within / known if known else _NAN

    @property
    def coverage_said(self) -> str:
        """The same as a sentence; empty where it cannot be said."""
        within, known = self.covered
        if not known:
            return ""
        return f"{COVERAGE:.0%} prediction intervals hold {within:,} of {known:,} rows ({percent(self.coverage)}), each row judged by the line without it."

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready."""
        worst = self.collinearity.worst
        plain = ("formula", "target", "rows", "sigma", "skew", "kurtosis")
        return {
            **{name: finite(getattr(self, name)) for name in plain},
            "tests": {t.name: {**t.facts, "about": t.about} for t in self.tests},
            "coverage": {"level": COVERAGE, "rows": self.covered[1], "inside": self.covered[0], "share": finite(self.coverage)},
            "influential": [{name: finite(value) for name, value in asdict(row).items()} for row in self.influential],
            "vif": {name: finite(v) for name, v in self.collinearity.vif.items()},
            "condition_indices": [finite(i.value) for i in self.collinearity.indices],
            "collinear": [] if worst is None else list(worst[1]),
            "headline": self.headline,
            "findings": [{"text": f.text, "panel": f.panel} for f in self.findings],
            "cov": self.cov,
        }

    def __str__(self) -> str:
        target = "" if len(self.lens.basis.unit) == 1 else f", target {self.target}"
        lines = [f"{on_columns(self.formula, self.columns)}   ({self.rows:,} rows{target})", ""]
        lines += wrap(self.headline, 100)
        for finding in self.findings[:3]:
            lines += bulleted(f"{finding.text} [{finding.panel}]", 98)
        if len(self.findings) > 3:
            lines.append(f"  and {len(self.findings) - 3} more in `.findings`")
        lines += ["", "Tests"]
        lines += [f"  {t!s:<58} {t.about}" for t in self.tests]
        lines += ["", *wrap(self.coverage_said, 100)] if self.coverage_said else []
        head = ("row", "fitted", "residual", "leverage", "std resid", "Cook")
        if self.influential:
            lines += ["", *aligned([("", *cells) for cells in (head, *told(self.influential[:5]))], numbers=True)]
        return ordered("\n".join(lines))

    __repr__ = __str__


def diagnose(
    lens: Lens,
    evidence: ResidualSums,
    collinear: Collinearity,
    *,
    formula: str,
    target: str,
    columns: int,
    kept: CovarianceKind,
    remedies: Remedies,
) -> Diagnosis:
    """The diagnosis of one target's line, from what the pass over all its rows has gathered.

    `kept` is the line's covariance, `remedies` what its formula does not have yet.
    """
    n = evidence.rows
    skew, kurtosis = _moments(lens, evidence)
    bends = _shape_tests(lens, evidence, remedies)
    uneven = _spread_tests(lens, evidence)
    # Durbin & Watson (1950): sum (e_i - e_{i-1})^2 / sum e^2 = 2 (1 - r), r the correlation of neighbours.
    known = lens.sigma == lens.sigma and n > 1
    serial = evidence.steps / float(evidence.totals.size[lens.target]) if known else _NAN
    # Neighbours are those of the table: a line that names an order or groups must not be read as if they were those.
    of_whom = "residuals of rows as they stand" if kept.columns else "residuals"
    about = f"are {of_whom} autocorrelated? about 2 if not"
    tests = (
        *uneven,
        *(bend.test for bend in bends),
        jarque_bera(n, skew, kurtosis),
        Verdict("Durbin-Watson", serial, _NAN, (), about),
    )
    rows = [Row(int(number) + 1, *rest) for number, *rest in evidence.top.tolist()]
    influential = sorted((r for r in rows if r.cooksd == r.cooksd), key=lambda r: (-r.cooksd, r.row))[:TOP]
    far = outlier(lens, n, rows)
    tails = (skew, kurtosis) if far is None else _moments(lens, evidence, far)
    seen = Evidence(n, bends, uneven, fan_of(evidence.profile), *tails, _aside(evidence), serial, kept, remedies)
    errors = list(of_errors(seen))
    heavy = any(finding.panel == QUANTILES for finding in errors)
    found = [*of_rows(lens, far, rows, tails=heavy), *errors, *of_columns(collinear, remedies)]
    return Diagnosis(
        formula=formula,
        target=target,
        columns=columns,
        rows=n,
        sigma=lens.sigma * lens.unit,
        skew=skew,
        kurtosis=kurtosis,
        tests=tests,
        covered=(int(evidence.covered[0]), int(evidence.covered[1])),
        influential=tuple(influential),
        collinearity=collinear,
        findings=tuple(sorted(found, key=lambda f: -f.weight)),
        cov=seen.cov,
        lens=lens,
        evidence=evidence,
    )


def _moments(lens: Lens, evidence: ResidualSums, without: Row | None = None) -> tuple[float, float]:
    """Skewness and kurtosis of the residuals, of all rows or without one; NaN where there are none."""
    n, powers = evidence.rows, evidence.powers
    if without is not None:
        z = without.std_resid * (1 - without.hat) ** 0.5  # over the residual standard deviation, as the sums have it
        n, powers = n - 1, powers - torch.tensor([z, z**2, z**3, z**4], dtype=torch.float64)
    first, second, third, fourth = (float(v) / n for v in powers)
    # Central moments from raw ones: residuals have a mean of 0, or nearly so without an intercept, so nothing cancels.
    variance = second - first**2
    if not (lens.sigma == lens.sigma and variance > 0):
        return _NAN, _NAN
    skew = (third - 3 * first * second + 2 * first**3) / variance**1.5
    return skew, (fourth - 4 * first * third + 6 * first**2 * second - 3 * first**4) / variance**2


def _aside(evidence: ResidualSums) -> float:
    """Quantile skewness (Hinkley 1975) of the inner four fifths: 0 of symmetric errors, however heavy their tails."""
    if not int(evidence.sketch.sum()):
        return _NAN
    low, middle, high = quantile_of(evidence.sketch, torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)).tolist()
    return (high + low - 2 * middle) / (high - low) if high > low else 0.0


def _spread_tests(lens: Lens, evidence: ResidualSums) -> tuple[Verdict, Verdict]:
    """Breusch-Pagan with Koenker's (1981) studentised statistic, and White (1980): n R2 of the squared residuals."""
    s, q = len(lens.basis.kept), evidence.squares.q
    about = "heteroscedasticity: do the errors spread alike everywhere?"
    name = "White" if s <= CROSSED else "White (on fitted values)"
    return (
        _explained("Breusch-Pagan", evidence.squares[[*range(s), q - 1]], about, lens),
        _explained(name, evidence.squares, "heteroscedasticity, by squares and products too", lens),
    )


def _explained(name: str, moments: Comoments, about: str, lens: Lens) -> Verdict:
    fit = infer(moments, Scaling.of(moments, moments.q - 1, intercept=True, standardize=True))
    known = lens.sigma == lens.sigma and float(fit.tss[0]) > 0
    # n R2 of the auxiliary regression is chi-squared under equal variances (Koenker 1981).
    share = 1 - float(fit.rss[0] / fit.tss[0]) if known else _NAN
    return verdict(name, moments.count * share, fit.rank - 1, about=about)


def _shape_tests(lens: Lens, evidence: ResidualSums, remedies: Remedies) -> tuple[Bend, ...]:
    """Ramsey's (1969) RESET with powers of the fitted values; of several columns with their squares and products too (Thursby & Schmidt
    1977), for a bend in one column is not seen in fitted values that it hardly moves.
    """
    s, q = len(lens.basis.kept), evidence.linear.q
    squares = "squares and cubes of the fitted values"
    # Small interactions are nearly everywhere, and no eye sees them: of the larger test more is asked.
    powers = _bend(lens, evidence, "RESET", range(q - 3, q - 1), squares, 0.01, remedies.bend)
    if s < 2 or s > CROSSED:
        return (powers,)
    products = "squares and products of the columns"
    own = _bend(lens, evidence, "RESET (columns)", range(s, q - 3), products, CAUSE, remedies.columns)
    return (powers, own) if own.test.df[0] > 0 else (powers,)


def _bend(lens: Lens, evidence: ResidualSums, name: str, added: range, by: str, least: float, remedy: str) -> Bend:
    s, linear, straight = len(lens.basis.kept), evidence.linear, lens.basis.intercept
    columns = [*range(s), *added]
    # The residuals on the columns alone, which explains nothing, and on what is added as well: an F test of nested models.
    pair = [
        infer(m, Scaling.of(m, m.q - 1, intercept=straight, standardize=True))
        for m in (linear[[*range(s), linear.q - 1]], linear[[*columns, linear.q - 1]])
    ]
    more, rss, left = pair[1].rank - pair[0].rank, float(pair[0].rss[0]), float(pair[1].rss[0])
    df = (float(more), float(pair[1].df_resid))
    known = lens.sigma == lens.sigma and min(df) > 0 and left > 0
    # As adjusted R2: many columns explain a share of anything by chance.
    share = max(1 - left / df[1] / (rss / pair[0].df_resid), 0.0) if known else _NAN
    statistic = max(rss - left, 0.0) / df[0] / (left / df[1]) if known else _NAN
    robust = _robust(evidence, s, [columns[j] for j in pair[1].kept if j >= s], intercept=straight) if known else _NAN
    return Bend(verdict(name, statistic, *df, about=f"linearity: do {by} explain more?"), robust, by, share, least, remedy)


def _robust(evidence: ResidualSums, s: int, added: list[int], *, intercept: bool) -> float:
    """The p-value of the same test where the errors do not spread alike (Wooldridge 1991): how much of a column of ones the pulls
    e_i u_i of the rows explain, u what the columns leave of what is added.
    """
    linear, n, q = evidence.linear, evidence.rows, len(added)
    mean = linear.center
    A = linear.scatter + linear.weight * torch.outer(mean, mean)
    A = torch.cat(
        [
            torch.cat([torch.tensor([[linear.weight]], dtype=torch.float64), linear.weight * mean[None]], 1),
            torch.cat([linear.weight * mean[:, None], A], 1),
        ]
    )
    base, more = [*([0] if intercept else []), *range(1, s + 1)], [j + 1 for j in added]
    own = torch.eye(len(evidence.meat), dtype=torch.float64)[:, more]
    own[base] -= minimum_norm(A[base][:, base], A[base][:, more])
    meat, score = own.T @ evidence.meat @ own, own.T @ A[:-1, -1]
    size = meat.diagonal().clamp(min=1e-300).sqrt()
    explained = float(score / size @ pseudo_inverse(meat / torch.outer(size, size)) @ (score / size))
    return verdict("", explained / q / (max(n - explained, 1e-300) / (n - q)), q, n - q).p_value
