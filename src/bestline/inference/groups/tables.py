"""Tables: the lines of groups as frames, one row a weight or one row a group, and the test whether all of them are one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bestline.calls import no_such
from bestline.data.design.weight_kinds import PROBABILITY
from bestline.errors import NumericalError, OptionError, readable
from bestline.inference.classical import NAN, check_level, judged
from bestline.inference.groups.lines import GroupLines
from bestline.inference.groups.pooling import pooled
from bestline.inference.hypotheses import Verdict, verdict
from bestline.inference.uncertainty import target_number
from bestline.numerics import Bowl, Scaling
from bestline.numerics.grouped import GroupComoments
from bestline.wording import count

if TYPE_CHECKING:
    from pandas import DataFrame

_OF_WEIGHTS = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")
_OF_LINES = ("n", "r2", "r2_about_zero", "sigma", "held_out_rmse", "digits", "note")
_TAKEN = frozenset(("target", "term", "coef", "conf_int", *_OF_WEIGHTS, *_OF_LINES))


def refuse_taken(by: Sequence[str]) -> None:
    """Raise OptionError for a groups' column that would lose its place in the tables to one of theirs."""
    for name in by:
        if name in _TAKEN:
            raise OptionError(
                f"The tables of the lines have a column {readable(name)} of their own; give the one in `by` another name."
            )


def tidy(lines: GroupLines, level: float = 0.95, *, pooling: str | None = None) -> DataFrame:
    """One row a group and weight: the groups' columns, term, estimate, std_error, statistic, p_value, conf_low, conf_high.

    With `pooling="partial"` the lines shrunk towards their common line; their errors are those given that line, and normal.
    """
    import pandas as pd

    check_level(level)
    if pooling not in (None, "partial"):
        raise no_such("pooling", pooling, ("partial",))
    terms, k = lines.terms, len(lines.design.targets)
    frames = []
    for target, name in enumerate(lines.design.targets):
        estimate, error, df = (
            lines.weights[:, :, target],
            lines.std_error[:, target],
            lines.df if lines.error_df is None else lines.error_df,
        )
        if pooling is not None:
            found = pooled(lines, target)
            estimate, error, df = found.weights, found.std_error, torch.full_like(lines.df, 2**40)
        columns = {
            **({"target": name} if k > 1 else {}),
            "term": np.tile(np.array(terms, dtype=object), len(lines)),
            **{
                name: column.flatten().numpy()
                for name, column in zip(_OF_WEIGHTS, judged(estimate, error, df, level), strict=True)
            },
        }
        frames.append(pd.DataFrame({**_labels(lines, len(terms)), **columns}))
    return pd.concat(frames, ignore_index=True) if k > 1 else frames[0]


def glance(lines: GroupLines) -> DataFrame:
    """One row a group: the groups' columns, n, r2 (r2_about_zero without an intercept), sigma, held_out_rmse, digits, note."""
    import pandas as pd

    k, digits = len(lines.design.targets), lines.digits.nan_to_num(torch.inf)
    r2 = "r2" if lines.design.intercept else "r2_about_zero"
    frames = []
    for target, name in enumerate(lines.design.targets):
        least = digits[:, :, target].amin(1) if len(lines.terms) else digits.new_full((len(digits),), torch.inf)
        columns = {
            **({"target": name} if k > 1 else {}),
            "n": lines.whole.count.numpy(),
            r2: lines.r2[:, target].numpy(),
            "sigma": lines.observation_sd[:, target].numpy(),
            "held_out_rmse": lines.held_out[:, target].numpy(),
            "digits": torch.where(least.isfinite() & (lines.l2 == 0), least.floor(), NAN).numpy(),
            "note": np.array(lines.remarks, dtype=object),
        }
        frames.append(pd.DataFrame({**_labels(lines, 1), **columns}))
    return pd.concat(frames, ignore_index=True) if k > 1 else frames[0]


def _labels(lines: GroupLines, times: int) -> dict[str, Any]:
    """The columns that tell the groups, each value `times` over."""
    return {name: np.repeat(values, times) for name, values in lines.labels.items()}


def common_line(lines: GroupLines, target: int = 0) -> list[float]:
    """The weights of one line for the rows of all groups, (d,)."""
    return [float(w) for w in _common(lines, lines.whole)[:, target]]


def _common(lines: GroupLines, groups: GroupComoments) -> Tensor:
    """The weights of one line for the rows of some groups, (d, k)."""
    total = GroupComoments.merged([groups], torch.zeros(len(groups), dtype=torch.long), 1).one(0)
    scaling = Scaling.of(total, lines.design.p, intercept=lines.design.intercept, standardize=True)
    return scaling.to_data(Bowl.of(total, scaling).bottom)


def _squares_between(lines: GroupLines, used: Tensor, target: int) -> float:
    """By how much the sum of squared residuals of one line is above that of a line for each of the groups `used`.

    It is that of the differences between their predictions, sum (x'(w_g - w))^2: nothing cancels, as it does between two large sums.
    """
    p, own = lines.design.p, lines.whole[torch.nonzero(used)[:, 0]]
    away = lines.weights[used, :, target] - _common(lines, own)[:, target]
    slopes = away[:, :p, None]
    at_mean = (own.mean[:, :p, None] * slopes).sum(1)[:, 0] + away[:, p:].sum(1)  # the intercept, where there is one
    return float((slopes.mT @ own.scatter[:, :p, :p] @ slopes).sum() + (own.weight * at_mean**2).sum())


def one_line(lines: GroupLines, target: int | str = 0) -> Verdict:
    """Are all lines one? The F test of one line for all rows against a line for each group (Chow 1960).

    Groups that do not determine all their weights are left out on both sides. Raises NumericalError where there are fewer than two
    others, under a penalty, or with probability weights, and OptionError for a target that is not there.
    """
    target = target_number(lines, target)
    if lines.l2:
        raise NumericalError("There is no F test under a penalty: classical errors do not hold there.")
    if lines.design.weight_kind == PROBABILITY:
        raise NumericalError(
            "The test compares sums of squares, and under probability weights these tell no chances; fit one line with the groups as a "
            "category in interactions, with cov='HC1', and test those: model.wald(...)."
        )
    used = lines.weights.isfinite().all((1, 2)) & (lines.df >= 0)
    if int(used.sum()) < 2:
        raise NumericalError("The test needs two groups or more that determine all their weights.")
    own = lines.whole[torch.nonzero(used)[:, 0]]
    apart, df = float(lines.rss[used, target].sum()), int(lines.df[used].sum())
    more = (len(own) - 1) * len(lines.terms)
    F = _squares_between(lines, used, target) / more / (apart / df) if df > 0 and apart > 0 else NAN
    left = len(lines) - len(own)
    alike = ", with errors of equal variance" if lines.cov else ""  # the test is that of sums of squares
    out = f"; {count(left, 'group')} without a line of {'its' if left == 1 else 'their'} own left out" if left else ""
    about = f"Chow's test: one line against {len(own):,} lines{alike}{out}"
    return verdict("all lines are one", F, more, df, about=about)
