"""A level that one fold alone holds: early stopping keeps its rows in training, and the choice of a penalty is not judged by them."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from bestline.data.unknown_levels import unknown_levels
from bestline.errors import BestlineWarning

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


def table(rare: int = 8) -> pd.DataFrame:
    """150 rows of two levels, and some levels of one row each, far above the others."""
    n = 150
    x = np.sin(np.arange(n + rare) * 1.7)
    g = np.array([*(["b", "c"] * (n // 2)), *(f"rare{i}" for i in range(rare))])
    y = x + (g == "c") + 100.0 * np.char.startswith(g, "rare") + 0.1 * np.cos(np.arange(n + rare) * 3.1)
    return pd.DataFrame({"x": x, "g": g, "y": y})


@pytest.mark.parametrize("form", ["y ~ x + g", "y ~ x + C(g, Treatment('rare0'))"])
@pytest.mark.parametrize("batch_size", [None, 16])
def test_early_stopping_trains_on_every_level(form, batch_size):
    rare = table()
    model = bl.fit(rare, form, solver="adam", lr=0.3, steps=600, patience=600, batch_size=batch_size)
    predicted = model.predict(rare[rare.g.str.startswith("rare")])
    assert (predicted > 50).all(), predicted  # as the reference, about 0
    held = next(f for f in model.moments.folds if f.count)
    assert not unknown_levels(model.moments.folds, model.design).get(model.moments.folds.index(held))


def by_hand(frame: pd.DataFrame, fold: np.ndarray) -> float:
    """Mean squared error of least squares on the other folds, of the rows whose level is in those."""
    X = pd.get_dummies(frame[["x", "g"]], columns=["g"], dtype=float).to_numpy()
    y, squares = frame.y.to_numpy(), []
    for f in np.unique(fold):
        held = (fold == f) & frame.g.isin(frame.g[fold != f]).to_numpy()
        w = np.linalg.lstsq(X[fold != f], y[fold != f], rcond=None)[0]
        squares.append((y[held] - X[held] @ w) ** 2)
    return float(np.concatenate(squares).mean())


@pytest.mark.parametrize("kind", ["ridge", "lasso", "enet"])
def test_penalties_are_judged_by_rows_that_the_other_folds_know(kind):
    rare = table().assign(part=np.arange(158) % 4)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model = bl.fit(rare, "y ~ x + g", cv=kind, folds="part")
    said = [str(w.message) for w in found if issubclass(w.category, BestlineWarning)]
    assert any(s == "8 rows have a level that the other folds lack, and no part in the choice of the penalty." for s in said), (
        said
    )
    # The last is no penalty at all. Rows of levels never seen would be off by 100.
    assert model.cv.frame()["mse"].iloc[-1] == pytest.approx(by_hand(rare, rare.part.to_numpy()), rel=1e-9)
    plain = bl.fit(rare[~rare.g.str.startswith("rare")], "y ~ x + g", cv=kind, folds="part")
    assert model.cv.folds == plain.cv.folds == 4


def test_moments_say_that_they_cannot():
    rare = table(1)
    with pytest.warns(BestlineWarning, match="moments cannot leave their rows out of the choice"):
        bl.fit(bl.Moments.collect(rare, "y ~ x + g"), target="y", cv="ridge")
