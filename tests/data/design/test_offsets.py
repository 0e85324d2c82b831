"""Offsets: a known part of the target with the weight 1, taken off in training and added in predictions, in every door."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import bestline as bl
from bestline.errors import BestlineWarning, ColumnError, FormulaError, OptionError

FORMULA = "y ~ x + C(g) + offset(z) + offset(log(v))"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    draw = np.random.default_rng(6)
    made = pd.DataFrame(
        {"x": draw.normal(size=120), "z": draw.uniform(5, 9, 120), "v": draw.uniform(1, 4, 120), "g": list("abc") * 40}
    )
    return made.assign(
        y=2 * made.x + made.z + np.log(made.v) + draw.normal(size=120), **{"my z": made.z, "w": draw.uniform(1, 2, 120)}
    )


def reference(table: pd.DataFrame, **options: Any) -> Any:
    X = sm.add_constant(pd.get_dummies(table[["x", "g"]], drop_first=True, dtype=float))
    return sm.GLM(table.y, X, offset=table.z + np.log(table.v), **options).fit(), X


def test_the_line_is_statsmodels_line(table: pd.DataFrame) -> None:
    theirs, X = reference(table)
    ours = bl.fit(table, FORMULA)
    assert np.allclose(ours.tidy()["estimate"], theirs.params.to_numpy()[[1, 2, 3, 0]], rtol=1e-9)
    assert np.allclose(ours.tidy()["std_error"], theirs.bse.to_numpy()[[1, 2, 3, 0]], rtol=1e-9)
    assert np.allclose(ours.predict(table.drop(columns="y")), theirs.predict(X, offset=table.z + np.log(table.v)), rtol=1e-10)
    weighted = bl.fit(table, FORMULA, weights="w")
    theirs, _ = reference(table, var_weights=table.w)
    assert np.allclose(weighted.tidy()["estimate"], theirs.params.to_numpy()[[1, 2, 3, 0]], rtol=1e-9)


def test_it_is_the_line_of_what_is_left(table: pd.DataFrame) -> None:
    folded = table.assign(k=np.arange(120) % 5)
    ours = bl.fit(folded, FORMULA, folds="k")
    left = bl.fit(folded.assign(y=table.y - table.z - np.log(table.v)), "y ~ x + C(g)", folds="k")
    assert np.allclose(ours.coef, left.coef, rtol=1e-9)
    assert ours.r2 == pytest.approx(left.r2, rel=1e-10)
    assert ours.held_out.mse == pytest.approx(left.held_out.mse, rel=1e-10)
    assert ours.formula == FORMULA
    assert ours.targets == ("y",)


def test_intervals_and_rows_have_it_in(table: pd.DataFrame) -> None:
    ours, left = bl.fit(table, FORMULA), bl.fit(table.assign(y=table.y - table.z - np.log(table.v)), "y ~ x + C(g)")
    known = (table.z + np.log(table.v)).to_numpy()
    new = table.head(7)
    for kind in ("prediction", "confidence"):
        a, b = (model.predict(new[model.design.needs], interval=kind).to_numpy() for model in (ours, left))
        assert np.allclose(a, b + known[:7, None])
    for a, b in ((ours.augment(), left.augment()), (ours.augment(new), left.augment(new.assign(y=new.y - known[:7])))):
        assert np.allclose(a["fitted"], b["fitted"] + known[: len(a)])
        assert np.allclose(a["resid"], b["resid"], atol=1e-9)
        assert np.allclose(a["conf_low"], b["conf_low"] + known[: len(a)])


def test_streams_moments_files_and_groups(table: pd.DataFrame, tmp_path: Path) -> None:
    formula = "y ~ x + C(g) + offset(z)"
    whole = bl.fit(table, formula)
    new = table[["x", "g", "z"]].head(9)
    want = whole.predict(new)
    streamed = bl.fit(bl.stream(lambda: (table.iloc[i : i + 31] for i in range(0, 120, 31))), formula)
    parts = [bl.Moments.collect(rows, formula) for rows in (table.iloc[:50], table.iloc[50:])]
    parts[0].save(tmp_path / "a.moments")
    added = bl.fit(bl.Moments.load(tmp_path / "a.moments") + parts[1])
    whole.save(tmp_path / "m.bestline")
    for model in (streamed, added, bl.load(tmp_path / "m.bestline")):
        assert np.allclose(model.predict(new), want, rtol=1e-11)
    groups = bl.fit_groups(table, "y ~ x + offset(z)", by="g")
    own = table[table.g == "b"]
    assert np.allclose(groups.model("b").predict(own[["x", "z"]]), bl.fit(own, "y ~ x + offset(z)").predict(own[["x", "z"]]))
    with pytest.raises(ColumnError, match="and no other"):
        bl.fit(parts[1], target="x")


def test_an_engine_adds_up_what_is_left(table: pd.DataFrame) -> None:
    duckdb = pytest.importorskip("duckdb")
    held = duckdb.connect()
    held.register("t", table)
    with pytest.warns(BestlineWarning) as heard:
        inside = bl.fit(held.sql("select * from t"), FORMULA)
    assert any("and no rows" in str(w.message) for w in heard)
    assert np.allclose(inside.coef, bl.fit(table, FORMULA).coef, rtol=1e-9)


def test_a_missing_offset_is_a_missing_value(table: pd.DataFrame) -> None:
    gaps = table.assign(z=table.z.where(table.index != 3))
    with pytest.warns(BestlineWarning, match="left out"):
        model, filled = (bl.fit(gaps, "y ~ x + offset(z)", missing=missing) for missing in ("drop", "impute"))
    assert model.collected.dropped == 1
    with pytest.warns(BestlineWarning, match=r"no prediction.*`z` 1"):
        found = model.predict(gaps[["x", "z"]])
    assert list(np.flatnonzero(np.isnan(found))) == [3]
    # Nobody fills in what is known of a target.
    assert filled.collected.dropped == 1
    assert np.allclose(filled.coef, model.coef)


def test_the_summary_states_it(table: pd.DataFrame) -> None:
    said = " ".join(str(bl.fit(table, "y ~ x + offset(z)").summary()).split())
    assert "Known part of the target, with the weight 1: offset(z)." in said


def test_databases_graphs_and_scripts_have_it_in(table: pd.DataFrame, tmp_path: Path) -> None:
    duckdb, ort = pytest.importorskip("duckdb"), pytest.importorskip("onnxruntime")
    new = table.assign(z=table.z.where(table.index != 3))[["x", "g", "z", "v"]]
    model = bl.fit(table, FORMULA)
    with pytest.warns(BestlineWarning, match="no prediction"):
        want = model.predict(new)
    held = duckdb.connect()
    held.register("t", new)
    assert np.allclose(held.sql(model.to_sql("t")).df()["prediction"], want, equal_nan=True)
    model.to_onnx(tmp_path / "m.onnx")
    session = ort.InferenceSession(tmp_path / "m.onnx")
    feed = {i.name: new[i.name].to_numpy(object if "string" in i.type else float)[:, None] for i in session.get_inputs()}
    assert np.allclose(session.run(None, feed)[0][:, 0], want, equal_nan=True)
    table.to_csv(tmp_path / "t.csv", index=False)
    script = bl.fit(tmp_path / "t.csv", "y ~ x + offset(z)").script(style="numpy")
    found: dict[str, Any] = {}
    exec(script, found)  # noqa: S102  our own
    assert np.allclose(float(found["w"]), bl.fit(table, "y ~ x + offset(z)").coef["x"])
    with pytest.raises(OptionError, match="offset"):
        model.to_torch()


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        ("y ~ x:offset(z)", "a term by itself"),
        ("y ~ x*offset(z)", "a term by itself"),
        ("y ~ x + offset(z, v)", "a term by itself"),
        ("y ~ x + log(offset(z))", "a term by itself"),
        ("y ~ x + offset(g)", "is text, and an offset must be numbers"),
        ("y ~ x + offset(C(g))", "."),
        ("y ~ x + offset(y)", "both sides"),
        ("y ~ x + offset(poly(z, 2))", "one column"),
        ("y ~ x + offset(bs(z, df=4))", "one column"),
        ("y ~ x + offset(2)", "names no column"),
        ("y ~ x + offset()", "."),
        ("y ~ x + offset(nope)", "no column `nope`"),
        ("log(y) ~ x + offset(z)", r"I\(log\(y\) - z\)"),
        ("offset(y) ~ x", "a term by itself"),
        ("y ~ 0 + offset(z)", "no terms at all"),
    ],
)
def test_what_is_no_offset_is_refused_in_one_sentence(table: pd.DataFrame, formula: str, told: str) -> None:
    with pytest.raises((FormulaError, ColumnError), match=told) as caught:
        bl.fit(table, formula)
    assert "\n" not in str(caught.value)


def test_an_offset_alone_leaves_a_mean(table: pd.DataFrame) -> None:
    model = bl.fit(table, "y ~ offset(`my z`)")
    want = (table.y - table["my z"]).mean()
    assert np.allclose(model.predict(table[["my z"]].head(2)), want + table["my z"].head(2))
