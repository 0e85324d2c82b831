"""Analysis of variance against R's printed values and statsmodels, and by its own laws."""

from __future__ import annotations

import json
import math
import warnings
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.tests.test_anova import kidney_table

import bestline as bl
from bestline.errors import NumericalError, OptionError
from inference.examples import frame, reference

pytestmark = pytest.mark.usefixtures("quiet")

# statsmodels and we differ by some units of rounding times the columns' condition, here below 1e4.
SAME = {"rel": 1e-8, "abs": 1e-11}


def kidney() -> pd.DataFrame:
    data = pd.DataFrame(kidney_table)
    return data.assign(log_days=np.log(data["Days"] + 1))


def table_of(formula: str, data: pd.DataFrame, kind: int, weights: str | None = None, **options: Any) -> pd.DataFrame:
    """statsmodels' table, the intercept's row left out."""
    found = anova_lm(reference(formula, data, weights), typ=kind, **options)
    return found[found.index != "Intercept"]


def agree(found: pd.DataFrame, expected: pd.DataFrame, *, squares: bool = True) -> None:
    assert found["df"].tolist() == expected["df"].tolist()
    if squares:
        assert found["sum_sq"].tolist() == pytest.approx(expected["sum_sq"].tolist(), **SAME)
    assert found["statistic"].tolist()[:-1] == pytest.approx(expected["F"].tolist()[:-1], **SAME)
    assert found["p_value"].tolist()[:-1] == pytest.approx(expected["PR(>F)"].tolist()[:-1], **SAME)


# R's anova.lm and car's Anova with contr.sum, as statsmodels' own tests have them: degrees of freedom, sums of squares, F, p.
R = [
    ("", 1, False, [1, 2, 2, 54], [2.339693, 16.97129, 0.6356584, 28.9892], [4.358293, 15.80674, 0.5920404]),
    (" - 1", 1, False, [2, 2, 2, 54], [158.6415227, 16.97129, 0.6356584, 28.9892], [147.7557648, 15.80674, 0.5920404]),
    ("", 2, True, [1, 2, 2, 51], [3.067066, 13.27205, 0.1905093, 27.60181], [5.667033, 12.26141, 0.1760025]),
    (" - 1", 2, True, [2, 2, 2, 51], [154.7131692, 13.27205, 0.1905093, 27.60181], [142.9321191, 12.26141, 0.1760025]),
    ("", 3, True, [1, 2, 2, 51], [2.904723, 13.45718, 0.1905093, 27.60181], [5.367071, 12.43245, 0.1760025]),
]


@pytest.mark.parametrize(("intercept", "kind", "dropped", "df", "squares", "F"), R)
def test_it_is_what_r_prints(intercept: str, kind: int, dropped: bool, df: list[int], squares: list[float], F: list[float]):
    data = kidney().drop([0, 1, 2]) if dropped else kidney()
    found = bl.fit(data, f"log_days ~ C(Duration) * C(Weight){intercept}").anova(kind).frame()
    assert found["df"].tolist() == df
    assert found["sum_sq"].tolist() == pytest.approx(squares, rel=1e-6)
    assert found["statistic"].tolist()[:-1] == pytest.approx(F, rel=1e-6)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("y ~ x1 + x2", "y ~ x1 + x2"),
        ("y ~ x2 + x1 * g", "y ~ x2 + x1 * C(g, Sum)"),
        ("y ~ g * h + x1", "y ~ C(g, Sum) * C(h, Sum) + x1"),
        ("y ~ g * h * x1", "y ~ C(g, Sum) * C(h, Sum) * x1"),
        ("y ~ x1 + x2 - 1", "y ~ x1 + x2 - 1"),
    ],
)
@pytest.mark.parametrize("kind", [2, 3])
@pytest.mark.parametrize("weights", [None, "w"])
def test_it_is_what_statsmodels_gives(ours: str, theirs: str, kind: int, weights: str | None):
    rng = np.random.default_rng(3)
    data = frame().assign(h=rng.choice(["p", "q", "r", "s"], len(frame()), p=[0.4, 0.3, 0.2, 0.1]))
    found = bl.fit(data, ours, weights=weights).anova(kind).frame()
    expected = table_of(theirs, data, kind, weights)
    order = [frozenset(term.split(":")) for term in found["term"][:-1]]
    names = [frozenset(name.replace("C(g, Sum)", "g").replace("C(h, Sum)", "h").split(":")) for name in expected.index]
    agree(found, expected.set_axis(names).loc[[*order, names[-1]]])


