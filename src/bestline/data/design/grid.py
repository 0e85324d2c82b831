"""Grid: rows of X at chosen values of the table's columns; a category may stand at an average of its levels, and X may be differentiated.

    X[:, j] = prod of its parts        dX[:, j] / dx = sum over its parts of the part's derivative times the others

A part of a number or an expression has its value there; a part of a category has the mean of its levels' codes, by the weight that each
level has in the row. Where a product has several averaged categories, their levels' joint weights count, which need not be products.
Derivatives of expressions are exact: torch's autograd goes back through their tree by the chain rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod

import torch
from torch import Tensor

from bestline.data.design.categories import as_category
from bestline.data.design.design import Design
from bestline.data.design.expressions import expression
from bestline.data.design.factors import Column, Factor
from bestline.data.design.grammar import Piece, read
from bestline.errors import FormulaError
from bestline.numerics import Features, RowVector

TRUTH = ("False", "True")  # the levels of a column of true and false, which is a number to X


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Chosen values of every column that X is made of, in n rows.

    Attributes
    ----------
    rows : int
        n.
    numbers : mapping of column to Tensor (n,)
    levels : mapping of column to Tensor (n, levels)
        How much each level counts, in sum 1; the levels are those of `levels_of`.
    averaged : frozenset of str
        Categories that stand at the same average in all rows.
    joint : callable, optional
        Gives the weight of a level of each of several of them together, by their numbers; by default the product of their weights.
    """

    rows: int
    numbers: Mapping[str, RowVector]
    levels: Mapping[str, Tensor]
    averaged: frozenset[str] = frozenset()
    joint: Callable[[Mapping[str, int]], float] | None = None


def variables_of(design: Design) -> list[str]:
    """The table's columns that X is made of; those whose effects are absorbed are none of them."""
    read = {name for factor in (*design.factors, *design.offsets) for name in (*factor.numbers, factor.column)}
    return [name for name in design.needs if name in read]


def levels_of(design: Design) -> dict[str, tuple[str, ...]]:
    """The categories among the table's columns with their levels, the reference first; true and false are levels too."""
    found: dict[str, tuple[str, ...]] = {}
    for factor in design.factors:
        if factor.kind == "category":
            found.setdefault(factor.column, factor.levels)
    for factor in design.factors:
        if factor.truth:
            found.setdefault(factor.column, TRUTH)
    return {name: found[name] for name in variables_of(design) if name in found}


def factors_of(design: Design, term: str) -> frozenset[int]:
    """The factors that a term is a product of, by their numbers, however it spells categories; none where one is no factor of the line.

    `g`, `C(g)` and `relevel(g, "b")` are one: they ask for other columns of the same category.
    """
    try:
        said = read(term, ())
        products = [pieces for pieces in (*said.left, *said.right) if pieces]  # but for the constant
        found = [_factor(design, piece) for piece in products[0]] if len(products) == 1 else []
    except FormulaError:
        return frozenset()
    return frozenset() if None in found else frozenset(i for i in found if i is not None)


def _factor(design: Design, piece: Piece) -> int | None:
    """The factor that is spelt so, or else that of the column which is read as categories."""
    spelt = [i for i, factor in enumerate(design.factors) if factor.text == piece.text]
    category = as_category(piece)
    column = piece.text if category is None else category.column
    same = [i for i, f in enumerate(design.factors) if f.column == column and (f.kind == "category" or f.truth)]
    return next(iter([*spelt, *same]), None)


def rows_at(design: Design, grid: Grid) -> Features:
    """X (n, p) at the grid; what is not a finite number there, such as log(0), is NaN."""
    X = torch.empty(grid.rows, design.p, dtype=torch.float64)
    values = [_values(design, factor, grid) for factor in design.factors]
    for j, column in enumerate(design.columns):
        X[:, j] = _product(design, column, grid, values)
    # Not refused, as in a table of rows: the other places of a grid have their answers.
    return torch.where(X.isfinite(), X, float("nan"))


def known_at(design: Design, grid: Grid) -> RowVector:
    """What is known of the target (n,) at the grid, the sum of the offsets."""
    found = torch.zeros(grid.rows, dtype=torch.float64)
    for offset in design.offsets:
        found = found + _values(design, offset, grid)[:, 0]
    return found


def known_derivative_at(design: Design, grid: Grid, column: str) -> RowVector:
    """The derivative of the offsets (n,) by a column of numbers."""
    found = torch.zeros(grid.rows, dtype=torch.float64)
    for offset in design.offsets:
        if column in offset.numbers:
            found = found + _derivative(design, offset, grid, column)[:, 0]
    return found


