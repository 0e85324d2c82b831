"""Tables: what a lesson, a sample, a file that was sent or the command's data hold, and which columns one would begin with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bestline.data import samples, synthetic
from bestline.data.synthetic.lessons import LESSONS
from bestline.data.tables import Batch, Field, Kind, Source, open_source
from bestline.errors import readable
from bestline.wording import said

__all__ = ["DEFAULT", "Dataset", "lesson", "offered", "sample", "table", "told"]

DEFAULT = "lesson:slope-and-bias"  # what a page shows that nobody has given data

_LOOKED_AT = 5_000  # rows from which one guesses what would be interesting
_SAMPLES = {
    "penguins": ("342 penguins of three species; the sex of nine is missing.", "body_mass_g", ("flipper_length_mm",)),
    "longley": ("Employment in the USA in 16 years, and six nearly collinear columns.", "employed", ("gnp",)),
    "norris": ("36 readings of an ozone monitor, y, and the true concentrations, x.", "y", ("x",)),
}
# The last word of a name counts: sale_price, "house price".
_LIKELY = re.compile(r"(^|[_ .-])(y|target|label|outcome|response|price|sales?|charges|mpg|medv|quality)$", re.IGNORECASE)
_NAMED_ROWS = re.compile(r"^(id|index|row|no|nr|number|key|unnamed.*|.*[_ ]id|year|month|day|date)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Data that can be trained on.

    Attributes
    ----------
    key : str
        What `Question.data` calls it.
    name, about : str
        What people call it, and what it is.
    data
        As `bestline.fit` takes them.
    source : Source
        The same, opened.
    first : mapping
        The fields of the run that it is shown with first.
    path : Path or None
        Where a file lies that was sent; its messages call it by the name it had.
    """

    key: str
    name: str
    data: Any
    source: Source
    about: str = ""
    first: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    def told(self, text: str) -> str:
        """A text in which a file that was sent has its own name, and not that of our copy."""
        return text if self.path is None else told(text, self.path, self.name)

    @property
    def facts(self) -> dict[str, Any]:
        """What the page needs to offer its columns."""
        return {
            "data": self.key,
            "name": self.name,
            "about": self.about,
            "rows": self.source.count,
            "columns": [
                {"name": f.name, "kind": f.kind.name.lower(), "note": f.note, "missing": missing, "example": example}
                for f, missing, example in _looks(self.source)
            ],
            "first": dict(self.first),
        }


# The first exercise of the crash course: one point and one weight, so that every number can be followed on paper.
_POINT = Dataset(
    "lesson:one-weight",
    "one-weight",
    {"x": np.array([-3.0]), "y": np.array([3.0])},
    open_source({"x": np.array([-3.0]), "y": np.array([3.0])}),
    "One point, x = -3 and y = 3, and one weight: y = w x.",
    {"formula": "y ~ x - 1", "optimizer": "sgd", "lr": 0.01, "steps": 40, "start": {"x": -1.5}, "standardize": False},
)


def told(text: str, path: Path, name: str) -> str:
    """A text in which the file at a path is called by another name."""
    for ours, theirs in ((readable(str(path)), readable(name)), (str(path), name), (path.name, name)):
        text = text.replace(ours, theirs)
    return text


def offered() -> list[dict[str, str]]:
    """The data that are here already: lessons and samples."""
    lessons = [{"data": f"lesson:{name}", "name": name, "about": about} for name, about in LESSONS]
    lessons.append({"data": _POINT.key, "name": _POINT.name, "about": _POINT.about})
    return lessons + [{"data": f"sample:{name}", "name": name, "about": about} for name, (about, *_) in _SAMPLES.items()]


def lesson(name: str) -> Dataset:
    """The data of a lesson, and the run that it recommends. Raises OptionError where there is none of that name."""
    if name == _POINT.name:
        return _POINT
    made = synthetic.lesson(name)
    run = {field: value for field, value in made.truth["run"].items() if value is not None}
    run["optimizer"] = run.pop("solver")
    about = dict(LESSONS)[name]
    first = {"target": "y", "features": ["x"], **run}
    return Dataset(f"lesson:{name}", name, made, open_source(made), about, first)


