"""Engines: a toy that keeps every partition in a process of its own. What it fits is what one process fits, digit by digit."""

from __future__ import annotations

import multiprocessing
from collections.abc import Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import bestline as bl
from bestline.data.passes import PartT, Pass
from bestline.data.progress import Progress, Share
from bestline.data.tables import Batch, Source, delimited, open_source
from bestline.engines import choose
from bestline.engines.base import Engine, part_of
from bestline.engines.partitioned import found_in
from engines.grid import table

# Parts are merged in another order than the rows stand in, so the last digits are rounding.
pytestmark = pytest.mark.usefixtures("quiet")

DIGITS = {"rtol": 1e-9, "atol": 1e-12}


@dataclass(frozen=True)
class Pieces:
    """A frame in pieces, as a cluster holds it."""

    frames: tuple[pd.DataFrame, ...]


class FarAway(Source):
    """The pieces as one table, over which passes run in other processes."""

    label = "the pieces"

    def __init__(self, pieces: Pieces) -> None:
        self.frames = pieces.frames
        first = open_source(pieces.frames[0])
        self.fields, self.about, self.remarks = first.fields, first.about, first.remarks
        self.firsts = np.cumsum([0, *map(len, self.frames)]).tolist()
        self.count = self.firsts.pop()
        self.passes: list[str] = []

    def reduce(self, over: Pass[Batch, PartT], *, progress: Progress | None = None) -> PartT:
        self.passes.append(type(over).__name__)
        found = over.empty()
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as workers:
            jobs = [workers.submit(run_there, over, *piece) for piece in zip(self.frames, self.firsts, strict=True)]
            for done, job in enumerate(reversed(jobs), 1):  # a cluster does not keep the order
                found = found + job.result()
                if progress is not None:
                    progress(over.what, done / len(jobs))
        return found

    def _batches(self, names: tuple[str, ...], size: int, progress: Share, order: torch.Generator | None) -> Iterator[Batch]:
        for frame, first in zip(self.frames, self.firsts, strict=True):
            for batch in open_source(frame).batches(names, size=size):
                yield batch.after(first)
        progress(1.0)


def run_there(over: Pass[Batch, PartT], frame: pd.DataFrame, first: int) -> PartT:
    return part_of(over, open_source(frame), first)


class Toy:
    """The engine that owns pieces."""

    name = "toy"

    def __init__(self) -> None:
        self.opened: list[FarAway] = []

    def owns(self, data: Any) -> bool:
        return isinstance(data, Pieces)

    def open(self, data: Any, text: Collection[str] = ()) -> Source:
        self.opened.append(FarAway(data))
        return self.opened[-1]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    engine = Toy()
    contract: Engine = engine
    monkeypatch.setattr(choose, "ENGINES", (contract,))
    return engine


def in_pieces(frame: pd.DataFrame) -> Pieces:
    return Pieces(tuple(frame.iloc[i:j].reset_index(drop=True) for i, j in ((0, 500), (500, 510), (510, len(frame)))))


FORMULA = "y ~ a + b + group + center(a):b"


@pytest.mark.parametrize(
    ("formula", "asked"),
    [
        (FORMULA, {"missing": "impute"}),
        (FORMULA, {"missing": "drop", "folds": "firm"}),
        ("y ~ a + b + group + a:b", {"missing": "drop", "weights": "w"}),
    ],
)
def test_a_line_fitted_far_away_is_the_line_fitted_here(toy: Toy, formula: str, asked: dict[str, Any]):
    frame = table()
    here, there = bl.fit(frame, formula, **asked), bl.fit(in_pieces(frame), formula, **asked)
    assert there.names == here.names
    learnt = {"Profile", "Collect"} if formula == FORMULA else {"Grow"}  # polynomials are learnt before
    assert learnt <= set(toy.opened[0].passes)
    for what in ("coef", "params", "bse"):
        np.testing.assert_allclose(np.asarray(getattr(there, what)), np.asarray(getattr(here, what)), **DIGITS)
    assert there.held_out.rows == here.held_out.rows
    # Folds are a hash of the encoded row: where a mean is part of it, the mean's last bit, which is rounding, deals them anew.
    tolerance = DIGITS if asked["missing"] == "drop" else {"rtol": 0.01}
    np.testing.assert_allclose(there.held_out.rmse, here.held_out.rmse, **tolerance)


def test_second_passes_and_scores_run_there_too(toy: Toy):
    frame = table()
    here, there = (bl.fit(data, FORMULA, missing="drop") for data in (frame, in_pieces(frame)))
    for cov in ("HC3", {"cluster": "firm"}):
        np.testing.assert_allclose(there.covariance(cov).std_error, here.covariance(cov).std_error, **DIGITS)
    pd.testing.assert_frame_equal(there.influence(), here.influence(), rtol=1e-7, atol=1e-10)
    assert str(there.diagnose()) == str(here.diagnose())
    new = table(seed=4)
    assert there.evaluate(in_pieces(new)).mae == pytest.approx(here.evaluate(new).mae, rel=1e-12)
    passes = {name for source in toy.opened for name in source.passes}
    assert {"OverTraining", "_Judge"} <= passes


def test_an_error_there_is_raised_here_as_itself(toy: Toy):
    frame = table()
    with pytest.raises(bl.errors.MissingValuesError) as here:
        bl.fit(frame, FORMULA)
    with pytest.raises(bl.errors.MissingValuesError) as there:
        bl.fit(in_pieces(frame), FORMULA)
    assert str(there.value) == str(here.value).replace("the data", "the pieces")


@dataclass(frozen=True)
class _Summed(Pass[Batch, float]):
    """The least that looks at numbers."""

    columns = ("x",)

    def empty(self) -> float:
        return 0.0

    def of(self, batch: Batch) -> float:
        return float(batch.numbers(("x",)).sum())


def test_a_large_number_is_the_first_one_by_rows_of_the_whole_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Rows of a file that is a partition are counted from its own first one until they are put together."""
    monkeypatch.setattr(delimited, "BLOCK", 4000)
    for name, row in (("a", 5999), ("b", 3000)):
        x = np.arange(6000)
        x[row] = 2**53 + 1 + row * 2
        pd.DataFrame({"x": x}).to_csv(tmp_path / f"{name}.csv", index=False)
    first, second = (found_in(_Summed(), open_source(tmp_path / f"{name}.csv"), i, 6000 * i) for i, name in enumerate("ab"))
    for both in (first + second, second + first):
        (said,) = both.noticed.of("x")
        assert f"{2**53 + 1 + 5999 * 2}" in said


def test_rates_foreseen_are_the_same(toy: Toy):
    frame = table().dropna()
    here, there = (bl.preflight(data, FORMULA) for data in (frame, in_pieces(frame)))
    assert (there.steps, there.lr_limit) == (here.steps, pytest.approx(here.lr_limit, rel=1e-9))


def test_data_of_no_engine_are_left_alone():
    frame = table(50)
    assert choose.brought(frame) is frame
