"""Reread: rows that do not fit in memory, read anew for every epoch and mixed on their way.

Blocks of rows come in as the source has them. A window of them is held; whenever it is twice full, a random half of it goes out.
So a row travels about a window's length from its place, no more than two windows are held, and no row is left out or comes twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator

from bestline.numerics import Rows, joined
from bestline.training.objective import SquaredRows, longest


@dataclass(frozen=True, slots=True, eq=False)
class Streamed:
    """The squared loss of a line on slices of rows that are read anew in every epoch.

    Attributes
    ----------
    read : callable
        (generator) -> all rows as trained, block by block, the blocks in an order drawn where the source can do that.
    intercept : bool
    columns, count : int
        Number of features, and of rows.
    mean_weight : float
        As in RowLoss.
    window : int
        Rows held to be mixed: at most twice as many, and a block.
    """

    read: Callable[[Generator], Iterator[Rows]]
    intercept: bool
    columns: int
    count: int
    mean_weight: float
    window: int

    def __len__(self) -> int:
        return self.count

    def passes(self, seed: int, multiple: int = 1) -> Iterator[Iterator[Rows]]:
        """As `Slices` has it; the pieces but the last are multiples of so many rows."""
        generator = torch.Generator().manual_seed(seed)
        while True:
            yield mixed(self.read(generator), max(self.window, multiple), generator, multiple)

    def batches(self, size: int, seed: int) -> Iterator[SquaredRows]:
        """As `Slices` has it."""
        for pieces in self.passes(seed, size):
            for rows in pieces:
                for begin in range(0, len(rows), size):
                    yield SquaredRows(rows[begin : begin + size], self.intercept, self.mean_weight)

    def longest(self) -> float:
        """As `Slices` has it: one pass."""
        return max((longest(rows, self.mean_weight) for rows in self.read(torch.Generator().manual_seed(0))), default=0.0)


def mixed(blocks: Iterator[Rows], window: int, generator: Generator, multiple: int = 1) -> Iterator[Rows]:
    """The same rows in an order drawn, as far as a window of so many rows allows."""
    # Invariant: fewer than two windows are held when a block comes. About half of the rows go out with every piece, and which is
    # drawn: so a row waits for 1, 2, 3, ... pieces with the chances 1/2, 1/4, 1/8, ...
    held: list[Rows] = []
    for block in blocks:
        held.append(block)
        total = sum(map(len, held))
        # Invariant: between blocks fewer than 2 windows of rows are held, of which at least one stays to be mixed with later ones.
        if total >= 2 * window:
            out = (total - window) // multiple * multiple
            piece, rest = _drawn(held, out, generator)
            held = [rest]
            yield piece
            del piece  # or its memory would be held while the next blocks are read
    if sum(map(len, held)):
        yield _drawn(held, sum(map(len, held)), generator)[0]


def _drawn(held: list[Rows], out: int, generator: Generator) -> tuple[Rows, Rows]:
    """So many of the rows in an order drawn, and the others; copies, so that nothing keeps what they are drawn from."""
    rows = joined(held)
    order = torch.randperm(len(rows), generator=generator).to(rows.X.device)
    return rows[order[:out]], rows[order[out:]]
