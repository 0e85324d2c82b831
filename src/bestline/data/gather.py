"""Gather: from any data to what one look at their rows leaves. The one way there, whoever asks.

    open the source  ->  whose row is whose (parts, folds)  ->  one pass over the rows, in which the design is learnt

Fit, preflight, sweep and `Moments.collect` all ask by a `Query`. So folds, parts and sums of the same rows are the same bits for
all of them, by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from torch import Tensor

from bestline.data.absorbing import CollectLevels, absorbed, left_out
from bestline.data.collected import Collect, Collected, Kept, RefusedGapError
from bestline.data.design import Design, asked_categories, check_weights, missing_values, said_unseen
from bestline.data.design.draft import Draft
from bestline.data.design.growing import CannotGrowError, can_grow
from bestline.data.design.learn import drafted, learnt
from bestline.data.design.learner import Learner
from bestline.data.design.profiles import Learnt, Training
from bestline.data.design.weight_kinds import ANALYTIC, FREQUENCY
from bestline.data.folds import ByHash, ByPart, Grouping, by_value, refuse_target
from bestline.data.grown import Grow, Growth, Into, rough_means
from bestline.data.passes import Addable, Pass
from bestline.data.progress import Progress
from bestline.data.split import InPart, part_labels, weighted_rows
from bestline.data.tables import Batch, Source, open_source
from bestline.data.unnamed_columns import Which, asked_name, asked_names
from bestline.errors import DataError, NotFiniteError, readable
from bestline.numerics import total

# Of rows that an engine has added up.
_FOLDS_LATER = (
    "The held-out error needs the fold of each row, so all rows are read, a batch at a time, once it is asked for, as a summary does; folds "
    "by a column (folds='name') are told without that.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """Which columns of which rows are asked for, and how the rows are grouped.

    Attributes
    ----------
    data
        Anything that holds a table.
    formula, target, features
        The columns: by a formula, or by name; without either, all that can serve.
    weights : str or array, optional
        Column of weights, or the weights.
    missing : {"raise", "drop", "impute"}
    degree : int
        Highest power of every column.
    folds : int or str
        Number of folds, or the column whose values they are.
    split : sequence of float, optional
        Shares of training, validation and test rows.
    seed : int
        Of folds and split.
    keep : Kept or None
        Within what bounds the rows are kept, for training that needs them; None: they are not.
    at_once : bool
        Whether folds are needed at once. Otherwise, of rows that can be gone through again, they are left for later.
    levels : mapping
        Column -> levels that count as found though no row may have them.
    beside : tuple of str
        Columns that every row must have a value of though they are no features unless they are named.
    absorbing : bool
        Whether whoever asks can do with absorbed effects behind a bar in the formula; else they are refused.
    check : callable, optional
        (number of columns, number of folds), called before the pass; may raise.
    """

    data: Any
    formula: str | None = None
    target: Which | None = None
    features: Which | None = None
    weights: Any = None
    missing: str = "raise"
    degree: int = 1
    folds: int | str = 5
    split: Sequence[float] | None = None
    seed: int = 0
    keep: Kept | None = None
    at_once: bool = False
    levels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    absorbing: bool = False
    check: Callable[[int, int], None] | None = None
    weight_kind: str = ANALYTIC

    def opened(self, text: Sequence[str] = ()) -> tuple[Source, str | None]:
        """The data as a table, and the name of its column of weights; the columns `text` are read as words."""
        by_name = isinstance(self.weights, str | int) or self.weights is None
        extra = None if by_name else {"weights": self.weights}
        source = open_source(self.data, text=(*asked_categories(self.formula), *text), extra=extra)
        weights = "weights" if not by_name else None if self.weights is None else asked_name(self.weights, source.names)
        if weights is not None:
            check_weights(source, weights)
        return source, weights

    def draft(
        self,
        source: Source,
        weights: str | None,
        *,
        training: Training | None = None,
        aside: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> tuple[Draft, Learner]:
        """The design of the columns asked for, as far as it is known before they are read, and who learns the rest."""
        return drafted(
            source,
            formula=self.formula,
            target=asked_names(self.target, source.names),
            features=asked_names(self.features, source.names),
            weights=weights,
            weight_kind=self.weight_kind,
            missing=self.missing,
            degree=self.degree,
            training=training,
            aside=aside,
            beside=self.beside,
            levels=self.levels,
            absorbing=self.absorbing,
            progress=progress,
        )

    def design(
        self, source: Source, weights: str | None, *, aside: Sequence[str] = (), progress: Progress | None = None
    ) -> Design:
        """The design of the columns asked for, learnt in passes of its own."""
        return learnt(*self.draft(source, weights, aside=aside, progress=progress)).as_read(source)


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What was found.

    Attributes
    ----------
    design : Design
    found : Collected
        Of each group of rows: the folds, with a split the folds of every part; or of all rows together, where `later` is given.
    source, labels
        The data, and with a split the part of each of its rows. None where there are moments only.
    grouping
        Tells the groups again; None where there are moments only.
    by, values
        The column whose values are the folds, if they are, and those values.
    notes : tuple of str
        What people should know of the data.
    later : callable or None
        Gives the folds.
    growth : Growth or None
        How design and sums have grown in one pass, if they did; then they can grow on.
    """

    design: Design
    found: Collected
    source: Source | None = None
    labels: Tensor | None = None
    grouping: Grouping | None = None
    by: str | None = None
    values: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    later: Callable[[], Collected] | None = field(default=None, repr=False)
    growth: Growth | None = field(default=None, repr=False)

    @property
    def tabular(self) -> bool:
        """Whether the data did not say by themselves what the target is."""
        return self.source is not None and self.source.target is None

    @property
    def rows(self) -> int:
        """How many rows of positive weight there are."""
        return sum(group.count for group in self.found.groups)

    def folded(self) -> Gathered:
        """The same with its folds."""
        return self if self.later is None else replace(self, found=self.later(), later=None, growth=None)


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """What is known before the rows are added up: the columns, as far as they say it themselves, and which fold a row belongs to.

    Attributes
    ----------
    source : Source
    labels : Tensor (n,) or None
        The part of each row, with a split.
    by : str or None
        The column whose values are the folds.
    values : tuple of str
        These values.
    aside : tuple of str
        Columns that are no features unless they are named: that of the folds, and what stands beside.
    draft, learner
        The design to be, and who learns it.
    folds : int
    grouping : Grouping
        The fold of each row.
    """

    source: Source
    labels: Tensor | None
    by: str | None
    values: tuple[str, ...]
    aside: tuple[str, ...]
    draft: Draft
    learner: Learner
    folds: int
    grouping: Grouping

    @classmethod
    def of(cls, query: Query, source: Source, weights: str | None, progress: Progress | None) -> Begun:
        """Of open data: one pass where a column tells the folds, and one for a split by weights."""
        labels = None if query.split is None else _split(source, query.split, query.seed, weights)
        by = query.folds if isinstance(query.folds, str) else None
        own = by_value(source, by, progress, weights) if by is not None else None
        for name in query.beside:
            source.field(name)
        aside = tuple(dict.fromkeys([*([] if by is None else [by]), *query.beside]))
        if by is not None and query.missing != "raise":  # which says itself which row it is
            query = replace(query, beside=aside)
        training = None if labels is None else InPart(labels)
        draft, learner = query.draft(source, weights, training=training, aside=aside, progress=progress)
        if by is not None:
            refuse_target(by, draft)
        folds = len(own.values) if own is not None else int(query.folds)
        grouping: Grouping = ByHash.of(draft, folds, query.seed) if own is None else own
        return cls(source, labels, by, () if own is None else own.values, aside, draft, learner, folds, grouping)


