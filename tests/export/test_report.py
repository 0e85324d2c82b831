"""Reports and cards of every kind of model."""

from __future__ import annotations

import re

import numpy as np
import pytest

import bestline as bl
from bestline.errors import DataError
from bestline.export.report.card import card
from bestline.export.report.effects import effects, in_short
from bestline.pictures import watch as watching
from bestline.wording import rounded
from pictures.walks import PENGUINS, module

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


LINE = "body_mass_g ~ flipper_length_mm"


def test_a_report_has_every_part_and_stays_small(walked, tmp_path):
    page = walked.report(tmp_path / "report.html")
    assert len(page.html.encode()) < 500_000
    for part in ("In words", "Coefficients", "What it is worth", "Training", "The line and the rows", "How to do it again"):
        assert f"<h2>{part}</h2>" in page.html
    assert 'id="session"' in page.html
    assert "test rows" in page.html
    with pytest.raises(DataError, match="exists already"):
        walked.report(tmp_path / "report.html")


def test_effects_are_said_in_the_datas_words(quiet):
    model = bl.fit(PENGUINS, f"{LINE} + species", missing="drop")
    said = list(effects(model))
    assert said[0].startswith(
        "One more unit of flipper_length_mm goes with 40.71 more body_mass_g, the other columns unchanged"
    )
    assert said[1].startswith("species = Chinstrap rather than Adelie goes with 206.5 less body_mass_g")
    tangled = bl.fit(PENGUINS, f"{LINE} * sex", missing="drop")
    assert any("cannot be told one by one" in sentence for sentence in effects(tangled))
    flat = bl.fit({"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 1.0, 1.0, 2.1]}, "y ~ x")
    assert "The interval holds zero" in next(effects(flat))


def test_a_loaded_model_reports_without_rows_and_with_them(walked, tmp_path):
    walked.save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")
    assert "has no rows" in loaded.report().html
    assert "has no rows" not in loaded.report(data=PENGUINS).html


@pytest.mark.parametrize(
    "model",
    [
        lambda: bl.fit(PENGUINS, LINE, missing="drop", l2=0.3),
        lambda: bl.fit(PENGUINS, f"{LINE} + bill_depth_mm", missing="drop", l1=0.3),
        lambda: bl.fit(PENGUINS, "body_mass_g + bill_depth_mm ~ flipper_length_mm", missing="drop"),
        lambda: bl.fit(PENGUINS, LINE, missing="drop", loss="huber"),
        lambda: bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=3.0, steps=50),
        lambda: bl.fit({"a": [1.0, 2.0, 3.0], "b": [2.0, 4.0, 6.0], "y": [1.0, 2.0, 4.0]}, "y ~ a + b"),
        lambda: bl.fit(bl.Moments.collect(PENGUINS, LINE, missing="drop")),
        lambda: bl.fit(([1.0, 2.0, 3.0], [2.0, 4.1, 5.9]), forward=module(), solver="sgd", steps=3),
        lambda: bl.fit(([1.0, 2.0], [2.0, 4.0])),
        lambda: bl.fit(([1.0, 2.0, 3.0], [2.0, 2.0, 2.0]), solver="sgd", steps=3),
    ],
)
def test_every_kind_of_model_has_a_report_and_a_card(model):
    fitted = model()
    assert "How to do it again" in fitted.report().html
    assert escape_free(card(fitted))


def escape_free(text):
    return "nan" not in re.sub(r"<[^>]*>", "", text).lower().split()


@pytest.mark.parametrize(
    "options", [{"solver": "adam", "lr": 0.1, "steps": 40}, {"solver": "sgd", "batch_size": 32, "steps": 40}]
)
def test_a_loaded_model_knows_how_it_was_trained(options, tmp_path):
    model = bl.fit(PENGUINS, LINE, missing="drop", **options)
    model.save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")
    assert watching.label(loaded) == watching.label(model)
    told, again = watching.session_of(model), watching.session_of(loaded, PENGUINS)
    assert [r["loss"] for r in again["runs"]] == [r["loss"] for r in told["runs"]]
    assert again["runs"][0]["optimizer"] == options["solver"]


def test_a_report_of_a_run_that_diverged_says_so_first():
    page = bl.fit(PENGUINS, LINE, missing="drop", solver="sgd", lr=3.0, steps=50).report().html
    assert page.index("This is no result: Diverged") < page.index("Coefficients")
    assert "goes with" not in page


@pytest.mark.parametrize("noise", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("folds", [2, 5])
def test_the_mean_alone_is_off_by_the_targets_standard_deviation(noise: float, folds: int) -> None:
    draw = np.random.default_rng(3)
    x = draw.normal(size=60)
    y = 3 * x + noise * draw.normal(size=60)
    (said,) = in_short(bl.fit({"x": x, "y": y}, "y ~ x", folds=folds))
    assert f"always predicting the mean would be off by {rounded(y.std())}" in said
