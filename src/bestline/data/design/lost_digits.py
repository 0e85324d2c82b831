"""Lost digits: what float64 has lost of the columns that a design computes, so that it can be brought back or owned up to.

    x**10 = X + below + error        |error| <= bound

A column as stored has lost nothing here. One that is computed, such as x**2 or x:z, is rounded, and where x**2 and x**3 are nearly
parallel the rounding is most of what tells them apart. So products and powers are made once more in twice the digits, batch by
batch, beside the rows; of functions such as log(x) the error is bounded (`rounding`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import mul

import torch
from torch import Tensor

from bestline.data.design.design import Design, Encoded
from bestline.data.design.expressions import expression
from bestline.data.design.factors import Column, Factor
from bestline.data.design.rounding import Rounding, doubled_values, rounding_of
from bestline.data.tables import Batch
from bestline.numerics import Doubled, Features, Targets


@dataclass(frozen=True, slots=True, eq=False)
class LostDigits:
    """What float64 has lost of a batch.

    Attributes
    ----------
    below : Tensor (n, p)
        What is known of it: X + below is right to twice the digits, where columns are products and powers of stored ones.
    error : Tensor (n, p + k)
        How far from the truth X + below and y can be; infinite where that is not known.
    """

    below: Features
    error: Tensor

    def __getitem__(self, index: Tensor) -> LostDigits:
        return LostDigits(self.below[index], self.error[index])


def rows_doubled(design: Design, batch: Batch) -> tuple[Encoded, LostDigits | None]:
    """A batch as `rows` gives it, and what float64 has lost of X and y; None: nothing."""
    encoded = design.rows(batch)
    made = any(r.kind == "expression" for r in design.responses)
    if not (made or any(_is_made(design, column) for column in design.columns)) or not len(encoded.rows):
        return encoded, None
    rows = encoded.rows
    X = columns_doubled(design, batch, rows.X, encoded.index)
    y_error = _targets_error(design, batch) if made else torch.zeros_like(rows.y)
    if made and encoded.index is not None:
        y_error = y_error[encoded.index]
    return encoded, LostDigits(X.low, torch.cat([X.error, y_error.to(X.error)], 1))


def columns_doubled(
    design: Design, batch: Batch, X: Features, index: Tensor | None = None, *, on_unseen: str = "raise"
) -> Doubled:
    """X (n, p) of a batch, or of some of its rows, in twice the digits.

    Products and powers of columns are made here, so what rounding takes from them is known and need not be lost.
    """
    made = [j for j, column in enumerate(design.columns) if _is_made(design, column)]
    low, error = torch.zeros_like(X), torch.zeros_like(X)
    if not made:
        return Doubled(X, low, error)
    # The whole batch, although only some rows may be wanted: gaps are filled and levels found as `rows` did it, row for row.
    names = design.number_columns()
    numbers = batch.numbers(names).to(X.device)
    if not bool(numbers.sum().isfinite()):
        numbers, _, _ = design.filled(numbers, names)
    values = {name: numbers[:, j] for j, name in enumerate(names)}
    parts = {i: _doubled(design, design.factors[i], values, batch, on_unseen) for j in made for i, _ in design.columns[j].parts}
    for j in made:  # column j is the product of its parts; what X[:, j] lacks of it is kept, and how far both can be wrong
        product = reduce(mul, (parts[i][:, at] for i, at in design.columns[j].parts))
        product = product if index is None else product[index]
        low[:, j], error[:, j] = product.beside(X[:, j]), product.error.nan_to_num(math.inf)
    return Doubled(X, low, error)


def columns_rounding(design: Design) -> tuple[Tensor, Tensor]:
    """What float64 can lose of every column of X and y: shares of its numbers, and of 1, (p + k,); 0 for columns as stored."""
    factors = [_rounding(design, f) for f in design.factors]
    found = []
    for column in design.columns:
        product = reduce(Rounding.times, (factors[i] for i, _ in column.parts))
        found.append(product if _is_made(design, column) else Rounding())
    found += [_rounding(design, r) for r in design.responses]
    both = 2.0**-52 * torch.tensor([[r.own, r.one] for r in found], dtype=torch.float64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _rounding(design: Design, factor: Factor) -> Rounding:
    return rounding_of(expression(factor.text).tree, design.states) if factor.kind == "expression" else Rounding()


def _targets_error(design: Design, batch: Batch) -> Targets:
    """Bound of what float64 has lost of the targets that are computed, (n, k)."""
    names = design.target_columns
    values = batch.numbers(names)
    columns = {name: values[:, j] for j, name in enumerate(names)}
    errors = []
    for response in design.responses:
        if response.kind == "number":
            errors.append(torch.zeros(len(values), dtype=torch.float64, device=values.device))
            continue
        true = doubled_values(expression(response.text).tree, columns, design.states)
        # y is used as it is, without what it lacks: so that counts as error, too.
        errors.append((true.error + true.beside(expression(response.text)(columns, design.states)).abs()).nan_to_num(math.inf))
    return torch.stack(errors, 1)


def _is_made(design: Design, column: Column) -> bool:
    """Whether a column of X is computed and not one of the table, or one for some rows and 0 for the others."""
    kinds = [design.factors[i].kind for i, _ in column.parts if design.factors[i].kind != "category"]
    return "expression" in kinds or len(kinds) > 1


def _doubled(design: Design, factor: Factor, values: Mapping[str, Tensor], batch: Batch, on_unseen: str) -> Doubled:
    """A factor's components (n, components) in twice the digits."""
    if factor.kind == "expression":
        part = doubled_values(expression(factor.text).tree, values, design.states)
        return part if part.high.ndim == 2 else part[:, None]
    if factor.kind == "number":
        return Doubled.of(values[factor.column][:, None])
    return Doubled.of(design.one_hot(factor, batch, on_unseen, {})[0].to(next(iter(values.values()))))
