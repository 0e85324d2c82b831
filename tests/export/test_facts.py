"""JSON predicts elsewhere; what cannot be exported is refused."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import bestline as bl
from bestline.data.design import Design
from bestline.errors import NumericalError, OptionError
from bestline.export.facts import to_dict
from bestline.export.onnx_graph import to_onnx
from bestline.export.sql import to_sql
from export.examples import agrees, penguins

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")


# --- JSON ----------------------------------------------------------------------------------------------------------------


def test_json_predicts_elsewhere() -> None:
    """By the document alone, in plain Python."""
    table = bl.samples.penguins()
    model = bl.fit(table, "body_mass_g ~ species*flipper_length_mm + island", missing="drop")
    document = json.loads(json.dumps(to_dict(model), allow_nan=False))
    factors, values = document["design"]["factors"], document["weights"]["values"]

    def part(row: dict[str, Any], factor: int, at: int) -> float:
        f = factors[factor]
        return float(row[f["column"]] == f["levels"][at]) if f["kind"] == "category" else row[f["column"]]

    got = [
        values[-1][0]
        + sum(
            math.prod(part(row, *p) for p in c["parts"]) * w
            for c, (w,) in zip(document["design"]["columns"], values, strict=False)
        )
        for row in table.to_pylist()
    ]
    agrees(got, model, table)


def test_json_is_the_design_the_weights_and_the_summary() -> None:
    model, _ = penguins()
    document = to_dict(model)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert Design.from_dict(document["design"]).to_dict() == model.design.to_dict()
    assert torch.equal(torch.tensor(document["weights"]["values"], dtype=torch.float64), model.weights)
    assert document["summary"]["coef"] == model.coef.to_dict()
    assert document["bestline"] == bl.__version__


# --- what no export can say ----------------------------------------------------------------------------------------------


def test_own_forward_functions_and_endless_weights_are_refused(tmp_path: Path) -> None:
    x = torch.linspace(0, 1, 20, dtype=torch.float64)[:, None]
    own = bl.fit((x, x[:, 0]), forward=lambda X, w, b: X @ w + b, solver="adam", steps=2)
    line = bl.fit((x, x[:, 0]))
    endless = replace(line, fit=replace(line.fit, weights=line.weights * math.inf))
    for write in (lambda m: to_sql(m, "data"), lambda m: to_onnx(m, tmp_path / "m.onnx"), to_dict):
        with pytest.raises(OptionError, match="forward function of its own"):
            write(own)
        with pytest.raises(NumericalError, match="not finite"):
            write(endless)
    assert not (tmp_path / "m.onnx").exists()
