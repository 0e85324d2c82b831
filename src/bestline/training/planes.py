"""Planes: where in the space of the weights a picture looks: over one or two weights, or along the main directions of a path.

    weights = origin + coordinates @ basis        coordinates = dual @ (weights - origin)

With many weights no two of them may show much of what training did. The two main directions of its path do: the principal
components of its displacements from where it ended (Li, Xu, Taylor, Studer & Goldstein 2018, "Visualizing the loss landscape
of neural nets"), taken in the columns as trained, so that the units of the data do not decide what is large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bestline.errors import ColumnError, OptionError, readable
from bestline.numerics import Bowl, singular_vectors
from bestline.training.outcome import Fit

PATH = "path"  # asks for the main directions of the path

_STRAIGHT = 1e-10  # of the largest movement: a path that moves less than this along its second direction has only one
_LEADING = 3  # weights that are named for a direction


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A line or a plane through the space of the d weights of one target, in the data's units.

    Attributes
    ----------
    names : tuple of str
        Of its one or two axes: of weights, or "main direction 1" and "main direction 2".
    origin : Tensor (d,)
        Weights at the coordinates 0.
    basis : Tensor (r, d)
        How the weights change along each axis.
    dual : Tensor (r, d)
        What turns weights into coordinates; weights off the plane get those of their shadow on it.
    share : tuple of float
        For main directions: the share of the path's movement (its squared displacements) along each. Else empty.
    leading : tuple of tuples
        For main directions: the weights with the largest part in each, and that part. Else empty.
    trained : bool
        Whether coordinates are weights of the columns as trained.
    """

    names: tuple[str, ...]
    origin: Tensor
    basis: Tensor
    dual: Tensor
    share: tuple[float, ...] = ()
    leading: tuple[tuple[tuple[str, float], ...], ...] = ()
    trained: bool = False

    def weights(self, coordinates: Tensor) -> Tensor:
        """Weights (m, d) at coordinates (m, r)."""
        return self.origin + coordinates @ self.basis

    def coordinates(self, weights: Tensor) -> Tensor:
        """Coordinates (..., r) of weights (..., d)."""
        return (weights - self.origin) @ self.dual.T


def plane(fit: Fit, pair: Sequence[str] | Plane | str | None = None, target: int = 0) -> Plane:
    """The plane that was asked for: names of one or two weights, "path", or nothing for the first slope and the intercept."""
    if isinstance(pair, Plane):
        return pair
    if pair == PATH:
        return of_path([fit], target)
    return of_weights(fit, (pair,) if isinstance(pair, str) else pair, target)


def default_pair(names: Sequence[str]) -> tuple[str, ...]:
    """The first weight and the last: a slope and the intercept, if there is one."""
    return (names[0],) if len(names) == 1 else (names[0], names[-1])


def of_weights(fit: Fit, pair: Sequence[str] | None, target: int) -> Plane:
    """The plane over one or two weights; the others stay where training left them."""
    names = fit.trace.names
    if not names:
        raise OptionError("This fit has no weights, so there is no loss surface to draw.")
    refuse_nameless(pair, names)
    chosen = tuple(pair) if pair is not None else default_pair(names)
    for name in chosen:
        if name not in names:
            raise ColumnError.missing(name, names, "this line", what="weight")
    if len(chosen) not in (1, 2) or len(set(chosen)) != len(chosen):
        raise OptionError(f"A surface lies over one weight or two different ones; got {chosen!r}.")
    index = [names.index(name) for name in chosen]
    origin = fit.weights[:, target].clone()
    origin[index] = 0.0
    selected = torch.eye(len(names), dtype=torch.float64)[index]
    return Plane(chosen, origin, selected, selected)


def refuse_nameless(pair: object, names: Sequence[str]) -> None:
    """Raise OptionError for what names no weights."""
    if pair is not None and (not isinstance(pair, Sequence) or not all(isinstance(name, str) for name in pair)):
        raise OptionError(f"A surface lies over weights by their names, such as {readable(names[0])}; got {pair!r}.")


