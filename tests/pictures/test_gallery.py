"""The gallery draws every picture of a model, without pyplot."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.errors import BestlineError, OptionError
from bestline.pictures import figures
from bestline.pictures.gallery import Gallery
from bestline.wording import said


def test_the_gallery_draws_them_all(quiet):
    g = torch.Generator().manual_seed(0)
    X = torch.randn(40, 3, generator=g, dtype=torch.float64)
    y = X @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + 0.1 * torch.randn(40, generator=g, dtype=torch.float64)
    options = {"standardize": False, "split": (0.6, 0.2, 0.2)}
    slow, fast = (bl.fit((X, y), solver=bl.Descent("sgd", lr=lr, steps=20), **options) for lr in (0.05, 0.1))
    plot = slow.plot.dark
    drawings = [
        plot.overview(others={"fast": fast}, label="slow", step=7),
        plot.overview(pair="path", log=True),
        plot.steps(most=8),
        plot.main_directions(),
        plot.loss({"fast": fast}, held_out=True),
        plot.surface("path"),
        plot.contour(("x0", "x1"), step=3),
        plot.frame(3, pair="path"),
    ]
    assert all(figure._repr_png_() for figure in drawings)
    with pytest.raises(OptionError, match="steps 0 to 20"):
        plot.contour(("x0", "x1"), step=21)


def test_pyplot_stays_out_and_recorded_numbers_need_no_torch():
    program = """
import sys
from bestline.pictures.marks import Panel, Path, Picture
assert "matplotlib" not in sys.modules
from bestline.pictures.render.mpl import draw
import io
draw(Picture((Panel("", "w", "b", (Path((0.0, 1.0), (0.0, 1.0)),)),))).savefig(io.BytesIO())
draw(Picture((Panel("", "w", "b", (Path((0.0, 1.0), (0.0, 1.0), z=(0.0, 1.0)),), zlabel="loss"),))).savefig(io.BytesIO())
assert "torch" not in sys.modules
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_the_truth_is_taken_in_every_form_a_generator_gives_it(tmp_path):
    made = bl.synthetic.line(slope=2.0, intercept=-1.0, x="arange:0,4,0.25", noise="uniform:0,1", seed=3)
    (tmp_path / "line.json").write_text(json.dumps(dict(made.truth)), encoding="utf-8")
    for truth in (
        made,
        made.truth,
        tmp_path / "line.json",
        str(tmp_path / "line.json"),
        (2.0, -0.5),
        torch.tensor([2.0, -0.5]),
    ):
        assert figures.true_line(truth) == (2.0, -0.5), "the noise adds its mean"
    assert figures.true_line({"slope": [3.0], "intercept": 1}) == (3.0, 1.0)
    model = bl.fit(made, "y ~ x")
    assert "true: slope 2, intercept −0.5" in [
        text.get_text() for text in model.plot.data(truth=made.truth).axes[0].get_legend().texts
    ]
    (tmp_path / "no.json").write_text("{", encoding="utf-8")
    for wrong in (
        (1.0,),
        {"gradient": 1},
        (1.0, float("nan")),
        {"slope": [1.0, 2.0], "intercept": 0},
        "nowhere.json",
        tmp_path / "no.json",
    ):
        with pytest.raises(BestlineError, match=r"slope, intercept|finite"):
            figures.true_line(wrong)


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_several_lines_share_the_picture_of_the_data():
    rows = {"x": np.arange(20.0), "y": np.arange(20.0) ** 1.2}
    model, lasso = bl.fit(rows, "y ~ x"), bl.fit(rows, "y ~ x", l1=0.3)
    quantiles = {f"quantile {q}": bl.fit(rows, "y ~ x", loss=f"quantile:{q}") for q in (0.1, 0.9)}
    axes = model.plot.data(others={**quantiles, "lasso": lasso}).axes[0]
    told = [text.get_text() for text in axes.get_legend().texts]
    assert {"quantile 0.1", "quantile 0.9", "lasso"} < set(told)
    for line in (model, lasso, *quantiles.values()):
        wanted = line.predict({"x": np.array([0.0, 19.0])})
        assert sum(len(one.get_ydata()) == 2 and np.allclose(one.get_ydata(), wanted) for one in axes.lines) == 1
    with pytest.raises(OptionError, match="other columns"):
        model.plot.data(others={"through zero": bl.fit({"z": rows["x"], "y": rows["y"]}, "y ~ z")})


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_the_first_run_keeps_its_own_name_beside_others():
    rows = {"x": np.arange(20.0), "y": np.arange(20.0) ** 1.2}
    first, other = (bl.fit(rows, "y ~ x", solver=name, lr=0.1, steps=9) for name in ("sgd", "adam"))
    told = set(first.plot._lines({"other": other}, None))
    assert told == {"sgd, lr 0.1", "other"}
    assert set(first.plot._lines({"sgd, lr 0.1": other}, None)) == {"sgd, lr 0.1 (this model)", "sgd, lr 0.1"}
    assert set(first.plot._lines({"other": other}, "mine")) == {"mine", "other"}


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
@pytest.mark.parametrize("weights", [None, "w"])
def test_the_errors_of_train_and_test_are_of_all_rows(weights):
    """Of 9,000 rows with heavy tails, 2,000 are drawn: the largest misses may not be among them."""
    draw = np.random.default_rng(4)
    x = draw.normal(size=9_000)
    rows = {"x": x, "y": 2 * x + draw.standard_t(2, 9_000), "w": draw.uniform(0.1, 3, 9_000)}
    model = bl.fit(rows, "y ~ x", split=(0.6, 0.4), weights=weights)
    alt = model.plot.train_test().alt
    errors = [said(scores.mse[0]) for scores in (model.fitted_scores, model.held_out)]
    assert f"Mean squared error: {errors[0]} of training rows, {errors[1]} of test rows" in alt
    # Rows that are given: all of them, by the same weights.
    given = {name: column[:5_000] for name, column in rows.items()}
    mse = np.average((model.predict(given) - given["y"]) ** 2, weights=None if weights is None else given["w"])
    assert f"{said(mse)} of test rows" in model.plot.train_test(test=given).alt


@pytest.mark.parametrize("name", ["means", "contrasts", "slopes"])
def test_a_picture_names_what_its_table_takes(name: str):
    asked, drawn = (inspect.signature(getattr(door, name)).parameters for door in (bl.Model, Gallery))
    assert {known: p.default for known, p in drawn.items()} == {known: p.default for known, p in asked.items()} | {"target": 0}
