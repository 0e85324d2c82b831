"""A sweep drawn and written."""

from __future__ import annotations

from pathlib import Path

import pytest

from bestline.api.foresight import sweep
from bestline.errors import DataError, OptionError
from bestline.pictures.render.mpl import draw
from bestline.pictures.sweep_file import write_sweep
from training.foresight.examples import table

pytestmark = pytest.mark.usefixtures("quiet")


def test_the_picture_shows_the_runs_and_the_limits(tmp_path: Path) -> None:
    X, y = table(19)
    runs = sweep((X, y), optimizers=("sgd", "adam"), steps=100)
    picture = runs.picture()
    cells = picture.table()
    limits = [x for x, mark in zip(cells["x"], cells["mark"], strict=True) if mark == "Vertical"]
    assert limits == [runs.limits["sgd"]] * 2  # one a panel
    drawn = {
        x: v
        for x, v, mark, label in zip(cells["x"], cells["y"], cells["mark"], cells["label"], strict=True)
        if mark == "Line" and label == "adam"
    }
    assert set(drawn) == set(runs.lrs[200:].tolist())
    gone = sum(mark == "Points" for mark in cells["mark"])
    assert gone == int((runs.diverged_at >= 0).sum()) > 0
    assert all(panel.log_x and panel.log_y for panel in picture.panels)
    for axes in runs.plot.rates().axes:
        assert axes.get_xscale() == "log"
    draw(picture, theme="dark")
    write_sweep(tmp_path / "a.png", runs)
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"
    draw(sweep({"x": [0.0, 1.0], "y": [1.0, 3.0]}, "y ~ x", lrs=[0.1], steps=1, starts=[[2.0, 1.0]]).picture())


def test_the_table_is_written_as_csv_and_nothing_is_overwritten(tmp_path: Path) -> None:
    import pandas as pd

    runs = sweep(table(20), lrs=[0.01, 100.0], steps=50)
    path = tmp_path / "runs.csv"
    write_sweep(path, runs)
    pd.testing.assert_frame_equal(pd.read_csv(path), runs.frame(), check_dtype=False)
    with pytest.raises(DataError, match="exists"):
        write_sweep(path, runs)
    write_sweep(path, runs, overwrite=True)
    with pytest.raises(OptionError, match="written as"):
        write_sweep(tmp_path / "runs.xlsx", runs)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["runs.csv"]
