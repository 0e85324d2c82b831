"""Arguments: which of them is the data, which the formula, and which X and y.

The formula first as in R, X and y as in scikit-learn: what can only mean one thing is taken, everything else is refused with
what to write. Python and the command line ask here.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from bestline.calls.options import check_listeners, refuse_unknown
from bestline.errors import OptionError, listed, readable, warn

_P = ParamSpec("_P")
_R = TypeVar("_R")

_A_PATH = re.compile(
    r"~[\w.-]*[/\\]|\w+://|.*\.(csv|tsv|txt|gz|parquet|pq|feather|arrow|moments|bestline|zip|zst|bz2|xz)\Z", re.DOTALL
)
_MEANT = re.compile(r"\s*[\w.`()]+\s*(<-|==?|,)\s*[\w.`(]")  # a formula with another sign for its ~


def is_formula(text: object) -> bool:
    """Whether a text is a formula and no path: it has a ~ that does not begin a path, and no file is called so."""
    if not isinstance(text, str) or "~" not in text or _A_PATH.match(text):
        return False
    return not _exists(text)


def meant_as_formula(text: object) -> bool:
    """Whether a text is one, or would be with a ~ for another sign: `y = x`."""
    return is_formula(text) or (
        isinstance(text, str) and bool(_MEANT.match(text)) and not _A_PATH.match(text) and not _exists(text)
    )


def _exists(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except (OSError, ValueError):  # longer than any path, or with characters that no path has
        return False


def data_first(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A function of (data, formula, *, options) as people call it: also (formula, data), (X, y), and with any of them by name.

    What else it is given by position, or by a name that it does not know, is refused with what to write.
    """
    parameters = inspect.signature(function).parameters.values()
    places = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    options = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    needed = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    before, name = places.index("data"), function.__name__  # the class, of a class method
    # One that takes any option checks them by itself.
    closed = not any(p.kind is p.VAR_KEYWORD for p in parameters)

    @wraps(function)
    def called(*args: Any, **given: Any) -> _R:
        data, formula = _ordered(name, _two(name, args[before:], given))
        if closed:
            refuse_unknown(given, options, name)
        if lacking := [option for option in needed if option not in given]:
            raise OptionError(f"{name} needs {listed(lacking)}, by name.")
        check_listeners(given)
        return function(*args[:before], data, formula, **given)  # type: ignore[arg-type]

    called.checked = True  # type: ignore[attr-defined]
    return called


def _two(name: str, args: tuple[Any, ...], given: dict[str, Any]) -> list[Any]:
    """The one or two things that are fitted to each other, by position or by name, in the order in which they came."""
    if len(args) > 2:
        raise OptionError(
            f"{name} takes two arguments by position, data and formula or X and y; give the others by name, such as weights=."
        )
    named = {word: given.pop(word) for word in ("X", "data", "formula", "y") if given.get(word, given) is not given}
    for word in ("data", "formula"):
        given.pop(word, None)  # None was the default, which people pass on
    if isinstance(named.get("y"), str):
        raise OptionError(f"`y` is an array beside X; a column of the data is named by target={named['y']!r}.")
    both = [*named.values(), *args] if "X" in named or "data" in named else [*args, *named.values()]
    if len(both) > 2:
        raise OptionError(f"{name} takes the data and one formula, or X and y; got {len(both)} of them.")
    if not both:
        raise OptionError(f"{name} needs data, and what to predict from them: {name}(data, 'y ~ x'), or {name}(X, y).")
    return both


def _ordered(name: str, both: list[Any]) -> tuple[Any, str | None]:
    """Data and formula; X and y become a pair of data without one."""
    data, other = (*both, None)[:2]
    if other is None:
        if meant_as_formula(data):
            raise OptionError(f"{readable(data)} is a formula, and there are no data beside it; write {name}(data, {data!r}).")
        return data, None
    if is_formula(data) and is_formula(other):
        raise OptionError(f"{readable(data)} and {readable(other)} are both formulas; give the data and one of them.")
    # A text before a table can only be the formula, and before a path where it looks like one and like no file.
    before_path = meant_as_formula(data) and not is_formula(other)
    if before_path or (isinstance(data, str) and not isinstance(other, str | os.PathLike) and not _A_PATH.match(data)):
        return other, data
    if isinstance(other, str):
        if _A_PATH.match(other) and not is_formula(other):
            raise OptionError(
                f"{readable(other)} is a path, and no formula; give several files as a list: {name}([...], 'y ~ x')."
            )
        return data, other
    if isinstance(data, str | os.PathLike):
        raise OptionError(
            f"A path goes with a formula, {name}({os.fspath(data)!r}, 'y ~ x'), and arrays go together: {name}(X, y)."
        )
    return (data, _response(data, other)), None


def _response(X: Any, y: Any) -> Any:
    """The y beside X, which is to be an array or a column; names of columns and whatever else has no rows are refused."""
    if isinstance(y, bytes) or not hasattr(y, "__len__") or getattr(y, "ndim", 1) == 0:
        raise OptionError(f"Beside the data stands a formula such as 'y ~ x', or the y that belongs to X; got {_kind(y)}.")
    words = isinstance(y, list | tuple) and y and all(isinstance(word, str) for word in y)
    if words and set(y) <= set(_names(X)):  # of a lazy frame, names are asked for only where there are words
        raise OptionError(f"{listed(y)} are names of columns; write target=... and features={list(y)!r}.")
    if _width(X) == 1 and _width(y) > 1:
        warn(
            f"X is one column and y has {_width(y)}: the line predicts these from that one. Were they meant the other way round, "
            f"write X first: fit(X, y)."
        )
    return y


def _kind(value: Any) -> str:
    return f"{value!r:.60}" if isinstance(value, str | bytes | int | float) else f"an object of the type {type(value).__name__}"


def _names(X: Any) -> list[str]:
    """The names of columns, of what has any."""
    columns = getattr(X, "columns", list(X) if isinstance(X, Mapping) else [])
    return [column for column in columns if isinstance(column, str)]


def _width(values: Any) -> int:
    """How many columns something has, as far as its shape tells."""
    shape = getattr(values, "shape", None)
    if shape is None and isinstance(values, list | tuple) and values and isinstance(values[0], list | tuple):
        return len(values[0])
    return int(shape[1]) if isinstance(shape, tuple) and len(shape) == 2 else 1
