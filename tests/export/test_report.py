"""Reports and cards of every kind of model."""

from __future__ import annotations

import re
from html import escape, unescape
from pathlib import Path

import numpy as np
import pytest

import bestline as bl
from bestline.errors import DataError
from bestline.export.report.card import card
from bestline.export.report.effects import effects, in_short
from bestline.export.report.words import LONGEST_NAME, coefficients
from bestline.inference.diagnostics.second_pass import diagnoses
from bestline.inference.numbered_rows import OverTraining
from bestline.pictures import watch as watching
from bestline.pictures.loss_curves import loss as losses
from bestline.pictures.weights.penalty_paths import coefficient_path, error_curve
from bestline.wording import rounded, shared
from hard import NAMES, TARGET, hard_table
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


def text_of(html: str) -> str:
    """What is read on a page: without markup, scripts and styles."""
    return unescape(re.sub(r"<[^>]*>", "", re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)))


COLUMNS = "body_mass_g ~ flipper_length_mm + bill_length_mm + bill_depth_mm + species + sex"


@pytest.mark.parametrize("kind", ["ridge", "lasso", "enet"])
def test_a_report_shows_how_a_penalty_was_chosen_and_what_it_does(kind: str) -> None:
    draw = np.random.default_rng(5)
    rows = draw.normal(size=(40, 7)) @ np.diag([1, 1, 1, 1, 1, 1, 4]) + np.outer(draw.normal(size=40), [1, 1, 1, 1, 1, 1, 1])
    table = {name: rows[:, i] for i, name in enumerate("abcdefy")}
    model = bl.fit(table, "y ~ a + b + c + d + e + f", cv=kind)
    page = model.report().html
    shown = [error_curve(model.cv), coefficient_path(model.cv, scales=model.training.spread[:6].tolist())]
    for picture in shown:
        assert page.count(escape(picture.alt)) == 1
        assert picture.title in page  # as the heading of a panel and in its text, where a finding is the title
    said = text_of(page)
    assert "Classical standard errors do not hold under a penalty" in said
    kept = int((model.weights[:-1] != 0).sum())
    assert (f"{kept} of 6 columns have a weight other than zero" in said) == (kind != "ridge")
    assert ("sets none to exactly zero" in said) == (kind == "ridge")


def test_a_penalty_that_was_given_is_told_and_has_no_pictures_of_a_choice() -> None:
    page = bl.fit(PENGUINS, COLUMNS, missing="drop", l1=0.3).report().html
    assert "l1 = 0.3" in text_of(page)
    assert "Out-of-fold" not in page
    assert "<h2>The penalty</h2>" not in bl.fit(PENGUINS, LINE, missing="drop").report().html


def test_a_search_that_found_no_penalty_says_so() -> None:
    page = bl.fit(PENGUINS, "body_mass_g ~ bill_depth_mm", missing="drop", cv="ridge").report().html
    said = text_of(page)
    assert "found no penalty that predicts better than none" in said
    assert "do not hold" not in said
    assert "Out-of-fold error" in page


@pytest.mark.parametrize(
    ("loss", "named", "aim"),
    [
        ("quantile:0.9", "the quantile (pinball) loss: a unit too low costs 0.9, a unit too high 0.1", "0.9 quantile"),
        ("quantile", "pinball", "median"),
        ("absolute", "least absolute deviations", "median"),
        ("huber", "Huber's loss (an M-estimator)", ""),
    ],
)
def test_a_report_on_another_loss_says_what_applies(loss: str, named: str, aim: str) -> None:
    model = bl.fit(PENGUINS, LINE, missing="drop", loss=loss)
    said = text_of(model.report().html)
    assert named in said
    effect, *_ = effects(model)
    assert (f"in the {aim} of body_mass_g" in effect) == bool(aim)
    # R2 and the error of the mean are about squares, which this line did not make small.
    (short,) = in_short(model)
    assert short in said
    assert f"off by {rounded(model.held_out.mae[0])} on average (mean absolute error)" in short
    assert "explains" not in short
    assert ("is not meant to keep that small" in short) == (aim == "0.9 quantile")


def test_a_long_formula_is_told_whole_but_does_not_fill_the_screen() -> None:
    model = bl.fit(hard_table(500), f"{TARGET} ~ {' + '.join(NAMES)}")
    page = model.report().html
    (heading,) = re.findall(r"<h1>(.*?)</h1>", page)
    assert text_of(heading) == f"{TARGET} on 30 columns"
    assert all(name in text_of(page) for name in NAMES)
    # Two columns never become the same shortened text, neither in sentences nor in the table.
    told = [sentence.split(" goes with ")[0] for sentence in effects(model) if " goes with " in sentence]
    assert len(set(told)) == len(told) >= 10
    heads = re.findall(r'<th scope="row"[^>]*>(.*?)</th>', page)
    assert len(set(heads[:31])) == 31
    assert shared(model.names, 48) in text_of(page)


def test_a_report_on_two_hundred_thousand_rows_stays_small() -> None:
    model = bl.fit(hard_table(), f"{TARGET} ~ {' + '.join(NAMES)}", cv="lasso")
    page = model.report().html
    assert len(page.encode()) < 500_000  # measured: 476,000, of which the page that trains is 200,000
    assert "200,000" in text_of(page)


