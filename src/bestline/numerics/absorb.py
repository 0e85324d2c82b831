"""Absorb: what the levels of a factor, or of several, say of every column; the rest of a column is what varies within them.

    z = sum over factors f of a_f[level of the row in f] + rest        a minimises sum w rest^2

By Frisch, Waugh & Lovell the line of the rests has the weights of the line with a column for each level, which a million levels
would never fit into. One factor: a is the mean of each level. More: least squares of the levels alone, by conjugate gradients
(Hestenes & Stiefel 1952). The factor with most levels is eliminated, so a step takes its means away and then those of the others:
the alternating projections of Gaure (2013, CSDA 66:8-18) with the acceleration of Correia's reghdfe (2017).

No row is needed: rows that have all their levels in common are one cell. A rest that is off by a share t of the column, along the
levels, moves a weight by a share of t^2, because what it is off by is orthogonal to all exact rests: so a weight is right long
before an effect is. The tolerance is that of the effects, which predictions rest on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from bestline.numerics.factorisation import eigenvalues

TOLERANCE = 1e-12  # what is left of the normal equations of the levels, over what there was
MOST_STEPS = 20_000
_AWAY = 1e8  # squared length of what is left, over the least so far
_FULL = 4  # cells of a table for each that has rows, up to which it is written down
_DENSE = 1_000  # levels of three factors or more, up to which their rank is computed and not bounded


@dataclass(frozen=True, slots=True, eq=False)
class LevelCells:
    """Rows that have all their levels in common, counted together; a cell may come more than once.

    Attributes
    ----------
    codes : Tensor, int (F, c)
        The level of a cell in each factor.
    weight : Tensor (c,)
        Sum of the weights of its rows.
    levels : tuple of int (F,)
        How many levels each factor has; each of them has a cell.
    """

    codes: Tensor
    weight: Tensor
    levels: tuple[int, ...]

    def gathered(self, values: Tensor, factor: int) -> Tensor:
        """Sum of something (c,) over the cells of each level of a factor, (G,)."""
        return torch.bincount(self.codes[factor], values, minlength=self.levels[factor])


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """What each level says of each of q columns.

    Attributes
    ----------
    values : tuple of Tensor (G, q), one a factor
    explained : Tensor (q,)
        How much of each column's weighted sum of squares they explain.
    steps : int
        Of conjugate gradients; 0 where there was nothing to iterate.
    left : float
        What was left of the normal equations, of the column where most was; at most `TOLERANCE` when it has converged.
    """

    values: tuple[Tensor, ...]
    explained: Tensor
    steps: int
    left: float

    @property
    def converged(self) -> bool:
        """Whether the tolerance was reached."""
        return self.left <= TOLERANCE


class Tables:
    """Products with the tables N_fg of how much of the weight each level of f shares with each level of g."""

    def __init__(self, cells: LevelCells) -> None:
        self.cells, self.sizes = cells, [cells.gathered(cells.weight, f) for f in range(len(cells.levels))]
        self.dense: dict[tuple[int, int], Tensor] = {}
        for f, g in combinations(range(len(cells.levels)), 2):
            size = cells.levels[f] * cells.levels[g]
            if size <= _FULL * len(cells.weight):  # where most levels meet, a product is quicker by the table itself
                table = torch.bincount(cells.codes[f] * cells.levels[g] + cells.codes[g], cells.weight, minlength=size)
                self.dense[f, g] = table.reshape(cells.levels[f], cells.levels[g])
                self.dense[g, f] = self.dense[f, g].T

    def product(self, f: int, g: int, a: Tensor) -> Tensor:
        """N_fg a, (G_f,), of effects a (G_g,)."""
        if (f, g) in self.dense:
            return self.dense[f, g] @ a
        return self.cells.gathered(self.cells.weight * a[self.cells.codes[g]], f)


def absorb(cells: LevelCells, sums: Sequence[Tensor]) -> Effects:
    """The effects of the levels.

    Parameters
    ----------
    cells : LevelCells
    sums : sequence of Tensor (G, q)
        Weighted sums of the columns, less their means over all rows, over the rows of each level; one a factor.
    """
    if len(sums) == 1:
        # Of one factor the effects are the means of its levels, and nothing has to be solved.
        mean = sums[0] / cells.gathered(cells.weight, 0)[:, None]
        return Effects((mean,), (mean * sums[0]).sum(0), 0, 0.0)
    tables = Tables(cells)
    # The factor of most levels is projected away exactly, so the system that is left is the smallest.
    first = max(range(len(sums)), key=lambda f: cells.levels[f])
    columns = [_conjugate_gradients(tables, [s[:, j].contiguous() for s in sums], first) for j in range(sums[0].shape[1])]
    values = tuple(torch.stack([column[0][f] for column in columns], 1) for f in range(len(sums)))
    explained = torch.stack([(v * s).sum(0) for v, s in zip(values, sums, strict=True)]).sum(0)
    return Effects(values, explained, max(c[1] for c in columns), max(c[2] for c in columns))


def _conjugate_gradients(tables: Tables, sums: list[Tensor], first: int) -> tuple[list[Tensor], int, float]:
    """The effects of one column, the steps taken, and what is left of the normal equations.

    Of the others than the first factor: S a = b, S = D'W(I - P)D for their indicators D and the projection P onto the levels of the
    first, each equation over the weight of its level (Jacobi).
    """
    sizes = tables.sizes
    others = [f for f in range(len(sums)) if f != first]
    ends = [len(sizes[f]) for f in others]

    def means(effects: Sequence[Tensor]) -> Tensor:
        """Mean of others' effects over each level of the first factor."""
        along = [tables.product(first, g, a) for g, a in zip(others, effects, strict=True)]
        return torch.stack(along).sum(0) / sizes[first]

    def normal(effects: Tensor) -> Tensor:
        own = effects.split(ends)
        mean = means(own)
        found = []
        for f, a in zip(others, own, strict=True):
            met = [tables.product(f, g, b) for g, b in zip(others, own, strict=True) if g != f]
            # D'WD a less what the first factor explains of it: its means, met by the levels of f.
            found.append(sum(met, sizes[f] * a - tables.product(f, first, mean)))
        return torch.cat(found)

    level_means = sums[first] / sizes[first]
    b = torch.cat([sums[f] - tables.product(f, first, level_means) for f in others])
    scale = torch.cat([sizes[f] for f in others])
    # Measured against the column itself and not against b: what one factor says all of leaves b as rounding alone.
    whole = float(torch.stack([(s * s / size).sum() for s, size in zip(sums, sizes, strict=True)]).sum())
    a, r = torch.zeros_like(b), b
    z = r / scale
    direction, size = z, float(r @ z)
    steps, best = 0, (size, a)
    # The equations are singular, and rounding makes them a little contradictory: beyond what it allows, steps lead away.
    while size > TOLERANCE**2 * whole and steps < MOST_STEPS and size < _AWAY * best[0]:
        along = normal(direction)
        curvature = float(direction @ along)
        # S is positive semidefinite: a direction without curvature is rounding, or one that no effect depends on.
        if curvature <= 0:
            break
        a = a + size / curvature * direction
        r = r - size / curvature * along
        z = r / scale
        size, before = float(r @ z), size
        direction = z + size / before * direction
        steps += 1
        best = (size, a) if size < best[0] else best
    size, a = best
    own = dict(zip(others, a.split(ends), strict=True))
    own[first] = level_means - means([own[f] for f in others])
    return [own[f] for f in range(len(sums))], steps, (size / whole) ** 0.5 if whole > 0 else 0.0


