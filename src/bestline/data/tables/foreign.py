"""Foreign files: what people take for tables and is none here, known by its first bytes, each with the one line that converts it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

HEAD = 1024  # bytes that are looked at


@dataclass(frozen=True, slots=True)
class Foreign:
    """A format that is not read: what to call it, and how to make a table of it."""

    what: str
    convert: str = ""  # a program in which {path} and {csv} stand for the file and for what is made of it, in quotation marks
    run: str = "python -c"  # what runs it; empty for a line that is the command itself

    def said(self, path: str) -> str:
        """What the file is, and one line for a terminal that makes a table of it."""
        if not self.convert:
            return self.what
        made = PurePosixPath(path).with_suffix(".csv")
        # Never over itself.
        made = made if str(made) != path else made.with_stem(f"{made.stem}_converted")
        quoted = json.dumps if self.run else shlex.quote
        line = self.convert.format(path=quoted(path), csv=quoted(str(made)))
        return (
            f"{self.what}; convert it once: {self.run} {shlex.quote(line)}"
            if self.run
            else f"{self.what}; convert it once: {line}"
        )


def _pandas(reader: str, more: str = "") -> str:
    return f"import pandas; pandas.{reader}({{path}}{more}).to_csv({{csv}}, index=False)"


EXCEL = Foreign("an Excel workbook, which is not read", _pandas("read_excel"))
OPEN_DOCUMENT = Foreign("an OpenDocument spreadsheet, which is not read", _pandas("read_excel"))
NUMPY = Foreign(
    "a NumPy file, which is not read", "import pandas, numpy; pandas.DataFrame(numpy.load({path})).to_csv({csv}, index=False)"
)
NUMPY_ARCHIVE = Foreign(
    "an archive of NumPy arrays, which is not read",
    "import pandas, numpy; pandas.DataFrame(dict(numpy.load({path}))).to_csv({csv}, index=False)",
)
PICKLE = Foreign(
    "a pickle, which could run code and is never loaded; if you trust it",
    "import pandas; pandas.DataFrame(pandas.read_pickle({path})).to_csv({csv}, index=False)",
)
TORCH = Foreign("a PyTorch file, whose pickle could run code; save its tensors in a table")
DOCUMENT = Foreign("a text document, not a table; copy its table into a spreadsheet, and save that as CSV")
JSON = Foreign("JSON, which is not read", _pandas("read_json"))
JSON_LINES = Foreign("JSON, one object a line, which is not read", _pandas("read_json", ", lines=True"))
XML = Foreign("XML, which is not read", _pandas("read_xml"))
WEB_PAGE = Foreign(
    "a web page; download the file itself, or take the page's first table",
    "import pandas; pandas.read_html({path})[0].to_csv({csv}, index=False)",
)
RDS = Foreign("a file of R's objects, which is not read", "write.csv(readRDS({path}), {csv}, row.names=FALSE)", "Rscript -e")
RDATA = Foreign(
    "a file of R's objects, which is not read",
    "write.csv(get(load({path})), {csv}, row.names=FALSE)",
    "Rscript -e",
)

_SAS = bytes(12) + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92\x08\x00\x09\xc7\x31\x8c\x18\x1f\x10\x11"
_STATA = re.compile(rb"<stata_dta>|[\x6c-\x73][\x01\x02]\x01\x00")
_PICKLE = re.compile(rb"\x80[\x02-\x05](?:\x95.{8}|[\]}(cq\x8c\x00-\x1f])", re.DOTALL)
_MARKUP = re.compile(rb"\s*<(?:!doctype html|html|head|body|table|!--)", re.IGNORECASE)
_JSON = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\{\s*(?:"(?:[^"\\\n]|\\.)*"\s*:|\})|\[\s*(?:\{|\[|\]))')
_LINES = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{[^\n]*\}\s*\n\s*\{")

_KNOWN: tuple[tuple[Callable[[bytes], object], Foreign], ...] = (
    (lambda h: h.startswith(b"\xd0\xcf\x11\xe0"), Foreign("an old Excel workbook, which is not read", _pandas("read_excel"))),
    (
        lambda h: h.startswith(b"SQLite format 3"),
        Foreign("an SQLite database, which is not read", "sqlite3 -header -csv {path} 'select * from TABLE' > {csv}", ""),
    ),
    (
        lambda h: h[8:12] == b"DUCK",
        Foreign("a DuckDB database, which is not read", "duckdb {path} -csv -c 'from TABLE' > {csv}", ""),
    ),
    (lambda h: h.startswith(b"%PDF"), Foreign("a PDF, not a table; copy its table into a spreadsheet, and save that as CSV")),
    (lambda h: h.startswith(b"FEA1"), Foreign("a Feather file of the old version 1", _pandas("read_feather"))),
    (lambda h: h.startswith(b"\x89HDF"), Foreign("an HDF5 file, which is not read", _pandas("read_hdf"))),
    (
        lambda h: h.startswith(b"MATLAB 5.0 MAT-file"),
        Foreign("a MATLAB file, which is not read; save its matrix with writematrix(X, 't.csv')"),
    ),
    (
        lambda h: h.startswith(b"ORC") and (b"\0" in h[3:64] or not h[3:16].isascii()),
        Foreign("an ORC file, which is not read", _pandas("read_orc")),
    ),
    (
        lambda h: h.startswith(b"Obj\x01"),
        Foreign(
            "an Avro file, which is not read",
            'import duckdb; duckdb.sql("install avro; load avro"); duckdb.read_avro({path}).write_csv({csv})',
        ),
    ),
    (lambda h: h.startswith(_SAS), Foreign("a SAS file, which is not read", _pandas("read_sas", ', format="sas7bdat"'))),
    (
        lambda h: h.startswith(b"HEADER RECORD*******LIB"),
        Foreign("a SAS transport file, which is not read", _pandas("read_sas", ', format="xport"')),
    ),
    (_STATA.match, Foreign("a Stata file, which is not read", _pandas("read_stata"))),
    (lambda h: h.startswith((b"$FL2", b"$FL3")), Foreign("an SPSS file, which is not read", _pandas("read_spss"))),
    (lambda h: h.startswith((b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n")), RDATA),
    (lambda h: h.startswith((b"X\n\0\0\0", b"A\n2\n", b"A\n3\n")), RDS),
    (lambda h: h.startswith(b"\x93NUMPY"), NUMPY),
    (_PICKLE.match, PICKLE),
    (lambda h: h[257:262] == b"ustar", Foreign("a tar archive; unpack it first (tar -xf), and give the files in it")),
    (lambda h: h.startswith(b"7z\xbc\xaf\x27\x1c"), Foreign("a 7z archive; unpack it first")),
    (lambda h: h.startswith(b"Rar!\x1a\x07"), Foreign("a RAR archive; unpack it first")),
    (lambda h: h.startswith(b"\x04\x22\x4d\x18"), Foreign("compressed with lz4; unpack it first")),
    (
        lambda h: h.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8")),
        Foreign("a picture, not a table; give a CSV, Parquet or Arrow file"),
    ),
    (_MARKUP.match, WEB_PAGE),
    (lambda h: h.lstrip().startswith(b"<?xml"), XML),
    (_LINES.match, JSON_LINES),
    (_JSON.match, JSON),
)
# What a zip archive is, by names of files in it.
_ZIPPED = (
    (re.compile(r"xl/|.*\bworkbook\.(?:xml|bin)$"), EXCEL),
    (re.compile(r"(?:word|ppt)/"), DOCUMENT),
    (re.compile(r"(?:[^/]*/)?data\.pkl$"), TORCH),
    (re.compile(r"[^/]*\.npy$"), NUMPY_ARCHIVE),
    (re.compile(r"content\.xml$"), OPEN_DOCUMENT),
)


def foreign(head: bytes) -> Foreign | None:
    """What a file that begins with these bytes is, if it is one of the formats that are known not to be read."""
    return next((found for is_it, found in _KNOWN if is_it(head)), None)


def foreign_archive(names: list[str]) -> Foreign | None:
    """The same of a zip archive with files of these names; any archive may hold plain tables, too."""
    return next((found for pattern, found in _ZIPPED if any(pattern.match(name) for name in names)), None)
