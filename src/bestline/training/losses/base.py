"""The contract of a loss: what a miss costs, in which units, and how it is written in a script.

    loss(w) = mean over the rows of  cost(prediction, y)        (weighted, if there are weights)

Training sees standardised columns, but a loss speaks of the data's units: so each says by itself what it is there, `trained`, and
what one unit of it is worth.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor

LossFunction: TypeAlias = Callable[[Tensor, Tensor], Tensor]  # (prediction (n, k), y (n, k)) -> one number, (n,) or (n, k)


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """How the targets as trained relate to the data: y = scale y_trained + center.

    Attributes
    ----------
    scale, center : Tensor (k,)
    same : bool
        Whether training sees the targets as they are.
    residual_scale : callable
        () -> robust standard deviations of the least-squares line's residuals, (k,), in the data's units; costs a look at the rows.
    """

    scale: Tensor
    center: Tensor
    same: bool
    residual_scale: Callable[[], Tensor]


@dataclass(frozen=True, slots=True)
class Code:
    """A loss as text for scripts. Names that it may use: `prediction`, `y`, and `error`, which is prediction - y.

    Attributes
    ----------
    torch, numpy : tuple of str
        Lines of which the last is the expression for every row's loss; one that speaks of `error` gets it computed first.
    pull : str
        The loss's derivative with respect to the prediction, in NumPy; `{setting}` stands for the number it needs.
    ready : str or None
        Torch's own module, if it has one; `{setting}` as above.
    setting : str
        The name of the number that the loss needs, such as a level; empty if none.
    why : str
        What that number is. Said behind it, or above it where it is long.
    in_units : bool
        Whether that number is in the units of the target, one for each of them.
    """

    torch: tuple[str, ...]
    numpy: tuple[str, ...]
    pull: str
    ready: str | None = None
    setting: str = ""
    why: str = ""
    in_units: bool = False


class Loss(ABC):
    """What `fit(loss=...)` asks for: a frozen dataclass whose one field, if it has one, is the number behind the name's colon.

    Attributes
    ----------
    name : str
    title : str
        What the field calls a line that is fitted by it.
    squared : bool
        Whether it is the squared loss, which makes a bowl of a line's objective.
    edged : bool
        Whether it is a `Piecewise` function, straight beyond its edges, which `InteriorPoint` minimises as it stands.
    most : float or None
        What the number behind a colon stays below, as in "quantile:0.9"; None where no number is taken.
    code : Code or None
        None for code of the user, which nobody copies.
    """

    __slots__ = ()
    name: ClassVar[str]
    title: ClassVar[str]
    squared: ClassVar[bool] = False
    edged: ClassVar[bool] = False
    most: ClassVar[float | None] = None
    code: ClassVar[Code | None] = None

    @property
    def titled(self) -> str:
        """The title, with the number that the loss has."""
        return self.title

    @property
    def estimates(self) -> str:
        """What of the target, given the columns, the line comes to where it is right, such as "mean"; empty where that has no name."""
        return ""

    @property
    def told(self) -> str:
        """The loss in the words of the field, and what it does to the line."""
        return f"the {self.name} loss"

    @abstractmethod
    def trained(self, units: Units) -> tuple[LossFunction, Tensor]:
        """The loss of predictions as trained; and what one unit of it is in the data's units, (k,), or (1,) for one number."""

    def number(self, function: LossFunction | None, scale: Tensor) -> Tensor:
        """The number that scripts need to know, (k,) or (1,): from the loss as trained and the targets' scale (k,), if it is in units."""
        return torch.zeros(1, dtype=torch.float64)
