"""Splines are those of R and patsy: the same columns, with knots learnt from the training rows and kept."""

from __future__ import annotations

import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import patsy
import pytest
import torch

import bestline as bl
from bestline.data.design import expression
from bestline.data.design.lost_digits import columns_doubled
from bestline.data.tables import open_source
from bestline.errors import BestlineWarning, DataError, FormulaError

CLOSE = 1e-12
# The data of R's example of `ns` and `bs`, and what it prints: lm(weight ~ ns(height, df = 5)), tidied to 7 digits by broom.
WOMEN = pd.DataFrame(
    {"height": np.arange(58.0, 73.0), "weight": [115, 117, 120, 123, 126, 129, 132, 135, 139, 142, 146, 150, 154, 159, 164]}
)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    draw = np.random.default_rng(8)
    made = pd.DataFrame(
        {"x": draw.normal(size=200), "z": draw.uniform(1, 2, 200), "g": list("abcd") * 50, "w": draw.integers(0, 3, 200)}
    )
    return made.assign(y=np.sin(made.x) + draw.normal(size=200), my=made.x).rename(columns={"my": "my x"})


def columns(formula: str, data: Any, new: Any = None, **options: Any) -> np.ndarray:
    """X of a design learnt from some rows, for the same or for others."""
    design = bl.Design.learn(data, formula, **options)
    (batch,) = open_source(data if new is None else new).batches(design.needs)
    return np.asarray(design.features(batch).X)


@pytest.mark.parametrize(
    "term",
    [
        "bs(x, df=4)",
        "bs(x, df=7)",
        "bs(x, 6, degree=2)",
        "bs(x, df=3, degree=1)",
        "bs(x, df=9, degree=5)",
        "bs(x, df=6, include_intercept=True)",
        "bs(x, knots=[-0.5, 0.5])",
        "bs(x, knots=[0.5, -0.5], lower_bound=-9, upper_bound=9)",
        "cr(x, df=3)",
        "cr(x, df=6)",
        "cr(x, df=4, constraints='center')",
        "cr(x, knots=[0.1, 0.7])",
        "standardize(x)",
        "standardize(x, ddof=1)",
        "center(x)",
        "bs(np.exp(x), df=5)",
    ],
)
def test_columns_are_patsy_s(table: pd.DataFrame, term: str) -> None:
    theirs = np.asarray(patsy.dmatrix(f"0 + {term}", table))
    assert np.abs(columns(f"y ~ {term}", table) - theirs).max() < CLOSE


@pytest.mark.parametrize(
    ("term", "coef", "errors"),
    [
        (
            "ns(height, df=5)",
            [15.94736, 25.16949, 33.25822, 50.78938, 114.74466],
            [0.3698567, 0.4322604, 0.3540711, 0.6061996, 0.2337541],
        ),
    ],
)
def test_the_line_is_the_one_that_r_prints(term: str, coef: list[float], errors: list[float]) -> None:
    with pytest.warns(BestlineWarning, match="few rows"):
        model = bl.fit(WOMEN, f"weight ~ {term}")
    found = model.tidy()
    estimates, deviations = found["estimate"].to_numpy(), found["std_error"].to_numpy()
    at = [0, 1, 2, 3, 5] if len(estimates) == 6 else slice(None)
    assert np.abs(estimates[at] - coef).max() < 5e-6
    assert np.abs(deviations[at] - errors).max() < 5e-8
    assert [f"{term}[{j}]" for j in range(1, 6)] == list(model.features)


def test_ns_is_the_space_of_curves_that_are_straight_outside(table: pd.DataFrame) -> None:
    # With the intercept, the same curves as patsy's natural splines with the same knots, in another basis.
    ours = bl.fit(table, "y ~ ns(x, df=4)")
    inner = np.quantile(table.x, [0.25, 0.5, 0.75])
    theirs = np.asarray(patsy.dmatrix("0 + cr(x, knots=k)", {"x": table.x, "k": inner}))
    fitted = theirs @ np.linalg.lstsq(theirs, table.y.to_numpy(), rcond=None)[0]
    assert np.abs(ours.predict(table) - fitted).max() < 1e-11


