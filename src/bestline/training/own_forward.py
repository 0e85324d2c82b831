"""Own forward: how predictions follow from weights. A line by default; or a module or a function of the user's.

    prediction = forward(X, weights)        X (n, p), weights (d, k) -> (n, k)

A module's parameters become one column of weights, so that every solver, trace and picture treats them as it treats a line's.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from itertools import product
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from bestline.errors import OptionError, ShapeError
from bestline.numerics import Weights
from bestline.training.losses.own import called
from bestline.training.objective import Forward, LineForward

UserForward: TypeAlias = nn.Module | Callable[..., Tensor]

# Layers that do something else in training than in prediction: they drop what they are given, or look at its batch.
_TWO_FACED = (
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
)


def check_module(module: nn.Module, *, targets: int, penalised: bool) -> None:
    """Raise OptionError for a module, or a way to train it, that has no meaning here."""
    if not any(parameter.numel() for parameter in module.parameters()):
        raise OptionError(f"The module {type(module).__name__} has no parameters, so there is nothing to train.")
    if penalised:
        raise OptionError("Penalties are for the slopes of a line; give an own module's optimiser a weight_decay instead.")
    if targets != 1:
        raise OptionError(f"An own module is trained on one target; got {targets}. Fit them one by one.")
    # The trace tells one loss for each step, so a prediction must be a function of weights and row alone.
    odd = [type(layer).__name__ for layer in module.modules() if isinstance(layer, _TWO_FACED)]
    if odd:
        raise OptionError(
            f"{odd[0]} behaves differently in training and prediction, so no loss would be that of the line; leave it out."
        )


def forward_of(given: UserForward | None, *, intercept: bool) -> Forward:
    """(X, weights) -> predictions, for what `fit(forward=...)` was given; None is the line."""
    if given is None:
        return LineForward(intercept)
    if isinstance(given, nn.Module):
        return functional(given)
    # A user's function is given slopes and intercepts apart, as it is written; solvers see them as one matrix.
    if intercept:
        return lambda X, weights: _tensor(called("forward", given, X, weights[:-1], weights[-1]))
    return lambda X, weights: _tensor(called("forward", given, X, weights))


def functional(module: nn.Module) -> Forward:
    """(X, weights (d, 1)) -> the module's predictions with these parameters; the module itself is left as it is."""
    # A copy in float64, since its parameters' values are given anew at every call; only its structure is used.
    module = deepcopy(module).double().eval()
    shapes = [(name, value.shape, value.numel()) for name, value in module.named_parameters()]

    def forward(X: Tensor, weights: Tensor) -> Tensor:
        pieces = weights[:, 0].split([size for _, _, size in shapes])
        parameters = {name: piece.reshape(shape) for (name, shape, _), piece in zip(shapes, pieces, strict=True)}
        prediction = called("forward", lambda X: torch.func.functional_call(module, parameters, (X,)), X)
        if not isinstance(prediction, Tensor) or len(prediction) != len(X):
            raise ShapeError(
                f"The module must return one prediction for each of the {len(X)} rows; it gave {_given(prediction)}."
            )
        return prediction.reshape(len(X), -1)

    return forward


def _tensor(value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        raise OptionError(
            f"The forward function must return a tensor that torch can differentiate; it returned {_given(value)}."
        )
    return value


def _given(value: object) -> str:
    return f"the shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"


def parameters_of(module: nn.Module) -> Weights:
    """The module's own parameters as weights (d, 1): where its training starts."""
    return torch.cat([p.detach().flatten() for p in module.parameters()]).to(torch.float64)[:, None]


def parameter_names(module: nn.Module) -> tuple[str, ...]:
    """A name for every number among the module's parameters, (d,), such as `linear.weight[0,1]`."""
    return tuple(n for name, value in module.named_parameters() for n in _element_names(name, value))


def _element_names(name: str, value: Tensor) -> list[str]:
    """Names of one parameter's numbers, in the order in which it is flattened."""
    each = product(*map(range, value.shape))
    return [f"{name}[{','.join(map(str, index))}]" for index in each] if value.ndim else [name]
