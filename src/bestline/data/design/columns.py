"""Columns: from a formula's terms to the columns of X, first without levels, then spelt out with them.

A term is a product of factors, and has one column for each choice of one component of each of its factors; which components a
category has there is decided by its coding, so that no column says what others already say.

A category with levels a, b, c needs one column a level, `g[a] g[b] g[c]` (full); beside an intercept one fewer,
`g[T.b] g[T.c]` (reduced), each comparing its level with the reference a; in other codings (`contrasts`) there are as many. For products of categories the rule is that of
Wilkinson & Rogers (1973) as R applies it: a term is the sum of all products of subsets of its categories, and only those that
no earlier term has spoken for get columns.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TypeAlias

from bestline.data.design.bases.contrasts import MOST_ORDERED, contrast_names
from bestline.data.design.categories import Category
from bestline.data.design.design import Design
from bestline.data.design.draft import Draft
from bestline.data.design.factors import MISSING_LEVEL, Column, Factor
from bestline.data.design.grammar import Piece
from bestline.data.design.profiles import MOST_TEXTS, Levels
from bestline.data.design.spellings import common, places
from bestline.errors import ColumnError, DataError, FormulaError, as_written, listed, readable

_MOST_COLUMNS = 8_000  # of X: moments of more would need over 0.5 GB, and minutes for each 100,000 rows


def by_term(columns: Sequence[Column]) -> dict[str, list[int]]:
    """The numbers of the columns of each term, in the order of the formula."""
    found: dict[str, list[int]] = {}
    for j, column in enumerate(columns):
        found.setdefault(column.term, []).append(j)
    return found


def made_of(columns: Iterable[Column]) -> frozenset[int]:
    """The factors that columns are products of, by their numbers."""
    return frozenset(factor for column in columns for factor, _ in column.parts)


def coded(draft: Draft, levels: Mapping[str, Levels]) -> Design:
    """The design with its columns spelt out, and remarks on categories that say nothing."""
    factors = [_settled(kind, piece, draft, levels) for piece, kind in draft.kinds.items()]
    single = [f.column for f in factors if f.kind == "category" and len(f.levels) == 1]
    remarks = [f"{listed(single)} has one level only, so it says nothing beside the intercept."] if single else []
    return spelt_out(draft.with_notes(*remarks), factors)


def spelt_out(draft: Draft, factors: Sequence[Factor], *, full: bool = False) -> Design:
    """The design of factors whose levels are known, one for each piece of the draft in its order; in `full`, with all levels everywhere."""
    number_of = {piece: i for i, piece in enumerate(draft.kinds)}
    # Terms with the same numeric factors share a space, in which the coding sees to it that no column is said twice.
    terms = []
    for term in draft.formula.terms:
        ids = [number_of[piece] for piece in term]
        numeric = [i for i in ids if factors[i].kind != "category"]
        terms.append((frozenset[object](numeric), [i for i in ids if factors[i].kind == "category"]))
    # Counted before they are made: four polynomials multiplied are more columns than memory holds.
    wide = [math.prod(max(len(_components(factors[number_of[p]], full=full)), 1) for p in term) for term in draft.formula.terms]
    if sum(wide) > _MOST_COLUMNS:
        raise _too_many(f"at least {sum(wide):,}", draft.formula.terms[wide.index(max(wide))])
    columns: list[Column] = []
    for term, coding in zip(draft.formula.terms, codings(terms, intercept=draft.formula.intercept), strict=True):
        ids = [number_of[piece] for piece in term]
        text = ":".join(piece.text for piece in term)
        for chosen in coding:
            product = dict.fromkeys(chosen, True) if full else chosen
            own = [i for i in ids if factors[i].kind != "category" or i in product]
            if len(columns) + math.prod(len(_components(factors[i], full=product.get(i, False))) for i in own) > _MOST_COLUMNS:
                raise _too_many(f"more than {_MOST_COLUMNS:,}", term)
            columns.extend(_columns_of(text, own, factors, product))
    formula = draft.formula
    return Design(
        formula.text,
        draft.responses,
        formula.intercept,
        tuple(factors),
        tuple(columns),
        draft.weights,
        draft.missing,
        table=draft.table,
        notes=draft.notes,
        beside=draft.beside,
        offsets=draft.offsets,
        weight_kind=draft.weight_kind,
    )


def _too_many(many: str, term: Sequence[Piece]) -> DataError:
    return DataError(
        f"The design has {many} columns (most in {readable(':'.join(p.text for p in term))}), and {_MOST_COLUMNS:,} are the most; leave "
        f"out columns with many levels, or work on the rows where they are fewer: bestline.Ridge for l2, bestline.Lasso or "
        f"bestline.LassoCV for l1."
    )


def _settled(kind: Factor | Category, piece: Piece, draft: Draft, found: Mapping[str, Levels]) -> Factor:
    if isinstance(kind, Factor):
        return kind
    own = found[kind.column]
    if own.overflowing:
        raise ColumnError(
            f"Column {readable(kind.column)} has more than {MOST_TEXTS:,} levels; it looks like an identifier, leave it out."
        )
    spelt = common(own.counts)
    weights: dict[str, float] = {}
    for level, weight in own.weights.items():
        weights[spelt[level]] = weights.get(spelt[level], 0.0) + weight
    # Where missing is a level, a text that says the same is that level.
    imputed = draft.missing == "impute"
    levels = _ordered(
        [level for level in weights if not (imputed and level == MISSING_LEVEL)],
        draft.declared.get(kind.column, ()) if kind.levels is None else kind.levels,
    )
    _check_order(kind, piece, levels)
    # The reference is the level that a reduced coding leaves out, so it goes to the front.
    if kind.reference is not None:
        (at,) = places(levels, [kind.reference], numeric=False)
        if at < 0:
            raise ColumnError.missing(kind.reference, levels, readable(kind.column), what="level")
        # Of the coding "sum" the last has no column of its own.
        levels.insert(0 if kind.coding == "treatment" else len(levels), levels.pop(at))
    # A value that is missing is a level like others: whether it is may say something of its own.
    if imputed and (own.missing or MISSING_LEVEL in weights):
        levels.append(MISSING_LEVEL)
        weights[MISSING_LEVEL] = weights.get(MISSING_LEVEL, 0.0) + own.missing_weight
        if kind.coding == "poly":
            raise FormulaError(
                f"{readable(piece.text)} is a trend over levels in order, and a missing value has no place in it; use missing='drop'."
            )
    if not levels and not own.missing:
        weightless = " or the weight 0" if draft.weights else ""
        raise DataError(
            f"No usable row is left in {draft.label}: every one has a value missing in a column that is used{weightless}; use "
            f"missing='impute', or leave out the column that is empty."
        )
    if not levels:
        raise ColumnError(f"Column {readable(kind.column)} has no values at all: every one is missing; leave it out.")
    total = sum(weights[level] for level in levels)
    shares = tuple(weights[level] / total for level in levels)
    return Factor(piece.text, "category", kind.column, tuple(levels), shares, coding=kind.coding)


def _check_order(kind: Category, piece: Piece, levels: Sequence[str]) -> None:
    """Raise ColumnError for a level that is not among those given, and FormulaError for too many in order."""
    if kind.levels is not None:
        known = [levels[at] for at in places(levels, kind.levels, numeric=False) if at >= 0]
        if strange := [level for level in levels if level not in known]:
            raise ColumnError(
                f"{readable(piece.text)} leaves out {listed(strange)}, which {'stand' if len(strange) > 1 else 'stands'} in column "
                f"{readable(kind.column)}; name all levels, or leave such rows out."
            )
    if kind.coding == "poly" and len(levels) > MOST_ORDERED:
        raise FormulaError(
            f"{readable(piece.text)} has {len(levels)} levels, and a trend is over {MOST_ORDERED} at most; write C({as_written(kind.column)}), or take "
            f"the numbers that they stand for."
        )


def _ordered(levels: Sequence[str], declares: Sequence[str]) -> list[str]:
    """Levels in the order their type declares, of numbers by size, else by the alphabet."""
    # Declared levels that no training row has are none; those that it has may be spelt in another way in the declaration.
    declared = [levels[at] for at in places(levels, declares, numeric=False) if at >= 0]
    rest = [level for level in levels if level not in declared]
    try:  # 9 before 10, which the alphabet has the other way round
        rest.sort(key=lambda level: (float(level), level))
    except ValueError:
        rest.sort()
    return list(dict.fromkeys([*declared, *rest]))


def _columns_of(term: str, ids: Sequence[int], factors: Sequence[Factor], product: dict[object, bool]) -> Iterator[Column]:
    """Columns of one product, the first factor's components running fastest."""
    # From the last factor to the first, each step putting its components before the products made so far.
    made: list[tuple[str, tuple[tuple[int, int], ...]]] = [("", ())]
    for i in reversed(ids):
        options = _components(factors[i], full=product.get(i, False))
        made = [(f"{label}:{name}" if name else label, ((i, at), *parts)) for name, parts in made for label, at in options]
    for name, parts in made:
        yield Column(name, term, parts)


