"""Level effects: what each level of the factors behind the bar adds to the line.

    y_hat = a_1[level of the row in the first factor] + a_2[its level in the second] + ... + x'b

Of one factor a level's effect is the mean of y - x'b over its rows. Of more, a number may move from all levels of one factor to all of
another and no prediction changes: so in every part of the table that rows connect, the first level of each further factor counts 0
(Abowd, Creecy & Kramarz 2002), and what it would be stands in the first factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bestline.data.design import Absorbed, Key
from bestline.errors import DataError, OptionError, listed, readable, warn
from bestline.inference.fitted import FittedLine
from bestline.numerics.absorb import TOLERANCE
from bestline.wording import aligned, count, finite, natural, on_columns, plain, preformatted, significant

if TYPE_CHECKING:
    from pandas import DataFrame

_SHOWN = 10  # levels of a factor in the text


@dataclass(frozen=True, slots=True, eq=False)
class LevelEffects:
    """The effects of the levels of each absorbed factor: `print` it, or take `frame()`.

    Attributes
    ----------
    title : str
    factors : tuple of str (F,)
        As the formula calls them.
    levels : tuple of list of str (G,)
        Of each factor, in order.
    targets : tuple of str (k,)
    estimates : tuple of Tensor (G, k)
    counts : tuple of Tensor (G,)
        Training rows of each level.
    parts : tuple of Tensor (G,)
        Which part each level is of, from 1; empty where there is one part alone.
    notes : tuple of str
        What must be known to read them.
    warnings : tuple of str
        Those of the notes that say what cannot be compared.
    """

    title: str
    factors: tuple[str, ...]
    levels: tuple[list[str], ...]
    targets: tuple[str, ...]
    estimates: tuple[Tensor, ...]
    counts: tuple[Tensor, ...]
    parts: tuple[Tensor, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def frame(self) -> DataFrame:
        """A row a level: `term`, `level`, `estimate`, `n`; of several targets `target` first, of several parts `part` last.

        Its `attrs["notes"]` say what counts 0.
        """
        import pandas as pd

        found = pd.DataFrame(self._columns(None))
        found.attrs["notes"] = list(self.notes)
        return found

    def _columns(self, shown: int | None) -> dict[str, list[Any]]:
        """The table by columns, of all levels, or the first `shown` of each factor."""
        told: dict[str, list[Any]] = {name: [] for name in self._head}
        for k, target in enumerate(self.targets):
            for f, levels in enumerate(self.levels):
                size = len(levels[:shown])
                own = {
                    "target": [target] * size,
                    "term": [self.factors[f]] * size,
                    "level": levels[:shown],
                    "estimate": self.estimates[f][:shown, k].tolist(),
                    "n": self.counts[f][:shown].long().tolist(),
                    "part": self.parts[f][:shown].tolist() if self.parts else [],
                }
                for name in told:
                    told[name] += own[name]
        return told

    @property
    def _head(self) -> list[str]:
        targets, parts = ["target"] if len(self.targets) > 1 else [], ["part"] if self.parts else []
        return [*targets, "term", "level", "estimate", "n", *parts]

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready."""
        columns = self._columns(None)
        rows = [dict(zip(columns, map(finite, cells), strict=True)) for cells in zip(*columns.values(), strict=True)]
        return {"title": self.title, "effects": rows, "notes": [*self.notes]}

    def __str__(self) -> str:
        columns = self._columns(_SHOWN)
        rows = [list(columns)]
        for cells in zip(*columns.values(), strict=True):
            at = dict(zip(columns, cells, strict=True))
            words = {name: plain(str(at[name]), 60) for name in ("target", "term", "level") if name in at}
            told = at | words | {"estimate": significant(at["estimate"]), "n": f"{at['n']:,}"}
            rows.append([str(value) for value in told.values()])
        head, *lines = aligned(rows, numbers=True)
        table = [head]
        for name, levels in [*zip(self.factors, self.levels, strict=True)] * len(self.targets):
            own, lines = lines[: len(levels[:_SHOWN])], lines[len(levels[:_SHOWN]) :]
            table += own
            if len(levels) > _SHOWN:
                table.append(f"... and {len(levels) - _SHOWN:,} more of {readable(name)}")
        return "\n".join([self.title, "", *table, "", *self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return preformatted(str(self))


def level_effects(line: FittedLine) -> LevelEffects:
    """The effect of each level of the absorbed factors, from what the line keeps: no row is read.

    Those of the first factor hold the constant. Of each further factor the first level, by number or alphabet, counts 0 in every part of the
    table that rows connect; so its effects are differences from that level, and those of different parts cannot be compared. Levels are
    written as the table has them. Under weights effects are weighted; rows that were left out (singletons) have none, and rows
    of a split are those of training. Effects are in units of what the formula has on its left, and have no standard errors.

    Parameters
    ----------
    line : FittedLine

    Returns
    -------
    LevelEffects

    Raises
    ------
    OptionError
        For a line without a factor behind a bar.
    DataError
        For a model file of an earlier version, which does not tell the rows of a level.

    Warns
    -----
    BestlineWarning
        Where rows do not connect all levels, or three factors or more leave effects undetermined.
    """
    absorbed = line.design.absorbed
    if absorbed is None:
        raise OptionError(
            "`effects` are of factors behind a bar, as in y ~ x | firm, and this line has none; those of C(firm) are among its weights, and "
            "`means('firm')` has the mean of each level."
        )
    if not absorbed.counts:
        raise DataError("This model was saved by an earlier version, which kept no numbers of rows by level; fit it again.")
    heights = _heights(line, absorbed)
    order = [_in_order(keys) for keys in absorbed.levels]
    parts = [own[at] for own, at in zip(absorbed.parts, order, strict=True)] if absorbed.parts else []
    estimates = _referred([own[at] for own, at in zip(heights, order, strict=True)], parts)
    levels = tuple(["^".join(keys[g]) for g in at] for keys, at in zip(absorbed.levels, order, strict=True))
    several = len(set().union(*(own.tolist() for own in parts))) if parts else 1
    warnings = _cautions(absorbed, several)
    notes = (*_told(line, absorbed, [own[0] for own in levels], several), *warnings)
    for sentence in warnings:
        warn(sentence)
    return LevelEffects(
        f"Absorbed effects: {on_columns(line.design.formula, line.design.p)}",
        absorbed.names,
        levels,
        line.targets,
        tuple(estimates),
        tuple(own[at] for own, at in zip(absorbed.counts, order, strict=True)),
        tuple(_from_one(parts)) if several > 1 else (),
        notes,
        tuple(warnings),
    )


def _in_order(keys: Sequence[Key]) -> list[int]:
    """The places of a factor's levels, by number or alphabet."""
    return sorted(range(len(keys)), key=lambda g: (natural(keys[g]), keys[g]))


def _heights(line: FittedLine, absorbed: Absorbed) -> list[Tensor]:
    """What each level says of the targets beside the line, (G, k) a factor; the constant is in those of the first."""
    p = line.design.p
    slopes = line.weights[:p]
    said = [own[:, p:] - own[:, :p] @ slopes for own in absorbed.effects]
    # What is less than the tolerance of the effects is the rounding of 0, as of a factor that another one says all of.
    least = TOLERANCE * (absorbed.squares / line.training.weight).sqrt()
    said = [torch.where(own.abs() > least, own, 0.0) for own in said]
    said[0] = said[0] + absorbed.center[p:] - absorbed.center[:p] @ slopes
    return said


def _referred(heights: Sequence[Tensor], parts: Sequence[Tensor]) -> list[Tensor]:
    """The same, with 0 for the first level of each further factor in every part; the first factor takes what these lose."""
    first, *others = heights
    found = []
    for own, part in zip(others, parts[1:], strict=True):
        number = int(max(at.max() for at in parts)) + 1
        # Every part has levels of every factor, since a row has one of each.
        place = torch.full((number,), len(own)).scatter_reduce_(0, part, torch.arange(len(own)), "amin")
        zero = own[place]
        found.append(own - zero[part])
        first = first + zero[parts[0]]
    return [first, *found]


def _from_one(parts: Sequence[Tensor]) -> list[Tensor]:
    """The parts by numbers from 1, in the order of the levels of the first factor."""
    first: dict[int, int] = {}
    for part in parts[0].tolist():
        first.setdefault(part, len(first) + 1)
    return [torch.tensor([first[part] for part in own.tolist()]) for own in parts]


def _told(line: FittedLine, absorbed: Absorbed, first: Sequence[str], parts: int) -> list[str]:
    """What effects are measured from, in what units, and of which rows."""
    names = [readable(name) for name in absorbed.names]
    told = []
    if parts == 1 and len(names) > 1:
        zeros = listed([f"{name} = {level}" for name, level in zip(absorbed.names[1:], first[1:], strict=True)])
        told.append(
            f"{zeros} {'counts' if len(names) == 2 else 'count'} 0: {names[0]} has the constant, and {' and '.join(names[1:])} differences from it."
        )
    elif len(names) == 1:
        told.append(f"Each is the mean of {listed(line.targets)} less what the columns explain, over the rows of its level.")
    units = [readable(f.text) for f, back in zip(line.design.responses, line.inverses, strict=True) if back is not None]
    if units:
        told.append(f"In units of {' and '.join(units)}.")
    if absorbed.rows:
        told.append(f"{count(absorbed.rows, 'row')} left out of training (singletons): their levels have no effects.")
    return told


def _cautions(absorbed: Absorbed, parts: int) -> list[str]:
    """What cannot be compared."""
    names, factors = " and ".join(readable(name) for name in absorbed.names), len(absorbed.names)
    told = []
    if parts > 1:
        told.append(
            f"The levels of {names} fall into {parts:,} parts that no row connects: in each the first level of "
            f"{' and '.join(readable(name) for name in absorbed.names[1:])} counts 0, and effects of different parts cannot be compared."
        )
    free = sum(map(len, absorbed.levels)) - absorbed.weights - parts * (factors - 1)
    if factors > 2 and (free or not absorbed.exactly):
        what = f"leave {free:,} more of them open" if absorbed.exactly else "may leave more of them open"
        told.append(
            f"The rows {what} beside that, so the effects are one choice of several; what the levels of a row add up to is determined."
        )
    return told
