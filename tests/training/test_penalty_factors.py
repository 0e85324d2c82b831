"""Penalties shared out among columns, against scikit-learn on rescaled columns and against columns swept out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Lasso, Ridge

import bestline as bl
from bestline.errors import OptionError

EXACT = 1e-8  # coordinate descent at its tightest tolerance


@pytest.fixture(autouse=True)
def _quiet(quiet: None) -> None:
    """Notes are not the point."""


def table(n: int = 120, p: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, p)) @ (np.eye(p) + 0.3 * rng.normal(size=(p, p))) + 2
    return X, X @ np.array([1.0, 0.0, -0.5, 0.2, 0.0][:p]) + rng.normal(size=n)


FACTORS = {"x0": 0.5, "x1": 2.0, "x3": 4.0}
F = np.array([0.5, 2.0, 1.0, 4.0, 1.0])


@pytest.mark.parametrize(
    ("options", "peer"),
    [
        ({"l1": 0.2}, Lasso(alpha=0.1, tol=1e-14, max_iter=10**6)),
        ({"l2": 0.3}, Ridge(alpha=0.3 * 120)),
    ],
)
def test_a_factor_is_a_column_in_another_unit(options: dict[str, float], peer: object) -> None:
    X, y = table()
    # l1 f |w| on a column is l1 |w'| on the column over f; l2 f w^2 is l2 w'^2 on the column over the root of f.
    scale = F if "l1" in options else np.sqrt(F)
    expected = peer.fit(X / scale, y).coef_ / scale
    model = bl.fit((X, y), standardize=False, penalty_factors=FACTORS, **options)
    assert model.coef.to_numpy() == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("options", [{"l1": 0.3}, {"l2": 0.5}, {"l1": 0.1, "l2": 0.2}])
def test_a_free_column_is_swept_out(options: dict[str, float]) -> None:
    X, y = table()
    free = np.c_[X[:, 0], np.ones(len(y))]
    swept, target = (v - free @ np.linalg.lstsq(free, v, rcond=None)[0] for v in (X[:, 1:], y))  # Frisch & Waugh 1933
    rest = bl.fit((swept, target), standardize=False, **options)
    model = bl.fit((X, y), standardize=False, penalty_factors={"x0": 0}, **options)
    assert model.coef.to_numpy()[1:] == pytest.approx(rest.coef.to_numpy(), abs=1e-10)


@pytest.mark.parametrize("solver", ["exact", "sgd", "lbfgs"])
def test_every_solver_obeys(solver: str) -> None:
    X, y = table()
    options = {} if solver == "exact" else {"steps": 4_000 if solver == "sgd" else 60}
    model = bl.fit((X, y), l2=0.3, penalty_factors=FACTORS, solver=solver, **options)
    assert model.coef.to_numpy() == pytest.approx(bl.fit((X, y), l2=0.3, penalty_factors=FACTORS).coef.to_numpy(), abs=1e-7)
    robust = bl.fit((X, y), loss="absolute", l1=0.5, penalty_factors={"x0": 0, "x2": 1_000.0})
    assert robust.coef["x2"] == 0
    assert robust.coef["x0"] != 0


@pytest.mark.parametrize("kind", ["ridge", "lasso", "enet"])
def test_cross_validation_obeys(kind: str) -> None:
    X, y = table()
    model = bl.fit((X, y), cv=kind, penalty_factors={"x0": 0, "x3": 3})
    assert model.cv is not None
    i = 5
    again = bl.fit((X, y), l1=float(model.cv.l1[i]), l2=float(model.cv.l2[i]), penalty_factors={"x0": 0, "x3": 3})
    assert model.cv.weights[i, :, 0].tolist() == pytest.approx(again.params.tolist(), abs=1e-9)
    assert bool((model.cv.weights[:, 0] != 0).all())  # free, and in every line of the path


def test_a_term_is_all_its_columns_and_the_model_tells(tmp_path: Path) -> None:
    data, formula = bl.samples.penguins(), "body_mass_g ~ flipper_length_mm + species + bill_depth_mm"
    given = {"species": 0, "bill_depth_mm": 2}
    model = bl.fit(data, formula, missing="drop", l1=0.3, penalty_factors=given)
    by_column = {"species[T.Chinstrap]": 0, "species[T.Gentoo]": 0, "bill_depth_mm": 2}
    assert model.params.equals(bl.fit(data, formula, missing="drop", l1=0.3, penalty_factors=by_column).params)
    assert "species[T.Gentoo] x 0, bill_depth_mm x 2" in str(model.summary())
    assert model.recipe.arguments["penalty_factors"] == given
    model.save(tmp_path / "line.bestline")
    assert str(bl.load(tmp_path / "line.bestline").summary()) == str(model.summary())
    with pytest.raises(OptionError, match="penalty factors"):
        model.script()


def test_the_command_line(run, tmp_path: Path) -> None:
    path = str(bl.samples.path("penguins"))
    formula = "body_mass_g ~ flipper_length_mm + species"
    options = ["--missing", "drop", "--l2", "0.5", "--penalty-factors", "species=0", "--json"]
    told = json.loads(run("fit", path, formula, *options).out)
    model = bl.fit(path, formula, missing="drop", l2=0.5, penalty_factors={"species": 0})
    assert told["coef"] == pytest.approx(model.coef.to_dict())
    assert told["penalty_factors"] == {"flipper_length_mm": 1, "species[T.Chinstrap]": 0, "species[T.Gentoo]": 0}
    assert run("fit", path, formula, "--l2", "0.5", "--penalty-factors", "species").status == 2
    wrong = run("fit", path, formula, "--missing", "drop", "--l2", "0.5", "--penalty-factors", "speces=0")
    assert wrong.status in (1, 2)
    assert "species" in wrong.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"penalty_factors": {"x0": 0}}, "there is none"),
        ({"l1": 1.0, "penalty_factors": {"x9": 0}}, "x9"),
        ({"l1": 1.0, "penalty_factors": {"x0": -1}}, "not negative"),
        ({"l1": 1.0, "penalty_factors": {"x0": float("inf")}}, "finite"),
        ({"l1": 1.0, "penalty_factors": {"x0": "none"}}, "finite"),
        ({"l1": 1.0, "penalty_factors": [0, 1]}, "names columns"),
        ({"l1": 1.0, "penalty_factors": np.array([0, 1])}, "names columns"),
        ({"cv": "lasso", "penalty_factors": dict.fromkeys(["x0", "x1", "x2", "x3", "x4"], 0)}, "nothing is penalised"),
    ],
)
def test_what_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        bl.fit(table(), **options)
