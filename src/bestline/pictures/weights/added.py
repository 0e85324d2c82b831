"""Added: what one column adds to a line. Two pictures, in both of which the slope of the line is the column's own weight.

    added variable             residuals of y on the other columns, against residuals of x on them     (Cook & Weisberg 1982, 2.3)
    component plus residual    w x + e against x: a bend in the cloud is a bend that the line misses    (Ezekiel 1924; Larsen & McCleary 1972)

In the first a row far to the side is one that pulls the weight; in the second the local mean shows the shape that the column should have.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bestline.data.design.factors import Column
from bestline.errors import ColumnError, NumericalError, listed, readable
from bestline.inference.fitted import FittedLine
from bestline.inference.why_not import refuse
from bestline.numerics import Bowl, Rows, Scaling
from bestline.pictures import clouds
from bestline.pictures.axis_labels import called
from bestline.pictures.diagnostics import smoothed
from bestline.pictures.marks import Line, Panel, Picture, numbers
from bestline.pictures.sample import rows_shown
from bestline.wording import count, said, shown, without


def added(model: FittedLine, column: str, data: Any = None, *, target: int = 0) -> Picture:
    """The added-variable (partial regression) plot of a column.

    Raises
    ------
    ColumnError
        For a column that the line has not, and for a term of several, such as a category of three levels.
    NumericalError
        For penalties, other losses and own forward functions, and for a column that others say already.
    """
    inference, column = refuse(model, "There is no added-variable plot"), column_named(model, column)
    j = model.features.index(column)
    if j not in inference.kept or not bool(inference.determined[j]):
        raise NumericalError(
            f"{readable(column)} adds nothing: other columns say it already, so there is nothing left to draw."
        )
    others, p = [i for i in inference.kept if i != j], model.design.p
    # Both residuals come from the moments: the line of x and y, as two targets, on the other columns.
    own = model.training[[*others, j, p + target]]
    scaling = Scaling.of(own, len(others), intercept=model.design.intercept, standardize=True)
    weights = scaling.to_data(Bowl.of(own, scaling).bottom)

    def place(rows: Rows) -> tuple[Tensor, Tensor]:
        fitted = rows.X[:, others] @ weights[: len(others)]
        if model.design.intercept:
            fitted = fitted + weights[-1]
        return rows.X[:, j] - fitted[:, 0], rows.y[:, target] - fitted[:, 1]

    name, y = called(model.features)[column], shown(model.targets[target])
    # What is left of both beside the intercept alone are the distances from their means.
    given = "given the other columns" if others else "less its mean" if model.design.intercept else "as it is"
    titles = (f"{name}, {given}", f"{y}, {given}")
    return _drawn(model, column, place, float(model.weights[j, target]), data, titles, f"What {name} adds to the line of {y}")


def component(model: FittedLine, column: str, data: Any = None, *, target: int = 0) -> Picture:
    """The component-plus-residual (partial residual) plot of a column, with the local mean of what it shows.

    Raises
    ------
    ColumnError
        For a column that the line has not, and for a term of several, such as a category of three levels.
    NumericalError
        For own forward functions.
    """
    if model.plan.forward is not None:
        raise NumericalError("A component is a weight times a column; an own forward function has none.")
    column = column_named(model, column)
    j, p = model.features.index(column), model.design.p
    weight = float(model.weights[j, target])

    def place(rows: Rows) -> tuple[Tensor, Tensor]:
        fitted = rows.X @ model.weights[:p, target]
        if model.design.intercept:
            fitted = fitted + model.weights[-1, target]
        return rows.X[:, j], weight * rows.X[:, j] + rows.y[:, target] - fitted

    name, y = called(model.features)[column], shown(model.targets[target])
    titles = (name, f"component of {name} + residual")
    return _drawn(model, column, place, weight, data, titles, f"Component of {name} plus residuals of {y}", bent=True)


def column_named(model: FittedLine, column: str) -> str:
    """The column of the line that goes by this name, or is the only one of a term or a category that does; ColumnError for any other."""
    if column in model.features:
        return column
    design, absorbed = model.design, model.design.absorbed
    if absorbed is not None and column in (*absorbed.columns, *absorbed.names):
        raise ColumnError(
            f"{readable(column)} is absorbed, so its levels are no columns of this line; model.effects() and `bestline effects` have what "
            f"each adds."
        )

    def by_term(of: Column) -> bool:
        # k and C(k) have the same columns, and go by both names; those of interactions have others.
        alone = design.factors[of.parts[0][0]].column if len(of.parts) == 1 else ""
        return column in (of.term, alone, f"C({alone})")

    own = [of.name for of in design.columns if by_term(of)]
    if len(own) > 1:
        raise ColumnError(
            f"{readable(column)} is {len(own):,} columns of this line, and this picture is of one; choose "
            f"{listed(own, joined='or', most=12)}."
        )
    if not own or own[0] not in model.features:
        raise ColumnError.missing(str(column), model.features, "this line")
    return own[0]


def _drawn(
    model: FittedLine,
    column: str,
    place: clouds.Place,
    slope: float,
    data: Any,
    titles: tuple[str, str],
    title: str,
    *,
    bent: bool = False,
) -> Picture:
    """The cloud with a line of this slope through zero, and with its local mean where a bend is looked for."""
    sample = rows_shown(model, data, most=clouds.POINTS)
    view = clouds.cloud(sample, clouds.Axes(place), label="rows")
    x, y = place(sample.rows)
    ends = torch.tensor(view.xlim, dtype=torch.float64)
    own, local = ("over", "over_mean") if view.coloured else ("fitted", "held_out")
    marks = [*view.marks, Line(numbers(ends.tolist()), numbers((slope * ends).tolist()), own, f"slope {said(slope)}")]
    # A column of a category has too few values for a local mean.
    if bent and len(x.unique()) > 5:
        near = (x >= view.xlim[0]) & (x <= view.xlim[1]) & (y >= view.ylim[0]) & (y <= view.ylim[1])
        at, mean = smoothed(x[near], y[near], torch.ones(int(near.sum()), dtype=torch.float64))
        marks.append(Line(numbers(at.tolist()), numbers(mean.tolist()), local, "local mean"))
    panel = Panel("", *titles, tuple(marks), xlim=view.xlim, ylim=view.ylim)
    alt = f"{count(sample.of, 'row')}: {titles[1]} against {titles[0]}, with a line of the slope {said(slope)}."
    left_out = without(model.features) if called(model.features)[column] != shown(column) else ""
    return Picture((panel,), title, " ".join(filter(None, (clouds.note(sample, view), left_out))), alt)
