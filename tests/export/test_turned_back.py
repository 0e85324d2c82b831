"""Targets that are functions of a column, told to other systems: the same predictions in the column's own units."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

import bestline as bl
from export.examples import runtime
from export.test_sql import duck, sqlite

TARGETS = [
    "log(y)",
    "log10(y)",
    "log2(y + 1)",
    "log1p(y)",
    "sqrt(y)",
    "I(1 / y)",
    "I(y ** 0.4)",
    "boxcox(y, 0.3)",
    "I(1.1 ** y)",
    "I(3 - log(y))",
]


def table() -> pa.Table:
    r = np.random.default_rng(5)
    x, g = r.uniform(0, 3, 60), r.choice(["a", "b"], 60)
    return pa.table({"x": x, "g": g, "y": np.exp(0.3 + 0.4 * x + r.normal(0, 0.2, 60))})


@pytest.mark.parametrize("target", TARGETS)
def test_everywhere_the_same(target: str, tmp_path: Path) -> None:
    data = table()
    model = bl.fit(data, f"{target} ~ x + g")
    want = model.predict(data)
    assert not np.allclose(want, model.predict(data, units="fitted"))
    for got in (sqlite(data, model.to_sql("data", dialect="sqlite")), duck(data, model.to_sql("data"))):
        assert np.array(got, dtype=float)[:, -1] == pytest.approx(want, rel=1e-11)
    model.to_onnx(tmp_path / "m.onnx")
    assert runtime(tmp_path / "m.onnx", data)[:, 0] == pytest.approx(want, rel=1e-11)


def test_a_column_called_fitted_is_no_trap(tmp_path: Path) -> None:
    data = table().rename_columns(["fitted", "g", "y"])
    model = bl.fit(data, "log(y) ~ fitted + g")
    model.to_onnx(tmp_path / "m.onnx")
    assert runtime(tmp_path / "m.onnx", data)[:, 0] == pytest.approx(model.predict(data), rel=1e-11)
    assert np.array(duck(data, model.to_sql("data")), dtype=float)[:, -1] == pytest.approx(model.predict(data), rel=1e-11)


def test_several_targets(tmp_path: Path) -> None:
    data = table()
    model = bl.fit(data, "log(y) + y ~ x")
    want = model.predict(data)
    assert np.array(duck(data, model.to_sql("data")), dtype=float)[:, -2:] == pytest.approx(want, rel=1e-11)
    model.to_onnx(tmp_path / "m.onnx")
    assert runtime(tmp_path / "m.onnx", data) == pytest.approx(want, rel=1e-11)


def test_a_module_of_torch_turns_back_as_well() -> None:
    data = table()
    model = bl.fit(data, "sqrt(y) ~ x")
    module = model.to_torch()
    got = module(torch.tensor(data["x"].to_numpy())[:, None])
    assert got[:, 0].detach().numpy() == pytest.approx(model.predict(data), rel=1e-12)
    assert "y = fitted ** 2" in repr(module)
    assert isinstance(module[0], torch.nn.Linear)
    assert isinstance(bl.fit(data, "y ~ x").to_torch(), torch.nn.Linear)


def test_json_says_how() -> None:
    facts = bl.fit(table(), "log(y) + y ~ x").to_dict()
    assert facts["inverses"] == ["(exp(fitted))", None]
    assert facts["summary"]["own_units"]["log(y)"]["inverse"] == "exp(fitted)"
