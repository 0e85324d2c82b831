"""Kinds of weights: what a weight says of its row, as Stata tells them apart.

    analytic       the row is a mean of w observations: its variance is sigma^2 / w                      n rows   aweight
    frequency      the row stands for w equal rows; w is whole                                        n = sum w   fweight
    probability    the row was drawn with probability 1 / w: it represents w units of the population      n rows   pweight

The weights are the same for all of them; what differs is how many rows there are, and how sure one can be of the weights of the line.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bestline.calls import no_such, one_of
from bestline.data.tables import Batch
from bestline.errors import ColumnError, OptionError, readable

ANALYTIC, FREQUENCY, PROBABILITY = KINDS = ("analytic", "frequency", "probability")
_OTHERWISE = {
    **dict.fromkeys(("aweight", "aweights", "aw", "var_weights", "precision", "reliability"), ANALYTIC),
    **dict.fromkeys(("fweight", "fweights", "fw", "freq_weights", "freq"), FREQUENCY),
    **dict.fromkeys(("pweight", "pweights", "pw", "sampling", "survey"), PROBABILITY),
}


def checked_kind(kind: object, weights: object) -> str:
    """A kind of weights, by its own name or Stata's; raises OptionError for others, and for a kind of weights that are not there."""
    if isinstance(kind, str):
        kind = _OTHERWISE.get(kind.casefold(), kind.casefold())
    if not one_of(kind, KINDS):
        raise no_such("kind of weights", kind, KINDS)
    if kind != ANALYTIC and weights is None:
        raise OptionError(f"`weight_kind={kind!r}` says what weights mean, and there are none; name their column by `weights`.")
    return str(kind)


def refuse_classical(kind: str) -> None:
    """Raise OptionError where standard errors that take weights for precisions do not hold."""
    if kind == PROBABILITY:
        raise OptionError(
            "Classical standard errors take the weights for precisions, and these are probability weights; take 'HC1', as Stata's "
            "pweights do, or fit with weight_kind='analytic'."
        )


def refuse_weights(w: Tensor, column: str, kind: str, batch: Batch) -> None:
    """Raise ColumnError for weights (n,) that cannot be ones of this kind; NaN, which is a missing weight, may."""
    wrong, rule = (w < 0) | torch.isinf(w), "weights must be finite and not negative"
    if kind == FREQUENCY and not bool(wrong.any()):
        wrong = (w != w.round()) & ~w.isnan()
        rule = "frequency weights count rows, and must be whole numbers; others are weight_kind='analytic' or 'probability'"
    if bool(wrong.any()):
        i = int(torch.nonzero(wrong)[0])
        raise ColumnError(f"The weight in column {readable(column)} at {batch.where(i)} is {float(w[i]):g}; {rule}.")
