"""Checkpoints: whoever ends the work, and however often, every row is counted once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import bestline as bl
from bestline.data import checkpoint
from bestline.errors import BestlineWarning, DataError, ModelFileError, OptionError

N = 400


def frame(seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    data = pd.DataFrame({"a": draw.normal(1e3, 2, N), "g": draw.choice(["u", "v"], N), "w": draw.uniform(0.5, 2, N)})
    data["y"] = data.a + (data.g == "v") + draw.normal(size=N)
    return data


@pytest.fixture
def parts(tmp_path: Path) -> list[str]:
    """Four files, the last of which has a level that the others lack; gaps in the third."""
    frames = [frame(seed) for seed in range(4)]
    frames[3]["g"] = "late"
    frames[2].loc[::7, "a"] = np.nan
    for i, data in enumerate(frames):
        data.to_parquet(tmp_path / f"{i}.parquet", row_group_size=100)
    return [str(tmp_path / f"{i}.parquet") for i in range(4)]


def same(one: bl.Moments, two: bl.Moments) -> None:
    assert one.design.names == two.design.names
    assert (one.rows, one.dropped, one.imputed, one.values) == (two.rows, two.dropped, two.imputed, two.values)
    for a, b in zip(one.folds, two.folds, strict=True):
        size = b.scatter.diagonal().sqrt()
        assert a.count == b.count
        assert bool(((a.scatter - b.scatter).abs() <= 1e-12 * torch.outer(size, size) + 1e-300).all())
    torch.testing.assert_close(torch.stack([one.low, one.high]), torch.stack([two.low, two.high]))


QUESTIONS = [
    {"formula": "y ~ a + g", "missing": "drop", "weights": "w"},
    {"formula": "y ~ a*g", "missing": "impute", "folds": 3},
    {"formula": "y ~ poly(a, 2) + g", "missing": "drop"},
    {"formula": "y ~ a", "missing": "drop", "by": "g"},
    {"formula": "y ~ g", "missing": "raise", "folds": 1},
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q["formula"])
@pytest.mark.parametrize("unit", [checkpoint.UNIT, 3_000])
def test_work_that_is_broken_off_anywhere_ends_as_if_it_had_not_been(parts, question, unit, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "UNIT", unit)
    kept, whole = tmp_path / "kept", bl.Moments.collect(parts, **question)
    runs = 0
    for after in range(30):
        told = []

        def stop(what: str, share: float, after: int = after, told: list[float] = told) -> None:
            if what == "reading the rows":
                told.append(share)
                if len(told) > after:
                    raise KeyboardInterrupt

        runs += 1
        try:
            found = bl.Moments.collect(parts, **question, checkpoint=kept, progress=stop)
            break
        except KeyboardInterrupt:
            continue
    assert runs > 2
    same(found, whole)
    # All is done now: nothing is read again, and a file more is read alone.
    same(bl.Moments.collect(parts, **question, checkpoint=kept), whole)


def test_files_that_come_later_are_read_alone(parts, tmp_path, monkeypatch):
    kept = tmp_path / "kept"
    bl.Moments.collect(parts[:2], "y ~ a + g", checkpoint=kept)
    read = []
    through = checkpoint.gone_through
    monkeypatch.setattr(
        checkpoint, "gone_through", lambda source, *a, **k: (read.append(source.label), through(source, *a, **k))[1]
    )
    found = bl.Moments.collect([*parts[:2], parts[3]], "y ~ a + g", checkpoint=kept)
    assert len(read) == 1
    same(found, bl.Moments.collect([*parts[:2], parts[3]], "y ~ a + g"))


def test_what_cannot_go_on_is_refused(parts, tmp_path):
    kept = tmp_path / "kept"
    bl.Moments.collect(parts[:2], "y ~ a + g", checkpoint=kept)
    before = kept.read_bytes()
    with pytest.raises(DataError, match=r"another question \(formula 'y ~ a \+ g'\)"):
        bl.Moments.collect(parts[:2], "y ~ a", checkpoint=kept)
    with pytest.raises(DataError, match="was read, and is not among the data"):
        bl.Moments.collect(parts[1:2], "y ~ a + g", checkpoint=kept)
    frame(9).to_parquet(parts[0])
    with pytest.raises(DataError, match="has changed since it was read"):
        bl.Moments.collect(parts[:2], "y ~ a + g", checkpoint=kept)
    assert kept.read_bytes() == before
    with pytest.raises(OptionError, match="A checkpoint is of files"):
        bl.Moments.collect(frame(), "y ~ a", checkpoint=tmp_path / "other")
    kept.write_bytes(before[:-50])
    with pytest.raises(ModelFileError):
        bl.Moments.collect(parts[:2], "y ~ a + g", checkpoint=kept)
    bl.fit(frame(), "y ~ a").save(tmp_path / "line.bestline")
    with pytest.raises(ModelFileError):
        bl.Moments.collect(parts[:2], "y ~ a + g", checkpoint=tmp_path / "line.bestline")


def test_text_files_go_on_by_their_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "UNIT", 4_000_000)
    data = pd.concat([frame(seed) for seed in range(400)])
    data.to_csv(tmp_path / "t.csv", index=False)
    marks = []
    written = checkpoint._write
    monkeypatch.setattr(
        checkpoint, "_write", lambda path, question, state: (marks.append(state.done[-1]), written(path, question, state))
    )
    found = bl.Moments.collect(tmp_path / "t.csv", "y ~ a + g", checkpoint=tmp_path / "kept")
    assert len(marks) > 1
    same(found, bl.Moments.collect(tmp_path / "t.csv", "y ~ a + g"))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_process_that_is_killed_loses_no_unit_and_counts_none_twice(parts, tmp_path):
    script = (
        "import sys, time, bestline as bl\nfrom bestline.data import checkpoint\ncheckpoint.UNIT = 3_000\n"
        "written = checkpoint._write\n"
        "def slowly(*given):\n    written(*given)\n    print('wrote', flush=True)\n    time.sleep(0.3)\n"
        "checkpoint._write = slowly\n"
        f"found = bl.Moments.collect({parts!r}, 'y ~ a + g', missing='drop', checkpoint={str(tmp_path / 'kept')!r})\n"
        f"found.save({str(tmp_path / 'end.moments')!r})\n"
    )
    whole = bl.Moments.collect(parts, "y ~ a + g", missing="drop")
    for written in (1, 2, 3):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(written):
            assert process.stdout.readline() == "wrote\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert not (tmp_path / "end.moments").exists()
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
    same(bl.Moments.load(tmp_path / "end.moments"), whole)


def test_the_command_goes_on(run, parts, tmp_path):
    whole = bl.Moments.collect(parts[:2], "y ~ a + g")
    for _ in range(2):
        assert not run(
            "moments", "collect", *parts[:2], "y ~ a + g", "--checkpoint", "kept", "-o", "m.moments", "--force"
        ).status
    same(bl.Moments.load("m.moments"), whole)
    said = run("moments", "collect", *parts[:2], "y ~ a", "--checkpoint", "kept", "-o", "m.moments", "--force")
    assert said.status == 1
    assert "another question" in said.err


def test_folds_of_a_column_with_gaps_are_what_they_are_without_a_checkpoint(tmp_path):
    frame = pd.DataFrame({"x": range(21), "y": [2.0 * i + i % 3 for i in range(21)], "firm": [None, *"abcd" * 5]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    asked = {"data": str(tmp_path / "t.csv"), "formula": "y ~ x", "by": "firm", "missing": "drop"}
    plain = bl.Moments.collect(**asked)
    kept = bl.Moments.collect(**asked, checkpoint=tmp_path / "c")
    assert (kept.rows, kept.dropped) == (plain.rows, plain.dropped) == (20, 1)
    assert kept.to_bytes() == plain.to_bytes()
    assert (plain + kept).rows == 40


@pytest.mark.parametrize("large", [0, 1, 2])
def test_what_one_file_tells_of_a_column_is_known_at_the_end(large, tmp_path):
    """Integers that float64 rounds, in one file of three: whichever it is, the column is known as rounded, and that is said."""
    for i in range(3):
        a = 2**53 * (i == large) + 1 + 2 * np.arange(20)
        pd.DataFrame({"a": a, "b": a % 7, "y": a % 5}).to_parquet(tmp_path / f"{i}.parquet")
    files = [str(tmp_path / f"{i}.parquet") for i in range(3)]
    for _ in range(2):  # broken off before the last file, and gone on with
        with pytest.warns(BestlineWarning, match=r"`a` has integers beyond 2\*\*53"):
            found = bl.Moments.collect(files, "y ~ a + b", checkpoint=tmp_path / "kept")
        assert found.design.rounded == ("a",)


@pytest.mark.parametrize("unit", [checkpoint.UNIT, 100])
def test_a_file_of_the_same_size_that_was_written_anew_is_another(unit, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "UNIT", unit)
    path, kept = tmp_path / "t.csv", tmp_path / "kept"
    rows = "".join(f"{i},{i % 7}\n" for i in range(100))
    path.write_text("x,y\n" + rows)
    before = path.stat()
    bl.Moments.collect(str(path), "y ~ x", checkpoint=kept)
    path.write_text("y,x\n" + rows)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))
    assert path.stat().st_size == before.st_size
    with pytest.raises(DataError, match="has changed since it was read"):
        bl.Moments.collect(str(path), "y ~ x", checkpoint=kept)