def gather(query: Query, progress: Progress | None = None) -> Gathered:
    """One pass over the rows; before it one for the folds of a column, and where the design cannot grow in it, those that learn it.

    Raises
    ------
    DataError, OptionError
        And their subclasses: for what cannot be read, columns that do not exist, values missing where they are refused, and where
        no usable row is left.
    """
    begun = Begun.of(query, *query.opened(), progress)
    source, labels, by, folds, within = begun.source, begun.labels, begun.by, begun.folds, begun.grouping
    draft, learner = begun.draft, begun.learner
    # Of rows in memory, and of those that an engine adds up, the folds are told when somebody asks for them; most fits do without.
    alone = labels is None and by is None and not query.at_once and query.keep is None
    # Rests are made row by row, and rows that stand for many are counted so.
    told = alone and source.afar and not draft.formula.absorbed and query.weight_kind != FREQUENCY
    afar = _told(source, draft, learner, query, folds, progress) if told else None
    lazy = alone and (source.resident or afar is not None or bool(draft.formula.absorbed))
    # With a split a group is a fold of a part: group = part * folds + fold.
    grouping, groups = (within, folds) if labels is None else (ByPart(labels, folds, within), 3 * folds)
    into = Into() if lazy or groups == 1 else Into(groups, grouping)
    summed = (*afar, None) if afar is not None else _summed(source, draft, learner, query, into, folds, progress)
    design, found, growth = summed
    design = design.as_read(source)
    notes = (
        source.said([*design.reads(), *begun.aside], design.words) + design.notes + (() if by is None else of_folds(by, design))
    )
    if found.unseen.parts:
        notes += (f"{said_unseen(found.unseen.parts)}; such a row is left out of the held-out error.",)
    if afar is not None:
        notes += _FOLDS_LATER
    later = partial(_regrouped, source, design, Into(folds, within), found) if lazy else None
    return Gathered(design, found, source, labels, grouping, by, begun.values, notes, later, growth)


