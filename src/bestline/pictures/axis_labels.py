"""Axis labels: what weights, losses and numbers of updates are called in every picture."""

from __future__ import annotations

from collections.abc import Sequence

from bestline.data.design import Design
from bestline.numerics import Bowl
from bestline.pictures.sample import is_straight
from bestline.training import Fit, RowLoss
from bestline.training.losses import squared
from bestline.training.objective import SquaredRows
from bestline.wording import apart


def is_squared(fit: Fit) -> bool:
    """Whether the loss is the squared one; of a loaded line of another loss the numbers are known, and not what they measure."""
    smooth = None if fit.task is None else fit.objective.smooth
    # The squared loss is known by its kind, not by its numbers; of any other the unit is its own.
    return isinstance(smooth, Bowl | SquaredRows) or (isinstance(smooth, RowLoss) and smooth.loss is squared)


def loss_label(fit: Fit) -> str:
    """What the loss is called on an axis."""
    return "loss (mean squared error)" if is_squared(fit) else "loss"


def labels(fit: Fit, names: Sequence[str]) -> tuple[str, ...]:
    """What weights of a fit, of these names, are called on axes: those of an own module as it calls them."""
    # An own module with one weight a column may still not be a line: its weights are no slopes.
    own = not is_straight(fit) and fit.scaling.p == len(fit.trace.names)
    short = called(fit.trace.names)
    return tuple(short[name] if own else "intercept" if name == "Intercept" else f"weight of {short[name]}" for name in names)


def called(names: Sequence[str]) -> dict[str, str]:
    """What each of the names is called in a picture, so that no two look alike."""
    return dict(zip(names, apart(names), strict=True))


def variables(design: Design) -> list[str]:
    """What a formula speaks of: each column of the table once, and each expression."""
    factors = (design.factors[at] for column in design.columns for at, _ in column.parts)
    return list(dict.fromkeys(factor.column or factor.text for factor in factors))


def updates(count: int) -> str:
    """A number of updates in words."""
    return f"{count:,} update{'' if count == 1 else 's'}"
