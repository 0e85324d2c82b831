"""A loss of the user's: any function of predictions and targets that torch can differentiate, told in the data's units.

Of one target it is given columns (n,), as most losses are written; whatever it returns is one number, or one for each row. Shapes
that torch would spread against each other, (n,) against (n, 1), are refused: their mean is a loss of all rows with all rows, whose
minimum is the mean of the target, and no error would ever say so.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from bestline.errors import BestlineError, OptionError, ShapeError
from bestline.training.losses.base import Loss, LossFunction, Units


@dataclass(frozen=True, slots=True, eq=False)
class Own(Loss):
    """A callable (prediction, y) -> one number, (n,) or (n, k); both are (n,) of one target, and (n, k) of several."""

    name: ClassVar[str] = "own"
    title: ClassVar[str] = "a loss of your own"
    function: LossFunction

    @property
    def told(self) -> str:
        """What is known of it."""
        return "a loss function of your own"

    def trained(self, units: Units) -> tuple[LossFunction, Tensor]:
        """The function, shown everything in the data's units whatever training sees: so its own unit is the data's."""
        return _Told(self.function, units), torch.ones(1, dtype=torch.float64, device=units.scale.device)


@dataclass(slots=True, eq=False)
class _Told:
    """The user's function, shown predictions and targets (n, k) in the data's units; what comes back is checked."""

    user: LossFunction
    units: Units
    watched: bool = field(default=False)  # whether some rows have been looked at with care

    def __call__(self, prediction: Tensor, y: Tensor) -> Tensor:
        units = self.units
        f, t = (prediction, y) if units.same else (prediction * units.scale + units.center, y * units.scale + units.center)
        single = f.shape[1] == 1
        shown = (f[:, 0], t[:, 0]) if single else (f, t)
        careful = not self.watched and len(f) > 1
        loss = called("loss", self.user, *shown, within=_NothingSpread() if careful else nullcontext())
        self.watched |= careful
        if not isinstance(loss, Tensor):
            raise OptionError(f"`loss` must return a tensor that torch can differentiate; it returned a {type(loss).__name__}.")
        if loss.shape not in {(), (1,), (len(f),), tuple(f.shape)}:
            raise ShapeError(
                f"The loss gave the shape {tuple(loss.shape)} for predictions and targets of shape {tuple(shown[0].shape)}; return one "
                f"number, or one for each row."
            )
        if f.requires_grad and not loss.requires_grad:
            raise OptionError("The loss does not depend on the prediction (or was detached from it), so nothing can be learnt.")
        loss = loss.to(f.dtype)  # computed in float32, say
        # Of several targets the sum: one number a row, whose unit is one whatever the function returns.
        return loss.reshape(()) if loss.shape == (1,) else loss.sum(1) if loss.ndim == 2 else loss


def called(what: str, function: Callable[..., Any], *shown: Tensor, within: Any = None) -> Any:
    """What a function of the user's gives; raises OptionError with the shapes that it was shown where it fails in torch's words."""
    try:
        with within or nullcontext():
            return function(*shown)
    except BestlineError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        shapes = " and ".join(str(tuple(part.shape)) for part in shown)
        why = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
        raise OptionError(f"`{what}` failed for float64 tensors of shape {shapes}: {why}.") from error


class _NothingSpread(TorchFunctionMode):
    """Looks at every operation of torch, and refuses those that spread (n,) against (n, 1) to (n, n)."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        shapes = {tuple(part.shape) for part in args if isinstance(part, Tensor)}
        for n in [shape[0] for shape in shapes if len(shape) == 1 and shape[0] > 1]:
            spread = isinstance(result, Tensor) and (
                tuple(result.shape) == (n, n) or getattr(func, "__name__", "").endswith("loss")
            )
            if spread and (n, 1) in shapes:
                raise ShapeError(
                    f"The loss joins the shapes ({n},) and ({n}, 1), which torch spreads to ({n}, {n}): every row with every other. Give "
                    f"both one shape, for example with .reshape(-1)."
                )
        return result
