"""Draws: what people write for x and for noise, `uniform:-3,3` or a function or numbers, and the numbers that it stands for.

Random numbers come from the generator that is handed in, never from torch's own state; so the same seed gives the same data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Generator, Tensor

from bestline.errors import OptionError, readable
from bestline.numerics import Features, RowVector

Draw: TypeAlias = Callable[[Generator, int], Any]  # (generator, n) -> (n,) numbers
_Kinds: TypeAlias = dict[str, tuple[str, ...]]  # kind -> the ways its numbers may be given

_X: _Kinds = {"range": ("START,STOP,COUNT",), "arange": ("START,STOP,STEP",), "normal": ("MEAN,SD",), "uniform": ("LOW,HIGH",)}
_NOISE: _Kinds = {"none": ("",), "normal": ("SD", "MEAN,SD"), "uniform": ("LOW,HIGH",)}
_USUAL = "arange:-3,3,0.1"  # an x that is left out
_ROWS = 100  # rows of a random x when n is left out
_MOST = 10**9  # numbers in x: 8 GB


def whole(value: Any, what: str, least: int, most: int) -> int:
    """A whole number within limits; raises OptionError for anything else."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) <= most:
        raise OptionError(f"{what} must be a whole number from {least} to {most}, not {shown(value)}.")
    return int(value)


def shown(value: Any) -> str:
    """A value as messages show it."""
    return readable(value if isinstance(value, str) else repr(value))


def own_name(function: Callable[..., Any]) -> str:
    """What the truth calls a function that was given."""
    return f"own function {readable(getattr(function, '__name__', type(function).__name__))}"


def _parsed(spec: str, what: str, kinds: _Kinds) -> tuple[str, list[float]]:
    """A specification `kind:NUMBER,NUMBER` as its kind and its numbers, checked against the kinds there are."""
    kind, _, rest = (part.strip() for part in spec.partition(":"))
    # What could have been written: of this kind if it is one, else of all.
    forms = [f"{k}:{form}".rstrip(":") for k in ([kind] if kind in kinds else kinds) for form in kinds[k]]
    usage = f"write {' or '.join(readable(form) for form in forms)}"
    if kind not in kinds:
        raise OptionError(f"{what} {readable(spec)} is of no known kind; {usage}.")
    texts = rest.split(",") if rest else []
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        raise OptionError(f"{what} {readable(spec)} has something that is not a number; {usage}.") from None
    # How many numbers each way of writing has, as the tables above spell them.
    if len(numbers) not in {len(form.split(",")) if form else 0 for form in kinds[kind]}:
        raise OptionError(f"{what} {readable(spec)} has {len(numbers)} number{'s' * (len(numbers) != 1)}; {usage}.")
    if not all(map(math.isfinite, numbers)):
        raise OptionError(f"{what} {readable(spec)} has a number that is not finite; {usage}.")
    return kind, numbers


def _tensor(values: Any, what: str) -> Tensor:
    """A float64 copy on the CPU of whatever holds numbers."""
    if isinstance(values, Tensor) and not values.is_complex():
        # A copy: what is made must not change when the caller's tensor does.
        return finite(values.detach().to("cpu", torch.float64, copy=True), what)
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise OptionError(f"{what} must be an array of numbers; got {type(values).__name__} ({error}).") from error
    if array.dtype.kind not in "biuf":
        raise OptionError(f"{what} must hold real numbers; got {type(values).__name__} of {array.dtype}.")
    return finite(torch.from_numpy(np.array(array, dtype=np.float64, order="C")), what)


def finite(values: Tensor, what: str) -> Tensor:
    """The values; raises OptionError when one is not finite."""
    bad = torch.nonzero(~torch.isfinite(values))
    if len(bad):
        place = bad[0].tolist()
        where = f"row {place[0]}" if place else "it"
        raise OptionError(f"{what} must be finite, but {where} is {values[tuple(place)].item()}; change what makes it.")
    return values


def column_of(values: Any, n: int, what: str) -> RowVector:
    """Whatever holds n numbers, as (n,) in float64; raises OptionError for other shapes."""
    tensor = _tensor(values, what)
    if tuple(tensor.shape) not in {(n,), (n, 1)}:
        raise OptionError(f"{what} must have one number a row, ({n},) or ({n}, 1), not {tuple(tensor.shape)}.")
    return tensor.reshape(n)


@dataclass(frozen=True, slots=True)
class Noise:
    """How noise is drawn, as it was written, and its mean and standard deviation; None where a function was given."""

    text: str
    mean: float | None
    sd: float | None
    draw: Draw


def noise_of(noise: Any) -> Noise:
    """The noise that text such as `normal:0.1`, or a function, stands for."""
    if callable(noise):
        return Noise(own_name(noise), None, None, noise)
    if not isinstance(noise, str):
        raise OptionError(f"noise must be text such as `normal:0.1`, or a function of (generator, n), not {shown(noise)}.")
    kind, numbers = _parsed(noise, "noise", _NOISE)
    if kind == "none":
        return Noise("none", 0.0, 0.0, lambda _, n: torch.zeros(n, dtype=torch.float64))
    first, second = [0.0, *numbers][-2:]  # one number is the standard deviation of a normal whose mean is 0
    draw = _distribution(kind, first, second, "noise", noise)
    if kind == "uniform":
        # Of low and high: the middle, and the width over the root of 12.
        return Noise(noise, (first + second) / 2, (second - first) / math.sqrt(12), draw)
    return Noise(noise, first, second, draw)


