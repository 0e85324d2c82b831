"""Literals: names, numbers and calls as Python text. Whatever a name holds, it stays inside its quotation marks or its comment.

Lines are no longer than 100 columns and laid out as formatters lay them out; blocks of numbers are excepted by `# fmt: skip`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from bestline.errors import readable

WIDTH = 100

Written: TypeAlias = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Section:
    """Lines that stand together; `defines` when they are a function or a class, which two blank lines set apart."""

    lines: list[str]
    defines: bool = False


def quoted(text: str) -> str:
    """A string literal of the text, between double quotes where that needs no more escapes."""
    # repr escapes all that could end the literal or the line, whatever a column is called.
    literal = repr(str(text))
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in literal else literal


def comment(text: str, longest: int = 88) -> str:
    """Text for a comment: one line, nothing that does not print, shortened in the middle."""
    return readable(text, longest)[1:-1]


def number(value: float) -> str:
    """The shortest digits that read back the same; whole numbers without a point."""
    # -0.0 is not 0, and beyond 1e15 an integer would claim digits that the float has not.
    whole = value == math.floor(value) and abs(value) < 1e15 and not (value == 0 and math.copysign(1.0, value) < 0)
    return str(int(value)) if whole else repr(value)


def single(value: float) -> str:
    """The same for a value that float32 holds, in float32's fewer digits."""
    return number(value) if value == math.floor(value) else str(np.float32(value))


def are_single(values: Tensor) -> bool:
    """Whether numbers came from float32, and are shorter when written so."""
    if not torch.equal(values.float().double(), values):
        return False
    # float32 has fewer digits, and reads back the same through float32 alone: both must hold, and some number must be shorter.
    texts = [(float(v), single(float(v))) for v in values.flatten()]
    # float32's digits are worth writing only if they read back the same, and at least one of them is shorter.
    exact = all(float(np.float32(float(text))) == v for v, text in texts)
    return exact and any(len(text) < len(number(v)) for v, text in texts)


def value(thing: Any) -> str:
    """A plain value of an option: a number, a truth value, None, a text, or a tuple of them."""
    if isinstance(thing, tuple | list):
        inner = ", ".join(value(item) for item in thing)
        return f"({inner},)" if len(thing) == 1 else f"({inner})"
    return quoted(thing) if isinstance(thing, str) else repr(thing)


def is_plain(thing: Any) -> bool:
    """Whether `value` can write it, and what it writes means the same."""
    if isinstance(thing, tuple | list):
        return all(map(is_plain, thing))
    return thing is None or type(thing) in (bool, int, str) or (type(thing) is float and math.isfinite(thing))


def call(target: str, function: str, *arguments: str, **options: Any) -> list[str]:
    """The lines of `target = function(arguments)`, broken where a formatter would break them."""
    words = [*arguments, *(f"{name}={value(given)}" for name, given in options.items())]
    line = f"{target} = {function}({', '.join(words)})"
    if len(line) <= WIDTH:
        return [line]
    inner = f"    {', '.join(words)}"
    if len(inner) <= WIDTH:
        return [f"{target} = {function}(", inner, ")"]
    return [f"{target} = {function}(", *(f"    {word}," for word in words), ")"]


def array(target: str, values: Tensor, before: str, after: str, *, written: Written = number) -> list[str]:
    """The lines of `target = before[...]after` for numbers of any shape."""
    text = _nested(values, written)
    line = f"{target} = {before}{text}{after}"
    if len(line) <= WIDTH or not values.ndim:
        return [line]
    rows = [text[1:-1]] if values.ndim == 1 else [f"{_nested(row, written)}," for row in values]
    return [f"{target} = {before}[", *(line for row in rows for line in _wrapped(row)), f"]{after}  # fmt: skip"]


def table(target: str, columns: Mapping[str, Tensor], *, written: Written = number) -> list[str]:
    """The lines of `target = {name: [numbers], ...}`."""
    lines = [f"{target} = {{"]
    for name, values in columns.items():
        text = _nested(values, written)
        line = f"    {quoted(name)}: {text},"
        if len(line) <= WIDTH:
            lines.append(line)
        else:
            lines += [f"    {quoted(name)}: [", *(f"    {part}" for part in _wrapped(text[1:-1], WIDTH - 8)), "    ],"]
    return [*lines, "}  # fmt: skip"]


def names(target: str, given: Sequence[str]) -> list[str]:
    """The lines of `target = [names]`."""
    words = [quoted(name) for name in given]
    line = f"{target} = [{', '.join(words)}]"
    return [line] if len(line) <= WIDTH else [f"{target} = [", *(f"    {word}," for word in words), "]"]


def _nested(values: Tensor, written: Written) -> str:
    return f"[{', '.join(_nested(row, written) for row in values)}]" if values.ndim else written(float(values))


def _wrapped(text: str, width: int = WIDTH - 4) -> list[str]:
    return [f"    {line}" for line in wrap(text, width, break_long_words=False, break_on_hyphens=False)]