def _summed(
    source: Source, draft: Draft, learner: Learner, query: Query, into: Into, folds: int, progress: Progress | None
) -> tuple[Design, Collected, Growth | None]:
    """The design, what the rows of each group add up to, and how both grew, where they did so in one pass."""
    check = query.check or (lambda columns, folds: None)
    # An engine that adds up must know what; and what is absorbed must be known before anything of it is added up.
    if not draft.formula.absorbed and query.keep is None and not source.afar and grows(draft, learner):
        try:
            growth = grown(source, draft, learner.counted, into, progress)
            design, found = growth.settled()
            if query.split is not None and growth.strange(design):  # such rows must be found again, to be left out
                raise CannotGrowError
        except (CannotGrowError, NotFiniteError):
            pass  # what is wrong with a number is said below, where it is known with what gaps are filled
        else:
            check(design.p, folds)
            return design, usable(found, design, source), growth
    design = learnt(draft, learner)
    check(design.p, folds)
    if draft.formula.absorbed:
        design = _without_levels(source, design, draft.formula.absorbed, learner.counted.training, progress)
    return design, collected(source, design, into.number, into.grouping, query.keep, progress=progress), None


def _without_levels(
    source: Source, design: Design, by: tuple[tuple[str, ...], ...], training: Training | None, progress: Progress | None
) -> Design:
    """The design of what is left of its columns within the levels of factors: one more pass, or two where some rows are left out."""
    found = gone_through(source, design, CollectLevels(design, by, training), progress=progress).settled()
    if not found.total.count:
        raise _nothing_left(design, source, found.read)
    count, again = found.total.count, left_out(design, by, found)
    if again is not None:
        found = gone_through(source, again, CollectLevels(again, by, training), progress=progress).settled()
    return absorbed(again or design, by, found, count - found.total.count)


def grows(draft: Draft, learner: Learner) -> bool:
    """Whether the draft has something to learn, and can learn it while its rows are added up."""
    numbers = draft.number_columns() if draft.missing == "impute" else ()
    return can_grow(draft) and learner.lacks(draft.texts, numbers, draft.calls)


def grown(source: Source, draft: Draft, counted: Learnt, into: Into | None = None, progress: Progress | None = None) -> Growth:
    """The pass in which design and sums grow. Raises MissingValuesError with counts for every column, DataError, CannotGrowError."""
    rough = rough_means(source, draft, counted)
    return Growth(draft, rough, gone_through(source, draft, Grow(draft, rough, counted, into or Into()), progress=progress))


