"""Tables: anything that holds a table becomes a `Source`, a schema and batches of rows in constant memory.

`source` is the contract of a table, `batch` some of its rows, `table_file` that of one file; `delimited` and `columnar` are the file formats, `memory`
the frames and arrays. `places` finds files and knows a format by its first bytes; `open` opens each by its row in `OPENERS`;
`cells` decides what a column holds. Doors: `open_source` to read, `write_with` to write.
"""

from __future__ import annotations

from bestline.data.tables.batch import Batch
from bestline.data.tables.cells import Field, Kind
from bestline.data.tables.derived.days import days_of
from bestline.data.tables.derived.shifts import SHIFTS, Shift, shift_of
from bestline.data.tables.indexes import index_notes
from bestline.data.tables.memory import plain_tensor
from bestline.data.tables.open import BRINGERS, ArrowTable, Files, Placed, open_source, placed, read_table
from bestline.data.tables.source import NoRowsError, Source
from bestline.data.tables.streams import Stream, stream
from bestline.data.tables.writing import write_with

__all__ = [
    "BRINGERS",
    "SHIFTS",
    "ArrowTable",
    "Batch",
    "Field",
    "Files",
    "Kind",
    "NoRowsError",
    "Placed",
    "Shift",
    "Source",
    "Stream",
    "days_of",
    "index_notes",
    "open_source",
    "placed",
    "plain_tensor",
    "read_table",
    "shift_of",
    "stream",
    "write_with",
]