def test_a_report_on_very_many_targets_draws_the_first_and_says_so() -> None:
    draw = np.random.default_rng(7)
    x, noise = draw.normal(size=(60, 2)), draw.normal(size=(60, 45))
    page = bl.fit((x, x @ draw.normal(size=(2, 45)) + noise)).report().html
    said = text_of(page)
    assert "Of 45 targets the first 6 have pictures and diagnostics, 40 have a table of coefficients" in said
    assert said.count("Coefficients of ") == 40
    assert page.count("<figure>") == 6 * 3
    assert len(page.encode()) < 900_000


def test_a_place_that_cannot_be_is_refused_before_the_page_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bestline.export.report.page._looks", lambda *_: pytest.fail("the page was made for nothing"))
    model = bl.fit({"x": [1.0, 2, 3, 4], "y": [1.0, 2, 3, 5]}, "y ~ x")
    there = tmp_path / "there.html"
    there.touch()
    for path, words in (
        (there, "exists"),
        (tmp_path / "no" / "page.html", "cannot be written|no folder|does not exist"),
        ([], "path"),
    ):
        with pytest.raises(bl.errors.BestlineError, match=words):
            model.report(path)


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_a_table_of_coefficients_keeps_long_names_short_and_apart() -> None:
    long = [f"{'concentration of the substance in the sample ' * 4}{end}" for end in ("before", "after")]
    draw = np.random.default_rng(3)
    columns = {name: draw.normal(size=30) for name in long}
    found = coefficients(bl.fit(columns | {"y": sum(columns.values()) + draw.normal(size=30)}, target="y"), 0)
    told = [row[0] for row in found.rows]
    assert len(set(told)) == len(told) == 3
    assert max(map(len, told)) <= LONGEST_NAME


OTHER = {"l1": 0.3}, {"loss": "huber"}, {"loss": "huber", "solver": "adam", "lr": 0.1, "steps": 20}, {"split": (0.6, 0.2, 0.2)}


@pytest.mark.parametrize("options", [{}, {"weights": "w"}, *OTHER])
@pytest.mark.parametrize("missing", ["drop", "impute"])
def test_rows_that_the_line_was_not_fitted_to_are_refused_whatever_line_it_is(options, missing, tmp_path):
    draw = np.random.default_rng(2)
    x, z, g = 1e6 + draw.normal(size=60), draw.normal(size=60), ["a", "b", "c"] * 20
    z[7] = np.nan
    data = {"x": x, "z": z, "g": g, "w": [0.0] * 6 + [2.0] * 54, "y": x + draw.normal(size=60)}
    bl.fit(data, "y ~ x + z + g", missing=missing, **options).save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")
    assert (
        "has no rows"
        not in loaded.report(data={name: values[::-1] for name, values in data.items()} if not options else data).html
    )
    moved = {**data, "y": data["y"] + 0.001 * draw.normal(size=60)}
    for other in ({name: values[:-1] for name, values in data.items()}, moved):
        with pytest.raises(DataError, match=r"are not the .* rows that the line was fitted to"):
            loaded.report(tmp_path / "r.html", other)
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("loss", ["huber", "absolute", "quantile:0.9"])
def test_a_loaded_line_of_any_loss_shows_its_loss_curve(loss, tmp_path):
    draw = np.random.default_rng(4)
    x = draw.normal(size=50)
    fitted = bl.fit({"x": x, "y": 2 * x + draw.normal(size=50)}, "y ~ x", loss=loss, solver="adam", lr=0.1, steps=30)
    fitted.save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")
    (panel,) = losses(loaded.traced).panels
    (line,) = panel.marks
    assert list(line.y) == pytest.approx(fitted.trace.loss.tolist(), rel=1e-15)
    drawn = loaded.plot.loss({"again": loaded}).axes[0]
    assert [len(curve.get_xdata()) for curve in drawn.get_lines()[:2]] == [31, 31]
    page = loaded.report().html
    training = page[page.index("<h2>Training</h2>") : page.index("<h2>The line and the rows</h2>")]
    assert "<figcaption>Loss after each update</figcaption>" in training
    assert "fit again to play its training" in training
    assert 'id="session"' not in page


def test_the_rows_are_read_once_for_all_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 2))
    data = {"a": x[:, 0], "b": x[:, 1], **{f"y{k}": x[:, 0] * k + generator.normal(size=200) for k in range(4)}}
    model = bl.fit(data, target=["y0", "y1", "y2", "y3"], features=["a", "b"])
    read, really = [], OverTraining.of
    monkeypatch.setattr(OverTraining, "of", lambda own, batch: (read.append(own.inner), really(own, batch))[1])
    together = diagnoses(model, targets=["y3", 1])
    assert len(read) == 1
    alone = [model.diagnose(target="y3"), model.diagnose(target=1)]
    assert [str(found) for found in together] == [str(found) for found in alone]
    read.clear()
    model.report(data=data)
    assert len(read) == 2  # are these the training rows? and one more look for all targets
