"""Odd and broken files through `fit`: the right line, the right line and a warning, or one clear sentence; never anything else.

All hold the same table, y = 1 + 2 x1 - 3 x2 exactly in 24 rows, written or damaged in some way.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import warnings
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import bestline as bl
from bestline.errors import BestlineError, BestlineWarning

N = 24
X1 = np.round(np.linspace(-3, 4, N), 3)
X2 = np.round(np.cos(np.arange(N)) * 2, 3)
Y = np.round(1 + 2 * X1 - 3 * X2, 9)
COEF = {"Intercept": 1.0, "x1": 2.0, "x2": -3.0}


def text(
    x1: Callable[[int], str] = lambda i: repr(float(X1[i])),
    y: Callable[[int], str] = lambda i: repr(float(Y[i])),
    *,
    delimiter: str = ",",
    head: str = "x1,x2,y",
    ends: str = "\n",
) -> str:
    rows = [head.replace(",", delimiter)]
    rows += [delimiter.join([x1(i), repr(float(X2[i])), y(i)]) for i in range(N)]
    return ends.join(rows) + ends


PLAIN = text()


def archive(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("t.csv", content)
    return out.getvalue()


def other(i: int, word: str, at: int = 17) -> str:
    return word if i == at else repr(float(X1[i]))


def grouped(i: int, between: str) -> str:
    return f"{1000 * float(X1[i]):,.0f}".replace(",", between)


PACKED = gzip.compress(PLAIN.encode())
# name -> (file, "fit" | "warn" | "error", what is said)
TEXTS: dict[str, tuple[str | bytes, str, str]] = {
    "plain": (PLAIN, "fit", ""),
    "mark": (b"\xef\xbb\xbf" + PLAIN.encode(), "fit", ""),
    "utf-16": (PLAIN.encode("utf-16"), "fit", ""),
    "windows": (text(ends="\r\n"), "fit", ""),
    "old macintosh": (text(ends="\r"), "fit", ""),
    "semicolons and commas": (PLAIN.replace(",", ";").replace(".", ","), "warn", "decimal comma"),
    "pipes": (text(delimiter="|"), "fit", ""),
    "tabs": (text(delimiter="\t"), "fit", ""),
    "comment": ("# made by hand\n" + PLAIN, "warn", "comment line"),
    "all quoted": ("\n".join(",".join(f'"{c}"' for c in row.split(",")) for row in PLAIN.splitlines()), "fit", ""),
    "blanks": (text(lambda i: f"  {X1[i]} "), "fit", ""),
    "plus": (text(lambda i: f"{X1[i]:+}"), "fit", ""),
    "powers": (text(lambda i: f"{X1[i]:.9e}"), "fit", ""),
    "gzip": (PACKED, "fit", ""),
    "bzip2": (bz2.compress(PLAIN.encode()), "fit", ""),
    "xz": (lzma.compress(PLAIN.encode()), "fit", ""),
    "zip": (archive(PLAIN.encode()), "fit", ""),
    "minus of typesetting": (text(lambda i: repr(float(X1[i])).replace("-", "\u2212")), "warn", "x1"),
    "parentheses": (text(lambda i: f"({-X1[i]})" if X1[i] < 0 else repr(float(X1[i]))), "warn", "in parentheses"),
    "unnamed index": ("\n".join([",x1,x2,y", *(f"{i},{r}" for i, r in enumerate(PLAIN.splitlines()[1:]))]), "fit", ""),
    "no rows": ("x1,x2,y\n", "error", "no rows"),
    "nothing": ("", "error", "no rows"),
    "a NUL": (PLAIN.replace("\n", "\n\0", 3), "error", "NUL"),
    "a long row": (PLAIN + "1,2,3,4\n", "error", "line 26"),
    "a short row": (PLAIN + "1,2\n", "error", "line 26"),
    "an open quotation": (PLAIN + '"1,2,3\n', "error", ""),
    "gzip cut off": (PACKED[:-12], "error", "truncated"),
    "gzip damaged": (PACKED[:-6] + bytes([PACKED[-6] ^ 255]) + PACKED[-5:], "error", "checksum"),
    "bytes": (bytes(range(256)) * 9, "error", "binary"),
    "twice": (text(head="x1,x1,y"), "error", "x1"),
    "word": (text(lambda i: other(i, "abc")), "error", "line 19"),
    "words for missing": (text(lambda i: other(i, "#N/A")), "error", "1 of the 24 rows"),
    "placeholders": (text(lambda i: "unknown" if i % 4 == 0 else repr(float(X1[i]))), "error", "`unknown` at row 1"),
    "unit": (text(lambda i: f"{X1[i]} kg"), "error", "without `kg`"),
    "two units": (text(lambda i: f"{X1[i]} {'kg' if i % 2 else 'g'}"), "error", "in one unit"),
    "percent": (text(lambda i: f"{X1[i]} %"), "error", "without `%`"),
    "dollars": (text(lambda i: f"${X1[i]}"), "error", "without `$`"),
    "underscores": (text(lambda i: f"{i + 1}_000"), "error", "`1_000`"),
    "hexadecimal": (text(hex), "error", "`0x0`"),
    "infinite": (text(y=lambda i: "inf" if i == 2 else repr(float(Y[i]))), "error", "infinite at row 3"),
    "no target": (text(y=lambda _: ""), "error", "missing"),
    "dates of several kinds": (text(lambda i: "2024-01-02" if i % 2 else "1/2/2024"), "error", "ways to write a date"),
    "web page": ("<!DOCTYPE html>\n" + PLAIN, "error", "web page"),
    "JSON": ('[{"x1": 1, "y": 2}]', "error", "JSON"),
    "workbook": (b"\xd0\xcf\x11\xe0" + bytes(600), "error", "Excel"),
}


def outcome(path: Path, formula: str | None = "y ~ x1 + x2") -> tuple[str, str, object]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            model = bl.fit(path, formula) if formula else bl.fit(path, target="y")
        except BestlineError as error:
            return "error", str(error), None
    # What is not ours is a fault.
    assert all(isinstance(one.message, BestlineWarning) for one in said)
    own = [str(one.message) for one in said if "determines" not in str(one.message)]
    return "warn" if own else "fit", " ".join(own), model


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_file_is_fitted_rightly_or_refused_clearly(tmp_path, name):
    content, expected, says = TEXTS[name]
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    happened, words, model = outcome(path)
    assert happened == expected, words
    assert says in words
    if expected == "error":
        assert "\n" not in words
        assert words.endswith(".")
    else:
        for column, value in COEF.items():
            assert model.params[column] == pytest.approx(value, rel=1e-9)
    assert [found.name for found in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize("name", TEXTS)
def test_the_command_line_says_the_same(run, tmp_path, name):
    content, expected, says = TEXTS[name]
    (tmp_path / "t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = run("fit", "t.csv", "y ~ x1 + x2", "--json")
    assert done.status == (1 if expected == "error" else 0)
    if expected == "error":
        assert (done.out, done.err.count("\n")) == ("", 1)
        assert says in done.err
    else:
        assert done.facts["coef"]["x1"] == pytest.approx(2, rel=1e-9)
        assert says in " ".join(done.facts["warnings"])


@pytest.mark.parametrize("between", [" ", "\u00a0", "\u202f", "\u2009", "'", "\u2019"])
def test_grouped_thousands(tmp_path, between):
    path = tmp_path / "t.csv"
    path.write_text(text(lambda i: grouped(i, between)), encoding="utf-8")
    happened, words, model = outcome(path)
    assert (happened, "between thousands" in words) == ("warn", True)
    assert model.params["x1"] == pytest.approx(0.002, rel=1e-9)


def table(x1: object = X1) -> pa.Table:
    return pa.table({"x1": x1, "x2": X2, "y": Y})


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


TYPED: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "plain": (lambda p: pq.write_table(table(), p), "fit", ""),
    "row groups of one row": (lambda p: pq.write_table(table(), p, row_group_size=1), "fit", ""),
    "brotli": (lambda p: pq.write_table(table(), p, compression="brotli"), "fit", ""),
    "decimals": (lambda p: pq.write_table(table(pa.array([Decimal(str(v)) for v in X1])), p), "fit", ""),
    "text": (lambda p: pq.write_table(table([repr(float(v)) for v in X1]), p), "warn", "x1"),
    "text with units": (lambda p: pq.write_table(table([f"{v} kg" for v in X1]), p), "error", "without `kg`"),
    "feather": (lambda p: pyarrow.feather.write_feather(table(), str(p)), "fit", ""),
    "missing": (lambda p: pq.write_table(table([None, *X1[1:]]), p), "error", "1 of the 24 rows"),
    "nested": (lambda p: pq.write_table(table([[v] for v in X1]), p), "error", "x1"),
    "binary": (lambda p: pq.write_table(table([b"1"] * N), p), "error", "x1"),
    "only the magic": (lambda p: p.write_bytes(b"PAR1"), "error", "Parquet"),
    "a long footer": (lambda p: p.write_bytes(b"PAR1" + bytes(99) + b"\xff\xff\xff\x7fPAR1"), "error", "Parquet"),
    "cut off": (lambda p: (pq.write_table(table(), p), cut(p)), "error", "Parquet"),
}


@pytest.mark.parametrize("suffix", ["parquet", "csv"])  # the bytes know better than the name
@pytest.mark.parametrize("name", TYPED)
def test_a_typed_file_is_fitted_rightly_or_refused_clearly(tmp_path, name, suffix):
    write, expected, says = TYPED[name]
    path = tmp_path / f"t.{suffix}"
    write(path)
    happened, words, model = outcome(path)
    assert happened == expected, words
    assert says in words
    assert "\n" not in words
    fitted = {} if model is None else {column: model.params[column] for column in COEF}
    assert fitted == pytest.approx({} if expected == "error" else COEF, rel=1e-9)