@pytest.mark.parametrize("formula", ["y ~ x1 + x2", "y ~ x2 + g + x1 + x1:g", "y ~ x1 + x2 + g - 1"])
@pytest.mark.parametrize("weights", [None, "w"])
def test_type_one_is_the_fall_of_the_residual_squares_term_by_term(formula: str, weights: str | None):
    """statsmodels' own table of type I leaves weights out; its lines do not."""
    found = bl.fit(frame(), formula, weights=weights).anova(1).terms
    without = formula.endswith("- 1")
    terms = ["0" if without else "1", *(row.term for row in found)]
    fits: list[Any] = [reference("y ~ " + " + ".join(terms[:i]), frame(), weights) for i in range(1 + without, len(terms) + 1)]
    if without:
        data = frame()
        squares = float(((1 if weights is None else data["w"]) * data["y"] ** 2).sum())
        fits.insert(0, SimpleNamespace(ssr=squares, df_resid=len(data)))
    for row, (small, large) in zip(found, pairwise(fits), strict=True):
        assert row.df == small.df_resid - large.df_resid
        assert row.sum_sq == pytest.approx(small.ssr - large.ssr, **SAME)
        assert row.statistic == pytest.approx((small.ssr - large.ssr) / row.df / fits[-1].mse_resid, **SAME)


@pytest.mark.parametrize("kind", [2, 3])
@pytest.mark.parametrize("cov", ["HC0", "HC1", "HC2", "HC3"])
def test_robust_tests_are_those_of_statsmodels_and_car(kind: int, cov: str):
    data = kidney().drop([0, 1, 2])
    found = bl.fit(data, "log_days ~ C(Duration) * C(Weight)", cov=cov).anova(kind)
    expected = table_of("log_days ~ C(Duration, Sum) * C(Weight, Sum)", data, kind, robust=cov.lower())
    agree(found.frame(), expected, squares=False)
    assert found.frame()["sum_sq"].isna().tolist() == [True, True, True, False]
    assert cov in str(found)
    assert "sum of squares" not in str(found)
    same = bl.fit(data, "log_days ~ C(Duration) * C(Weight)").anova(kind, cov=cov)
    assert same.facts == found.facts


def test_a_test_of_one_weight_is_its_t_test_by_the_models_own_errors():
    model = bl.fit(frame(), "y ~ x1 + x2 + g", cov="cluster:firm")
    found, own = model.anova(), model.tidy().set_index("term")
    for row in found.terms[:2]:
        assert row.statistic == pytest.approx(own.loc[row.term, "statistic"] ** 2, rel=1e-10)
        assert row.p_value == pytest.approx(own.loc[row.term, "p_value"], rel=1e-8)
    levels = [row for row in found.terms if row.term == "g"]
    assert levels[0].statistic == pytest.approx(model.wald("g[T.b] = 0, g[T.c] = 0").statistic, rel=1e-10)
    assert found.df_denominator == 16
    assert "the denominator of F has 16 df" in str(found)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(12, 60), kind=st.sampled_from([1, 2, 3]))
