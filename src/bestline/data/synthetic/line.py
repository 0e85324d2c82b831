"""Line: points on a line with noise, made by a seed.

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
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from bestline.calls import answering, checked, with_hints
from bestline.data.synthetic.draws import Draw, Noise, column_of, features_of, finite, noise_of, own_name, shown, whole
from bestline.errors import ColumnError, OptionError, ShapeError, listed, readable
from bestline.files import as_path, fresh
from bestline.numerics import Bowl, Comoments, Features, Rows, RowVector, Scaling, Targets, aliases, second_moments
from bestline.wording import count, significant

_SHOWN = 5  # slopes in the note
_SEEDS = 2**31  # torch's CPU generator reads 32 bits of a seed: noise takes the lower half of them, x the upper half
_STREAM = "torch.Generator: noise from manual_seed(seed), x from manual_seed(2**31 + seed); float64"


@answering(
    {
        "to_frame to_pandas df frame dataframe data": "it is a mapping of columns: pandas.DataFrame(line.as_dict())",
        "slope intercept noise coef w b": "what the data were made from is line.truth, such as line.truth['slope']",
        "X": "the features are line.x, (n, p)",
        "fit": "bestline.fit(line, 'y ~ x') fits a line to them",
        "to_csv write": "line.save('line.csv')",
    }
)
@with_hints
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
        if name not in self.names:
            raise ColumnError.missing(str(name), self.names)
        return self.columns()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"Line({listed(self.names, most=6)}; {count(self.x.shape[0], 'row')})"

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
        table = as_path(path)
        if table.suffix.lower() != ".csv":
            raise OptionError(f"A line is written as CSV, but {readable(str(table))} does not end in .csv; rename it.")
        # Written first, with allow_nan off: a truth that JSON cannot hold fails before a file exists.
        facts = json.dumps(self.truth, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        with fresh(table.with_suffix(".json"), overwrite=overwrite) as truth, fresh(table, overwrite=overwrite) as data:
            truth.write_text(facts, encoding="utf-8")
            with data.open("w", encoding="utf-8", newline="\n") as file:
                file.write(",".join(self.names) + "\n")
                file.writelines(",".join(map(repr, row)) + "\n" for row in torch.hstack([self.x, self.y]).tolist())


@checked
def line(
    slope: float | Sequence[float] | Tensor = 1.0,
    intercept: float = 0.0,
    *,
    x: str | Draw | Any = None,
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
        further column, drawn again should it be collinear with the columns before. Left out: `"arange:-3,3,0.1"`, or with n
        as many values from -3 to 3, `"range:-3,3,n"`.
    n : int
        Rows where x is left out, and of a random x; 100 of the latter when left out. Evenly spaced or given values have their own
        number, which n may only repeat.
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
    slopes, level, seed = _slopes(slope), _number(intercept, "intercept"), whole(seed, "seed", 0, _SEEDS - 1)
    source = noise_of(noise)
    if f is not None and not callable(f):
        raise OptionError(f"`f` is a function of x (n, p), in place of slope and intercept; got {shown(f)}.")
    if f is not None and (level != 0.0 or set(slopes) != {1.0}):
        raise OptionError(
            f"`f` takes the place of slope and intercept, but slope {slopes} and intercept {level} were given too."
        )
    # Generators apart, far from each other: x stays the same whatever the noise is, and the noise whatever x is.
    values, spec = features_of(x, len(slopes), n, Generator().manual_seed(_SEEDS + seed))
    if f is None or len(slopes) > 1:
        _check_slopes(slopes, values)
    plane = (values * torch.tensor(slopes, dtype=torch.float64)).sum(1) + level
    mean = plane if f is None else column_of(f(values.clone()), len(values), "f(x)")
    error = column_of(source.draw(Generator().manual_seed(seed), len(values)), len(values), "noise")
    y = finite(mean + error, "y")
    if f is not None:
        own = truth_of(None, None, source, x=spec, points=(values, y), seed=seed, stream=_STREAM)
        return SyntheticLine(values, y[:, None], own | {"f": own_name(f)})
    given = slopes[0] if len(slopes) == 1 else slopes
    truth = truth_of(given, level, source, x=spec, points=(values, y), seed=seed, stream=_STREAM)
    return SyntheticLine(values, y[:, None], truth)


def _check_slopes(slopes: list[float], x: Features) -> None:
    if len(slopes) != x.shape[1]:
        raise OptionError(f"x has {x.shape[1]} columns but slope has {len(slopes)} numbers; give one slope for each column.")


def truth_of(
    slope: float | list[float] | None,
    intercept: float | None,
    noise: Noise,
    *,
    x: str,
    points: tuple[Features, RowVector],
    seed: int,
    stream: str,
) -> dict[str, Any]:
    """What the points (x, y) were made from, ready for JSON; `SyntheticLine.truth` says what is in it."""
    expected = None if intercept is None or noise.mean is None else intercept + noise.mean
    missed = "" if slope is None or expected is None or noise.sd == 0 else _missed(*points, slope, expected)
    return {
        "slope": slope,
        "intercept": intercept,
        "expected_intercept": expected,
        "noise": noise.text,
        "noise_mean": noise.mean,
        "noise_sd": noise.sd,
        "note": _note(intercept, noise, expected) + missed,
        "x": x,
        "n": len(points[1]),
        "seed": seed,
        "stream": stream,
    }


def _note(intercept: float | None, noise: Noise, expected: float | None) -> str:
    mean = noise.mean
    if mean == 0.0:
        where = "" if intercept is None else ": every point lies on the line"
        return f"There is no noise{where}." if noise.sd == 0.0 else "The noise has mean 0."
    moved = "a noise mean other than zero moves the line up or down"
    if mean is None:
        return f"The noise's mean is not known: {moved}."
    if intercept is None:
        return f"The noise has mean {mean!r}: {moved} by as much."
    return f"The noise has mean {mean!r}, so the true intercept is {intercept!r} + {mean!r} = {expected!r}: {moved}."


def _missed(x: Features, y: RowVector, slope: float | list[float], intercept: float) -> str:
    """By how much this sample's least-squares line misses the truth; nothing where the points do not determine one."""
    p, moments = x.shape[1], Comoments.of_rows(Rows(x, y[:, None]))
    scaling = Scaling.of(moments, p, intercept=True, standardize=True)
    if moments.count <= p or aliases(second_moments(moments, scaling, range(p))):
        return ""
    *slopes, level = scaling.to_data(Bowl.of(moments, scaling).bottom)[:, 0].tolist()
    true = slope if isinstance(slope, list) else [slope]
    told = ", ".join(_beside(*pair) for pair in zip(slopes[:_SHOWN], true, strict=False)) + (
        ", ..." if len(slopes) > _SHOWN else ""
    )
    which = f"slope{'s' if len(slopes) > 1 else ''} {told} and intercept {_beside(level, intercept)}"
    return f" Estimates are unbiased; this sample of {len(y):,} points misses the truth by chance, with {which}."


def _beside(found: float, true: float) -> str:
    return f"{significant(found, 4)} ({'-' if found < true else '+'}{significant(abs(found - true), 2)})"


def _number(value: Any, what: str) -> float:
    try:
        number = math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        number = math.nan
    if not math.isfinite(number):
        raise OptionError(f"{what} must be one finite number, not {shown(value)}.")
    return number


def _slopes(slope: Any) -> list[float]:
    if isinstance(slope, Tensor | np.ndarray):
        slope = slope.tolist()
    if isinstance(slope, str) or not isinstance(slope, Sequence):
        return [_number(slope, "slope")]
    if not slope:
        raise OptionError("slope is empty; give one number, or one for each column of x.")
    return [_number(s, "each slope") for s in slope]
