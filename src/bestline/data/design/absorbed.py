"""Absorbed: effects of levels that are taken out of every column; what is left of a column is what varies within the levels.

    rest of z = z - centre - sum over factors f of a_f[level of the row in f]

The effects a are learnt from the training rows once, as centres and levels are, so a row becomes what it becomes by itself: batches,
folds, covariances and predictions see rests, and know nothing of levels. A target's rest is that of what the line predicts, so a
prediction is x'w of the rests and what the effects say of the target.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, TypeAlias

import torch
from torch import Tensor

from bestline.data.tables import Batch
from bestline.errors import UnseenLevelError, readable
from bestline.numerics import Rows
from bestline.wording import count

Key: TypeAlias = tuple[str, ...]  # a level: the values of the columns of its factor, as they are written
_MISSING, _SINGLE, _NEW = -1, -2, -3  # in place of the number of a level


def level_codes(batch: Batch, by: Sequence[str], at: Tensor | None = None) -> tuple[Tensor, list[Key]]:
    """Codes (m,) of the levels of a factor in the rows `at` of a batch (None: all), -1 where a column has no value, and the levels."""
    first, *others = by
    codes, seen = batch.text(first)
    codes = codes.cpu() if at is None else codes.cpu()[at]
    levels: list[Key] = [(value,) for value in seen]
    known = codes >= 0
    for column in others:
        more, seen = batch.text(column)
        more = more.cpu() if at is None else more.cpu()[at]
        known &= more >= 0
        # Only combinations that occur: of two columns with a thousand values each there are few in a batch.
        present, codes = torch.unique(codes.clamp(min=0) * len(seen) + more.clamp(min=0), return_inverse=True)
        levels = (
            [(*levels[number // len(seen)], seen[number % len(seen)]) for number in present.tolist()] if seen and levels else []
        )
    return (codes if bool(known.all()) else torch.where(known, codes, -1)), levels


@dataclass(frozen=True, eq=False)
class Absorbed:
    """The effects of the levels of one factor or several.

    Attributes
    ----------
    by : tuple of tuple of str
        The columns of each factor; several of one factor: each combination of their values is a level.
    levels : tuple of tuple of Key (G,)
        The levels of each that training rows have.
    single : tuple of frozenset of Key
        The levels of rows that training left out, because some level of theirs is of one row alone.
    effects : tuple of Tensor (G, q)
        What each level adds to each column of X and y, q = p + k.
    average : tuple of Tensor (q,)
        The mean of those over the training rows, by weight: what counts for a level never seen, where that is asked for.
    center : Tensor (q,)
        Mean of each column.
    squares : Tensor (k,)
        Weighted sum of squares of each target about its mean.
    void : tuple of int
        Columns of which the levels leave nothing but rounding: their rests are 0.
    weights : int
        How many weights the levels stand for, that of the constant among them: so many degrees of freedom they take.
    exactly : bool
        Whether that is their number, or a bound from above.
    rows : int
        Training rows left out, because some level of theirs is of one row alone.
    steps : int
        Of the iteration that found the effects; 0 where the means of one factor are the effects.
    left : float
        What it left of its equations, over what there was.
    counts : tuple of Tensor (G,)
        Training rows of each level; empty in files of earlier versions.
    parts : tuple of Tensor, int (G,)
        Which part each level is of, where rows connect the levels that they have; empty for one factor.
    """

    by: tuple[Key, ...]
    levels: tuple[tuple[Key, ...], ...]
    single: tuple[frozenset[Key], ...]
    effects: tuple[Tensor, ...]
    average: tuple[Tensor, ...]
    center: Tensor
    squares: Tensor
    void: tuple[int, ...] = ()
    weights: int = 0
    exactly: bool = True
    rows: int = 0
    steps: int = 0
    left: float = 0.0
    counts: tuple[Tensor, ...] = ()
    parts: tuple[Tensor, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The columns of all factors."""
        return list(dict.fromkeys(name for by in self.by for name in by))

    @property
    def names(self) -> tuple[str, ...]:
        """The factors as a formula calls them."""
        return tuple("^".join(by) for by in self.by)

    @property
    def said(self) -> str:
        """Which factors, of how many levels, at what price."""
        each = [f"{readable(name)} ({count(len(keys), 'level')})" for name, keys in zip(self.names, self.levels, strict=True)]
        return f"Effects absorbed: {', '.join(each)}; {self.weights:,} degrees of freedom."

    @cached_property
    def _places(self) -> tuple[dict[Key, int], ...]:
        """Level -> its number, of each factor; those of rows that were left out have none."""
        return tuple(
            {**dict.fromkeys(single, _SINGLE), **{key: at for at, key in enumerate(levels)}}
            for levels, single in zip(self.levels, self.single, strict=True)
        )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_places"}

    def placed(self, batch: Batch) -> LevelsOfRows:
        """Which levels the rows of a batch have."""
        codes, seen = [], []
        for by, place in zip(self.by, self._places, strict=True):
            own, keys = level_codes(batch, by)
            # A missing value has the code -1 in the batch, so what stands last is what it becomes.
            codes.append(torch.tensor([*(place.get(key, _NEW) for key in keys), _MISSING])[own])
            seen.append((own, keys))
        return LevelsOfRows(self, tuple(codes), tuple(seen))

    def forgiving(self) -> Self:
        """The same for rows that did not train: one with a level that training left out has a level never seen."""
        return replace(self, single=tuple(frozenset() for _ in self.single))

    def to_dict(self) -> dict[str, Any]:
        """As JSON; numbers as the bytes of float64, since there may be millions."""
        return {
            "by": [list(by) for by in self.by],
            "levels": [[list(key) for key in keys] for keys in self.levels],
            "single": [[list(key) for key in sorted(keys)] for keys in self.single],
            **{name: [_packed(t) for t in getattr(self, name)] for name in ("effects", "average", "counts")},
            "parts": [_packed(t.to(torch.float64)) for t in self.parts],
            **{name: _packed(getattr(self, name)) for name in ("center", "squares")},
            **{name: getattr(self, name) for name in ("void", "weights", "exactly", "rows", "steps", "left")},
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any], p: int, k: int) -> Self:
        """What `to_dict` wrote, for p columns of X and k targets; raises ValueError and KeyError for what is none."""
        q = p + k
        by = tuple(_key(names) for names in facts["by"])
        levels, single = (tuple(tuple(map(_key, keys)) for keys in facts[name]) for name in ("levels", "single"))
        void = tuple(int(j) for j in facts["void"])
        if not by or not all(by) or any(not 0 <= j < q for j in void):
            raise ValueError("effects of nothing")
        for names, own, left in zip(by, levels, single, strict=True):
            if len(set(own)) < len(own) or not own or any(len(key) != len(names) for key in (*own, *left)):
                raise ValueError("levels that do not fit their columns")
        return cls(
            by,
            levels,
            tuple(frozenset(keys) for keys in single),
            tuple(_unpacked(t, len(own), q) for t, own in zip(facts["effects"], levels, strict=True)),
            tuple(_unpacked(t, q) for t, _ in zip(facts["average"], levels, strict=True)),
            _unpacked(facts["center"], q),
            _unpacked(facts["squares"], k),
            void,
            int(facts["weights"]),
            bool(facts["exactly"]),
            int(facts["rows"]),
            int(facts["steps"]),
            float(facts["left"]),
            *(_of_levels(facts.get(name, ()), levels, name) for name in ("counts", "parts")),
        )