def _components(factor: Factor, *, full: bool) -> list[tuple[str, int]]:
    if factor.is_coded:
        named = list(enumerate(contrast_names(factor.text, factor.coding, factor.levels), start=len(factor.levels)))
        return [(name, at) for at, name in (named if full else named[1:])]
    if factor.kind == "category":
        if full:
            return [(f"{factor.text}[{level}]", at) for at, level in enumerate(factor.levels)]
        return [(f"{factor.text}[T.{level}]", at) for at, level in enumerate(factor.levels) if at > 0]
    return [(factor.text, 0)] if factor.width == 1 else [(f"{factor.text}[{d + 1}]", d) for d in range(factor.width)]


Coding: TypeAlias = dict[Hashable, bool]  # category -> whether it is coded in full


def codings(terms: Sequence[tuple[frozenset[Hashable], Sequence[Hashable]]], *, intercept: bool) -> list[list[Coding]]:
    """How each term codes its categories: a list of products for each term.

    Parameters
    ----------
    terms
        (numeric factors, categories) of each term, in order. Terms with other numeric factors do not speak for each other.
    intercept : bool
        The intercept speaks for the empty product.
    """
    # Products of categories that have columns already, for each product of numeric factors that they are multiplied with.
    spoken: dict[frozenset[Hashable], set[frozenset[Hashable]]] = {}
    if intercept:
        spoken[frozenset()] = {frozenset()}
    result = []
    for numeric, categories in terms:
        known = spoken.setdefault(numeric, set())
        if 2 ** len(categories) > _MOST_COLUMNS:
            raise DataError(
                f"An interaction of {len(categories)} categories has over {_MOST_COLUMNS:,} columns; join fewer of them."
            )
        subsets = [frozenset(s) for size in range(len(categories) + 1) for s in combinations(categories, size)]
        # The space of a term is the sum of one space for each subset of its categories, each reduced: those of earlier terms are there.
        new = [s for s in subsets if s not in known]
        known.update(new)
        result.append(_absorbed([dict.fromkeys((c for c in categories if c in s), False) for s in new]))
    return result


def _absorbed(products: list[Coding]) -> list[Coding]:
    """Join a product with the one that has one more, reduced, category: together they are that category in full."""
    # 1 + reduced(a) = full(a). Every join leaves one product less, so this ends. The first that can be joined is, with the first that
    # it can be joined to, whose place the joint product takes.
    left = dict(enumerate(products))
    place = {frozenset(p.items()): i for i, p in left.items()}
    categories = list(dict.fromkeys(c for p in products for c in p))
    i = 0
    while i < len(products):
        short = left.get(i)
        if short is None:
            i += 1
            continue
        own = frozenset(short.items())
        longer = [(place[own | {(c, False)}], c) for c in categories if c not in short and own | {(c, False)} in place]
        if not longer:
            i += 1
            continue
        j, extra = min(longer, key=lambda found: found[0])
        joined = {c: full or c == extra for c, full in left[j].items()}
        del left[i], place[own], place[frozenset(left[j].items())]
        left[j] = joined
        key = frozenset(joined.items())
        place[key] = j
        # Only what lacks one of its reduced categories may be joined to it now, and may stand before.
        i = min(
            (place[key - {(c, False)}] for c, full in joined.items() if not full and key - {(c, False)} in place), default=i
        )
    return [left[i] for i in sorted(left)]
