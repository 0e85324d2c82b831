"""Formats: what a file is by its first bytes, then by its suffix: one that is read, or one that is refused with what to do."""

from __future__ import annotations

from pathlib import PurePosixPath

from bestline.data.tables.foreign import JSON, foreign
from bestline.data.tables.packed import SUFFIXES, packing, without_packing
from bestline.data.tables.places import Place
from bestline.errors import FileError, readable

# First bytes of files, and the format that `open.OPENERS` opens them as.
_KNOWN = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\xff\xff\xff\xff": "stream"}
_SUFFIXES = {".parquet": "parquet", ".pq": "parquet", ".feather": "arrow", ".arrow": "arrow", ".ipc": "arrow"}


def format_of(place: Place) -> str:
    """A format of `_KNOWN` or of `packed.SUFFIXES`, or `text`."""
    # The bytes know better than the name: a .csv that is a workbook inside is named as one.
    head, shown = place.start(), readable(place.shown)
    for magic, form in _KNOWN.items():
        if head.startswith(magic):
            return form
    if form := packing(head):
        return form
    if (kind := foreign(head)) is not None:
        raise FileError(f"{shown} is {kind.said(place.path)}.")
    # No format that is recognised, but a name that claims one: then the file is damaged.
    suffix = PurePosixPath(place.path).suffix.lower()
    if suffix in _SUFFIXES and head:
        raise FileError(f"{shown} is not a {suffix[1:]} file, or it is damaged; write or download it again.")
    if suffix in SUFFIXES and head:
        raise FileError(f"{shown} is not a {SUFFIXES[suffix]} file; give it its true suffix, or pack it again.")
    if without_packing(place.path).endswith((".json", ".jsonl", ".ndjson")):
        raise FileError(f"{shown} is {JSON.said(place.path)}.")
    return "text"