@pytest.mark.parametrize("term", ["ns(x, df=4)", "cr(x, df=5)", "cr(x, df=4, constraints='center')"])
def test_natural_splines_are_straight_beyond_the_outer_knots(table: pd.DataFrame, term: str) -> None:
    low, high = table.x.min(), table.x.max()
    for ends in ([low - 4, low - 2, low], [high, high + 3, high + 6]):
        a, b, c = columns(f"y ~ {term}", table, pd.DataFrame({"x": ends}))
        assert np.abs(a - 2 * b + c).max() < 1e-11
    # And they touch: a step outside is nearly a step inside.
    h = 1e-6
    inside, at, outside = columns(f"y ~ {term}", table, pd.DataFrame({"x": [high - h, high, high + h]}))
    assert np.abs((outside - at) - (at - inside)).max() < 1e-9


def test_b_splines_go_on_with_their_last_polynomial(table: pd.DataFrame) -> None:
    high = table.x.max()
    x = np.array([high, *np.linspace(np.quantile(table.x, 0.95), high, 4), high + 1])
    found = columns("y ~ bs(x, df=4)", table, pd.DataFrame({"x": x}))
    cubic = [np.polyval(np.polyfit(x[:-1], found[:-1, j], 3), x[-1]) for j in range(4)]
    assert np.allclose(found[-1], cubic, rtol=1e-6, atol=1e-6)


def test_far_rows_are_said_by_the_name_of_the_spline(table: pd.DataFrame) -> None:
    model = bl.fit(table, "y ~ bs(x, df=4)")
    with pytest.warns(BestlineWarning, match=r"outside the outer knots of `bs\(x, df=4\)`"):
        model.predict({"x": [table.x.max() + 0.1]})
    natural = bl.fit(table, "y ~ ns(x, df=4)")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        natural.predict({"x": [table.x.max() + 0.1]})
        model.predict(table[["x"]])


def test_the_values_are_right_to_the_bound_that_is_claimed() -> None:
    draw = np.random.default_rng(3)
    x = draw.normal(size=60) * 3 + 100
    data = {"x": x, "y": x}
    design = bl.Design.learn(data, "y ~ bs(x, df=6)")
    (batch,) = open_source(data).batches(["x"])
    X = design.features(batch).X
    bound = columns_doubled(design, batch, X).error
    state = design.states["bs(x, df=6)"]
    t = [Fraction(k) for k in [*[state["low"]] * 4, *state["knots"], *[state["high"]] * 4]]

    def exact(j: int, k: int, v: Fraction) -> Fraction:
        if k == 0:
            return Fraction(int(t[j] <= v < t[j + 1] or (v == t[-1] == t[j + 1] > t[j])))
        rising = (v - t[j]) / (t[j + k] - t[j]) * exact(j, k - 1, v) if t[j + k] > t[j] else Fraction(0)
        falling = (t[j + k + 1] - v) / (t[j + k + 1] - t[j + 1]) * exact(j + 1, k - 1, v) if t[j + k + 1] > t[j + 1] else 0
        return rising + falling

    wrong = torch.tensor(
        [[float(abs(Fraction(float(X[i, j])) - exact(j + 1, 3, Fraction(x[i])))) for j in range(6)] for i in range(0, 60, 5)]
    )
    assert bool((wrong <= bound[::5]).all())
    assert float(bound.max()) < 1e-13


# -- how knots are learnt, and kept ----------------------------------------------------------------------------------------


def test_any_batches_and_a_stream_have_the_same_knots(table: pd.DataFrame) -> None:
    formula = "y ~ bs(x, df=4):z + g + ns(z, df=3)"
    whole = bl.fit(table, formula)
    stream = bl.fit(bl.stream(lambda: (table.iloc[i : i + 37] for i in range(0, len(table), 37))), formula)
    assert stream.design.states == whole.design.states
    assert np.allclose(stream.predict(table), whole.predict(table), rtol=1e-11, atol=1e-12)