@dataclass(frozen=True, slots=True, eq=False)
class LevelsOfRows:
    """The levels that the rows of a batch have.

    Attributes
    ----------
    absorbed : Absorbed
    codes : tuple of Tensor, int (n,)
        The number of each row's level in each factor; negative: none.
    seen : tuple of (Tensor (n,), list of Key)
        The levels as the batch has them.
    """

    absorbed: Absorbed
    codes: tuple[Tensor, ...]
    seen: tuple[tuple[Tensor, list[Key]], ...]

    def where(self, what: int) -> Tensor | None:
        """Rows (n,) with such a code in some factor; None: there are none."""
        if self.complete:
            return None
        found = torch.stack([codes == what for codes in self.codes]).any(0)
        return found if bool(found.any()) else None

    @property
    def complete(self) -> bool:
        """Whether every row has a level with an effect in each factor."""
        return all(not len(codes) or int(codes.min()) >= 0 for codes in self.codes)

    @property
    def missing(self) -> Tensor | None:
        """Rows without a value."""
        return self.where(_MISSING)

    @property
    def single(self) -> Tensor | None:
        """Rows that training left out, or would have, because some level of theirs is of one row alone."""
        return self.where(_SINGLE)

    def strange(self, used: Tensor, batch: Batch, on_unseen: str) -> tuple[Tensor | None, dict[tuple[str, str], int]]:
        """Which of the rows `used` (n,) have a level never seen, and how many have which. Raises UnseenLevelError where asked to."""
        unseen: Counter[tuple[str, str]] = Counter()
        if self.complete:
            return None, {}
        for name, codes, (own, keys), levels in zip(
            self.absorbed.names, self.codes, self.seen, self.absorbed.levels, strict=True
        ):
            new = (codes <= _SINGLE) & used
            if not bool(new.any()):
                continue
            if on_unseen == "raise":
                i = int(torch.nonzero(new)[0])
                raise UnseenLevelError(
                    "^".join(keys[int(own[i])]), name, batch.where(i), ["^".join(key) for key in levels[:50]]
                )
            for code, rows in zip(*(t.tolist() for t in own[new].unique(return_counts=True)), strict=True):
                unseen[name, "^".join(keys[code])] += rows
        if not unseen:
            return None, {}
        # In any factor: a row needs the effects of all its levels.
        return torch.stack([codes <= _SINGLE for codes in self.codes]).any(0) & used, dict(unseen)

    def height(self, columns: Tensor, index: Tensor | None = None) -> Tensor:
        """What the levels of the rows say of some columns, (m, columns); of a level never seen the average."""
        absorbed = self.absorbed
        whole, found, complete = len(columns) == len(absorbed.center), absorbed.center[columns], self.complete
        for codes, effects, average in zip(self.codes, absorbed.effects, absorbed.average, strict=True):
            own, said = codes if index is None else codes[index.cpu()], effects if whole else effects[:, columns]
            if not complete:  # the average stands behind the last level, and there any negative code is sent
                own, said = torch.where(own < 0, len(said), own), torch.cat([said, average[None, columns]])
            found = found + said.index_select(0, own)
        return found

    def rests(self, rows: Rows, index: Tensor | None = None) -> tuple[Rows, Tensor]:
        """The rests of rows of the batch, those at `index` (None: all), and what the levels say of their targets, (m, k)."""
        p, absorbed = rows.X.shape[1], self.absorbed
        q = p + rows.y.shape[1]
        found = self.height(torch.arange(q), index).to(rows.X.device)
        X, y = rows.X.to(torch.float64) - found[:, :p], rows.y.to(torch.float64) - found[:, p:].to(rows.y.device)
        # What does not vary within the levels is their effect alone: rounding is all that would be left of it.
        for j in absorbed.void:
            (X if j < p else y)[:, j if j < p else j - p] = 0.0
        return Rows(X, y, rows.w, rows.copies), found[:, p:]


def _key(names: Sequence[Any]) -> Key:
    return tuple(map(str, names))


def _of_levels(stored: Sequence[Any], levels: Sequence[Sequence[Key]], name: str) -> tuple[Tensor, ...]:
    """Whole numbers (G,) of each factor's levels; none where a file has none."""
    if not stored:
        return ()
    found = tuple(_unpacked(t, len(own)) for t, own in zip(stored, levels, strict=True))
    if any(bool(((own < 0) | (own != own.round())).any()) for own in found):
        raise ValueError("numbers that count nothing")
    return found if name == "counts" else tuple(own.long() for own in found)


def _packed(values: Tensor) -> list[Any]:
    """A tensor's shape and bytes."""
    return [list(values.shape), b64encode(values.contiguous().numpy().tobytes()).decode()]


def _unpacked(stored: Any, *shape: int) -> Tensor:
    """The tensor of this shape; raises ValueError for another."""
    own, text = stored
    values = torch.frombuffer(bytearray(b64decode(str(text), validate=True)), dtype=torch.float64)
    if tuple(own) != shape or len(values) != math.prod(shape) or not bool(values.isfinite().all()):
        raise ValueError("effects of the wrong shape")
    return values.reshape(shape)
