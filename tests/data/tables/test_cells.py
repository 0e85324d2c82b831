"""Cells: numbers, missing words, dates, codes and categories."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from bestline.data.tables import Kind, delimited, open_source, write_with
from bestline.data.tables.cells import beyond, codes
from bestline.data.tables.text import stream as text_of_files
from bestline.errors import ColumnError
from data.tables.examples import all_numbers, all_text, kinds


@pytest.mark.parametrize(
    "word", ["NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "#N/A", "?", "-", ".", "", "  NA  "]
)
def test_words_that_mean_missing_in_number_columns(put, word):
    source = open_source(put("x,y\n" + f"{word},1\n" + "2,1\n" * 20))
    x = all_numbers(source, ["x"])[:, 0]
    assert math.isnan(x[0])
    assert (x[1:] == 2).all()
    assert bool(word) == any("read as missing" in note for note in source.notes)


@pytest.mark.parametrize("word", ["abc", "1_000", "0x10", "1,5", "12%", "$5", "1.2.3"])
def test_an_odd_word_among_numbers_is_named_with_its_line(put, word):
    source = open_source(put("y,x\n" + "1,2\n" * 17 + f'1,"{word}"\n' + "1,3\n" * 5))
    assert source.field("x").kind is Kind.NUMBER
    with pytest.raises(ColumnError, match=r"`x` holds numbers.*row 18.*line 19 of t.csv"):
        all_numbers(source)
    assert all_numbers(source, ["y"]).shape == (23, 1)


@pytest.mark.parametrize("word", ["1_000", "0x10", "12%", "€ 5"])
def test_a_column_of_almost_numbers_is_not_taken_for_categories(put, word):
    source = open_source(put(f"x,y\n{word},1\n{word},2\n"))
    with pytest.raises(ColumnError, match="not a number"):
        all_numbers(source)


@pytest.mark.parametrize("word", ["192.168.0.1", "1.2.3", "v2", "12-B"])
def test_codes_with_digits_are_text(put, word):
    assert open_source(put(f"x,y\n{word},1\n{word},2\n")).field("x").kind is Kind.TEXT


def test_an_odd_word_far_behind_the_sample(put, monkeypatch):
    monkeypatch.setattr(text_of_files, "BLOCK", 1000)
    monkeypatch.setattr(delimited, "BLOCK", 1000)
    path = put("x,g,b\n" + "1.5,a,True\n" * 1000 + " NA ,b,False\n+2,b, true\n" + "1.5,a,True\n" * 500 + "oops,a,True\n")
    source = open_source(path)
    x: list[float] = []

    def read() -> None:
        for batch in source.batches(size=100):
            x.extend(batch.numbers(["x"])[:, 0].tolist())

    with pytest.raises(ColumnError, match=r"`oops` at row 1503 \(line 1504 of t.csv\)"):
        read()
    assert len(x) >= 1400  # all batches before the one with the odd word
    assert math.isnan(x[1000])
    assert x[1001] == 2
    assert all_numbers(source, ["b"]).sum() == 1502
    assert all_text(source, "b", 100)[999:1002] == ["True", "False", "True"]


def test_blank_padding_and_signs(put):
    source = open_source(put("x,y\n  -3  ,+1\n 4 , +2.5\n"))
    np.testing.assert_array_equal(all_numbers(source), [[-3, 1], [4, 2.5]])


def test_true_and_false(put):
    source = open_source(put("b,w\nTrue,yes\nFalse,no\n,yes\n"))
    assert source.field("b").note == "bool"
    np.testing.assert_array_equal(all_numbers(source, ["b"])[:, 0], [1, 0, np.nan])
    assert all_text(source, "b") == ["True", "False", None]
    assert source.field("w").kind is Kind.TEXT


@pytest.mark.parametrize(
    "values", [["2024-02-01", "2024-02-02"], ["01/02/2024", "2024-02-01", "Feb 1 2024"], ["2024-02-01 10:00:00"], ["1.2.2024"]]
)
def test_dates(put, values):
    source = open_source(put("d,y\n" + "".join(f"{v},1\n" for v in values * 3)))
    assert source.field("d").kind is Kind.DATE
    with pytest.raises(ColumnError, match="dates"):
        all_numbers(source)
    assert all_text(source, "d")[: len(values)] == values


def test_text_columns_keep_words_that_numbers_lose(put):
    source = open_source(put("g,y\nNA,1\nNone,2\nsome,3\n?,4\n,5\n"))
    assert all_text(source, "g") == [None, "None", "some", "?", None]
    assert any("`NA` read as missing and `None` kept as a level" in note for note in source.notes)


def test_levels_that_differ_by_case_or_blanks_are_said(put):
    notes = open_source(put("g,y\nRed,1\nred,2\n red,3\nblue,4\n")).notes
    assert any("`Red`, `red` and ` red`" in note and "blue" not in note for note in notes)


def test_zero_padded_and_very_large_numbers_are_said_and_kept(put, tmp_path):
    path = put("id,big,y\n000097,9999999999999999999999997,1\n000120,9007199254740993,2\n")
    source = open_source(path)
    assert [source.field(n).note for n in ("id", "big")] == ["zero-padded codes", "beyond 2**53"]
    assert any("`id`" in n and "identifiers" in n for n in source.notes)
    assert any("`big`" in n and "precision" in n for n in source.notes)
    np.testing.assert_array_equal(all_numbers(source, ["id"])[:, 0], [97, 120])
    assert all_text(open_source(path, text=["id"]), "id") == ["000097", "000120"]
    write_with(source, tmp_path / "o.csv", lambda b: {"twice": b.numbers(["id"])[:, 0] * 2})
    assert (tmp_path / "o.csv").read_text().splitlines()[1] == '"000097","9999999999999999999999997",1,194'


def test_thousands(put):
    source = open_source(put('x,y\n"-3,000",1\n"1,234,567.5",2\n0,3\n'))
    np.testing.assert_array_equal(all_numbers(source, ["x"])[:, 0], [-3000, 1234567.5, 0])
    assert any("thousands" in note for note in source.notes)


def test_a_column_empty_at_the_start_is_settled_further_on(put, monkeypatch):
    monkeypatch.setattr(text_of_files, "BLOCK", 1000)
    monkeypatch.setattr(delimited, "BLOCK", 1000)
    source = open_source(put("x,e,z,y\n" + "1,,,1\n" * 2000 + "1,,q,1\n" + "1,,,1\n" * 500 + "1,,,1\n"))
    assert kinds(source) == {"x": Kind.NUMBER, "e": Kind.EMPTY, "z": Kind.TEXT, "y": Kind.NUMBER}
    assert np.isnan(all_numbers(source, ["e"])).all()
    assert all_text(source, "e")[:2] == [None, None]


@pytest.mark.parametrize("words", [["b", "NA", "a", None, "b", "", "a"], ["NA", "b", "a"], ["NA", None], ["a", "b"], []])
def test_words_that_say_that_a_level_is_missing_have_no_code(words):
    found, levels = codes(pa.array(words, pa.string()), words_may_be_missing=True)
    assert [levels[code] if code >= 0 else None for code in found.tolist()] == [
        None if w in (None, "NA", "") else w for w in words
    ]
    assert levels == tuple(dict.fromkeys(w for w in words if w in ("a", "b")))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("size", "large"), [(2**53, False), (2**53 + 1, True), (2**53 + 2, True)])
def test_large_whole_numbers_below_zero_are_large_too(sign: int, size: int, large: bool) -> None:
    for integers in (pa.array([sign * size, 3, None]), pa.array([None, sign * size])):
        assert beyond(integers) == large
    assert not beyond(pa.array([None, None], pa.int64()))
