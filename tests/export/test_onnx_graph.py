"""ONNX predicts what predict predicts."""

from __future__ import annotations

import builtins
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

import bestline as bl
from bestline.errors import ColumnError, DataError, OptionError
from bestline.export.onnx_graph import to_onnx
from export.examples import TERMS, agrees, fits, penguins, runtime

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


@settings(max_examples=40)
@given(case=fits(TERMS))
def test_onnx_is_predict(tmp_path_factory: pytest.TempPathFactory, case: tuple[bl.Model, pa.Table]) -> None:
    pytest.importorskip("onnx")
    model, table = case
    path = tmp_path_factory.mktemp("onnx") / "line.onnx"
    to_onnx(model, path)
    agrees(runtime(path, table), model, table)


def test_penguins_in_onnx(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model, table = penguins()
    to_onnx(model, tmp_path / "p.onnx")
    agrees(runtime(tmp_path / "p.onnx", table), model, table)
    made = onnx.load(tmp_path / "p.onnx")
    facts = {p.key: p.value for p in made.metadata_props}
    assert facts["formula"] == model.design.formula
    assert facts["bestline"] == bl.__version__
    assert json.loads(facts["features"]) == list(model.features)
    assert [i.name for i in made.graph.input] == model.design.needs
    assert {i.type.tensor_type.elem_type for i in made.graph.input} == {onnx.TensorProto.DOUBLE, onnx.TensorProto.STRING}


def test_arrays_are_one_matrix(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    for name, model in {
        "all": bl.fit((X, Y)),
        "some": bl.fit((X, Y[:, 0]), "y ~ x2 + I(x0**2) + x2:x0 - 1"),
    }.items():
        to_onnx(model, tmp_path / f"{name}.onnx")
        session = ort.InferenceSession(str(tmp_path / f"{name}.onnx"), providers=["CPUExecutionProvider"])
        assert [(i.name, i.shape) for i in session.get_inputs()] == [("X", ["N", 3])]
        (got,) = session.run(None, {"X": X})
        np.testing.assert_allclose(got, model.predict(X).reshape(20, -1), rtol=0, atol=1e-13)


def test_what_is_not_defined_is_nan(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    model = bl.fit(pa.table({"x": [1.0, 2.0, 3.0, 5.0], "y": [1.0, 2.0, 2.5, 3.0]}), "y ~ log(x) + tanh(x)")
    to_onnx(model, tmp_path / "l.onnx")
    got = runtime(tmp_path / "l.onnx", pa.table({"x": [0.0, -1.0, math.inf, None, 2.0]}))
    assert np.isnan(got[:, 0]).tolist() == [True, True, True, True, False]


def test_onnx_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx")
    data = {"x": [1.0, 2, 3, 5], "prediction": [1.0, 0, 2, 2], "y": [1.0, 2, 3, 4]}
    path = tmp_path / "no.onnx"
    with pytest.raises(OptionError, match="cannot have an input called `prediction`"):
        to_onnx(bl.fit(data, "y ~ prediction"), path)
    with pytest.raises(OptionError, match="without columns"):
        to_onnx(bl.fit(data, "y ~ 1"), path)
    with pytest.raises(ColumnError, match="both as numbers and as categories"):
        to_onnx(bl.fit({**data, "x": [1.0, 2, 2, 1]}, "y ~ x:C(x) + C(x)"), path)
    path.write_text("here already")
    with pytest.raises(DataError, match="exists already"):
        to_onnx(bl.fit(data, "y ~ x"), path)
    assert path.read_text() == "here already"

    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "onnx" or name.startswith("onnx."):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(OptionError, match=r"pip install 'bestline\[onnx\]'"):
        to_onnx(bl.fit(data, "y ~ x"), tmp_path / "absent.onnx")
