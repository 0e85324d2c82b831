"""By group: the line of each group of the rows, judged by the folds within it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from bestline.data.design import Design, Key
from bestline.data.grouped import Grouped
from bestline.data.progress import Progress
from bestline.data.tables import Source
from bestline.inference.classical import NAN
from bestline.inference.covariance.base import Classical, CovarianceKind
from bestline.inference.groups.exactly import groups_exactly
from bestline.inference.groups.labels import typed
from bestline.inference.groups.lines import GroupLines, of_solution, off, one_by_one, squares, told, without_lost
from bestline.inference.groups.remarks import remarks
from bestline.inference.groups.robust import robust
from bestline.numerics.grouped import GroupComoments
from bestline.training.groups import solve_groups
from bestline.training.plan import refuse_sizes
from bestline.wording import natural


def lines_of_groups(
    design: Design,
    by: tuple[str, ...],
    found: Grouped,
    source: Source,
    *,
    l2: float,
    digits: int,
    kind: CovarianceKind,
    progress: Progress | None,
) -> tuple[GroupLines, tuple[Key, ...]]:
    """The line of each group that has rows, in the order of its key, and those keys."""
    p, folds = design.p, found.folds
    G = len(found.keys)
    whole = found.moments if folds == 1 else GroupComoments.merged([found.moments], torch.arange(G * folds) // folds, G)
    order = torch.tensor(
        [g for g in sorted(range(G), key=lambda g: natural(found.keys[g])) if int(whole.count[g])], dtype=torch.long
    )
    parts = found.moments[(order[:, None] * folds + torch.arange(folds)).flatten()]
    whole, keys = whole[order], tuple(found.keys[g] for g in order.tolist())
    if keys:
        refuse_sizes(design.targets, torch.maximum(-whole.low, whole.high)[:, p:].amax(0))
    solution = solve_groups(whole, p, intercept=design.intercept, l2=l2)
    labels = {name: typed([key[i] for key in keys], source.field(name).kind) for i, name in enumerate(by)}
    lines = of_solution(design, labels, whole, solution, l2)
    lines = replace(lines, held_out=_held_out(parts, folds, p, intercept=design.intercept, l2=l2))
    if not l2:
        lines = groups_exactly(one_by_one(lines, solution.firm), keys, by, source, digits, progress)
    lines = without_lost(replace(lines, remarks=remarks(lines, digits)))
    return lines if isinstance(kind, Classical) or not keys else robust(lines, keys, by, source, kind, progress), keys


def _held_out(parts: GroupComoments, folds: int, p: int, *, intercept: bool, l2: float) -> Tensor:
    """Root mean squared error out of fold, (G, k): each fold predicted by the line of the group's other folds."""
    G, k = len(parts) // folds, parts.mean.shape[1] - p
    group, fold = torch.arange(G * folds) // folds, torch.arange(G * folds) % folds
    total, known = torch.zeros(G, k, dtype=torch.float64), torch.zeros(G, dtype=torch.long)
    lost = torch.zeros_like(total)
    lacking = torch.zeros(G, dtype=torch.bool)
    for f in range(folds if folds > 1 else 0):
        rest, own = GroupComoments.merged([parts], torch.where(fold == f, -1, group), G), parts[fold == f]
        line = solve_groups(rest, p, intercept=intercept, l2=l2)
        there = own.count > 0
        # A column without a weight in the other folds says nothing wrong only where it is what it was there.
        strange = (line.size == 0) & ((own.low[:, :p] != rest.low[:, :p]) | (own.high[:, :p] != rest.high[:, :p]))
        lacking |= there & (strange.any(1) | ~line.firm | (rest.count <= (line.size > 0).sum(1)))
        total += torch.where(there[:, None], squares(own, line.slopes, line.intercept), 0.0)
        lost += torch.where(there[:, None], off(own, rest, line.slopes, line.core, intercept=intercept), 0.0)
        known += there
    weight = parts.weight.view(G, folds).sum(1)
    return torch.where((known > 1) & ~lacking, (told(total, lost) / weight[:, None]).sqrt().mT, NAN).mT
