"""Grammar: the terms that the text of a formula stands for. Text and tree are formulaic's; the terms are spelt out here, never too many.

    a*b = a + b + a:b        (a + b)^2 = a + b + a:b        a/b = a + a:b        x^2 = x:x = x

Thirty columns joined by `*` are a billion terms: so products stop as soon as there are more than anybody could fit, and how many
there would be is counted without making them. Terms are sets of factors, so a product is a union, and powers end where no new set
comes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from bestline.data.design.slips import slip
from bestline.errors import ColumnError, FormulaError, as_written, readable

MOST_TERMS = 8_000  # each has a column at least, and a design has no more
_DEEPEST = 500  # parentheses and powers: the parser's time grows with the square of it
_PENDING = re.compile(r"\*\*|\^|[*:/]\s*[-+]")  # signs whose left side the parser leaves lying until the right side is known
_MOST_FACTORS = 50  # of a term
_MOST_PRODUCTS = 1_000_000  # looked at, a second's work, however few are new
_POWERS = ("**", "^")
_COUNTED = 10**15  # beyond this many terms nobody asks for the number
_ONE = frozenset({("1", "LITERAL")})  # the intercept's term
_FACTOR = re.compile(
    r"""(`[^`]*`|"[^"]*"|'[^']*')|\b(?:(?:as\.)?factor(?=\()|(Boundary\.knots)(?=\s*=))"""
)  # R's words for a category and for outer knots, not in names and levels
_QUOTED = re.compile(r"""Q\(\s*(["'])([^"'\\`]*)\1\s*\)\Z""")  # patsy's way to name a column of any name
# Beside a column `log` the parser quotes the word of the function as well, and the options of lag(x, order=`order`): these are no columns.
_NO_COLUMN = re.compile(r"`(\w+)`(?=\s*(?:\(|=(?!=)))")


@dataclass(frozen=True, slots=True)
class Piece:
    """A factor of a term.

    Attributes
    ----------
    text : str
        As written: a column's name, or an expression.
    column : bool
        Whether it is a column as it stands, whatever characters its name has.
    """

    text: str
    column: bool


Factor: TypeAlias = tuple[str, str]  # text, and what formulaic calls its kind
Terms: TypeAlias = dict[frozenset[Factor], tuple[Factor, ...]]  # each once, its factors in the order in which they were met


@dataclass(slots=True)
class Reading:
    """The two sides of a formula: lists of terms, each a tuple of pieces, the intercept's empty; and what people should know of it."""

    left: list[tuple[Piece, ...]]
    right: list[tuple[Piece, ...]]
    notes: tuple[str, ...]


def in_our_words(text: str) -> str:
    """A formula with C for R's factor and as.factor, and names of arguments that Python can read."""
    return _FACTOR.sub(lambda found: found.group(1) or ("boundary_knots" if found.group(2) else "C"), text)


def read(text: str, names: Sequence[str]) -> Reading:
    """What a formula says of data with columns `names`; raises FormulaError where it cannot be understood, or says too much."""
    text = in_our_words(text)
    if not all(name.strip() for name in re.findall(r"`([^`]*)`", text)):
        raise FormulaError(f"The formula {readable(text)} has a name without letters, ``; write a column's name between them.")
    tree = _tree(text)
    left, right = (None, *tree.args)[-2:] if getattr(getattr(tree, "operator", None), "symbol", "") == "~" else (None, tree)
    # What stands on the left, in functions too, is no column that `.` means.
    taken = frozenset(
        str(name) for leaf in _upwards(left) if hasattr(leaf, "required_variables") for name in leaf.required_variables
    )
    spelt = _Spelling(text, taken, [name for name in dict.fromkeys(names) if name not in taken])
    sides = [[] if side is None else list(spelt.terms(side).values()) for side in (left, right)]
    both = [[tuple(_piece(f) for f in term if f not in _ONE) for term in side] for side in sides]
    return Reading(both[0], both[1], tuple(dict.fromkeys(spelt.notes)))


