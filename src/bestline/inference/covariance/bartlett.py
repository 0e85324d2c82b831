"""Neighbours in time: a sum over pairs of rows whose weight falls with their distance, so that the covariance cannot be negative.

    sum over t of s_t s_t' + sum over l = 1..L of (1 - l / (L + 1)) sum over t of (s_t s_(t-l)' + s_(t-l) s_t')

Newey & West (1987), with Bartlett's weights. L is given, or follows from the number of rows or periods by a rule.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from bestline.calls import is_whole
from bestline.errors import OptionError
from bestline.wording import count

# Newey & West (1994), as statsmodels and Stata's xtscc have it; Stock & Watson (2019, 16.4), as textbooks have it.
RULES = {
    "newey-west": lambda n: math.floor(4 * (n / 100) ** (2 / 9)),
    "stock-watson": lambda n: math.floor(0.75 * n ** (1 / 3)),
}


_FEW_TIMES = 4  # times the lags, below which rows are few for them


def checked_lags(lags: Any) -> int | str:
    """A number of lags, or the rule that gives it; raises OptionError for anything else."""
    if lags is None or lags == "auto":
        return "newey-west"
    if isinstance(lags, str) and lags.strip().isdecimal():
        return int(lags)
    if is_whole(lags) and lags >= 0:
        return int(lags)
    if isinstance(lags, str) and lags.lower() in RULES:
        return lags.lower()
    raise OptionError(f"`lags` is a whole number from 0, or a rule: {', '.join(map(repr, RULES))}; got {lags!r}.")


def options_of(lags: int | str) -> dict[str, Any]:
    """The lags as an option of a covariance; nothing where they follow from the usual rule."""
    return {} if lags == "newey-west" else {"lags": lags}


def in_words(lags: int | str) -> str:
    """The lags as a covariance's title goes on; nothing where they are not counted yet."""
    return f", {count(lags, 'lag')}" if isinstance(lags, int) else ""


def lags_for(lags: int | str, number: int, of: str = "row") -> int:
    """The number of lags for so many rows or times; never as many as there are. Raises OptionError for a number that is."""
    if isinstance(lags, str):
        return max(0, min(RULES[lags](number), number - 1))
    if lags >= max(number, 1):
        raise OptionError(
            f"`lags` are fewer than there are rows in order: of {count(number, of)} {number - 1} at most; got {lags}."
        )
    return lags


def of_many(lags: int, number: int, of: str = "row") -> tuple[str, ...]:
    """What is to be said of lags that reach over a large share of the rows: the sum of all pairs is 0, and that of nearly all is near it."""
    if lags * _FEW_TIMES <= number:
        return ()
    return (f"{count(lags, 'lag')} of {count(number, of)} are many: standard errors come out too small as a rule.",)


def summed(scores: Tensor, lags: int) -> Tensor:
    """The sum over pairs at most `lags` apart, of scores (n, k, r) in order, (k, r, r)."""
    flat = scores.transpose(0, 1)  # (k, n, r)
    found = flat.transpose(1, 2) @ flat
    for lag in range(1, min(lags, len(scores) - 1) + 1):
        pairs = (1 - lag / (lags + 1)) * (flat[:, lag:].transpose(1, 2) @ flat[:, :-lag])
        found = found + pairs + pairs.transpose(1, 2)
    return found


def across(before: Tensor, after: Tensor, lags: int) -> Tensor:
    """The same over pairs of which one row is among the last ones `before` and the other among the first ones `after`."""
    apart = torch.arange(len(after))[:, None] + torch.arange(len(before), 0, -1)
    weight = (1 - apart.double() / (lags + 1)).clamp(min=0)  # whole numbers over one another are float32 in torch
    pairs = torch.einsum("jkr,ji,iks->krs", after, weight, before)
    return pairs + pairs.transpose(1, 2)
