"""Torch module: the line as an `nn.Linear` in float64, all scaling folded in; an own module with its weights trained."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn

from bestline.errors import OptionError
from bestline.inference.fitted import FittedLine
from bestline.inference.why_not import refuse_absorbed


def to_torch(line: FittedLine) -> nn.Module:
    """A module of X (n, p) in the data's units -> predictions (n, k).

    Raises OptionError for an own forward function, which is no module.
    """
    refuse_absorbed(line, "An nn.Linear has no place for effects")
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
    return linear
