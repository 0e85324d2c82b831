"""TODO docstring."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from bestline.training.row_losses import Forward


def functional(module: nn.Module) -> Forward:
    """(X, weights (d, 1)) -> the module's predictions with these parameters; the module itself is left as it is."""
    module = deepcopy(module).double().eval()
    shapes = [(name, value.shape, value.numel()) for name, value in module.named_parameters()]

    def forward(X: Tensor, weights: Tensor) -> Tensor:
        pieces = weights[:, 0].split([size for _, _, size in shapes])
        parameters = {name: piece.reshape(shape) for (name, shape, _), piece in zip(shapes, pieces, strict=True)}
        prediction: Tensor = torch.func.functional_call(module, parameters, (X,))
        return prediction.reshape(len(X), -1)

    return forward


def element_names(name: str, value: Tensor) -> list[str]:
    if value.ndim == 0:
        return [name]
    return [
        f"{name}[{','.join(map(str, index))}]"
        for index in torch.cartesian_prod(*(torch.arange(s) for s in value.shape)).reshape(-1, value.ndim).tolist()
    ]
