"""Surface: the training loss over any one or two weights, in the data's units, from the moments alone.

A slice holds the other weights where training left them. A profile re-fits the others at every point, so its lowest point is
the true optimum. Both are closed forms: no row is read again, however many there were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bestline.bowl import Bowl, minimum_norm
from bestline.errors import ColumnError, OptionError
from bestline.fitting import Fit
from bestline.objective import RowLoss

if TYPE_CHECKING:
    from bestline.model import Model

_MOST = 1_000_000  # points of a grid


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Loss over a grid of one or two weights.

    Attributes
    ----------
    names : tuple of str
        The weights on the axes, one or two.
    axes : tuple of Tensor
        Grid values of each, (r,).
    loss : Tensor (r,) or (r, r)
        Loss of the training rows; the first weight runs along the columns (x), the second along the rows (y).
    kind : str
        "slice" or "profile".
    held : dict
        For a slice: the other weights, and where they are held.
    bottom : tuple of float
        Where the loss is least, within what this surface shows; for losses other than the squared one, where training ended.
    floor : float
        The least loss.
    """

    names: tuple[str, ...]
    axes: tuple[Tensor, ...]
    loss: Tensor
    kind: str
    held: dict[str, float]
    bottom: tuple[float, ...]
    floor: float


def surface(
    model: Model | Fit,
    pair: Sequence[str] | None = None,
    *,
    span: Sequence[tuple[float, float]] | None = None,
    resolution: int = 60,
    kind: str = "slice",
    target: int = 0,
) -> Surface:
    """The loss over one or two weights.

    Parameters
    ----------
    model : Model or Fit
        What was trained.
    pair : sequence of str, optional
        One or two names of weights; by default the first slope and the intercept.
    span : sequence of (low, high), optional
        Range of each axis in the data's units; by default what shows the path walked and the optimum.
    resolution : int
        Grid values an axis.
    kind : {"slice", "profile"}
    target : int
        Which target, when there are several.

    Raises
    ------
    ColumnError
        A weight that does not exist.
    OptionError
        A kind, span or resolution that makes no sense, or a profile of a loss that is not the squared one.
    """
    fit = model if isinstance(model, Fit) else model.trained
    names = fit.trace.names
    chosen = tuple(pair) if pair is not None else default_pair(names)
    for name in chosen:
        if name not in names:
            raise ColumnError.missing(name, names, "the weights")
    if len(set(chosen)) not in (1, 2) or len(set(chosen)) != len(chosen):
        raise OptionError(f"A surface lies over one weight or two different ones; got {chosen!r}.")
    if kind not in ("slice", "profile") or not 2 <= resolution <= 2_000:
        raise OptionError(
            f"`kind` must be 'slice' or 'profile' and `resolution` from 2 to 2,000; got {kind!r} and {resolution!r}."
        )
    index = [names.index(name) for name in chosen]
    view = _View(fit, index, target)
    bottom = view.bottom(kind)
    axes = tuple(_axis(low, high, resolution) for low, high in span or view.span(bottom))
    if len(axes) != len(chosen):
        raise OptionError(f"`span` must give (low, high) for each of {chosen!r}.")
    grid = torch.stack([g.flatten() for g in torch.meshgrid(*axes, indexing="xy")], 1)
    loss = view.loss(grid, kind).reshape([resolution] * len(axes))
    held = {name: float(view.at[j]) for j, name in enumerate(names) if j not in index} if kind == "slice" else {}
    least = float(view.loss(torch.tensor([bottom], dtype=torch.float64), kind))
    return Surface(chosen, axes, loss, kind, held, bottom, least)


def default_pair(names: Sequence[str]) -> tuple[str, ...]:
    """The first weight and the last: a slope and the intercept, if there is one."""
    return (names[0],) if len(names) == 1 else (names[0], names[-1])


def _axis(low: float, high: float, resolution: int) -> Tensor:
    if not (float("-inf") < low < high < float("inf")):
        raise OptionError(f"A span must be (low, high) with low < high, both finite; got ({low!r}, {high!r}).")
    return torch.linspace(low, high, resolution, dtype=torch.float64)


