"""Reference grid: where a line is to be looked at: the columns whose values stand in the rows of the answer, and what all others are held at.

What is in the term, in `by`, or has several values in `at` has a row for each of its values; a number of which nothing is said stands at
its training mean, a category at the average of its levels, equally weighted or as observed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bestline.calls import is_number, no_such, one_of
from bestline.data.design import Design, factors_of
from bestline.data.design.grid import Grid, levels_of, variables_of
from bestline.data.design.spellings import places
from bestline.data.tables import days_of, open_source
from bestline.errors import BestlineError, ColumnError, DataError, OptionError, listed, readable
from bestline.inference.fitted import FittedLine
from bestline.inference.marginal.combinations import Combinations
from bestline.inference.marginal.typical import Shares, means_of
from bestline.wording import significant

WEIGHTS = ("equal", "observed")
_MOST = 10_000  # rows of an answer: more than anybody reads
_ANY = 1.2718281828  # stands for a number that does not matter; where it does, its mean is looked up
_BETWEEN = re.compile(r"\s*[:*,]\s*(?![^(\[]*[)\]])")  # not inside of brackets


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceGrid:
    """Columns that stand in rows with their values, and those that are held.

    Attributes
    ----------
    term, by : tuple of str
        Columns of the table.
    axes : mapping of column to tuple
        Their values: levels as text, numbers as floats. Those of the term first.
    held : mapping of column to str or float
        What `at` holds the others at.
    weights : str
        "equal" or "observed".
    counts : frozenset of str
        Columns of the table that change the answer: differences in an additive line know no others; once the answer was looked for.
    at_means : mapping of column to float
        Training means at which numbers stand that count, for nobody asked for another value; those in rows first.
    """

    line: FittedLine
    term: tuple[str, ...]
    by: tuple[str, ...]
    axes: Mapping[str, tuple[Any, ...]]
    held: Mapping[str, Any]
    weights: str
    counts: frozenset[str] = frozenset()
    at_means: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, line: FittedLine, term: Any, by: Any, at: Any, weights: Any) -> ReferenceGrid:
        """What was asked for. Raises OptionError and ColumnError for what the line has not."""
        if not one_of(weights, WEIGHTS):
            raise no_such("`weights` of levels", weights, WEIGHTS)
        own, groups = columns_of(line, term, "term"), columns_of(line, by, "by")
        twice = [name for i, name in enumerate((*own, *groups)) if name in (*own, *groups)[:i]]
        if twice:
            raise OptionError(f"{listed(twice)} is asked for twice; a column stands in the term or in `by`.")
        chosen = _chosen(line.design, at)
        # Several values want to be seen beside each other; averaged over, nobody would see which of them it was.
        groups = (*groups, *(name for name, values in chosen.items() if len(values) > 1 and name not in (*own, *groups)))
        known = levels_of(line.design)
        axes: dict[str, tuple[Any, ...]] = {n: chosen.get(n) or known.get(n) or (None,) for n in (*own, *groups)}
        held = {name: values[0] for name, values in chosen.items() if name not in axes}
        rows = math.prod(len(values) for values in axes.values())
        if rows > _MOST:
            raise DataError(
                f"The levels of {listed(axes)} make {rows:,} rows, and {_MOST:,} are the most; choose some with `at`."
            )
        return cls(line, own, groups, axes, held, str(weights))

    @property
    def groups(self) -> list[tuple[Any, ...]]:
        """The combinations of `by`, (g,); rows stand group by group."""
        return list(product(*(self.axes[name] for name in self.by)))

    @property
    def cells(self) -> list[tuple[Any, ...]]:
        """The combinations of the term's values, (t,)."""
        return list(product(*(self.axes[name] for name in self.term)))

    def combinations(self, of: Callable[[Grid], Combinations], data: Any = None) -> tuple[Combinations, ReferenceGrid]:
        """Combinations of the weights made at the rows, and what was asked with what counts, and the training means that do filled in."""
        # First with any number in the place of a mean: whether it counts at all is seen by moving it.
        found = of(self._grid())
        counts = frozenset(self._counting(found, of))
        # What stands in rows says its value there, whether the answer depends on it or not.
        needed = [name for name in self._numbers if self._is_open(name) and (name in counts or name in self.axes)]
        if not needed:
            return found, replace(self, counts=counts)
        means = means_of(self.line, needed, data)
        axes = {name: (means[name],) if name in means else values for name, values in self.axes.items()}
        held = {**self.held, **{name: mean for name, mean in means.items() if name not in axes}}
        at_means = {name: means[name] for name in (*axes, *held) if name in means}
        filled = replace(self, axes=axes, held=held, counts=counts, at_means=at_means)
        return of(filled._grid()), filled

    def _counting(self, found: Combinations, of: Callable[[Grid], Combinations]) -> set[str]:
        design = self.line.design
        used = (found.slopes != 0).any(0).tolist()  # NaN is not 0
        factors = {i for own, is_used in zip(design.columns, used, strict=True) if is_used for i, _ in own.parts}
        names = {name for i in factors for name in (*design.factors[i].numbers, design.factors[i].column) if name}
        names |= {name for offset in design.offsets for name in offset.numbers if bool((found.known != 0).any())}
        if bool(found.constant.any()):
            return names  # a height depends on whatever it reads; a difference or slope may lose it
        moved = {name: of(self._grid(moved=name)) for name in names}
        return {n for n, m in moved.items() if not (torch.equal(m.slopes, found.slopes) and torch.equal(m.known, found.known))}

    @property
    def told(self) -> list[str]:
        """Sentences on what was held, where it counts."""
        known = levels_of(self.line.design)
        means = [f"{readable(n)} at {significant(v)}" for n, v in self.at_means.items()]
        fixed = [f"{readable(n)} at {_text(v)}" for n, v in self.held.items() if n in self.counts and n not in self.at_means]
        open_ = [name for name in known if name in self.counts and name not in self.axes and name not in self.held]
        said = [f"Numbers at their training mean: {', '.join(means)}."] if means else []
        said += [f"Held: {', '.join(fixed)}."] if fixed else []
        how = "equally" if self.weights == "equal" else "as observed in training"
        return said + ([f"Averaged over the levels of {listed(open_)}, weighted {how}."] if open_ else [])

    @property
    def _numbers(self) -> list[str]:
        known = levels_of(self.line.design)
        return [name for name in variables_of(self.line.design) if name not in known]

    def _is_open(self, name: str) -> bool:
        """Whether nobody said at which value a number is to stand."""
        return self.axes.get(name) == (None,) or (name not in self.axes and name not in self.held)

    def _grid(self, moved: str = "") -> Grid:
        """All columns in all rows, the one `moved` elsewhere."""
        order = (*self.by, *self.term)
        # Groups outside and cells inside: what is compared stands together.
        rows = [group + cell for group in self.groups for cell in self.cells]
        known, n = levels_of(self.line.design), len(rows)
        numbers: dict[str, Tensor] = {}
        levels: dict[str, Tensor] = {}
        shares = Shares.told_by(self.line)
        averaged = [name for name in known if name not in order and name not in self.held]
        for name in variables_of(self.line.design):
            values = [row[order.index(name)] for row in rows] if name in order else [self.held.get(name)] * n
            if name in known:
                own = self._average(name, shares).expand(n, -1) if name in averaged else _weights(known[name], values)
                levels[name] = own.roll(1, 1) * 0.5 + 0.5 * own[:, :1] if name == moved else own
                numbers |= _as_numbers(self.line.design, name, known[name], levels[name])
            else:
                numbers[name] = torch.tensor([_ANY if v is None else v for v in values], dtype=torch.float64) + (name == moved)
        # Equal weights of several categories are products; observed ones are how often their levels come together.
        observed = self.weights == "observed" and len(averaged) > 1
        return Grid(n, numbers, levels, frozenset(averaged), shares.together if observed and not moved else None)

    def _average(self, name: str, shares: Shares) -> Tensor:
        levels = levels_of(self.line.design)[name]
        own = shares.of(name) if self.weights == "observed" else (1 / len(levels),) * len(levels)
        return torch.tensor(own, dtype=torch.float64)[None]


