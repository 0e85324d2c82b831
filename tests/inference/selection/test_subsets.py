"""Best subsets: against every line fitted by statsmodels, the same figures as a fit has, and what is refused by name."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st

import bestline as bl

pytestmark = [
    pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning"),
    pytest.mark.filterwarnings("ignore:.*:RuntimeWarning:statsmodels"),
]
EQUAL = 1e-9  # relative: the same sums in another order


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    n = 80
    data = pd.DataFrame(rng.normal(size=(n, 4)), columns=["a", "b", "c", "d"])
    data["g"] = rng.choice(["u", "v", "w"], n)
    data["k"] = rng.integers(1, 4, n)
    data["y"] = 2 * data["a"] - data["b"] + (data["g"] == "v") + 0.4 * data["c"] + rng.normal(size=n)
    data["z"] = data["d"] + rng.normal(size=n)
    return data


TERMS = ("a", "b", "c", "d", "g")


def _all(terms: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [some for size in range(len(terms) + 1) for some in combinations(terms, size)]


def _right(terms: tuple[str, ...]) -> str:
    return " + ".join(terms) or "1"


@pytest.mark.parametrize("by", ["aic", "bic", "cp", "adj_r_squared"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_best_are_those_of_statsmodels(table: pd.DataFrame, by: str, weighted: bool) -> None:
    def fit(terms: tuple[str, ...]) -> Any:
        formula = f"y ~ {_right(terms)}"
        return smf.wls(formula, table, weights=table["k"]).fit() if weighted else smf.ols(formula, table).fit()

    whole = fit(TERMS)

    def value(found: Any) -> float:
        cp = found.ssr / whole.mse_resid - found.nobs + 2 * (found.df_model + 1)
        return {"aic": found.aic, "bic": found.bic, "cp": cp, "adj_r_squared": -found.rsquared_adj}[by]

    values = {terms: value(fit(terms)) for terms in _all(TERMS)}
    order = sorted(values, key=values.__getitem__)
    line = bl.fit(table, f"y ~ {_right(TERMS)}", weights="k" if weighted else None)

    found = line.subsets(by)

    assert [line.terms for line in found.top] == order[:10]
    assert found.tried == 32
    told = [getattr(line, by) for line in found.top]
    expected = [values[terms] for terms in order[:10]]
    np.testing.assert_allclose(told, [-v for v in expected] if by == "adj_r_squared" else expected, rtol=EQUAL)
    for one in found.by_size:
        assert one.terms == min((t for t in values if len(t) == one.size), key=values.__getitem__)


# Hald's cement, the example of all subsets since Gorman & Toman (1966, Technometrics 8:27-51): RSS and Cp as Draper & Smith print them.
HALD = pd.DataFrame(
    {
        "x1": [7, 1, 11, 11, 7, 11, 3, 1, 2, 21, 1, 11, 10],
        "x2": [26, 29, 56, 31, 52, 55, 71, 31, 54, 47, 40, 66, 68],
        "x3": [6, 15, 8, 8, 6, 9, 17, 22, 18, 4, 23, 9, 8],
        "x4": [60, 52, 20, 47, 33, 22, 6, 44, 22, 26, 34, 12, 12],
        "y": [78.5, 74.3, 104.3, 87.6, 95.9, 109.2, 102.7, 72.5, 93.1, 115.9, 83.8, 113.3, 109.4],
    }
)
PRINTED = {
    "12": (57.90, 2.68),
    "124": (47.97, 3.02),
    "123": (48.11, 3.04),
    "134": (50.84, 3.50),
    "1234": (47.86, 5.00),
    "14": (74.76, 5.50),
    "234": (73.81, 7.34),
    "34": (175.74, 22.37),
    "23": (415.44, 62.44),
    "24": (868.88, 138.23),
}


def test_hald_s_cement_is_as_printed() -> None:
    found = bl.fit(HALD, "y ~ x1 + x2 + x3 + x4").subsets("cp")
    told = {"".join(term[1] for term in one.terms): (one.rss, one.cp) for one in found.top}
    assert list(told) == list(PRINTED)
    np.testing.assert_allclose(list(told.values()), list(PRINTED.values()), rtol=0, atol=0.0051)
    # R's step() prints n log(RSS / n) + 2 k: 24.97 with x4, 25.42 without; AIC() differs from it by what all lines have in common.
    aic = bl.fit(HALD, "y ~ x1 + x2 + x3 + x4").subsets("aic")
    assert aic.best == "y ~ x1 + x2 + x4"
    n = len(HALD)
    step = [one.aic - n * (1 + math.log(2 * math.pi)) for one in aic.by_size]
    np.testing.assert_allclose(step[2:], [25.42, 24.97, 26.94], rtol=0, atol=0.0051)


def _judged(line: bl.Model, terms: tuple[str, ...], target: str = "y") -> float:
    """The error out of fold of a fit of these terms to the same folds."""
    return bl.fit(line.moments, target=target, features=list(terms), solver="exact").held_out.rmse[0]


def test_the_error_out_of_fold_is_that_of_a_fit(table: pd.DataFrame) -> None:
    line = bl.fit(table, "y ~ a + b + c + d + g", folds=7, seed=3, weights="k")
    expected = {terms: _judged(line, terms) for terms in _all(TERMS)}
    order = sorted(expected, key=expected.__getitem__)

    found = line.subsets("cv")

    assert [one.terms for one in found.top] == order[:10]
    np.testing.assert_allclose([one.cv_rmse for one in found.top], [expected[t] for t in order[:10]], rtol=EQUAL)


def test_folds_of_a_column_are_left_out_whole(table: pd.DataFrame) -> None:
    line = bl.fit(table, "y ~ a + b + d", folds="k")
    best = line.subsets("cv")
    assert best.top[0].cv_rmse == pytest.approx(bl.fit(table, best.best, folds="k").held_out.rmse[0], rel=EQUAL)


def test_each_line_has_the_figures_of_its_own_fit(table: pd.DataFrame) -> None:
    line = bl.fit(table, "y ~ a * g + b + bs(c, df=4) + I(d ** 2)")
    found = line.subsets("bic")
    for row in found.frame().itertuples():
        glance = bl.fit(table, row.formula).glance().iloc[0]
        for name in ("r_squared", "adj_r_squared", "aic", "bic"):
            assert getattr(row, name) == pytest.approx(glance[name], rel=1e-8), (row.formula, name)
        assert row.weights == len(table) - glance["df_residual"]
    same = bl.fit(line.moments, features=found.terms)
    assert same.design.formula == found.best


def test_an_interaction_comes_with_what_it_is_made_of(table: pd.DataFrame) -> None:
    found = bl.fit(table, "y ~ a * b * g").subsets("aic")
    assert found.tried == 19  # the hierarchical lines of three factors, the empty one with them
    for one in (*found.top, *found.by_size):
        for term in one.terms:
            pieces = term.split(":")
            assert all(":".join(some) in one.terms for m in range(1, len(pieces)) for some in combinations(pieces, m))


@pytest.mark.parametrize("formula", ["y ~ 0 + g + C(k) + a", "y ~ g:C(k) + a", "y ~ a:g + g:C(k)", "y ~ 0 + a + g:a"])
def test_what_a_category_rests_on_stays_beside_it(table: pd.DataFrame, formula: str) -> None:
    found = bl.fit(table, formula).subsets("bic")
    assert found.tried > 1
    for row in found.frame().itertuples():
        again = bl.fit(table, row.formula)
        assert row.rss == pytest.approx(len(table) * again.fitted_scores.mse[0], rel=1e-8), row.formula


def test_terms_that_are_kept_and_the_most_terms(table: pd.DataFrame) -> None:
    line = bl.fit(table, "y ~ a * g + b + c + d")
    found = line.subsets("aic", keep="a:g", most=4)
    assert found.kept == ("a", "g", "a:g")
    assert all({"a", "g", "a:g"} <= set(one.terms) and one.size <= 4 for one in found.top)
    assert found.tried == 4


@pytest.mark.parametrize("written", ["g", "C(g)", "C(g, Sum)", "C(g, Treatment('v'))", "relevel(g, 'v')"])
def test_a_category_is_kept_by_any_spelling(table: pd.DataFrame, written: str) -> None:
    line = bl.fit(table, f"y ~ a * {written} + b")
    for keep in ("g", "C(g)", "C( `g` )", 'C(g, Treatment("u"))', 'relevel(g, "v")', 'relevel(g, ref="u")'):
        assert line.subsets(keep=keep).kept == (written,)
    assert (
        line.subsets(keep="relevel(g, 'v'):a").kept
        == line.subsets(keep="a:C(g)").kept
        == line.subsets(keep="a:g").kept
        == ("a", written, f"a:{written}")
    )
    with pytest.raises(bl.errors.ColumnError, match="no term"):
        line.subsets(keep="C(b)")


def test_of_columns_that_say_the_same_one_is_enough(table: pd.DataFrame) -> None:
    twice = table.assign(e=3 * table["a"] + 1)
    found = bl.fit(twice, "y ~ a + b + e").subsets("bic")
    assert found.terms == ("a", "b")
    both = next(one for one in found.by_size if one.size == 3)
    assert both.weights == 3


def test_an_exact_line_takes_the_fewest_terms(table: pd.DataFrame) -> None:
    exact = table.assign(y=2 * table["a"] + 3)
    for by in ("aic", "bic", "cv"):
        found = bl.fit(exact, "y ~ a + b + c + d + g").subsets(by)
        assert found.terms == ("a",)
    assert "nothing of the target but rounding" in str(found)


def test_a_column_of_which_moments_have_few_digits_hides_no_other(table: pd.DataFrame) -> None:
    # Far from zero and a copy but for its last digits: how much it explains is uncertain, and of the others nothing is.
    far = table.assign(e=1e12 + table["c"])
    for by in ("bic", "cv"):
        found = bl.fit(far, "y ~ a + b + c + d + g + e").subsets(by)
        chosen = {"c" if term == "e" else term for term in found.terms}
        assert chosen >= {"a", "b", "c", "g"}
        # Folds go by what rows hold, so those of other columns are others.
        assert by == "cv" or chosen == set(bl.fit(table, "y ~ a + b + c + d + g").subsets(by).terms)
        assert "few digits" in str(found)
        assert "nothing of the target" not in str(found)
    clear = bl.fit(table.assign(e=1e6 + table["z"]), "y ~ a + b + c + d + g + e").subsets()
    assert "few digits" not in str(clear)


def test_several_targets_have_each_its_own(table: pd.DataFrame) -> None:
    line = bl.fit(table, "y + z ~ a + b + c + d")
    for target in ("y", "z"):
        alone = bl.fit(table, f"{target} ~ a + b + c + d").subsets("bic")
        pd.testing.assert_frame_equal(
            line.subsets("bic", target=target).frame().drop(columns="formula"), alone.frame().drop(columns="formula"), rtol=1e-8
        )
        found = line.subsets("cv", target=target)
        assert found.top[0].cv_rmse == pytest.approx(_judged(line, found.terms, target), rel=EQUAL)


def test_absorbed_effects_are_counted(table: pd.DataFrame) -> None:
    found = bl.fit(table, "y ~ a + b + c + d | g").subsets("bic")
    beside = bl.fit(table, "y ~ a + b + c + d + g").subsets("bic", keep="g")
    assert [one.terms for one in found.top] == [tuple(t for t in one.terms if t != "g") for one in beside.top if one.size > 1]
    assert found.top[0].bic == pytest.approx(beside.top[0].bic, rel=EQUAL)
    assert found.best.endswith(" | g")


def test_frequency_weights_are_rows_repeated(table: pd.DataFrame) -> None:
    rows = table.loc[table.index.repeat(table["k"])]
    one = bl.fit(table, "y ~ a + b + c + d + g", weights="k", weight_kind="frequency").subsets("bic")
    other = bl.fit(rows, "y ~ a + b + c + d + g").subsets("bic")
    pd.testing.assert_frame_equal(one.frame(), other.frame(), rtol=1e-8)


def test_rows_that_lack_a_value_are_told(table: pd.DataFrame) -> None:
    gaps = table.copy()
    gaps.loc[3, "d"] = np.nan
    line = bl.fit(gaps, "y ~ a + b + d", missing="drop")
    found = line.subsets()
    assert found.rows == 79
    assert "1 row with a missing value" in str(found)
    imputed = bl.fit(gaps, "y ~ a + b + d", missing="impute").subsets()
    assert imputed.rows == 80


def test_a_saved_model_has_the_same(table: pd.DataFrame, tmp_path: Any) -> None:
    line = bl.fit(table, "y ~ a + b + c + g")
    line.save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")
    pd.testing.assert_frame_equal(loaded.subsets().frame(), line.subsets().frame())
    with pytest.raises(bl.errors.OptionError, match="all rows together"):
        loaded.subsets("cv")
    line.moments.save(tmp_path / "t.moments")  # which keep the folds
    again = bl.fit(tmp_path / "t.moments").subsets("cv")
    pd.testing.assert_frame_equal(again.frame(), line.subsets("cv").frame())


def test_names_with_blanks_can_be_fitted_again() -> None:
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"my x": rng.normal(size=40), "a b": rng.choice(["p", "q"], 40), "an": rng.normal(size=40)})
    data["the y"] = data["my x"] + (data["a b"] == "q") + 0.1 * rng.normal(size=40)
    found = bl.fit(data, target="the y", features=["my x", "a b", "an"], solver="exact").subsets()
    assert found.best == "`the y` ~ `my x` + `a b`"
    assert bl.fit(data, found.best).names == ("my x", "a b[T.q]", "Intercept")


@given(seed=st.integers(0, 10_000), n=st.integers(8, 40), p=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_what_the_best_of_each_size_leaves_falls_with_size(seed: int, n: int, p: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) @ rng.normal(size=(p, p))
    line = bl.fit((X, rng.normal(size=n)), solver="exact")
    found = line.subsets("aic")
    left = found.sizes()["rss"].to_numpy()
    assert (np.diff(left) <= 1e-9 * left[0]).all()
    assert [one.size for one in found.by_size] == list(range(len(found.by_size)))
    assert found.top[0].aic == min(one.aic for one in found.by_size)


def test_twenty_columns_are_all_tried_and_the_same_twice() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 20))
    y = X[:, 3] - X[:, 17] + 0.5 * rng.normal(size=300)
    line = bl.fit((X, y))
    found = line.subsets()
    assert found.tried == 2**20
    assert {"x3", "x17"} <= set(found.terms)
    assert len(found.by_size) == 21
    # Least squares of the best of each size by statsmodels' own elimination would take an hour; one swap never betters it.
    best = found.top[0].bic
    for term in line.features:
        others = set(found.terms) ^ {term}
        swapped = bl.fit(line.moments, features=[n for n in line.features if n in others], solver="exact")
        assert swapped.glance()["bic"].iloc[0] >= best - 1e-9


def test_it_is_said_what_holds_and_what_does_not(table: pd.DataFrame) -> None:
    found = bl.fit(table, "y ~ a + b + c + d + g").subsets()
    text = str(found)
    assert text.startswith("Best subsets by BIC: y ~ a + b + c + d + g")
    assert "32 lines of 80 rows" in text
    assert "do not hold" in text
    assert f"Best: {found.best}" in text
    assert found.facts["top"][0]["formula"] == found.best
    assert found.facts["top"][0]["cv_rmse"] is None
    clustered = bl.fit(table, "y ~ a + b + c", cov={"cluster": "k"}).subsets()
    assert "takes errors for independent and alike" in str(clustered)


@pytest.mark.parametrize(
    ("formula", "fitted", "asked", "said"),
    [
        ("y ~ a + b", {}, {"by": "bci"}, "did you mean `bic`"),
        ("y ~ a + b", {}, {"by": 3}, "There is no criterion 3"),
        ("y ~ a + b", {}, {"keep": "c"}, "no term `c` in the formula"),
        ("y ~ a + b", {}, {"keep": 3}, "`keep` names terms"),
        ("y ~ a + b", {}, {"most": 0}, "`most` is a number of terms"),
        ("y ~ a + b", {}, {"most": 1, "keep": ["a", "b"]}, "at least 2"),
        ("y ~ a + b", {}, {"target": "q"}, "target"),
        ("y ~ 1", {}, {}, "has no terms to choose from"),
        ("y ~ a + b", {"l2": 0.1}, {}, "under a penalty"),
        ("y ~ a + b", {"loss": "absolute"}, {}, "There are no best subsets"),
        ("y ~ a + b", {"bounds": "a=0:"}, {}, "There are no best subsets"),
        ("y ~ a + b | g", {}, {"by": "cv"}, "absorbed effects"),
        ("y ~ 0 + a + b", {}, {"by": "adj_r_squared"}, "constant"),
        ("y ~ a + b", {"weights": "k", "weight_kind": "probability"}, {"by": "bic"}, "no likelihood"),
        ("rare", {}, {"by": "cv"}, "one fold alone"),
        ("same", {}, {}, "does not vary"),
        ("many", {}, {}, "21 terms to choose from"),
        ("wide", {}, {}, "too much work"),
    ],
)
def test_what_is_not_defined_is_refused_by_name(
    table: pd.DataFrame, formula: str, fitted: dict[str, Any], asked: dict[str, Any], said: str
) -> None:
    data = table
    if formula == "rare":
        data, formula = table.assign(g=["once", *table["g"][1:]]), "y ~ a + g"
    elif formula == "same":
        data, formula = table.assign(y=1.0), "y ~ a + b"
    elif formula == "many":
        formula = "y ~ " + " + ".join(["a", "b", *(f"I(a ** {i} * b)" for i in range(1, 20))])
    elif formula == "wide":
        rng = np.random.default_rng(0)
        data = pd.DataFrame({f"g{i}": rng.integers(0, 9, 600) for i in range(20)}).assign(y=rng.normal(size=600))
        formula = "y ~ " + " + ".join(f"C(g{i})" for i in range(20))
    line = bl.fit(data, formula, **fitted)
    with pytest.raises(bl.errors.BestlineError, match=said):
        line.subsets(**asked)


def test_probability_weights_are_judged_out_of_fold(table: pd.DataFrame) -> None:
    found = bl.fit(table, "y ~ a + b + c", weights="k", weight_kind="probability").subsets("cv")
    assert math.isnan(found.top[0].bic)
    assert found.top[0].cv_rmse > 0


def test_few_rows_leave_out_lines_without_a_degree_of_freedom() -> None:
    rng = np.random.default_rng(0)
    line = bl.fit((rng.normal(size=(4, 5)), rng.normal(size=4)), solver="exact")
    found = line.subsets("bic")
    assert all(one.weights < 4 for one in found.by_size)
    with pytest.raises(bl.errors.OptionError, match="no degree of freedom"):
        line.subsets("cp")


@pytest.mark.parametrize("by", ["bic", "aic", "cp", "adj_r_squared", "cv"])
def test_where_all_terms_are_kept_the_line_itself_is_left(table: pd.DataFrame, by: str) -> None:
    line = bl.fit(table, "y ~ a + b + C(g)")
    for keep in (["a", "b", "C(g)"], ("C(g)", "b", "a")):
        found = line.subsets(by, keep=keep)
        assert (found.tried, found.terms, found.close) == (1, ("a", "b", "C(g)"), 0)
        assert "nothing is left to choose" in str(found)
        assert "flatters" not in str(found)
        assert found.top[0].bic == pytest.approx(line.glance()["bic"].iloc[0], rel=EQUAL)
    # An interaction keeps what it is made of, which here is all there is.
    whole = bl.fit(table, "y ~ a * b").subsets(by, keep="a:b")
    assert whole.terms == ("a", "b", "a:b")
    assert "nothing is left to choose" in str(whole)
    if by == "bic":
        assert "nothing is left" not in str(line.subsets(by, keep=["a", "b"]))


def test_an_exact_line_has_no_cp_as_it_has_no_likelihood(table: pd.DataFrame) -> None:
    found = bl.fit(table.assign(y=2 * table["a"] - table["b"]), "y ~ a + b + c + g").subsets()
    assert found.terms == ("a", "b")
    assert all(math.isnan(one.cp) for one in (*found.top, *found.by_size))
    assert found.facts["top"][0]["cp"] is None
    near = bl.fit(table.assign(y=2 * table["a"] - table["b"] + 1e-3 * table["z"]), "y ~ a + b + c + g").subsets()
    assert all(math.isfinite(one.cp) for one in near.by_size)


def test_the_formula_is_that_of_the_target_asked_for(table: pd.DataFrame) -> None:
    line = bl.fit(table, "log(k) + z ~ a + d + g")
    found = line.subsets(target="z")
    assert str(found).startswith("Best subsets by BIC: z ~ a + d + g\n")
    assert found.best == "z ~ d"
    assert bl.fit(table, found.best).glance()["bic"].iloc[0] == pytest.approx(found.top[0].bic, rel=EQUAL)
    assert line.subsets(target=0).formula == "log(k) ~ a + d + g"
    alone = bl.fit(table, "z ~ a + d + g | k").subsets()
    assert alone.formula == "z ~ a + d + g | k"


def test_subsets_that_say_the_same_are_one_line(table: pd.DataFrame) -> None:
    alone = bl.fit(table, "y ~ a + b + c + g").subsets("bic")
    for copy in (2 * table["a"], 3 - table["a"], table["a"] + table["b"]):
        twice = bl.fit(table.assign(q=copy), "y ~ q + a + b + c + g").subsets("bic")
        values = twice.top[0].bic
        assert values == pytest.approx(alone.top[0].bic, rel=EQUAL)
        # As many of the lines that the columns span as a search without the copy finds, which spans a subset of them.
        spans = {
            round(bic, 6)
            for some in _all(("q", "a", "b", "c", "g"))
            if (bic := bl.fit(table.assign(q=copy), f"y ~ {_right(some)}").glance()["bic"].iloc[0]) <= values + 2
        }
        assert twice.close == len(spans) - 1
    # Lines as good as one another that say different things are different lines.
    mirrored = pd.DataFrame({"a": [1.0, -1.0, 0.0, 0.0] * 9, "b": [0.0, 0.0, 1.0, -1.0] * 9})
    mirrored["y"] = 0.4 * (mirrored["a"] + mirrored["b"]) + np.tile([1.0, 1.0, -1.0, -1.0], 9)
    found = bl.fit(mirrored, "y ~ a + b", solver="exact").subsets("bic")
    assert (found.top[0].terms, found.close) == ((), 3)
    assert found.top[1].bic == pytest.approx(found.top[2].bic, rel=EQUAL)


def test_after_a_split_lines_are_judged_out_of_fold(table: pd.DataFrame, tmp_path: Any) -> None:
    line = bl.fit(table, "y ~ a + b + c", split=(0.7, 0.15, 0.15))
    assert line.subsets("cv").top[0].cv_rmse > 0
    line.save(tmp_path / "m.bestline")
    with pytest.raises(bl.errors.OptionError, match="as a model file has them; fit the table") as refused:
        bl.load(tmp_path / "m.bestline").subsets("cv")
    assert "split" not in str(refused.value)