def as_trained(fit: Fit, pair: Sequence[str] | None, target: int) -> Plane:
    """The same over the weights of the columns as trained, where the loss of uncorrelated columns is round."""
    over = of_weights(fit, pair, target)
    index = [fit.trace.names.index(name) for name in over.names]
    rest = fit.scaling.to_trained(fit.weights)
    rest[index, target] = 0.0
    # Trained weights are affine in the data's: J turns changes of the ones into changes of the others.
    basis, dual = trained_to_data(fit, target).T[index], data_to_trained(fit, target)[index]
    return Plane(over.names, fit.scaling.to_data(rest)[:, target], basis, dual, trained=True)


def of_path(fits: Sequence[Fit], target: int = 0, upto: Sequence[int] | None = None) -> Plane:
    """The plane of the two main directions of the path of a fit, or of several together, through the end of the first.

    `upto` says how many points of each path count, by default all. Raises OptionError for a path that never moved.
    """
    first = fits[0]
    counts = [len(fit.trace) for fit in fits] if upto is None else list(upto)
    paths = [first.scaling.to_trained(f.trace.weights[:n])[:, :, target] for f, n in zip(fits, counts, strict=True)]
    at = first.trace.step[: counts[0]].tolist()
    row = at.index(first.step) if first.step in at else counts[0] - 1
    end = paths[0][row]
    # Right singular vectors of the displacements are their principal components; the end of the path is the origin, not the mean,
    # for it is what the picture is about.
    moved = torch.cat(paths) - end
    _, sizes, axes = singular_vectors(moved)
    if not float(sizes.sum()) > 0:
        raise OptionError("Training did not move the weights, so its path has no directions; name two weights instead.")
    many = min(2, moved.shape[1])
    found = [axes[i] for i in range(min(many, len(sizes))) if float(sizes[i]) > _STRAIGHT * float(sizes[0])]
    while len(found) < many:
        found.append(_another(first, found, end, target))
    V = torch.stack(found)
    V[0] *= -1.0 if float(V[0] @ moved[0]) > 0 else 1.0  # the path walks to the right
    if many > 1:
        V[1] *= float(V[1][V[1].abs().argmax()].sign())
    squares = (moved @ V.T).square().sum(0) / moved.square().sum()
    names = tuple(f"main direction {i + 1}" for i in range(many))
    back, there = trained_to_data(first, target), data_to_trained(first, target)
    leading = tuple(_leading(first.trace.names, direction) for direction in V)
    origin = first.trace.weights[row, :, target]
    return Plane(names, origin, V @ back.T, V @ there, tuple(squares.clamp(max=1.0).tolist()), leading)


def _another(fit: Fit, found: Sequence[Tensor], end: Tensor, target: int) -> Tensor:
    """A direction across a straight path: towards the bottom, else along the first weight that is not on the path already."""
    smooth = fit.objective.smooth
    bottom = [smooth.bottom[:, target].cpu() - end] if isinstance(smooth, Bowl) else []
    for candidate in (*bottom, *torch.eye(len(end), dtype=torch.float64)):
        across = candidate
        for direction in (*found, *found):  # twice: once leaves rounding behind
            across = across - (across @ direction) * direction
        if float(across.norm()) > 1e-6 * max(float(candidate.norm()), 1e-9):
            return across / across.norm()
    raise AssertionError("fewer directions than weights were found")


def _leading(names: Sequence[str], direction: Tensor) -> tuple[tuple[str, float], ...]:
    order = direction.abs().argsort(descending=True, stable=True)[:_LEADING].tolist()
    largest = float(direction[order[0]].abs())
    return tuple((names[j], float(direction[j])) for j in order if abs(float(direction[j])) > 0.2 * largest)


def trained_to_data(fit: Fit, target: int) -> Tensor:
    """The matrix (d, d) that turns changes of the weights as trained into changes in the data's units."""
    return fit.scaling.of_changes.to_data(_each_weight(fit))[:, :, target].T


def data_to_trained(fit: Fit, target: int) -> Tensor:
    """The matrix (d, d) that turns changes in the data's units into changes of the weights as trained."""
    return fit.scaling.of_changes.to_trained(_each_weight(fit))[:, :, target].T


def _each_weight(fit: Fit) -> Tensor:
    d, k = fit.weights.shape
    return torch.eye(d, dtype=torch.float64)[:, :, None].expand(d, d, k)
