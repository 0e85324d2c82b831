"""What a case says, made small enough to keep, and held against what it said before.

Words are kept as they are. A list of many numbers is kept as how many there are, their size S = sum |v|, their sum, and
sum (i + 1) v / n, which notices two that changed places: a sign, a factor or an index that is wrong moves one of the three.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
import torch

# Another processor gives other last bits, and searches carry them on; what a wrong line of code changes is far larger.
SAME = 1e-9
SHORT = 8  # numbers that are kept one by one
POWER, PLAIN = re.compile("×10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)"), str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
NUMBER = re.compile(r"[-+]?\b\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


def told(value: Any) -> Any:
    """Anything as plain JSON."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, float | np.floating):
        return number(float(value))
    if isinstance(value, date | np.datetime64):
        return str(value)
    if isinstance(value, np.bool_ | np.integer):
        return value.item()
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    if isinstance(value, pd.DataFrame):
        return {str(name): told(value[name].to_numpy()) for name in value}
    if isinstance(value, pd.Series):
        return {str(name): told(one) for name, one in value.items()}
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist()
    if isinstance(value, Mapping):
        return {str(key): told(one) for key, one in value.items() if key != "seconds"}  # which no two runs share
    if is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: told(getattr(value, f.name)) for f in fields(value) if not f.name.startswith("_") and f.name != "seconds"
        }
    values = flat(list(value))
    if len(values) > SHORT and all(isinstance(one, int | float) and not isinstance(one, bool) for one in values):
        return digest([float(one) for one in values])
    return [told(one) for one in value]


def flat(value: Any) -> list[Any]:
    """The members of nested lists, one after the other."""
    if isinstance(value, list | tuple):
        return [one for inner in value for one in flat(inner)]
    return [value]


def number(value: float) -> Any:
    return float(f"{value:.12g}") if math.isfinite(value) else str(value)


def digest(values: list[float]) -> dict[str, Any]:
    finite = [v if math.isfinite(v) else 0.0 for v in values]
    size = sum(map(abs, finite))
    return {
        "~": len(values),
        "finite": sum(map(math.isfinite, values)),
        "size": number(size),
        "sum": number(math.fsum(finite)),
        "places": number(math.fsum((i + 1) * v for i, v in enumerate(finite)) / len(values)),
    }


def apart(was: Any, now: Any, *, at: str = "") -> list[str]:
    """Where the two differ by more than rounding, in words."""
    if isinstance(was, dict) and isinstance(now, dict):
        if list(was) != list(now):
            return [f"{at}: there was {sorted(set(was) - set(now))}, there is {sorted(set(now) - set(was))}, or another order"]
        if "~" in was:
            near = SAME * max(abs(was["size"]), 1e-4)
            return [f"{at}: {was} became {now}"] if any(abs(was[key] - now[key]) > near for key in was) else []
        return [line for key in was for line in apart(was[key], now[key], at=f"{at}/{key}")]
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        size = max((abs(v) for v in (*was, *now) if is_number(v)), default=0.0)
        numbers = all(is_number(v) for v in (*was, *now))
        if numbers:  # rounding is of the size of the largest
            return (
                [f"{at}: {was} became {now}"]
                if any(abs(a - b) > SAME * max(size, 1e-4) for a, b in zip(was, now, strict=True))
                else []
            )
        return [line for i, (a, b) in enumerate(zip(was, now, strict=True)) for line in apart(a, b, at=f"{at}[{i}]")]
    if is_number(was) and is_number(now):
        return [] if abs(was - now) <= SAME * max(abs(was), abs(now), 1e-4) else [f"{at}: {was} became {now}"]
    if isinstance(was, str) and isinstance(now, str):
        return [] if same_text(was, now) else [f"{at}: {was!r} became {now!r}"]
    return [] if was == now and type(was) is type(now) else [f"{at}: {was!r} became {now!r}"]


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def same_text(was: str, now: str) -> bool:
    """The same words, and the same numbers to rounding."""
    was, now = (POWER.sub(lambda p: f"e{p[1].translate(PLAIN)}", text) for text in (was, now))
    if NUMBER.sub("#", was) != NUMBER.sub("#", now):
        return False
    pairs = zip(NUMBER.findall(was), NUMBER.findall(now), strict=True)
    return all(
        a == b or abs(float(a.replace(",", "")) - float(b.replace(",", ""))) <= SAME * max(abs(float(a.replace(",", ""))), 1e-4)
        for a, b in pairs
    )
