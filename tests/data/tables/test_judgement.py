"""What a column of words is meant to be, at the edges of the rules: nine in ten, more than half, most of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bestline.data.tables import Kind, open_source
from bestline.data.tables.judgement import ColumnJudgement, judged


def found(words: list[str]) -> ColumnJudgement:
    return judged("x", pa.array(words), ".", as_text=False)


NUMBERS = [str(n) for n in range(1, 91)]


@pytest.mark.parametrize(("codes", "kind"), [(10, Kind.NUMBER), (11, Kind.TEXT)])
def test_of_a_hundred_words_ten_may_be_codes_and_the_column_is_numbers_still(codes: int, kind: Kind) -> None:
    assert found([*NUMBERS[: 100 - codes], *(f"k{n}" for n in range(codes))]).kind is kind


@pytest.mark.parametrize(("slips", "kind"), [(4, Kind.NUMBER), (5, Kind.TEXT)])
def test_where_the_others_are_slips_more_than_half_need_be_numbers(slips: int, kind: Kind) -> None:
    assert found([*NUMBERS[: 10 - slips], *["oops", "none of it", "see below", "lost", "broken"][:slips]]).kind is kind


@pytest.mark.parametrize(
    ("others", "kind"),
    [
        (["oops", "lost", "broken", "k1"], Kind.NUMBER),
        (["oops", "lost", "k2", "k1"], Kind.NUMBER),  # half of them is not most of them
        (["oops", "k3", "k2", "k1"], Kind.TEXT),
        (["k1"] * 3 + ["oops", "lost"], Kind.NUMBER),  # different words are counted, not cells
    ],
)
def test_the_others_are_codes_where_most_of_them_have_a_digit(others: list[str], kind: Kind) -> None:
    assert found([*NUMBERS[:7], *others]).kind is kind


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (["2020-01-01", "2020-01-02", "soon", "later"], Kind.TEXT),
        (["2020-01-01", "2020-01-02", "2020-01-03", "soon", "later"], Kind.DATE),
        (["2020-01-01"] * 5 + ["soon", "later"], Kind.TEXT),
    ],
)
def test_dates_are_what_more_than_half_of_the_different_words_are(words: list[str], kind: Kind) -> None:
    assert found(words).kind is kind


def test_numbers_to_people_count_as_numbers() -> None:
    """Five plain ones of ten are too few; with one that only a reader knows it is six."""
    words = [*NUMBERS[:5], "lost", "broken", "oops", "none of it"]
    assert found([*words, "gone"]).kind is Kind.TEXT
    assert found([*words, "1'234"]).kind is Kind.NUMBER


def test_each_word_counts_as_often_as_it_stands_there() -> None:
    assert found(["1", "2", "3", *["oops"] * 4]).kind is Kind.TEXT
    assert found(["1", "1", "1", "2", "2", "oops", "lost", "gone"]).kind is Kind.NUMBER


def test_a_column_is_plain_only_where_every_word_is() -> None:
    """pyarrow's own reader is given what it reads as it stands."""
    assert found(["1", "2.5", "-3e4"]).plain
    assert not found([*NUMBERS[:9], "1,234"]).plain
    assert not found(["1", "2", " NA "]).plain


def test_a_number_that_is_no_plain_one_is_read_where_most_are(tmp_path) -> None:
    (tmp_path / "t.csv").write_text("x;y\n" + "".join(f"{n};1\n" for n in range(9)) + "1 234;2\n")
    values = open_source(tmp_path / "t.csv")
    (batch,) = values.batches(["x"])
    np.testing.assert_array_equal(batch.numbers(["x"])[:, 0], [*range(9), 1234])


@pytest.mark.parametrize("where", ["memory", "feather", "parquet"])
def test_typed_words_are_judged_by_the_first_block_that_has_rows(where: str, tmp_path: Path) -> None:
    """A first batch without rows says nothing of the column."""
    schema = pa.schema([("x", pa.string()), ("y", pa.float64())])
    empty = pa.record_batch([pa.array([], pa.string()), pa.array([], pa.float64())], schema=schema)
    full = pa.record_batch([pa.array(["1", "2.5", "4"]), pa.array([1.0, 2.0, 3.0])], schema=schema)
    data: object = pa.Table.from_batches([empty, full])
    if where == "feather":
        with pa.OSFile(str(tmp_path / "t.feather"), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(empty)
            writer.write_batch(full)
        data = tmp_path / "t.feather"
    elif where == "parquet":
        with pq.ParquetWriter(tmp_path / "t.parquet", schema) as parquet:
            parquet.write_batch(empty)
            parquet.write_batch(full)
        data = tmp_path / "t.parquet"
    source = open_source(data)
    assert source.field("x").kind is Kind.NUMBER
    np.testing.assert_array_equal(next(iter(source.batches(["x"]))).numbers(["x"])[:, 0], [1, 2.5, 4])


@pytest.mark.parametrize("form", ["csv", "parquet", "frame", "dict"])
@pytest.mark.parametrize(
    ("odd", "said"),
    [("007", "zero-padded numbers such as `007`"), ("12345678901234567890", "2**53 such as `12345678901234567890`")],
)
def test_one_word_like_a_code_among_numbers_is_a_number_in_every_source(form: str, odd: str, said: str, tmp_path: Path) -> None:
    words = [*NUMBERS[:5], odd, *NUMBERS[6:60]]
    source = open_source(_put(form, words, tmp_path))
    (batch,) = source.batches(["x"])
    assert batch.numbers("x").flatten().tolist() == [float(word) for word in words]
    assert sum(said in remark for remark in source.remarks["x"]) == 1
    assert sum("2**53" in remark for remark in source.remarks["x"]) == (odd != "007")


@pytest.mark.parametrize("form", ["parquet", "frame", "dict"])
@pytest.mark.parametrize(
    "words",
    [
        [*(str(n) for n in range(10_000, 10_060)), "00501"],  # post codes: all of one length
        [*NUMBERS[9:79], *(f"0{n}" for n in range(10, 20))],  # more than one in ten
        [str(10**19 + n) for n in range(20)],
    ],
)
def test_typed_words_that_are_codes_are_kept_and_said_to_be(form: str, words: list[str], tmp_path: Path) -> None:
    source = open_source(_put(form, words, tmp_path))
    assert source.field("x").kind is Kind.TEXT
    (remark,) = source.remarks["x"]
    assert "kept as categories" in remark


def _put(form: str, words: list[str], folder: Path) -> object:
    """A table of the words x in a form."""
    table = pa.table({"x": words})
    if form == "csv":
        (folder / "t.csv").write_text("\n".join(["x", *words]) + "\n")
        return folder / "t.csv"
    if form == "parquet":
        pq.write_table(table, folder / "t.parquet")
        return folder / "t.parquet"
    return table.to_pandas() if form == "frame" else table.to_pydict()
