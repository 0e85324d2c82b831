"""A warning points at the line of the caller's own code, whichever door was gone through."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.model_selection import cross_val_score

import bestline as bl
from bestline.errors import BestlineWarning


def _table() -> pd.DataFrame:
    draw = np.random.default_rng(21)
    table = pd.DataFrame({"a": draw.normal(size=40), "g": list("uv") * 20, "k": 1.0})
    return table.assign(b=2 * table.a, y=table.a + draw.normal(size=40), name=[f"n{i}" for i in range(40)])


table = _table()
X = table[["a", "b"]].to_numpy()  # the second says what the first does
y = table.y.to_numpy()
gap = table.assign(a=table.a.where(table.index > 3))
moved = pd.Series(y, index=range(1, 41))


@pytest.fixture(scope="module")
def model() -> bl.Model:
    return bl.fit(table, "y ~ a + g")


@pytest.fixture(scope="module")
def loaded(model: bl.Model, tmp_path_factory: pytest.TempPathFactory) -> bl.Model:
    path = tmp_path_factory.mktemp("models") / "m.bestline"
    model.save(path)
    return bl.load(path)


far = pd.DataFrame({"a": [99.0], "g": ["u"]})
DOORS: dict[str, Callable[[bl.Model, bl.Model], Any]] = {
    "fit": lambda m, s: bl.fit(table, "y ~ a + b"),
    "fit, X and y": lambda m, s: bl.fit(X, y),
    "fit, formula first": lambda m, s: bl.fit("y ~ a + b", table),
    "fit, other order": lambda m, s: bl.fit(y, X[:, [0, 0]] + [[0, 1]] * 40 * np.arange(40)[:, None]),
    "fit, a power": lambda m, s: bl.fit(table, "y ~ a**2"),
    "fit, dropped": lambda m, s: bl.fit(gap, "y ~ a", missing="drop"),
    "fit, chosen": lambda m, s: bl.fit(table[["y", "a", "name"]], target="y"),
    "fit, diverged": lambda m, s: bl.fit(table, "y ~ a", solver="sgd", lr=9.0, steps=50),
    "fit, huber": lambda m, s: bl.fit(table, "y ~ a + k", loss="huber"),
    "fit, cv": lambda m, s: bl.fit(table, "y ~ a + g", cv="ridge"),
    "preflight": lambda m, s: bl.preflight(gap, "y ~ a", missing="drop"),
    "preflight, old name": lambda m, s: bl.preflight(table, "y ~ a", optimizer="adam"),
    "sweep": lambda m, s: bl.sweep(gap, "y ~ a", missing="drop", lrs=[0.1], steps=2),
    "predict": lambda m, s: m.predict(far),
    "predict, batch by batch": lambda m, s: m.predict(far, interval="prediction"),
    "predict, loaded": lambda m, s: s.predict(far),
    "predict, by position": lambda m, s: m.predict(table, "prediction"),
    "predict, unseen": lambda m, s: m.predict(far.assign(g="q"), on_unseen="nan"),
    "evaluate, index": lambda m, s: m.evaluate(table[["a", "g"]], moved),
    "rows, unseen": lambda m, s: list(m.rows(data=table.assign(g=["q", *table.g[1:]]))),
    "augment": lambda m, s: m.augment(table.assign(g=["q", *table.g[1:]])),
    "to_json": lambda m, s: m.to_json(),
    "sweep.plot()": lambda m, s: bl.sweep(table, "y ~ a", lrs=[0.1], steps=2).plot(),
    "LinearRegression": lambda m, s: bl.LinearRegression().fit(table[["a"]], moved),
    "SGDRegressor": lambda m, s: bl.SGDRegressor(max_iter=1, tol=1e-9).fit(X, y),
    "Lasso": lambda m, s: bl.Lasso(alpha=0.1, precompute=(X + 5).T @ (X + 5)).fit(X + 5, y),
    "HuberRegressor": lambda m, s: bl.HuberRegressor(max_iter=1).fit(X[:, :1], y * 1e3),
    "RidgeCV": lambda m, s: bl.RidgeCV(gcv_mode="svd").fit(sparse.csr_matrix(X), y),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_warning_points_at_the_callers_line(door: str, model: bl.Model, loaded: bl.Model) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        DOORS[door](model, loaded)
    assert [Path(w.filename).name for w in heard] == [Path(__file__).name] * len(heard), [str(w.message) for w in heard]
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert all(f'"{door}"' in lines[w.lineno - 1] for w in heard)
    assert heard


def test_a_warning_points_through_scikit_learn_at_who_called_it() -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        cross_val_score(bl.SGDRegressor(max_iter=1, tol=1e-9), X, y, cv=2)
    assert heard
    assert {Path(w.filename).name for w in heard} == {Path(__file__).name}


def test_the_same_warning_from_another_line_is_heard_again() -> None:
    """Python tells a warning once for each line: pointed at a line of bestline's, the second of two callers would hear nothing."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("default", BestlineWarning)
        bl.fit(table, "y ~ a**2")
        bl.fit(table, "y ~ a**2")
    assert len({w.lineno for w in heard}) == 2


# -- small doors --------------------------------------------------------------------------------------------------------------


def test_folds_and_by_together_are_refused_even_where_folds_are_the_usual_ones() -> None:
    for folds in (5, 3, "a"):
        with pytest.raises(bl.errors.OptionError, match="in place of `folds`"):
            bl.Moments.collect(table, "y ~ a", by="g", folds=folds)
    assert len(bl.Moments.collect(table, "y ~ a", by="g", folds=None).folds) == 2
    assert len(bl.Moments.collect(table, "y ~ a").folds) == len(bl.Moments.collect(table, "y ~ a", folds=None).folds) == 5


def test_exact_weights_of_a_lasso_are_its_minimum_and_of_other_losses_refused(tmp_path: Path) -> None:
    from bestline.errors import NumericalError

    lasso, huber = bl.fit(table, "y ~ a + g", l1=0.1), bl.fit(table, "y ~ a + g", loss="huber")
    short = bl.fit(table, "y ~ a + g", l1=0.1, solver="sgd", lr=0.1, steps=2)
    lasso.save(tmp_path / "l.bestline")
    huber.save(tmp_path / "h.bestline")
    for line in (lasso, short, bl.load(tmp_path / "l.bestline")):
        assert line.exact_weights[:, 0].tolist() == pytest.approx(lasso.weights[:, 0].tolist(), rel=1e-8)
    for line in (huber, bl.load(tmp_path / "h.bestline")):
        with pytest.raises(NumericalError, match="squared loss of a line only; those of this line are `weights`"):
            _ = line.exact_weights
