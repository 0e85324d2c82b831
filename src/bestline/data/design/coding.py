"""Coding: which columns a term of categories becomes, so that no column says what others already say.

A category with levels a, b, c needs one column a level, `g[a] g[b] g[c]` (full); beside an intercept one fewer,
`g[T.b] g[T.c]` (reduced), each comparing its level with the reference a. For products of categories the rule is that of
Wilkinson & Rogers (1973) as R applies it: a term is the sum of all products of subsets of its categories, and only those that
no earlier term has spoken for get columns.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import combinations
from typing import TypeAlias

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
        subsets = [frozenset(s) for size in range(len(categories) + 1) for s in combinations(categories, size)]
        # The space of a term is the sum of one space for each subset of its categories, each reduced: those of earlier terms are there.
        new = [s for s in subsets if s not in known]
        known.update(new)
        result.append(_absorbed([dict.fromkeys((c for c in categories if c in s), False) for s in new]))
    return result


def _absorbed(products: list[Coding]) -> list[Coding]:
    """Join a product with the one that has one more, reduced, category: together they are that category in full."""
    # 1 + reduced(a) = full(a). Every join leaves one product less, so this ends.
    for i, short in enumerate(products):
        for j, long in enumerate(products):
            extra = [c for c in long if c not in short]
            if (
                len(extra) == 1
                and len(long) == len(short) + 1
                and not long[extra[0]]
                and all(short[c] == long[c] for c in short)
            ):
                joined = {c: full or c == extra[0] for c, full in long.items()}
                return _absorbed([joined if k == j else p for k, p in enumerate(products) if k != i])
    return products
