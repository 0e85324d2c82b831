"""Tables: anything that holds a table becomes a Source, a schema and batches of rows in constant memory."""

from __future__ import annotations

from bestline.data.tables.batch import Batch
from bestline.data.tables.cells import Field, Kind
from bestline.data.tables.open import ArrowTable, open_source, read_table
from bestline.data.tables.source import Source
from bestline.data.tables.writing import write_with

__all__ = ["ArrowTable", "Batch", "Field", "Kind", "Source", "open_source", "read_table", "write_with"]
