"""Noticed: what later rows say of a column is said and taken into account as if the first rows had said it."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import torch

import bestline as bl
from bestline.data.tables import delimited
from bestline.data.tables.text import stream as text_of_files
from bestline.errors import BestlineWarning, ColumnError

N = 6000
LATE = 2**53 + 1  # float64 makes 2^53 of it


def late(where: int) -> pd.DataFrame:
    """Whole numbers that float64 holds, but for one row."""
    x = np.arange(N)
    x[where] = LATE
    return pd.DataFrame({"x": x, "z": np.arange(N) % 7, "y": np.arange(N) * 2.0})


@pytest.mark.parametrize("kind", ["csv", "quoted", "parquet", "feather", "stream", "frame"])
@pytest.mark.parametrize("where", [0, 5000, N - 1])
def test_integers_beyond_2_53_are_met_wherever_they_stand(tmp_path, monkeypatch, kind, where):
    monkeypatch.setattr(text_of_files, "BLOCK", 4000)
    monkeypatch.setattr(delimited, "BLOCK", 4000)
    frame, data = late(where), tmp_path / "t"
    if kind == "csv":
        frame.to_csv(data, index=False)
    elif kind == "quoted":
        frame.to_csv(data, index=False, quoting=1)
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pandas(frame), data, row_group_size=1000)
    elif kind == "feather":
        pyarrow.feather.write_feather(frame, data, chunksize=1000)
    elif kind == "stream":
        table = pa.Table.from_pandas(frame)
        with pa.ipc.new_stream(data, table.schema) as sink:
            sink.write_table(table, max_chunksize=1000)
    with pytest.warns(BestlineWarning, match=r"`x` has integers beyond 2\*\*53"):
        model = bl.fit(frame if kind == "frame" else data, "y ~ x")
    assert model.design.rounded == ("x",)
    # Nobody hears of it who does not use the column.
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        other = bl.fit(frame if kind == "frame" else data, "y ~ z")
    assert not [w for w in heard if "`x`" in str(w.message)]
    assert other.design.rounded == ()


def test_numbers_with_a_fraction_or_a_power_are_not_rounded_integers(tmp_path, monkeypatch):
    monkeypatch.setattr(text_of_files, "BLOCK", 4000)
    monkeypatch.setattr(delimited, "BLOCK", 4000)
    words = [str(i) for i in range(N)]
    words[5000], words[5001] = "1e300", "12345678901234567.5"
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{w},{i}\n" for i, w in enumerate(words)))
    assert bl.fit(tmp_path / "t.csv", "y ~ x").design.rounded == ()


@pytest.mark.parametrize(
    "word", ["009007199254740993", '"9,007,199,254,740,993"', "9 007 199 254 740 993", "9'007'199'254'740'993"]
)
def test_integers_beyond_2_53_are_met_however_they_are_written(tmp_path, word):
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{word if i == 3 else i},{i}\n" for i in range(40)))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert bl.fit(tmp_path / "t.csv", "y ~ x").design.rounded == ("x",)
    assert [w for w in heard if "`x` has integers beyond 2**53" in str(w.message)]


@pytest.mark.parametrize(
    "odd",
    ["1 234", "000097", "9007199254740993", "NA", "None", "(3)"],
    ids=["grouped", "padded", "large", "na", "none", "brackets"],
)
def test_of_columns_that_are_not_used_nothing_is_said(tmp_path, odd):
    (tmp_path / "t.csv").write_text(
        ",x,odd,y\n" + "".join(f"{i * 3},{i},{odd if i % 9 == 0 else i},{i * i}\n" for i in range(40))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bl.fit(tmp_path / "t.csv", "y ~ x")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        bl.fit(tmp_path / "t.csv", "y ~ x + odd", missing="drop")
    assert [w for w in heard if "`odd`" in str(w.message)]


@pytest.mark.parametrize("made", [lambda t: t.to(torch.complex64), lambda t: t.to_sparse()], ids=["complex", "sparse"])
def test_a_tensor_that_cannot_be_used_stops_only_who_uses_it(made):
    x = torch.arange(1.0, 40.0)
    data = {"x": x, "odd": made(x), "y": 2 * x}
    assert bl.fit(data, "y ~ x").coef["x"] == pytest.approx(2.0)
    with pytest.raises(ColumnError, match=r"Column `odd` is .*(complex|sparse)"):
        bl.fit(data, "y ~ odd")
