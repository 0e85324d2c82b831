"""Categories: what C(...) and relevel(...) in a formula ask for. They are read by their syntax trees, and never called.

C(g)      C(g, Treatment("b")) = relevel(g, "b")      C(g, Sum)      C(g, Helmert)      C(g, Poly)      C(g, levels=["low", "high"])
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from bestline.data.design.bar import absorbed_columns
from bestline.data.design.bases.contrasts import CODINGS
from bestline.data.design.expressions import column_of, syntax_tree
from bestline.data.design.grammar import Piece, in_our_words
from bestline.errors import FormulaError, readable
from bestline.wording import LEFT_TO_RIGHT

_LONGEST = 200_000  # characters of a formula
_WORDS = {coding: coding for coding in CODINGS} | {"treatment": "treatment"}
_SPELT = (
    'C(g), C(g, Treatment("level")) or relevel(g, "level") to choose the level that the others are compared with, C(g, Sum), C(g, Helmert), '
    'C(g, Poly), C(g, Diff), or C(g, levels=["low", "high"])'
)


@dataclass(frozen=True, slots=True)
class Category:
    """A column read as categories.

    Attributes
    ----------
    column : str
    reference : str or None
        The level that the others are compared with; of the coding "sum" the one without a column.
    coding : str
        How its levels become columns: "treatment", or one of `contrasts.CODINGS`.
    levels : tuple of str or None
        Its levels in their order; None: as they are found.
    """

    column: str
    reference: str | None = None
    coding: str = "treatment"
    levels: tuple[str, ...] | None = None


def asked_categories(text: str | None) -> list[str]:
    """Columns that a formula, not parsed yet, reads as categories: a file is then asked for them as written."""
    if not text:
        return []
    text = text[:_LONGEST]
    found = re.findall(r"\b(?:C|relevel)\(\s*(?:([^\W\d]\w*)|`([^`]+)`)", in_our_words(text))
    named = [*(plain or quoted for plain, quoted in found), *absorbed_columns(text)]
    return [*named, *(name.replace(LEFT_TO_RIGHT, "") for name in named if LEFT_TO_RIGHT in name)]


def as_category(piece: Piece) -> Category | None:
    """The category that a piece asks for, or None when it is an expression or a bare column."""
    called = None if piece.column else re.match(r"\s*(C|relevel)\s*\(", piece.text)
    if called is None:
        return None
    wrong = FormulaError(f"{readable(piece.text)} is not understood; write {_SPELT} (every coding gives the same line).")
    try:
        node = syntax_tree(piece.text)
    except FormulaError as error:
        raise wrong from error
    match node:
        case ast.Call(func=ast.Name(id="C"), args=[ast.Name(id=name), *more], keywords=keywords) if len(more) <= 1:
            return _coded(column_of(name), more, keywords, wrong)
        case (
            ast.Call(func=ast.Name(id="relevel"), args=[ast.Name(id=name), ast.Constant(value=level)], keywords=[])
            | ast.Call(
                func=ast.Name(id="relevel"),
                args=[ast.Name(id=name)],
                keywords=[ast.keyword(arg="ref" | "reference", value=ast.Constant(value=level))],
            )
        ):
            return Category(column_of(name), _level(level, wrong))
    raise wrong


def _coded(column: str, contrast: Sequence[ast.expr], keywords: Sequence[ast.keyword], wrong: FormulaError) -> Category:
    given = {k.arg: k.value for k in keywords}
    if len(given) < len(keywords):
        raise wrong
    levels = given.pop("levels", None)
    named = [given.pop(name) for name in ("contr", "contrast", "contrasts") if name in given]
    reference = given.pop("reference", None)
    asked = [*contrast, *named]
    if given or len(asked) + (reference is not None) > 1:
        raise wrong
    # Levels may stand beside a coding: they are put in order first.
    order = None if levels is None else _listed(levels, wrong)
    if isinstance(reference, ast.Constant):
        return Category(column, _level(reference.value, wrong), levels=order)
    if reference is not None:
        raise wrong
    coding, level = _contrast(asked[0], wrong) if asked else ("treatment", None)
    return Category(column, level, coding, order)


def _contrast(node: ast.expr, wrong: FormulaError) -> tuple[str, str | None]:
    """A coding, and the level that stands apart in it: patsy's Sum, formulaic's contr.sum, with or without parentheses."""
    # First the parentheses are taken away, with or without a level in them; then a name is left.
    level: ast.expr | None = None
    match node:
        case ast.Call(func=func, args=[], keywords=[]):
            node = func
        case (
            ast.Call(func=func, args=[level], keywords=[])
            | ast.Call(func=func, args=[], keywords=[ast.keyword(arg="reference" | "base" | "omit", value=level)])
        ):
            node = func
    match node:
        case ast.Name(id=word) | ast.Attribute(value=ast.Name(id="contr"), attr=word) if word.casefold() in _WORDS:
            coding = _WORDS[word.casefold()]
        case _:
            raise wrong
    if level is None:
        return coding, None
    if coding not in ("treatment", "sum") or not isinstance(level, ast.Constant):
        raise wrong
    return coding, _level(level.value, wrong)


def _listed(node: ast.expr, wrong: FormulaError) -> tuple[str, ...]:
    """The levels of a list, a tuple, or R's c(...)."""
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Call(func=ast.Name(id="c"), args=parts, keywords=[]):
            found = tuple(_level(p.value if isinstance(p, ast.Constant) else None, wrong) for p in parts)
            if found and len(set(found)) == len(found):
                return found
    raise wrong


def _level(value: object, wrong: FormulaError) -> str:
    """A level as it is written: 4 for 4.0."""
    if not isinstance(value, str | int | float):
        raise wrong
    return value if isinstance(value, str) else str(value).removesuffix(".0")
