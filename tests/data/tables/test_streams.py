"""Streams: a reader that is made anew each time gives the line of the whole table, and what is no such reader is refused."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import bestline as bl
from bestline.data.tables import open_source
from bestline.errors import BestlineError, ColumnError, DataError, OptionError

pytestmark = pytest.mark.usefixtures("quiet")

N = 1_000


def table() -> pd.DataFrame:
    draw = np.random.default_rng(7)
    frame = pd.DataFrame(
        {"x": draw.normal(4, 2, N), "g": draw.choice(list("abc"), N), "n": draw.integers(1, 5, N), "spare": "s"}
    )
    frame["y"] = 2 * frame.x + (frame.g == "b") + draw.normal(size=N)
    frame.loc[:400, "g"] = None  # the first pieces have no level at all
    return frame


FRAME = table()
X = torch.from_numpy(np.random.default_rng(8).normal(size=(N, 3)))
Y = X @ torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64) + 0.1 * X[:, 0].cos()


def frames(size: int = 93) -> Iterator[pd.DataFrame]:
    for start in range(0, N, size):
        yield FRAME.iloc[start : start + size]
        yield FRAME.iloc[:0]  # and pieces without rows


class ByNumber(Dataset):
    def __len__(self) -> int:
        return N

    def __getitem__(self, i: int) -> Any:
        return X[i], Y[i]


class OneByOne(IterableDataset):
    def __iter__(self) -> Iterator[Any]:
        return iter(zip(X, Y, strict=True))


class ByName(IterableDataset):
    def __iter__(self) -> Iterator[Any]:
        return ({"x": row.x, "g": row.g, "n": row.n, "y": row.y} for row in FRAME.itertuples())


OF_FRAMES: dict[str, Callable[[], Any]] = {
    "generator of frames": lambda: frames,
    "list of frames": lambda: list(frames()),
    "arrow reader": lambda: lambda: pa.Table.from_pandas(FRAME).to_reader(max_chunksize=70),
    "record batches": lambda: lambda: iter(pa.Table.from_pandas(FRAME).to_batches(max_chunksize=70)),
    "dicts": lambda: lambda: (piece.to_dict("list") for piece in frames()),
    "rows by name": ByName,
    "a frame itself": lambda: lambda: FRAME,
}
OF_PAIRS: dict[str, Callable[[], Any]] = {
    "pairs": lambda: lambda: zip(X.split(64), Y.split(64), strict=True),
    "arrays": lambda: lambda: zip(np.array_split(X.numpy(), 9), np.array_split(Y.numpy(), 9), strict=True),
    "loader": lambda: DataLoader(TensorDataset(X, Y), batch_size=50),
    "loader that shuffles": lambda: DataLoader(TensorDataset(X, Y[:, None]), batch_size=50, shuffle=True),
    "loader of rows": lambda: DataLoader(TensorDataset(X, Y), batch_size=None),
    "dataset": lambda: TensorDataset(X, Y),
    "dataset of one's own": ByNumber,
    "iterable dataset": OneByOne,
}


@pytest.mark.parametrize("kind", OF_FRAMES)
def test_a_stream_of_tables_fits_the_line_of_the_whole(kind: str):
    formula = "y ~ x + g + C(n)"
    whole = bl.fit(FRAME, formula, missing="impute")
    stream = bl.stream(OF_FRAMES[kind]())
    line = bl.fit(stream, formula, missing="impute")
    assert line.names == whole.names
    np.testing.assert_allclose(line.params, whole.params, rtol=1e-12)
    assert line.held_out.rmse == pytest.approx(whole.held_out.rmse, rel=1e-12)
    # Second passes read it again.
    np.testing.assert_allclose(line.covariance("HC3").std_error, whole.covariance("HC3").std_error, rtol=1e-9)
    np.testing.assert_allclose(whole.predict(stream), whole.predict(FRAME), rtol=1e-12)
    assert bl.Moments.collect(stream, "y ~ x").rows == N


@pytest.mark.parametrize("kind", OF_PAIRS)
def test_a_stream_of_pairs_fits_the_line_of_the_whole(kind: str):
    before = torch.get_rng_state()
    line = bl.fit(bl.stream(OF_PAIRS[kind]()))
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_allclose(line.params, bl.fit(X, Y).params, rtol=1e-12)


def test_no_more_than_a_piece_is_held_and_of_it_the_columns_that_are_read():
    def pieces() -> Iterator[pa.Table]:
        for seed in range(40):
            x = np.random.default_rng(seed).normal(size=50_000)
            yield pa.table({"x": x, "y": 3 * x + 1, "z": x})

    seen: list[int] = []
    source = open_source(bl.stream(pieces))
    tracemalloc.start()
    for batch in source.batches(["x", "y"]):
        seen.append(batch.start + batch.rows)
        with pytest.raises(ColumnError):
            batch.cells("z")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen[-1] == 2_000_000
    assert peak < 8 * 50_000 * 8  # of 40 pieces of 3 columns, some copies of one
    assert bl.fit(bl.stream(pieces), "y ~ x").params["x"] == pytest.approx(3)


def test_rows_and_messages_count_over_all_pieces():
    odd = FRAME.assign(x=FRAME.x.where(FRAME.index != 700, np.inf))
    with pytest.raises(DataError) as whole:
        bl.fit(odd, "y ~ x")
    with pytest.raises(DataError) as streamed:
        bl.fit(bl.stream([odd[:300], odd[300:650], odd[650:]]), "y ~ x")
    assert str(streamed.value) == str(whole.value)
    assert "row 701" in str(whole.value)


def test_a_column_that_begins_empty_has_the_kind_of_its_first_values():
    pieces = [FRAME[["y"]].assign(x=None).iloc[:5], FRAME.iloc[5:]]
    line = bl.fit(bl.stream(pieces), "y ~ x", missing="drop")
    np.testing.assert_allclose(line.params, bl.fit(FRAME.iloc[5:], "y ~ x").params, rtol=1e-12)


def test_words_that_look_like_numbers_in_a_later_piece_stay_levels():
    pieces = [{"g": ["a", "b", "01"], "y": [1.0, 2.0, 4.0]}, {"g": ["01", "1", "1"], "y": [4.0, 8.0, 8.0]}]
    assert bl.fit(bl.stream(pieces), "y ~ g - 1").names == ("g[01]", "g[1]", "g[a]", "g[b]")


REFUSED: dict[str, tuple[Any, str]] = {
    "used generator": (frames(), "gone through once only"),
    "number": (3, "no function"),
    "frame": (FRAME, "takes as it is"),
    "path": ("a.csv", "no function"),
    "needs an argument": (lambda size: size, "without arguments"),
    "class": (OneByOne, "no function"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_makes_no_reader_is_refused_at_once(kind: str):
    given, why = REFUSED[kind]
    with pytest.raises(OptionError, match=why):
        bl.stream(given)


def test_a_reader_that_is_given_twice_is_refused():
    used = frames()
    with pytest.raises(DataError, match="same reader twice"):
        bl.fit(bl.stream(lambda: used), "y ~ x")


def test_rows_that_come_and_go_are_refused():
    sizes = iter((300, 300, 200, 100))

    def pieces() -> Iterator[pd.DataFrame]:
        return iter([FRAME.iloc[: next(sizes)]])

    with pytest.raises(DataError, match="had 300 rows and now has"):
        bl.fit(bl.stream(pieces), "y ~ x").summary(cov="HC1")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: None, "gives a reader"),
        (lambda: "a.csv", "read as it is"),
        (lambda: iter([]), "no rows"),
        (lambda: [FRAME.iloc[:0]], "no rows"),
        (lambda: [FRAME, 3], "not a table"),
        (lambda: [FRAME, FRAME[["y"]]], "no column `x` in piece 2 of the stream"),
    ],
)
def test_what_a_reader_cannot_give_is_said(make: Callable[[], Any], why: str):
    with pytest.raises(BestlineError, match=why):
        bl.fit(bl.stream(make), "y ~ x")


def test_arrays_cannot_lie_beside_a_stream():
    with pytest.raises(OptionError, match="beside a stream"):
        bl.fit(bl.stream(frames), "y ~ x", weights=np.ones(N))
