"""Formulas as people write them: slips are told with what to write, habits from elsewhere are understood or told, none explodes."""

from __future__ import annotations

import random
import re
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bestline as bl
from bestline.data.design.formula import parse
from bestline.data.design.grammar import MOST_TERMS
from bestline.errors import BestlineWarning, ColumnError, DataError, FormulaError

MEGABYTES = 50  # no formula takes more to be refused: some took all that there was
COLUMNS = [f"x{i}" for i in range(40)]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    draw = np.random.default_rng(5)
    table = pd.DataFrame(draw.uniform(1, 3, (60, 5)), columns=["a", "b", "x", "z", "my col"])
    return table.assign(g=list("uvw") * 20, y=2 * table.x + draw.normal(size=60))


# -- what signs mean -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "sign", "instead"),
    [
        ("x**2", "x**2", "I(x**2)"),
        ("x^2", "x^2", "I(x**2)"),
        ("x**3", "x**3", "I(x**3)"),
        ("(x)^2", "x^2", "I(x**2)"),
        ("x*x", "x*x", "I(x**2)"),
        ("x:x", "x:x", "I(x**2)"),
        ("z + x**2", "x**2", "I(x**2)"),
        ("log(x)**2", "log(x)**2", "I(log(x)**2)"),
        ("I(x)**2", "I(x)**2", "I(x**2)"),
    ],
)
def test_a_power_of_one_column_is_said_to_be_no_power(table: pd.DataFrame, written: str, sign: str, instead: str) -> None:
    with pytest.warns(BestlineWarning, match=re.escape(f"`{sign}` is just")) as heard:
        bl.fit(table, f"y ~ {written}")
    assert f"write {instead} for" in str(heard[0].message)
    bl.fit(table, f"y ~ {instead}")  # what it offers is understood


@pytest.mark.parametrize("formula", ["y ~ (a + b)**2", "y ~ x**1", "y ~ a*b*a", "y ~ a*b", "y ~ (a + b + x)^3"])
def test_signs_that_do_something_are_not_remarked(formula: str) -> None:
    assert parse(formula, ["a", "b", "x", "y"]).notes == ()


def test_powers_beyond_the_number_of_terms_are_that_number() -> None:
    eight = "(a + b + c + d + e + f + g + h)"
    names = ["y", *"abcdefgh"]
    most = parse(f"y ~ {eight}**8", names)
    assert len(most.terms) == 2**8 - 1
    for power in ("20", "9", "999999999999999999999999999999", "008"):
        assert parse(f"y ~ {eight}**{power}", names) == most
    assert parse("y ~ .**8", names) == most


def test_terms_are_those_of_formulaic() -> None:
    """Sums, products, nesting, powers and differences of every depth, against the library's own expansion."""
    from formulaic.parser import DefaultFormulaParser

    draw = random.Random(3)  # noqa: S311

    def side(depth: int) -> str:
        if depth == 0 or draw.random() < 0.3:
            return draw.choice(["a", "b", "c", "log(d)", "`e f`", "1"])
        sign = draw.choice(["+", "+", "*", ":", "/", "**", "%in%", "-"])
        if sign == "**":
            return f"({side(depth - 1)})**{draw.choice([1, 2, 3])}"
        if sign == "-":
            part = side(depth - 1)
            return f"(({part}) + a - a)"
        return f"({side(depth - 1)} {sign} {side(depth - 1)})"

    told = 0
    for _ in range(300):
        text = f"y ~ {side(3)}"
        try:
            theirs = DefaultFormulaParser().get_terms(text).rhs
        except Exception:  # noqa: S112  theirs is no formula, such as one with two weights of a term
            continue
        ours = parse(text, ["a", "b", "c", "d", "e f", "y"])
        expected = [[f.expr for f in term.factors if f.expr != "1"] for term in theirs]
        assert [[p.text for p in term] for term in ours.terms] == sorted([t for t in expected if t], key=len), text
        assert ours.intercept == any(not t for t in expected), text
        told += 1
    assert told > 200


