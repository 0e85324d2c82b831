"""Parts of one design: they add up to the moments of all rows, whatever each of them lacks, the same bits in any order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import bestline as bl
from bestline.errors import BestlineError, ColumnError, DataError, MissingValuesError, ModelFileError, OptionError

pytestmark = pytest.mark.usefixtures("quiet")

N = 1_200


def table() -> pd.DataFrame:
    draw = np.random.default_rng(5)
    frame = pd.DataFrame({"x": draw.normal(50, 3, N), "z": draw.normal(size=N), "w": draw.uniform(0.5, 2, N)})
    frame["g"] = pd.Categorical(
        np.repeat(["low", "mid", "high"], N // 3), ["low", "mid", "high", "never"]
    )  # sorted: parts lack levels
    frame["y"] = 2 * frame.x - frame.z + (frame.g == "high") + draw.normal(size=N)
    frame.loc[100:299, "z"] = np.nan  # a part that has no value at all
    frame.loc[5, "y"] = np.nan
    return frame


FRAME = table()
CUTS = [0, 100, 300, 300, 301, 800, N]
FORMULAS = ["y ~ x + z + g", "y ~ poly(x, 2) + scale(z) + g", "y ~ center(x):z + g:x", "log(x) ~ C(g)"]


def pieces(frame: pd.DataFrame = FRAME) -> list[pd.DataFrame]:
    return [frame.iloc[i:j] for i, j in itertools.pairwise(CUTS)]


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize(("missing", "weights"), [("impute", None), ("impute", "w"), ("drop", "w")])
def test_parts_of_a_design_add_up_to_the_whole(formula: str, missing: str, weights: str | None):
    whole = bl.fit(FRAME, formula, missing=missing, weights=weights)
    design = bl.Design.learn(FRAME, formula, missing=missing, weights=weights)
    parts = [bl.Moments.of(piece, bl.Design.from_json(design.to_json()), folds=5) for piece in pieces()]
    assert [part.rows + part.dropped for part in parts] == np.diff(CUTS).tolist()
    line = bl.fit(bl.Moments.sum(parts))
    assert line.names == whole.names
    np.testing.assert_allclose(line.params, whole.params, rtol=1e-9)
    np.testing.assert_allclose(line.bse, whole.bse, rtol=1e-9)
    np.testing.assert_allclose(line.held_out.rmse, whole.held_out.rmse, rtol=1e-11)


@given(st.permutations(range(6)), st.integers(1, 5))
def test_a_sum_is_the_same_bits_in_any_order_and_by_any_way_there(order: list[int], joined: int):
    parts = PARTS
    expected = bl.Moments.sum(parts)
    shuffled = [parts[i] for i in order]
    assert bl.Moments.sum([part.to_bytes() for part in shuffled]).to_bytes() == expected.to_bytes()
    # Sums of sums round otherwise; what is printed is the same.
    nested = bl.Moments.sum([bl.Moments.sum(shuffled[:joined]), *shuffled[joined:]])
    assert str(nested) == str(expected)
    np.testing.assert_allclose(bl.fit(nested).params, bl.fit(expected).params, rtol=1e-12)


PARTS = [bl.Moments.of(p, bl.Design.learn(FRAME, FORMULAS[0], missing="impute")) for p in pieces()]


def test_the_same_rows_in_any_form(tmp_path: Path):
    design = bl.Design.learn(FRAME, "y ~ x + g", missing="drop")
    arrow = pa.Table.from_pandas(FRAME)
    pq.write_table(arrow, tmp_path / "rows.parquet")
    pq.write_table(arrow.slice(0, 0), tmp_path / "none.parquet")
    expected = bl.Moments.of(FRAME, design)
    forms: dict[str, Any] = {
        "generator": (piece for piece in pieces()),
        "list": pieces(),
        "reader": arrow.to_reader(max_chunksize=50),
        "record batches": arrow.to_batches(max_chunksize=50),
        "dict": FRAME.to_dict("list"),
        "dicts": [piece.to_dict("list") for piece in pieces()],
        "rows": FRAME.to_dict("records"),
        "path": tmp_path / "rows.parquet",
        "paths": [tmp_path / "rows.parquet", tmp_path / "none.parquet"],
        "stream": bl.stream(pieces),
    }
    for form, given_rows in forms.items():
        found = bl.Moments.of(given_rows, design)
        assert (found.rows, found.dropped) == (expected.rows, expected.dropped), form
        assert str(found) == str(expected), form
    for nothing in ([], FRAME.iloc[:0], tmp_path / "none.parquet", iter(())):
        empty = bl.Moments.of(nothing, design)
        assert empty.rows == 0
        assert bl.Moments.from_bytes((empty + expected).to_bytes()).rows == expected.rows


def test_pairs_are_the_columns_of_the_design():
    X, y = torch.randn(60, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)), torch.arange(60.0)
    design = bl.Design.learn((X, y))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y), batch_size=7)
    np.testing.assert_allclose(bl.fit(bl.Moments.of(loader, design)).params, bl.fit(X, y).params, rtol=1e-12)


def test_levels_that_are_known_and_not_there():
    design = bl.Design.learn(FRAME.iloc[:300], "y ~ x + g", missing="drop", levels={"g": ["mid", "high"]})
    assert design.factors[1].levels == ("low", "mid", "high")
    line = bl.fit(bl.Moments.sum([bl.Moments.of(piece, design) for piece in pieces()]))
    np.testing.assert_allclose(line.params, bl.fit(FRAME, "y ~ x + g", missing="drop").params, rtol=1e-12)
    numbers = bl.Design.learn({"g": [1, 2, 2], "y": [1.0, 2, 3]}, "y ~ C(g)", levels={"g": [3.0, "2"]})
    assert numbers.factors[0].levels == ("1", "2", "3")
    assert bl.Moments.of({"g": ["3", "1.0"], "y": [1.0, 2]}, numbers).total.center.tolist() == [0, 0.5, 1.5]


def refused() -> Iterator[tuple[Any, type[BestlineError], str]]:
    yield FRAME.drop(columns="x"), ColumnError, "no column `x`"
    yield FRAME.assign(x="wide"), ColumnError, "`x` holds text"
    yield FRAME.assign(g="new"), DataError, r"the level `new` in 1,200 rows.*levels=\{'g': \['new'\]\}"
    two = np.where(FRAME.index < 500, "new", "newer")
    yield FRAME.assign(g=two), DataError, r"the level `new` in 500 rows, .*know \(nor 1 more\); .*\{'g': \['new', 'newer'\]\}"
    yield [FRAME, FRAME.assign(x=FRAME.x.where(FRAME.index != 3, np.nan))], MissingValuesError, "row 1204"


@pytest.mark.parametrize("number", range(5))
def test_rows_that_do_not_fit_the_design_are_refused(number: int):
    frame = FRAME.fillna({"z": 0.0, "y": 1.0})
    design = bl.Design.learn(frame, "y ~ x + g")
    rows, kind, why = list(refused())[number]
    rows = [r.fillna({"z": 0.0, "y": 1.0}) for r in rows] if isinstance(rows, list) else rows.fillna({"z": 0.0, "y": 1.0})
    with pytest.raises(kind, match=why):
        bl.Moments.of(rows, design)


def test_parts_of_other_designs_and_other_folds_do_not_add():
    design = bl.Design.learn(FRAME, "y ~ x", missing="drop")
    other = bl.Design.learn(FRAME.iloc[:50], "y ~ scale(x)", missing="drop")
    with pytest.raises(DataError, match="different columns"):
        bl.Moments.sum([bl.Moments.of(FRAME, design), bl.Moments.of(FRAME, other)])
    with pytest.raises(DataError, match="folds"):
        bl.Moments.sum([bl.Moments.of(FRAME, design, folds=2), bl.Moments.of(FRAME, design)])
    with pytest.raises(OptionError, match="one part at least"):
        bl.Moments.sum(iter([]))


def test_bytes_are_the_file_and_damaged_ones_are_refused(tmp_path: Path):
    content = PARTS[0].to_bytes()
    PARTS[0].save(tmp_path / "a.moments")
    assert (tmp_path / "a.moments").read_bytes() == content
    assert bl.Moments.from_bytes(memoryview(content)).to_bytes() == content
    order = np.random.default_rng(2)
    for _ in range(60):
        at = int(order.integers(len(content)))
        with pytest.raises(ModelFileError):
            bl.Moments.from_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
    for odd in (b"", content[:-1], b"PK\3\4" + content, content + b"x"):
        with pytest.raises(ModelFileError):
            bl.Moments.from_bytes(odd)


DESIGN = bl.Design.learn(FRAME, "y ~ poly(x, 2) + g", missing="drop").to_json()


@pytest.mark.parametrize(
    "text",
    ["", "3", "[]", "{}", "x" * 9, '{"kind": "design", "version": 1}', DESIGN.replace("poly(", "exec("), DESIGN[:-1]]
    + [DESIGN.replace('"version": 1', f'"version": {n}') for n in (2, 0, '"1"', "true")],
)
def test_a_text_that_is_no_design_is_refused(text: str):
    with pytest.raises(ModelFileError):
        bl.Design.from_json(text)
