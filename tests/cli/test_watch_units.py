"""Films and pictures of training over the weights as trained, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

import bestline as bl
from bestline.pictures.overview import overview
from bestline.pictures.watch import watch_runs


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_units_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    model = bl.fit({"x": [1.0, 2.0, 3.0, 4.5], "y": [1.0, 2.5, 3.0, 4.0]}, "y ~ x", solver="sgd", steps=3)
    with pytest.raises(bl.errors.OptionError, match="'data' or 'trained'"):
        watch_runs({"": model}, tmp_path / "w.png", units="cm")
    axes = [panel.xlabel for panel in overview(model.trained, None, units="trained").panels]
    assert any("as trained" in label for label in axes)
