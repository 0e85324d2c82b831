"""Penalty paths drawn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from matplotlib.text import Text
from sklearn.linear_model import Lasso

import bestline as bl
from bestline.errors import OptionError
from bestline.numerics.comoments import by_group
from bestline.numerics.rows import Rows
from bestline.pictures.marks import Band, Line
from bestline.pictures.palette import THEMES
from bestline.pictures.weights.penalty_paths import coefficient_path, error_curve
from bestline.training.cross_validation import select
from hard import TARGET, hard_table
from training.penalised import folds_of, table

# Coordinate descent asked for a gap of 1e-14 has the square root of that in the weights of correlated columns.
DESCENT = {"rel": 1e-6, "abs": 1e-6}


def test_pictures_hold_the_numbers_of_the_selection() -> None:
    X, y = table(90, 12, seed=22)
    folds, _ = folds_of(X, y)
    chosen = select("enet", folds, 12, intercept=True, names=[f"c{j}" for j in range(12)], targets=["t"])
    assert chosen is not None
    cells = error_curve(chosen).table()
    at = [i for i in range(len(chosen.error)) if chosen.ratio[i] == chosen.ratio[chosen.best]]
    curve = [v for v, label in zip(cells["y"], cells["label"], strict=True) if str(label).startswith("error of rows")]
    assert curve == chosen.error[at].tolist()
    assert float(chosen.error[chosen.best]) in cells["y"]
    path = coefficient_path(chosen, scales=X.std(0).tolist())
    table_ = path.table()
    largest = chosen.weights[at[-1], :-1, 0].abs() * torch.tensor(X.std(0))
    drawn = [v for v, label in zip(table_["y"], table_["label"], strict=True) if label == f"c{int(largest.argmax())}"]
    assert drawn == pytest.approx((chosen.weights[at, int(largest.argmax()), 0] * X.std(0)[int(largest.argmax())]).tolist())
    with pytest.raises(OptionError, match="target"):
        coefficient_path(chosen, target=1)
    with pytest.raises(OptionError, match="scales"):
        coefficient_path(chosen, scales=[1.0])


@pytest.mark.parametrize("k", [1, 2])
def test_the_table_of_coefficients_is_scikit_learns_path_in_the_datas_units(k: int) -> None:
    X, y = table(p=4, k=k)
    X *= [1, 50, 0.1, 2]
    folds = by_group(Rows(torch.tensor(X), torch.tensor(y)), torch.arange(len(X)) % 5, 5)
    chosen = select("lasso", folds, 4, intercept=True)
    assert chosen is not None
    found = chosen.coefficients()
    assert found.shape == (len(chosen.frame()), 5 * k)
    assert list(found.index.get_level_values("l1")) == chosen.l1.tolist()
    for i in range(k):
        columns = [name if k == 1 else f"{name}:y{i}" for name in ("x0", "x1", "x2", "x3", "Intercept")]
        for at in (0, 30, 60):
            spread = y[:, i].std()
            line = Lasso(alpha=float(chosen.l1[at]) / 2, tol=1e-14, max_iter=100_000)
            line.fit((X - X.mean(0)) / X.std(0), (y[:, i] - y[:, i].mean()) / spread)
            slopes = line.coef_ * spread / X.std(0)
            expected = [*slopes, y[:, i].mean() - X.mean(0) @ slopes]
            assert found[columns].iloc[at].to_numpy() == pytest.approx(expected, **DESCENT)


@pytest.mark.parametrize("kind", ["ridge", "lasso", "enet"])
def test_the_band_reaches_one_standard_error_either_way(kind: str) -> None:
    X, y = table(90, 6, seed=3)
    folds, _ = folds_of(X, y)
    chosen = select(kind, folds, 6, intercept=True, names=[f"c{j}" for j in range(6)], targets=["t"])
    assert chosen is not None
    marks = error_curve(chosen).panels[0].marks
    (band,), (line,) = ([m for m in marks if isinstance(m, what)] for what in (Band, Line))
    error = {float(e): float(s) for e, s in zip(chosen.error, chosen.std_error, strict=True)}
    assert band.x == line.x
    for low, middle, high in zip(band.low, line.y, band.high, strict=True):
        assert (middle - low, high - middle) == pytest.approx((error[middle], error[middle]), rel=1e-9)


@pytest.mark.parametrize("kind", ["ridge", "lasso", "enet"])
def test_the_top_counts_the_coefficients_that_are_not_zero(kind: str) -> None:
    X, y = table(90, 12, seed=22)
    folds, _ = folds_of(X, y)
    chosen = select(kind, folds, 12, intercept=True, names=[f"c{j}" for j in range(12)], targets=["t"])
    assert chosen is not None
    for panel in (coefficient_path(chosen).panels[0], error_curve(chosen).panels[0]):
        high, low = panel.xlim
        assert high > low
        penalties = getattr(chosen, "l2" if kind == "ridge" else "l1")
        counted = {float(penalties[i]): int((chosen.weights[i, :12, 0] != 0).sum()) for i in range(len(penalties) - 1)}
        at_best = {
            float(penalties[i])
            for i in range(len(penalties) - 1)
            if chosen.ratio[i] == chosen.ratio[chosen.error[:-1].argmin()]
        }
        assert panel.top == () if kind == "ridge" else len(panel.top) == 9
        assert {x for x, _ in panel.top} <= at_best
        assert kind == "enet" or [counted[x] for x, _ in panel.top] == [int(text) for _, text in panel.top]
        assert not panel.top or panel.top[0][1] == "0"


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("hard", [False, True])
def test_curves_are_named_at_their_ends_and_no_name_hides_another(hard: bool, theme: str) -> None:
    model = (
        bl.fit(hard_table(2_000), target=TARGET, cv="lasso")
        if hard
        else bl.fit(bl.samples.penguins(), "body_mass_g ~ flipper_length_mm + species + sex", missing="drop", cv="lasso")
    )
    figure = (model.plot.dark if theme == "dark" else model.plot).path()
    figure.canvas.draw()
    axes = figure.axes[0]
    names = [text for text in axes.texts if text.get_text()]
    assert len(names) == (7 if hard else 4)
    assert len({text.get_text() for text in names}) == len(names)
    boxes = sorted((Text.get_window_extent(text) for text in names), key=lambda box: box.y0)
    assert all(below.y1 < above.y0 + 1 for below, above in itertools.pairwise(boxes))
    assert all(box.x0 > axes.get_window_extent().x1 for box in boxes)
    assert max(box.x1 for box in boxes) <= figure.bbox.x1
    told = {text.get_text() for text in axes.get_legend().texts}
    assert not told & {text.get_text() for text in names}
    # Each name stands in the colour of the curve that ends where its leader begins.
    for text in names:
        x, y = text.xy
        ends = {
            line.get_color()
            for line in axes.lines
            if len(line.get_xdata()) > 2 and (line.get_xdata()[-1], line.get_ydata()[-1]) == (x, y)
        }
        assert {THEMES[theme].as_text(colour) for colour in ends} == {text.get_color()}


def test_the_limits_hold_the_lines_without_a_name_too() -> None:
    # The largest, which are named, all go up; the smaller ones go down.
    draw = np.random.default_rng(2)
    X = draw.normal(size=(200, 12))
    folds, _ = folds_of(X, X @ np.array([9.0] * 8 + [-5.0] * 4) + 0.1 * draw.normal(size=200))
    chosen = select("lasso", folds, 12, intercept=True, names=[f"c{j}" for j in range(12)], targets=["t"])
    assert chosen is not None
    (panel,) = coefficient_path(chosen).panels
    heights = [v for mark in panel.marks if isinstance(mark, Line) for v in mark.y]
    assert min(heights) < -4
    assert max(heights) > 8
    assert panel.ylim is not None
    assert panel.ylim[0] <= min(heights)
    assert panel.ylim[1] >= max(heights)


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_no_choice_of_penalty_has_the_colour_of_a_column() -> None:
    model = bl.fit(
        bl.samples.penguins(),
        "body_mass_g ~ flipper_length_mm + bill_length_mm + bill_depth_mm + species",
        missing="drop",
        cv="ridge",
    )
    upright = [drawn for drawn in model.plot.path().axes[0].lines if len(set(drawn.get_xdata())) == 1]
    curves = [drawn for drawn in model.plot.path().axes[0].lines if len(set(drawn.get_xdata())) > 2]
    assert len(upright) == 2
    assert not {drawn.get_color() for drawn in upright} & {drawn.get_color() for drawn in curves}