def rank(cells: LevelCells, linked: Tensor | None = None) -> tuple[int, bool]:
    """How many weights the levels stand for, the constant among them, and whether that is exact or a bound from above.

    Of one factor the levels; of two their number less that of the parts of the table that no cell connects (Abowd, Creecy & Kramarz
    2002). Of more there is no quick rule: few levels are counted by the eigenvalues of their products, and of many each further
    factor loses as many as it has parts with one of those before (as reghdfe has it). `linked` are the `components`, if known.
    """
    levels, pairs = cells.levels, len(cells.levels)
    if pairs == 1:
        return levels[0], True
    if pairs == 2:
        linked = components(cells.codes, levels) if linked is None else linked
        return sum(levels) - int(linked.max()) - 1, True
    if sum(levels) <= _DENSE:
        return _dense_rank(cells), True
    found = levels[0]
    for f in range(1, pairs):
        # Each part that two factors share has a constant of its own, which both would count.
        found += levels[f] - max(parts(cells.codes[[g, f]], (levels[g], levels[f])) for g in range(f))
    return found, False


def parts(codes: Tensor, levels: Sequence[int]) -> int:
    """How many connected parts the factors' levels form, where a cell of `codes` (F, c) connects its own."""
    return int(components(codes, levels).max()) + 1


