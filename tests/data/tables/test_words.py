"""Words: numbers as people write them, read to the one number that they mean or refused, from every source alike."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bestline as bl
from bestline.data.tables import Kind, delimited, judgement, open_source
from bestline.data.tables.text import stream as text_of_files
from bestline.data.tables.words import Spelling, numbers_to_people, undressed
from bestline.errors import ColumnError, readable
from data.tables.examples import all_numbers, all_text

Y = [1.0, 2.0, 4.0, 3.0]


def as_csv(words: list[str], path: Any) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([("x", "y"), *zip(words, Y, strict=True)])
    (path / "t.csv").write_text(out.getvalue(), encoding="utf-8")
    return str(path / "t.csv")


def as_parquet(words: list[str], path: Any) -> str:
    pq.write_table(pa.table({"x": words, "y": Y}), path / "t.parquet", row_group_size=2)
    return str(path / "t.parquet")


def as_feather(words: list[str], path: Any) -> str:
    pyarrow.feather.write_feather(pa.table({"x": pa.array(words, pa.large_string()), "y": Y}), str(path / "t.feather"))
    return str(path / "t.feather")


SOURCES: dict[str, Callable[[list[str], Any], Any]] = {
    "csv": as_csv,
    "parquet": as_parquet,
    "feather": as_feather,
    "pandas": lambda words, _: pd.DataFrame({"x": pd.Series(words, dtype=object), "y": Y}),
    "polars": lambda words, _: pl.DataFrame({"x": words, "y": Y}),
    "arrow": lambda words, _: pa.table({"x": words, "y": Y}),
    "lists": lambda words, _: {"x": words, "y": Y},
    "numpy": lambda words, _: {"x": np.array(words), "y": np.array(Y)},
}
READ = {
    "no-break space": (["1\u00a0234", "2\u00a0000.5", "5", "12\u00a0345\u00a0678"], [1234, 2000.5, 5, 12345678]),
    "narrow no-break space": (["1\u202f234", "5", "6", "7"], [1234, 5, 6, 7]),
    "thin space": (["1\u2009234", "5", "6", "7"], [1234, 5, 6, 7]),
    "plain blank": (["1 234", "5", "6", "7"], [1234, 5, 6, 7]),
    "apostrophe": (["1'234.5", "5", "6", "7"], [1234.5, 5, 6, 7]),
    "typographic apostrophe": (["1\u2019234", "5", "6", "7"], [1234, 5, 6, 7]),
    "typographic minus": (["\u22121.5", "5", "\u22126e2", "7"], [-1.5, 5, -600, 7]),
    "parentheses": (["(1.5)", "5", "(6)", "7"], [-1.5, 5, -6, 7]),
    "parentheses and commas": (["(1,234.5)", "5", "(6)", "7"], [-1234.5, 5, -6, 7]),
    "minus behind": (["1.5-", "5", "6-", "7"], [-1.5, 5, -6, 7]),
    "wide digits": (["１２．５", "５", "−６", "７"], [12.5, 5, -6, 7]),
    "arabic digits": (["١٢٫٥", "٥", "١٬٢٣٤", "٧"], [12.5, 5, 1234, 7]),
    "blanks around": ([" 1.5", "5 ", "6e0 ", "\t7"], [1.5, 5, 6, 7]),
}
REFUSED = {
    "unit": ["5 kg", "6 kg", "7 kg", "8 kg"],
    "unit without a blank": ["5kg", "6kg", "7.5kg", "8kg"],
    "mixed units": ["5 kg", "6 g", "7 kg", "8 g"],
    "mixed units without a blank": ["5kg", "600g", "7kg", "800g"],
    "percent": ["12 %", "3 %", "4%", "5 %"],
    "dollars": ["$3", "-$4", "$5.50", "$1,200"],
    "euros behind": ["3 €", "4€", "5 €", "1.200 €"],
    "pounds and yen": ["£3", "¥4", "£5", "£6"],
    "currency code": ["3 USD", "4 USD", "5 USD", "6 USD"],
    "US$": ["US$ 3", "US$ 4", "US$ 5", "US$6"],
    "any word": ["3 rooms", "4 rooms", "5 rooms", "6 rooms"],
    "underscores": ["1_000", "2_000", "3_000", "4_000"],
    "hexadecimal": ["0x10", "0xff", "0x1A", "0x0"],
    "fractions": ["1/2", "3/4", "1 1/2", "½"],
    "decimal comma": ["3,5", "4,25", "5,5", "6,75"],
    "no-break space and unit": ["1\u00a0234\u00a0kg", "5\u00a0kg", "6\u00a0kg", "7\u00a0kg"],
    "lakhs": ["12,34,567", "2,34,567", "1,00,00,000", "3,45,678.5"],
    "powers of ten": ["1.5×10^3", "2 x 10^-3", "3.5×10⁴", "4*10**2"],
    "quotes within": ["'3'", "'4.5'", "'5'", "'6'"],
    "stars": ["3.5**", "4*", "5.5***", "6"],
    "limits of a device": ["<0.5", "1.5", ">20", "3"],
    "about": ["~3", "4", "5", "≈6"],
    "a placeholder": ["unknown", "5", "6", "7"],
}
CATEGORIES = {
    "classes": ["<=50K", ">50K", "<=50K", ">50K"],
    "ages": ["<20", "20-39", "40+", "<20"],
    "limits alone": ["<5", ">5", "<5", ">5"],
    "codes": ["A1", "B2", "A1", "B2"],
    "flats": ["3b", "3a", "4b", "4a"],
    "flats and numbers": ["3b", "3", "4", "5"],
    "sizes": ["10-20", "20-30", "30-40", "10-20"],
    "versions": ["1.2.3", "1.2", "1.3", "2.0.1"],
    "addresses": ["12 Main Street", "3 Oak Lane", "4 Elm Road", "5 Elm Road"],
    "networks": ["3G", "4G", "5G", "4G"],
    "seats": ["10A", "10B", "11C", "12F"],
    "ordinals": ["1st", "2nd", "3rd", "1st"],
    "ratios": ["2:1", "3:1", "4:1", "2:1"],
    "two numbers": ["120/80", "130/85", "110/70", "140/90"],
    "address of a machine": ["192.168.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3"],
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("case", READ)
def test_numbers_to_a_person_are_read_and_said(tmp_path, source, case):
    words, numbers = READ[case]
    opened = open_source(SOURCES[source](words, tmp_path))
    assert opened.field("x").kind is Kind.NUMBER
    np.testing.assert_array_equal(all_numbers(opened, ["x"])[:, 0], numbers)
    said = [note for note in opened.notes if "`x`" in note]
    assert said or (case == "blanks around" and source == "csv")
    if case not in ("blanks around", "parentheses and commas"):
        # How many cells, and one of them as it was read.
        assert any("were read all the same" in note and f"of its first {len(words)}" in note for note in said)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("case", REFUSED)
def test_what_says_more_than_a_number_is_refused_with_its_place(tmp_path, source, case):
    opened = open_source(SOURCES[source](REFUSED[case], tmp_path))
    with pytest.raises(
        ColumnError, match=r"Column `x` holds numbers, but `.*` at row 1.* (is not a number|has a decimal comma).*C\(x\)"
    ):
        all_numbers(opened, ["x"])
    # Who asks for words gets them; and who asks for neither is not disturbed.
    asked = open_source(SOURCES[source](REFUSED[case], tmp_path), text=["x"])
    assert all_text(asked, "x") == REFUSED[case]
    np.testing.assert_array_equal(all_numbers(opened, ["y"])[:, 0], Y)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("case", CATEGORIES)
def test_categories_with_digits_stay_categories(tmp_path, source, case):
    opened = open_source(SOURCES[source](CATEGORIES[case], tmp_path))
    assert opened.field("x").kind is Kind.TEXT
    assert all_text(opened, "x") == CATEGORIES[case]


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "csv"])
def test_text_by_type_that_looks_like_codes_stays_text(tmp_path, source):
    for words in (["01234", "02345", "99999", "10115"], ["12345678901234567890"] * 4, ["True", "False", "True", "True"]):
        opened = open_source(SOURCES[source](words, tmp_path))
        assert opened.field("x").kind is Kind.TEXT
        assert all_text(opened, "x") == words


def test_a_declared_category_is_one():
    frame = pd.DataFrame({"x": pd.Categorical(["1", "2", "1", "2"]), "y": Y})
    assert open_source(frame).field("x").kind is Kind.TEXT
    assert (
        open_source(pl.DataFrame({"x": pl.Series(["1", "2", "1", "2"], dtype=pl.Categorical), "y": Y})).field("x").kind
        is Kind.TEXT
    )


@pytest.mark.parametrize("source", SOURCES)
def test_fit_predict_and_evaluate_read_alike(tmp_path, source):
    words = ["\u22121", "1\u00a0000", "(2)", "3"]
    data = SOURCES[source](words, tmp_path)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        plain = bl.fit({"x": [-1.0, 1000.0, -2.0, 3.0], "y": Y}, "y ~ x")
        model = bl.fit(data, "y ~ x")
    assert any("`x`" in str(one.message) for one in said)
    np.testing.assert_allclose(model.coef, plain.coef, rtol=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(plain.predict(data), plain.predict({"x": [-1.0, 1000.0, -2.0, 3.0]}), rtol=1e-12)
        assert plain.evaluate(data).r2 == pytest.approx(plain.evaluate({"x": [-1.0, 1000.0, -2.0, 3.0], "y": Y}).r2)
    for words in (["5 kg"] * 4, ["5 %"] * 4):
        with pytest.raises(ColumnError, match="`x` holds numbers"):
            plain.predict(SOURCES[source](words, tmp_path))


@pytest.mark.parametrize(("word", "value"), [("1\u00a0234", 1234.0), ("1,234", 1234.0), ("(7)", -7.0), ("\u22123", -3.0)])
@pytest.mark.parametrize("where", [0, 500, 999])
def test_the_block_that_comes_first_does_not_change_a_number(put, monkeypatch, where, word, value):
    monkeypatch.setattr(text_of_files, "BLOCK", 500)
    monkeypatch.setattr(delimited, "BLOCK", 500)
    words = ["5"] * 1000
    words[where] = word
    opened = open_source(put("x,y\n" + "".join(f'"{word}",1\n' for word in words)))
    assert all_numbers(opened, ["x"]).sum() == 999 * 5 + value
    # Where the first block shows it, it is said of the first rows; elsewhere, of the row.
    said = [note for note in opened.notes if readable(word) in note]
    assert len(said) == 1 or (where == 0 and opened.notes)
    if where:
        assert f"row {where + 1} (line {where + 2} of" in said[0]
        assert f"read as {value:.0f}." in said[0]


@pytest.mark.parametrize("word", ["12 kg", "abc", "1 23 4", "0x10"])
def test_a_word_that_is_no_number_is_refused_in_every_block(put, monkeypatch, word):
    monkeypatch.setattr(text_of_files, "BLOCK", 500)
    monkeypatch.setattr(delimited, "BLOCK", 500)
    for where in (3, 500, 999):
        words = ["5"] * 1000
        words[where] = word
        opened = open_source(put("x,y\n" + "".join(f"{word},1\n" for word in words)))
        with pytest.raises(ColumnError, match=rf"row {where + 1} \(line {where + 2}"):
            all_numbers(opened, ["x"])


def test_text_of_frames_is_read_alike_behind_the_rows_that_judge_it(monkeypatch):
    monkeypatch.setattr(judgement, "JUDGED", 100)
    words = ["5"] * 1000
    words[700] = "1 234"
    opened = open_source({"x": words})
    assert all_numbers(opened, ["x"]).sum() == 999 * 5 + 1234
    assert any("`1 234` at row 701, read as 1234." in note for note in opened.notes)


def test_columns_that_are_partly_codes_are_said(put):
    notes = open_source(put("x,y\n3b,1\n3,2\n4,3\n5,4\n")).notes
    assert any("`x` was read as text: 75% of its cells are numbers" in note and "`3b`" in note for note in notes)


def test_several_parquet_files_are_judged_by_the_first(tmp_path):
    pq.write_table(pa.table({"x": ["1", "2"], "y": [1.0, 2.0]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"x": ["3", "no"], "y": [1.0, 2.0]}), tmp_path / "b.parquet")
    opened = open_source(str(tmp_path / "*.parquet"))
    with pytest.raises(ColumnError, match=r"`no` at row 2 of b\.parquet"):
        all_numbers(opened)


WHOLE = st.integers(0, 10**12)


@settings(max_examples=200, deadline=None)
@given(
    WHOLE,
    st.integers(0, 999),
    st.sampled_from(" \u00a0\u202f\u2009'\u2019"),
    st.sampled_from(["{}", "-{}", "\u2212{}", "({})", "{}-", "+{}"]),
    st.sampled_from(["0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९"]),
)
def test_any_such_number_is_read_to_the_digit(whole, thousandths, between, sign, digits):
    word = sign.format(f"{whole:,}.{thousandths:03d}".replace(",", between))
    spelt = word.translate({ord(str(i)): digit for i, digit in enumerate(digits)})
    value = float(f"{whole}.{thousandths:03d}") * (1 if sign in ("{}", "+{}") else -1)
    assert float(undressed(spelt, Spelling()) or "nan") == value
    comma = spelt.replace(".", ",")
    assert float(undressed(comma, Spelling(",")) or "nan") == value


@given(st.text(alphabet="0123456789 ,.'()-+eE%$kgax/:\u00a0", max_size=8))
def test_no_word_is_read_as_another_number_than_float_reads(word):
    read = undressed(word, Spelling())
    try:
        theirs = float(word)
    except ValueError:
        return
    assert read is None or float(read) == theirs


def test_a_decimal_comma_with_groups(put):
    opened = open_source(put("x;y\n1.234.567,5;1\n2 000,25;2\n3,5;3\n"))
    np.testing.assert_array_equal(all_numbers(opened, ["x"])[:, 0], [1234567.5, 2000.25, 3.5])
    with mock.patch.object(text_of_files, "BLOCK", 1 << 20), pytest.raises(ColumnError, match=r"`1\.234`"):
        all_numbers(open_source(put("x;y\n1.234;1\n2,5;2\n3,5;3\n")))


UNITS = (
    "% ‰ ° °C °F g kg mg µg ug lb lbs oz t m km cm mm µm nm mi ft in yd inch inches l ml cl dl gal h hr hrs min "
    "mins s sec secs ms µs us ns d day days wk week weeks month months yr yrs year years Hz kHz MHz GHz kW MW kWh "
    "MWh kJ kcal cal mV kV mA kPa hPa MPa Pa bar psi mph km/h kmh m/s m2 m² m³ m3 km2 km² cm2 cm² cm3 cm³ ha acre "
    "acres sqft sqm ft² ft2 kB KB MB GB TB mol mmol mmHg mg/l mg/dl dB px pt bpm rpm ppm ppb cc hp k K M mn mio bn "
    "kg/m² kg/m2 g/l x pct percent points pts $ € £ ¥ USD EUR GBP CHF"
)


@pytest.mark.parametrize("unit", UNITS.split())
def test_a_unit_makes_a_quantity_of_a_number_whatever_stands_in_other_cells(unit: str) -> None:
    # Only what is known as a unit is one beside others; a word that nobody knows is a name, as of a flat.
    cells = {f"3{unit}": 1, "4kg": 1, "5 hPa": 1}
    assert numbers_to_people(cells) == set(cells)
    assert "3zz" not in numbers_to_people({"3zz": 1, "4kg": 1, "5 hPa": 1})
