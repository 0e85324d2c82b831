"""Unknown levels: rows of a fold whose level, or combination of levels, no other fold has.

A line of the other folds knows nothing of such a row, as a fitted line knows nothing of a level that training never saw: it has
no prediction there, and so no error. Moments tell whether there are such rows; to leave them out takes the rows themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.data.design import Design, Encoded
from bestline.data.design.bases.contrasts import contrasts
from bestline.data.folds import Grouping
from bestline.data.tables import Batch
from bestline.numerics import Comoments, Features, inverted, rests

_ALL = 1e-12  # shares of levels that add up to 1 but for this leave no room for another


@dataclass(frozen=True, slots=True)
class Absent:
    """A level whose indicator is constant + X[:, columns] @ weights, for the columns are those of a coding."""

    columns: tuple[int, ...]
    constant: float
    weights: tuple[float, ...]

    def of(self, X: Features) -> Tensor:
        """Its indicator (n,)."""
        return self.constant + X[:, list(self.columns)] @ torch.tensor(self.weights, dtype=X.dtype)


@dataclass(frozen=True, slots=True)
class Unknown:
    """What the other folds do not say.

    Attributes
    ----------
    columns : tuple of int
        Columns of levels that are 0 throughout there.
    references : tuple of tuple of int
        Of each category whose reference level is not there, the columns of the other levels.
    coded : tuple of Absent
        Of each category in another coding, of which a level is not there, that level.
    """

    columns: tuple[int, ...] = ()
    references: tuple[tuple[int, ...], ...] = ()
    coded: tuple[Absent, ...] = ()

    @classmethod
    def of(cls, rest: Comoments, held: Comoments, design: Design) -> Unknown:
        """What the rows behind `rest` do not say of those behind `held`, as far as levels go."""
        p, kinds = design.p, [f.kind == "category" for f in design.factors]
        new = _zero(rest, p) & ~_zero(held, p)
        columns = [j for j, c in enumerate(design.columns) if bool(new[j]) and any(kinds[i] for i, _ in c.parts)]
        references = []
        for i in (i for i, category in enumerate(kinds) if category):
            others = tuple(j for j, c in enumerate(design.columns) if len(c.parts) == 1 and c.parts[0][0] == i)
            if 0 < len(others) < len(design.factors[i].levels):
                there, here = (float(m.center[list(others)].sum()) for m in (rest, held))
                if there > 1 - _ALL and here <= 1 - _ALL:
                    references.append(others)
        return cls(tuple(columns), tuple(references), tuple(_absent(rest, held, design)))

    def __bool__(self) -> bool:
        return bool(self.columns or self.references or self.coded)

    def rows(self, X: Features) -> Tensor:
        """Which rows (n,) the other folds say nothing of."""
        mask = (X[:, list(self.columns)] != 0).any(1)
        for others in self.references:
            mask = mask | (X[:, list(others)] == 0).all(1)
        for absent in self.coded:
            mask = mask | (absent.of(X) > 0.5)
        return mask


def _absent(rest: Comoments, held: Comoments, design: Design) -> Iterator[Absent]:
    """The levels of categories in another coding than indicators that rows of `held` have, and no row of `rest`."""
    for i, factor in enumerate(design.factors):
        if not factor.is_coded:
            continue
        own = [
            (j, c.parts[0][1] - factor.width) for j, c in enumerate(design.columns) if len(c.parts) == 1 and c.parts[0][0] == i
        ]
        columns, places = tuple(j for j, _ in own), [place for _, place in own]
        # Beside an intercept the constant has no column. Without all the others, no level can be told from them.
        if sorted({0, *places}) != list(range(factor.width)):
            continue
        levels = inverted(contrasts(factor.coding, factor.width))  # row k: column k's weight for each level
        assert levels is not None  # noqa: S101  the columns of a coding are apart
        for level in range(factor.width):
            constant = 0.0 if 0 in places else float(levels[0, level])
            found = Absent(columns, constant, tuple(levels[places, level].tolist()))
            # The mean of an indicator is the share of its rows; rounding leaves some 1e-16 of none.
            there, here = (float(found.of(m.center[None, : design.p])) for m in (rest, held))
            if there < _ALL and here >= _ALL:
                yield found


def _zero(moments: Comoments, p: int) -> Tensor:
    """Which columns (p,) are 0 in every row."""
    return (moments.center[:p] == 0) & (moments.spread[:p] == 0)


def unknown_levels(folds: Sequence[Comoments], design: Design) -> dict[int, Unknown]:
    """By fold with rows what the others do not know of its levels; empty where they know all of all folds."""
    used = {i: fold for i, fold in enumerate(folds) if fold.count}
    if not design.texts or len(used) < 2:
        return {}
    others = zip(used.items(), rests([*used.values()]), strict=True)
    found = {i: Unknown.of(rest, fold, design) for (i, fold), rest in others}
    return found if any(found.values()) else {}


@dataclass(frozen=True, eq=False)
class ByKnown:
    """The groups of `within`, but rows of a group that the others know nothing of are put into group `instead`; -1 is none."""

    within: Grouping
    unknown: Mapping[int, Unknown]
    instead: int = -1

    @property
    def columns(self) -> tuple[str, ...]:
        """What the groups read."""
        return self.within.columns

    @property
    def numbered(self) -> bool:
        """Whether the groups ask for the numbers of the rows."""
        return self.within.numbered

    def __call__(self, batch: Batch, encoded: Encoded) -> Tensor:
        """As in Grouping."""
        own, X = self.within(batch, encoded).cpu().clone(), encoded.rows.X.cpu()
        for group, unknown in self.unknown.items():
            own[(own == group) & unknown.rows(X)] = self.instead
        return own
