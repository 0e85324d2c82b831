"""Indexes: objects of pandas laid side by side go together row by row, by position; where their labels differ, that is said.

pandas itself aligns by label, so whoever has y in another order than X may expect that here. Nothing is aligned for them: which
of the two is meant, nobody can know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import narwhals as nw

from bestline.errors import listed, one_line

_NARWHALS = (nw.DataFrame, nw.LazyFrame, nw.Series)  # which have no index, and warn when they are taken for what is inside


def index_notes(data: Any, extra: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """A sentence for each way in which indexes differ, of a pair (X, y), a mapping of columns, or a frame, and of `extra` columns."""
    indexes = {name: part.index for name, part in _parts(data, extra or {}) if _has_index(part)}
    if len(indexes) < 2:
        return ()
    (first, own), *others = indexes.items()
    apart = {name: index for name, index in others if len(index) == len(own) and not index.equals(own)}
    shuffled = [name for name, index in apart.items() if _same_labels(own, index)]
    foreign = [name for name in apart if name not in shuffled]
    notes = []
    if shuffled:
        notes.append(
            f"{listed([first, *shuffled])} have the same index labels in another order; rows were put together by position, not by "
            f"label. Bring them into one order first, as by .loc[index], if rows belong together by their labels."
        )
    if foreign:
        other = apart[foreign[0]]
        at = int((own != other).argmax())  # the first row whose labels differ
        notes.append(
            f"{listed([first, *foreign])} have different indexes; rows were put together by position, not by label: row {at + 1} is "
            f"{_label(own[at])} in {listed([first])} and {_label(other[at])} in {listed(foreign[:1])}. Align them first if rows belong "
            f"together by their labels, or drop the indexes by reset_index(drop=True)."
        )
    return tuple(notes)


def _parts(data: Any, extra: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(data, tuple) and len(data) == 2:
        yield from zip(("X", "y"), data, strict=True)
    elif isinstance(data, Mapping):
        yield from ((str(name), part) for name, part in data.items())
    else:
        yield "the data", data
    yield from extra.items()


def is_series(part: Any) -> bool:
    """Whether this is a Series of pandas, or of a library like it: a column with an index, or a row whose index are names."""
    return not isinstance(part, _NARWHALS) and nw.dependencies.is_pandas_like_series(part)


def _has_index(part: Any) -> bool:
    return is_series(part) or (not isinstance(part, _NARWHALS) and nw.dependencies.is_pandas_like_dataframe(part))


def _same_labels(a: Any, b: Any) -> bool:
    try:
        return bool(a.sort_values().equals(b.sort_values()))
    except TypeError:  # labels of several types have no order
        return len(set(a)) == len(a) and set(a) == set(b)


def _label(label: Any) -> str:
    return one_line(label, 40, head=30, tail=8)
