"""Surface: the training loss over any one or two weights, or over the main directions of the path.

A slice holds the other weights where training left them. A profile re-fits the others at every point, so its lowest point is
the true optimum. For the squared loss of a line both are closed forms: no row is read again, however many there were. Other
losses and own forward functions have slices only, for which the loss of the rows is computed at every point.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.calls import is_whole
from bestline.errors import NumericalError, OptionError, listed
from bestline.numerics import Bowl, Weights, eigenvectors, inverted, least_squares, minimum_norm
from bestline.training import planes
from bestline.training.objective import RowLoss, Smooth
from bestline.training.outcome import Fit
from bestline.training.planes import Plane

_ROWS = 50_000  # that are read for each point of a grid, where its loss is no closed form
_AT_ONCE = 30_000  # rows and weights, of all the points whose losses are computed together: few enough for one core


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Loss over a grid of one or two weights.

    Attributes
    ----------
    names : tuple of str
        The weights on the axes, one or two; or the main directions of the path.
    axes : tuple of Tensor
        Grid values of each, (r,): of weights in the data's units, or where the plane says so as trained, of directions as trained.
    loss : Tensor (r,) or (r, r)
        Loss of the training rows; the first weight runs along the columns (x), the second along the rows (y).
    kind : str
        "slice" or "profile".
    held : dict
        For a slice: the other weights, and where they are held, in the units of the axes.
    bottom : tuple of float
        Where the loss is least, within what this surface shows; for losses other than the squared one, where training ended.
    floor : float
        The least loss.
    plane : Plane
        Where all this lies in the space of the weights.
    rows : int or None
        How many of the training rows it is the loss of, where they are only a choice of them, drawn by a seed: of more than
        50,000, unless the loss is the squared one of a line.
    """

    names: tuple[str, ...]
    axes: tuple[Tensor, ...]
    loss: Tensor
    kind: str
    held: dict[str, float]
    bottom: tuple[float, ...]
    floor: float
    plane: Plane
    rows: int | None = None


def surface(
    fit: Fit,
    pair: Sequence[str] | Plane | str | None = None,
    *,
    span: Sequence[tuple[float, float]] | None = None,
    resolution: int = 60,
    kind: str = "slice",
    target: int = 0,
) -> Surface:
    """The loss over one or two weights.

    Parameters
    ----------
    fit : Fit
        What was trained.
    pair : sequence of str, "path", or Plane, optional
        One or two names of weights; by default the first slope and the intercept. With "path" the two main directions of the
        path of training, through its end: what shows most of it when there are many weights.
    span : sequence of (low, high), optional
        Range of each axis; by default what shows the path walked and the optimum.
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
        A kind, span or resolution that makes no sense, a profile of a loss that is not the squared one, or the directions of a
        path that never moved.
    """
    if kind not in ("slice", "profile") or not is_whole(resolution) or not 2 <= resolution <= 2_000:
        raise OptionError(
            f"`kind` must be 'slice' or 'profile' and `resolution` from 2 to 2,000; got {kind!r} and {resolution!r}."
        )
    where = planes.plane(fit, pair, target)
    view = _View(fit, where, target)
    bottom = view.bottom(kind)
    ranges = view.span(bottom) if span is None else _ranges(span, where.names)
    axes = tuple(_axis(low, high, resolution) for low, high in ranges)
    grid = torch.stack([g.flatten() for g in torch.meshgrid(*axes, indexing="xy")], 1)
    loss = view.loss(grid, kind).reshape([resolution] * len(axes))
    others = kind == "slice" and not where.share
    at = fit.scaling.to_trained(fit.weights)[:, target] if where.trained else view.at
    held = {name: float(at[j]) for j, name in enumerate(fit.trace.names) if name not in where.names} if others else {}
    least = float(view.loss(torch.tensor([bottom], dtype=torch.float64), kind))
    return Surface(where.names, axes, loss, kind, held, bottom, least, where, view.rows)


