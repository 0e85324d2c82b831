"""Encoded: what a batch of a table becomes: numbers, and what is to be said of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor

from bestline.data.design.factors import Coded, Column, Factor, Unseen
from bestline.data.tables import Batch
from bestline.errors import UnseenLevelError
from bestline.numerics import Features, Rows, RowVector, Targets

Part: TypeAlias = tuple[Tensor, int]  # columns (n, .), and with which of them the components of a factor begin


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A batch as numbers, and what happened to its rows.

    Attributes
    ----------
    rows : Rows
    index : Tensor or None
        Positions in the batch of the rows that were used; None = all of them.
    imputed : dict
        Column -> number of values filled in.
    gaps : Tensor (n,) or None
        Which rows of the batch were left out because a value is missing; None: none.
    unseen : mapping
        Rows left out, or averaged, for a level that no training row has.
    strange : int
        Rows left out for such levels.
    height : Tensor (m, k) or None
        What absorbed effects say of the targets of the rows that were used; None: nothing is absorbed.
    """

    rows: Rows
    index: Tensor | None
    imputed: dict[str, int]
    gaps: Tensor | None = None
    unseen: Unseen = field(default_factory=dict)
    strange: int = 0
    height: Targets | None = None

    @property
    def gapped(self) -> int:
        """How many rows were left out because a value is missing."""
        return 0 if self.gaps is None else int(self.gaps.sum())


@dataclass(frozen=True, slots=True, eq=False)
class NewRows:
    """The features of every row of a batch, for prediction.

    Attributes
    ----------
    X : Tensor (n, p)
        NaN in rows that cannot be predicted.
    lacking : Tensor (n,) or None
        Which rows these are; None: none.
    gapped : int
        How many of them lack a value.
    gaps : dict
        Column -> how many of them lack its value.
    imputed, unseen
        As in Encoded.
    beyond : tuple of str
        B-splines, as written, of which some row lies beyond the outer knots.
    height : Tensor (n, k) or None
        What absorbed effects add to each prediction.
    known : Tensor (n,) or None
        What is known of the target, to be added to predictions; None: nothing.
    """

    X: Features
    lacking: Tensor | None
    gapped: int
    gaps: dict[str, int]
    imputed: dict[str, int]
    unseen: Unseen
    beyond: tuple[str, ...] = ()
    height: Targets | None = None
    known: RowVector | None = None


@dataclass(slots=True, eq=False)
class Columns:
    """X (n, p) of a batch, which rows have gaps that are not filled and which have levels never seen (None: none), and counts."""

    X: Features
    holes: Tensor | None
    strange: Tensor | None = None
    imputed: dict[str, int] = field(default_factory=dict)
    unseen: dict[tuple[str, str], int] = field(default_factory=dict)
    beyond: list[str] = field(default_factory=list)

    def note(self, factor: Factor, coded: Coded, batch: Batch, used: Tensor, on_unseen: str) -> None:
        """Write down what a category says of the rows that are used, (n,); raises UnseenLevelError where asked to."""
        if coded.filled is not None and bool((coded.filled & used).any()):
            self.imputed[factor.column] = int((coded.filled & used).sum())
        if coded.unseen is None or not bool((coded.unseen & used).any()):
            return
        strange = coded.unseen & used
        if on_unseen == "raise":
            i = int(torch.nonzero(strange)[0])
            raise UnseenLevelError(coded.seen[int(coded.codes[i])], factor.column, batch.where(i), factor.levels)
        codes, rows = (t.tolist() for t in coded.codes[strange].unique(return_counts=True))
        self.note_unseen(strange, {(factor.column, coded.seen[c]): n for c, n in zip(codes, rows, strict=True)}, on_unseen)

    def note_unseen(self, strange: Tensor | None, unseen: Unseen, on_unseen: str) -> None:
        """Write down which rows have levels never seen, (n,), and how many have which; averaged, such a row counts like others."""
        self.unseen |= unseen
        if strange is not None and on_unseen != "average":
            self.strange = either(strange.to(self.X.device), self.strange)


def either(*masks: Tensor | None) -> Tensor:
    """Where any of the masks is true; those that are None are nowhere true."""
    first, *others = [mask for mask in masks if mask is not None] or [torch.tensor(False)]
    for mask in others:
        first = first | mask.to(first.device)
    return first


def laid_out(parts: Sequence[Part], columns: Sequence[Column], like: Tensor) -> Features:
    """X (n, p), on the device of `like` (n, .): column by column the product of the components of its factors, X[:, j] = prod parts.

    What stands side by side, as numbers of one table and the levels of a category do, is copied at once: a column at a time, X
    would be gone through as often as it has columns.
    """
    X = torch.empty(len(like), len(columns), dtype=torch.float64, device=like.device)
    first = [(parts[i][0], parts[i][1] + component) for (i, component), *_ in (column.parts for column in columns)]
    begin = 0
    for j in range(1, len(first) + 1):
        block, at = first[begin]
        # Invariant: columns begin to j - 1 of X are neighbours in the block, from `at` on.
        if j == len(first) or first[j][0] is not block or first[j][1] != at + j - begin:
            X[:, begin:j] = block[:, at : at + j - begin]
            begin = j
    for j, column in enumerate(columns):
        for i, component in column.parts[1:]:
            block, at = parts[i]
            X[:, j] *= block[:, at + component]
    return X
