"""Api: the doors that `import bestline` opens. No numbers happen here.

`fit` reads as five lines: request, gather, prepare, train, finish. `model` is the face of a fitted line, methods of at most
three lines; `foresight` has `preflight` and `sweep`. Here is how a door opens: what is behind it is loaded when it is first
asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["on_first_use"]


def on_first_use(namespace: dict[str, Any], homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` (PEP 562) for names that live elsewhere in bestline and load torch, pyarrow or matplotlib.

    Parameters
    ----------
    namespace : dict
        The module's `globals()`; a name that was loaded stays there, so that it is looked up once.
    homes : mapping
        Name -> the module that owns it, below `bestline`. A home that ends in a dot is the package of a module of that name.
    """

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        home = f"bestline.{homes[name]}"
        try:
            value = import_module(home + name) if home.endswith(".") else getattr(import_module(home), name)
        except AttributeError as error:  # would otherwise surface as "cannot import name", hiding the cause
            raise ImportError(f"{namespace['__name__']}.{name} could not be loaded") from error
        # From now on it is a name like any other: `__getattr__` is asked only for what is not there.
        namespace[name] = value
        return value

    return load