# -- slips -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        ("y = x", "write y ~ x"),
        ("y == x", "write y ~ x"),
        ("y ∼ x", "has `∼` where ~ belongs; write y ~ x"),
        ("y ～ x", "write y ~ x"),
        ("y <- x", "write y ~ x"),
        ("x -> y", "write y ~ x"),
        ("y, x", "write y ~ x"),
        ("y = x + z", r"write y ~ x \+ z"),
        ("y, x, z", r"write y ~ x \+ z"),
        ("y", "has no ~"),
        ("x + z", "has no ~"),
        ("", "is empty"),
        ("  ", "is empty"),
        ("y ~", "nothing after ~"),
        ("~ x", "no target before ~"),
        ("y ~ x ~ z", "more than one ~"),
        ("y ~ (x", r"opens a parenthesis too many"),
        ("y ~ x)", r"closes a parenthesis too many"),
        ("y ~ )x(", "closes a parenthesis before"),
        ("y ~ ``", "name without letters"),
        ("y ~ x + ` `", "name without letters"),
        ("y ~ `x", "backquote that is not closed"),
        ("y ~ x -", "ends with a sign"),
        ("y ~ x +", "ends with a sign"),
        ("y ~ -x", r"takes `x` out, and it is not in it; write \+ x"),
        ("y ~ (-x)", "takes `x` out"),
        ("y ~ x, z", r"join them by \+"),
        ("y ~ x z", "no sign between x and z"),
        ("y ~ my col", "no sign between my and col; .* backquotes"),
        ("y ~ x > 1", "make such a column"),
        ("y ~ x == 1", "make such a column"),
        ("y ~ x & z", "has the sign &"),
        ("y ~ x; z", "has the sign ;"),
        ("y ~ x + (1|g)", "random effects"),
        ("y ~ x | g | z", "more than one part behind its bar"),
        ("y ~ x | ", "nothing behind its bar"),
        ("y ~ x | g[z]", r"write y ~ x:C\(firm\) \| firm"),
        ("y ~ x | log(z)", "is no column"),
        ("y | x ~ z", "before its ~"),
        ("y ~ 1 | g", r"write y ~ C\(firm\)"),
        ("y ~ x | .", "name the columns"),
        ("y ~ x**z", r"whole number from 1 on"),
        ("y ~ x**-1", r"whole number from 1 on"),
        ("y ~ x**0", r"whole number from 1 on"),
        ("y ~ x**1.5", r"whole number from 1 on"),
        ("y ~ 2*x", r"write I\(2 \* x\)"),
        ("y ~ 'x'", "without them, or in backquotes"),
        ("y ~ I(x^2)", r"write \*\* for powers"),
        ("y ~ lg(x)", r"log10\(x\)"),
        ("y ~ ln(x)", r"is log\(x\)"),
        ("y ~ logg(x)", "they have `log`"),
        ("y ~ sqr(x)", "they have `sqrt`"),
        ("y ~ lag(x, 1.5)", "whole number from 1 on"),
        ("y ~ lag(-1)", "no column of the table"),
        ("y ~ shift(x)", r"lag\(x\), lead\(x\) or diff\(x\)"),
        ("y ~ bs(lag(x, 0), df=4)", "whole number from 1 on"),
        ("y ~ te(x, z)", r"splines are written bs\(x, df=5\)"),
        ("y ~ normalize(x)", r"by standardize\(x\)"),
        ("y ~ pow(x, 2)", r"I\(x\*\*2\)"),
        ("y ~ C(g, Summ)", "every coding gives the same line"),
        ("y ~ C(g)(x)", "is not understood"),
        ("y ~ x.mean()", "make the column before fitting"),
        ("y ~ log(`my col)", "opens a backquote"),
    ],
)
def test_a_slip_is_told_with_what_to_write(table: pd.DataFrame, formula: str, told: str) -> None:
    with pytest.raises(FormulaError, match=told) as caught:
        bl.fit(table, formula)
    assert "\n" not in str(caught.value)
    assert "Operator" not in str(caught.value)  # no words of the parser's


def test_a_column_taken_out_that_does_not_exist_is_named(table: pd.DataFrame) -> None:
    with pytest.raises(ColumnError, match="no column `zz`"):
        bl.fit(table, "y ~ . - zz")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("y ~ Q('my col')", "y ~ `my col`"),
        ('y ~ Q("x") + z', "y ~ x + z"),
        ("y ~ np.log(x)", "y ~ log(x)"),
        ("y ~ numpy.sqrt(x)", "y ~ sqrt(x)"),
        ("y ~ math.exp(x)", "y ~ exp(x)"),
        ("y ~ torch.log(x)", "y ~ log(x)"),
        ("y ~ x - y", "y ~ x"),
        ("y ~ 0 + x", "y ~ x - 1"),
    ],
)
def test_habits_from_elsewhere_that_are_understood(table: pd.DataFrame, written: str, meant: str) -> None:
    assert bl.fit(table, written).params.tolist() == bl.fit(table, meant).params.tolist()


# -- formulas that explode ---------------------------------------------------------------------------------------------------

