"""Dask, with real worker processes: the line of one process, whoever dies on the way, and clear words where nobody is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bestline as bl
from bestline.engines import choose
from bestline.engines import dask as engine
from engines import grid

dd = pytest.importorskip("dask.dataframe", reason="needs Dask")
distributed = pytest.importorskip("distributed", reason="needs Dask's workers")

pytestmark = [pytest.mark.usefixtures("quiet"), pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two workers, each a process that is started again when it dies."""
    from distributed.deploy.subprocess import SubprocessCluster

    cluster = SubprocessCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50)
    client = distributed.Client(cluster, set_as_default=False)
    client.wait_for_workers(2)
    yield client
    client.close()
    cluster.close()


def split(frame: pd.DataFrame, partitions: int) -> Any:
    found = dd.from_pandas(frame, npartitions=partitions, sort=False)
    assert found.npartitions == partitions
    return found


@pytest.mark.parametrize("case", grid.FITS)
@pytest.mark.parametrize("partitions", [1, 2, 7])
def test_a_line_is_that_of_one_process(client: Any, partitions: int, case: str):
    frame = grid.table()
    frame = frame.dropna() if case == "plain" else frame
    grid.same_fit(split(frame, partitions), frame, case, engine=client)


def test_second_passes_run_there_too(client: Any):
    frame, new = grid.table(), grid.table(seed=4)
    grid.same_second_passes(split(frame, 3), frame, split(new, 2), new, engine=client)


def test_groups_and_moments(client: Any):
    frame = grid.table()
    grid.same_groups(split(frame, 4), frame, engine=client)
    grid.same_moments(split(frame, 4), frame, engine=client)


def test_a_frame_without_a_client_is_computed_in_this_process():
    frame = grid.table()
    grid.same_fit(split(frame, 3), frame, "imputed")


def test_an_error_there_is_raised_here_as_itself(client: Any):
    frame = grid.table()
    for formula in ("y ~ a + b", "y ~ a + nothing", "firm ~ a"):
        assert " | " not in grid.same_refusal(split(frame, 3), frame, formula, engine=client)
    odd = frame.assign(a=frame.a.where(frame.index != 777, np.inf))
    assert "infinite at row 778" in grid.same_refusal(split(odd, 3), odd, "y ~ a", engine=client)
    line = bl.fit(frame, "y ~ a + group", missing="drop")
    with pytest.raises(bl.errors.UnseenLevelError, match="row 3") as raised:
        line.evaluate(split(frame.assign(group=np.where(frame.index == 2, "far", "west")), 2), on_unseen="raise", engine=client)
    assert raised.value.level == "far"


@pytest.mark.parametrize("more", [0, 1, 2])
def test_no_partition_is_left_out_where_parts_are_added_in_a_tree(more: int):
    """One part that is left over after full branches is a branch too."""
    frame = grid.table()
    there = bl.fit(split(frame, engine._TOGETHER + more), "y ~ b", missing="drop")
    here = bl.fit(frame, "y ~ b", missing="drop")
    assert there.source.count == len(frame)
    np.testing.assert_allclose(there.params, here.params, **grid.DIGITS)