def sample(name: str) -> Dataset:
    """A sample. Raises OptionError where there is none of that name."""
    source = open_source(samples.path(name))
    about, target, features = _SAMPLES[name]
    return Dataset(f"sample:{name}", name, samples.path(name), source, about, {"target": target, "features": list(features)})


def table(key: str, data: Any, name: str = "", *, path: Path | None = None, formula: str | None = None) -> Dataset:
    """Somebody's own data, opened. Raises DataError where they cannot be read as a table."""
    source = open_source(data)
    found = Dataset(key, name or source.label, data, source, path=path)
    first, about = ({"formula": formula}, "") if formula else _first(source)
    return replace(found, first=first, about=about)


def _looks(source: Source) -> list[tuple[Field, int, str]]:
    """Every column, how many of the first rows lack it, and what it holds in the first row that has it."""
    head = _head(source)
    return [(f, *_look(head, f)) for f in source.fields]


def _look(head: Batch | None, f: Field) -> tuple[int, str]:
    if head is None or f.kind in (Kind.OTHER, Kind.EMPTY):
        return 0, ""
    if f.kind is Kind.NUMBER:
        values = _values(head, f.name)
        there = values[~np.isnan(values)]
        return len(values) - len(there), said(float(there[0])) if len(there) else ""
    codes, levels = head.text(f.name)
    some = ", ".join(str(level)[:20] for level in levels[:3]) + (", …" if len(levels) > 3 else "")
    return int((codes < 0).sum()), some


def _head(source: Source) -> Batch | None:
    usable = [f.name for f in source.fields if f.kind is not Kind.OTHER]
    batches = source.batches(usable, size=_LOOKED_AT)
    return next(batches, None)


def _values(head: Batch, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(head.numbers([name])[:, 0].numpy(), dtype=np.float64)


def _first(source: Source) -> tuple[dict[str, Any], str]:
    """The target and the feature that one would look at first, and why: names tell more than numbers, then the largest correlation."""
    head = _head(source)
    names = [f.name for f in source.fields if f.kind is Kind.NUMBER]
    if head is None or not names:
        return {}, "No column holds numbers; a line needs a target that does." if head is not None else ""
    columns = {name: _values(head, name) for name in names}
    with np.errstate(all="ignore"):
        moving = [name for name in names if np.nanstd(columns[name]) > 0] if len(head) else []
    counter = source.fields[0].name  # numbers of rows stand first
    numbers_rows = [name for name in moving if _NAMED_ROWS.match(name) or (name == counter and _counts(columns[name]))]
    usual = [name for name in moving if name not in numbers_rows] or moving or names
    measured = [name for name in usual if len(np.unique(columns[name][~np.isnan(columns[name])])) > 2] or usual
    named = [name for name in usual if _LIKELY.search(name)]
    target = named[0] if named else measured[-1]
    why = "its name is that of a target" if named else "it is the last column of numbers that vary"
    others = [name for name in usual if name != target]
    if others:
        feature = max(others, key=lambda name: _correlation(columns[name], columns[target]))
        why += "" if len(others) == 1 else f", and {readable(feature)} goes with it most closely"
        features = [feature]
    else:
        words = [f.name for f in source.fields if f.kind is Kind.TEXT]
        features = [*(name for name in moving if name != target), *words][:1]
    chosen = f"{readable(target)} is taken as the target: {why}. Any other can be chosen."
    return {"target": target, "features": features}, chosen


def _counts(values: np.ndarray[Any, Any]) -> bool:
    """Whether a column numbers the rows: whole numbers, each one more than that before."""
    return len(values) > 2 and bool((np.diff(values) == 1).all()) and bool((values == np.floor(values)).all())


def _correlation(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    """Size of the correlation of what both have; 0 where there is none."""
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < 3:
        return 0.0
    a, b = a[both] / np.abs(a[both]).max(initial=1e-300), b[both] / np.abs(b[both]).max(initial=1e-300)
    with np.errstate(all="ignore"):
        r = float(abs(np.corrcoef(a, b)[0, 1]))
    return r if np.isfinite(r) else 0.0
