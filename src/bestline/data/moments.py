"""Moments: a table as its design and the co-moments of its encoded columns, group by group: what a fit needs to know of it.

Groups are folds as a rule, and with a split the folds of every part: see `folds`. One pass over the rows collects them
(`collected`); after that they add up, are taken away again, and answer other questions, and no row is needed any more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add, sub
from typing import Any

import torch
from torch import Tensor

import bestline.data.stored_comoments as stored
import bestline.files as store
from bestline.calls import answering, data_first, needed, with_hints
from bestline.data import stored_growth
from bestline.data.checkpoint import gather_on
from bestline.data.collected import Collected
from bestline.data.design import Design
from bestline.data.design.growing import CannotGrowError
from bestline.data.design.weight_kinds import ANALYTIC, checked_kind
from bestline.data.folds import MOST_FOLDS, ByHash, check_folds, check_seed
from bestline.data.gather import Gathered, Query, gather
from bestline.data.grown import Growth
from bestline.data.other_questions import OtherQuestion
from bestline.data.parts import part_collected
from bestline.data.passes import Named
from bestline.data.progress import Progress
from bestline.data.tables import Placed, placed
from bestline.data.unnamed_columns import Which
from bestline.errors import ColumnError, DataError, OptionError, readable, warn
from bestline.numerics import MANY_TARGETS, Comoments, total
from bestline.wording import aligned, apart, count, on_columns, preformatted, significant

_SHOWN = 30  # columns in the text
_FORMAT = 2  # 2: with a digest


@answering(
    {
        "n nobs count n_rows": "the number of rows is moments.rows",
        "mean means": "means and co-moments of all rows are in moments.total: .center, .scatter, .spread",
        "cov covariance corr XtX gram": "co-moments of all rows are in moments.total.scatter, about the means",
        "columns names": "its columns are moments.design.names and .targets",
        "merge update add join": "moments add up: a + b, and a - b takes rows away",
        "fit": "bestline.fit(moments) fits a line to them",
        "to_file dump write": "moments.save('name.moments')",
        "groups": "the groups are moments.folds, their values moments.values",
    }
)
@with_hints
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Moments:
    """The moments of a table: its design, and the moments of its encoded columns, fold by fold.

    `a + b` joins tables of the same design; `a - b` takes rows away again. `bestline.fit(moments)` fits without the data.

    Attributes
    ----------
    design : Design
    folds : tuple
        Moments (q = p + k) of each fold.
    low, high : Tensor (p,)
        Smallest and largest value of each column of X.
    dropped : int
        Rows left out because a value was missing.
    imputed : dict
        Column -> values filled in.
    by : str or None
        The column whose values are the folds, if they are.
    values : tuple of str
        Its value in each fold.
    unseen : int
        Rows held out by a split that were left out, for a level that no training row has.
    growth : Growth or None
        What lets them grow on: with it, moments of tables that have other levels add up, or whose gaps were filled with other means.
    """

    design: Design
    folds: tuple[Comoments, ...]
    low: Tensor
    high: Tensor
    dropped: int = 0
    imputed: dict[str, int] = field(default_factory=dict)
    by: str | None = None
    values: tuple[str, ...] = ()
    unseen: int = 0
    growth: Growth | None = None

    @classmethod
    @data_first
    def collect(
        cls,
        data: Any,
        formula: Any = None,
        *,
        target: Which | None = None,
        features: Which | None = None,
        weights: str | None = None,
        weight_kind: str = ANALYTIC,
        missing: str = "raise",
        folds: int | str | None = None,
        by: str | None = None,
        seed: int = 0,
        engine: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
        progress: Progress | None = None,
    ) -> Moments:
        """Moments of anything that holds a table: one pass, constant memory; by a column one more over that, a few bytes a row.

        Parameters
        ----------
        data, formula, target, features, weights, weight_kind, missing
            As in `bestline.fit`, in either order, or X and y.
        folds : int, str or None
            Number of folds, at least 1, by default 5; or a column whose values are the folds, for rows that belong together, as in `fit`. It is
            no feature unless it is named. Tables that are added up need not have the same values in it.
        by : str, optional
            A column of groups: moments are kept of each of its values. They are the folds then, so this says the same as `folds`
            with that column.
        seed : int
            Of the hash that assigns rows to folds.
        engine : str or client, optional
            As in `bestline.fit`.
        checkpoint : path, optional
            Of files: where it is kept what has been read, file by file, of large ones some row groups or bytes at a time. The same call goes
            on from there, however the last one ended, and counts no row twice; files that have come since are read, those that were read
            are not. A file that has changed is refused.
        progress : callable, optional
            Hears (what, fraction).

        Warns
        -----
        BestlineWarning
            Once for everything that people should know of the table, such as columns left out.
        """
        if by is not None and not (isinstance(by, str) and folds is None):
            raise OptionError(
                f"`by` is the name of a column whose values are the folds, in place of `folds`; got {by!r}, folds={folds!r}."
            )
        folds = 5 if folds is None else folds
        folds = folds if by is None else by
        if not isinstance(folds, str):
            check_folds(folds, more=", or the name of a column")
        query = Query(placed(data, engine), formula, target, features, weights, missing, folds=folds, seed=seed, at_once=True)
        query = replace(query, weight_kind=checked_kind(weight_kind, weights))
        gathered = gather(query, progress) if checkpoint is None else gather_on(query, checkpoint, progress)
        for note in gathered.notes:
            warn(note)
        return replace(cls.gathered(gathered), growth=gathered.growth)

    @classmethod
    def of(cls, batches: Any, design: Design, *, folds: int = 5, seed: int = 0, progress: Progress | None = None) -> Moments:
        """Moments of some of the rows of a table whose design is known: a part, which adds to others of the same design.

        The rows may lack whatever others have: a level, all values of a column that is imputed, or any row at all.

        Parameters
        ----------
        batches
            One batch or many: a frame, an Arrow table, record batch or reader, a dict of columns, (X, y), or an iterable of those, such
            as a generator, which is gone through once; or whatever else `bestline.fit` takes, such as a path.
        design : Design
            Of `bestline.Design.learn`, or that of other moments: `moments.design`.
        folds : int
            Number of folds, at least 1; the same for all parts.
        seed : int
            Of the hash that assigns rows to folds; the same for all parts.
        progress : callable, optional
            Hears (what, fraction).

        Raises
        ------
        ColumnError, MissingValuesError, DataError
            For a column of the design that is not there, a value that is missing where the design refuses that, and a level that the
            design does not know.
        """
        needed(
            design, Design, "`design` is a Design, of bestline.Design.learn(data, formula) or the `.design` of other moments"
        )
        check_folds(folds)
        found = part_collected(batches, design, folds, ByHash.of(design, folds, check_seed(seed)), progress)
        counts = (found.dropped, dict(found.imputed.parts))
        return cls(design, found.groups, found.low, found.high, *counts)

    @classmethod
    def sum(cls, parts: Any) -> Moments:
        """The moments of all parts together, the same bits in whatever order they come.

        Parameters
        ----------
        parts : iterable
            Moments, their bytes (`to_bytes`), or paths of .moments files; one at least.

        Raises
        ------
        DataError
            For parts of different columns, levels or folds.
        """
        if isinstance(parts, Moments | bytes | str | os.PathLike) or not isinstance(parts, Iterable):
            raise OptionError(
                f"`Moments.sum` takes several moments, such as a list of them; got one {readable(type(parts).__name__)}."
            )
        # Sums round, and by another order they round otherwise; so they are put in an order that is their own.
        given = sorted((_given(part) for part in parts), key=Moments.to_bytes)
        if not given:
            raise OptionError("There are no moments to add up; give one part at least.")
        while len(given) > 1:  # in pairs, and those in pairs: rounding grows by the logarithm of their number
            given = [reduce(add, given[i : i + 2]) for i in range(0, len(given), 2)]
        return given[0]

    def to_bytes(self) -> bytes:
        """What `save` writes, in memory: some kB to send, or to keep in a column of a table."""
        return store.packed("moments", _FORMAT, *self._stored())

    @classmethod
    def from_bytes(cls, content: bytes) -> Moments:
        """The moments that `to_bytes` gave. Raises ModelFileError as `load` does."""
        if not isinstance(content, bytes | bytearray | memoryview):
            raise OptionError(
                f"Moments are made of the bytes of `to_bytes`; got an object of the type {readable(type(content).__name__)}."
            )
        content = bytes(content)
        _, tensors, facts = store.unpacked(content, "moments", _FORMAT)
        with store.restoring(store.said_bytes(content), "moments"):
            return _restored(tensors, facts)

    @classmethod
    def gathered(cls, what: Gathered) -> Moments:
        """The moments of what was gathered."""
        needed(what, Gathered, "`gathered` takes what `gather` gives; `Moments.collect` takes data")
        found, imputed = what.found, dict(what.found.imputed.parts)
        ends, counts = (found.low, found.high), (found.dropped, imputed)
        return cls(what.design, found.groups, *ends, *counts, what.by, what.values, found.strange)

    def __repr__(self) -> str:
        return f"<bestline.Moments {self.design.formula!r}, {count(self.rows, 'row')} in {count(len(self.folds), 'fold')}>"

    def __str__(self) -> str:
        whole, design = self.total, self.design
        names = [*design.names, *design.targets]
        rows = [
            [n, significant(m), significant(s)]
            for n, m, s in zip(apart(names), whole.center.tolist(), whole.spread.tolist(), strict=True)
        ]
        head = f"{on_columns(design.formula, design.p)}   ({self.rows:,} rows in {len(self.folds)} folds)"
        more = [f"... and {len(rows) - _SHOWN:,} more"] if len(rows) > _SHOWN else []
        return "\n".join([head, "", *aligned([["", "mean", "sd"], *rows[:_SHOWN]], numbers=True), *more])

    def _repr_html_(self) -> str:
        return preformatted(str(self))

    @property
    def found(self) -> Collected:
        """The same without the design: what one look at the rows left."""
        return Collected(self.folds, self.low, self.high, self.rows + self.dropped, self.dropped, Named(self.imputed))

    @property
    def total(self) -> Comoments:
        """Moments of all folds together."""
        return total(self.folds, self.design.p + len(self.design.responses))

    @property
    def rows(self) -> int:
        """Number of rows of positive weight."""
        return sum(f.count for f in self.folds)

    def __radd__(self, other: object) -> Moments:
        # `sum` begins with 0, which is no moments at all.
        return self if type(other) is int and other == 0 else NotImplemented

    def __add__(self, other: Moments) -> Moments:
        if not isinstance(other, Moments):
            return NotImplemented
        rounded = tuple(sorted({*self.design.rounded, *other.design.rounded}))
        if self._grew_like(other):
            return self._grown_with(other, add, rounded)
        mine, theirs, values = self._beside(other)
        return Moments(
            replace(self.design, rounded=rounded),
            tuple(a + b for a, b in zip(mine, theirs, strict=True)),
            torch.minimum(self.low, other.low),
            torch.maximum(self.high, other.high),
            self.dropped + other.dropped,
            dict((Named(self.imputed) + Named(other.imputed)).parts),
            self.by,
            values,
        )

    def __sub__(self, other: Moments) -> Moments:
        """Take rows away; the range seen stays, since moments do not know which row held an extreme."""
        if not isinstance(other, Moments):
            return NotImplemented
        if self._grew_like(other):
            return self._grown_with(other, sub, self.design.rounded)
        mine, theirs, values = self._beside(other)
        folds = tuple(a - b for a, b in zip(mine, theirs, strict=True))
        dropped = max(self.dropped - other.dropped, 0)
        return Moments(self.design, folds, self.low, self.high, dropped, dict(self.imputed), self.by, values)

    def select(self, target: Which | None, features: Which | None = None) -> Moments:
        """The moments for another question: any number column as target, any columns or terms as features, no data read.

        Raises ColumnError for a name that these moments do not hold.
        """
        asked = OtherQuestion.of(self.design, target, features)
        folds = tuple(fold[[*asked.features, *asked.targets]] for fold in self.folds)
        self._refuse_untaken(folds, asked.design)
        # Of a target no range was kept: as a feature it may be anything.
        unknown = torch.full((len(self.design.responses),), float("inf"), dtype=torch.float64)
        at = torch.tensor(asked.features, dtype=torch.long)
        low, high = torch.cat([self.low, -unknown])[at], torch.cat([self.high, unknown])[at]
        return Moments(asked.design, folds, low, high, self.dropped, self.imputed, self.by, self.values)

    def _refuse_untaken(self, folds: Sequence[Comoments], design: Design) -> None:
        """Raise ColumnError where a product of a feature and another column is asked for that was not taken."""
        names = [*design.names, *design.targets]
        for fold in folds:
            pairs = fold.untaken[: design.p].nonzero().tolist()
            if pairs:
                one, other = (readable(names[j]) for j in pairs[0])
                raise ColumnError(
                    f"How {one} goes with {other} is not in these moments: both were targets, and of more than {MANY_TARGETS} targets "
                    f"each is held for itself; collect them with {one} as a feature."
                )

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a .moments file: a few kB, no rows, nothing that executes."""
        store.write(path, "moments", _FORMAT, *self._stored(), overwrite=overwrite)

    def _stored(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors = {"low": self.low, "high": self.high}
        for i, fold in enumerate(self.folds):
            tensors |= stored.tensors(fold, str(i))
        if self.growth is not None:
            tensors |= stored_growth.tensors(self.growth)
        facts = {
            "growth": None if self.growth is None else stored_growth.facts(self.growth),
            "design": self.design.to_dict(),
            "folds": [stored.numbers(fold) for fold in self.folds],
            "dropped": self.dropped,
            "imputed": self.imputed,
            "by": self.by,
            "values": self.values,
        }
        return tensors, facts

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Moments:
        """Read a .moments file.

        Raises ModelFileError when it is not one, is damaged, holds what no rows could have given, or was written by a newer bestline.
        """
        _, tensors, facts = store.read(path, "moments", _FORMAT)
        with store.restoring(path, "moments"):
            return _restored(tensors, facts)

    def _grew_like(self, other: Moments) -> bool:
        """Whether both can grow together."""
        if self.growth is None or other.growth is None or self.by != other.by:
            return False
        return self.growth.like(other.growth) and (self.by is not None or len(self.folds) == len(other.folds))

    def _grown_with(self, other: Moments, joined: Callable[[Growth, Growth], Growth], rounded: tuple[str, ...]) -> Moments:
        """The moments of both, joined as they grew."""
        mine, theirs = [moments.growth for moments in (self, other) if moments.growth is not None]
        values: tuple[str, ...] = ()
        if self.by is not None:
            values = self._values_with(other)
            at = {value: fold for fold, value in enumerate(values)}
            mine = mine.grouped([at[value] for value in self.values], len(at))
            theirs = theirs.grouped([at[value] for value in other.values], len(at))
        try:
            growth = joined(mine, theirs)
            design, found = growth.settled()
        except CannotGrowError:
            raise DataError(
                "Together these moments have more columns than can grow; learn the design first, with all levels, by "
                "bestline.Design.learn, and collect every part with it."
            ) from None
        design = replace(design, rounded=rounded, notes=self.design.notes)
        ends, imputed = (found.low, found.high), dict(found.imputed.parts)
        return Moments(design, found.groups, *ends, found.dropped, imputed, self.by, values, growth=growth)

    def _values_with(self, other: Moments) -> tuple[str, ...]:
        values = tuple(dict.fromkeys((*self.values, *other.values)))
        if len(values) > MOST_FOLDS:
            raise DataError(
                f"Together these moments have {len(values):,} values of {readable(str(self.by))}, and each would be a fold; "
                f"{MOST_FOLDS:,} is the most."
            )
        return values

    def _beside(self, other: Moments) -> tuple[Sequence[Comoments], Sequence[Comoments], tuple[str, ...]]:
        """The folds of both that belong together, and the values that they are of."""
        mine, theirs = self.design.to_dict(), other.design.to_dict()
        for facts in (mine, theirs):  # shares are of the rows, not of the design
            facts["factors"] = [{**f, "shares": (), "truth": False} for f in facts["factors"]]
            facts["rounded"] = ()
        if mine != theirs or self.by != other.by or (self.by is None and len(self.folds) != len(other.folds)):
            raise DataError(
                "These moments were collected with different columns, levels or folds; collect both with the same formula, and where "
                "levels differ with one design, that bestline.Design.learn has learnt."
            )
        if self.by is None:
            return self.folds, other.folds, ()
        values = self._values_with(other)
        nothing = Comoments.empty(self.design.p + len(self.design.responses))
        own, others = (dict(zip(m.values, m.folds, strict=True)) for m in (self, other))
        return [own.get(v, nothing) for v in values], [others.get(v, nothing) for v in values], values


def _restored(tensors: dict[str, Tensor], facts: dict[str, Any]) -> Moments:
    design = Design.from_dict(facts["design"])
    told = facts["folds"]
    if not 1 <= len(told) <= MOST_FOLDS:
        raise ValueError(f"{len(told)} folds")
    q = design.p + len(design.responses)
    folds = tuple(stored.comoments(tensors, str(i), numbers, q, p=design.p) for i, numbers in enumerate(told))
    by, values = facts.get("by"), tuple(facts.get("values", ()))
    named = isinstance(by, str) and all(isinstance(v, str) for v in values) and len(set(values)) == len(folds)
    if (by is not None or values) and not (named and len(values) == len(folds)):
        raise ValueError("it does not say whose each fold is")
    low, high = stored.ranges(tensors, design.p, sum(f.count for f in folds))
    imputed = {str(name): stored.whole(count, "imputed") for name, count in facts["imputed"].items()}
    grew = facts.get("growth")  # files of before do not say
    growth = None if grew is None else stored_growth.growth(tensors, grew, len(folds))
    if growth is not None and not growth.became(design, folds):
        raise ValueError("what it grows on from is of other rows")
    return Moments(design, folds, low, high, stored.whole(facts["dropped"], "dropped"), imputed, by, values, growth=growth)


def _given(part: Any) -> Moments:
    """One of the parts of a sum."""
    if isinstance(part, bytes | bytearray | memoryview):
        return Moments.from_bytes(bytes(part))
    if isinstance(part, str | os.PathLike):
        return Moments.load(part)
    needed(part, Moments, "`Moments.sum` adds up moments, their bytes, or paths of .moments files")
    return part


def given_moments(data: Any, formula: str | None, weights: Any) -> Moments | None:
    """Moments, or the path of a file of them, that stand in place of data; None for data.

    Raises OptionError for a formula or weights, which moments have already.
    """
    if isinstance(data, Placed) and (isinstance(data.data, Moments) or str(data.data).endswith(".moments")):
        raise OptionError("Moments hold no rows, so there is nothing for an engine to read; leave `engine` out.")
    if isinstance(data, str | os.PathLike) and str(data).endswith(".moments"):
        data = Moments.load(data)
    if not isinstance(data, Moments):
        return None
    if formula is not None or weights is not None:
        raise OptionError(
            "Moments have their formula and weights already; choose among their columns by `target` and `features`."
        )
    return data
