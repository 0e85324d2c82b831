"""Axis labels: what weights, losses and numbers of updates are called in every picture."""

from __future__ import annotations

from collections.abc import Sequence

from bestline.numerics import Bowl
from bestline.pictures.sample import is_straight
from bestline.training import Fit, RowLoss
from bestline.training.losses import squared
from bestline.training.objective import SquaredRows
from bestline.wording import shown


def loss_label(fit: Fit) -> str:
    """What the loss is called on an axis."""
    smooth = fit.objective.smooth
    # The squared loss is known by its kind, not by its numbers; of any other the unit is its own.
    square = isinstance(smooth, Bowl | SquaredRows) or (isinstance(smooth, RowLoss) and smooth.loss is squared)
    return "loss (mean squared error)" if square else "loss"


def labels(fit: Fit, names: Sequence[str]) -> tuple[str, ...]:
    """What the weights of a fit are called on axes: those of an own module as it calls them."""
    # An own module with one weight a column may still not be a line: its weights are no slopes.
    own = not is_straight(fit) and fit.scaling.p == len(fit.trace.names)
    return tuple(shown(name) if own else weight_label(name) for name in names)


def weight_label(name: str) -> str:
    """What a weight is called on an axis."""
    return "intercept" if name == "Intercept" else f"weight of {shown(name)}"


def updates(count: int) -> str:
    """A number of updates in words."""
    return f"{count:,} update{'' if count == 1 else 's'}"
