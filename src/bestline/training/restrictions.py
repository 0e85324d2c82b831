"""Restrictions: what people write of weights that are to be equal, zero or in proportion, read as a matrix.

    A w = c        "x1 = 2 * x2, x3 = 0" has two rows        A w >= c        "x1 >= x2; x3 <= 1", where inequalities have a meaning

The reader is our own: formulaic's knows no powers of ten, no `x1:x2` and no names with spaces but between backquotes, and it says
less of what it cannot read. A name stands for a weight, and nothing is ever executed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import torch
from torch import Tensor

from bestline.errors import ColumnError, OptionError, readable
from bestline.numerics import singular_values

Restrictions: TypeAlias = Any  # text, several texts, a matrix (m, d), or a pair (matrix, right side (m,))

SAME = 1e-10  # below which a restriction says nothing that those before it did not say


def restricted(restrictions: Restrictions, names: Sequence[str]) -> tuple[Tensor, Tensor, str]:
    """Restrictions as A (m, d), c (m,), and as text.

    Raises OptionError where they cannot be read, and when two of them say the same or no number can satisfy them.
    """
    if isinstance(restrictions, str) or (
        isinstance(restrictions, Sequence) and restrictions and all(isinstance(r, str) for r in restrictions)
    ):
        text = restrictions if isinstance(restrictions, str) else ", ".join(restrictions)
        rows = _Reader.of(text, names).read()
        if any(row.inequality for row in rows):
            raise OptionError(f"Restrictions to be tested are equations, such as 'x1 = 2 * x2'; got {readable(text)}.")
        A, c = torch.stack([row.weights for row in rows]), torch.tensor([row.value for row in rows], dtype=torch.float64)
    else:
        A, c, text = _matrix(restrictions, len(names))
    for row, value in zip(A, c, strict=True):
        if not bool((row != 0).any()):
            raise OptionError(f"A restriction that names no weight ({float(value):g} = 0) cannot be tested: {text}.")
    size = A.abs().amax(0)
    # Each weight in units of its largest factor: repeats are told by direction, whatever units the weights have.
    lengths = singular_values(A / torch.where(size > 0, size, 1.0))
    if len(lengths) < len(A) or bool((lengths <= SAME * lengths[0]).any()):
        raise OptionError(f"The restrictions repeat or contradict each other: {text}; leave one out.")
    return A, c, text


@dataclass(frozen=True, slots=True, eq=False)
class LinearForm:
    """One restriction: weights (d,) in a sum that is equal to `value`, or with `inequality` at least that; and as it was written."""

    text: str
    weights: Tensor
    value: float
    inequality: bool = False


def linear_forms(text: str, names: Sequence[str]) -> list[LinearForm]:
    """Equations and inequalities between commas, semicolons or lines, as linear forms of the weights called so.

    Raises OptionError for what cannot be read, and for a form without a sign of equality or order, or without a weight.
    """
    forms = _Reader.of(text, names).read(bare=False)
    for form in forms:
        if not bool((form.weights != 0).any()):
            raise OptionError(f"The restriction {readable(form.text)} names no weight that counts; leave it out.")
    return forms


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

    restrictions = restriction {("," | ";") restriction}      restriction = sum {sign sum}, one without a sign says "= 0"
    sign = "=" | "==" | "<=" | "<" | ">=" | ">"
    sum = product {("+" | "-") product}               product = unary {("*" | "/") unary}
    unary = {"+" | "-"} (number | name | "(" sum ")") a name may stand in backquotes; the longest that fits counts
    """

    text: str
    names: Sequence[str]
    atom: re.Pattern[str]
    at: int = 0

    @classmethod
    def of(cls, text: str, names: Sequence[str]) -> _Reader:
        """At the beginning of a text about these names."""
        number = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
        # The longest first, for a regular expression takes the first that fits: a name may begin another, or hold a sign.
        known = sorted((n for n in names if n and not re.fullmatch(number, n)), key=len, reverse=True)
        # A name that ends in a word is not the beginning of a longer one: x1 is not in x10.
        name = "|".join(re.escape(n) + (r"(?!\w)" if re.match(r"\w", n[-1]) else "") for n in known) or "(?!)"
        return cls(text, names, re.compile(rf"`(?P<quoted>[^`]*)`|(?P<name>{name})|(?P<number>{number})|(?P<word>[^\W\d]\w*)"))

    def read(self, *, bare: bool = True) -> list[LinearForm]:
        """All of them; `bare` says whether a sum without a sign may stand for one that is 0."""
        found: list[LinearForm] = []
        while True:
            start = self.at
            sides, signs = [self._sum()], list[str]()
            while sign := self._take("<=", "=<", ">=", "=>", "==", "=", "<", ">"):
                signs.append(sign)
                sides.append(self._sum())
            if not signs:
                if not bare:
                    raise OptionError(
                        f"The restriction {readable(self.text[start : self.at].strip())} says nothing yet; write what it equals: '... = 0'."
                    )
                signs, sides = ["="], [*sides, torch.zeros_like(sides[0])]
            # As it was written: what is refused or shown later is told in the words of whoever wrote it.
            text = self.text[start : self.at].strip()
            # "a = b = c" says a - b = 0 and b - c = 0.
            found += [_form(text, *pair, sign) for pair, sign in zip(pairwise(sides), signs, strict=True)]
            if not self._take(",", ";"):
                break
        if self.at < len(self.text):
            raise self._error()
        return found

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
            # Linear: one side of a product has no weight in it, and what divides has none and is not 0.
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
        found = self.atom.match(self.text, self.at)
        if found is None:
            raise self._error()
        word = found[str(found.lastgroup)]
        if found.lastgroup == "number":
            form[-1] = float(word)
        elif word in self.names:
            form[list(self.names).index(word)] = 1.0
        else:
            raise OptionError(f"Restrictions: {ColumnError.missing(word, self.names, 'this line', what='weight')}")
        self.at = found.end()
        self._space()
        return form

    def _take(self, *signs: str) -> str:
        self._space()
        found = next((sign for sign in signs if self.text.startswith(sign, self.at)), "")
        self.at += len(found)
        self._space()
        return found

    def _space(self) -> None:
        self.at = len(self.text) - len(self.text[self.at :].lstrip())

    def _error(self) -> OptionError:
        rest = self.text[self.at :]
        where = f"at {readable(rest)}" if rest else "at its end"
        return OptionError(
            f"Restrictions such as 'x1 = 0, x2 = 2 * x3' are expected; {readable(self.text)} cannot be read {where}."
        )


def _form(text: str, left: Tensor, right: Tensor, sign: str) -> LinearForm:
    """What two sides (d + 1,), their constants last, and the sign between them say; "<" is "<=", for of numbers nobody can tell them apart."""
    difference = right - left if "<" in sign else left - right
    # A constant moves to the right with its sign changed; subtracted, for -0.0 would show a sign.
    return LinearForm(text, difference[:-1], 0.0 - float(difference[-1]), inequality="<" in sign or ">" in sign)
