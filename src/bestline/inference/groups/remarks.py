"""Remarks: what to know of a group's line, in a few words; of most nothing."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from bestline.errors import listed, readable
from bestline.inference.groups.lines import GroupLines
from bestline.numerics.digits import MOST
from bestline.wording import count


def remarks(lines: GroupLines, digits: int) -> tuple[str, ...]:
    """What to know of each group, in a few words; for most nothing."""
    remarks = [""] * len(lines)
    d, design = len(lines.terms), lines.design
    constant = ~lines.whole.varies[:, : design.p]
    undetermined = lines.weights.isnan().any(2)
    certain = lines.digits.nan_to_num(MOST).amin((1, 2)) if d else torch.full((len(remarks),), float(MOST))
    uncertain = (lines.error_digits < 1).any(1) & (lines.df > 0)
    few = uncertain if lines.l2 else (certain < digits) | uncertain
    odd = undetermined.any(1) | (lines.df <= 0) | few
    for g in torch.nonzero(odd)[:, 0].tolist():
        rows, said = int(lines.whole.count[g]), []
        names = [name for name, flat in zip(design.names, constant[g].tolist(), strict=True) if flat]
        if not bool(lines.whole.scatter[g].isfinite().all()):
            said.append("numbers too large for float64's squares")
        elif int(lines.df[g]) < 0:
            said.append(f"{count(rows, 'row')} for {d} weights")
        elif design.intercept and names:
            said.append(f"{_few(names)} {'does' if len(names) == 1 else 'do'} not vary")
        if int(lines.df[g]) == 0:
            said.append(f"{count(rows, 'row')} for {count(int(lines.rank[g]), 'weight')}: no error can be told")
        lost = [n for n, gone in zip(lines.terms, undetermined[g].tolist(), strict=True) if gone and n not in names]
        if lost and int(lines.df[g]) >= 0 and not said:
            said.append(f"{_few(lost)}: not determined, the columns are collinear")
        if not lines.l2 and not said and float(certain[g]) < digits:
            said.append(f"{int(certain[g])} right digits")
        if not said and bool(uncertain[g]):
            said.append("no right digit of the residual spread: the residuals are no larger than rounding")
        remarks[g] = "; ".join(said)
    return tuple(remarks)


def _few(names: Sequence[str]) -> str:
    return listed(names) if len(names) <= 3 else f"{readable(names[0])} and {len(names) - 1:,} more"
