"""Rate grid: which learning rates are worth trying, and what people may say when they name some.

    rates grow by one factor: low, low q, low q^2, ..., high        q = (high / low)^(1 / (count - 1))

What a rate does is a matter of factors, so a grid of rates is even on a logarithmic axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch.nn import Parameter

from bestline.errors import OptionError
from bestline.numerics import Weights
from bestline.training.foresight.sweep import AUTO, MOST_RATES, PROPORTIONAL
from bestline.training.solvers.descent import OPTIMIZERS, Descent, named, no_optimizer
from bestline.training.task import Task


def checked_optimizers(optimizers: str | Iterable[str]) -> tuple[str, ...]:
    """Names of optimisers, each once; raises OptionError for one that does not exist."""
    several = not isinstance(optimizers, str) and isinstance(optimizers, Iterable)
    names = tuple(dict.fromkeys(named(name) for name in (optimizers if several else (optimizers,))))
    if not names:
        raise OptionError(f"`optimizers` names none; choose among {', '.join(OPTIMIZERS)}.")
    for name in names:
        if name not in OPTIMIZERS:
            raise no_optimizer(str(name))
    return names


def checked_rates(lrs: Any) -> list[float] | None:
    """Learning rates, ascending, each once; None for "auto".

    A number, several, "low:high:count" (geometric), or numbers between commas. Raises OptionError for what is none of these.
    """
    if isinstance(lrs, str) and lrs.strip() == "auto":
        return None
    if isinstance(lrs, str) and ":" in lrs:
        values = _geometric(lrs)
    else:
        listed = filter(str.strip, lrs.split(",")) if isinstance(lrs, str) else lrs
        try:
            values = [float(lr) for lr in (listed if isinstance(listed, Iterable) else [listed])]
        except (TypeError, ValueError, RuntimeError) as error:
            raise OptionError(f"`lrs` must be 'auto', rates, or text such as '1e-4:1:200'; got {lrs!r}.") from error
    if not values:
        raise OptionError("`lrs` holds no rate; give one at least, or 'auto'.")
    bad = [value for value in values if not 0 < value < math.inf]
    if bad:
        raise OptionError(f"Learning rates must be positive and finite; `lrs` has {bad[0]!r}.")
    # Each once: the same rate twice would be two runs that nobody can tell apart in a picture.
    return sorted(set(values))


def _geometric(text: str) -> list[float]:
    parts = text.split(":")
    try:
        low, high, count = map(float, parts)
    except ValueError as error:
        raise OptionError(f"A range of rates is LOW:HIGH:COUNT, such as 1e-4:1:200; got {text!r}.") from error
    if not 0 < low < math.inf or not 0 < high < math.inf:
        raise OptionError(f"Learning rates must be positive and finite; got {text!r}.")
    if low > high:
        raise OptionError(
            f"A range of rates goes from low to high; {text!r} goes down: write {parts[1]}:{parts[0]}:{parts[2]}."
        )
    if count != int(count) or not 1 <= count <= MOST_RATES:
        raise OptionError(f"COUNT of {text!r} must be a whole number from 1 to {MOST_RATES:,}.")
    return _spaced(low, high, int(count))


def _spaced(low: float, high: float, count: int) -> list[float]:
    """Rates that grow by one factor, both ends exactly as given."""
    if count == 1:
        return [low]
    # The ends come back as they were given: exp(log(x)) may be off by a unit, and a name such as lr=0.1 would show it.
    logs = torch.linspace(math.log(low), math.log(high), count, dtype=torch.float64)
    return [low, *logs[1:-1].exp().tolist(), high]


def rates_around(name: str, task: Task, start: Weights, count: int = AUTO) -> list[float]:
    """Rates worth trying: from a thousandth of the largest stable one to twice as much; without a limit, around the usual one."""
    solver = Descent(name)
    limit = solver.rate_limit(task.objective, start)
    if limit is not None:
        return _spaced(limit / 1_000, 2 * limit, count)
    # Adam and its like divide by the gradient's size, so no curvature limits their rate; torch's own rate is the middle.
    usual = float(solver.built(Parameter(start.clone()), task.objective).param_groups[0]["lr"])
    # L-BFGS searches along a line and takes what it finds, so a few rates around the usual one say all there is to see.
    if name not in PROPORTIONAL:
        return _spaced(usual / 10, usual, 10)
    return _spaced(usual / 1_000, 100 * usual, count)
