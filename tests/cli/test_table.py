"""The command table: models from their files beside each other, as text or as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import bestline as bl
from cli.sessions import Run

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


@pytest.fixture
def saved(table: Path, tmp_path: Path) -> Path:
    bl.fit(str(table), "y ~ x1", cov="HC3").save(tmp_path / "small.bestline")
    bl.fit(str(table), "y ~ x1 + x2").save(tmp_path / "large.bestline")
    return tmp_path


def test_the_coefficients_of_saved_models_are_drawn(run: Run, saved: Path) -> None:
    done = run("table", "small.bestline", "large.bestline", "-o", "models.png")
    assert done.status == 0, done.err
    with Image.open(saved / "models.png") as image:
        assert "small (HC3), large (classical)" in image.text["Description"]
    assert run("table", "small.bestline", "large.bestline", "-o", "models.png").status == 1  # it exists
    refused = run("table", "small.bestline", "-o", "models.gif")
    assert refused.status == 2
    assert ".png" in refused.err
