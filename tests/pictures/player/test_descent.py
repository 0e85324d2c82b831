"""The page's own descent makes Python's steps: four optimisers, many kinds of tables, standardised or not.

Python trains, node trains the same from what a session holds, and the two traces must agree to ten digits.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bestline as bl
from bestline.pictures.player.trainable import trainable
from pictures.player.pages import needs

NODE = Path(__file__).with_name("descent.mjs")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam")
SAME = 1e-10


def tables() -> dict[str, tuple[dict[str, Any], str, dict[str, Any]]]:
    """Data, formula and further arguments by what is special about them."""
    rng = np.random.default_rng(3)
    x, z = np.arange(-3, 3, 0.1), rng.normal(size=60)
    y = x - 1 + 0.1 * rng.normal(size=60)
    many = {f"x{j}": rng.normal(size=200) * 10 ** rng.uniform(-2, 2) for j in range(50)}
    far = 2000 + np.arange(40.0)
    return {
        "line": ({"x": x, "y": y}, "y ~ x", {}),
        "far from zero": ({"year": far, "y": 0.3 * far + rng.normal(size=40)}, "y ~ year", {}),
        "no intercept": ({"x": x + 5, "z": z, "y": y}, "y ~ x + z - 1", {}),
        "weighted": ({"x": x, "y": y, "w": rng.integers(1, 9, 60)}, "y ~ x", {"weights": "w"}),
        "rank deficient": ({"x": x, "z": z, "v": 2 * x - 3 * z, "k": np.ones(60), "y": y}, "y ~ x + z + v + k", {}),
        "many columns": ({**many, "y": sum(many.values()) + rng.normal(size=200)}, f"y ~ {' + '.join(many)}", {}),
        "ridge": ({"x": x, "z": z, "y": y}, "y ~ x + z", {"l2": 0.3}),
        "float32": ({"x": x.astype("float32"), "y": y.astype("float32")}, "y ~ x", {}),
        "categories": ({"g": np.array(["a", "b", "c"] * 20), "x": x, "y": y}, "y ~ C(g) + x", {}),
        "one step beyond": ({"x": x, "y": y}, "y ~ x", {"beyond": 1.05}),
        "far beyond": ({"x": x, "z": z, "y": y}, "y ~ x + z", {"beyond": 3.0}),
        "the line itself": ({"x": x, "y": 2 * x + 1}, "y ~ x", {}),
    }


def case(data: Any, formula: str, optimizer: str, standardize: bool, how: dict[str, Any]) -> dict[str, Any]:
    """A run by Python, and what a page gets to make it again."""
    how = dict(how)
    beyond = how.pop("beyond", 0.0)
    known = {k: v for k, v in how.items() if k in ("weights", "l2")}
    # Of Adam preflight would make thousands of steps to know them.
    ahead = bl.preflight(data, formula, solver="sgd" if optimizer == "adam" else optimizer, **known)
    limit = 0.17 if optimizer == "adam" else (ahead.standardized if standardize else ahead).lr_limit
    lr = (beyond or 0.3) * limit
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bl.errors.BestlineWarning)
        model = bl.fit(data, formula, solver=optimizer, lr=lr, steps=300, standardize=standardize, **how)
    fit, live = model.trained, trainable(model, model.trained)
    assert "why" not in live, live
    trace = fit.trace
    both = bl.preflight(data, formula, solver="sgd" if optimizer == "adam" else optimizer, lr=lr, **known)
    side = both.standardized if standardize else both
    rows = next(iter(model.rows("training")))
    columns = [*rows.X.T.tolist(), rows.y[:, 0].tolist()] if model.design.p < 9 else None
    return {
        "live": json.loads(json.dumps(live)),
        "rows": columns and {"columns": columns, "w": None if rows.w is None else rows.w.tolist()},
        "run": {**live["run"], "ridge": live["ridge"]},
        "trace": {
            "loss": trace.loss.tolist(),
            "gap": trace.gap.tolist(),
            "weights": trace.weights[:, :, 0].T.tolist(),
            "stop": fit.stop.name.lower(),
            "at": int(trace.step[-1]),
            "limit": fit.rate_limit,
        },
        "foresight": [side.given.steps_99, side.given.steps] if side.given.verdict != "above" else [None, None],
        "lr_limit": side.lr_limit,
        "lr": side.lr,
    }


@pytest.fixture(scope="module")
def agreed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, bool], tuple[dict[str, Any], dict[str, Any]]]:
    needs(shutil.which("node") is not None, "node")
    known = tables()
    keys = list(product(known, OPTIMIZERS, (True, False)))
    cases = [case(known[name][0], known[name][1], optimizer, side, known[name][2]) for name, optimizer, side in keys]
    path = tmp_path_factory.mktemp("descent") / "cases.json"
    path.write_text(json.dumps(cases), encoding="utf-8")
    done = subprocess.run(["node", str(NODE), str(path)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(zip(keys, zip(cases, json.loads(done.stdout), strict=True), strict=True))


@pytest.mark.parametrize("name", tables())
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("standardize", [True, False], ids=["standardised", "as they are"])
def test_the_page_makes_the_steps_that_python_makes(agreed: Any, name: str, optimizer: str, standardize: bool) -> None:
    wanted, found = agreed[name, optimizer, standardize]
    assert (found["steps"], found["stop"], found["at"]) == (0, 0, 0), wanted["trace"]["stop"]
    assert found["weights"] <= SAME
    assert found["loss"] <= SAME
    assert found["gap"] <= SAME
    assert found["limit"] <= SAME


@pytest.mark.parametrize("name", tables())
@pytest.mark.parametrize("optimizer", OPTIMIZERS[:3])
@pytest.mark.parametrize("standardize", [True, False], ids=["standardised", "as they are"])
def test_the_page_foresees_what_preflight_foresees(agreed: Any, name: str, optimizer: str, standardize: bool) -> None:
    wanted, found = agreed[name, optimizer, standardize]
    assert found["stable"] == pytest.approx(wanted["lr_limit"], rel=SAME)
    assert found["fastest"] == pytest.approx(wanted["lr"], rel=1e-9)
    assert found["foresight"] == wanted["foresight"]


@pytest.mark.parametrize("name", [name for name in tables() if name != "many columns"])
@pytest.mark.parametrize("standardize", [True, False], ids=["standardised", "as they are"])
def test_the_page_finds_the_bowl_of_rows_by_itself(agreed: Any, name: str, standardize: bool) -> None:
    _, found = agreed[name, "sgd", standardize]
    for what, apart in found["rows"].items():
        # Of columns that explain each other many weights are best: the shortest ones, in one length or another.
        assert apart <= 1e-9 or (name == "rank deficient" and what == "bottom"), what