class _View:
    """The loss of one target of a fit over some of its weights, in the data's units."""

    def __init__(self, fit: Fit, index: list[int], target: int) -> None:
        self.fit, self.index, self.target = fit, index, target
        self.at = fit.weights[:, target]
        self.path = fit.trace.weights[:, :, target]
        self.smooth = fit.objective.smooth.cpu() if isinstance(fit.objective.smooth, Bowl) else fit.objective.smooth
        self.unit = float(fit.scaling.target_scale[target]) ** 2 if isinstance(fit.objective.smooth, Bowl) else 1.0

    def loss(self, points: Tensor, kind: str) -> Tensor:
        """Loss (m,) at points (m, 1 or 2)."""
        smooth = self.smooth
        if kind == "profile":
            bowl, selector, center = self._reduced()
            away = points - center
            return float(bowl.floor[self.target]) * self.unit + self.unit * (away * (away @ selector)).sum(1)
        weights = self.fit.weights.expand(len(points), *self.fit.weights.shape).clone()
        weights[:, self.index, self.target] = points
        trained = self.fit.scaling.to_trained(weights)
        if isinstance(smooth, Bowl):
            return smooth.losses(trained)[:, self.target] * self.unit
        place = smooth.rows.X if isinstance(smooth, RowLoss) else trained
        losses = torch.stack([smooth.losses(w.to(place)).detach().cpu() for w in trained])
        return losses[:, min(self.target, losses.shape[1] - 1)] * self._row_unit()

    def bottom(self, kind: str) -> tuple[float, ...]:
        """Where the loss is least: over the shown weights alone for a slice, over all for a profile."""
        smooth = self.smooth
        if not isinstance(smooth, Bowl):
            return tuple(self.at[self.index].tolist())
        best = self.fit.scaling.to_data(smooth.bottom)[:, self.target]
        if kind == "profile" or len(self.index) == len(self.at):
            return tuple(best[self.index].tolist())
        A = self._map()  # data weights = A trained + constant; the loss over the shown ones is a bowl of their own
        inverse = torch.linalg.inv(A)
        curvature = inverse.T @ smooth.curvature @ inverse
        shown, rest = self.index, [j for j in range(len(self.at)) if j not in self.index]
        pull = curvature[shown][:, rest] @ (self.at[rest] - best[rest])
        moved = minimum_norm(curvature[shown][:, shown], -pull[:, None])[:, 0]
        return tuple((best[shown] + moved).tolist())

    def span(self, bottom: tuple[float, ...]) -> list[tuple[float, float]]:
        """What shows the path and the bottom, with a margin."""
        spans = []
        for j, b in zip(self.index, bottom, strict=True):
            values = [*self.path[:, j].tolist(), b]
            low, high = min(values), max(values)
            width = max(high - low, 0.05 * abs(b), self._sensitivity(j))
            middle = (low + high) / 2
            spans.append((middle - 0.65 * width, middle + 0.65 * width))
        return spans

    def _sensitivity(self, j: int) -> float:
        """How far weight j must move to lift the loss by what it was at the start, or by its own floor."""
        smooth = self.smooth
        if not isinstance(smooth, Bowl):
            return 1e-3
        steepness = self.fit.scaling.to_data(
            torch.eye(len(self.at), dtype=torch.float64)[:, :, None].expand(-1, -1, len(smooth.floor))
        )
        moved = (steepness - self.fit.scaling.to_data(torch.zeros_like(steepness)))[:, j, self.target].abs().max()
        height = float(smooth.floor[self.target]) ** 0.5 or 1.0
        return max(0.2 * float(moved) * height, 1e-9)

    def _map(self) -> Tensor:
        """The matrix (d, d) of the affine map from trained weights to the data's."""
        d, k = self.fit.weights.shape
        basis = torch.eye(d, dtype=torch.float64)[:, :, None].expand(d, d, k)
        return (self.fit.scaling.to_data(basis) - self.fit.scaling.to_data(torch.zeros_like(basis)))[:, :, self.target].T

    def _reduced(self) -> tuple[Bowl, Tensor, Tensor]:
        """Min over the other weights of the excess = away' M away, M = (A H^+ A')^-1 with A the shown rows of the map."""
        smooth = self.smooth
        if not isinstance(smooth, Bowl):
            raise OptionError(
                "A profile re-fits the other weights in closed form, which only squared loss of a line has; use kind='slice'."
            )
        A = self._map()[self.index]
        spread = A @ minimum_norm(smooth.curvature, A.T)
        center = self.fit.scaling.to_data(smooth.bottom)[self.index, self.target]
        return smooth, torch.linalg.inv(spread), center

    def _row_unit(self) -> float:
        """What the loss as trained is in the data's units: from any row of the trace."""
        place = self.smooth.rows.X if isinstance(self.smooth, RowLoss) else self.at
        losses = self.smooth.losses(self.fit.scaling.to_trained(self.fit.trace.weights[0]).to(place)).detach().sum()
        return float(self.fit.trace.loss[0] / float(losses)) if float(losses) else 1.0
