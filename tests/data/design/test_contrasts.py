"""Codings of categories: the same line whatever the coding, and weights and names as patsy's; levels in an order that is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import patsy
import pytest

import bestline as bl
from bestline.data.design.bases.contrasts import contrasts
from bestline.data.tables import open_source
from bestline.errors import BestlineWarning, ColumnError, DataError, FormulaError

CLOSE = 1e-12


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    draw = np.random.default_rng(4)
    made = pd.DataFrame({"x": draw.normal(size=300), "g": draw.choice(list("abc"), 300), "h": draw.choice(list("uvwz"), 300)})
    made["m"] = draw.choice([4, 8, 10], 300)
    return made.assign(y=made.x + (made.g == "b") * 2 + draw.normal(size=300))


FORMULAS = [
    "y ~ C(g, Sum)",
    "y ~ C(h, Sum('v'))",
    "y ~ C(g, Helmert)*C(h, Poly)",
    "y ~ C(g, Sum):x",
    "y ~ 0 + C(h, Poly)",
    "y ~ 0 + C(g, Helmert) + x",
    "y ~ C(g, Sum)*x",
    "y ~ C(g, Sum):C(h, Helmert)",
    "y ~ C(h, Diff)",
    "y ~ C(g, levels=['c', 'a', 'b'])",
    "y ~ C(g, Sum, levels=['c', 'a', 'b'])",
    "y ~ C(m, levels=[10, 8, 4]) + x",
    "y ~ C(m, Poly)",
    "y ~ C(h, Sum) + C(g)*x",
    "y ~ C(g, Treatment(reference='b'))",
    "y ~ C(g, Treatment) + C(h, Sum):x",
]


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("streamed", [False, True])
def test_weights_and_names_are_patsy_s(table: pd.DataFrame, formula: str, streamed: bool) -> None:
    X = patsy.dmatrix(formula.partition("~")[2], table)
    want = dict(zip(X.design_info.column_names, np.linalg.lstsq(np.asarray(X), table.y.to_numpy(), rcond=None)[0], strict=True))
    want.pop("Intercept", None)
    data = bl.stream(lambda: (table.iloc[i : i + 41] for i in range(0, 300, 41))) if streamed else table
    model = bl.fit(data, formula)
    if "Poly" not in formula or "0 +" not in formula:
        assert list(model.coef.index) == list(want)
    assert all(abs(model.coef[name] - value) < CLOSE for name, value in want.items())


@pytest.mark.parametrize("formula", ["y ~ {} + x", "y ~ {}*x", "y ~ {}*h - 1"])
def test_every_coding_gives_the_same_line_and_the_same_tests(table: pd.DataFrame, formula: str) -> None:
    plain = bl.fit(table, formula.format("C(g)"))
    for coding in ("Sum", "Helmert", "Poly", "Diff", "Sum('a')", "Treatment('c')"):
        coded = bl.fit(table, formula.format(f"C(g, {coding})"))
        assert np.allclose(
            coded.predict(table.drop(columns=["y", "m"])), plain.predict(table.drop(columns=["y", "m"])), atol=1e-11
        )
        assert coded.held_out.mse == pytest.approx(plain.held_out.mse, rel=1e-9)
        for kind in (1, 2, 3):
            ours, theirs = (m.anova(kind).frame()[["df", "sum_sq"]].to_numpy() for m in (coded, plain))
            assert np.allclose(ours, theirs, rtol=1e-8, atol=1e-9, equal_nan=True)


def test_r_and_formulaic_spell_them_otherwise(table: pd.DataFrame) -> None:
    for ours, theirs in [
        ("C(g, Sum)", "C(g, contr.sum)"),
        ("C(g, Helmert)", "C(g, contr.helmert())"),
        ("C(g, Poly)", "C(g, contr=contr.poly)"),
        ("C(g, Treatment('b'))", "relevel(g, ref='b')"),
        ("C(g, Treatment('b'))", "C(g, contr.treatment(base='b'))"),
        ("C(g, levels=['c', 'b', 'a'])", "factor(g, levels = c('c', 'b', 'a'))"),
    ]:
        a, b = (bl.fit(table, f"y ~ {term}") for term in (ours, theirs))
        assert np.array_equal(a.coef.to_numpy(), b.coef.to_numpy())
    assert list(bl.fit(table, 'y ~ relevel(g, "b")').coef.index) == ["relevel(g, 'b')[T.a]", "relevel(g, 'b')[T.c]"]


@pytest.mark.parametrize("coding", ["sum", "helmert", "poly", "diff"])
@pytest.mark.parametrize("levels", [1, 2, 3, 7, 20])
def test_contrasts_add_up_to_zero_and_tell_all_levels_apart(coding: str, levels: int) -> None:
    M = contrasts(coding, levels)
    assert float(M[:, 1:].sum(0).abs().max() if levels > 1 else 0) < 1e-12
    assert int(np.linalg.matrix_rank(M.numpy())) == levels


def test_a_model_file_keeps_the_coding(table: pd.DataFrame, tmp_path: Any) -> None:
    model = bl.fit(table, "y ~ C(g, Sum)*C(h, Poly)")
    model.save(tmp_path / "m.bestline")
    rows = table[["g", "h"]].head(20)
    assert np.array_equal(bl.load(tmp_path / "m.bestline").predict(rows), model.predict(rows))
    facts = model.design.to_dict()
    facts["factors"][0]["coding"] = "secret"
    with pytest.raises(ValueError, match="coding"):
        bl.Design.from_dict(facts)


def test_moments_that_met_other_levels_add(table: pd.DataFrame, tmp_path: Any) -> None:
    formula = "y ~ C(g, Sum)*x + C(h, Helmert)"
    parts = [bl.Moments.collect(table[table.g != "c"], formula), bl.Moments.collect(table[table.g != "a"], formula)]
    parts[0].save(tmp_path / "a.moments")
    added = bl.Moments.load(tmp_path / "a.moments") + parts[1]
    whole = bl.fit(pd.concat([table[table.g != "c"], table[table.g != "a"]]), formula)
    assert np.allclose(bl.fit(added).coef, whole.coef, atol=1e-10)


def test_a_level_that_the_other_folds_lack_has_no_held_out_error(table: pd.DataFrame) -> None:
    # All rows of level c are one fold: of them the other folds know nothing, in any coding.
    folded = table.assign(k=np.where(table.g == "c", 0, 1 + np.arange(300) % 3))
    errors = []
    for term in ("C(g)", "C(g, Sum)", "C(g, Helmert)", "C(g, Poly)", "C(g, Sum('a'))"):
        model = bl.fit(folded, f"y ~ {term} + x", folds="k")
        errors.append([*model.held_out.mse, model.held_out.rows])
    assert all(error == pytest.approx(errors[0], rel=1e-9) for error in errors[1:])
    assert errors[0][-1] == int((table.g != "c").sum())


def test_levels_never_seen_and_missing_values(table: pd.DataFrame) -> None:
    model = bl.fit(table, "y ~ C(g, Sum) + x")
    new = pd.DataFrame({"g": ["a", "new", None], "x": [0.0, 0.0, 0.0]})
    with pytest.warns(BestlineWarning) as heard:
        found = model.predict(new)
    assert any("stands in no training row" in str(w.message) for w in heard)
    assert np.isnan(found[1:]).all()
    assert np.isfinite(found[0])
    with pytest.warns(BestlineWarning):
        average = model.predict(new.iloc[:2], on_unseen="average")
    shares = table.g.value_counts(normalize=True).sort_index()
    each = model.predict(pd.DataFrame({"g": shares.index, "x": 0.0}))
    assert average[1] == pytest.approx(float(shares.to_numpy() @ each))
    gaps = table.assign(g=table.g.where(table.x < 1))
    with pytest.warns(BestlineWarning, match="imputed"):
        r2 = [bl.fit(gaps, f"y ~ {term} + x", missing="impute").r2 for term in ("C(g, Sum)", "C(g)")]
    assert r2[0] == pytest.approx(r2[1], rel=1e-10)
    with pytest.raises(FormulaError, match="missing='drop'"):
        bl.fit(gaps, "y ~ C(g, Poly)", missing="impute")


def test_one_level_says_nothing(table: pd.DataFrame) -> None:
    with pytest.warns(BestlineWarning, match="one level only"):
        model = bl.fit(table.assign(one="a"), "y ~ C(one, Sum) + x")
    assert list(model.coef.index) == ["x"]


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ("C(g, levels=['a', 'b'])", "leaves out `c`"),
        ("C(g, levels=[])", "is not understood"),
        ("C(g, levels=['a', 'a', 'b', 'c'])", "is not understood"),
        ("C(g, Sum('nope'))", "nope"),
        ("relevel(g, 'nope')", "nope"),
        ("relevel(g)", "is not understood"),
        ("relevel(C(g), 'b')", "is not understood"),
        ("C(C(g))", "is not understood"),
        ("C(g, Helmert('a'))", "is not understood"),
        ("C(g, Poly(scores=[1, 2, 3]))", "is not understood"),
        ("C(id, Poly)", "over 20 at most"),
        ("C(g, Sum, Sum)", "is not understood"),
        ("log(C(g))", "."),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(table: pd.DataFrame, term: str, told: str) -> None:
    with pytest.raises((FormulaError, ColumnError, DataError), match=told) as caught:
        bl.fit(table.assign(id=np.arange(300) % 25), f"y ~ {term}")
    assert "\n" not in str(caught.value)


def test_columns_are_the_same_batch_by_batch(table: pd.DataFrame) -> None:
    design = bl.Design.learn(table, "y ~ C(g, Sum)*C(h, Poly)")
    (whole,) = open_source(table).batches(design.needs)
    X = design.features(whole).X
    pieces = [design.features(batch).X for batch in open_source(table).batches(design.needs, size=17)]
    assert np.array_equal(np.concatenate([np.asarray(p) for p in pieces]), np.asarray(X))
