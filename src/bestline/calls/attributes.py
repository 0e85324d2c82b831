"""Attributes: what people reach for by the names of other libraries: there where the number exists, else told what it is called here.

One table for each kind of thing, and no property for each name. What `dir` tells is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from bestline.errors import listed, near_names, readable

_Kind = TypeVar("_Kind", bound=type)
Values = Mapping[str, Callable[[Any], Any]]  # name -> (the thing) -> its value


def spelt_out(words: Mapping[str, str]) -> dict[str, str]:
    """A table with several names in a row, "a b": what they have in common, as one with a name in each."""
    return {name: said for names, said in words.items() for name in names.split()}


def answering(
    elsewhere: Mapping[str, str], values: Values | None = None, there: Callable[[Any], Iterable[str]] = lambda thing: ()
) -> Callable[[_Kind], _Kind]:
    """A class that answers for names which it does not have.

    Parameters
    ----------
    elsewhere : mapping
        Name, or several with blanks between them -> what to write here, as the end of a sentence.
    values : mapping, optional
        Name -> what gives its value; one that raises has none.
    there : callable, optional
        (the thing) -> those of `values` that it has, for `dir`.
    """
    words, found = spelt_out(elsewhere), dict(values or {})

    def wrap(kind: _Kind) -> _Kind:
        def __getattr__(self: Any, name: str) -> Any:  # noqa: N807
            if name.startswith("_"):  # Python's own questions, as of copy and pickle
                raise AttributeError(name)
            if isinstance(getattr(type(self), name, None), property):  # its own error, which Python asks about here again
                return object.__getattribute__(self, name)
            if name in found:
                try:
                    return found[name](self)
                except (ArithmeticError, ValueError) as error:
                    raise AttributeError(f"There is no {readable(name)} here: {error}") from error
            raise AttributeError(missing(type(self).__name__, name, [*_public(kind), *found], words))

        def __dir__(self: Any) -> list[str]:  # noqa: N807
            return sorted({*object.__dir__(self), *there(self)})

        kind.__getattr__ = __getattr__  # type: ignore[attr-defined]
        if found:
            kind.__dir__ = __dir__  # type: ignore[method-assign,assignment]
        return kind

    return wrap


def answering_module(what: str, known: Iterable[str], elsewhere: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a module: what a name that it does not have is called here, or near names."""
    known, words = list(known), spelt_out(elsewhere)

    def __getattr__(name: str) -> Any:  # noqa: N807
        raise AttributeError(name if name.startswith("_") else missing(what, name, known, words))

    return __getattr__


def missing(what: str, name: str, known: Iterable[str], elsewhere: Mapping[str, str]) -> str:
    """The sentence for a name that `what` does not have: what it is called here, or near names."""
    known = list(known)
    said = elsewhere.get(name) or elsewhere.get(name.casefold())
    if said is None:
        near = near_names(name, known)
        slips = near_names(name, elsewhere) if not near else []
        said = f"did you mean {listed(near, joined='or')}?" if near else elsewhere[slips[0]] if slips else ""
    return f"{what} has no attribute {readable(name)}{f'; {said}' if said else ''}".removesuffix(".") + (
        "" if said.endswith("?") else "."
    )


def _public(kind: type) -> list[str]:
    fields = getattr(kind, "__dataclass_fields__", {})
    return [name for name in dict.fromkeys([*dir(kind), *fields]) if not name.startswith("_")]
