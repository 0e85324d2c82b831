"""Task: one problem to train, in the columns as trained: the rows by their roles, the objective on them, and where training begins.

The rows have roles: those a line is fitted to, those that judge it on its way, and those that judge it in the end. Each part has
its moments; the rows themselves only where training needs them, kept or read again. A start is said by name or in order, in the
data's units; or it is small and random, when nobody says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from bestline.errors import ColumnError, OptionError
from bestline.numerics import Bowl, Comoments, Rows, Scaling, Weights
from bestline.training.objective import Objective, Smooth

Start: TypeAlias = Mapping[str, float] | Sequence[Any] | Tensor | float


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

    @property
    def unchanged(self) -> bool:
        """Whether the rows kept are still those of the moments: they may be the caller's own arrays, and these may be written to."""
        return self.rows is None or Comoments.of_rows(self.rows).cpu().like(self.moments)


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
        # With two shares, the rows that judge on the way are those that judge in the end: they are told once, as the test.
        apart = self.held_out is not self.test
        named = {"training": self.training, "validation": self.held_out if apart else None, "test": self.test}
        return {name: part.moments.count for name, part in named.items() if part is not None}


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What is to be trained, and how its numbers are to be called.

    Attributes
    ----------
    objective : Objective
        In the columns as trained.
    scaling : Scaling
    names, targets : tuple of str
        Names of the weights (d,) and targets (k,).
    units : Tensor
        What one unit of each trained loss is in the data's units: (k,), or (1,) for a loss that is one number.
    reference : float
        Loss of predicting the mean, in the data's units: beyond a million times this, training has diverged.
    held_out : Smooth or None
        Loss of the held-out rows, in the columns as trained.
    """

    objective: Objective
    scaling: Scaling
    names: tuple[str, ...]
    targets: tuple[str, ...]
    units: Tensor
    reference: float = 0.0
    held_out: Smooth | None = None
    seed: int = 0


def parse_start(start: Start | None, names: Sequence[str], targets: Sequence[str]) -> Weights:
    """First weights (d, k) in the data's units: by name, or in the order of the weights with the intercept last."""
    d, k = len(names), len(targets)
    if isinstance(start, Mapping):
        unknown = [n for n in start if n not in names]
        if unknown:
            raise OptionError(f"`start`: {ColumnError.missing(unknown[0], names, 'this line', what='weight')}")
        lacking = [n for n in names if n not in start]
        if lacking:
            raise OptionError(f"`start` does not say where {lacking[0]!r} starts; it needs {', '.join(names)}.")
        start = [start[n] for n in names]
    try:
        values = torch.as_tensor(start, dtype=torch.float64).detach().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise OptionError(f"`start` must be numbers, by name or in the order {', '.join(names)}; got {start!r}.") from error
    # Any shape of the right number of values is taken: a list of slopes with the intercept last, or (d, k).
    if values.numel() != d * k or values.ndim > 2:
        raise OptionError(f"`start` needs {d * k} finite numbers, in the order {', '.join(names)}; got {values.numel()}.")
    if not bool(values.isfinite().all()):
        odd = values[~values.isfinite()][0].item()
        raise OptionError(f"`start` needs finite numbers, in the order {', '.join(names)}; one of them is {odd}.")
    return values.reshape(d, k)


def small_start(task: Task, *, intercept: bool) -> Weights:
    """The usual start (d, k) of a line, in the columns as trained: small, random and seeded; the intercept at zero."""
    # So small that the first loss is about that of predicting the mean; random, so that columns that are alike do not move alike.
    generator = torch.Generator().manual_seed(task.seed)
    start = 0.01 * torch.randn(len(task.names), len(task.targets), generator=generator, dtype=torch.float64)
    if intercept:
        start[-1] = 0
    if isinstance(task.objective.smooth, Bowl):  # a column that does not vary keeps the weight 0 for ever
        start[task.objective.smooth.curvature.diagonal().cpu() == 0] = 0
    return start
