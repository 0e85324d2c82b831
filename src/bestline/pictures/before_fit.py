"""Before a fit: the rows over what the formula speaks of, rather than over the columns of X that are made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from bestline.data.design import Column, Design, Factor
from bestline.data.tables import Source
from bestline.numerics import Rows
from bestline.pictures.clouds import POINTS
from bestline.pictures.sample import Sample


def rows_before(source: Source, design: Design) -> Sample:
    """The rows to show, over the variables of a formula; a category's value is the place of its level, from 0."""
    factors = _variables(design)
    # The same design over other columns: gaps, weights and levels are then treated as in a fit, by the same code.
    parts = [(i, j) for i, factor in enumerate(factors) for j in range(factor.width)]
    columns = tuple(Column(factors[i].text, factors[i].text, ((i, j),)) for i, j in parts)
    shown = replace(design, factors=factors, columns=columns)
    names = [factor.text for factor in factors]

    def read() -> Iterator[Rows]:
        return (_coded(shown.rows(batch).rows, factors) for batch in source.batches(shown.reads()))

    sample = Sample.draw(read(), names, design.targets, most=POINTS)
    return replace(sample, levels=tuple(factor.levels for factor in factors), again=read)


def _variables(design: Design) -> tuple[Factor, ...]:
    """The variables in the formula's order: categories, numbers, and expressions whose columns do not stand there by themselves."""
    plain = {factor.column for factor in design.factors if factor.kind == "number"}
    found: dict[str, Factor] = {}
    for factor in design.factors:
        if factor.kind != "expression":
            found.setdefault(factor.column, factor)
        elif factor.width > 1:  # the terms of a polynomial are a curve over its column
            found.update({name: Factor(name, "number", name) for name in factor.numbers if name not in found})
        elif not plain.issuperset(factor.numbers):
            found.setdefault(factor.text, factor)
    return tuple(found.values())


def _coded(rows: Rows, factors: tuple[Factor, ...]) -> Rows:
    """Indicators of a category as one column: the place of the level that a row has."""
    columns, at = [], 0
    for factor in factors:
        part = rows.X[:, at : at + factor.width]
        places = torch.arange(factor.width, dtype=part.dtype, device=part.device)
        columns.append(part @ places if factor.kind == "category" else part[:, 0])
        at += factor.width
    X = torch.stack(columns, 1) if columns else rows.X
    return Rows(X, rows.y, rows.w)
