"""One level, however it is spelt: a line trained on a table of one kind says the same of a table of any other."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import bestline as bl
from bestline.data.design.spellings import common, places, value
from bestline.errors import BestlineWarning, ColumnError

pytestmark = pytest.mark.filterwarnings("ignore:There are few rows", "ignore:.*beyond 2..53")
n = 40
WHOLE = np.arange(n) % 4 - 1  # -1, 0, 1, 2
FLAGS = np.arange(n) % 3 == 0
X, NOISE = np.random.default_rng(0).normal(size=(2, n))
Y = X + WHOLE**2 + FLAGS + NOISE / 10

Maker = Callable[[Any, Path], Any]


def csv(write: Callable[[Any], str]) -> Maker:
    def made(values: Any, folder: Path) -> str:
        lines = [f"{x!r},{write(v)},{y!r}" for x, v, y in zip(X.tolist(), values.tolist(), Y.tolist(), strict=True)]
        (folder / "t.csv").write_text("\n".join(["x,z,y", *lines]) + "\n")
        return str(folder / "t.csv")

    return made


def parquet(kind: Any) -> Maker:
    def made(values: Any, folder: Path) -> str:
        pq.write_table(pa.table({"x": X, "z": pa.array(values.tolist(), kind), "y": Y}), folder / "t.parquet")
        return str(folder / "t.parquet")

    return made


def frame(change: Callable[[Any], Any]) -> Maker:
    return lambda values, _: pd.DataFrame({"x": X, "z": change(values), "y": Y})


def of(change: Callable[[Any], Any]) -> Maker:
    return lambda values, _: {"x": X, "z": change(values), "y": Y}


SOURCES: dict[str, Maker] = {
    "whole numbers": of(lambda v: v),
    "small whole numbers": of(lambda v: v.astype(np.int8)),
    "floats": of(lambda v: v.astype(float)),
    "a tensor": of(lambda v: torch.tensor(v, dtype=torch.float32)),
    "a list of texts": of(lambda v: [str(a) for a in v.tolist()]),
    "texts with a point": of(lambda v: [f"{a}.0" for a in v.tolist()]),
    "texts with blanks and signs": of(lambda v: [f" {a:+d} " for a in v.tolist()]),
    "many zeros": of(lambda v: [f"{a}.000e0" for a in v.tolist()]),
    "objects": of(lambda v: np.array(v.tolist(), dtype=object)),
    "decimals": of(lambda v: pa.array([Decimal(a) for a in v.tolist()], pa.decimal128(5, 2))),
    "pandas": frame(lambda v: v),
    "pandas, nullable": frame(lambda v: pd.array(v.tolist(), dtype="Int64")),
    "pandas, texts": frame(lambda v: pd.Series(v).astype(str)),
    "pandas, categories of numbers": frame(lambda v: pd.Categorical(v, categories=[-1, 0, 1, 2])),
    "pandas, categories of floats": frame(lambda v: pd.Categorical(v.astype(float), categories=[-1.0, 0.0, 1.0, 2.0])),
    "pandas, categories of texts": frame(lambda v: pd.Categorical([f"{a}.0" for a in v], categories=["-1.0", "0.0", "1.0", "2.0"])),
    "polars": lambda v, _: pl.DataFrame({"x": X, "z": v, "y": Y}),
    "polars, texts": lambda v, _: pl.DataFrame({"x": X, "z": [f"{a}" for a in v.tolist()], "y": Y}),
    "a file": csv(str),
    "a file with points": csv(lambda a: f"{a}.0"),
    "a file with quotes": csv(lambda a: f'"{a}"'),
    "a file of both": csv(lambda a: f"{a}.0" if a > 0 else f"{a}"),
    "parquet": parquet(pa.int32()),
    "parquet, floats": parquet(pa.float64()),
}  # fmt: skip


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return bl.fit({"x": X, "z": WHOLE, "y": Y}, "y ~ x + C(z)").predict({"x": X, "z": WHOLE})


@pytest.mark.parametrize("trained", SOURCES)
def test_whole_numbers_are_one_level_in_every_table(trained: str, expected: np.ndarray, tmp_path: Path) -> None:
    model = bl.fit(SOURCES[trained](WHOLE, tmp_path), "y ~ x + C(z)")
    assert model.names == ("x", "C(z)[T.0]", "C(z)[T.1]", "C(z)[T.2]", "Intercept")
    assert model.design.factors[1].levels == ("-1", "0", "1", "2")
    for made in SOURCES.values():
        assert model.predict(made(WHOLE, tmp_path)) == pytest.approx(expected, rel=1e-12)


TRUTH: dict[str, Maker] = {
    "booleans": of(lambda v: v),
    "a tensor": of(torch.tensor),
    "1 and 0": of(lambda v: v.astype(int)),
    "1.0 and 0.0": of(lambda v: v.astype(float)),
    "objects": of(lambda v: np.array(v.tolist(), dtype=object)),
    "nullable": frame(lambda v: pd.array(v.tolist(), dtype="boolean")),
    "categories": frame(pd.Categorical),
    "polars": lambda v, _: pl.DataFrame({"x": X, "z": v, "y": Y}),
    "parquet": parquet(pa.bool_()),
    **{f"texts {t}": of(lambda v, t=t, f=f: [t if a else f for a in v.tolist()]) for t, f in (("True", "False"), ("true", "false"), ("TRUE", "FALSE"), ("1", "0"))},
    **{f"a file of {t}": csv(lambda a, t=t, f=f: t if a else f) for t, f in (("True", "False"), ("true", "false"), ("TRUE", "FALSE"), ("1", "0"))},
}  # fmt: skip


@pytest.mark.parametrize("trained", TRUTH)
def test_true_and_false_are_one_level_in_every_table(trained: str, tmp_path: Path) -> None:
    expected = bl.fit({"x": X, "z": FLAGS, "y": Y}, "y ~ x + C(z)").predict({"x": X, "z": FLAGS})
    model = bl.fit(TRUTH[trained](FLAGS, tmp_path), "y ~ x + C(z)")
    assert model.names[1] == ("C(z)[T.1]" if "1" in trained else "C(z)[T.True]")
    for made in TRUTH.values():
        assert model.predict(made(FLAGS, tmp_path)) == pytest.approx(expected, rel=1e-12)


def test_codes_keep_their_zeros_but_where_numbers_have_lost_them() -> None:
    codes = ["01", "02", "10"] * 4
    model = bl.fit({"z": codes, "y": np.arange(12.0)}, "y ~ C(z)")
    assert model.design.factors[0].levels == ("01", "02", "10")
    assert model.predict({"z": [1, 2, 10]}) == pytest.approx(model.predict({"z": ["01", "02", "10"]}))
    with pytest.warns(BestlineWarning, match="levels `1` and `2` of `z`"):
        assert np.isnan(model.predict({"z": ["1", "2", "10"]})).tolist() == [True, True, False]
    both = bl.fit({"z": ["1", "01", "2"] * 4, "y": [1.0, 2.0, 3.0] * 4}, "y ~ C(z)")
    assert both.predict({"z": ["1", "01"]}) == pytest.approx([1.0, 2.0])
    assert both.predict({"z": [1, 2]}) == pytest.approx([1.0, 3.0])


def test_large_whole_numbers_and_zeros_of_either_sign() -> None:
    big = 2**53
    model = bl.fit({"z": np.array([big, big + 1] * 4), "y": [1.0, 2.0] * 4}, "y ~ C(z)")
    for spelt in (np.array([big, big + 1]), [str(big), str(big + 1)], np.array([big, big + 1], dtype=np.uint64)):
        assert model.predict({"z": spelt}) == pytest.approx([1.0, 2.0])
    zero = bl.fit({"z": [0.0, -0.0, 1.0] * 4, "y": [1.0, 3.0, 5.0] * 4}, "y ~ C(z)")
    for spelt in ([0, -0], [0.0, -0.0], ["0", "-0"], ["-0.0", "0e5"]):
        assert zero.predict({"z": spelt}) == pytest.approx([2.0, 2.0])
    huge = bl.fit({"z": [1e22, 1e300, 0.1] * 4, "y": [1.0, 3.0, 5.0] * 4}, "y ~ C(z)")
    assert huge.predict({"z": ["1e22", "1E+300", "0.10"]}) == pytest.approx([1.0, 3.0, 5.0])


@pytest.mark.filterwarnings("ignore:.*no prediction, because a value is missing")
def test_missing_is_missing_in_every_spelling(tmp_path: Path) -> None:
    model = bl.fit({"z": [1, 2] * 6, "y": np.arange(12.0)}, "y ~ C(z)", missing="drop")
    for spelt in (
        [None, 2],
        [float("nan"), 2.0],
        pd.array([None, 2], dtype="Int64"),
        pa.array([None, "2"]),
        pl.Series([None, 2]),
    ):
        assert np.isnan(model.predict({"z": spelt})).tolist() == [True, False]
    (tmp_path / "t.csv").write_text('z,y\n,1\n2,1\nNA,1\n"2.0",1\n')
    assert np.isnan(model.predict(str(tmp_path / "t.csv"))).tolist() == [True, False, True, False]


@pytest.mark.parametrize("reference", ['"2"', "2", '"2.0"', "2.0"])
def test_the_reference_is_found_by_value(reference: str) -> None:
    model = bl.fit({"z": WHOLE, "y": Y}, f"y ~ C(z, Treatment({reference}))")
    assert model.design.factors[0].levels == ("2", "-1", "0", "1")


def test_a_text_column_without_c_knows_numbers_too(tmp_path: Path) -> None:
    model = bl.fit({"z": ["2", "x", "w"] * 5, "y": np.arange(15.0)}, "y ~ z")
    assert model.design.factors[0].levels == ("2", "w", "x")
    assert model.predict({"z": [2, 2.0]}) == pytest.approx(model.predict({"z": ["2", "2"]}))
    model.save(tmp_path / "m.bestline")
    assert bl.load(tmp_path / "m.bestline").predict({"z": [2.0]}) == pytest.approx(model.predict({"z": ["2"]}))


numbers = st.one_of(st.integers(-(10**20), 10**20), st.floats(allow_nan=False, allow_infinity=False))


@given(st.lists(numbers, min_size=1, max_size=8, unique_by=lambda v: v + 0))
def test_levels_that_are_numbers_are_told_apart_by_value_alone(found: list[int | float]) -> None:
    texts = [repr(v) for v in found]
    spelt = common(texts)
    assert len(set(spelt.values())) == len(found)
    assert [value(spelt[text]) for text in texts] == [value(text) for text in texts]
    assert common(spelt.values()) == {text: text for text in spelt.values()}  # the common spelling is its own
    assert places(list(spelt.values()), texts, numeric=True) == list(range(len(found)))
    assert places(texts, ["no number"], numeric=True) == [-1]


@given(st.lists(st.text(max_size=6), min_size=1, max_size=8, unique=True))
def test_texts_are_found_as_they_are_written(texts: list[str]) -> None:
    assert places(texts, texts[::-1], numeric=False) == list(range(len(texts)))[::-1]
    spelt = [*texts, "a text"]
    assert common(spelt) == {text: text for text in spelt}


def test_a_number_that_two_codes_could_mean_is_neither() -> None:
    assert places(["a", "01", "002"], ["1", "2"], numeric=True) == [1, 2]
    assert places(["01", "001", "002"], ["1", "2"], numeric=True) == [-1, 2]
    assert places(["002", "01", "+1", "001"], ["1", "2"], numeric=True) == [-1, 0]
    assert places(["01", "1", "001"], ["1", "1.0"], numeric=True) == [1, -1]


@pytest.mark.parametrize("made", [dict, pd.DataFrame, pl.DataFrame, pa.table, lambda d: {"b": pd.Categorical(d["b"])}])
def test_words_for_true_and_false_are_numbers_where_numbers_are_asked_for(made: Callable[[Any], Any]) -> None:
    model = bl.fit({"b": [True, False] * 12, "y": [float(i % 5) for i in range(24)]}, "y ~ b")
    told = model.predict({"b": [True, False, True]}).tolist()
    assert model.predict(made({"b": ["TRUE", "false", "True"]})).tolist() == told
    with pytest.raises(ColumnError, match="Column `b` holds text"):
        model.predict(made({"b": ["TRUE", "yes", "True"]}))


def test_a_missing_word_for_true_or_false_is_a_missing_prediction() -> None:
    model = bl.fit({"b": [True, False] * 12, "y": [float(i % 5) for i in range(24)]}, "y ~ b")
    with pytest.warns(BestlineWarning, match="missing"):
        told = model.predict(pd.DataFrame({"b": ["TRUE", None]}))
    assert np.isnan(told).tolist() == [False, True]
