"""Prepare: from what was gathered to a plan, and the rows by their roles, so that training can begin.

The plan's penalty is the one that predicts unseen rows best, where `cv` asks for that, or where rows are few.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from bestline.data.collected import read_again
from bestline.data.design import Design
from bestline.data.gather import Gathered, collected
from bestline.data.moments import Moments
from bestline.data.split import three_shares
from bestline.data.unknown_levels import ByKnown, unknown_levels
from bestline.errors import DataError, OptionError
from bestline.numerics import Comoments, Rows, total
from bestline.training.cross_validation import Selection, select
from bestline.training.loop import Watch
from bestline.training.outcome import Fit
from bestline.training.plan import Plan, check_rows
from bestline.training.request import KEPT_BYTES, Request
from bestline.training.solvers.proximal import Proximal
from bestline.training.task import Part, Parts
from bestline.training.too_wide import refuse_few_rows
from bestline.wording import percent

_PENALISED = 30  # rows a column below which a penalty is tried when the user has asked for nothing in particular


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """All that training needs.

    Attributes
    ----------
    plan : Plan
    parts : Parts
        The rows by their roles.
    moments : Moments
        Of the training rows: fold by fold, or all together where `gathered.later` gives the folds.
    gathered : Gathered
    choice : Selection or None
        All penalties that cross-validation tried.
    notes : tuple of str
        What people should know so far.
    """

    plan: Plan
    parts: Parts
    moments: Moments
    gathered: Gathered
    choice: Selection | None
    notes: tuple[str, ...]

    @property
    def later(self) -> Callable[[], Moments] | None:
        """Gives the moments of the folds, where `moments` are of all rows together."""
        return None if self.gathered.later is None else partial(_folded, self.gathered)  # no closure: it can be pickled

    def train(self, watch: Watch | None = None) -> Fit:
        """Carry the plan out."""
        return self.plan.run(self.parts.training, self.parts.held_out, watch)


def prepare(request: Request, gathered: Gathered) -> Prepared:
    """The plan for these rows, with the penalty that cross-validation chooses where that was asked for.

    Raises DataError where the rows allow no fit, and OptionError where they do not allow what was asked.
    """
    gathered = _holding_known(request, gathered)
    design = gathered.design
    plan = request.plan(design, gathered.rows)
    parts, notes = _parts(request, gathered)
    training = parts.training.moments
    check_rows(training, plan, design)
    choice = None
    # Refused before the folds are gathered: that is where the time would go.
    if request.cv:
        refuse_few_rows(training.count, design.p)
    if request.cv or (request.free and gathered.tabular and crowded(training, design)):
        gathered = gathered.folded()
        folds = _of_training(gathered).folds
        known, said = _known(gathered, folds)
        plan, choice, words = with_penalty(plan, folds, training, design, request.cv, known)
        notes += [*words, *(said if choice is not None else ())]
    return Prepared(plan, parts, _of_training(gathered), gathered, choice, (*gathered.notes, *notes))


def crowded(statistic: Comoments, design: Design) -> bool:
    """Whether there are so few rows for the columns that a penalty is tried unasked."""
    return 0 < statistic.count < _PENALISED * design.p


def with_penalty(
    plan: Plan,
    folds: Sequence[Comoments],
    statistic: Comoments,
    design: Design,
    kind: str | None,
    known: Sequence[Comoments] | None = None,
) -> tuple[Plan, Selection | None, list[str]]:
    """The plan with the penalty that cross-validation prefers, and all penalties that were tried.

    Unasked, without a kind, that is ridge: only where there are few rows for the columns, and only if the gain is more than its
    own standard error. Errors are looked at in the rows of each fold that the others know, if `known` gives them.
    """
    # Chosen for the user, categories are penalised as they stand, 0 or 1: scaling a rare level up would shield it from shrinking.
    unscaled = () if kind else design.indicators
    choice = select(
        kind or "ridge",
        folds,
        design.p,
        intercept=design.intercept,
        standardize=plan.standardize,
        unscaled=unscaled,
        factors=None if plan.factors is None else torch.tensor(plan.factors, dtype=torch.float64),
        names=design.names,
        targets=design.targets,
        judged=known,
    )
    if choice is None:
        return plan, None, ["Cross-validation needs rows in two folds at least; there is no penalty."] if kind else []
    # The last of a series is no penalty at all: what the others are measured against.
    best, plain = choice.best, float(choice.error[-1])
    l1, l2 = float(choice.l1[best]), float(choice.l2[best])
    if kind and not l1 and not l2:
        words = [f"{len(folds)}-fold cross-validation prefers no penalty: this is least squares."]
        return replace(plan, l2=0.0), choice, words
    # Unasked, a penalty must earn its place: a gain within its own standard error, or below half a percent, is none.
    if not kind and choice.gain * plain <= max(float(choice.difference[best]), 0.005 * plain):
        return plan, None, []
    named = {"ridge": f"ridge penalty l2={l2:.3g}", "lasso": f"lasso penalty l1={l1:.3g}"}
    what = named.get(choice.kind, f"penalty l1={l1:.3g}, l2={l2:.3g}")
    kept = f" and keeps {int(choice.nonzero[best])} of {design.p} columns" if l1 else ""
    remark = f"A {what} was chosen by {len(folds)}-fold cross-validation: it lowers the out-of-fold error by {percent(choice.gain)}{kept}."
    if not kind:
        remark += (
            f" {statistic.count:,} rows are few for {design.p} columns, and least squares overfits; ask for solver='exact' "
            f"(--solver exact) or give a formula to have least squares all the same."
        )
    solver = Proximal() if l1 else plan.solver
    return replace(plan, l1=l1, l2=l2, unscaled=unscaled, solver=solver), choice, [remark]


def _folded(gathered: Gathered) -> Moments:
    return Moments.gathered(gathered.folded())


def _of_training(gathered: Gathered) -> Moments:
    """The moments of the folds of the training rows."""
    moments = Moments.gathered(gathered)
    return moments if gathered.labels is None else replace(moments, folds=moments.folds[: len(moments.folds) // 3])


def _holding_known(request: Request, gathered: Gathered) -> Gathered:
    """The same, but where a fold is held out, its rows whose level no other fold has train: else nothing would know that level."""
    if request.query.split is not None or not request.patient:
        return gathered
    groups = gathered.found.groups
    used = [i for i, group in enumerate(groups) if group.count]
    unknown = unknown_levels(groups, gathered.design).get(used[0])
    if not unknown:
        return gathered
    if gathered.source is None or gathered.grouping is None:
        raise DataError(
            "Early stopping holds out the first fold, and some level is in that fold alone; moments cannot leave its rows in training. "
            "Give the rows, or train without patience."
        )
    grouping = ByKnown(gathered.grouping, {used[0]: unknown}, used[1])
    found = collected(gathered.source, gathered.design, len(groups), grouping, request.query.keep)
    return replace(gathered, found=found, grouping=grouping)


def _known(gathered: Gathered, folds: Sequence[Comoments]) -> tuple[Sequence[Comoments] | None, list[str]]:
    """Of each fold the rows whose levels are in other folds, too (None: all rows), and what is to be said of the others."""
    unknown = unknown_levels(folds, gathered.design)
    if not unknown:
        return None, []
    if gathered.source is None or gathered.grouping is None:
        return None, [
            "Some levels are in one fold alone, and moments cannot leave their rows out of the choice of the penalty."
        ]
    groups = len(gathered.found.groups)
    found = collected(gathered.source, gathered.design, groups, ByKnown(gathered.grouping, unknown)).groups[: len(folds)]
    left = sum(fold.count for fold in folds) - sum(fold.count for fold in found)
    rows = "1 row has" if left == 1 else f"{left:,} rows have"
    return found, [f"{rows} a level that the other folds lack, and no part in the choice of the penalty."]


def _parts(request: Request, gathered: Gathered) -> tuple[Parts, list[str]]:
    """The groups as training, held-out and test rows, and what is to be said of it."""
    notes = _streamed(request, gathered)
    rows = _Groups.of(gathered)
    groups, split = gathered.found.groups, request.query.split
    if split is not None:
        return _split(rows, split, patient=request.patient), notes
    # Without a split all rows train, unless early stopping needs some to look at: then the first fold that has rows is held out.
    everything = tuple(range(len(groups)))
    if not request.patient:
        return Parts(rows.part(everything), fold=rows.group, by=gathered.by), notes
    held = next((i for i in everything if groups[i].count), 0)
    rest = tuple(i for i in everything if i != held)
    if sum(groups[i].count for i in rest) == 0:
        raise DataError("Early stopping needs rows to hold out; there are too few.")
    remark = f"Early stopping holds out one fold of {len(groups)}, {groups[held].count:,} rows; give `split` to say which."
    return Parts(rows.part(rest), rows.part((held,))), [*notes, remark]


def _streamed(request: Request, gathered: Gathered) -> list[str]:
    kept = gathered.found.kept
    if kept is None or not kept.full:
        return []
    no_score = " There is no error out of fold, which would take as many trainings as there are folds; give `split` for a held-out one."
    return [
        f"The rows take {kept.bytes / 1e9:.3g} GB, too much to be kept: they are read anew in every epoch and mixed on their way."
        f"{'' if request.query.split else no_score}"
    ]


def _split(rows: _Groups, split: Sequence[float], *, patient: bool) -> Parts:
    gathered = rows.gathered
    folds, shares = len(gathered.found.groups) // 3, three_shares(split)
    training, validation, test = (rows.part(range(i * folds, (i + 1) * folds)) for i in range(3))
    for name, share, own in zip(("training", "validation", "test"), shares, (training, validation, test), strict=True):
        if share > 0 and own.moments.count == 0:
            raise DataError(
                f"The {name} part is empty ({gathered.rows} usable rows, split {tuple(split)}); use other shares or more rows."
            )
    if patient and not shares[1]:
        raise OptionError(
            "Early stopping chooses by the validation part, so `split` needs three shares, such as (0.7, 0.15, 0.15)."
        )
    # Groups are numbered part by part: those of the training part come first, and are its folds.
    fold = None if rows.group is None else rows.group[rows.group < folds]
    return Parts(training, validation if shares[1] else test, test if shares[2] else None, fold, gathered.by)


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """The groups of what was gathered, to be put together as parts; with the rows themselves and the group of each, if kept."""

    gathered: Gathered
    rows: Rows | None = None
    group: Tensor | None = None

    @classmethod
    def of(cls, gathered: Gathered) -> _Groups:
        kept = gathered.found.kept
        return cls(gathered) if kept is None or kept.full else cls(gathered, *kept.rows())

    def part(self, members: Sequence[int]) -> Part:
        """The rows of some groups: their moments, and the rows themselves or the way to read them again."""
        gathered, groups = self.gathered, self.gathered.found.groups
        own = self.rows
        if own is not None and self.group is not None and len(members) < len(groups):
            own = own[torch.isin(self.group, torch.tensor(members)).to(own.X.device)]
        whole = total([groups[i] for i in members], groups[0].q)
        kept = gathered.found.kept
        if kept is None or not kept.full or gathered.source is None or gathered.grouping is None:
            return Part(whole, own)
        # The window is an eighth of what may be kept: two windows, a block and copies of them are held at once.
        again = partial(read_again, gathered.source, gathered.design, gathered.grouping, members)
        return Part(whole, None, again, max(1, int(KEPT_BYTES / 8 / (8 * (whole.q + 1)))))
