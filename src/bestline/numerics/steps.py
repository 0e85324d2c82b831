"""Steps: from each row to the next in a column that puts rows in order: whether they go forward, and whether they are alike.

Months and years are not all as long, and no one works at weekends: a step is a gap where it is half longer again than most.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from torch import Tensor

_KINDS = 5_000  # different steps that are counted: of more nobody can say which are usual
_WEEKLY = 0.1  # share of steps of three days that makes them weekends; of working days it is a fifth
_WEEKEND = 4.5  # days from Friday to a Tuesday after a holiday, and a little more


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Of some rows.

    Attributes
    ----------
    first, last : float
        Values of the first and the last row; NaN of no rows.
    forward : bool
        Whether no step goes back.
    sizes : Counter
        Size of a step -> how many there are; None where there are too many sizes.
    """

    first: float = math.nan
    last: float = math.nan
    forward: bool = True
    sizes: Counter[float] | None = None

    @classmethod
    def of(cls, values: Tensor) -> Steps:
        """Of values (n,) as they follow each other."""
        if not len(values):
            return cls()
        apart = values[1:] - values[:-1]
        return cls(float(values[0]), float(values[-1]), bool((apart >= 0).all()), sizes_of(apart))

    def __add__(self, other: Steps) -> Steps:
        if math.isnan(self.first) or math.isnan(other.first):
            return other if math.isnan(self.first) else self
        between = other.first - self.last
        sizes = None if self.sizes is None or other.sizes is None else self.sizes + other.sizes + Counter([between])
        if sizes is not None and len(sizes) > _KINDS:
            sizes = None
        return Steps(self.first, other.last, self.forward and other.forward and between >= 0, sizes)

    @property
    def usual(self) -> float:
        """The median step, of those that are no tie."""
        sizes = {step: times for step, times in (self.sizes or {}).items() if step > 0}
        half, met = sum(sizes.values()) / 2, 0
        for step in sorted(sizes):
            met += sizes[step]
            if met >= half:
                return step
        return math.nan

    @property
    def uneven(self) -> int:
        """How many steps are longer than usual."""
        usual, sizes = self.usual, self.sizes or Counter()
        weekends = usual == 1 and sizes[3.0] >= _WEEKLY * sizes.total()
        return self.longer(_WEEKEND if weekends else 1.5 * usual)

    def longer(self, than: float) -> int:
        """How many steps are longer than so much."""
        return sum(times for step, times in (self.sizes or Counter()).items() if step > than)

    @property
    def ties(self) -> int:
        """How many rows have the value of the row before them."""
        return 0 if self.sizes is None else self.sizes[0.0]


def sizes_of(steps: Tensor) -> Counter[float] | None:
    """How many of some steps (n,) have which size; None of too many sizes."""
    sizes, times = steps.unique(return_counts=True)
    return Counter(dict(zip(sizes.tolist(), times.tolist(), strict=True))) if len(sizes) <= _KINDS else None
