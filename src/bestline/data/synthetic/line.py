"""Lines with noise: the generator, and the lessons' own data sets by name.

    y_i = slope · x_i + intercept + noise_i

Whoever makes the data knows the truth, so it is written down beside the data: the best fit should come close to it. Noise
whose mean is not zero moves the true intercept by that mean; the truth says so.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Generator, Tensor

from bestline.errors import OptionError, ShapeError, listed, readable
from bestline.files import fresh
from bestline.numerics.rows import Features, RowVector, Targets

Draw: TypeAlias = Callable[[Generator, int], Any]  # (generator, n) -> (n,) numbers
_Kinds: TypeAlias = dict[str, tuple[str, ...]]  # kind -> the ways its numbers may be given

_X: _Kinds = {"range": ("START,STOP,COUNT",), "arange": ("START,STOP,STEP",), "normal": ("MEAN,SD",), "uniform": ("LOW,HIGH",)}
_NOISE: _Kinds = {"none": ("",), "normal": ("SD", "MEAN,SD"), "uniform": ("LOW,HIGH",)}
_ROWS = 100  # rows of a random x when n is left out
_MOST = 10**9  # numbers in x: 8 GB
_SEEDS = 2**31  # torch's CPU generator reads 32 bits of a seed: noise takes the lower half of them, x the upper half
_STREAM = "torch.Generator: noise from manual_seed(seed), x from manual_seed(2**31 + seed); float64"


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticLine(Mapping[str, Tensor]):
    """Data made around a line (or a plane), with the truth it was made from.

    A Line is a mapping from column names to columns, so it can be handed to anything that takes a dict of arrays.

    Attributes
    ----------
    x : Tensor (n, p)
        Features, float64.
    y : Tensor (n, 1)
        The target, float64.
    truth : dict
        What the data were made from, ready for JSON: `slope` (a number, or a list when p > 1), `intercept`, `noise` and `x` as
        they were specified, `noise_mean`, `noise_sd`, `expected_intercept` (intercept + noise mean: what a fit should come
        close to), `note` (the same in words), `seed`, `stream` (how the seed is used) and `n`. What cannot be known, because
        a function was given, is None. A lesson's data also have `lesson` and `run`.

    Raises
    ------
    ShapeError
        When x is not (n, p), or y not (n, 1) with the same n.
    """

    x: Features
    y: Targets
    truth: dict[str, Any]

    # Mapping compares contents, which for tensors is neither a bool nor hashable.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __post_init__(self) -> None:
        if self.x.ndim != 2 or tuple(self.y.shape) != (self.x.shape[0], 1):
            raise ShapeError(
                f"`Line` needs x (n, p) and y (n, 1) with the same n; got {tuple(self.x.shape)} and {tuple(self.y.shape)}."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names: x (or x0, x1, ... when there are several), then y."""
        p = self.x.shape[1]
        return (*(("x",) if p == 1 else (f"x{j}" for j in range(p))), "y")

    def columns(self) -> dict[str, RowVector]:
        """Name -> column, a float64 tensor (n,); the target `y` comes last."""
        return dict(zip(self.names, (*self.x.unbind(1), self.y[:, 0]), strict=True))

    def as_dict(self) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
        """Name -> column as a NumPy array (n,), for libraries that know no tensors."""
        return {name: column.numpy() for name, column in self.columns().items()}

    def __getitem__(self, name: str) -> RowVector:
        return self.columns()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"Line({listed(self.names, most=6)}; {self.x.shape[0]} rows)"

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the columns as CSV, and beside it the truth as JSON (line.csv and line.json).

        Every value has the digits that read back to the same float64. Both files appear whole, or neither does.

        Parameters
        ----------
        path : path
            The table's path, ending in .csv.
        overwrite : bool
            Whether files of these names may be replaced.

        Raises
        ------
        OptionError
            When the path does not end in .csv.
        DataError
            When one of the two files exists (without `overwrite`), or the folder does not.
        """
        table = Path(path)
        if table.suffix.lower() != ".csv":
            raise OptionError(f"A line is written as CSV, but {readable(str(table))} does not end in .csv; rename it.")
        facts = json.dumps(self.truth, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        with fresh(table.with_suffix(".json"), overwrite=overwrite) as truth, fresh(table, overwrite=overwrite) as data:
            truth.write_text(facts, encoding="utf-8")
            with data.open("w", encoding="utf-8", newline="\n") as file:
                file.write(",".join(self.names) + "\n")
                file.writelines(",".join(map(repr, row)) + "\n" for row in torch.hstack([self.x, self.y]).tolist())


def line(
    slope: float | Sequence[float] | Tensor = 1.0,
    intercept: float = 0.0,
    *,
    x: str | Draw | Any = "arange:-3,3,0.1",
    n: int | None = None,
    noise: str | Draw = "none",
    f: Callable[[Tensor], Any] | None = None,
    seed: int = 0,
) -> SyntheticLine:
    """Make data around a line: y = slope · x + intercept + noise, in float64.

    Parameters
    ----------
    slope : number or sequence of numbers (p,)
        One number makes one column `x`; several make the columns `x0`, `x1`, ...
    intercept : number
        y's value where x is 0, before noise.
    x : str, callable or array (n,) or (n, p)
        `"range:START,STOP,COUNT"` (COUNT evenly spaced values from START to STOP, both included), `"arange:START,STOP,STEP"`
        (START + i·STEP, STOP excluded; how many is computed from the decimal numbers as written, so -3,3,0.1 makes 60),
        `"normal:MEAN,SD"`, `"uniform:LOW,HIGH"`, a function of (generator, n), or the values themselves. With several slopes
        each column is drawn on its own; evenly spaced values stay in order in `x0` and come in an own random order in every
        further column, drawn again should it be collinear with the columns before.
    n : int
        Rows of a random x; 100 when left out. Evenly spaced or given values have their own number, which n may only repeat.
    noise : str or callable
        `"none"`, `"normal:SD"`, `"normal:MEAN,SD"`, `"uniform:LOW,HIGH"`, or a function of (generator, n) giving (n,) numbers.
    f : callable
        In place of slope and intercept: a function of x (n, p) giving y's mean, (n,) or (n, 1). Leave intercept out then, and
        slope too, or give one 1.0 per column that x should have.
    seed : int
        From 0 to 2**31 - 1. Noise is drawn from `torch.Generator().manual_seed(seed)`, x from `manual_seed(2**31 + seed)`:
        changing one never moves the other, and torch's global state is neither read nor changed.

    Returns
    -------
    SyntheticLine
        x (n, p), y (n, 1) and the truth.

    Raises
    ------
    OptionError
        When an argument makes no sense, or the numbers it makes are not finite.
    """
    slopes, level, seed = _slopes(slope), _number(intercept, "intercept"), _whole(seed, "seed", 0, _SEEDS - 1)
    source = noise_of(noise)
    if f is not None and (level != 0.0 or set(slopes) != {1.0}):
        raise OptionError(
            f"`f` takes the place of slope and intercept, but slope {slopes} and intercept {level} were given too."
        )
    values, spec = _features(x, len(slopes), n, Generator().manual_seed(_SEEDS + seed))
    if f is None or len(slopes) > 1:
        _check_slopes(slopes, values)
    plane = (values * torch.tensor(slopes, dtype=torch.float64)).sum(1) + level
    mean = plane if f is None else _column(f(values.clone()), len(values), "f(x)")
    error = _column(source.draw(Generator().manual_seed(seed), len(values)), len(values), "noise")
    y = _finite(mean + error, "y")
    if f is not None:
        own = truth_of(None, None, source, x=spec, n=len(y), seed=seed, stream=_STREAM)
        return SyntheticLine(values, y[:, None], own | {"f": _own(f)})
    given = slopes[0] if len(slopes) == 1 else slopes
    return SyntheticLine(values, y[:, None], truth_of(given, level, source, x=spec, n=len(y), seed=seed, stream=_STREAM))


def _check_slopes(slopes: list[float], x: Features) -> None:
    if len(slopes) != x.shape[1]:
        raise OptionError(f"x has {x.shape[1]} columns but slope has {len(slopes)} numbers; give one slope for each column.")


def truth_of(
    slope: float | list[float] | None, intercept: float | None, noise: _Noise, *, x: str, n: int, seed: int, stream: str
) -> dict[str, Any]:
    expected = None if intercept is None or noise.mean is None else intercept + noise.mean
    return {
        "slope": slope,
        "intercept": intercept,
        "expected_intercept": expected,
        "noise": noise.text,
        "noise_mean": noise.mean,
        "noise_sd": noise.sd,
        "note": _note(intercept, noise.mean, expected),
        "x": x,
        "n": n,
        "seed": seed,
        "stream": stream,
    }


def _note(intercept: float | None, mean: float | None, expected: float | None) -> str:
    if mean == 0.0:
        return "The noise has mean 0, so it does not move the line."
    moved = "a noise mean other than zero moves the line up or down"
    if mean is None:
        return f"The noise's mean is not known: {moved}."
    if intercept is None:
        return f"The noise has mean {mean!r}: {moved} by as much."
    return f"The noise has mean {mean!r}, so the true intercept is {intercept!r} + {mean!r} = {expected!r}: {moved}."


# --- arguments -------------------------------------------------------------------------------------------------------------


def _number(value: Any, what: str) -> float:
    try:
        number = math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        number = math.nan
    if not math.isfinite(number):
        raise OptionError(f"{what} must be one finite number, not {_shown(value)}.")
    return number


def _slopes(slope: Any) -> list[float]:
    if isinstance(slope, Tensor | np.ndarray):
        slope = slope.tolist()
    if isinstance(slope, str) or not isinstance(slope, Sequence):
        return [_number(slope, "slope")]
    if not slope:
        raise OptionError("slope is empty; give one number, or one for each column of x.")
    return [_number(s, "each slope") for s in slope]


def _whole(value: Any, what: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) <= most:
        raise OptionError(f"{what} must be a whole number from {least} to {most}, not {_shown(value)}.")
    return int(value)


def _shown(value: Any) -> str:
    return readable(value if isinstance(value, str) else repr(value))


def _own(function: Callable[..., Any]) -> str:
    return f"own function {readable(getattr(function, '__name__', type(function).__name__))}"


def _parsed(spec: str, what: str, kinds: _Kinds) -> tuple[str, list[float]]:
    """A specification `kind:NUMBER,NUMBER` as its kind and its numbers, checked against the kinds there are."""
    kind, _, rest = (part.strip() for part in spec.partition(":"))
    forms = [f"{k}:{form}".rstrip(":") for k in ([kind] if kind in kinds else kinds) for form in kinds[k]]
    usage = f"write {' or '.join(readable(form) for form in forms)}"
    if kind not in kinds:
        raise OptionError(f"{what} {readable(spec)} is of no known kind; {usage}.")
    texts = rest.split(",") if rest else []
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        raise OptionError(f"{what} {readable(spec)} has something that is not a number; {usage}.") from None
    if len(numbers) not in {len(form.split(",")) if form else 0 for form in kinds[kind]}:
        raise OptionError(f"{what} {readable(spec)} has {len(numbers)} number{'s' * (len(numbers) != 1)}; {usage}.")
    if not all(map(math.isfinite, numbers)):
        raise OptionError(f"{what} {readable(spec)} has a number that is not finite; {usage}.")
    return kind, numbers


def _tensor(values: Any, what: str) -> Tensor:
    """A float64 copy on the CPU of whatever holds numbers."""
    if isinstance(values, Tensor) and not values.is_complex():
        return _finite(values.detach().to("cpu", torch.float64, copy=True), what)
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise OptionError(f"{what} must be an array of numbers; got {type(values).__name__} ({error}).") from error
    if array.dtype.kind not in "biuf":
        raise OptionError(f"{what} must hold real numbers; got {type(values).__name__} of {array.dtype}.")
    return _finite(torch.from_numpy(np.array(array, dtype=np.float64, order="C")), what)


def _finite(values: Tensor, what: str) -> Tensor:
    bad = torch.nonzero(~torch.isfinite(values))
    if len(bad):
        place = bad[0].tolist()
        raise OptionError(f"{what} must be finite, but row {place[0]} is {values[tuple(place)].item()}; change what makes it.")
    return values


def _column(values: Any, n: int, what: str) -> RowVector:
    tensor = _tensor(values, what)
    if tuple(tensor.shape) not in {(n,), (n, 1)}:
        raise OptionError(f"{what} must have one number a row, ({n},) or ({n}, 1), not {tuple(tensor.shape)}.")
    return tensor.reshape(n)


# --- noise -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Noise:
    text: str
    mean: float | None
    sd: float | None
    draw: Draw


def noise_of(noise: Any) -> _Noise:
    if callable(noise):
        return _Noise(_own(noise), None, None, noise)
    if not isinstance(noise, str):
        raise OptionError(f"noise must be text such as `normal:0.1`, or a function of (generator, n), not {_shown(noise)}.")
    kind, numbers = _parsed(noise, "noise", _NOISE)
    if kind == "none":
        return _Noise("none", 0.0, 0.0, lambda _, n: torch.zeros(n, dtype=torch.float64))
    first, second = [0.0, *numbers][-2:]
    draw = _distribution(kind, first, second, "noise", noise)
    if kind == "uniform":
        return _Noise(noise, (first + second) / 2, (second - first) / math.sqrt(12), draw)
    return _Noise(noise, first, second, draw)


def _distribution(kind: str, a: float, b: float, what: str, spec: str, /) -> Draw:
    """How to draw (n,) float64 numbers from `normal` (mean, sd) or `uniform` (low, high)."""
    if kind == "normal":
        if b < 0:
            raise OptionError(f"{what} {readable(spec)} has a negative standard deviation; give 0 or more.")
        return lambda generator, n: a + b * torch.randn(n, generator=generator, dtype=torch.float64)
    if a > b:
        raise OptionError(f"{what} {readable(spec)} has its LOW above its HIGH; swap them.")
    return lambda generator, n: a + (b - a) * torch.rand(n, generator=generator, dtype=torch.float64)


# --- x ---------------------------------------------------------------------------------------------------------------------


def _features(x: Any, p: int, n: int | None, generator: Generator) -> tuple[Features, str]:
    """The features (n, p) that an `x` argument means, and how the truth names it."""
    rows = None if n is None else _whole(n, "n", 1, _MOST)
    if isinstance(x, str):
        return _finite(_specified(x, p, rows, generator), "x"), x
    if callable(x):
        return _given(x(generator, rows or _ROWS), rows or _ROWS), _own(x)
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
            f"x {readable(spec)} makes {n} rows, too few for {p} columns that are not collinear; make {p + 1} or more."
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
    centred = order.double() - (len(order) - 1) / 2
    rest = centred
    for _ in range(2):  # twice is enough: Giraud, Langou, Rozložník & van den Eshof 2005
        rest = rest - basis @ (basis.T @ rest)
    if rest.norm() <= 1e-6 * centred.norm():
        return basis
    return torch.hstack([basis, (rest / rest.norm())[:, None]])
