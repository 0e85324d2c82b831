"""Update: one step of an optimiser in the numbers of its rule, so that the arithmetic can be followed by hand.

    sgd       w <- w - lr g
    momentum  v <- m v + g                    w <- w - lr v                Nesterov: w <- w - lr (g + m v)
    adam      a <- b1 a + (1 - b1) g          w <- w - lr (a / (1 - b1^t)) / (root(s / (1 - b2^t)) + eps)
              s <- b2 s + (1 - b2) g^2        AdamW shrinks w by the factor 1 - lr decay before
    rmsprop   s <- alpha s + (1 - alpha) g^2  w <- w - lr g / (root(s) + eps)
    adagrad   s <- s + g^2                    w <- w - lr g / (root(s) + eps)

as torch.optim has them; g is the gradient of the rows that the update looks at, and t its number, from 1 on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import Parameter
from torch.optim import Optimizer

from bestline.numerics import Weights

# What each remembers of the gradients before, as torch calls it, and the settings under which the rule above is not the whole of it.
_MEMORY: dict[type[Optimizer], tuple[str, ...]] = {
    torch.optim.SGD: ("momentum_buffer",),
    torch.optim.Adam: ("exp_avg", "exp_avg_sq"),
    torch.optim.AdamW: ("exp_avg", "exp_avg_sq"),
    torch.optim.RMSprop: ("square_avg",),
    torch.optim.Adagrad: ("sum",),
}
# How many numbers each rule remembers of a weight.
REMEMBERED = {"sgd": 0, "momentum": 1, "nesterov": 1, "adam": 2, "adamw": 2, "rmsprop": 1, "adagrad": 1}
_OFF = ("dampening", "maximize", "amsgrad", "centered", "lr_decay")


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """The update from step `index` to the next, on the columns as trained.

    Attributes
    ----------
    index : int
    rate : float
        Learning rate.
    before, after : Tensor (d, k)
        The weights that it leaves, and those that it comes to.
    gradient : Tensor (d, k)
        Of the rows that it looks at, the penalty's with it.
    memory : tuple of Tensor (d, k)
        What the optimiser remembers before it: nothing, the velocity, mean and mean square, or squares.
    """

    index: int
    rate: float
    before: Weights
    gradient: Weights
    memory: tuple[Weights, ...]
    after: Weights


@dataclass(frozen=True, slots=True, eq=False)
class Retraced:
    """Some updates of a run.

    Attributes
    ----------
    rule : mapping
        `optimizer`, one of the names above, and the numbers that its rule holds.
    rows : int or None
        How many rows an update looks at; None: all.
    updates : list of Update
    """

    rule: Mapping[str, Any]
    rows: int | None
    updates: list[Update]


def rule_of(optimizer: Optimizer) -> dict[str, Any] | None:
    """The rule of an optimiser and its numbers; None where it is none of those above, or is more than that."""
    kind, [group, *more] = type(optimizer), optimizer.param_groups
    momentum, decay = group.get("momentum", 0), group.get("weight_decay", 0)
    if kind not in _MEMORY or more or any(group.get(name) for name in _OFF):
        return None
    if (decay and kind is not torch.optim.AdamW) or (momentum and kind is not torch.optim.SGD):
        return None
    if kind is torch.optim.SGD:
        return {"optimizer": "nesterov" if group["nesterov"] else "momentum" if momentum else "sgd", "momentum": momentum}
    if kind in (torch.optim.Adam, torch.optim.AdamW):
        (b1, b2), eps = group["betas"], group["eps"]
        return {"optimizer": "adamw" if decay else "adam", "b1": b1, "b2": b2, "eps": eps, "decay": decay}
    if kind is torch.optim.RMSprop:
        return {"optimizer": "rmsprop", "alpha": group["alpha"], "eps": group["eps"]}
    return {"optimizer": "adagrad", "eps": group["eps"]}


def memory_of(optimizer: Optimizer, parameter: Parameter) -> tuple[Weights, ...]:
    """Copies of what an optimiser with a rule remembers now, each as the weights; zeros before its first update."""
    if type(optimizer) is torch.optim.SGD and not optimizer.param_groups[0]["momentum"]:
        return ()
    state, nothing = optimizer.state.get(parameter, {}), torch.zeros_like(parameter.detach())
    found = (state.get(name) for name in _MEMORY[type(optimizer)])
    return tuple(nothing if one is None else one.detach().clone() for one in found)
