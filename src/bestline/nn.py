"""Modules for people's own torch loops. `MomentLoss` is the mean squared error of a whole table, at a price without its rows."""

from __future__ import annotations

from torch import Tensor, nn

from bestline.calls import answering_module, with_hints
from bestline.data.moments import Moments
from bestline.errors import OptionError, ShapeError
from bestline.numerics import Comoments, Scaling, total, trained_moments

__all__ = ["MomentLoss"]

__getattr__ = answering_module(
    "bestline.nn",
    __all__,
    {"Linear Module Sequential Parameter MSELoss L1Loss HuberLoss ReLU": "layers and losses are torch's: torch.nn has it"},
)


@with_hints
class MomentLoss(nn.Module):
    """Mean squared error of a line on all rows behind some moments, as a function of its weight and bias.

        loss = MomentLoss(moments)
        value = loss(linear.weight, linear.bias)      # what MSELoss(linear(X), y) gives, for any number of rows

    The value is differentiable, in float64, in the data's units. With k targets it is the mean over them too, as MSELoss is.

    Parameters
    ----------
    moments : Moments
        From `Moments.collect`.
    """

    covariance: Tensor
    mean: Tensor

    def __init__(self, moments: Moments) -> None:
        super().__init__()
        if not isinstance(moments, Moments):
            raise OptionError(
                f"`MomentLoss` is made from moments, bestline.Moments.collect(...); got {type(moments).__name__}."
            )
        self.p = moments.design.p
        # Fold by fold or all together is the same loss: moments add up.
        statistic: Comoments = total(moments.folds, moments.folds[0].q)
        raw = Scaling.of(statistic, self.p, intercept=True, standardize=False)
        mean, covariance = trained_moments(statistic, raw)
        self.register_buffer("mean", mean)
        self.register_buffer("covariance", covariance)

    def forward(self, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """The loss at weight (k, p) and bias (k,), shaped as in `nn.Linear`."""
        k = len(self.mean) - self.p
        for given in (weight, bias):
            if not isinstance(given, Tensor | None):
                raise ShapeError(f"`MomentLoss` is called with linear.weight and linear.bias; got {type(given).__name__}.")
        if weight.shape != (k, self.p) or (bias is not None and bias.shape != (k,)):
            raise ShapeError(f"`MomentLoss` of {self.p} features and {k} targets needs weight ({k}, {self.p}) and bias ({k},).")
        # Prediction less target is linear in the columns (x, y): its mean square is r' C r + (r' m + b)^2, r = (w, -1).
        # Of C no product of two targets is needed, and of very many targets there is none.
        w, p = weight.to(self.mean), self.p
        inner, own, across = self.covariance[:p, :p], self.covariance.diagonal()[p:], self.covariance[p:, :p]
        offset = w @ self.mean[:p] - self.mean[p:] + (0 if bias is None else bias.to(self.mean))
        return (((w @ inner - across) * w).sum(1) + own - (w * across).sum(1) + offset**2).mean()