def test_rows_that_do_not_count_say_nothing_of_knots(table: pd.DataFrame) -> None:
    weighted = bl.Design.learn(table, "y ~ bs(x, df=5)", weights="w")
    assert weighted.states == bl.Design.learn(table[table.w > 0], "y ~ bs(x, df=5)").states
    gaps = table.assign(y=table.y.where(table.x < 1))
    assert (
        bl.Design.learn(gaps, "y ~ ns(x, df=3)", missing="drop").states
        == bl.Design.learn(gaps.dropna(), "y ~ ns(x, df=3)").states
    )


def test_given_knots_and_bounds_need_no_look(table: pd.DataFrame) -> None:
    looks = []

    def rows() -> Any:
        looks.append(1)
        return iter([table])

    bl.fit(bl.stream(rows), "y ~ ns(x, knots=[0], boundary_knots=[-3, 3]) + bs(z, knots=[1.5], lower_bound=1, upper_bound=2)")
    given, looks[:] = len(looks), []
    bl.fit(bl.stream(rows), "y ~ ns(x, df=2) + z")
    assert given < len(looks)


def test_knots_are_kept_in_json_and_in_the_model_file(table: pd.DataFrame, tmp_path: Path) -> None:
    model = bl.fit(table, "y ~ bs(`my x`, df=3, degree=2) + cr(z, df=3, constraints='center') + g:w")
    model.save(tmp_path / "m.bestline")
    again = bl.load(tmp_path / "m.bestline")
    head = table.head(9)
    assert (again.predict(head) == model.predict(head)).all()
    assert bl.Design.from_json(model.design.to_json()).states == model.design.states


@pytest.mark.parametrize(
    ("what", "value"), [("knots", [0.0]), ("knots", [0.2, 0.1]), ("knots", [-99.0, 0.0]), ("low", 99.0), ("low", float("nan"))]
)
def test_knots_that_cannot_be_are_no_design(table: pd.DataFrame, what: str, value: Any) -> None:
    design = bl.Design.learn(table, "y ~ bs(x, df=5)")
    facts = design.to_dict()
    facts["states"]["bs(x, df=5)"][what] = value
    with pytest.raises((ValueError, KeyError)):
        bl.Design.from_dict(facts)


def test_moments_add_where_knots_are_declared_and_not_where_they_were_learnt_apart(table: pd.DataFrame) -> None:
    a, b = table.iloc[:90], table.iloc[90:]
    declared = "y ~ bs(x, knots=[-0.5, 0.5], lower_bound=-4, upper_bound=4) + g"
    added = bl.Moments.collect(a, declared) + bl.Moments.collect(b, declared)
    assert np.allclose(bl.fit(added).predict(table), bl.fit(table, declared).predict(table), rtol=1e-9, atol=1e-10)
    with pytest.raises(DataError, match="different columns, levels"):
        bl.Moments.collect(a, "y ~ bs(x, df=5)") + bl.Moments.collect(b, "y ~ bs(x, df=5)")


def test_groups_share_the_knots_of_all(table: pd.DataFrame) -> None:
    groups = bl.fit_groups(table, "y ~ bs(x, df=3)", by="g")
    X = np.column_stack([np.ones(200), np.asarray(patsy.dmatrix("0 + bs(x, df=3)", table))])
    own = (table.g == "b").to_numpy()
    want = np.linalg.lstsq(X[own], table.y.to_numpy()[own], rcond=None)[0]
    assert np.allclose(groups.model("b").predict(table.loc[own, ["x"]]), X[own] @ want, atol=1e-9)