@pytest.mark.parametrize("size", [70, 300, 1_000])
def test_batches_are_numbered_over_all_partitions(size: int):
    frame = grid.table()
    batches = [*choose.brought(split(frame, 3)).batches(("b",), size=size)]
    assert [batch.start for batch in batches] == [0, *np.cumsum([batch.rows for batch in batches])[:-1].tolist()]
    assert len(batches) == 3 * -(-300 // size)
    np.testing.assert_array_equal(np.concatenate([batch.numbers(["b"])[:, 0] for batch in batches]), frame["b"])


def test_rows_are_counted_only_where_their_numbers_matter(client: Any):
    frame = grid.table()
    line = bl.fit(split(frame, 3), "y ~ a + group", missing="drop", engine=client)
    assert line.source.count == 900  # learnt on the way
    passes: list[str] = []
    bl.fit(split(frame, 3), "y ~ a + group", missing="drop", engine=client, progress=lambda what, share: passes.append(what))
    assert "counting the rows" not in passes


def test_words_that_look_like_numbers_are_levels_in_all_partitions(client: Any):
    frame = pd.DataFrame({"zip": ["01", "02", "a"] * 20 + ["01", "1"] * 20, "y": np.arange(100.0)})
    there = bl.fit(split(frame, 5), "y ~ zip", engine=client)
    assert there.names == bl.fit(frame, "y ~ zip").names


def test_a_worker_that_is_killed_changes_nothing(client: Any, tmp_path: Path):
    from dask.delayed import delayed

    def deadly(frame: pd.DataFrame, number: int, mark: str) -> pd.DataFrame:
        """A partition that kills the process which makes it, the first time."""
        if number == 3 and not Path(mark).exists():
            Path(mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return frame

    frame, mark = grid.table(), str(tmp_path / "killed")
    rows = np.array_split(np.arange(len(frame)), 7)
    pieces = [delayed(deadly)(frame.iloc[own], i, mark) for i, own in enumerate(rows)]
    data = dd.from_delayed(pieces, meta=frame.iloc[:0], verify_meta=False)
    there = bl.fit(data, "y ~ a + b + group", missing="drop", engine=client)
    assert Path(mark).exists()
    here = bl.fit(frame, "y ~ a + b + group", missing="drop")
    np.testing.assert_allclose(there.params, here.params, **grid.DIGITS)
    assert there.held_out.rows == here.held_out.rows


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("files")
    frame = grid.table(60_000)
    pq.write_table(pa.Table.from_pandas(frame), at / "rows.parquet", row_group_size=4_000)
    for i, part in enumerate(np.array_split(np.arange(len(frame)), 5)):
        frame.iloc[part].to_csv(at / f"part-{i}.csv", index=False)
    return at


@pytest.mark.parametrize("names", ["rows.parquet", "part-*.csv"])
def test_files_are_read_by_the_workers(client: Any, files: Path, names: str):
    path, formula = str(files / names), "y ~ a + b + C(group)"
    here = bl.fit(path, formula, missing="drop")
    there = bl.fit(path, formula, missing="drop", engine=client)
    assert there.source.partitions > 3
    # The reference level has 30 of 60,000 rows, and sums leave eight digits of what is told apart from it, as both lines say.
    assert there.digits.min() == here.digits.min() == 8
    np.testing.assert_allclose(there.params, here.params, rtol=1e-8)
    assert there.held_out.rows == here.held_out.rows
    np.testing.assert_allclose(there.covariance("HC3").std_error, here.covariance("HC3").std_error, **grid.DIGITS)
    assert str(there.diagnose()) == str(here.diagnose())
    assert there.evaluate(path, engine=client).mae == pytest.approx(here.evaluate(path).mae, rel=1e-12)
    told: list[tuple[str, float]] = []
    bl.Moments.collect(path, formula, missing="drop", engine=client, progress=lambda *said: told.append(said))
    assert told[-1][1] == 1.0


def test_what_a_partition_of_a_file_says_of_its_rows(client: Any, files: Path, tmp_path: Path):
    frame = grid.table(5_000).dropna()
    frame.iloc[3_000, 0] = np.inf
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "odd.parquet", row_group_size=500)
    assert "row 3001 of odd.parquet" in grid.same_refusal(
        str(tmp_path / "odd.parquet"), tmp_path / "odd.parquet", "y ~ a", engine=client
    )  # type: ignore[arg-type]


def command(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bestline", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_worker_killed_in_mid_run_changes_neither_answer_nor_exit_status(client: Any, files: Path):
    words = ["fit", str(files / "rows.parquet"), "y ~ a + b + C(group)", "--missing", "drop", "--json"]
    here = command(*words)
    expected = json.loads(here.communicate()[0])
    there = command(*words, "--engine", client.scheduler.address)
    while not any(client.processing().values()) and there.poll() is None:
        pass  # each look asks the scheduler
    assert there.poll() is None
    victim = next(iter(client.run(os.getpid).values()))
    os.kill(victim, signal.SIGKILL)
    out, err = there.communicate()
    assert there.returncode == 0, err
    found = json.loads(out)
    for what in ("coef", "std_error"):
        assert list(found[what]) == list(expected[what])
        np.testing.assert_allclose(list(found[what].values()), list(expected[what].values()), rtol=1e-8)  # as `digits` says
    assert (found["rows"], found["digits"]) == (expected["rows"], expected["digits"])
    client.wait_for_workers(2)


def test_no_worker_and_no_scheduler_are_said(monkeypatch: pytest.MonkeyPatch, files: Path):
    monkeypatch.setattr(engine, "_WAIT", 1.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0", processes=False) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        for data in (str(files / "rows.parquet"), split(grid.table(), 2)):
            with pytest.raises(bl.errors.DataError, match="has no worker; start some, by `dask worker"):
                bl.fit(data, "y ~ a", engine=client)
    with pytest.raises(bl.errors.DataError, match=r"no Dask scheduler at `tcp://127\.0\.0\.1:9`"):
        bl.fit(str(files / "rows.parquet"), "y ~ a", engine="tcp://127.0.0.1:9")


def test_what_no_engine_reads_is_refused(files: Path):
    for data in (grid.table(), bl.stream([grid.table()]), {"a": [1.0], "y": [1.0]}):
        with pytest.raises(bl.errors.OptionError, match="in this process"):
            bl.fit(data, "y ~ a", engine="dask")
    with pytest.raises(bl.errors.OptionError, match="nothing for an engine"):
        bl.fit(bl.Moments.collect(grid.table(), "y ~ a"), engine="dask")
    with pytest.raises(bl.errors.OptionError, match="got `dusk`"):
        bl.fit(str(files / "rows.parquet"), "y ~ a", engine="dusk")
    with pytest.raises(bl.errors.OptionError, match="beside the data"):
        bl.fit(split(grid.table(), 2), "y ~ a", weights=np.ones(900))
    with pytest.raises(bl.errors.DataError, match="give a Dask DataFrame"):
        bl.fit(split(grid.table(), 2)["a"], "y ~ a")
