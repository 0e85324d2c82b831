"""Days: dates and durations as numbers, under a name that says of what.

    date -> "date (days since 2020-01-03)"        wait -> "wait (days)"

The name of such a column holds all that is needed to compute it, so a line that was fitted to it reads any other table alike, and its
file, its summary and its pictures say the unit without knowing of dates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from bestline.data.tables.words import text_words, wordy

_NAME = re.compile(r"(?P<column>.+) \(days(?: since (?P<origin>\d{4}-\d{2}-\d{2})(?P<utc> UTC)?)?\)", re.DOTALL)
_ISO = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$"
_ZONE, _CLOCK = r"(?:Z|[+-]\d{2}:?\d{2})$", r"\d{2}:\d{2}"
_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


class ZoneError(Exception):
    """Times with a zone where the line knows none, or the other way round; it becomes a ColumnError."""


class NoDateError(Exception):
    """Cells that cannot be days: `word` at `index`, or all of them, where `word` is None; it becomes a ColumnError."""

    def __init__(self, index: int, word: str | None) -> None:
        super().__init__(word)
        self.index, self.word = index, word


@dataclass(frozen=True, slots=True)
class Days:
    """A column in days.

    Attributes
    ----------
    column : str
        The column of dates or durations.
    origin : date or None
        Day 0; None for durations.
    utc : bool
        Whether day 0 begins at midnight of universal time, as it does for times with a zone.
    """

    column: str
    origin: date | None = None
    utc: bool = False

    @property
    def name(self) -> str:
        """What the column in days is called."""
        if self.origin is None:
            return f"{self.column} (days)"
        return f"{self.column} (days since {self.origin.isoformat()}{' UTC' if self.utc else ''})"

    def cells(self, days: ArrayLike) -> NDArray[Any]:
        """The dates or durations (n,) of so many days, to the microsecond: what `of` reads."""
        own = np.asarray(days, dtype=np.float64)
        known = np.isfinite(own)
        since = np.round(np.where(known, own, 0.0) * _DAY["us"]).astype("timedelta64[us]")
        cells = since if self.origin is None else np.datetime64(self.origin, "us") + since
        return np.where(known, cells, np.array("NaT", dtype=cells.dtype))

    def of(self, cells: Any) -> NDArray[np.float64]:
        """Days (n,), NaN where missing. Raises NoDateError, and ZoneError for times whose place on the line's clock nobody knows."""
        given, cells = cells, temporal(cells)
        kind = cells.type
        if pa.types.is_null(kind):
            return np.full(len(cells), np.nan)
        if pa.types.is_duration(kind) is not (self.origin is None):
            raise NoDateError(0, None)
        if self.origin is not None and _zoned(given) not in (None, self.utc):
            raise ZoneError
        zero = 0 if self.origin is None else (self.origin - date(1970, 1, 1)).days
        units = _DAY[kind.unit]
        # In whole units first: nanoseconds since 1970 have more digits than float64.
        whole = pc.subtract(cells.cast(pa.int64()), pa.scalar(zero * units, pa.int64()))
        return np.asarray(pc.cast(whole, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64) / units


def days_of(name: str) -> Days | None:
    """The column in days that has this name, if it is the name of one."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        origin = None if found["origin"] is None else date.fromisoformat(found["origin"])
    except ValueError:
        return None
    return Days(found["column"], origin, bool(found["utc"]))


def starting(column: str, cells: Any) -> Days | None:
    """The column in days that begins with the first of some cells; None where all are missing. Raises NoDateError."""
    present = pc.drop_null(temporal(cells))
    if not len(present):
        return None
    if pa.types.is_duration(present.type):
        return Days(column)
    return Days(column, pc.cast(pc.floor_temporal(present[0], unit="day"), pa.date32()).as_py(), bool(_zoned(cells)))


def temporal(cells: Any) -> Any:
    """Dates, times and words that are dates as timestamps; durations as they are. Raises NoDateError for all else."""
    cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    kind = cells.type
    if pa.types.is_null(kind) or pa.types.is_duration(kind):
        return cells
    if pa.types.is_date(kind):
        return cells.cast(pa.timestamp("s" if pa.types.is_date32(kind) else "ms"))
    if pa.types.is_timestamp(kind):
        return cells.cast(pa.timestamp(kind.unit))
    if not wordy(kind):
        raise NoDateError(0, None)
    words = pc.utf8_trim_whitespace(text_words(pc.cast(cells, pa.string())))
    good = pc.match_substring_regex(words, _ISO)
    try:
        bad = pc.index(good, value=False).as_py()
        if bad < 0:
            kind = pa.timestamp("us", "UTC") if _zoned(words) else pa.timestamp("us")
            return pc.cast(words, kind).cast(pa.timestamp("us"))
    except pa.ArrowInvalid:  # the 30th of February, or zones for some of them
        bad = next((i for i, word in enumerate(words) if word.is_valid and not _date(word.as_py())), 0)
    raise NoDateError(bad, words[bad].as_py())


def _zoned(cells: Any) -> bool | None:
    """Whether times have a zone; None for days alone, which have no clock, and for nothing."""
    kind = cells.type
    if pa.types.is_timestamp(kind):
        return kind.tz is not None
    if not wordy(kind):
        return None
    words = pc.utf8_trim_whitespace(text_words(pc.cast(cells, pa.string())))
    clock = pc.match_substring_regex(words, _CLOCK)
    if not bool(pc.any(clock).as_py()):
        return None
    return bool(pc.any(pc.and_(clock, pc.match_substring_regex(words, _ZONE))).as_py())


def _date(word: str) -> bool:
    try:
        date.fromisoformat(word[:10])
    except ValueError:
        return False
    return True
