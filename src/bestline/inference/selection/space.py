"""Space: all subsets of a line's terms, told by the bits of a number; those that can be lines, and in which order alike ones stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.data.design import by_term
from bestline.errors import OptionError
from bestline.inference.fitted import FittedLine
from bestline.inference.selection.hierarchy import rests_on

MOST_TERMS = 20


@dataclass(frozen=True, slots=True, eq=False)
class TermSpace:
    """All subsets of a line's terms: which there are, and how they are counted.

    Term i of the m that are free is in subset s where bit m - 1 - i of s is set.

    Attributes
    ----------
    terms : dict
        Term -> its columns, in the order of the formula.
    kept : tuple of str
        Terms that are in every subset.
    free : tuple of str
        The others, the widest first.
    possible : Tensor, bool (2^m,)
        Subsets that hold what their terms rest on.
    size : Tensor, int (2^m,)
        How many terms each has, with those that are kept.
    """

    terms: dict[str, list[int]]
    kept: tuple[str, ...]
    free: tuple[str, ...]
    possible: Tensor
    size: Tensor

    @classmethod
    def of(cls, line: FittedLine, keep: Sequence[str]) -> TermSpace:
        """The space of a line; raises OptionError where it is too large."""
        terms, needed = by_term(line.design.columns), rests_on(line.design)
        kept = _closed(keep, needed)
        # Most work is at the leaves of the tree, so what is wide is decided at its root.
        free = sorted((term for term in terms if term not in kept), key=lambda term: -len(terms[term]))
        if len(free) > MOST_TERMS:
            raise OptionError(
                f"There are {len(free)} terms to choose from, and all subsets are tried of {MOST_TERMS} at most; name terms that stay, as "
                f"`keep`, or let a lasso choose: fit(..., cv='lasso')."
            )
        subset = torch.arange(1 << len(free))  # of no free term one: the line itself
        bit = {term: 1 << (len(free) - 1 - i) for i, term in enumerate(free)}
        possible = torch.ones(len(subset), dtype=torch.bool)
        for term in free:
            # Powers of two are bits: a subset holds all of `below` where they are left by the and.
            below = sum(bit[other] for other in needed[term] if other in bit)
            possible &= ((subset & bit[term]) == 0) | ((subset & below) == below)
        # Counted for all subsets at once; a loop over a million of them would take longer than their lines.
        size = torch.full_like(subset, len(kept))
        for own in bit.values():
            size += (subset & own) != 0
        return cls(terms, tuple(term for term in terms if term in kept), tuple(free), possible, size)

    @property
    def columns(self) -> list[int]:
        """All columns, those that are kept first and then as the free terms stand."""
        return [j for term in (*self.kept, *self.free) for j in self.terms[term]]

    def held(self, subset: int) -> tuple[str, ...]:
        """The terms of a subset, in the order of the formula."""
        m = len(self.free)
        own = {term for i, term in enumerate(self.free) if subset >> (m - 1 - i) & 1}
        return tuple(term for term in self.terms if term in own or term in self.kept)

    def ties(self) -> Tensor:
        """Places (2^m,) of the subsets that are alike otherwise: fewer terms first, then those with the earlier terms of the formula."""
        m, subset = len(self.free), torch.arange(1 << len(self.free))
        order = [self.free.index(term) for term in self.terms if term in self.free]
        # The size in front of the bits, so that one comparison of whole numbers orders by both.
        places = self.size << m
        for place, i in enumerate(order):
            places += (1 - (subset >> (m - 1 - i) & 1)) << (m - 1 - place)
        return places


def _closed(keep: Sequence[str], needed: Mapping[str, set[str]]) -> set[str]:
    """These terms and all that they rest on."""
    kept: set[str] = set()
    waiting = list(keep)
    while waiting:
        term = waiting.pop()
        waiting += [other for other in needed[term] if other not in kept]
        kept.add(term)
    return kept