# -- what is no spline -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("term", "told"),
    [
        ("bs(x, df=0)", "df is a whole number from 3 to 100"),
        ("bs(x, df=1000000)", "df is a whole number from 3 to 100"),
        ("bs(x, df=4.5)", "df is a whole number"),
        ("bs(x, df=-1)", "df is a whole number"),
        ("bs(x, df='4')", "df is a whole number"),
        ("bs(x, df=True)", "df is a whole number"),
        ("bs(x, degree=-1)", "degree is a whole number from 1 to 9"),
        ("bs(x, degree=0)", "degree is a whole number from 1 to 9"),
        ("bs(x, df=4, degree=99)", "degree is a whole number"),
        ("ns(x, df=4, degree=3)", r"write ns\(x, df=4\)"),
        ("ns(x)", "straight line"),
        ("cr(x)", "straight line"),
        ("bs(x, knots=[99])", "lie between the outer ones"),
        ("bs(x, knots=[0, 0])", "same knot twice"),
        ("bs(x, knots=[])*0", "."),
        ("bs(x, knots=['a'])", "are numbers"),
        ("bs(x, knots='a')", "list of numbers"),
        ("bs(x, knots=z)", "is not understood"),
        ("bs(x, knots=[1e999])", "are numbers"),
        ("bs(x, df=5, knots=[0])", "leave one of the two out"),
        ("bs(x, df=5, lower_bound=3, upper_bound=2)", "below the upper one"),
        ("bs(x, df=5, lower_bound=50)", "is constant|outside the bounds"),
        ("ns(x, df=4, boundary_knots=[1])", "two knots"),
        ("bs()", "."),
        ("bs(x, df=4, 3)", "."),
        ("bs(x, df=4, foo=3)", "is not understood"),
        ("bs(bs(x, df=4), df=4)", "cannot stand inside"),
        ("bs(scale(x), df=4)", "cannot stand inside"),
        ("log(bs(x, df=4)) + z", "."),
        ("I(bs(x, df=4) * z)", "as an interaction"),
        ("bs(g, df=4)", "is text"),
        ("bs(few, df=9)", "quantiles there coincide"),
        ("bs(same, df=4)", "is constant"),
        ("ns(same, df=4)", "is constant"),
        ("cr(x, df=4, constraints='sum')", "is not understood"),
        ("scale(x, 3)", "center"),
        ("standardize(x, ddof=2)", "center"),
        ("cc(x, df=4)", r"bs\(x, df=5\)"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(table: pd.DataFrame, term: str, told: str) -> None:
    data = table.assign(few=table.w.astype(float), same=1.5)
    with pytest.raises((FormulaError, DataError), match=told) as caught:
        bl.fit(data, f"y ~ {term}")
    said = str(caught.value)
    assert "\n" not in said
    assert "Traceback" not in said
    assert len(said) < 400


def test_r_s_words_are_understood(table: pd.DataFrame) -> None:
    ours = columns("y ~ bs(x, knots = c(-0.5, 0.5), intercept = TRUE, Boundary.knots = c(-5, 5))", table)
    theirs = np.asarray(
        patsy.dmatrix("0 + bs(x, knots=[-0.5, 0.5], include_intercept=True, lower_bound=-5, upper_bound=5)", table)
    )
    assert np.abs(ours - theirs).max() < CLOSE


def test_a_table_of_single_precision_is_read_as_doubles(table: pd.DataFrame) -> None:
    single = table[["x", "y"]].astype(np.float32)
    want = columns("y ~ bs(x, df=4)", single.astype(float))
    assert np.abs(columns("y ~ bs(x, df=4)", single) - want).max() < CLOSE


def test_one_row_and_none() -> None:
    for rows in ([1.0], []):
        with pytest.raises(DataError):
            bl.fit({"x": rows, "y": rows}, "y ~ bs(x, df=4)")


def test_backquotes_and_q_name_a_column_inside_functions(table: pd.DataFrame) -> None:
    assert expression("log(`my x`) + Q('x')").columns == ["my x", "x"]
    a, b = (columns(f"y ~ {term}", table) for term in ("bs(`my x`, df=4)", "bs(Q('x'), df=4)"))
    assert np.array_equal(a, b)
