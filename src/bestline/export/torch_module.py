"""Torch module: the line as an `nn.Linear` in float64, all scaling folded in; an own module with its weights trained."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from bestline.data.design.inverse import Inverse
from bestline.errors import OptionError
from bestline.inference.fitted import FittedLine
from bestline.inference.own_units import turned_back
from bestline.inference.why_not import refuse_absorbed


class TurnedBack(nn.Module):
    """What a line fits (n, k) in units of the targets' own columns, as `predict` gives it; it has no parameters."""

    def __init__(self, inverses: Sequence[Inverse | None]) -> None:
        super().__init__()
        self.inverses = tuple(inverses)

    def forward(self, fitted: Tensor) -> Tensor:
        """Predictions (n, k)."""
        return turned_back(self.inverses, fitted)

    def extra_repr(self) -> str:
        """What is done, in words."""
        return ", ".join("fitted" if back is None else f"{back.column} = {back.said}" for back in self.inverses)


def to_torch(line: FittedLine) -> nn.Module:
    """A module of X (n, p) in the data's units -> predictions (n, k).

    Of a target such as `log(y)` the `nn.Linear` is followed by a module that turns what it gives back into y.

    Raises OptionError for an own forward function, which is no module, and for a line with an offset.
    """
    refuse_absorbed(line, "An nn.Linear has no place for effects")
    if line.design.offsets:
        raise OptionError(
            f"A module of the columns knows nothing of offset({line.design.offsets[0].text}), which is added to its predictions; take to_onnx, or "
            f"fit I(y - z) without one."
        )
    module = line.own_module
    if module is not None:
        module = deepcopy(module)
        nn.utils.vector_to_parameters(line.weights[:, 0].to(next(module.parameters()).dtype), module.parameters())
        return module
    if line.plan.forward is not None:
        raise OptionError("An own forward function is not an nn.Linear; give an nn.Module to `forward` to get it back trained.")
    # float64, as everything here: float32 would round weights whose digits are claimed. No weights are drawn that are then put
    # aside: that would move torch's random stream, which is the caller's.
    linear = nn.utils.skip_init(
        nn.Linear, line.design.p, len(line.targets), bias=line.design.intercept, dtype=torch.float64, device="cpu"
    )
    with torch.no_grad():
        linear.weight.copy_(line.weights[: line.design.p].T)
        if line.design.intercept:
            linear.bias.copy_(line.weights[-1])
    return nn.Sequential(linear, TurnedBack(line.inverses)) if any(line.inverses) else linear
