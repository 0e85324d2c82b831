"""Files in parts: read beside each other they give the same rows, in the same places, that the file gives."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bestline.data.tables import Batch, Files, open_source
from bestline.data.tables import delimited as text
from bestline.errors import ColumnError

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "BLOCK", 2_000)


def frame(n: int = 3_000) -> pd.DataFrame:
    draw = np.random.default_rng(2)
    return pd.DataFrame({"x": draw.normal(size=n), "g": draw.choice(["a, b", "c", 'd "e"'], n), "y": draw.normal(size=n)})


def written(path: Path) -> Path:
    """The frame in the file of that name."""
    rows = frame()
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pandas(rows), path, row_group_size=170)
    elif path.name.startswith("lines"):  # from row 2,001 on not every line is a row
        rows.loc[2_000, "g"] = "c\nd"
        rows.to_csv(path, index=False)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(rows.to_csv(index=False).encode()))
    elif path.name.startswith("mac"):
        rows.to_csv(path, index=False, lineterminator="\r\n")
    else:
        path.write_text("# a comment\n" * path.name.startswith("comment") + rows.to_csv(index=False), encoding="utf-8")
    return path


def seen(batches: Any) -> list[tuple[float, ...]]:
    return [(*row, batch.where(i)) for batch in batches for i, row in enumerate(cells(batch))]


def cells(batch: Batch) -> list[tuple[Any, ...]]:
    codes, levels = batch.text("g")
    numbers = batch.numbers(["x", "y"]).tolist()
    return [(*row, levels[code]) for row, code in zip(numbers, codes.tolist(), strict=True)]


@pytest.mark.parametrize("most", [1, 2, 7, 10_000])
@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "comment.csv", "lines.csv", "mac.csv", "a.csv.gz"])
def test_parts_are_the_file(tmp_path: Path, name: str, most: int):
    source = open_source(written(tmp_path / name))
    assert isinstance(source, Files)
    parts = [pickle.loads(pickle.dumps(part)) for part in source.split(most)]  # noqa: S301  as they are sent
    assert len(parts) <= most
    assert most == 1 or name.endswith(".gz") or len(parts) > 1
    assert [part.names for part in parts] == [source.names] * len(parts)
    expected = seen(source.batches())
    assert [row for part in parts for row in seen(part.batches())] == expected
    counts = [part.count for part in parts]
    assert None in counts or sum(counts) == len(expected) == 3_000
    assert all(sum(len(batch) for batch in part.batches()) == n for part, n in zip(parts, counts, strict=True) if n is not None)


def test_an_error_in_a_part_names_the_row_of_the_file(tmp_path: Path):
    rows = frame().astype(object)
    rows.loc[2_500, "x"] = "odd"
    rows.to_csv(tmp_path / "a.csv", index=False)
    source = open_source(tmp_path / "a.csv")
    with pytest.raises(ColumnError) as whole:
        seen(source.batches())
    with pytest.raises(ColumnError) as cut:
        [seen(part.batches()) for part in source.split(5)]
    assert str(cut.value) == str(whole.value)
    assert "row 2501 (line 2502 of a.csv)" in str(cut.value)


def test_several_files_and_what_their_folders_say(tmp_path: Path):
    for year in (2020, 2021):
        (tmp_path / f"year={year}").mkdir()
        written(tmp_path / f"year={year}" / "a.csv")
    source = open_source(tmp_path)
    parts = source.split(4)
    assert len(parts) == 4
    years = [batch.numbers(["year"])[0, 0].item() for part in parts for batch in part.batches(["year"], size=100_000)]
    assert sorted(set(years)) == [2020, 2021]
    assert [row for part in parts for row in seen(part.batches())] == seen(source.batches())
