"""Old spellings: how a name or a place that an argument once had goes on working for one version, with a warning."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from bestline.calls.options import checked
from bestline.errors import BestlineDeprecationWarning, OptionError, warn

_P = ParamSpec("_P")
_R = TypeVar("_R")


def renamed(**new: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """A function whose arguments were renamed, old="new": the old name works for one version, with a warning that names the new."""

    def wrap(function: Callable[_P, _R]) -> Callable[_P, _R]:
        @wraps(function)
        def called(*args: _P.args, **given: _P.kwargs) -> _R:
            for old in [name for name in new if name in given]:
                if new[old] in given:
                    raise OptionError(f"`{old}` is the old name of `{new[old]}`; give `{new[old]}` alone.")
                warn(
                    f"`{old}` of {function.__name__} is called `{new[old]}` now; the old name is gone in the next version.",
                    BestlineDeprecationWarning,
                )
                given[new[old]] = given.pop(old)
            return function(*args, **given)

        return called

    return wrap


def now_by_name(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A function whose keyword-only arguments were once taken by position, in the order they stand: they still are, with a warning."""
    parameters = inspect.signature(function).parameters.values()
    # The order in which they stand is the order in which they were taken.
    places = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
    names = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    strict = checked(function)

    @wraps(function)
    def called(*args: _P.args, **given: _P.kwargs) -> _R:
        beyond = dict(zip(names, args[places:], strict=False))
        # What is too much, or given twice, is left as it is, to be refused.
        if beyond and len(beyond) == len(args) - places and not beyond.keys() & given.keys():
            said = ", ".join(f"{name}=" for name in beyond)
            warn(
                f"{function.__name__} takes {said} by name now; by position they are gone in the next version.",
                BestlineDeprecationWarning,
            )
            return function(*args[:places], **(given | beyond))  # type: ignore[arg-type]
        return strict(*args, **given)

    called.checked = True  # type: ignore[attr-defined]
    return called
