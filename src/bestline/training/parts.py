"""Parts: the rows by their roles: those a line is fitted to, those that judge it on its way, and those that judge it in the end.

Each part has its moments; the rows themselves only where training needs them, kept or read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.numerics import Comoments, Rows


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some rows to train on or to be judged by.

    Attributes
    ----------
    moments : Comoments
    rows : Rows or None
        The rows themselves, where they are needed and kept.
    again : callable or None
        (generator) -> the rows block by block, where they are needed and too many to keep.
    window : int
        How many of those may be held.
    """

    moments: Comoments
    rows: Rows | None = None
    again: Callable[[torch.Generator], Iterator[Rows]] | None = None
    window: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The rows by their roles.

    Attributes
    ----------
    training : Part
        What the line is fitted to.
    held_out : Part or None
        What early stopping and the held-out loss look at.
    test : Part or None
        What the final score is of, with `split`.
    fold : Tensor (n,) or None
        Fold of every kept row.
    by : str or None
        The column whose values are the folds, if they are.
    """

    training: Part
    held_out: Part | None = None
    test: Part | None = None
    fold: Tensor | None = None
    by: str | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """How many rows each part has."""
        apart = self.held_out is not self.test
        named = {"training": self.training, "validation": self.held_out if apart else None, "test": self.test}
        return {name: part.moments.count for name, part in named.items() if part is not None}
