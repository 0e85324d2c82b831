"""Hierarchy: which terms of a line rest on which others, so that a subset of terms is a formula of its own.

    a:b rests on a and on b         the rule of marginality (Nelder 1977, JRSS A 140:48-77)
    b in y ~ 0 + a + b rests on a   for its columns are differences from a level, and a holds the constant

Without the term that it rests on, a category would be coded otherwise, and the line would be another one than its columns say.
"""

from __future__ import annotations

from collections.abc import Sequence

from bestline.data.design import Design, by_term, made_of


def rests_on(design: Design) -> dict[str, set[str]]:
    """Of each term the others that must be there beside it."""
    terms = by_term(design.columns)
    # By factors and not by names: a:b rests on b:a's parts, however the formula is written.
    factors = {term: made_of(design.columns[j] for j in own) for term, own in terms.items()}
    needed = {term: {other for other in terms if factors[other] < factors[term]} for term in terms}
    blocks = {term: _blocks(design, own) for term, own in terms.items()}
    for term, own in blocks.items():
        for block, full in own.items():
            for category in _categories(design, block) - full:
                holder = _holder(design, blocks, block - {category})
                needed[term] |= set() if holder in (None, term) else {str(holder)}
    return needed


def _categories(design: Design, factors: frozenset[int]) -> frozenset[int]:
    return frozenset(i for i in factors if design.factors[i].kind == "category")


def _blocks(design: Design, columns: Sequence[int]) -> dict[frozenset[int], frozenset[int]]:
    """The factors of a term's columns, each with those categories that stand there in full: with a column for every level."""
    components: dict[frozenset[int], dict[int, set[int]]] = {}
    for j in columns:
        parts = design.columns[j].parts
        own = components.setdefault(frozenset(factor for factor, _ in parts), {})
        for factor, component in parts:
            own.setdefault(factor, set()).add(component)
    return {
        block: frozenset(i for i in _categories(design, block) if len(own[i]) == design.factors[i].width)
        for block, own in components.items()
    }


def _holder(design: Design, blocks: dict[str, dict[frozenset[int], frozenset[int]]], margin: frozenset[int]) -> str | None:
    """The first term whose columns hold those of a product of factors; None where the intercept does, or nothing."""
    if not margin and design.intercept:
        return None
    for term, own in blocks.items():
        # The levels of a category in full add up to one: what is multiplied by them is there as well.
        if any(margin <= block and block - margin <= full for block, full in own.items()):
            return term
    return None
