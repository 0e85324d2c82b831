"""Choose: which engine has the data, or is asked to read them. None of them: then they are opened here."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bestline.data.tables import BRINGERS, Placed, placed
from bestline.engines.base import Engine, Reader
from bestline.engines.dask import Dask
from bestline.engines.spark import Spark
from bestline.errors import OptionError, readable

# Doors ask here for `placed`, so that engines are known to whoever opens data.
__all__ = ["ENGINES", "brought", "placed"]

ENGINES: tuple[Engine, ...] = (Dask(), Spark())  # one row an engine; the first that owns the data opens them


def brought(data: Any, text: Collection[str] = ()) -> Any:
    """Data of an engine, or placed with one, as the Source that it opens; anything else as it is, for `open_source`.

    Raises OptionError for an engine that nobody knows.
    """
    if isinstance(data, Placed):
        for engine in ENGINES:
            if isinstance(engine, Reader) and engine.serves(data.engine):
                return engine.read(data.data, data.engine, text)
        given = readable(data.engine if isinstance(data.engine, str) else type(data.engine).__name__)
        names = " or ".join(repr(engine.name) for engine in ENGINES if isinstance(engine, Reader))
        raise OptionError(f"`engine` is {names}, an address such as tcp://host:8786, or a client; got {given}.")
    owner = next((engine for engine in ENGINES if engine.owns(data)), None)
    return data if owner is None else owner.open(data, text)


if brought not in BRINGERS:
    BRINGERS.append(brought)