def collected(
    source: Source,
    design: Design,
    groups: int = 1,
    grouping: Grouping | None = None,
    keep: Kept | None = None,
    *,
    progress: Progress | None = None,
) -> Collected:
    """The pass alone: what the rows of each group add up to. Raises MissingValuesError with counts for every column, and DataError."""
    return usable(gone_through(source, design, Collect(design, groups, grouping, keep), progress=progress), design, source)


def _told(
    source: Source, draft: Draft, learner: Learner, query: Query, folds: int, progress: Progress | None
) -> tuple[Design, Collected] | None:
    """The design, and what the source can tell of all rows together without reading them; raises MissingValuesError with counts."""
    design = learnt(draft, learner)
    if query.check is not None:
        query.check(design.p, folds)
    try:
        told = source.told(Collect(design), progress=progress)
    except RefusedGapError:
        raise missing_values(design, source) from None
    return None if told is None else (design, usable(told, design, source))


def usable(found: Collected, design: Design, source: Source) -> Collected:
    """What was found, in main memory, once some of it can be used. Raises DataError."""
    if not any(group.count for group in found.groups):
        raise _nothing_left(design, source, found.dropped)
    return replace(found, groups=tuple(group.cpu() for group in found.groups))


class Read(Addable, Protocol):
    """What a pass leaves that says how many rows it has read."""

    @property
    def read(self) -> int:
        """Rows."""


ReadT = TypeVar("ReadT", bound=Read)


def gone_through(
    source: Source,
    read: Design | Draft,
    over: Pass[Batch, ReadT],
    *,
    also: Sequence[str] = (),
    progress: Progress | None = None,
) -> ReadT:
    """What a pass over the encoded rows finds.

    Raises MissingValuesError with counts for every column that is `read` and those in `also`, and DataError where there are no rows.
    """
    try:
        found = source.reduce(over, progress=progress)
    except RefusedGapError:
        raise missing_values(read, source, also) from None
    if not found.read:
        raise DataError(f"There are no rows in {source.label}; a fit needs at least two.")
    return found


def of_folds(by: str, design: Design) -> tuple[str, ...]:
    """What is to be said when the folds' column is part of the formula; the target it cannot be."""
    refuse_target(by, design)
    if not any(factor.kind == "category" and factor.column == by for factor in design.factors):
        return ()
    return (
        f"{readable(by)} is a feature, and its values are the folds: no line can be judged by a level that it has never seen.",
    )


def _split(source: Source, split: Sequence[float], seed: int, weights: str | None) -> Tensor:
    """The part of each row."""
    there = weighted_rows(source, weights)
    if not len(there):
        raise DataError(f"There are no rows in {source.label}; a split needs some in every part.")
    if not bool(there.any()):
        raise _no_weight(source, weights)
    return part_labels(there, split, seed)


def _regrouped(source: Source, design: Design, into: Into, before: Collected) -> Collected:
    """The folds of rows in memory that `before` is of; raises DataError when they are other rows by now."""
    q = design.p + len(design.responses)
    try:
        found = collected(source, design, into.number, into.grouping)
    except DataError:  # a value is missing by now, say
        found = None
    if found is None or not total(found.groups, q).like(total(before.groups, q)):
        raise DataError(
            "The data have changed since the line was fitted to them, so its folds cannot be told any more; fit again."
        )
    return found


def _nothing_left(design: Design, source: Source, dropped: int) -> DataError:
    if dropped:
        return DataError(
            f"No usable row is left in {source.label}: all {dropped:,} have a value missing, in the target or in a feature; use "
            f"missing='impute', or leave out the column that is empty."
        )
    return _no_weight(source, design.weights)


def _no_weight(source: Source, weights: str | None) -> DataError:
    return DataError(
        f"No row of {source.label} has a positive weight: column {readable(str(weights))} holds nothing but zeros; give other weights."
    )