def test_each_term_is_a_comparison_of_two_lines(seed: int, n: int, kind: int):
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({"x": rng.normal(size=n) + 1e3, "g": rng.choice(["a", "b", "c"], n), "y": rng.normal(size=n)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = bl.fit(data, "y ~ x + g")
        found = {row.term: row for row in model.anova(kind).terms}
        smaller = {"g": "y ~ x"} if kind == 1 else {"g": "y ~ x", "x": "y ~ g"}
        tests = {term: bl.compare(bl.fit(data, without), model).test for term, without in smaller.items() if found[term].df}
    ours = {term: found[term].statistic for term in tests}
    assert ours == pytest.approx({term: test.statistic for term, test in tests.items()}, rel=1e-6, abs=1e-9)


def test_type_one_adds_up_to_what_the_line_explains():
    model = bl.fit(frame(), "y ~ g + x1 * x2", weights="w")
    inference = model.inference
    explained = float(inference.tss[0] - inference.rss[0])
    assert sum(row.sum_sq for row in model.anova(1).terms) == pytest.approx(explained, rel=1e-10)


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_it_does_not_depend_on_the_reference_level(kind: int):
    data = frame().assign(h=np.random.default_rng(1).choice(["p", "q", "r"], len(frame())))
    renamed = data.assign(g=data["g"].map({"a": "z", "b": "y", "c": "x"}), h=data["h"].map({"p": "3", "q": "1", "r": "2"}))
    one, other = (bl.fit(d, "y ~ C(g) * C(h) * x1").anova(kind).frame() for d in (data, renamed))
    assert one["sum_sq"].tolist() == pytest.approx(other["sum_sq"].tolist(), rel=1e-8)


def test_columns_that_say_the_same_count_once():
    """As R has it: in type I what comes later adds nothing; in type II nothing that others say is a term's own."""
    data = frame().assign(twice=lambda d: 2 * d["x1"] - 3, one=1.0)
    full = bl.fit(data, "y ~ x1 + twice + x2 + one")
    found = {row.term: row for row in full.anova(1).terms}
    plain = {row.term: row for row in bl.fit(data, "y ~ x1 + x2").anova(1).terms}
    assert {term: row.df for term, row in found.items()} == {"x1": 1, "twice": 0, "x2": 1, "one": 0}
    assert found["x1"].sum_sq == pytest.approx(plain["x1"].sum_sq, rel=1e-10)
    assert found["x2"].sum_sq == pytest.approx(plain["x2"].sum_sq, rel=1e-10)
    assert math.isnan(found["twice"].statistic)
    second = {row.term: row for row in full.anova(2).terms}
    assert [second[term].df for term in ("x1", "twice", "x2")] == [0, 0, 1]
    assert second["x2"].sum_sq == pytest.approx(plain["x2"].sum_sq, rel=1e-10)
    with pytest.raises(NumericalError, match=r"do not determine `twice`.*type III"):
        full.anova(3)
    with pytest.raises(NumericalError, match=r"`twice` say what other columns say.*HC3"):
        full.anova(2, cov="HC3")
    dropped = bl.fit(data, "y ~ x1 + twice + x2", solver=bl.Exact(aliased="drop"))
    same = bl.fit(data, "y ~ x1 + x2").anova(1, cov="HC3").terms
    found = dropped.anova(1, cov="HC3").terms
    assert [r.statistic for r in found if r.df] == pytest.approx([r.statistic for r in same], rel=1e-9)


def test_an_empty_cell_is_no_effect():
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"a": rng.choice(list("pqr"), 90), "b": rng.choice(list("stu"), 90), "y": rng.normal(size=90)})
    for cell in (("p", "s"), ("r", "u")):
        there = data[~((data["a"] == cell[0]) & (data["b"] == cell[1]))]
        model = bl.fit(there, "y ~ a * b")
        rows = {row.term: row for row in model.anova(2).terms}
        assert [rows[t].df for t in ("a", "b", "a:b")] == [2, 2, 3]
        additive = {row.term: row for row in bl.fit(there, "y ~ a + b").anova(2).terms}
        for term in ("a", "b"):
            assert rows[term].sum_sq == pytest.approx(additive[term].sum_sq, rel=1e-9)
        with pytest.raises(NumericalError, match=r"kind=2"):
            model.anova(3)


def test_without_residuals_there_is_no_f():
    exact = bl.fit({"x": [1.0, 2.0], "y": [1.0, 3.0]}, "y ~ x").anova()
    assert (exact.terms[0].sum_sq, exact.df_residual) == (pytest.approx(2.0), 0)
    assert math.isnan(exact.terms[0].statistic)
    assert "nan" not in str(exact)
    json.dumps(exact.facts, allow_nan=False)
    one = bl.fit({"x": [2.0], "y": [3.0]}, "y ~ x - 1").anova()
    assert [(row.df, row.sum_sq) for row in one.terms] == [(1, 9.0)]
    assert [row.term for row in bl.fit(frame(), "y ~ 1").anova().terms] == []
    perfect = bl.fit({"x": [1.0, 2.0, 3.0, 4.0], "y": [1.0, 3.0, 5.0, 7.0]}, "y ~ x").anova()
    assert math.isnan(perfect.terms[0].statistic)


def test_of_several_targets_one_is_named():
    both = bl.fit(frame(), "y + y2 ~ x1 + g")
    for target in ("y", "y2"):
        assert both.anova(target=target).frame()["statistic"][:2].tolist() == pytest.approx(
            bl.fit(frame(), f"{target} ~ x1 + g").anova().frame()["statistic"][:2].tolist(), rel=1e-10
        )
    with pytest.raises(OptionError, match="y3"):
        both.anova(target="y3")


@pytest.mark.parametrize("kind", [0, 4, "IV", True, 2.5, None, "2.0", [1]])
def test_other_kinds_are_refused(kind: Any):
    with pytest.raises(OptionError, match="1, 2 or 3"):
        bl.fit(frame(), "y ~ x1").anova(kind)


