"""Hypotheses: is what we see of several weights at once more than chance? Wald's test, the F test of nested lines, and information criteria.

    F = (A w - c)' (A V A')^-1 (A w - c) / m        with m restrictions A w = c and V the covariance of w

Restrictions are written as people write them, `weight = 0, horsepower = 2 * weight`, and read by a small parser of their own:
nothing is evaluated as code. With V classical this is the F test of the line with the restrictions against the line without.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import torch
from torch import Tensor

from bestline.errors import ColumnError, NumericalError, OptionError, readable

Restrictions: TypeAlias = Any  # text, several texts, a matrix (m, d), or a pair (matrix, right side (m,))

_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NAME = re.compile(r"[^\W\d]\w*")
_SAME = 1e-10  # below which a restriction says nothing that those before it did not say


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
            return f"{self.name}: {self.statistic:.6g}"
        kind = "F" if len(self.df) == 2 else "chi-squared"
        degrees = ", ".join(f"{d:g}" for d in self.df)
        return f"{self.name}: {kind}({degrees}) = {self.statistic:.6g}, p = {self.p_value:.4g}"


def f_test(name: str, statistic: float, df: tuple[float, float], about: str = "") -> Verdict:
    """A test of an F statistic; NaN where there are no degrees of freedom."""
    from scipy.special import fdtrc

    defined = min(df) > 0 and not math.isnan(statistic)
    return Verdict(name, statistic if defined else math.nan, float(fdtrc(*df, statistic)) if defined else math.nan, df, about)


def chi2_test(name: str, statistic: float, df: float, about: str = "") -> Verdict:
    """A test of a chi-squared statistic."""
    from scipy.special import chdtrc

    defined = df > 0 and not math.isnan(statistic)
    return Verdict(
        name, statistic if defined else math.nan, float(chdtrc(df, statistic)) if defined else math.nan, (df,), about
    )


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
    size = covariance.diagonal()[used].sqrt()
    size = torch.where(size > 0, size, 1.0)
    scaled = A[:, used] * size  # every weight in its own standard error, so that units do not matter
    length = scaled.norm(dim=1)
    apart = (A[:, used] @ weights[used] - c) / length
    V = covariance[used][:, used] / torch.outer(size, size)
    B = scaled / length[:, None]
    factor, failed = torch.linalg.cholesky_ex(B @ V @ B.T)
    if failed or float(factor.diagonal().min()) <= _SAME:
        raise OptionError(f"The restrictions repeat or contradict each other, or more are tested than vary: {text}.")
    solved = torch.linalg.solve_triangular(factor, apart[:, None], upper=False)
    return f_test(text, float((solved**2).sum()) / len(A), (len(A), df), about)


def restricted(restrictions: Restrictions, names: Sequence[str]) -> tuple[Tensor, Tensor, str]:
    """Restrictions as A (m, d), c (m,), and as text.

    Raises OptionError where they cannot be read, and when two of them say the same or no number can satisfy them.
    """
    if isinstance(restrictions, str) or (
        isinstance(restrictions, Sequence) and restrictions and all(isinstance(r, str) for r in restrictions)
    ):
        text = restrictions if isinstance(restrictions, str) else ", ".join(restrictions)
        A, c = _Reader(text, names).read()
    else:
        A, c, text = _matrix(restrictions, len(names))
    for row, value in zip(A, c, strict=True):
        if not bool((row != 0).any()):
            raise OptionError(f"A restriction that names no weight ({float(value):g} = 0) cannot be tested: {text}.")
    size = A.abs().amax(0)
    if int(torch.linalg.matrix_rank(A / torch.where(size > 0, size, 1.0), rtol=_SAME)) < len(A):
        raise OptionError(f"The restrictions repeat or contradict each other: {text}; leave one out.")
    return A, c, text


def _matrix(restrictions: Any, d: int) -> tuple[Tensor, Tensor, str]:
    pair = restrictions if isinstance(restrictions, tuple) and len(restrictions) == 2 else (restrictions, None)
    try:
        A = torch.as_tensor(pair[0], dtype=torch.float64)
        A = A[None] if A.ndim == 1 else A
        c = torch.zeros(len(A), dtype=torch.float64) if pair[1] is None else torch.as_tensor(pair[1], dtype=torch.float64)
        c = c.reshape(-1)
    except (TypeError, ValueError, RuntimeError) as error:
        raise OptionError("Restrictions are text such as 'x1 = 0, x2 = x3', a matrix (m, d), or (matrix, values).") from error
    if A.ndim != 2 or A.shape[1] != d or len(c) != len(A) or not len(A) or not bool(A.isfinite().all() & c.isfinite().all()):
        raise OptionError(
            f"A matrix of restrictions has {d} columns, one a weight, and as many rows as values; got {tuple(A.shape)}."
        )
    return A, c, f"{len(A)} restriction{'s' if len(A) > 1 else ''}"


@dataclass(slots=True)
class _Reader:
    """Reads restrictions by recursive descent. What it reads are linear forms: weights (d,) and a constant last, (d + 1,).

    restrictions = restriction {"," restriction}      restriction = sum {"=" sum}, one without "=" says "= 0"
    sum = product {("+" | "-") product}               product = unary {("*" | "/") unary}
    unary = {"+" | "-"} (number | name | "(" sum ")") a name may stand in backquotes; the longest that fits counts
    """

    text: str
    names: Sequence[str]
    at: int = 0

    def read(self) -> tuple[Tensor, Tensor]:
        rows = []
        while True:
            forms = [self._sum()]
            while self._take("="):
                forms.append(self._sum())
            if len(forms) == 1:
                forms.append(torch.zeros_like(forms[0]))
            rows += [a - b for a, b in pairwise(forms)]
            if not self._take(","):
                break
        if self.at < len(self.text):
            raise self._error()
        table = torch.stack(rows)
        return table[:, :-1], 0.0 - table[:, -1]

    def _sum(self) -> Tensor:
        value = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            value = value + other if sign == "+" else value - other
        return value

    def _product(self) -> Tensor:
        value = self._unary()
        while sign := self._take("*", "/"):
            other = self._unary()
            a, b = (value, other) if not bool(other[:-1].any()) else (other, value)
            if bool(b[:-1].any()) or (sign == "/" and (a is other or float(b[-1]) == 0)):
                raise OptionError(
                    f"Restrictions are linear: numbers times weights, such as 'x1 = 2 * x2'; got {readable(self.text)}."
                )
            value = a * b[-1] if sign == "*" else a / b[-1]
        return value

    def _unary(self) -> Tensor:
        sign = 1.0
        while found := self._take("+", "-"):
            sign = -sign if found == "-" else sign
        if self._take("("):
            value = self._sum()
            if not self._take(")"):
                raise self._error()
            return sign * value
        return sign * self._atom()

    def _atom(self) -> Tensor:
        form = torch.zeros(len(self.names) + 1, dtype=torch.float64)
        rest = self.text[self.at :]
        name, number = self._name(rest), _NUMBER.match(rest)
        if name is not None:
            form[list(self.names).index(name)] = 1.0
        elif number is not None:
            form[-1] = float(number.group())
            self.at += number.end()
        else:
            word = _NAME.match(rest)
            raise (
                self._error()
                if word is None
                else OptionError(f"Restrictions: {ColumnError.missing(word.group(), self.names, 'the weights')}")
            )
        self._space()
        return form

    def _name(self, rest: str) -> str | None:
        if rest.startswith("`") and "`" in rest[1:]:
            quoted = rest[1 : rest.index("`", 1)]
            if quoted not in self.names:
                raise OptionError(f"Restrictions: {ColumnError.missing(quoted, self.names, 'the weights')}")
            self.at += len(quoted) + 2
            return quoted
        fits = [n for n in self.names if n and rest.startswith(n) and not _NUMBER.fullmatch(n) and not _goes_on(n, rest)]
        if not fits:
            return None
        name = max(fits, key=len)
        self.at += len(name)
        return name

    def _take(self, *signs: str) -> str:
        self._space()
        found = next((sign for sign in signs if self.text.startswith(sign, self.at)), "")
        self.at += len(found)
        self._space()
        return found

    def _space(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _error(self) -> OptionError:
        rest = self.text[self.at :]
        where = f"at {readable(rest)}" if rest else "at its end"
        return OptionError(
            f"Restrictions such as 'x1 = 0, x2 = 2 * x3' are expected; {readable(self.text)} cannot be read {where}."
        )


def _goes_on(name: str, text: str) -> bool:
    """Whether the word that `name` ends in is longer in the text: x1 in x10."""
    return bool(re.match(r"\w", name[-1]) and re.match(r"\w", text[len(name) :]))


@dataclass(frozen=True, slots=True)
class Line:
    """What a comparison needs of one of its lines."""

    formula: str
    rss: float
    df_residual: int
    aic: float
    bic: float
    adj_r_squared: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two nested lines of the same rows: does the larger one explain more than chance would?

    Attributes
    ----------
    small, large : Line
    test : Verdict
        Of the weights that only the large line has being zero.
    """

    small: Line
    large: Line
    test: Verdict

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            **{
                which: {n: _finite(getattr(line, n)) for n in Line.__slots__}
                for which, line in (("small", self.small), ("large", self.large))
            },
            "statistic": _finite(self.test.statistic),
            "df": list(self.test.df),
            "p_value": _finite(self.test.p_value),
        }

    def __str__(self) -> str:
        rows = [
            (
                f"  {which}",
                line.formula,
                f"RSS {line.rss:.6g} on {line.df_residual:,} df",
                f"AIC {line.aic:.2f}",
                f"BIC {line.bic:.2f}",
            )
            for which, line in (("small", self.small), ("large", self.large))
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        body = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join(["Nested lines", *body, f"  {self.test}"])


def nested(small: Line, large: Line) -> Verdict:
    """The F test of the large line's own weights, from the residual sums of squares of both."""
    more = small.df_residual - large.df_residual
    about = "whether the weights that only the large line has are zero"
    if more <= 0:
        raise OptionError("The large line has no weight that the small one lacks; there is nothing to test.")
    gain = max(small.rss - large.rss, 0.0)
    statistic = gain / more / (large.rss / large.df_residual) if large.df_residual > 0 and large.rss > 0 else math.nan
    return f_test("more weights", statistic, (more, large.df_residual), about)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