def columns_of(line: FittedLine, asked: Any, where: str) -> tuple[str, ...]:
    """Columns of the table that a term names: `species`, `C(species)`, `species:sex`, ["species", "sex"]; "1" names none."""
    if asked is None:
        return ()
    if not isinstance(asked, str):
        try:
            names = list(asked)
        except TypeError:
            names = [asked]
        if any(not isinstance(name, str) for name in names):
            raise OptionError(f"`{where}` is the name of a column of the line, or several; got {readable(repr(asked))}.")
        return tuple(column for name in names for column in columns_of(line, name, where))
    found = _named(line.design, asked.strip())
    if found is not None:
        return found
    # A whole name goes first, for it may hold a colon or a comma itself.
    pieces = [piece for piece in _BETWEEN.split(asked.strip()) if piece]
    if len(pieces) > 1:
        return tuple(column for piece in pieces for column in columns_of(line, piece, where))
    name = pieces[0] if pieces else asked
    if name in (*line.targets, *line.design.target_columns):
        raise ColumnError(
            f"{readable(name)} is what the line predicts; ask for columns that it reads: {listed(variables_of(line.design))}."
        )
    absorbed = line.design.absorbed
    if absorbed is not None and name in absorbed.columns:
        raise OptionError(
            f"The effects of {readable(name)} are absorbed: the line has no weight for each level, and no error of one."
        )
    raise ColumnError.missing(name, variables_of(line.design), "this line")


