"""The losses by name: the one list of them. A new loss is a file beside this one and a row here."""

from __future__ import annotations

import math

from bestline.errors import OptionError
from bestline.training.losses.absolute import Absolute
from bestline.training.losses.base import Loss
from bestline.training.losses.huber import Huber
from bestline.training.losses.own import Own
from bestline.training.losses.quantile import Quantile
from bestline.training.losses.squared import Squared

LOSSES: dict[str, type[Loss]] = {kind.name: kind for kind in (Squared, Huber, Absolute, Quantile)}


def parse_loss(loss: object) -> Loss:
    """The loss that `fit(loss=...)` means: by name, with a number behind a colon as in "quantile:0.9", or a function.

    The number is the level of the quantile, or Huber's threshold in the data's units. Raises OptionError for anything else.
    """
    if callable(loss):
        return Own(loss)
    name, colon, text = str(loss).partition(":")
    kind = LOSSES.get(name)
    if kind is None or (colon and kind.most is None):
        raise OptionError(
            f"There is no loss {loss!r}; choose {', '.join(LOSSES)} or quantile:0.9, or give a function (prediction, y)."
        )
    if not colon:
        return kind()
    # What is no number becomes NaN, which lies between no two bounds: one message serves both.
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    most = math.inf if kind.most is None else kind.most
    if not 0 < number < most:
        where = "above 0" if math.isinf(most) else f"between 0 and {most:g}"
        raise OptionError(f"Loss {loss!r}: what follows the colon must be a number {where}, such as {name}:0.9.")
    return kind(number)  # type: ignore[call-arg]  # a loss with a `most` has one field, this number
