"""Curves, contours and choices of pictures against statsmodels, scikit-learn and NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from statsmodels.nonparametric.smoothers_lowess import lowess

import bestline as bl
from bestline.numerics.rows import Rows
from bestline.pictures import figures
from bestline.pictures.diagnostics import smoothed
from bestline.pictures.loss_curves import stops
from bestline.pictures.marks import Contours, Line
from bestline.pictures.sample import Sample
from bestline.pictures.weights import penalty_paths
from bestline.training.early_stopping import best_step

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize("n", [30, 60, 99])
def test_the_local_mean_is_statsmodels_lowess(n: int) -> None:
    rng = np.random.default_rng(n)
    x = np.sort(rng.uniform(0, 4, n))
    y = np.sin(2 * x) + 0.3 * rng.normal(size=n)
    at, mean = smoothed(torch.from_numpy(x), torch.from_numpy(y), torch.ones(n, dtype=torch.float64))
    assert len(at) > 20
    expected = lowess(y, x, frac=2 / 3, it=0, xvals=at.numpy())
    np.testing.assert_allclose(mean.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_the_contours_of_a_round_bowl_are_evenly_spaced() -> None:
    """Seen from above: the roots of the heights above the floor grow by the same each time."""
    rng = np.random.default_rng(0)
    X = np.linalg.qr(np.c_[np.ones(50), rng.normal(size=(50, 2))])[0][:, 1:] * 50**0.5
    y = X @ [3.0, -2.0] + 0.1 * rng.normal(size=50)
    model = bl.fit((X, y), solver="sgd", lr=0.05, steps=60, standardize=False, start=[9.0, 4.0, 0.0])
    (mark,) = [m for m in figures.contour(model.trained, ("x0", "x1")).panels[0].marks if isinstance(m, Contours)]
    floor = float(((y - bl.fit((X, y)).predict(X)) ** 2).mean())
    roots = np.sqrt(np.maximum(np.array(mark.levels) - floor, 0))
    steps = np.diff(roots)
    assert len(steps) > 8
    assert np.allclose(steps, steps[1], rtol=1e-3)


def rows(n: int, w: np.ndarray | None = None) -> Rows:
    x = torch.arange(n, dtype=torch.float64)[:, None]
    return Rows(x, 2 * x, None if w is None else torch.from_numpy(w))


@pytest.mark.parametrize("batches", [1, 4])
def test_a_sample_is_in_the_datas_order_and_any_row_is_as_likely(batches: int) -> None:
    whole = rows(200)
    parts = [
        whole[torch.arange(200)[i::1][j : j + 200 // batches]] for i, j in ((0, k * 200 // batches) for k in range(batches))
    ]
    counts = np.zeros(200)
    for seed in range(300):
        drawn = Sample.draw(parts, ["x"], ["y"], most=20, seed=seed)
        x = drawn.rows.X[:, 0].numpy()
        assert len(x) == 20
        assert (np.diff(x) > 0).all()
        assert torch.equal(drawn.rows.y, 2 * drawn.rows.X)
        assert (drawn.of, drawn.whole) == (200, False)
        counts[x.astype(int)] += 1
    # Each row 30 times of 300 on the average, with a standard deviation of 5.2: chi-squared of 199 degrees of freedom.
    assert 130 < ((counts - 30) ** 2 / (30 * 0.9)).sum() < 280


def test_rows_without_weight_are_not_drawn() -> None:
    w = np.ones(200)
    w[::2] = 0
    drawn = Sample.draw(rows(200, w), ["x"], ["y"], most=300)
    assert drawn.of == len(drawn.rows) == 100
    assert drawn.whole
    assert (drawn.rows.X[:, 0] % 2 == 1).all()


@pytest.mark.parametrize("useful", [True, False])
def test_it_is_said_where_no_penalty_predicts_best(useful: bool) -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(300, 4))
    y = X @ [5.0, -5.0, 5.0, -5.0] if useful else rng.normal(size=300)
    selection = bl.fit((X, y), cv="ridge").cv
    best_is_none = int(selection.error.argmin()) == len(selection.error) - 1
    assert best_is_none == useful
    assert ("The error is least without a penalty" in penalty_paths.error_curve(selection).note) == useful


def test_slopes_are_named_by_their_size_and_not_their_sign() -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(200, 12))
    slopes = np.array([0.1, -9, 0.2, 8, -7, 0.3, 6, -5, 0.15, 4, 0.05, -3])
    selection = bl.fit((X, X @ slopes + rng.normal(size=200)), cv="lasso").cv
    lines = [m for m in penalty_paths.coefficient_path(selection).panels[0].marks if isinstance(m, Line) and m.label]
    named = [m.label for m in lines if m.label.startswith("x")]
    order = [f"x{j}" for j in np.argsort(-np.abs(slopes))]
    assert named == order[: len(named)]
    assert len(named) >= 4


@pytest.mark.parametrize(("at", "found"), [(0, 0), (3, 3), (9, None)])
def test_stopping_early_is_told_unless_it_is_at_the_end(at: int, found: int | None) -> None:
    """A run whose held-out loss is least after so many of its nine updates."""
    from dataclasses import replace

    rng = np.random.default_rng(5)
    x = rng.normal(size=40)
    model = bl.fit((x, x + rng.normal(size=40)), solver="sgd", lr=0.1, steps=9, split=(0.5, 0.5))
    held = (torch.arange(10, dtype=torch.float64) - at) ** 2 + 1
    fit = replace(model.trained, trace=replace(model.trained.trace, held_out=held))
    assert best_step(fit) == found
    told = [mark.label for mark in stops(fit)]
    assert any("held-out loss least" in label for label in told) == (found is not None)


@pytest.mark.parametrize("loaded", [False, True])
def test_the_line_after_training_has_the_loss_of_the_weights_that_were_kept(loaded: bool, tmp_path: Path) -> None:
    """Early stopping goes on beyond the step whose weights it keeps; and of a long run a file keeps some steps only."""
    rng = np.random.default_rng(10)
    X = rng.normal(size=(60, 1))
    y = X[:, 0] + 3 * rng.normal(size=60)
    options = {"solver": "sgd", "lr": 0.02, "steps": 4_000, "patience": 300, "split": (0.5, 0.25, 0.25), "start": [9, 9]}
    model = bl.fit(X, y, **options)
    assert model.step < int(model.trace.step[-1]) - 250
    kept = float(model.trace.loss[model.step])
    if loaded:
        model.save(tmp_path / "m.bestline")
        model = bl.load(tmp_path / "m.bestline")
        assert model.step not in model.trace.step.tolist()
    rows = Rows(torch.from_numpy(X), torch.from_numpy(X), None)
    alt = figures.before_after(Sample.draw(rows, ["x0"], ["y0"]), model.trained).alt
    told = float(alt.partition(" to ")[2].partition(". ")[0])
    assert told == pytest.approx(kept, rel=0.01 if loaded else 1e-3)
    assert float(model.trace.loss[-1]) < 0.95 * kept, "the last step is another"