def _named(design: Design, name: str) -> tuple[str, ...] | None:
    """The columns behind one name, as it stands in the table or in the formula; None where there is none."""
    variables = variables_of(design)
    if name in variables:
        return (name,)
    bare = name[1:-1] if len(name) > 2 and name[0] == name[-1] == "`" else name
    if bare in ("1", "Intercept", "(Intercept)"):
        return ()
    days = [known for known in variables if (own := days_of(known)) is not None and own.column == bare]
    spelt = [design.factors[i] for i in factors_of(design, name)]
    factor = spelt[0] if len(spelt) == 1 else None
    columns = [bare] if bare in variables else days if days else [] if factor is None else [*factor.numbers, factor.column]
    columns = [column for column in dict.fromkeys(columns) if column]
    if len(columns) > 1:
        raise OptionError(f"{readable(name)} is made of {listed(columns)}; name one of them.")
    return tuple(columns) or None


def _chosen(design: Design, at: Any) -> dict[str, tuple[Any, ...]]:
    """What `at` says, by column: levels of categories, finite numbers of the others."""
    if at is None:
        return {}
    if not hasattr(at, "items"):
        raise OptionError(
            f"`at` says by column at which values, as at={{'x': 1.0}} or {{'x': [1, 2]}}; got {readable(repr(at))}."
        )
    found: dict[str, tuple[Any, ...]] = {}
    for name, values in at.items():
        own = _named(design, str(name))
        if not own:
            raise ColumnError.missing(str(name), variables_of(design), "this line")
        listed_values = [values] if isinstance(values, str | bytes) or np.ndim(values) == 0 else list(values)
        if own[0] in found or not listed_values:
            raise OptionError(f"`at` gives {readable(own[0])} {'twice' if own[0] in found else 'no value'}.")
        levels = levels_of(design).get(own[0])
        read = [_number(own[0], v) if levels is None else _level(own[0], levels, v) for v in listed_values]
        found[own[0]] = tuple(dict.fromkeys(read))
    return found


def _level(name: str, levels: Sequence[str], value: Any) -> str:
    text = str(value.item() if isinstance(value, np.generic) else value)
    (at,) = places(levels, [text], numeric=is_number(value))
    if at < 0:
        raise ColumnError.missing(text, levels, readable(name), what="level")
    return levels[at]


def _number(name: str, value: Any) -> float:
    days = days_of(name)
    try:
        # Dates are read as the table's own were: by the same reader, from the same day 0.
        if days is not None and not is_number(value):
            (batch,) = open_source({days.column: [value]}).batches([name])
            number = float(batch.numbers([name])[0, 0])
        else:
            number = math.nan if isinstance(value, bool | np.bool_) else float(value)
    except (TypeError, ValueError, BestlineError):
        number = math.nan
    if not math.isfinite(number):
        what = "a date, or a number of days" if days is not None else "a finite number"
        raise OptionError(f"`at` needs {what} for {readable(name)}; got {readable(repr(value))}.")
    return number


def _weights(levels: Sequence[str], values: Sequence[Any]) -> Tensor:
    return torch.eye(len(levels), dtype=torch.float64)[[levels.index(value) for value in values]]


def _as_numbers(design: Design, name: str, levels: Sequence[str], weights: Tensor) -> dict[str, Tensor]:
    """A category that the line reads as a number, too: the number that its level is."""
    if not any(name in f.numbers and not f.truth for f in design.factors):
        return {}
    try:
        values = torch.tensor([float(level) for level in levels], dtype=torch.float64)
    except ValueError:  # true and false
        return {}
    return {name: weights @ values}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else significant(value)
