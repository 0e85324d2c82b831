"""The losses by name: the one list of them. A new loss is a file beside this one and a row here."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any

from torch import nn
from torch.nn import functional

from bestline.calls import no_such
from bestline.errors import OptionError
from bestline.training.losses.absolute import Absolute
from bestline.training.losses.base import Loss
from bestline.training.losses.huber import Huber
from bestline.training.losses.own import Own
from bestline.training.losses.quantile import Quantile
from bestline.training.losses.squared import Squared

LOSSES: dict[str, type[Loss]] = {kind.name: kind for kind in (Squared, Huber, Absolute, Quantile)}
# What scikit-learn, torch and others call them.
_CALLED = {
    "squared": "mse mseloss mse_loss neg_mean_squared_error l2 squared_error squared_loss mean_squared_error ls least_squares ols leastsquares quadratic",
    "absolute": "mae l1loss neg_mean_absolute_error l1 l1_loss lad absolute_error mean_absolute_error absolute_deviation median",
    "huber": "huber_loss",
    "quantile": "pinball",
}
_BY_CALL = {word: name for name, words in _CALLED.items() for word in words.split()}
# torch's losses of classes and probabilities: on numbers most of them give a number all the same, which means nothing.
_OF_CLASSES = frozenset(
    [
        "crossentropyloss",
        "crossentropy",
        "nllloss",
        "nllloss2d",
        "bceloss",
        "bcewithlogitsloss",
        "binarycrossentropy",
        "binarycrossentropywithlogits",
        "multimarginloss",
        "multilabelmarginloss",
        "multilabelsoftmarginloss",
        "softmarginloss",
        "hingeembeddingloss",
        "ctcloss",
        "kldivloss",
        "kldiv",
    ]
)
_OF_TORCH: dict[object, str] = {
    functional.mse_loss: "squared",
    functional.l1_loss: "absolute",
    functional.huber_loss: "huber:1.0",
}


def usual_name(loss: Any) -> Any:
    """The name of a loss in any spelling, and of torch's own module or function where it is the same; whatever else, as it is."""
    if isinstance(loss, str):
        name, colon, number = loss.strip().partition(":")
        folded = _folded(name)
        own = {_folded(known): known for known in LOSSES}
        return _BY_CALL.get(folded, own.get(folded, name)) + colon + number
    if isinstance(loss, type) and issubclass(loss, nn.Module):
        loss = loss()
    of_classes = getattr(loss, "__name__", type(loss).__name__)
    if _folded(of_classes).replace("_", "") in _OF_CLASSES and getattr(loss, "__module__", "").startswith("torch."):
        raise OptionError(
            f"{of_classes} is a loss of classes, and a line predicts numbers; use squared, huber, absolute or quantile:0.9, or a function "
            f"(prediction, y)."
        )
    # A sum over the rows is another loss than their mean, as its penalty and its rate say.
    if getattr(loss, "reduction", "sum") == "sum":
        return _OF_TORCH.get(loss, loss) if inspect.isfunction(loss) else loss
    match loss:
        case nn.MSELoss():
            return "squared"
        case nn.L1Loss():
            return "absolute"
        case nn.HuberLoss():
            return f"huber:{float(loss.delta)!r}"
    return loss


def _folded(name: str) -> str:
    return re.sub(r"[-\s]+", "_", name.strip().casefold())


def parse_loss(loss: object) -> Loss:
    """The loss that `fit(loss=...)` means: by name, with a number behind a colon as in "quantile:0.9", or a function.
    Names in any spelling, and by those of scikit-learn and torch: "mse", "mae", "l1", `nn.HuberLoss()`.

    The number is the level of the quantile, or Huber's threshold in the data's units. Raises OptionError for anything else.
    """
    loss = usual_name(loss)
    if callable(loss):
        return Own(loss)
    name, colon, text = str(loss).partition(":")
    kind = LOSSES.get(name)
    if kind is None:
        raise no_such("loss", loss, LOSSES, more=" or quantile:0.9, or give a function (prediction, y)")
    if colon and kind.most is None:
        raise OptionError(f"Loss {loss!r}: {name} takes no number; write {name!r}.")
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
