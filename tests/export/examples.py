"""Hostile tables, and models of every kind of term."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import reject
from hypothesis import strategies as st

import bestline as bl
from bestline.data.tables import open_source
from bestline.errors import DataError

# Of the sum of the absolute terms of a row: another order of the sum and other libraries' functions cost a few last digits.
CLOSE = 1e-12


LEVELS = [
    "a",
    "o'clock",
    "'; DROP TABLE data; --",
    "back\\slash\\' OR 1=1 --",
    "new\nline",
    "ü",
    '"',
    "a ",
    "A",
    "{x}",
    "NULL",
    "",
]


def predicted(model: bl.Model, table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """What predict says, NaN where it would refuse, and the size of the terms it adds up."""
    gaps = "impute" if model.design.missing == "impute" else "drop"
    model = replace(model, design=replace(model.design, missing=gaps))
    k = len(model.targets)
    want = model.predict(table).reshape(-1, k)
    (batch,) = open_source(table, text=model.design.texts).batches(model.design.needs)
    X = model.design.features(batch).X
    ones = torch.ones(len(X), int(model.design.intercept), dtype=torch.float64)
    return want, (torch.cat([X.nan_to_num(0.0), ones], 1).abs() @ model.weights.abs()).numpy()


def agrees(got: Any, model: bl.Model, table: pa.Table) -> None:
    want, size = predicted(model, table)
    got = np.asarray(got, dtype=float).reshape(want.shape)
    assert np.array_equal(np.isnan(got), np.isnan(want)), (got, want)
    assert (np.abs(got - want)[~np.isnan(want)] <= CLOSE * size[~np.isnan(want)]).all(), (got, want)


def runtime(path: Path, table: pa.Table) -> np.ndarray:
    onnx, ort = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    onnx.checker.check_model(str(path), full_check=True)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {}
    for want in session.get_inputs():
        cells = table[want.name].to_pylist()
        text = want.type == "tensor(string)"
        values = ["" if v is None else v for v in cells] if text else [math.nan if v is None else float(v) for v in cells]
        feed[want.name] = np.array(values, dtype=object if text else float).reshape(-1, 1)
    (out,) = session.run(["prediction"], feed)
    assert out.dtype == np.float64
    return out


TERMS = [
    *("a", "b", "i", "flag", "g", "h", "a:g", "g:h", "b:g:h", "log(a):h", "a:b", "poly(b, 3):g"),
    *("log(a)", "log2(a)", "log10(a)", "log1p(a)", "np.sqrt(a)", "exp(b)", "expm1(b)", "tanh(b)", "sin(b)", "cos(b)", "tan(b)"),
    *("abs(b)", "floor(b)", "ceil(b)", "center(b)", "scale(a)", "poly(a, 2)", "poly(b, 4, raw=True)", "scale(log(a))"),
    *("bs(b, df=4)", "ns(log(a), df=3)", "cr(b, knots=[0], lower_bound=-2, upper_bound=2):g", "standardize(a)"),
    *("C(g, Sum)", "C(h, Helmert):b", "C(g, Poly)", "C(i, Diff)", "relevel(h, 'v'):g"),
    *("I(a**2)", "I(b**3 - a/2)", "I(1/a)", "I(a**-2)", "I(a**b)", "I(2**b)", "I(-b + 1e-3)", "I(a**(1/3))", "I(b/(1 + i**2))"),
]


@st.composite
def tables(draw: st.DrawFn, rows: int, gaps: bool) -> pa.Table:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    g, h = draw(st.lists(st.sampled_from(LEVELS[:-1]), min_size=1, max_size=4, unique=True)), ["u", "v"]
    columns = {
        "a": rng.uniform(0.5, 9, rows).tolist(),
        "b": rng.normal(0, 2, rows).tolist(),
        "i": rng.integers(-1, 3, rows).tolist(),
        "flag": (rng.random(rows) < 0.5).tolist(),
        "g": rng.choice(g, rows).tolist(),
        "h": rng.choice(h, rows).tolist(),
        "y": rng.normal(size=rows).tolist(),
        "z": rng.normal(3, 1, rows).tolist(),
    }
    if gaps:
        columns = {n: [None if n not in "yz" and rng.random() < 0.1 else v for v in c] for n, c in columns.items()}
    return pa.table(columns)


@st.composite
def fits(draw: st.DrawFn, terms: list[str]) -> tuple[bl.Model, pa.Table]:
    """A fitted line, and a table with gaps and levels that it never saw."""
    right = " + ".join(draw(st.lists(st.sampled_from(terms), min_size=1, max_size=4, unique=True)))
    left = draw(st.sampled_from(["y", "y + z"]))
    missing = draw(st.sampled_from(["raise", "drop", "impute"]))
    training = draw(tables(30, missing != "raise" and draw(st.booleans())))
    try:
        model = bl.fit(training, f"{left} ~ {right}{draw(st.sampled_from(['', ' - 1']))}", missing=missing)
    except DataError:  # a polynomial of too few values, or no complete rows
        reject()
    new = draw(tables(12, True))
    return model, pa.concat_tables([training, new])


def penguins() -> tuple[bl.Model, pa.Table]:
    table = bl.samples.penguins()
    return bl.fit(table, "body_mass_g ~ species*flipper_length_mm + sex + log(bill_length_mm)", missing="drop"), table
