"""Surface: the training loss of a model over any one or two of its weights."""

from __future__ import annotations

from collections.abc import Sequence

from bestline.calls import checked
from bestline.errors import OptionError
from bestline.inference.fitted import FittedLine
from bestline.inference.uncertainty import target_number
from bestline.training import Fit, surfaces


@checked
def surface(
    model: FittedLine | Fit,
    pair: Sequence[str] | str | None = None,
    *,
    span: Sequence[tuple[float, float]] | None = None,
    resolution: int = 60,
    kind: str = "slice",
    target: int | str = 0,
) -> surfaces.Surface:
    """The loss over one or two weights.

    Parameters
    ----------
    model : Model
    pair : sequence of str or "path", optional
        One or two names of weights; by default the first slope and the intercept. With "path" the two main directions of the
        path of training.
    span : sequence of (low, high), optional
        Range of each axis; by default what shows the path walked and the optimum.
    resolution : int
        Grid values an axis.
    kind : {"slice", "profile"}
        The other weights as trained, or the best ones for each place.
    target : int or str
        Which target, when there are several.

    Raises
    ------
    ColumnError, OptionError
        A weight that does not exist; a kind, span or resolution that makes no sense. See `training.surfaces.surface`.
    """
    if not isinstance(model, Fit | FittedLine):
        raise OptionError(
            f"The surface is of a model that was fitted, surface(fit(data, 'y ~ x')); got {type(model).__name__}."
        )
    fit, at = (model, int(target)) if isinstance(model, Fit) else (model.trained, target_number(model, target))
    return surfaces.surface(fit, pair, span=span, resolution=resolution, kind=kind, target=at)
