"""Parallel: over one column of numbers and one category a model is a line for each level, drawn with the level's own rows.

They are parallel, unless the formula has the product of both. Each is drawn as far as the rows of its level reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

import bestline.pictures.data_space as dataspace
from bestline.data.tables import open_source
from bestline.inference.fitted import FittedLine
from bestline.inference.prediction import interval_of_mean
from bestline.numerics import Features
from bestline.pictures import clouds
from bestline.pictures.marks import RUNS, Band, Line, Panel, Picture, numbers, run_role
from bestline.pictures.sample import Sample
from bestline.wording import apart, count


def lines_of_levels(model: FittedLine, sample: Sample, *, target: int = 0) -> Picture | None:
    """The rows over the column of numbers, coloured by level, with the line of each level and the interval of its mean.

    None where the model is over other columns than these two, where the numbers are not a column as they stand, or where there are
    more levels than colours.
    """
    column = _number_of(model)
    if column is None or sample.group is None:
        return None
    present = sorted(set(sample.group.tolist()))
    if not 1 < len(present) <= RUNS:
        return None
    over = sample.over(model.design.names.index(column), lambda X: X)
    drawn = list(_each(model, sample, column, present, target))
    lines, bands = [line for line, _ in drawn], [band for _, band in drawn if band is not None]
    sides = [Line(band.x, height) for band in bands for height in (band.low, band.high)]
    view = clouds.cloud(over, dataspace.feature_and_target(target, [*lines, *sides]))
    if not view.counted:  # the points of a level have its name already
        lines = [replace(line, label="") for line in lines]
    feature, name = over.features[0], sample.targets[target]
    panel = Panel("", feature, name, (*view.marks, *bands, *lines), xlim=view.xlim, ylim=view.ylim)
    alt = f"{count(sample.of, 'row')}: {name} against {feature}, with a line for each of {len(lines)} levels."
    return Picture((panel,), f"{name} against {feature}", clouds.note(sample, view), alt)


def _number_of(model: FittedLine) -> str | None:
    """The column of numbers, of a model over it and one category."""
    design = model.design
    if len(design.needs) != 2 or len(design.texts) != 1:
        return None
    (column,) = [name for name in design.needs if name not in design.texts]
    return column if column in design.names else None


def _each(
    model: FittedLine, sample: Sample, column: str, present: list[int], target: int
) -> Iterator[tuple[Line, Band | None]]:
    """Line and band of each level that rows have."""
    assert sample.group is not None  # noqa: S101  the caller has looked
    fit, half, at_x = model.trained, interval_of_mean(model), model.design.names.index(column)
    names = apart([sample.levels_of[level] for level in present], 24)
    for i, level in enumerate(present):
        own = sample.rows.X[sample.group == level, at_x]
        at = torch.linspace(float(own.min()), float(own.max()), dataspace.CURVE, dtype=torch.float64)
        X = _columns(model, column, at, sample.levels_of[level])
        height, x = sample.predictions(fit, X, fit.weights)[:, target], numbers(at.tolist())
        band = None
        if half is not None:
            low, high = (numbers((height + sign * half(X)).tolist()) for sign in (-1, 1))
            band = Band(x, low, high, run_role(i), "" if i else "95% confidence intervals of the means")
        yield Line(x, numbers(height.tolist()), run_role(i), names[i]), band


def _columns(model: FittedLine, column: str, at: torch.Tensor, level: str) -> Features:
    """The columns of the design (m, p) at values of the numbers, for a level."""
    (category,) = model.design.texts
    table = {column: at.numpy(), category: [level] * len(at)}
    (batch,) = open_source(table).batches([column, category])
    return replace(model.design, offsets=()).features(batch).X


__all__ = ["lines_of_levels"]