EXPLODING = {
    "30 terms joined": ("y ~ " + "*".join(COLUMNS[:30]), r"1,073,741,823 terms"),
    "40 columns to the 8th": ("y ~ .**8", "100,146,723 terms"),
    "2,000 columns squared": ("y ~ (" + "+".join(f"z{i}" for i in range(2000)) + ")^2", "2,001,000 terms"),
    "a product of powers": (
        "y ~ (" + "+".join(COLUMNS[:12]) + ")**12:(" + "+".join(COLUMNS[12:24]) + ")**12",
        "16,769,025 terms",
    ),
    "towers": ("y ~ " + "(" * 40 + "+".join(COLUMNS) + ")**9" * 40, "more than 1,000,000,000,000,000 terms"),
    "parentheses": ("y ~ " + "(" * 5000 + "x1" + ")" * 5000, "5,000 deep"),
    "open parentheses": ("y ~ " + "(" * 99_000, "99,000 deep"),
    "parentheses in a function": ("y ~ I(" + "(" * 5000 + "x1" + ")" * 5000 + ")", "deep"),
    "signs in a function": ("y ~ I(" + "-" * 50_000 + "x1)", "cannot be understood"),
    "powers of powers": ("y ~ x1" + "**x1" * 30_000, "30,000 deep"),
    "stars": ("y ~ " + "*" * 90_000, "deep"),
    "one product": ("y ~ " + ":".join(f"z{i}" for i in range(5000)), "more than 50 columns"),
    "nested": ("y ~ " + "/".join(f"z{i}" for i in range(3000)), "more than 50 columns"),
    "a long sum": ("y ~ " + "+".join(f"z{i}" for i in range(20_000)), "20,000 terms"),
    "a long text": ("y ~ " + "x" * 300_000, "longer than 200000"),
}


@pytest.mark.parametrize("name", EXPLODING)
def test_a_formula_that_explodes_is_refused_before_it_does(name: str) -> None:
    formula, told = EXPLODING[name]
    with pytest.raises(FormulaError, match=told) as caught:
        parse(formula, ["y", *COLUMNS])
    assert len(str(caught.value)) < 300


def test_refusing_takes_no_memory() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(FormulaError, match="1,073,741,823 terms"):
            parse("y ~ " + "*".join(COLUMNS[:30]), ["y"])
        assert tracemalloc.get_traced_memory()[1] < MEGABYTES * 1e6
    finally:
        tracemalloc.stop()


def test_what_is_long_but_says_little_is_understood() -> None:
    many = "+".join(f"z{i}" for i in range(MOST_TERMS))
    assert len(parse(f"y ~ {many}", ["y"]).terms) == MOST_TERMS
    with pytest.raises(FormulaError, match="8,001 terms"):
        parse(f"y ~ {many} + last", ["y"])
    assert len(parse("y ~ " + "*".join(["a"] * 5000), ["y"]).terms) == 1
    assert len(parse("y ~ " + "(" * 40 + "a+b+c" + ")**9" * 40, ["y"]).terms) == 7


def test_a_count_is_that_of_formulaic_where_nothing_comes_twice() -> None:
    for k in range(1, 4):
        made = len(parse("y ~ (a + b + c + d + e)**" + str(k), ["y"]).terms)
        assert made == [5, 15, 25][k - 1]


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        ("y ~ " + "*".join(f"poly({c}, 10)" for c in "abxz"), "14,640 columns"),
        ("y ~ " + ":".join(f"poly({c}, 30)" for c in "abxz"), "810,000 columns"),
        ("y ~ " + ":".join(f"g{i}" for i in range(14)), "columns"),
    ],
)
def test_columns_that_explode_are_counted_before_they_are_made(table: pd.DataFrame, formula: str, told: str) -> None:
    levels = {f"g{i}": list("uvwuv") * 12 for i in range(14)}
    with pytest.raises(DataError, match=told):
        bl.fit(table.assign(**levels), formula)


def test_an_interaction_of_ten_categories_is_coded_at_once() -> None:
    from bestline.data.design.columns import codings

    (full,) = codings([(frozenset(), list(range(10)))], intercept=False)
    assert full == [dict.fromkeys(range(10), True)]


def test_a_formula_that_is_refused_warns_of_nothing(table: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FormulaError):
            bl.fit(table, "y ~ x**2 +")


@pytest.mark.parametrize("formula", ["y ~ log(`log`)", "y ~ np.log(`log`)", "log(`log`) ~ y"])
def test_a_column_that_is_called_like_a_function_is_named_as_it_was_typed(formula: str, tmp_path: Path):
    data = {"log": np.arange(1.0, 41), "y": np.arange(40) + np.arange(40) % 3}
    line = bl.fit(data, formula)
    assert line.design.formula == formula
    assert [*line.coef.index] == [formula.split(" ~ ")[1]]
    theirs = bl.fit({"x": data["log"], "y": data["y"]}, formula.replace("`log`", "x"))
    assert line.params.tolist() == theirs.params.tolist()
    line.save(tmp_path / "m.bestline")
    assert bl.load(tmp_path / "m.bestline").predict(data).tolist() == line.predict(data).tolist()