def components(codes: Tensor, levels: Sequence[int]) -> Tensor:
    """Which connected part each level is of, from 0; those of the first factor, then those of the next (sum of levels,).

    Each part is known by its smallest number. In a round every part that meets a smaller one joins it, so a logarithm of rounds will do.
    """
    root = torch.arange(sum(levels))
    if len(levels) == 2 and levels[0] * levels[1] <= _FULL * codes.shape[1] and _reached(codes, levels):
        return torch.zeros_like(root)
    # A cell connects its level of the first factor with that of each other one, and so all of them.
    one = codes[0].repeat(len(levels) - 1)
    other = torch.cat([codes[f] + sum(levels[:f]) for f in range(1, len(levels))])
    while True:
        a, b = root[one], root[other]
        apart = a != b
        if not bool(apart.any()):
            return root.unique(return_inverse=True)[1]
        one, other, a, b = one[apart], other[apart], a[apart], b[apart]
        root.scatter_reduce_(0, torch.maximum(a, b), torch.minimum(a, b), "amin")
        while not torch.equal(above := root[root], root):
            root = above


def _reached(codes: Tensor, levels: Sequence[int]) -> bool:
    """Whether all levels are reached from the first, going from those of one factor to those of the other; by the table of who meets."""
    met = torch.zeros(levels[0] * levels[1], dtype=torch.bool)
    met[codes[0] * levels[1] + codes[1]] = True
    met = met.reshape(levels[0], levels[1])
    others = met[0]
    while True:
        own = met[:, others].any(1)
        more = met[own].any(0)
        if torch.equal(more, others):
            return bool(own.all() and others.all())
        others = more


def _dense_rank(cells: LevelCells) -> int:
    starts = [sum(cells.levels[:f]) for f in range(len(cells.levels))]
    at = (cells.codes.T + torch.tensor(starts)).unique(dim=0)  # which cells there are says it all, whatever they weigh
    products = torch.zeros(sum(cells.levels), sum(cells.levels), dtype=torch.float64)
    for f in range(at.shape[1]):
        for g in range(at.shape[1]):
            products.index_put_((at[:, f], at[:, g]), torch.ones(len(at), dtype=torch.float64), accumulate=True)
    size = products.diagonal().sqrt()
    # With a diagonal of 1, so that a level that few cells have is not taken for rounding.
    values = eigenvalues(products / torch.outer(size, size))
    return int((values > 1e-11 * values[-1]).sum())


def singletons(cells: LevelCells, count: Tensor) -> tuple[Tensor, ...]:
    """Which levels of each factor, (G,) bool, are those of one row alone, or only of rows that such a level has already taken away.

    `count` (c,) are the rows of each cell. A row that alone has a level is explained by it whatever it holds (Correia 2015).
    """
    codes, left = cells.codes, count.double()
    while True:
        rows = [torch.bincount(own, left, minlength=levels) for own, levels in zip(codes, cells.levels, strict=True)]
        alone = [own == 1 for own in rows]
        if not any(bool(own.any()) for own in alone):
            return tuple(own == 0 for own in rows)
        for own, single in zip(codes, alone, strict=True):
            left = torch.where(single[own], 0.0, left)
