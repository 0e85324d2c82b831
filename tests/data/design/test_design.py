"""Designs: what formulas become, that batches do not matter, and that nothing in a formula is ever executed."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import patsy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import bestline as bl
from bestline.data.design import Design, learn
from bestline.data.tables import open_source
from bestline.errors import (
    BestlineWarning,
    ColumnError,
    DataError,
    FormulaError,
    MissingValuesError,
    NotFiniteError,
    OptionError,
    UnseenLevelError,
)

# The same products of the same float64 numbers: only the order of a few operations differs.
CLOSE = 1e-12


def frame(n: int = 90, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "x1": rng.normal(5, 2, n),
            "x2": rng.uniform(1, 3, n),
            "g": rng.choice(list("cab"), n),
            "h": rng.choice(["u", "v"], n),
            "year": rng.choice([2010, 2009, 2001], n),
        }
    )
    table["y"] = table.x1 - table.x2 + rng.normal(size=n)
    return table


def encoded(design: Design, data: object, size: int = 65_536) -> torch.Tensor:
    return torch.cat([design.rows(batch).rows.X for batch in open_source(data).batches(size=size)])


FORMULAS = {
    "y ~ x1 + C(g) + x1:g + I(x1**2) + log(x2) - 1": "y ~ x1 + C(g) + x1:g + I(x1**2) + np.log(x2) - 1",
    "y ~ g*h": "y ~ g*h",
    "y ~ g:h": "y ~ g:h",
    "y ~ g*h + x1:g:h": "y ~ g*h + x1:g:h",
    "y ~ C(year) + g:h - 1": "y ~ C(year) + g:h - 1",
    "y ~ (x1 + x2 + g)**2": "y ~ (x1 + x2 + g)**2",
    "y ~ C(g, Treatment('b')) + x1/h": "y ~ C(g, Treatment('b')) + x1/h",
    "y ~ 1": "y ~ 1",
    "y ~ sqrt(x2) * abs(x1) + exp(-x2 / 2)": "y ~ np.sqrt(x2) * np.abs(x1) + np.exp(-x2 / 2)",
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_spans_what_patsy_makes_of_it(formula: str) -> None:
    table = frame()
    design = learn(open_source(table), formula=formula)
    ours = encoded(design, table).numpy()
    if design.intercept:
        ours = np.column_stack([np.ones(len(table)), ours])
    theirs = np.asarray(patsy.dmatrices(FORMULAS[formula], table)[1])
    assert ours.shape == theirs.shape
    rank = np.linalg.matrix_rank(theirs)
    assert np.linalg.matrix_rank(ours) == rank == np.linalg.matrix_rank(np.hstack([ours, theirs]))


def test_columns_are_named_as_people_read_them() -> None:
    design = learn(open_source(frame()), formula="y ~ x1 + g + C(year) + x1:h + poly(x2, 2)")
    assert design.names == (
        *("x1", "g[T.b]", "g[T.c]", "C(year)[T.2009]", "C(year)[T.2010]"),
        *("poly(x2, 2)[1]", "poly(x2, 2)[2]", "x1:h[T.v]"),
    )


@given(st.integers(1, 100), st.integers(0, 50))
def test_batch_by_batch_equals_all_at_once(size: int, seed: int) -> None:
    table = frame(97, seed)
    design = learn(open_source(table), formula="y ~ x1*g + poly(x2, 3) + center(x1) + scale(x2) + log(x2)")
    whole = encoded(design, table)
    assert torch.equal(encoded(design, table, size), whole)
    again = Design.from_dict(json.loads(json.dumps(design.to_dict())))
    assert torch.equal(encoded(again, table.sample(frac=1, random_state=0).sort_index(), size), whole)


def test_transforms_remember_the_training_rows() -> None:
    table = frame()
    design = learn(open_source(table), formula="y ~ poly(x1, 3) + center(x2) + scale(x1)")
    X = encoded(design, table)
    P = X[:, :3]
    assert torch.allclose(P.T @ P, torch.eye(3, dtype=torch.float64), atol=CLOSE)
    assert P.sum(0).abs().max() < CLOSE * 100
    assert float(X[:, 3].mean()) == pytest.approx(0, abs=CLOSE)
    assert float(X[:, 4].std()) == pytest.approx(1, rel=CLOSE)
    other = table.iloc[:1]
    assert torch.allclose(encoded(design, other), X[:1])


def test_levels_of_numbers_are_in_order_of_size_and_declared_ones_as_declared() -> None:
    table = frame(30)
    table["n"] = [2, 10, 1] * 10
    table["c"] = pd.Categorical(["low", "high", "mid"] * 10, categories=["low", "mid", "high", "never"])
    design = learn(open_source(table), formula="y ~ C(n) + c")
    assert design.names == ("C(n)[T.2]", "C(n)[T.10]", "c[T.mid]", "c[T.high]")


@pytest.fixture
def holes() -> pd.DataFrame:
    table = frame(60)
    table.loc[[3, 7], "x1"] = np.nan
    table.loc[[7, 11, 13], "g"] = None
    table.loc[20, "y"] = np.nan
    return table


def test_missing_values_are_refused_with_counts(holes: pd.DataFrame) -> None:
    with pytest.raises(MissingValuesError, match=r"5 of the 60 rows .* \(`x1` 2, `g` 3, `y` 1\).*missing='drop'"):
        bl.fit(holes, "y ~ x1 + g")


def test_missing_values_are_dropped_and_counted(holes: pd.DataFrame) -> None:
    with pytest.warns(BestlineWarning, match="5 rows were left out"):
        model = bl.fit(holes, "y ~ x1 + g", missing="drop")
    assert model.training.count == 55
    expected = bl.fit(holes.dropna(), "y ~ x1 + g")
    assert model.params.to_numpy() == pytest.approx(expected.params.to_numpy(), rel=1e-10)
    with pytest.warns(BestlineWarning, match="4 rows have no prediction"):  # a missing target is no obstacle
        assert np.isnan(model.predict(holes)).sum() == 4


def test_missing_values_are_imputed_and_counted(holes: pd.DataFrame) -> None:
    with (
        pytest.warns(BestlineWarning, match="imputed: `x1` 2, `g` 3"),
        pytest.warns(BestlineWarning, match="1 row was left out"),
    ):
        model = bl.fit(holes, "y ~ x1 + g", missing="impute")
    filled = holes.dropna(subset="y")
    filled = filled.assign(x1=filled.x1.fillna(filled.x1.mean()), g=filled.g.fillna("zz"))
    expected = bl.fit(filled, "y ~ x1 + g")
    assert "g[T.(missing)]" in model.params
    assert model.predict(filled.dropna().head(3)) == pytest.approx(expected.predict(filled.head(3)), rel=1e-10)
    assert model.training.count == 59


def test_a_category_without_gaps_in_training_is_filled_with_its_shares() -> None:
    table = frame(60)
    model = bl.fit(table, "y ~ x1 + g", missing="impute")
    row = pd.DataFrame({"x1": [5.0], "g": pd.Series([None], dtype="str")})
    with pytest.warns(BestlineWarning, match="imputed in `g`"):
        filled = model.predict(row)
    shares = table.g.value_counts(normalize=True)
    at_each = {g: model.predict(pd.DataFrame({"x1": [5.0], "g": [g]}))[0] for g in shares.index}
    assert filled[0] == pytest.approx(sum(shares[g] * at_each[g] for g in shares.index), rel=1e-10)


def test_imputed_means_are_of_the_training_rows_and_weighted() -> None:
    table = frame(200).assign(w=np.arange(200) % 3)
    table.loc[5::17, "x1"] = np.nan
    design = learn(open_source(table), formula="y ~ x1", weights="w", missing="impute")
    known = table.dropna()
    assert design.means["x1"] == pytest.approx(np.average(known.x1, weights=known.w), rel=CLOSE)


def test_an_unseen_level_is_a_missing_prediction_or_an_error_that_names_it() -> None:
    model = bl.fit(frame(), "y ~ x1 + g")
    new = frame(4).assign(g=["a", "b", "zebra", "c"])
    with pytest.raises(UnseenLevelError, match=r"`g` has the level `zebra` at row 3") as caught:
        model.predict(new, on_unseen="raise")
    assert (caught.value.level, caught.value.column) == ("zebra", "g")
    with pytest.warns(BestlineWarning, match=r"The level `zebra` of `g` \(1 row\) stands in no training row"):
        assert np.isnan(model.predict(new)).tolist() == [False, False, True, False]


def test_columns_are_realigned_by_name_and_missing_ones_named_with_near_matches() -> None:
    table = frame()
    model = bl.fit(table, "y ~ x1 + g + x2")
    assert model.predict(table[["x2", "g", "h", "x1"]]) == pytest.approx(model.predict(table), rel=CLOSE)
    with pytest.raises(ColumnError, match=r"no column `x2` in .*did you mean `X2 `"):
        model.predict(table.rename(columns={"x2": "X2 "}))


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ x1.__class__",
        "y ~ __import__('os').system('true')",
        "y ~ I(x1.__class__.__mro__)",
        "y ~ eval('1')",
        "y ~ log(x1, x2)",
        "y ~ (lambda: x1)()",
        "y ~ {[c for c in (1,)]}",
        "y ~ np.random.rand(x1)",
        "y ~ poly(x1)(2)",
        "y ~ poly(x1, 99)",
        "y ~ center(scale(x1))",
        "y ~ I(1)",
        "y ~ x1 + 3:x2",
        "y ~ y",
        "y ~ C(y) + y",
        "log(y, 2) ~ x1",
        "~ x1",
        "",
        "y ~",
        "y ~ x1 | x2",
        "y ~ 0",
        "y ~ C(g, Sum, Poly)",
        "y ~ C(g, Sum(2, 3))",
        "y ~ C(g, __import__)",
        "y ~ relevel(g)",
        "y ~ C(g, levels=x1)",
        "y ~ I(" + "(" * 200 + "x1" + ")" * 200 + ")",
        "y ~ I(" + "-" * 200 + "x1)",
        "poly(y, 2) ~ x1",
    ],
)
def test_what_is_not_allowed_in_a_formula_is_refused_in_one_sentence(formula: str) -> None:
    with pytest.raises((FormulaError, ColumnError)) as caught:
        learn(open_source(frame()), formula=formula)
    assert "\n" not in str(caught.value)


def test_a_design_from_a_file_cannot_carry_code() -> None:
    facts = learn(open_source(frame()), formula="y ~ log(x2)").to_dict()
    facts = json.loads(json.dumps(facts).replace("log(x2)", "__import__('os').getcwd()"))
    with pytest.raises(FormulaError):
        Design.from_dict(facts)


def test_undefined_values_of_an_expression_are_an_error_that_names_the_row() -> None:
    table = frame().assign(x1=np.arange(90.0))
    with pytest.raises(NotFiniteError, match=r"`log\(x1\)` is not a finite number at row 1, where `x1` = 0"):
        bl.fit(table, "y ~ log(x1)")
    table.loc[4, "x2"] = np.inf
    with pytest.raises(NotFiniteError, match=r"`x2` is infinite at row 5"):
        bl.fit(table, "y ~ x2")


def test_columns_that_cannot_serve_are_left_out_by_name() -> None:
    table = frame(40)
    table.insert(0, "id", range(40))
    table["name"] = [f"n{i}" for i in range(40)]
    table["when"] = pd.date_range("2020-01-01", periods=40)
    table["same"] = "always"
    table["void"] = np.nan
    design = learn(open_source(table), target="y")
    assert {c.term for c in design.columns} == {"x1", "x2", "g", "h", "year"} | ({"void"} & {c.term for c in design.columns})
    notes = " ".join(design.notes)
    for name in ("id", "name", "when", "same"):
        assert f"`{name}`" in notes
    dotted = learn(open_source(table.drop(columns="void")), formula="log(x2) ~ . - year")
    assert {c.term for c in dotted.columns} == {"x1", "g", "h", "y"}


def test_text_that_is_asked_for_is_used_whatever_it_looks_like() -> None:
    table = frame(40).assign(name=[f"n{i // 2}" for i in range(40)])
    assert learn(open_source(table), target="y", features=["name"]).p == 19


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"target": "g"}, ColumnError),
        ({"target": "nope"}, ColumnError),
        ({"target": "y", "features": ["nope"]}, ColumnError),
        ({"target": "y", "features": ["y"]}, OptionError),
        ({"formula": "y ~ x1", "target": "y"}, OptionError),
        ({}, OptionError),
        ({"formula": "y ~ log(g)"}, ColumnError),
        ({"formula": "y ~ x1", "weights": "g"}, ColumnError),
        ({"formula": "y ~ x1", "missing": "guess"}, OptionError),
    ],
)
def test_wrong_columns_are_named(arguments: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        learn(open_source(frame()), **arguments)  # type: ignore[arg-type]


def test_weights_must_be_finite_and_not_negative() -> None:
    table = frame().assign(w=1.0)
    table.loc[2, "w"] = -1
    with pytest.raises(ColumnError, match=r"`w` at row 3 is -1"):
        bl.fit(table, "y ~ x1", weights="w")
    with pytest.raises(DataError, match="nothing but zeros"):
        bl.fit(table.assign(w=0.0), "y ~ x1", weights="w")


def test_names_of_any_kind_are_only_names() -> None:
    table = frame(40).rename(columns={"x1": "__import__('os').system('touch /tmp/no')", "x2": "a:b + `c` ~ "})
    model = bl.fit(table[[*table.columns[:2], "y"]], target="y")
    assert list(model.coef.index) == list(table.columns[:2])


@pytest.mark.parametrize("formula", ["y ~ I(poly(x, 2) * z)", "y ~ I(z + poly(x, 3))", "y ~ I(poly(x, 2) + poly(z, 3))"])
def test_a_polynomial_and_a_column_are_not_joined_inside_a_term(formula):
    table = {"x": [1.0, 2.0], "z": [3.0, 5.0], "y": [1.0, 2.0]}
    with pytest.raises(FormulaError, match="interaction"):
        bl.fit(table, formula)
