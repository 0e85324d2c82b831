"""Remedies: what may be tried for what was found, of what the formula does not have yet.

A finding does not know how the line was asked for. To advise a logarithm of log(y), the square of a column whose square is there, or
a square where all columns are categories, would send people round in a circle.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import combinations

from bestline.data.design import Design, Factor, expression, sources_of
from bestline.data.design.expressions import function_of
from bestline.errors import as_written, in_a_row
from bestline.wording import plain

_LOGARITHMS = ("log", "log10", "log1p", "log2")
_STRAIGHT = ("I", "center", "scale", "standardize")  # what changes the units of its column, and no shape
_SPLINES = ("bs", "cr", "ns")
_FEW = 3  # columns that a remedy names


@dataclass(frozen=True, slots=True)
class Remedies:
    """What is still to be tried.

    Attributes
    ----------
    target : str
        The target as the formula has it, where it is a logarithm or another bent function; empty for a column as it is.
    logarithm : bool
        Whether it is a logarithm.
    power : bool
        Whether it is a power that was chosen to suit, as of Box and Cox.
    straight : tuple of str
        What stands in the formula, as it is written there, without a power or a spline of it.
    curved : tuple of str
        Columns that do have one.
    splines : bool
        Whether a spline is among these.
    crossed : bool
        Whether there are interactions already.
    pairs : tuple of (str, str)
        Columns of which there is no interaction.
    weighted : bool
    made_of : dict
        Column of the design -> the columns of the table that it is made of.
    """

    target: str = ""
    logarithm: bool = False
    power: bool = False
    straight: tuple[str, ...] = ("x",)
    curved: tuple[str, ...] = ()
    splines: bool = False
    crossed: bool = False
    pairs: tuple[tuple[str, str], ...] = ()
    weighted: bool = False
    made_of: Mapping[str, Set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, design: Design, target: int) -> Remedies:
        """For the line of one target of a design."""
        function = _outermost(design.responses[target])
        curved, splines = _curved(design.factors)
        straight = [
            f.text if f.kind == "expression" else as_written(f.column)
            for f in design.factors
            if f.kind != "category" and not set(f.numbers) & set(curved)
        ]
        sources = [sources_of(design.factors, column) for column in design.columns]
        names = list(dict.fromkeys(name for f in design.factors for name in (f.numbers or [f.column])))
        there = {frozenset(pair) for found in sources for pair in combinations(sorted(found), 2)}
        return cls(
            plain(design.responses[target].text) if function else "",
            function in _LOGARITHMS,
            function == "boxcox",
            tuple(dict.fromkeys(straight)),
            tuple(curved),
            splines,
            bool(there),
            tuple(pair for pair in combinations(names, 2) if frozenset(pair) not in there),
            design.weights is not None,
            dict(zip(design.names, sources, strict=True)),
        )

    @property
    def bend(self) -> str:
        """Where powers of the fitted values explain more."""
        if self.target:
            kind = "a logarithm" if self.logarithm else "transformed"
            # Of two logarithms the weight is an elasticity: where that of the target is not enough, it is the next thing to look at.
            first = ["a logarithm of a column too"] if self.logarithm and any("(" not in text for text in self.straight) else []
            return f"The target is {kind} already ({self.target}): try {_choice([*first, *self._shapes()])}."
        return f"Try a logarithm, or {next(self._shapes())}."

    @property
    def columns(self) -> str:
        """Where squares and products of the columns explain more."""
        return f"Try {_choice([*self._shapes()])}."

    @property
    def skew(self) -> str:
        """Where errors lean towards large values."""
        if not self.target:
            return "A logarithm of the target may help, where it is positive."
        if self.logarithm or self.power:
            kind = "a logarithm" if self.logarithm else "transformed"
            return f"The target is {kind} already: conformal intervals assume no distribution of the errors."
        return f"A logarithm of the target may help more than {self.target}, where it is positive."

    @property
    def weights(self) -> str:
        """Where errors do not spread alike."""
        return "check the weights" if self.weighted else "give weights"

    def apart(self, names: Sequence[str]) -> str:
        """What tells nearly collinear columns apart, where they are so for what they are: a column, its powers and its products."""
        found = [self.made_of.get(name, set()) for name in names]
        shared = all(any(a & b for b in found[:i] + found[i + 1 :]) for i, a in enumerate(found))
        if self.splines or not shared:
            return "their effects are hard to tell apart."
        fewest = min(found, key=len)
        inside = as_written(min(fewest))
        return (
            f"they are made of the same columns, so none is the effect with the others held. Centred columns, such as center({inside}) in "
            f"place of {inside}, tell them apart, and predictions stay."
        )

    def _shapes(self) -> Iterator[str]:
        """Terms that are not in the formula, most usual first; never none."""
        squares = [f"I({text}**2)" for text in self.straight]
        if squares and not self.curved:
            yield squares[0] if len(squares) == 1 else "I(x**2)"
        elif squares:
            yield in_a_row(squares, "or") if len(squares) <= _FEW else "I(x**2) of a column that has no power yet"
        if self.curved and self.splines:
            yield "a spline of more degrees of freedom"
        elif self.curved:
            yield f"a spline such as bs({as_written(self.curved[0])}, df=5) in place of powers"
        pair = [":".join(map(as_written, pair)) for pair in self.pairs[:1]]
        if pair:
            known = self.crossed or len(self.pairs) == 1 or not self.straight
            yield f"an interaction such as {pair[0] if known else 'x:z'}"
        if not (squares or self.curved or pair):
            yield "an interaction of three columns"


def _outermost(response: Factor) -> str:
    """The function that bends a target, what only changes its units left out; empty where there is none."""
    if response.kind != "expression":
        return ""
    if "boxcox(" in response.text:  # it is written out in the tree
        return "boxcox"
    node = expression(response.text).tree
    while True:
        match node:
            case ast.Call() if function_of(node) in _STRAIGHT:
                node = node.args[0]
            case ast.Call():
                return function_of(node)
            case ast.BinOp(op=ast.Pow()):
                return "power"
            case ast.BinOp(left=left, op=op, right=right):
                if not _reads(left) and isinstance(op, ast.Div):
                    return "power"
                node = left if _reads(left) else right
            case ast.UnaryOp(operand=operand):
                node = operand
            case _:
                return ""


def _reads(node: ast.expr) -> bool:
    """Whether a column stands in it."""
    return any(isinstance(part, ast.Name) for part in ast.walk(node))


def _curved(factors: tuple[Factor, ...]) -> tuple[list[str], bool]:
    """Columns of which there is a power or a spline, and whether there is a spline."""
    found: list[str] = []
    splines = False
    for factor in factors:
        if factor.kind != "expression":
            continue
        parts = list(ast.walk(expression(factor.text).tree))
        called = {function_of(node) for node in parts if isinstance(node, ast.Call)}
        powers = any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) for node in parts)
        splines |= not called.isdisjoint(_SPLINES)
        if powers or not called.isdisjoint(("poly", *_SPLINES)):
            found += factor.numbers
    return list(dict.fromkeys(found)), splines


def _choice(words: list[str]) -> str:
    return f"{', '.join(words[:-1])}, or {words[-1]}" if len(words) > 1 else words[0]
