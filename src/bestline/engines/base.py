"""Engine: what has data of its own and runs passes over them. It knows no mathematics, and the mathematics does not know it.

    data  ->  a Source whose `reduce(pass)` runs where the data are  ->  parts come back and add up

A pass and its parts can be pickled, so an engine ships the pass to every partition, runs `part_of` there, and adds what returns:
in any order, in a tree if it likes. The printed digits are those of one process.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol, runtime_checkable

from bestline.data.passes import PartT, Pass
from bestline.data.runner import calmly, summed
from bestline.data.tables import Batch, Source


class Engine(Protocol):
    """A way to run passes somewhere else; one file each, and one row in `choose.ENGINES`."""

    @property
    def name(self) -> str:
        """As people call it: "dask", "spark"."""

    def owns(self, data: Any) -> bool:
        """Whether these data are this engine's. Asked of whatever anybody passes: it must be quick, and must load no library."""

    def open(self, data: Any, text: Collection[str] = ()) -> Source:
        """The data as a Source with a `reduce` of the engine's own; columns `text` of words are to stay words.

        `batches` still gives the rows themselves, one partition after the other, for what needs them here: training on rows, a
        prediction for each. A batch's `start` counts over all partitions, as in any source.
        """


@runtime_checkable
class Reader(Engine, Protocol):
    """An engine that also reads what is none of its own, files above all, when it is asked for by `engine=`."""

    def serves(self, engine: Any) -> bool:
        """Whether this is what `engine=` was given: its name, an address or a client of it. Quick, as `owns` is."""

    def read(self, data: Any, engine: Any, text: Collection[str] = ()) -> Source:
        """The data as a Source whose passes run there."""


@calmly
def part_of(over: Pass[Batch, PartT], partition: Source, first: int = 0) -> PartT:
    """What a pass finds in one partition, whose rows are counted from `first`: what an engine runs where the partition lies.

    One thread does it, since an engine gives every core partitions of its own.
    """
    # Row numbers matter: splits, neighbouring residuals and messages count rows over the whole table.
    batches = (batch.after(first) for batch in partition.batches(over.columns, size=over.size))
    return summed(batches, over.of, over.empty(), threads=1)