def derivatives_at(design: Design, grid: Grid, column: str) -> Features:
    """The derivative of X by a column of numbers (n, p) at the grid; NaN where there is none."""
    D = torch.zeros(grid.rows, design.p, dtype=torch.float64)
    values = [_values(design, factor, grid) for factor in design.factors]
    for at, factor in enumerate(design.factors):
        if column not in factor.numbers:
            continue
        # The product rule: this factor by its derivative, all others by their values.
        changed = [*values[:at], _derivative(design, factor, grid, column), *values[at + 1 :]]
        for j, own in enumerate(design.columns):
            if any(i == at for i, _ in own.parts):
                D[:, j] += _product(design, own, grid, changed)
    return torch.where(D.isfinite(), D, float("nan"))


def _values(design: Design, factor: Factor, grid: Grid) -> Tensor:
    """Components (n, components) of a factor; of a category the mean of its levels' by their weights."""
    if factor.kind == "category":
        known = levels_of(design)[factor.column]
        return grid.levels[factor.column][:, [known.index(level) for level in factor.levels]] @ factor.values
    if factor.kind == "number":
        return _numbers(grid, factor.column)[:, None]
    return _two_dimensional(
        expression(factor.text)({name: _numbers(grid, name) for name in factor.numbers}, design.states), grid
    )


def _derivative(design: Design, factor: Factor, grid: Grid, column: str) -> Tensor:
    if factor.kind == "number":
        return torch.ones(grid.rows, 1, dtype=torch.float64)
    x = _numbers(grid, column)
    found = _slopes(design, factor, grid, column, x)[1]
    # A kink, as of abs(x) at 0, or a jump, as of floor(x), has no derivative: what differs on either side does so however near one comes.
    sides = [_slopes(design, factor, grid, column, x + step * (1 + x.abs())) for step in (-1e-6, 1e-6, -1e-7, 1e-7)]
    for left, right, closer_left, closer_right in zip(*sides, strict=True):
        far, near = (right - left).abs(), (closer_right - closer_left).abs()
        kink = (near > 0.5 * far) & (far > 1e-4 * (left.abs() + right.abs()))
        found = torch.where(kink, float("nan"), found)
    return found


def _slopes(design: Design, factor: Factor, grid: Grid, column: str, at: RowVector) -> tuple[Tensor, Tensor]:
    """The components (n, width) of an expression and their derivatives, where a column of numbers has these values."""
    with torch.enable_grad():  # whatever the caller has set
        x = at.clone().requires_grad_()
        values = {name: x if name == column else _numbers(grid, name) for name in factor.numbers}
        found = _two_dimensional(expression(factor.text)(values, design.states), grid)
        # Row by row: the derivative of a sum over rows is that of each.
        slopes = [torch.autograd.grad(each.sum(), x, retain_graph=True, materialize_grads=True)[0] for each in found.unbind(1)]
    return found.detach(), torch.stack(slopes, 1)


def _two_dimensional(values: Tensor, grid: Grid) -> Tensor:
    return (values if values.ndim == 2 else values[:, None]).expand(grid.rows, -1)


def _numbers(grid: Grid, column: str) -> RowVector:
    """A column as a number: true and false are 1 and 0."""
    return grid.numbers[column] if column in grid.numbers else grid.levels[column][:, 1]


def _product(design: Design, column: Column, grid: Grid, values: Sequence[Tensor]) -> RowVector:
    averaged = [(i, c) for i, c in column.parts if design.factors[i].column in grid.averaged]
    if grid.joint is None or len({design.factors[i].column for i, _ in averaged}) < 2:
        return reduce(torch.mul, (values[i][:, c] for i, c in column.parts))
    # All rows have the same average, so its share of the product is one number.
    rest = [values[i][:, c] for i, c in column.parts if (i, c) not in averaged]
    return reduce(torch.mul, rest, torch.full((grid.rows,), _mean(design, averaged, grid.joint), dtype=torch.float64))


def _mean(design: Design, parts: Sequence[tuple[int, int]], joint: Callable[[Mapping[str, int]], float]) -> float:
    """The mean of a product of categories' components over their levels, by the weights of these together."""
    known = levels_of(design)
    codes: dict[str, list[float]] = {}
    for i, c in parts:
        factor = design.factors[i]
        own = dict(zip(factor.levels, factor.at_levels(c), strict=True)) if factor.kind == "category" else {TRUTH[1]: 1.0}
        before = codes.get(factor.column, [1.0] * len(known[factor.column]))
        codes[factor.column] = [a * own.get(level, 0.0) for a, level in zip(before, known[factor.column], strict=True)]
    coded = [[(level, value) for level, value in enumerate(own) if value] for own in codes.values()]
    return sum(
        prod(value for _, value in cell) * joint(dict(zip(codes, (level for level, _ in cell), strict=True)))
        for cell in product(*coded)
    )
