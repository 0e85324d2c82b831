"""Values of every kind in a frame or a list: converted, or refused by name when they are used, and not looked at when they are not."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import fractions
import io
import itertools
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import bestline as bl
from bestline.data.tables import Kind, open_source
from bestline.data.tables.derived.days import starting
from bestline.errors import ColumnError, DataError
from data.tables.examples import all_numbers, all_text

pytestmark = pytest.mark.filterwarnings("ignore:There are few rows", "ignore:.*alone determines")
N = 12
X = np.random.default_rng(0).normal(size=N).round(4)
Y = (1 + 2 * X).tolist()

NUMBERS: dict[str, tuple[Any, Any]] = {
    "big endian": (X.astype(">f8"), X),
    "big endian integers": (np.arange(N).astype(">i4"), np.arange(N)),
    "big endian, short": (np.arange(N).astype(">u2"), np.arange(N)),
    "long double": (X.astype(np.longdouble), X),
    "half": (np.arange(N).astype("f2"), np.arange(N)),
    "decimal": ([decimal.Decimal(str(v)) for v in X], X),
    "fractions": ([fractions.Fraction(i, 4) for i in range(N)], np.arange(N) / 4),
    "floats as objects": (pd.Series(list(X), dtype=object), X),
    "numpy scalars": (pd.Series(list(np.float32(np.arange(N))), dtype=object), np.arange(N)),
    "tensors": (pd.Series([torch.tensor(v) for v in X], dtype=object), X),
    "integers beside floats": (pd.Series([1, 2.5] * 6, dtype=object), np.array([1, 2.5] * 6)),
    "integers and None": (pd.Series([1, None] * 6, dtype=object), np.array([1, np.nan] * 6)),
    "nullable integers": (pd.array([1, None] * 6, dtype="Int64"), np.array([1, np.nan] * 6)),
    "nullable booleans": (pd.array([True, None] * 6, dtype="boolean"), np.array([1, np.nan] * 6)),
    "arrow-backed": (pd.array(X, dtype="float64[pyarrow]"), X),
    "sparse": (pd.arrays.SparseArray(X), X),
    "sparse integers": (pd.arrays.SparseArray([0, 1] * 6), np.array([0, 1] * 6)),
    "text and numbers": (pd.Series(["1", 2.5] * 6, dtype=object), np.array([1, 2.5] * 6)),
}
REFUSED: dict[str, tuple[Any, str]] = {
    "complex": (X.astype(complex), "complex"),
    "lists": (pd.Series([[1, 2]] * N), "nested"),
    "dicts": (pd.Series([{"a": 1}] * N), "nested"),
    "sets": (pd.Series([{1}] * N), "nested"),
    "bytes": (pd.Series([b"a", b"b"] * 6), "binary"),
    "objects": (pd.Series([object()] * N), "`object` objects"),
    "classes": (pd.Series([int] * N), "`type` objects"),
    "text and bytes": (pd.Series(["a", b"b"] * 6), "binary|mix of"),
    "text and dates": (pd.Series(["a", dt.date(2020, 1, 1)] * 6, dtype=object), "mix of date, str"),
    "numbers and lists": (pd.Series([1.0, [2.0]] * 6, dtype=object), "mix of float, list"),
    "large integers": (pd.Series([10**30 + i for i in range(N)], dtype=object), "64 bits"),
    "times of day": (pd.Series([dt.time(i) for i in range(N)], dtype=object), "times of day"),
}


def holding(values: Any, how: str) -> Any:
    held = {"x": X, "y": Y, "c": values}
    return pd.DataFrame(held) if how == "frame" else held


@pytest.mark.parametrize("how", ["frame", "dict"])
@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_of_every_kind_are_converted(how, kind):
    values, expected = NUMBERS[kind]
    np.testing.assert_array_equal(all_numbers(open_source(holding(values, how)), ["c"])[:, 0], expected)


@pytest.mark.parametrize("how", ["frame", "dict"])
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_column_is_refused_by_name_when_it_is_used(how, kind):
    values, says = REFUSED[kind]
    data = holding(values, how)
    with pytest.raises(ColumnError, match=rf"Column `c` .*(?:{says})"):
        bl.fit(data, "y ~ x + c")
    with pytest.raises(ColumnError, match="`c`"):
        bl.fit(data, target="c", features=["x"])


@pytest.mark.parametrize("how", ["frame", "dict"])
@pytest.mark.parametrize("kind", [*NUMBERS, *REFUSED])
def test_what_is_not_used_is_not_looked_at(how, kind):
    data = holding((NUMBERS | REFUSED)[kind][0], how)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = bl.fit(data, "y ~ x")
        assert model.predict(data)[0] == pytest.approx(Y[0])
        assert np.ravel(model.evaluate(data).r2)[0] == pytest.approx(1)
    assert not [str(one.message) for one in said if "`c`" in str(one.message) and "read as numbers" not in str(one.message)]


def test_without_features_named_they_are_left_out_and_said():
    with pytest.warns(UserWarning, match="`c`"):
        model = bl.fit(holding(REFUSED["complex"][0], "frame"), target="y")
    assert model.names[:1] == ("x",) or list(model.names)[:1] == ["x"]


@pytest.mark.parametrize("how", ["frame", "dict"])
def test_intervals_are_ordered_categories(how):
    cut = pd.cut(pd.Series([1, 30, 200, 1, 30, 200, 30, 1, 200, 1, 30, 200]), [0, 9, 100, 1000])
    names = ["(0, 9]", "(9, 100]", "(100, 1000]"]
    for values in (cut, cut.astype(object), pd.Series(cut.array.astype(object)), pd.arrays.IntervalArray(cut.astype(object))):
        source = open_source(holding(values, how))
        assert source.field("c").kind is Kind.TEXT
        assert source.field("c").levels == tuple(names)  # by size, and not by the alphabet
        assert all_text(source, "c")[:3] == names
    model = bl.fit(holding(cut, how), "y ~ c")
    assert list(model.names)[:2] == ["c[T.(9, 100]]", "c[T.(100, 1000]]"]


def test_categories_of_mixed_values():
    source = open_source(pd.DataFrame({"c": pd.Categorical([1, "b", 2.5]), "y": [1, 2, 3]}))
    assert all_text(source, "c") == ["1", "b", "2.5"]


def test_unused_columns_of_files(tmp_path):
    pq.write_table(
        pa.table({"x": X, "y": Y, "nest": [[1]] * N, "st": [{"a": 1}] * N, "b": [b"1"] * N, "t": [dt.time(1)] * N}),
        tmp_path / "t.parquet",
    )
    (tmp_path / "t.csv").write_text(
        "x,y,bad,mixed\n"
        + "".join(
            f"{x},{y},{'1' if i else 'oops'},{'2020-01-01' if i % 2 else '1/2/2020'}\n"
            for i, (x, y) in enumerate(zip(X, Y, strict=True))
        )
    )
    for path in (tmp_path / "t.parquet", tmp_path / "t.csv"):
        model = bl.fit(path, "y ~ x")
        assert model.coef["x"] == pytest.approx(2)
        assert len(model.predict(path)) == N


# --- dates and durations -------------------------------------------------------------------------------------------------

DATES = ["2020-01-03", "2020-01-05", "2020-01-04", "2020-03-01", "2020-02-29", "2021-01-03"]
DAYS = [0, 2, 1, 58, 57, 366]
TARGET = [1.0 + 0.5 * day for day in DAYS]
STAMPS = pd.to_datetime(DATES)


def dated(path: Any, suffix: str, dates: list[str]) -> str:
    table = pa.table({"date": dates, "y": TARGET[: len(dates)]})
    if suffix == "parquet":
        table = table.set_column(0, "date", pa.array(pd.to_datetime(dates).date))
        pq.write_table(table, path / "t.parquet")
    else:
        table.to_pandas().to_csv(path / "t.csv", index=False)
    return str(path / f"t.{suffix}")


DATED = {
    "csv": lambda path: dated(path, "csv", DATES),
    "parquet": lambda path: dated(path, "parquet", DATES),
    "pandas": lambda _: pd.DataFrame({"date": STAMPS, "y": TARGET}),
    "pandas seconds": lambda _: pd.DataFrame({"date": STAMPS.as_unit("s"), "y": TARGET}),
    "pandas words": lambda _: pd.DataFrame({"date": DATES, "y": TARGET}),
    "pandas objects": lambda _: pd.DataFrame({"date": pd.Series(list(STAMPS.date), dtype=object), "y": TARGET}),
    "polars": lambda _: pl.DataFrame({"date": STAMPS.date, "y": TARGET}),
    "periods": lambda _: {"date": pd.PeriodIndex(DATES, freq="D"), "y": TARGET},
    "numpy": lambda _: {"date": np.array(DATES, "M8[D]"), "y": TARGET},
    "list": lambda _: {"date": [dt.date.fromisoformat(d) for d in DATES], "y": TARGET},
}


@pytest.mark.parametrize("source", DATED)
def test_dates_are_days_since_the_first_row(tmp_path, source):
    data = DATED[source](tmp_path)
    name = "date (days since 2020-01-03)"
    model = bl.fit(data, "y ~ date", l2=0)
    assert model.coef[name] == pytest.approx(0.5)
    assert model.intercept == pytest.approx(1)
    # Other rows count from the same day, in whatever way they are given, and after a file.
    model.save(tmp_path / "m.bestline")
    for line in (model, bl.load(tmp_path / "m.bestline")):
        for other in (
            {"date": ["2020-01-13", "2019-12-24"]},
            pd.DataFrame({"date": pd.to_datetime(["2020-01-13", "2019-12-24"])}),
            pl.DataFrame({"date": [dt.date(2020, 1, 13), dt.date(2019, 12, 24)]}),
        ):
            np.testing.assert_allclose(line.predict(other), [6, -4])
        assert np.ravel(line.evaluate(data).rmse)[0] == pytest.approx(0, abs=1e-12)
    assert bl.fit(data, target="y", features=["date"]).coef[name] == pytest.approx(0.5)


def test_times_within_the_day_and_zones():
    times = pd.to_datetime(["2020-01-03 12:00", "2020-01-04 00:00", "2020-01-05 18:00"])
    assert bl.fit({"t": times, "y": [0.5, 1.0, 2.75]}, "y ~ t").coef["t (days since 2020-01-03)"] == pytest.approx(1)
    zoned = bl.fit({"t": times.tz_localize("Europe/Berlin"), "y": [0.5, 1.0, 2.75]}, "y ~ t")
    assert zoned.coef["t (days since 2020-01-03 UTC)"] == pytest.approx(1)
    assert zoned.predict({"t": pd.to_datetime(["2020-01-05 12:00"]).tz_localize("America/New_York")})[0] == pytest.approx(2.75)
    words = bl.fit({"t": ["2020-01-03T12:00:00", "2020-01-04T00:00", "2020-01-05 18:00:00.0"], "y": [0.5, 1.0, 2.75]}, "y ~ t")
    assert words.coef["t (days since 2020-01-03)"] == pytest.approx(1)


def test_nanoseconds_are_not_lost():
    base = np.datetime64("2020-01-03T00:00:00.000000001", "ns")
    source = open_source({"t": np.array([base, base + 86_400_000_000_000], "M8[ns]"), "y": [1.0, 2.0]})
    (batch,) = source.batches(["t (days since 2020-01-03)"])
    assert batch.numbers(["t (days since 2020-01-03)"])[:, 0].tolist() == [1 / 86_400e9, 1 + 1 / 86_400e9]


def test_durations_are_days():
    waits = pd.to_timedelta([12, 24, 36, 96], unit="h")
    for data in (
        pd.DataFrame({"wait": waits, "y": [1.0, 2.0, 3.0, 8.0]}),
        {"wait": [w.to_pytimedelta() for w in waits], "y": [1.0, 2.0, 3.0, 8.0]},
        pl.DataFrame({"wait": [w.to_pytimedelta() for w in waits], "y": [1.0, 2.0, 3.0, 8.0]}),
        {"wait": np.array([12, 24, 36, 96], "m8[h]").astype("m8[s]"), "y": [1.0, 2.0, 3.0, 8.0]},
    ):
        model = bl.fit(data, "y ~ wait")
        assert model.coef["wait (days)"] == pytest.approx(2)
        assert model.predict({"wait": [dt.timedelta(days=1)]})[0] == pytest.approx(2)
    with pytest.raises(ColumnError, match="`wait` holds numbers, not durations; give them as numbers of days"):
        model.predict({"wait": [1.0]})
    with pytest.raises(ColumnError, match="`wait` does not hold durations"):
        model.predict({"wait": [dt.date(2020, 1, 1)]})


def test_missing_dates():
    data = {"date": [None, *DATES], "y": [0.0, *TARGET]}
    with pytest.raises(DataError, match="missing"):
        bl.fit(data, "y ~ date")
    with pytest.warns(UserWarning, match="1 "):
        model = bl.fit(data, "y ~ date", missing="drop")
    assert model.coef["date (days since 2020-01-03)"] == pytest.approx(0.5)
    with pytest.raises(ColumnError, match="every one is missing"):
        bl.fit({"date": pd.to_datetime([None] * 3), "y": [1.0, 2.0, 3.0]}, "y ~ date")


@pytest.mark.parametrize(
    ("dates", "says"),
    [
        (["01/02/2024", "02/02/2024", "03/02/2024"], r"`01/02/2024` at row 1.*2024-02-01"),
        (["2024-02-01", "2024-02-30", "2024-02-03"], r"`2024-02-30` at row 2"),
        (["01/02/2024", "2024-02-01", "Feb 1 2024"], "mixes several ways"),
        (["10:30", "11:30", "12:00"], r"`10:30` at row 1"),
    ],
)
def test_dates_that_cannot_be_told_are_refused_by_cell(put, dates, says):
    text = "d,y\n" + "".join(f"{d},{i}\n" for i, d in enumerate(dates))
    for data in (put(text), pd.DataFrame({"d": dates, "y": [1.0, 2.0, 4.0]})):
        with pytest.raises(ColumnError, match=rf"Column `d` .*{says}"):
            bl.fit(data, "y ~ d")


def test_days_beside_categories_and_in_products():
    data = pd.DataFrame({"date": STAMPS, "g": list("ababab"), "y": TARGET})
    assert list(bl.fit(data, "y ~ date*g", l2=0).names)[:3] == [
        "date (days since 2020-01-03)",
        "g[T.b]",
        "date (days since 2020-01-03):g[T.b]",
    ]
    assert len(bl.fit(data, "y ~ date").augment(data)) == len(TARGET)


def test_days_have_no_sql_and_a_column_of_that_name_is_that_column():
    model = bl.fit({"date": STAMPS, "y": TARGET}, "y ~ date")
    with pytest.raises(ValueError, match="counted from dates"):
        model.to_sql("t")
    name = "date (days since 2020-01-03)"
    source = open_source({name: [7.0, 8.0], "date": ["2020-01-04"] * 2})
    np.testing.assert_array_equal(all_numbers(source, [name])[:, 0], [7, 8])


# --- what can be gone through once only ----------------------------------------------------------------------------------

TABLE = pa.table({"x": X, "y": Y})


class Untouched:
    """An iterator that may not be asked for anything."""

    def __iter__(self):
        raise AssertionError("touched")

    def __next__(self):
        raise AssertionError("touched")


ONCE: dict[str, tuple[Any, str]] = {
    "generator": (lambda: (row for row in itertools.count()), "generator.*once only.*pass a path"),
    "map": (lambda: map(str, itertools.count()), "map"),
    "zip": (lambda: zip(X, Y, strict=True), "zip"),
    "iterator": (Untouched, "Untouched"),
    "count": (itertools.count, "count"),
    "reader of batches": (TABLE.to_reader, r"RecordBatchReader.*read_all\(\)"),
    "dataset": (lambda: pyarrow.dataset.dataset(TABLE), r"to_table\(\)"),
    "StringIO": (lambda: io.StringIO("x,y\n1,2\n"), "write its text to a file"),
    "BytesIO": (lambda: io.BytesIO(b"x,y\n1,2\n"), "write its text to a file"),
    "csv reader": (lambda: csv.reader(io.StringIO("x,y\n1,2\n")), "pass a path"),
    "loader": (lambda: DataLoader(TensorDataset(torch.ones(3, 1), torch.ones(3))), r"as \(X, y\)"),
    "values of a dict": ({"a": X}.values, "pass the dict itself"),
    "keys of a dict": ({"a": X}.keys, "pass the dict itself"),
    "items of a dict": ({"a": X}.items, "pass the dict itself"),
    "paths": (lambda: iter(["a.csv", "b.csv"]), "list of paths"),
}


@pytest.mark.parametrize("kind", ONCE)
def test_what_can_be_gone_through_once_is_refused_before_it_is_touched(kind):
    make, says = ONCE[kind]
    data = make()
    with pytest.raises(DataError, match=says) as caught:
        bl.fit(data, "y ~ x")
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError):
        bl.fit({"x": X, "y": Y}, "y ~ x").predict(make())
    if kind == "reader of batches":
        assert data.read_all().num_rows == N  # nothing of it was lost


def test_an_open_file_is_asked_for_its_path(put):
    path = put("x,y\n1,2\n2,3\n3,5\n", "cars.csv")
    for mode in ("r", "rb"):
        with open(path, mode) as file, pytest.raises(DataError, match=r"pass its path, `.*cars\.csv`"):  # noqa: PTH123
            bl.fit(file, "y ~ x")


def test_iterators_as_columns_and_in_pairs():
    with pytest.raises(DataError, match="`x` is given as `generator`"):
        bl.fit({"x": (v for v in X), "y": Y}, "y ~ x")
    with pytest.raises(DataError, match="once only"):
        bl.fit((iter(X), Y))


NAIVE = pd.to_datetime(["2020-01-03 00:00", "2020-01-03 12:00", "2020-01-05 06:00"])
ZONED = NAIVE.tz_localize("Europe/Berlin")
Y_OF_TIMES = [0.5, 1.0, 2.75]


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(("trained", "other"), [(NAIVE, ZONED), (ZONED, NAIVE)])
def test_times_with_and_without_a_zone_are_never_mixed(tmp_path, trained, other, as_text):
    """By the offset they would be shifted, without a word."""
    written = lambda times: [time.isoformat() for time in times] if as_text else times
    model = bl.fit({"t": written(trained), "y": Y_OF_TIMES}, "y ~ t")
    assert model.predict({"t": written(trained)}) == pytest.approx(Y_OF_TIMES, abs=0.2)
    with pytest.raises(bl.errors.ColumnError, match=r"`t` holds times .* a time zone, and the line was fitted to times .* one"):
        model.predict({"t": written(other)})
    pd.DataFrame({"t": written(other)}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(bl.errors.ColumnError, match="time zone"):
        model.predict(str(tmp_path / "t.csv"))


def test_days_alone_have_no_clock_and_go_with_both():
    days = {"t": ["2020-01-04", "2020-01-05"]}
    for times in (NAIVE, NAIVE.tz_localize("UTC")):
        model = bl.fit({"t": times, "y": [0.0, 0.5, 2.25]}, "y ~ t")
        assert model.predict(days) == pytest.approx([1, 2])


def test_text_with_a_zone_says_so_in_its_name():
    model = bl.fit({"t": [time.isoformat() for time in ZONED], "y": Y_OF_TIMES}, "y ~ t")
    assert model.names[0] == "t (days since 2020-01-02 UTC)"


def test_durations_as_text_are_asked_for_as_days(tmp_path):
    frame = pd.DataFrame({"w": pd.to_timedelta([1, 2, 4], unit="D"), "y": [1.0, 2.0, 4.5]})
    model = bl.fit(frame, "y ~ w")
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(bl.errors.ColumnError, match=r"`w` holds .*, not durations; give them .* column called `w \(days\)`"):
        model.predict(str(tmp_path / "t.csv"))
    assert model.predict({"w (days)": [1.0, 2.0]}) == pytest.approx(model.predict(frame[:2]))


@pytest.mark.parametrize("column", ["dates", "durations"])
def test_days_are_turned_back_into_the_microseconds_that_they_were_read_from(column: str):
    """A day has no exact number of microseconds in binary, so what comes back is rounded and not cut off."""
    microseconds = np.random.default_rng(0).integers(0, 30 * 365 * 86_400_000_000, 500)
    given = (
        microseconds.astype("timedelta64[us]") if column == "durations" else np.datetime64("2020-01-01", "us") + microseconds
    )
    days = starting("t", pa.array(given) if column == "durations" else pa.array(np.sort(given)))
    assert days is not None
    assert np.array_equal(days.cells(days.of(pa.array(given))), given)
    assert days.cells([float("nan")]).astype(str).tolist() == ["NaT"]
