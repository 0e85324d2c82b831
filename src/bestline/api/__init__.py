"""Api: the doors that `import bestline` opens. No numbers happen here.

`fit` reads as five lines: request, gather, prepare, train, finish. `model` is the face of a fitted line, methods of at most
three lines; `foresight` has `preflight` and `sweep`. Here is how a door opens: what is behind it is loaded when it is first
asked for, so that neither `import bestline` nor `bestline --help` loads torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

# What commands need beside the public names of `bestline` -> the module that owns it.
_HOME = {
    "parse_cov": "inference.covariance.named",
    "animate": "pictures.watch",
    "fresh": "files",
    "label": "pictures.watch",
    "open_source": "data.tables",
    "page_of": "pictures.watch",
    "panels": "pictures.diagnostics",
    "read_table": "data.tables",
    "refuse_format": "pictures.watch",
    "refuse_look": "pictures.watch",
    "save": "pictures.render.mpl",
    "score_facts": "inference.summary",
    "watch_runs": "pictures.watch",
    "write_sweep": "pictures.sweep_file",
    "write_with": "data.tables",
    "written_as": "pictures.sweep_file",
}

__all__ = [
    "animate",
    "fresh",
    "label",
    "on_first_use",
    "open_source",
    "page_of",
    "panels",
    "parse_cov",
    "read_table",
    "refuse_format",
    "refuse_look",
    "save",
    "score_facts",
    "watch_runs",
    "write_sweep",
    "write_with",
    "written_as",
]

if TYPE_CHECKING:
    from bestline.data.tables import open_source, read_table, write_with
    from bestline.files import fresh
    from bestline.inference.covariance.named import parse_cov
    from bestline.inference.summary import score_facts
    from bestline.pictures.diagnostics import panels
    from bestline.pictures.render.mpl import save
    from bestline.pictures.sweep_file import write_sweep, written_as
    from bestline.pictures.watch import animate, label, page_of, refuse_format, refuse_look, watch_runs


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


__getattr__ = on_first_use(globals(), _HOME)
