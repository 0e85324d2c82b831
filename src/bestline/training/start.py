"""Start: where training begins, said by name or in order, in the data's units; or small and random, when nobody says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from bestline.errors import ColumnError, OptionError
from bestline.numerics import Bowl, Weights
from bestline.training.task import Task

Start: TypeAlias = Mapping[str, float] | Sequence[Any] | Tensor | float


def parse_start(start: Start | None, names: Sequence[str], targets: Sequence[str]) -> Weights:
    """First weights (d, k) in the data's units: by name, or in the order of the weights with the intercept last."""
    d, k = len(names), len(targets)
    if isinstance(start, Mapping):
        unknown = [n for n in start if n not in names]
        if unknown:
            raise OptionError(f"`start`: {ColumnError.missing(unknown[0], names, 'the weights')}")
        lacking = [n for n in names if n not in start]
        if lacking:
            raise OptionError(f"`start` does not say where {lacking[0]!r} starts; it needs {', '.join(names)}.")
        start = [start[n] for n in names]
    try:
        values = torch.as_tensor(start, dtype=torch.float64).detach().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise OptionError(f"`start` must be numbers, by name or in the order {', '.join(names)}; got {start!r}.") from error
    if values.numel() != d * k or values.ndim > 2 or not bool(values.isfinite().all()):
        raise OptionError(f"`start` needs {d * k} finite numbers, in the order {', '.join(names)}; got {values.numel()}.")
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