def _tree(text: str) -> Any:
    """Formulaic's tree of a formula: nodes with an operator, and tokens for leaves."""
    from formulaic.errors import FormulaicError
    from formulaic.parser import DefaultFormulaParser
    from formulaic.parser.types import Token

    depth = deepest = 0
    for mark in re.findall(r"[(\[]|[)\]]", text):
        depth += 1 if mark in "([" else -1
        deepest = max(deepest, depth)
    parser = DefaultFormulaParser()
    try:
        if len(_PENDING.findall(text)) > _DEEPEST:  # signs inside functions are none of the formula's
            signs = " ".join(t.token if t.kind is Token.Kind.OPERATOR else "x" for t in parser.get_tokens(text))
            deepest = len(_PENDING.findall(signs))
        if deepest <= _DEEPEST:
            return parser.get_ast(text)
    except (FormulaicError, SyntaxError, ValueError, AttributeError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise FormulaError(f"The formula {readable(text)} {slip(text) or 'cannot be understood' + _cause(error)}.") from error
    raise FormulaError(
        f"The formula {readable(text)} has parentheses or powers {deepest:,} deep; write it with fewer, {_DEEPEST} at most."
    )


def _cause(error: Exception) -> str:
    # The parser marks the place with brackets and colours, which say nothing without the whole text.
    first = re.sub(r"\x1b\[[0-9;]*m|[⧛⧚]", "", str(error)).split("\n")[0].strip()
    said = f" ({first.rstrip('.')})" if first and type(error).__module__.startswith("formulaic") else ""
    return f"{said}; write it like y ~ x1 + C(g)"


def _piece(factor: Factor) -> Piece:
    text, kind = factor
    if kind == "LITERAL":
        if text[0] in "\"'":
            raise FormulaError(
                f"The formula has {readable(text)} in quotes; write the column's name without them, or in backquotes."
            )
        raise FormulaError(
            f"The formula has the number {readable(text)} beside columns, and its signs join columns and compute nothing; write "
            f"I({text} * x) or I(x + {text}) to compute with it."
        )
    quoted = _QUOTED.match(text)
    return Piece(quoted.group(2), True) if quoted else Piece(_NO_COLUMN.sub(r"\1", text), kind == "LOOKUP")


@dataclass(slots=True)
class _Spelling:
    """Spells a tree out as terms; `taken` are the columns on the left, and `dot` those that `.` stands for: all others."""

    text: str
    taken: frozenset[str]
    dot: list[str]
    notes: list[str] = field(default_factory=list)

    def terms(self, tree: Any) -> Terms:
        """The terms of one side."""
        made: dict[int, Terms] = {}
        try:
            for node in _upwards(tree):
                # Leaves are made where they are used: formulaic puts one token in several places.
                parts = [made.pop(id(arg)) if hasattr(arg, "operator") else _leaf(arg) for arg in getattr(node, "args", ())]
                made[id(node)] = self._joined(node, parts) if hasattr(node, "operator") else _leaf(node)
        except OverflowError:
            raise self._too_many(tree) from None
        return made[id(tree)]

    def _joined(self, node: Any, parts: list[Terms]) -> Terms:
        symbol = node.operator.symbol
        if symbol == ".":
            return {frozenset({(name, "LOOKUP")}): ((name, "LOOKUP"),) for name in self.dot}
        if len(parts) == 1:
            return parts[0] if symbol == "+" else self._less({}, parts[0])
        a, b = parts
        match symbol:
            case "+":
                return _sum(a, b)
            case "-":
                return self._less(a, b)
            case ":" | "*":
                if len(a) == 1 and a.keys() == b.keys():
                    self._remark(a, symbol)
                products = _products(a, b)
                return products if symbol == ":" else _sum(_sum(a, b), products)
            case "/":
                return _nested(a, b)
            case "in":
                return _nested(b, a)
            case "**" | "^":
                return self._power(node, a)
        raise FormulaError(
            f"The formula {readable(self.text)} has a bar, and what stands behind one is not understood yet; write + C(g) for groups."
        )

    def _less(self, a: Terms, b: Terms) -> Terms:
        """The terms of a without those of b. One that is not in a is said to be none; where a is nothing, a sign was meant."""
        for key, term in b.items():
            names = [name for name, _ in term]
            if key in a or key == _ONE or set(names) <= self.taken:  # `. - y` says what is so anyway
                continue
            for name in [name for name, kind in term if kind == "LOOKUP" and name not in (*self.dot, *self.taken)]:
                raise ColumnError.missing(name, self.dot)
            name = ":".join(names)
            said = f"The formula {readable(self.text)} takes {readable(name)} out, and it is not in it"
            if a.keys() <= {_ONE}:
                raise FormulaError(f"{said}; write + {name} to use it (its weight finds its own sign).")
            self.notes.append(f"{said}: nothing is left out by that. To use {readable(name)}, write + {name}.")
        return {key: term for key, term in a.items() if key not in b}

    def _power(self, node: Any, base: Terms) -> Terms:
        degree = _degree(node)
        if degree is None:
            raise FormulaError(
                f"The formula {readable(self.text)} has a power that is no whole number from 1 on; write I(x**0.5) for powers of numbers."
            )
        if len(base) == 1 and degree > 1:
            self._remark(base, node.operator.symbol, degree)
        made, new = dict(base), base
        # Beyond the number of terms nothing new comes.
        for _ in range(min(degree, len(base)) - 1):
            new = _products(new, base, made)
            if not new:
                break
            _sum(made, new)
        return made

    def _remark(self, single: Terms, sign: str, degree: int = 2) -> None:
        """Say that a column joined with itself is that column, which others write for its square."""
        name = ":".join(text for text, _ in next(iter(single.values())))
        if name == "1":
            return
        written = f"{name}{sign}{degree if sign in _POWERS else name}"
        alone = [_piece(factor) for factor in next(iter(single.values()))]
        inside = name[2:-1] if name.startswith("I(") and name.endswith(")") else name
        inside = as_written(alone[0].text) if len(alone) == 1 and alone[0].column else inside
        self.notes.append(
            f"{readable(written)} is just {readable(name)}: in a formula these signs join columns, and compute nothing; write "
            f"I({inside}**{degree}) for the power of a number."
        )

    def _too_many(self, tree: Any) -> FormulaError:
        many = _count(tree, len(self.dot))
        said = f"more than {_COUNTED:,}" if many >= _COUNTED else f"{many:,}"
        return FormulaError(
            f"The formula {readable(self.text)} makes up to {said} terms, and {MOST_TERMS:,} are the most; join fewer columns, or name "
            f"the products that you need."
        )


def _upwards(tree: Any) -> Iterator[Any]:
    """Every node of a tree after its parts; without recursion, since a long sum is as deep as it is long."""
    order, left = [], [] if tree is None else [tree]
    while left:
        node = left.pop()
        order.append(node)
        left.extend(getattr(node, "args", ()))
    return reversed(order)


def _leaf(token: Any) -> Terms:
    made = token.to_factor()
    factor = (str(made.expr), str(made.eval_method.name))
    return {frozenset({factor}): (factor,)}


def _degree(node: Any) -> int | None:
    """The whole number behind a power, or None; so many digits are enough to be more than there are terms."""
    text = getattr(node.args[1], "token", "")
    return int(text[:9]) if re.fullmatch(r"0*[1-9][0-9]*", text, re.ASCII) else None


def _sum(a: Terms, b: Terms) -> Terms:
    """The terms of both, in the memory of the first."""
    for key, term in b.items():
        a.setdefault(key, term)
    if len(a) > MOST_TERMS + 1:  # with the intercept
        raise OverflowError
    return a


def _products(a: Terms, b: Terms, known: Container[frozenset[Factor]] = ()) -> Terms:
    """Each term of one with each of the other, but for those `known`; raises OverflowError where that is too much."""
    if len(a) * len(b) > _MOST_PRODUCTS and min(len(a), len(b)) > 1:
        raise OverflowError
    made: Terms = {}
    for first, ours in a.items():
        for second, theirs in b.items():
            key = first | second
            if key not in known and key not in made:
                made[key] = tuple(dict.fromkeys(ours + theirs))
                if len(key) > _MOST_FACTORS:
                    raise FormulaError(f"A term of the formula joins more than {_MOST_FACTORS} columns; join fewer.")
        if len(made) > MOST_TERMS:
            raise OverflowError
    return made


def _nested(parents: Terms, inner: Terms) -> Terms:
    common = tuple(dict.fromkeys(factor for term in parents.values() for factor in term))
    return _sum(parents, _products({frozenset(common): common}, inner))


def _count(tree: Any, dot: int) -> int:
    """How many terms a tree stands for where none comes twice, without making them."""
    counts: dict[int, int] = {}
    for node in _upwards(tree):
        parts = [counts.pop(id(arg)) if hasattr(arg, "operator") else 1 for arg in getattr(node, "args", ())]
        counts[id(node)] = min(_counted(node, parts, dot), _COUNTED + 1)
    return counts[id(tree)] - 1  # the intercept is no term that anybody has written


def _counted(node: Any, parts: list[int], dot: int) -> int:
    symbol = getattr(getattr(node, "operator", None), "symbol", "")
    if not parts:
        return dot if symbol == "." else 1
    if len(parts) == 1 or symbol == "-":
        return parts[0]
    a, b = parts
    if symbol in _POWERS:
        return _powers(a, min(_degree(node) or 1, a))
    return a * b if symbol == ":" else a + b + a * b if symbol == "*" else a + b


def _powers(a: int, degree: int) -> int:
    """Products of up to `degree` of `a` terms, as far as anybody counts."""
    total = 0
    for size in range(1, degree + 1):
        total += math.comb(a, size)
        if total > _COUNTED:
            break
    return total
