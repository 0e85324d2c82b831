"""Bars: what ended is complete, and what was cut short stays where it stood."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import bestline as bl
from bestline.cli.terminal import Terminal


def test_the_bar_of_work_that_was_cut_short_is_not_complete(capsys):
    def cut_short() -> None:
        with Terminal(progress=True).listening() as bars:
            hear = bars.passes()
            assert hear is not None
            hear("reading the rows", 0.4)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_short()
    said = capsys.readouterr().err
    assert "40%" in said
    assert "100%" not in said


def test_the_bar_of_work_that_ended_is_complete(capsys):
    with Terminal(progress=True).listening() as bars:
        hear = bars.passes()
        assert hear is not None
        hear("reading the rows", 0.4)
    assert "100%" in capsys.readouterr().err


def heard(rows: dict[str, int]):
    class Listener:
        def __call__(self, what: str, share: float) -> None:
            assert 0 <= share <= 1 + 1e-12

        def rows(self, what: str, number: int) -> None:
            rows[what] = rows.get(what, 0) + number

    return Listener()


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")  # where rows were read
@pytest.mark.parametrize("kind", ["memory", "csv", "parquet", "stream", "lazy", "checkpoint", "files"])
def test_a_pass_tells_every_row_once(kind, tmp_path):
    n = 5_000
    frame = pl.DataFrame({"x": np.arange(n) % 7.0, "y": np.arange(n) * 1.0})
    frame.write_csv(tmp_path / "a.csv")
    frame.write_csv(tmp_path / "b.csv")
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=500)
    data = {
        "memory": frame,
        "csv": tmp_path / "a.csv",
        "parquet": tmp_path / "a.parquet",
        "stream": bl.stream(lambda: iter([frame[:3000], frame[3000:]])),
        "lazy": frame.lazy(),
        "checkpoint": tmp_path / "a.parquet",
        "files": [tmp_path / "a.csv", tmp_path / "b.csv"],
    }[kind]
    rows: dict[str, int] = {}
    checkpoint = {"checkpoint": tmp_path / "c.checkpoint"} if kind == "checkpoint" else {}
    bl.Moments.collect(data, "y ~ x", progress=heard(rows), **checkpoint)
    assert rows
    assert set(rows.values()) == {n * (2 if kind == "files" else 1)}


def test_a_bar_tells_rows_a_second(capsys, monkeypatch):
    clock = iter([0.0, 1.0, 1.0, 2.0])
    monkeypatch.setattr("bestline.cli.terminal.perf_counter", lambda: next(clock))
    with Terminal(progress=True).listening() as bars:
        hear = bars.passes()
        hear.rows("reading the rows", 1_000_000)
        hear("reading the rows", 0.25)
        hear.rows("reading the rows", 5_000_000)
        hear("reading the rows", 0.75)
    assert "3,000,000 rows a second" in capsys.readouterr().err


def test_a_plain_function_hears_the_share_alone():
    seen = []
    bl.Moments.collect(
        pl.DataFrame({"x": [1.0, 2.0, 4.0], "y": [1.0, 3.0, 2.0]}), "y ~ x", progress=lambda what, share: seen.append(share)
    )
    assert seen[-1] == 1.0
