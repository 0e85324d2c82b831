"""Formula: from `y ~ x1 + C(g) + x1:g` to a list of terms. Nothing in it is evaluated here.

    a*b = a + b + a:b        (a + b)^2 = a + b + a:b        a/b = a + a:b        - 1: without the intercept

These are Wilkinson & Rogers' (1973, Applied Statistics 22:392-399), as in R.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from keyword import iskeyword

from bestline.data.design.bar import at_bar, factors
from bestline.data.design.expressions import column_of, syntax_tree
from bestline.data.design.grammar import Piece, Reading, read
from bestline.data.design.slips import slip
from bestline.data.tables import SHIFTS, shift_of
from bestline.errors import FormulaError, OptionError, readable

HIGHEST_DEGREE = 10  # of a polynomial that is asked for by name
_LONGEST = 200_000  # characters: some 8,000 columns by name, and no text that keeps the parser busy for minutes
# Names that a formula may write without backquotes around them.
_SHIFT = re.compile(rf"\s*(?:{'|'.join(SHIFTS)})\s*\(")
_PLAIN = re.compile(r"[A-Za-z_.][A-Za-z0-9_.]*\Z")


@dataclass(frozen=True, slots=True)
class ParsedFormula:
    """What to predict from what: responses, terms (products of pieces), whether there is an intercept, and what to know of it.

    `absorbed` are the columns of each factor behind the bar, and `offsets` the known parts of the target: what stands in `offset(...)`.
    """

    responses: tuple[Piece, ...]
    terms: tuple[tuple[Piece, ...], ...]
    intercept: bool
    notes: tuple[str, ...] = ()
    absorbed: tuple[tuple[str, ...], ...] = ()
    offsets: tuple[Piece, ...] = ()

    @property
    def text(self) -> str:
        """The text that reads back to it."""
        left = " + ".join(_shown(r) for r in self.responses)
        right = [":".join(_shown(p) for p in term) for term in self.terms] + [f"offset({_shown(p)})" for p in self.offsets]
        if not self.intercept:
            right.append("-1" if right else "0")
        behind = " + ".join("^".join(_shown(Piece(name, True)) for name in by) for by in self.absorbed)
        return f"{left} ~ {' + '.join(right) or '1'}".replace(" + -1", " - 1") + (f" | {behind}" if behind else "")


def plain(targets: Iterable[str], features: Iterable[str]) -> ParsedFormula:
    """The formula that names columns only."""
    return ParsedFormula(tuple(Piece(t, True) for t in targets), tuple((Piece(f, True),) for f in features), True)


def narrowed(text: str, terms: Container[str], target: int) -> str:
    """The formula of one of its targets with these of its terms alone; intercept, offsets and absorbed effects stay."""
    formula = parse(text, ())
    some = tuple(t for t in formula.terms if ":".join(p.text for p in t) in terms)
    return replace(formula, responses=(formula.responses[target],), terms=some).text


def degree_of(text: str) -> int:
    """The degree that "polynomial" (2) or "polynomial:3" asks for; raises OptionError for other text."""
    name, _, degree = text.partition(":")
    value = int(degree) if degree.isascii() and degree.isdigit() else 0 if ":" in text else 2
    if name != "polynomial" or not 1 <= value <= HIGHEST_DEGREE:
        raise OptionError(
            f"`forward` is 'polynomial' or 'polynomial:3', of a degree from 1 to {HIGHEST_DEGREE}, or an own module or function; "
            f"got {text!r}."
        )
    return value


def powers(formula: ParsedFormula, degree: int, numbers: Container[str]) -> ParsedFormula:
    """The formula with every column x followed by its powers up to `degree`; `numbers` are the columns that hold numbers."""
    terms: list[tuple[Piece, ...]] = []
    for term in formula.terms:
        piece = term[0]
        number = piece.column and piece.text in numbers
        if len(term) > 1 or not number or not piece.text.isidentifier() or iskeyword(piece.text):
            raise FormulaError(
                f"A polynomial is of columns of numbers with plain names, and {readable(':'.join(p.text for p in term))} is none; leave "
                f"`forward` out and write the powers into the formula, such as I(x**2)."
            )
        terms += [(piece,), *((Piece(f"I({piece.text} ** {k})", False),) for k in range(2, degree + 1))]
    return replace(formula, terms=tuple(terms))


def parse(text: str, names: Sequence[str]) -> ParsedFormula:
    """What a formula asks for, of data with columns `names`; `.` stands for all columns that the formula does not name.

    Raises FormulaError when it cannot be understood, has no response, or no terms at all.
    """
    if len(text) > _LONGEST:
        raise FormulaError(f"The formula is longer than {_LONGEST} characters; name a target and features instead.")
    whole, (text, behind) = text, at_bar(text)
    absorbed = () if behind is None else factors(behind)
    apart = {name for by in absorbed for name in by}
    found = _shifts_named(read(text, [name for name in names if name not in apart]))
    if not text.strip():
        raise FormulaError("The formula is empty; write it like y ~ x1 + C(g).")
    if not found.left or any(len(r) != 1 for r in found.left):
        raise FormulaError(f"The formula {readable(text)} {_without_response(text)}.")
    if text.rstrip().endswith("~"):
        raise FormulaError(
            f"The formula {readable(text)} has nothing after ~; write it like y ~ x1 + C(g), or y ~ 1 for the mean alone."
        )
    known = {term: offset for term in found.right if (offset := as_offset(term)) is not None}
    formula = ParsedFormula(
        tuple(r[0] for r in found.left),
        tuple(
            sorted((t for t in found.right if t and t not in known), key=len)
        ),  # as in R: interactions after what they are made of
        any(not t for t in found.right) or bool(absorbed),  # each level has a constant, and so has the line
        found.notes,
        absorbed,
        tuple(known.values()),
    )
    if known and not all(r.column for r in formula.responses):
        raise FormulaError(
            f"An offset is taken off a target as it stands, and {readable(formula.responses[0].text)} is computed; write what is known "
            f"into it, as in I(log(y) - z) ~ x."
        )
    if absorbed and not formula.terms:
        raise FormulaError(
            f"The formula {readable(whole)} has nothing but absorbed effects, so there is no weight to find; add a column, or write "
            f"y ~ C(firm) for the mean of each firm."
        )
    if not formula.terms and not formula.intercept:
        raise FormulaError(f"The formula {readable(text)} has no terms at all; add a column, or an intercept (1).")
    # y ~ y + x would be explained perfectly, by nothing.
    used = {*(p.text for term in (*formula.terms, formula.offsets) for p in term), *apart}
    twice = {r.text for r in formula.responses} & used
    if twice:
        raise FormulaError(f"{readable(min(twice))} stands on both sides of the formula; take it from one of them.")
    return formula


def _shifts_named(found: Reading) -> Reading:
    """The same where `lag(x)` and its like are columns by that name, each term once."""

    def named(piece: Piece) -> Piece:
        if piece.column or not _SHIFT.match(piece.text):
            return piece
        tree = syntax_tree(piece.text)
        return Piece(column_of(tree.id), True) if isinstance(tree, ast.Name) else piece

    def each_once(side: Sequence[tuple[Piece, ...]]) -> list[tuple[Piece, ...]]:
        terms: dict[frozenset[Piece], tuple[Piece, ...]] = {}
        for term in side:
            pieces = tuple(dict.fromkeys(map(named, term)))
            terms.setdefault(frozenset(pieces), pieces)
        return list(terms.values())

    return replace(found, left=each_once(found.left), right=each_once(found.right))


def as_offset(term: Sequence[Piece]) -> Piece | None:
    """What stands in a term `offset(...)`; None for another term. Raises FormulaError for an offset within a product."""
    inside = [piece for piece in term if not piece.column and re.match(r"\s*offset\s*\(", piece.text)]
    if not inside:
        return None
    node = syntax_tree(inside[0].text)
    if len(term) > 1 or not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords:
        raise FormulaError(
            f"{readable(':'.join(p.text for p in term))} is not understood; write + offset(z), a term by itself, of one column or expression."
        )
    # A column as it stands needs no expression, whatever characters its name has.
    match node.args[0]:
        case ast.Name(id=name):
            return Piece(column_of(name), True)
        case inner:
            return Piece(ast.unparse(inner), False)


def _without_response(text: str) -> str:
    left, tilde, right = text.partition("~")
    if not tilde:
        return slip(text) or "has no ~"
    return (
        f"has no target before ~; write one, as in y ~ {right.strip()}"
        if not left.strip()
        else ("has more than columns before ~; join several targets by +, as in a + b ~ x")
    )


def _shown(piece: Piece) -> str:
    bare = not piece.column or _PLAIN.match(piece.text) or shift_of(piece.text) is not None
    return piece.text if bare else f"`{piece.text}`"
