"""Co-moments in a file: their tensors and plain numbers by name, and whatever a file says held against what co-moments can be.

A file may come from anywhere. What no rows can have given is refused here, by name, before anything is computed from it:

    n >= 0,  W > 0,  S = S',  S_jj >= 0,  S_ij^2 <= S_ii S_jj,  units that are powers of two, every number finite

but for the products of two of very many targets, which are not taken, and NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from bestline.numerics import Comoments
from bestline.numerics.comoments import apart_of

_TENSORS = ("unit", "shift", "mean", "scatter")
_MOST_ROWS = 2**63
# How far rounding may carry a product of two columns past the Cauchy-Schwarz bound, relative; sums of 1e15 rows stay below it.
_ROUNDING = 1e-6


def tensors(moments: Comoments, prefix: str) -> dict[str, Tensor]:
    """The tensors of co-moments, named `prefix.unit` and so on."""
    return {f"{prefix}.{name}": getattr(moments, name) for name in _TENSORS}


def numbers(moments: Comoments) -> list[float]:
    """The plain numbers of co-moments: count, weight, log_weight, cancelled; and 1, for constant columns have no scatter at all."""
    return [moments.count, moments.weight, moments.log_weight, moments.cancelled, 1]


def comoments(found: Mapping[str, Tensor], prefix: str, told: Sequence[float], q: int, *, p: int) -> Comoments:
    """The co-moments of q columns, p of them features, that `tensors` and `numbers` wrote.

    Raises ValueError, which says what no rows could have given, and KeyError where a tensor is missing.
    """
    # Files of before had no fourth number: nothing had been taken away. Without a fifth, constants may have the scatter of their
    # rounding, as they have where rows were taken away.
    count, weight, log_weight, cancelled = (*told, 1.0)[:4]
    if len(told) < 5 and cancelled == 1:
        cancelled = math.nextafter(1.0, 2.0)
    unit, shift, mean = (_finite(found[f"{prefix}.{name}"], name) for name in _TENSORS[:3])
    scatter = found[f"{prefix}.scatter"]
    for what, tensor, shape in (
        ("units", unit, (q,)),
        ("shifts", shift, (q,)),
        ("means", mean, (q,)),
        ("products", scatter, (q, q)),
    ):
        if tensor.shape != shape:
            raise ValueError(f"it has {tuple(tensor.shape)} {what} where {shape} belong to its columns")
    rows = whole(count, "the rows")
    _check_numbers(rows, weight, log_weight, cancelled)
    if not bool((torch.frexp(unit).mantissa == 0.5).all()):
        raise ValueError("a unit that is no power of two")
    _check_scatter(scatter, p, taken_away=cancelled > 1)
    if rows == 0 and bool(scatter.any() or mean.any()):
        raise ValueError("sums of no rows that are not zero")
    return Comoments(rows, float(weight), float(log_weight), unit, shift, mean, scatter, float(cancelled))


def ranges(found: Mapping[str, Tensor], p: int, rows: int) -> tuple[Tensor, Tensor]:
    """The smallest and largest value of each of p columns, of so many rows; infinite where they are not known."""
    low, high = found["low"], found["high"]
    if not low.shape == high.shape == (p,) or not low.dtype == high.dtype == torch.float64:
        raise ValueError("ranges that are not those of its columns")
    if bool((low.isnan() | high.isnan()).any()) or (rows and bool((low > high).any())):
        raise ValueError("a smallest value above the largest")
    return low, high


def whole(number: object, what: str) -> int:
    """A whole number from 0 on, as a file has it; raises ValueError for anything else."""
    if type(number) is not int or not 0 <= number < _MOST_ROWS:
        raise ValueError(f"{what}: {number!r} is no number of rows")
    return number


def _finite(tensor: Tensor, what: str) -> Tensor:
    if tensor.dtype != torch.float64 or not bool(tensor.isfinite().all()):
        raise ValueError(f"its {what} has numbers that are not finite, or are not float64")
    return tensor


def _check_numbers(rows: int, weight: object, log_weight: object, cancelled: object) -> None:
    for what, number in (("weight", weight), ("log weight", log_weight), ("cancelled", cancelled)):
        if type(number) not in (int, float) or not math.isfinite(number):  # type: ignore[arg-type]
            raise ValueError(f"its {what} is {number!r}")
    if (rows > 0) != (weight > 0) or weight < 0 or cancelled < 1:  # type: ignore[operator]
        raise ValueError(f"{rows} rows of weight {weight!r}, cancelled {cancelled!r}")


def _check_scatter(scatter: Tensor, p: int, *, taken_away: bool) -> None:
    """Refuse sums of products that no numbers have; after rows were taken away, rounding may break Cauchy-Schwarz."""
    first = len(scatter) - apart_of(len(scatter) - p)
    pair = ~torch.eye(len(scatter), dtype=torch.bool)
    pair[:first], pair[:, :first] = False, False
    untaken = scatter.isnan() & pair
    if not torch.equal(untaken, untaken.T):
        raise ValueError("sums of products that are not symmetric")
    scatter = _finite(torch.where(untaken, 0.0, scatter), "scatter")
    size = scatter.diagonal().clamp(min=0).sqrt()
    if bool((scatter.diagonal() < 0).any()):
        raise ValueError("a negative sum of squares")
    bound = torch.outer(size, size)
    if not bool(((scatter - scatter.T).abs() <= _ROUNDING * bound).all()):
        raise ValueError("sums of products that are not symmetric")
    if not taken_away and bool((scatter.abs() > (1 + _ROUNDING) * bound).any()):
        raise ValueError("a product of two columns that is larger than both squares allow")
