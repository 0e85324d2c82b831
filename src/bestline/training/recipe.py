"""Recipe: how a fit was asked for, so that it can be asked for again, in Python or on the command line."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

_UNSPOKEN = ("schedule",)  # what the command line has no options for
_SPELT = ("cov",)  # whose text is the same in Python, its own commas and quotes included


@dataclass(frozen=True, slots=True)
class Recipe:
    """The arguments of `bestline.fit` that were not left at their defaults.

    Attributes
    ----------
    data : tuple of str
        Paths; empty for data that were in memory.
    formula : str or None
    arguments : mapping
        Other arguments, as plain values: numbers, text, lists and mappings.
    unsaid : tuple of str
        Arguments that have no plain value, such as functions and arrays.
    """

    data: tuple[str, ...]
    formula: str | None
    arguments: Mapping[str, Any]
    unsaid: tuple[str, ...] = ()

    @classmethod
    def of(cls, data: Any, formula: str | None, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Recipe:
        """The recipe of a call: `given` holds all arguments by name, `defaults` what they are when left out."""
        plain: dict[str, Any] = {}
        unsaid = []
        # A solver's settings are arguments of `fit` of their own, so a recipe has them beside its name and not inside it.
        solver, settings = _asked(given.get("solver"))
        for name, value in {**given, "solver": solver, **settings}.items():
            if _same(value, defaults.get(name)):  # settings have no defaults here: left out, they are None
                continue
            if _is_plain(value):
                plain[name] = list(value) if isinstance(value, tuple) else value
            else:
                unsaid.append(name)
        return cls(_paths(data), formula, plain, tuple(unsaid))

    def python(self) -> str:
        """The call as Python."""
        data = repr(self.data[0]) if len(self.data) == 1 else repr(list(self.data)) if self.data else "data"
        arguments = [data, *([repr(self.formula)] if self.formula is not None else [])]
        arguments += [f"{name}={value!r}" for name, value in self.arguments.items()]
        arguments += [f"{name}=..." for name in self.unsaid]
        return f"import bestline as bl\n\nmodel = bl.fit({', '.join(arguments)})"

    def command(self) -> str | None:
        """The same on the command line; None where it cannot be said there."""
        # Half a command would fit another line than this one: it is the whole or none.
        if not self.data or self.unsaid or any(name in self.arguments for name in _UNSPOKEN):
            return None
        words = ["bestline", "fit", *self.data, *([self.formula] if self.formula is not None else [])]
        for name, value in self.arguments.items():
            # What holds commas of its own is an option for each of several.
            if name in _EACH:
                words += [f"--{name}={text}" for text in _EACH[name](value)]
            elif name in ("standardize", "average"):
                words.append(f"--{name}" if value else f"--no-{name}")
            else:
                words.append(f"--{name.replace('_', '-')}={value if name in _SPELT else _as_option(value)}")
        return " ".join(map(_as_word, words))

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Recipe:
        """The inverse of `to_dict`."""
        formula = facts["formula"]
        return cls(
            tuple(map(str, facts["data"])),
            None if formula is None else str(formula),
            dict(facts["arguments"]),
            tuple(map(str, facts["unsaid"])),
        )


def _asked(solver: Any) -> tuple[Any, dict[str, Any]]:
    """A solver by its name, and its settings as arguments of their own; itself where no arguments of `fit` say it."""
    asked = solver.asked() if hasattr(solver, "asked") else None
    return (solver, {}) if asked is None else asked


def _same(value: Any, default: Any) -> bool:
    return value is default or (_is_plain(value) and value == default)


def _is_plain(value: Any) -> bool:
    if value is None or isinstance(value, bool | int | float | str):
        return True
    # Long lists are data, not a choice that anybody wants to read in a recipe.
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and _is_plain(v) for k, v in value.items())
    return isinstance(value, list | tuple) and len(value) <= 1_000 and all(map(_is_plain, value))


def _as_option(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{_quoted(k)}={v!r}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(_as_option, value))
    return _quoted(value) if isinstance(value, str) else repr(value)


def _bounds(value: Any) -> list[str]:
    """Bounds as options: `price=:0` each, or `0:` for all slopes."""
    if isinstance(value, str | Mapping):
        named = value.items() if isinstance(value, Mapping) else ()
        return [value] if isinstance(value, str) else [f"{name}={_between(ends)}" for name, ends in named]
    return list(value) if all(isinstance(text, str) for text in value) else [_between(value)]


def _between(ends: Sequence[float | None]) -> str:
    return ":".join("" if end is None else repr(end) for end in ends)


def _constraints(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


_EACH = {"bounds": _bounds, "constraints": _constraints}  # options that are given once for each of several


def _quoted(name: str) -> str:
    """A name as one piece of a list between commas."""
    return f'"{name.replace(chr(34), chr(34) * 2)}"' if "," in name or '"' in name else name


def _paths(data: Any) -> tuple[str, ...]:
    if isinstance(data, str | os.PathLike):
        return (os.fspath(data),)
    if isinstance(data, Sequence) and data and all(isinstance(item, str | os.PathLike) for item in data):
        return tuple(os.fspath(item) for item in data)
    return ()


def _as_word(word: str) -> str:
    """A word as a shell reads it; with letters that are not printable, as bash and zsh spell them, so that a page shows them."""
    if word.isprintable():
        return shlex.quote(word)

    def spelt(letter: str) -> str:
        if letter.isprintable():
            return {"'": "\\x27", "\\": "\\\\"}.get(letter, letter)
        code = ord(letter)
        return f"\\x{code:02x}" if code < 128 else f"\\u{code:04x}" if code < 2**16 else f"\\U{code:08x}"

    return f"$'{''.join(map(spelt, word))}'"
