"""Gathering: open the data, learn the design, and go through the rows once. What comes back can be trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bestline.data.collected import Kept, read_again
from bestline.data.design import Design, asked_categories, learn
from bestline.data.folds import ByHash, ByPart, Grouping, by_value, refuse_target
from bestline.data.moments import Moments, collect, collect_keeping, regrouped
from bestline.data.progress import Progress
from bestline.data.split import InPart, part_labels, three_shares
from bestline.data.tables import Source, open_source
from bestline.errors import DataError, OptionError, readable
from bestline.numerics.comoments import total
from bestline.numerics.rows import Rows
from bestline.training.cross_validation import refuse_wide
from bestline.training.parts import Part, Parts
from bestline.training.plan import Plan
from bestline.training.request import Options

_KEPT_BYTES = 4e9  # rows that training needs are kept up to here, and read anew in every epoch beyond


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What one pass over the rows leaves.

    Attributes
    ----------
    design : Design
    moments : Moments
        Of each group of rows: the folds, and with a split the folds of every part.
    rows, group
        The rows and the group of each, where training needs them and they may be kept.
    tabular : bool
        Whether the data did not say by itself what the target is.
    notes : tuple of str
    source, labels
        The data, and with a split the part of each of its rows.
    grouping
        Tells the groups again, where the rows are needed and too many to keep.
    by : str or None
        The column whose values are the folds, if they are.
    later : callable or None
        Gives the moments of the folds, where `moments` are of all rows together.
    """

    design: Design
    moments: Moments
    rows: Rows | None = None
    group: Tensor | None = None
    tabular: bool = False
    notes: tuple[str, ...] = ()
    source: Source | None = None
    labels: Tensor | None = None
    grouping: Grouping | None = None
    by: str | None = None
    later: Callable[[], Moments] | None = None

    def folded(self) -> Gathered:
        """The same with the moments of the folds."""
        return self if self.later is None else replace(self, moments=self.later(), later=None)

    def of_training(self) -> Moments:
        """The moments of the folds of the training rows."""
        folds = self.moments.folds
        return self.moments if self.labels is None else replace(self.moments, folds=folds[: len(folds) // 3])

    def parts(self, options: Options) -> tuple[Parts, list[str]]:
        """The groups as training, held-out and test rows, and what is to be said of it."""
        groups = self.moments.folds
        if options.split is not None:
            return self._split(options.split, patient=options.patient), []
        everything = tuple(range(len(groups)))
        if not options.patient:
            return Parts(self._part(everything), fold=self.group, by=self.by), []
        held = next((i for i in everything if groups[i].count), 0)
        rest = tuple(i for i in everything if i != held)
        if sum(groups[i].count for i in rest) == 0:
            raise DataError("Early stopping needs rows to hold out; there are too few.")
        remark = f"Early stopping holds out one fold of {len(groups)}, {groups[held].count:,} rows; give `split` to say which."
        return Parts(self._part(rest), self._part((held,))), [remark]

    def _part(self, members: Sequence[int]) -> Part:
        groups, own = self.moments.folds, None
        if self.rows is not None and self.group is not None:
            some = len(members) < len(groups)
            own = self.rows[torch.isin(self.group, torch.tensor(members)).to(self.rows.X.device)] if some else self.rows
        whole = total([groups[i] for i in members], groups[0].q)
        if self.source is None or self.grouping is None:
            return Part(whole, own)
        again = partial(read_again, self.source, self.design, self.grouping, members)
        return Part(whole, None, again, max(1, int(_KEPT_BYTES / 8 / (8 * (whole.q + 1)))))

    def _split(self, split: Sequence[float], *, patient: bool) -> Parts:
        folds = len(self.moments.folds) // 3
        shares = three_shares(split)
        training, validation, test = (self._part(range(i * folds, (i + 1) * folds)) for i in range(3))
        for name, share, own in zip(("training", "validation", "test"), shares, (training, validation, test), strict=True):
            if share > 0 and own.moments.count == 0:
                raise DataError(
                    f"The {name} part is empty ({self.moments.rows} usable rows, split {tuple(split)}); use other shares or more rows."
                )
        if patient and not shares[1]:
            raise OptionError(
                "Early stopping chooses by the validation part, so `split` needs three shares, such as (0.7, 0.15, 0.15)."
            )
        fold = None if self.group is None else self.group[self.group < folds]
        return Parts(training, validation if shares[1] else test, test if shares[2] else None, fold, self.by)


def gather(
    data: Any,
    formula: str | None,
    target: str | Sequence[str] | None,
    features: Sequence[str] | None,
    weights: Any,
    options: Options,
    degree: int,
    progress: Progress | None,
) -> Gathered:
    """One pass over a table, after those in which its design is learnt."""
    by_name = isinstance(weights, str) or weights is None
    source = open_source(data, text=asked_categories(formula), extra=None if by_name else {"weights": weights})
    labels = None if options.split is None else part_labels(source, options.split, options.seed)
    by = options.folds if isinstance(options.folds, str) else None
    grouping, folds, values = _grouping(source, options, progress)
    design = learn(
        source,
        formula=formula,
        target=target,
        features=features,
        weights=weights if by_name else "weights",
        missing=options.missing,
        degree=degree,
        training=None if labels is None else InPart(labels),
        aside=by,
        progress=progress,
    )
    if options.cv:
        refuse_wide(design.p, folds)
    plan = options.plan(design)
    tabular, notes = source.target is None, source.notes + design.notes + (() if by is None else _of_folds(by, design))
    if source.resident and labels is None and by is None and not (options.cv or options.patient or plan.of_rows):
        # Such rows can be gone through again when somebody asks for the folds; most fits are sooner done without.
        moments = collect(source, design, progress=progress)
        later = partial(regrouped, source, design, folds, grouping, moments)
        return Gathered(design, moments, tabular=tabular, notes=notes, source=source, later=later)
    keep = Kept(_KEPT_BYTES, None if plan.squared_line else _too_many(plan)) if plan.of_rows else None
    grouping = grouping if labels is None else ByPart(labels, folds, grouping)
    groups = folds if labels is None else 3 * folds
    moments, kept = collect_keeping(source, design, groups, grouping, keep, progress=progress)
    moments = replace(moments, by=by, values=values)
    found = Gathered(design, moments, tabular=tabular, notes=notes, source=source, labels=labels, by=by)
    if kept is None:
        return found
    if kept.full:
        notes += (_STREAMED.format(size=kept.bytes / 1e9, score="" if options.split else _NO_SCORE),)
        return replace(found, notes=notes, grouping=grouping)
    rows, group = kept.rows()
    return replace(found, rows=rows, group=group)


def from_moments(
    moments: Moments, target: str | Sequence[str] | None, features: Sequence[str] | None, options: Options
) -> Gathered:
    """The same without any rows."""
    if isinstance(options.folds, str) and options.folds != moments.by:
        raise OptionError(
            f"Folds by a column need the rows; these are moments only, whose folds are made. Collect them by={options.folds!r}."
        )
    if options.split is not None:
        raise OptionError("A split needs the rows; these are moments only. Leave `split` out: the score is out of fold.")
    if target is not None or features is not None:
        moments = moments.select(target, features)
    if not moments.rows:
        raise DataError("These moments hold no rows; collect them from some, or take fewer away.")
    notes = () if moments.by is None else _of_folds(moments.by, moments.design)
    return Gathered(moments.design, moments, notes=notes, by=moments.by)


def _of_folds(by: str, design: Design) -> tuple[str, ...]:
    """What is to be said when the folds' column is part of the formula; the target it cannot be."""
    refuse_target(by, design)
    if not any(factor.kind == "category" and factor.column == by for factor in design.factors):
        return ()
    return (
        f"{readable(by)} is a feature, and its values are the folds: each line is judged by a level that it has never seen.",
    )


def _grouping(source: Source, options: Options, progress: Progress | None) -> tuple[Grouping, int, tuple[str, ...]]:
    """The fold of every row, the number of folds, and the values that they are of."""
    if isinstance(options.folds, str):
        own = by_value(source, options.folds, progress)
        return own, len(own.values), own.values
    return ByHash(options.folds, options.seed), options.folds, ()


_STREAMED = "The rows take {size:.3g} GB, too much to be kept: they are read anew in every epoch and mixed on their way.{score}"
_NO_SCORE = (
    " There is no error out of fold, which would take as many trainings as there are folds; give `split` for a held-out one."
)


def _too_many(plan: Plan) -> str:
    return (
        f"Training with {'an own forward function' if plan.forward is not None else f'loss {plan.loss!r}'} needs the rows in memory, and "
        f"they take more than {_KEPT_BYTES / 1e9:.3g} GB; use loss='squared' with the line, or fewer rows."
    )
