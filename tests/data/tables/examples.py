"""Reading whole sources, and writing small files to read."""

from __future__ import annotations

import numpy as np

from bestline.data.tables import Kind, Source


def all_numbers(source: Source, names: list[str] | None = None, size: int = 65_536) -> np.ndarray:
    names = list(source.names) if names is None else names
    return np.concatenate([b.numbers(names).numpy() for b in source.batches(names, size=size)])


def all_text(source: Source, name: str, size: int = 65_536) -> list[str | None]:
    out: list[str | None] = []
    for batch in source.batches([name], size=size):
        codes, levels = batch.text(name)
        out += [None if c < 0 else levels[c] for c in codes.tolist()]
    return out


def kinds(source: Source) -> dict[str, Kind]:
    return {field.name: field.kind for field in source.fields}