def _distribution(kind: str, a: float, b: float, what: str, spec: str, /) -> Draw:
    """How to draw (n,) float64 numbers from `normal` (mean, sd) or `uniform` (low, high)."""
    if kind == "normal":
        if b < 0:
            raise OptionError(f"{what} {readable(spec)} has a negative standard deviation; give 0 or more.")
        return lambda generator, n: a + b * torch.randn(n, generator=generator, dtype=torch.float64)
    if a > b:
        raise OptionError(f"{what} {readable(spec)} has its LOW above its HIGH; swap them.")
    return lambda generator, n: a + (b - a) * torch.rand(n, generator=generator, dtype=torch.float64)


def features_of(x: Any, p: int, n: int | None, generator: Generator) -> tuple[Features, str]:
    """The features (n, p) that an `x` argument means, and how the truth names it."""
    rows = None if n is None else whole(n, "n", 1, _MOST)
    if x is None:
        x = _USUAL if rows is None else f"range:-3,3,{rows}"
    if isinstance(x, str):
        return finite(_specified(x, p, rows, generator), "x"), x
    if callable(x):
        return _given(x(generator, rows or _ROWS), rows or _ROWS), own_name(x)
    return _given(x, rows), "given values"


def _given(x: Any, n: int | None) -> Features:
    values = _tensor(x, "x")
    if values.ndim not in {1, 2} or not values.numel():
        raise OptionError(f"x must have the shape (n,) or (n, p) with at least one row and column, not {tuple(values.shape)}.")
    if n not in {None, values.shape[0]}:
        raise OptionError(f"x has {values.shape[0]} rows but n is {n}; leave n out, or make them agree.")
    return values.reshape(len(values), -1)


def _specified(spec: str, p: int, n: int | None, generator: Generator) -> Features:
    kind, numbers = _parsed(spec, "x", _X)
    if kind in {"normal", "uniform"}:
        draw, rows = _distribution(kind, numbers[0], numbers[1], "x", spec), n or _ROWS
        _enough_room(rows * p, spec)
        return torch.stack([draw(generator, rows) for _ in range(p)], 1)  # column by column: a further one moves none
    count = _count(kind, numbers, spec)
    _enough_room(count * p, spec)
    if n not in {None, count}:
        raise OptionError(f"x {readable(spec)} makes {count} rows but n is {n}; leave n out, or change the numbers.")
    return _reordered(_spaced(kind, numbers, count), p, spec, generator)


def _enough_room(numbers: int, spec: str) -> None:
    if numbers > _MOST:
        raise OptionError(f"x {readable(spec)} would make more than {_MOST} numbers; ask for fewer.")


def _count(kind: str, numbers: list[float], spec: str) -> int:
    """How many values `range` or `arange` has."""
    start, stop, last = numbers
    if kind == "range":
        if last != int(last) or last < 1:
            raise OptionError(f"x {readable(spec)} asks for {last:g} values; COUNT must be a whole number, 1 or more.")
        if start == stop and last > 1:
            raise OptionError(f"x {readable(spec)} is an empty range; START and STOP must differ.")
        return int(last)
    if last == 0:
        raise OptionError(f"x {readable(spec)} has STEP 0; give a step other than zero.")
    # Exact on the decimal numbers that were written: in binary, 6 / 0.1 may lie on either side of 60.
    first, end, step = (Fraction(repr(number)) for number in numbers)
    count = math.ceil((end - first) / step)
    if count < 1:
        raise OptionError(f"x {readable(spec)} is an empty range; STEP must lead from START to STOP, and these must differ.")
    return count


def _spaced(kind: str, numbers: list[float], count: int) -> RowVector:
    start, stop, step = numbers
    if kind == "range":
        return torch.linspace(start, stop, count, dtype=torch.float64)
    return start + torch.arange(count, dtype=torch.float64) * step


def _reordered(values: RowVector, p: int, spec: str, generator: Generator) -> Features:
    """The same values in p columns (n, p): in order, then each column in an own random order, none collinear."""
    n = len(values)
    if p == 1:
        return values[:, None]
    if n <= p:
        raise OptionError(
            f"{n} evenly spaced {'row is' if n == 1 else 'rows are'} too few for {p} columns that are not collinear; make {p + 1} or more."
        )
    orders = [torch.arange(n)]
    basis = _direction(orders[0], torch.empty(n, 0, dtype=torch.float64))
    while len(orders) < p:
        order = torch.randperm(n, generator=generator)
        wider = _direction(order, basis)
        # The orders of n numbers span n - 1 dimensions, so one that leaves the space of fewer columns exists and is found.
        if wider.shape[1] > basis.shape[1]:
            orders, basis = [*orders, order], wider
    return torch.stack([values[order] for order in orders], 1)


def _direction(order: Tensor, basis: Tensor) -> Tensor:
    """The orthonormal basis (n, j) with the centred order added, or unchanged when the order lies in it already."""
    # Columns are collinear, with an intercept, exactly when their centred orders depend on each other.
    centred = order.double() - (len(order) - 1) / 2
    rest = centred
    for _ in range(2):  # twice is enough: Giraud, Langou, Rozložník & van den Eshof 2005
        rest = rest - basis @ (basis.T @ rest)
    if rest.norm() <= 1e-6 * centred.norm():
        return basis
    return torch.hstack([basis, (rest / rest.norm())[:, None]])