def heights(fit: Fit, where: Plane, points: Tensor, target: int = 0) -> Tensor:
    """The loss (m,) on a plane of weights at points (m, 1 or 2) of it."""
    return _View(fit, where, target).loss(points, "slice")


def _ranges(span: Sequence[tuple[float, float]], names: Sequence[str]) -> list[tuple[float, float]]:
    """(low, high) of each axis; raises OptionError for what is none."""
    try:
        ranges = [(float(low), float(high)) for low, high in span]
    except (TypeError, ValueError):
        ranges = []
    if len(ranges) != len(names):
        raise OptionError(
            f"`span` must give (low, high) for each of {listed(names)}, as in ((-15, 15), (-15, 15)); got {span!r:.80}."
        )
    return ranges


def _axis(low: float, high: float, resolution: int) -> Tensor:
    if not (float("-inf") < low < high < float("inf")):
        raise OptionError(f"A span must be (low, high) with low < high, both finite; got ({low:g}, {high:g}).")
    return torch.linspace(low, high, resolution, dtype=torch.float64)


class _View:
    """The loss of one target of a fit over a plane of its weights."""

    def __init__(self, fit: Fit, where: Plane, target: int) -> None:
        self.fit, self.where, self.target = fit, where, target
        self.at = fit.weights[:, target]
        self.path = where.coordinates(fit.trace.weights[:, :, target])
        self.smooth, self.rows = _readable(fit.objective.smooth)
        self.unit = float(fit.loss_units[min(target, len(fit.loss_units) - 1)])

    def loss(self, points: Tensor, kind: str) -> Tensor:
        """Loss (m,) at points (m, 1 or 2)."""
        smooth = self.smooth
        if kind == "profile":
            bowl, selector, center = self._reduced()
            # With the others re-fitted the loss is a bowl again, of the coordinates alone.
            away = points - center
            return float(bowl.floor[self.target]) * self.unit + self.unit * (away * (away @ selector)).sum(1)
        if isinstance(smooth, Bowl):
            return smooth.losses(self._trained(points))[:, self.target] * self.unit
        place = smooth.rows.X if isinstance(smooth, RowLoss) else points
        size = place.numel() // max(1, place.shape[-1]) + self.fit.weights.numel()
        each = [_losses(smooth, self._trained(some).to(place)) for some in points.split(max(1, _AT_ONCE // size))]
        losses = torch.cat(each).to("cpu", torch.float64)
        return losses[:, min(self.target, losses.shape[1] - 1)] * self.unit

    def _trained(self, points: Tensor) -> Tensor:
        """Weights as trained (m, d, k) at points (m, 1 or 2)."""
        weights = self.fit.weights.expand(len(points), *self.fit.weights.shape).clone()
        weights[:, :, self.target] = self.where.weights(points)
        return self.fit.scaling.to_trained(weights)

    def bottom(self, kind: str) -> tuple[float, ...]:
        """Where the loss is least: on the plane alone for a slice, over all weights for a profile."""
        smooth, where = self.smooth, self.where
        if not isinstance(smooth, Bowl):
            return tuple(where.coordinates(self.at).tolist())
        if kind == "profile" or len(where.names) == len(self.at):
            return tuple(where.coordinates(self.fit.scaling.to_data(smooth.bottom)[:, self.target]).tolist())
        # On the plane w = w0 + c B the loss is (w - best)' H (w - best). All of it in the weights as trained, and from where the path
        # ended: in the data's units offsets of a million would cancel every digit of it.
        near = where.coordinates(self.at)
        at = self._trained(near[None])[0, :, self.target]
        moved = _towards(smooth.bottom[:, self.target] - at, where.basis @ self._map_back().T, smooth.curvature)
        return tuple((near + moved).tolist())

    def span(self, bottom: tuple[float, ...]) -> list[tuple[float, float]]:
        """What shows the path and the bottom, with a margin."""
        spans = []
        for j, b in enumerate(bottom):
            values = [*self.path[:, j].tolist(), b]
            low, high = min(values), max(values)
            width = max(high - low, 0.05 * abs(b), self._sensitivity(j))
            middle = (low + high) / 2
            spans.append((middle - 0.65 * width, middle + 0.65 * width))
        return spans

    def _sensitivity(self, j: int) -> float:
        """How far to go along axis j to lift the loss by what it was at the start, or by its own floor."""
        smooth = self.smooth
        if not isinstance(smooth, Bowl):
            return 0.05 * float(self.path[:, j].abs().max()) or 1e-3
        # One unit of a trained weight lifts the loss by about 1; by that the axis is as long as the floor is high.
        moved = (self.where.dual[j] @ self._map()).abs().max()
        height = float(smooth.floor[self.target]) ** 0.5 or 1.0
        return 0.2 * float(moved) * height or 1e-9  # no least width but where there is none: units may be as small as they like

    def _map(self) -> Tensor:
        return planes.trained_to_data(self.fit, self.target)

    def _map_back(self) -> Tensor:
        return planes.data_to_trained(self.fit, self.target)

    def _reduced(self) -> tuple[Bowl, Tensor, Tensor]:
        """Min over all else of the excess = away' M away, M = (A H^+ A')^-1 with A the coordinates' map from the trained weights."""
        smooth = self.smooth
        if not isinstance(smooth, Bowl):
            raise OptionError(
                "A profile re-fits the other weights in closed form, which only squared loss of a line has; use kind='slice'."
            )
        # Lagrange: of all w with A w = a, the least w'Hw is a'(A H^-1 A')^-1 a.
        A = self.where.dual @ self._map()
        spread = A @ minimum_norm(smooth.curvature, A.T)
        center = self.where.coordinates(self.fit.scaling.to_data(smooth.bottom)[:, self.target])
        stiff = inverted(spread)
        if stiff is None:
            raise NumericalError(
                f"The data do not determine {listed(self.where.names)}: along some direction of the surface the loss does not change when all other "
                f"weights are fitted again. Choose other weights, or use kind='slice'."
            )
        return smooth, stiff, center


def _towards(away: Tensor, basis: Tensor, curvature: Tensor) -> Tensor:
    """How far to go along the rows of a basis (r, d) until what is left of the way (d,) is least by the curvature: (r,).

    By the root of the curvature, and along directions of one length: squared, those that are nearly alike could not be told apart.
    """
    values, vectors = eigenvectors(curvature)
    root = vectors * values.clamp(min=0).sqrt()
    along = root.T @ basis.T
    lengths = along.norm(dim=0)
    lengths = torch.where(lengths > 0, lengths, 1.0)
    return least_squares(along / lengths, (root.T @ away)[:, None])[:, 0] / lengths


def _readable(smooth: Smooth) -> tuple[Smooth, int | None]:
    """The loss such that it can be computed at very many points, and of how many rows, if not of all."""
    if isinstance(smooth, Bowl):
        return smooth.cpu(), None
    if not isinstance(smooth, RowLoss) or len(smooth.rows) <= _ROWS:
        return smooth, None
    # So many rows show the shape of a loss to a percent, and the title says how many they are.
    drawn = torch.randperm(len(smooth.rows), generator=torch.Generator().manual_seed(0))[:_ROWS].sort().values
    return smooth.on(drawn.to(smooth.rows.X.device)), _ROWS


@torch.no_grad()
def _losses(smooth: Smooth, weights: Weights) -> Tensor:
    """Losses (m, k) at weights (m, d, k): together where the loss and the forward function allow that, else one by one."""
    # All points as one batch, if the user's code allows it; the first point, computed plainly, tells whether it came out the same.
    first = smooth.losses(weights[0])
    if len(weights) > 1:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # torch tells of operations that it cannot batch
                together = torch.func.vmap(smooth.losses)(weights)
            # vmap may do other things than a call (a random number, a branch): only where it agrees is it taken.
            if torch.allclose(together[0], first, rtol=1e-9, atol=0.0, equal_nan=True):
                return together
        except (RuntimeError, TypeError, ValueError):
            pass  # own code may look at single numbers, or change something: so be it, one by one
    return torch.stack([first, *(smooth.losses(w) for w in weights[1:])])
