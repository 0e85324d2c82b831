"""What every door takes when nothing is said."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import bestline as bl
from characterisation.cases import case


def signatures() -> dict[str, Any]:
    """The names, the order and the usual values of everything public that can be called."""
    said: dict[str, Any] = {}
    for name in sorted(bl.__all__):
        found = getattr(bl, name)
        if inspect.isfunction(found) or inspect.isclass(found):
            said[name] = usual(found)
        for own, method in inspect.getmembers(found, inspect.isfunction):
            if not own.startswith("_") and str(getattr(method, "__module__", "")).startswith("bestline"):
                said[f"{name}.{own}"] = usual(method)
    return said


def usual(function: Callable[..., Any]) -> str:
    """`(data, formula=None, *, l1=0.0)`, without types, which are nobody's default."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # an enumeration or an error, which nobody makes
        return "none"
    bare = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


case("usual values", signatures)