@pytest.mark.parametrize("options", [{"l2": 0.1}, {"loss": "huber"}, {"solver": "sgd", "lr": 0.01, "steps": 2}])
def test_what_is_no_least_squares_has_none(options: dict[str, Any]):
    with pytest.raises(NumericalError, match="no analysis of variance here"):
        bl.fit(frame(), "y ~ x1", **options).anova()


def test_kinds_may_be_written_as_r_writes_them(tmp_path: Any):
    model = bl.fit(frame(), "y ~ x1 * g")
    assert model.anova("III").facts == model.anova(3).facts == model.anova("3").facts
    assert model.anova().kind == 2
    # All of it is in the moments, so a saved model and one of moments alone have it too.
    model.save(tmp_path / "m.bestline")
    assert bl.load(tmp_path / "m.bestline").anova(3).frame()["sum_sq"].tolist() == pytest.approx(
        model.anova(3).frame()["sum_sq"].tolist(), rel=1e-12
    )
    moments = bl.Moments.collect(frame(), "y ~ x1 * g")
    assert bl.fit(moments).anova(3).frame()["sum_sq"].tolist() == pytest.approx(
        model.anova(3).frame()["sum_sq"].tolist(), rel=1e-10
    )


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_partial_r2_is_the_share_of_what_the_others_leave(kind: int):
    data = frame()
    model = bl.fit(data, "y ~ x1 + g + x2", weights="w")

    found = model.anova(kind).frame().set_index("term")

    # The classical definition: by how much the term lowers the residual sum of squares of the line without it, as a share of that.
    terms = ["x1", "g", "x2"]
    for i, term in enumerate(terms):
        others = terms[:i] if kind == 1 else [t for t in terms if t != term]
        without = reference(f"y ~ {' + '.join(others) or '1'}", data, "w").ssr
        full = reference(f"y ~ {' + '.join([*others, term])}", data, "w").ssr
        rest = reference("y ~ x1 + g + x2", data, "w").ssr
        assert found.loc[term, "partial_r2"] == pytest.approx((without - full) / (without - full + rest), **SAME)
    assert math.isnan(found.loc["Residuals", "partial_r2"])
    assert "partial R2" in str(model.anova(kind))


def test_partial_r2_of_a_number_follows_from_t_and_there_is_none_under_robust_errors():
    model = bl.fit(frame(), "y ~ x1 + g + x2")
    t, df = model.tvalues["x1"], model.glance()["df_residual"].iloc[0]

    assert model.anova().frame()["partial_r2"][0] == pytest.approx(t**2 / (t**2 + df), **SAME)
    robust = model.anova(cov="HC3")
    assert robust.frame()["partial_r2"].isna().all()
    assert "partial R2" not in str(robust)


@pytest.mark.parametrize("term", ["poly(x, 2)", "bs(x, df=4)", "ns(x, df=3)"])
@pytest.mark.parametrize("rest", ["z", "C(g, Sum)"])
@pytest.mark.parametrize("joined", ["+", "*"])
def test_columns_of_one_variable_are_each_an_effect_of_their_own(term: str, rest: str, joined: str):
    draw = np.random.default_rng(4)
    data = pd.DataFrame({"x": draw.uniform(1, 5, 90), "z": draw.normal(size=90), "g": np.array(list("abc"))[np.arange(90) % 3]})
    data["y"] = np.sin(data.x) + data.z + draw.normal(size=90)
    model, robust = (bl.fit(data, f"y ~ {term} {joined} {rest}", cov=cov) for cov in ("classical", "HC3"))
    if term.startswith("bs"):
        for kind in (2, 3):
            peer = table_of(f"y ~ {term} {joined} {rest}", data, kind).drop(["Residual"])
            peer = peer["sum_sq"].to_dict()
            assert {one.term: one.sum_sq for one in model.anova(kind=kind).terms} == pytest.approx(peer, rel=1e-6)
    if joined == "+":
        without = bl.fit(data, f"y ~ {rest}")
        (test,) = bl.compare(without, model).tests
        first = model.anova().terms[0]
        assert (first.df, first.statistic) == (test.df[0], pytest.approx(test.statistic, rel=1e-9))
        # Of robust errors Wald's test of all the columns at once.
        names = [name for name in model.names if name.startswith(term.split("(", maxsplit=1)[0])]
        wald = robust.wald([f"`{name}` = 0" for name in names])
        assert robust.anova().terms[0].statistic == pytest.approx(wald.statistic, rel=1e-9)
