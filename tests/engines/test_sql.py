"""SQL engines: what they add up where the rows are gives the moments, lines and errors of the table in memory, and no row is read."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import bestline as bl
from bestline.data.tables.lazy import Lazy
from bestline.errors import BestlineWarning, ColumnError, DataError, MissingValuesError, NotFiniteError
from engines import grid
from engines.sql import ENGINES, Homes, lacking, postgres

pytestmark = [
    pytest.mark.usefixtures("quiet"),
    # Ibis 12 asks DuckDB 2 for tables by a name of before.
    pytest.mark.filterwarnings("ignore:fetch_arrow_table.. is deprecated:DeprecationWarning"),
]

# The rows stand in another order, or are summed in another: what is left is rounding, in spreads and in lengths of columns.
AGREE = 1e-12
FAR = 1e6  # an offset that costs a sum of squares 12 digits, and sums about the mean none


@pytest.fixture(scope="module")
def homes() -> Iterator[Homes]:
    with ExitStack() as stack:
        address: list[str] = []

        def where() -> str:
            if not address:  # started when it is first needed
                address.append(stack.enter_context(postgres()))
            return address[0]

        made = Homes(where)
        stack.callback(made.close)
        yield made


def table(n: int = 4_000, seed: int = 5) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "far": draw.normal(size=n) + FAR,
            "z": 3 * draw.normal(size=n) + 2,
            "g": draw.choice(["north", "south", "west"], n),
            "firm": draw.choice(list("pqrstuv"), n),
            "code": draw.choice(["01", "02"], n),
            "i": draw.integers(0, 5, n),
            "b": draw.normal(size=n) > 0,
            "w": draw.integers(1, 4, n).astype(float),
        }
    )
    frame["y"] = frame.far - FAR + frame.z + frame.i + (frame.g == "west") + draw.normal(size=n) * (1 + frame.i) + FAR
    frame["gaps"] = frame.z.where(draw.random(n) > 0.1)
    frame["lacks"] = frame.g.where(draw.random(n) > 0.05, None)
    frame["few"] = frame.i.astype(float).where(draw.random(n) > 0.05)
    frame["nan"] = frame.i.astype("float32").where(frame.index % 9 != 0)
    return frame


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return table()


HEAVY = ("ibis", "postgres")  # what needs more than development installs


@pytest.fixture(scope="module", params=[pytest.param(e, marks=[pytest.mark.engines] * (e in HEAVY)) for e in ENGINES])
def rows(request: pytest.FixtureRequest, homes: Homes, frame: pd.DataFrame) -> Any:
    """The frame as the engine has it."""
    why = lacking(request.param)
    if why:
        pytest.skip(why)
    return homes.put(request.param, frame)


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on whoever reads a row fails."""

    def refuse(*_: Any) -> Any:
        raise AssertionError("rows were read")

    monkeypatch.setattr(Lazy, "_batches", refuse)


def same_moments(there: bl.Moments, here: bl.Moments) -> None:
    assert there.design.names == here.design.names
    assert (there.rows, there.dropped, there.imputed) == (here.rows, here.dropped, here.imputed)
    own = dict(zip(here.values or range(len(here.folds)), here.folds, strict=True))
    for name, fold in zip(there.values or range(len(there.folds)), there.folds, strict=True):
        other = own[name]
        assert fold.count == other.count
        assert fold.weight == pytest.approx(other.weight, rel=AGREE)
        assert fold.log_weight == pytest.approx(other.log_weight, rel=AGREE)
        spread, length = other.spread, other.scatter.diagonal().sqrt()
        # A mean at FAR has the rounding of float64 there, beside a spread of 1.
        room = AGREE + 4e-16 * (other.center / spread).abs().clamp(max=4 * FAR)
        assert bool(((fold.center - other.center).abs() / spread <= room).all())
        apart = (fold.scatter - other.scatter).abs() / torch.outer(length, length)
        assert float(apart.max()) <= AGREE
    for mine, theirs in ((there.low, here.low), (there.high, here.high)):
        torch.testing.assert_close(mine, theirs, rtol=AGREE, atol=AGREE)  # functions are rounded by whoever computes them


CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "numbers far from zero": ("y ~ far + z", {}),
    "no intercept": ("y ~ far + z - 1", {}),
    "intercept alone": ("y ~ 1", {}),
    "categories": ("y ~ far + z + g + C(i) + b", {}),
    "text codes": ("y ~ z + C(code, Treatment('02'))", {}),
    "products": ("y ~ far*g + z:i + g:b", {}),
    "terms": ("log(w) + z ~ I(z**2) + sqrt(abs(z)) + exp(z / 10) + floor(z) + sin(z):g", {}),
    "states": ("y ~ center(z) + scale(z):g", {}),
    "polynomials": ("y ~ poly(z, 3) + poly(i, 2, raw=True)", {}),
    "several targets": ("y + z ~ far + g", {}),
    "weights": ("y ~ far + z + g", {"weights": "w"}),
    "dropped": ("y ~ far + gaps + lacks", {"missing": "drop"}),
    "dropped, NaN of float32": ("y ~ z + nan", {"missing": "drop"}),
    "imputed": ("y ~ gaps*lacks + far", {"missing": "impute", "weights": "w"}),
    "folds of a column": ("y ~ far + z + g", {"folds": "firm", "weights": "w"}),
    "few different rows": ("y ~ i + g*b", {}),
    "few, with terms that no engine has": ("y ~ log1p(i) + expm1(w) + tanh(i):g", {}),
    "few, dropped": ("y ~ few + lacks", {"missing": "drop"}),
    "few, imputed": ("y ~ few*lacks", {"missing": "impute", "weights": "w"}),
    "few, folds of a column": ("y ~ i + g", {"folds": "firm"}),
    "all that can serve": ("gaps ~ .", {"missing": "drop"}),
}


@pytest.mark.parametrize("case", CASES)
def test_moments_are_those_of_the_table_and_no_row_is_read(rows, frame, unread, case):
    formula, asked = CASES[case]
    asked = {"folds": 1, **asked}
    same_moments(bl.Moments.collect(rows, formula, **asked), bl.Moments.collect(frame, formula, **asked))


@pytest.mark.parametrize("formula", ["y ~ far + z + g", "y ~ i + g*b"])
def test_a_line_is_fitted_without_its_rows(homes, formula, request):
    # So many that the exact solution, which reads the rows of small tables, is not for nothing.
    frame = table(60_000)
    for engine in ("polars", "duckdb"):
        data = homes.put(engine, frame)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Lazy, "_batches", lambda *_: pytest.fail("rows were read"))
            with pytest.warns(BestlineWarning, match=r"added up 60,000 rows .* came back, \d+ kB, and no rows\."):
                there = bl.fit(data, formula, digits=0)
            printed = [str(v) for v in there.params]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BestlineWarning)
            here = bl.fit(frame, formula, digits=0)
        assert len(printed) == len(here.params)
        np.testing.assert_allclose(there.params, here.params, rtol=1e-9)
        np.testing.assert_allclose(there.bse, here.bse, rtol=1e-11)
        # Asked for, the folds are told by the rows, and are those of the table.
        np.testing.assert_allclose(there.held_out.rmse, here.held_out.rmse, rtol=1e-11)
        assert any("held-out error" in note for note in there.notes)


COVS: list[Any] = ["HC0", "HC1", "HC2", "HC3", {"cluster": "firm"}]


@pytest.mark.parametrize("asked", [{}, {"weights": "w"}], ids=["unweighted", "weighted"])
def test_robust_errors_from_distinct_rows_are_those_of_all_rows(rows, frame, asked, monkeypatch):
    here, there = (bl.fit(data, "y ~ i + g*b + poly(i, 2)", **asked) for data in (frame, rows))
    monkeypatch.setattr(Lazy, "_batches", lambda *_: pytest.fail("rows were read"))
    for cov in COVS:
        expected, found = here.covariance(cov), there.covariance(cov)
        # A mean at FAR is rounded to 1e-10, beside residuals of 1 to 5.
        np.testing.assert_allclose(found.std_error, expected.std_error, rtol=1e-9)
        assert (found.df, found.clusters) == (expected.df, expected.clusters)


def test_robust_errors_of_many_different_rows_read_them(rows, frame):
    here, there = (bl.fit(data, "y ~ far + z") for data in (frame, rows))
    for cov in ("HC3", {"cluster": "firm"}):
        np.testing.assert_allclose(there.covariance(cov).std_error, here.covariance(cov).std_error, rtol=1e-9)


def test_folds_by_hash_are_those_of_the_rows_which_is_said(rows, frame):
    with pytest.warns(BestlineWarning, match=r"All rows were read from .*hash of the row"):
        there = bl.Moments.collect(rows, "y ~ far + z", folds=4)
    here = bl.Moments.collect(frame, "y ~ far + z", folds=4)
    assert [f.count for f in there.folds] == [f.count for f in here.folds]


def test_errors_are_those_of_the_table(rows, frame):
    for formula, asked, kind in (
        ("y ~ gaps + lacks", {}, MissingValuesError),
        ("y ~ z", {"folds": "lacks"}, MissingValuesError),
        ("y ~ g", {"weights": "z"}, ColumnError),
    ):
        with pytest.raises(kind) as here:
            bl.Moments.collect(frame, formula, **{"folds": 1, **asked})
        with pytest.raises(kind) as there:
            bl.Moments.collect(rows, formula, **{"folds": 1, **asked})
        assert str(there.value) == str(here.value)


def test_an_expression_that_is_no_number_is_an_error_and_no_missing_value(rows):
    for term in ("log(z)", "sqrt(z)", "I(1 / i)", "exp(exp(exp(z)))"):
        with pytest.raises(NotFiniteError):
            bl.Moments.collect(rows, f"y ~ far + {term}", folds=1)


def wide(n: int = 3_000, columns: int = 70) -> pd.DataFrame:
    draw = np.random.default_rng(2)
    return pd.DataFrame({**{f"x{j}": draw.normal(size=n) for j in range(columns)}, "y": draw.normal(size=n)})


def test_what_is_too_wide_is_read_which_is_said(homes):
    frame = wide()
    formula = "y ~ " + " + ".join(f"x{j}" for j in range(70))
    for engine in ("polars", "duckdb"):
        with pytest.warns(BestlineWarning, match="71 variables, and 60 is the most"):
            there = bl.Moments.collect(homes.put(engine, frame), formula, folds=1)
        same_moments(there, bl.Moments.collect(frame, formula, folds=1))


def test_thirty_columns_take_several_queries(homes, unread):
    frame = wide(columns=40).assign(g=np.resize(["a", "b", "c"], 3_000))
    formula = "y ~ g + " + " + ".join(f"x{j}" for j in range(40))
    for engine in ("polars", "duckdb"):
        there = bl.Moments.collect(homes.put(engine, frame), formula, folds=1)
        same_moments(there, bl.Moments.collect(frame, formula, folds=1))


def test_an_engine_that_sums_carelessly_is_exact_all_the_same(homes):
    # 0.1 a million times over: added up one after the other the last five digits are wrong, and so are those of its squares.
    n = 300_000
    values = np.where(np.arange(n) % 3 == 0, 0.1, 0.7)
    frame = pd.DataFrame({"x": values, "y": np.roll(values, 1) + (np.arange(n) % 7) / 7})
    exact = sum((Fraction(v) ** 2 * int(c) for v, c in zip(*np.unique(values, return_counts=True), strict=True)), Fraction(0))
    mean = sum((Fraction(v) * int(c) for v, c in zip(*np.unique(values, return_counts=True), strict=True)), Fraction(0)) / n
    for engine in ("polars", "duckdb"):
        found = bl.Moments.collect(homes.put(engine, frame), "y ~ x + I(x * 1)", folds=1).total
        assert float(abs(Fraction(float(found.scatter[0, 0])) - (exact - n * mean**2)) / (exact - n * mean**2)) < 1e-15
        assert found.cancelled == 1.0


def test_claimed_digits_are_right(homes):
    frame = table(60_000)
    formula = "y ~ far + z + g"
    best = bl.fit(frame, formula, digits=15)  # solved exactly
    for engine in ("polars", "duckdb"):
        found = bl.fit(homes.put(engine, frame), formula, digits=0)
        right = -np.log10(np.abs(found.params / best.params - 1).clip(lower=1e-16))
        assert (found.digits <= right + 0.5).all()
        assert (found.digits >= 7).all()


def test_constant_columns_have_no_scatter_at_all(homes, unread):
    frame = table(500).assign(one=0.1, far_one=FAR + 0.1)
    for engine in ("polars", "duckdb"):
        moments = bl.Moments.collect(homes.put(engine, frame), "y ~ one + far_one + z", folds=1).total
        assert moments.spread[:2].tolist() == [0.0, 0.0]
        assert moments.center[:2].tolist() == [0.1, FAR + 0.1]


def test_a_table_of_one_row(homes, unread):
    frame = table(1)
    for engine in ("polars", "duckdb"):
        moments = bl.Moments.collect(homes.put(engine, frame), "y ~ far + z", folds=1)
        assert (moments.rows, moments.total.center.tolist()) == (1, frame.loc[0, ["far", "z", "y"]].tolist())


def test_numbers_that_float64_cannot_square_or_hold_are_read(homes):
    frame = table(300).assign(huge=lambda f: f.z * 1e200, long=lambda f: 2**60 + f.i)
    data = homes.put("duckdb", frame)
    for formula in ("y ~ huge", "y ~ long"):
        with pytest.warns(BestlineWarning, match="All rows were read"):
            there = bl.Moments.collect(data, formula, folds=1)
        here = bl.Moments.collect(frame, formula, folds=1)
        torch.testing.assert_close(there.total.center, here.total.center, rtol=1e-13, atol=0)
        assert there.design.rounded == here.design.rounded


def test_a_text_column_that_numbers_the_rows_is_left_out_without_reading_it(homes, unread):
    frame = table(30_000).assign(key=lambda f: [f"row {i}" for i in f.index])
    for engine in ("polars", "duckdb"):
        moments = bl.Moments.collect(homes.put(engine, frame), target="y", folds=1, missing="drop")
        assert not any("key" in name for name in moments.design.names)


def test_the_order_of_groups_does_not_matter(homes, unread):
    frame = table(2_000)
    shuffled = frame.sample(frac=1, random_state=1)
    one, two = (bl.Moments.collect(pl.from_pandas(f).lazy(), "y ~ far*firm + C(i)", folds="g") for f in (frame, shuffled))
    assert one.values == two.values
    for a, b in zip(one.folds, two.folds, strict=True):
        torch.testing.assert_close(a.scatter, b.scatter, rtol=1e-12, atol=1e-8)


def test_names_that_the_queries_use_themselves_and_odd_ones(homes, unread):
    frame = table(900).rename(columns={"firm": "bestline_n", "g": "rows", "z": 'a "0', "i": "a1"})
    formula = 'y ~ rows + C(bestline_n) + `a "0`'
    for engine in ("polars", "duckdb"):
        try:
            here = bl.Moments.collect(frame, formula, folds=1)
        except bl.errors.FormulaError:  # a quotation mark in a name
            frame, formula = frame.rename(columns={'a "0': "a 0"}), "y ~ rows + C(bestline_n) + `a 0` + a1"
            here = bl.Moments.collect(frame, formula, folds=1)
        same_moments(bl.Moments.collect(homes.put(engine, frame), formula, folds=1), here)


def test_a_random_sample_is_refused():
    connection = duckdb.connect()
    connection.execute("create table t as select range::double as x, random() as y from range(20000)")
    with pytest.raises(DataError, match="the same rows each time"):
        bl.Moments.collect(connection.sql("select * from t where random() < 0.5"), "y ~ x", folds=1)


def test_a_model_of_rows_elsewhere_is_saved_and_not_pickled(homes, tmp_path):
    model = bl.fit(homes.put("duckdb", table(300)), "y ~ z")
    with pytest.raises(DataError, match="cannot be pickled"):
        pickle.dumps(model)
    model.save(tmp_path / "m.bestline")
    assert bl.load(tmp_path / "m.bestline").params.tolist() == model.params.tolist()
    assert len(pickle.dumps(bl.fit(homes.put("polars", table(300)), "y ~ z"))) > 1_000


# --- the cases of every engine -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[pytest.param(e, marks=[pytest.mark.engines] * (e in HEAVY)) for e in ENGINES])
def given(request: pytest.FixtureRequest, homes: Homes) -> tuple[str, Any]:
    why = lacking(request.param)
    if why:
        pytest.skip(why)
    return request.param, homes.put(request.param, grid.table())


# Without an order of rows nobody knows which rows a split takes, nor which come first in a mini-batch.
ORDERED = {"split"}


@pytest.mark.parametrize("case", grid.FITS)
def test_fits_of_the_grid(given, case):
    engine, data = given
    if case in ORDERED and engine != "polars":
        pytest.skip("rows of a database have no order")
    grid.same_fit(data, grid.table(), case)


def test_second_passes_of_the_grid(given, homes):
    engine, data = given
    new = grid.table(seed=4)
    grid.same_second_passes(data, grid.table(), homes.put(engine, new), new)


def test_groups_of_the_grid(given):
    grid.same_groups(given[1], grid.table())


def test_moments_of_the_grid(given):
    grid.same_moments(given[1], grid.table())


@pytest.mark.parametrize("formula", ["y ~ a + b", "y ~ a + group", "y ~ gone"])
def test_refusals_of_the_grid(given, formula):
    assert " | " not in grid.same_refusal(given[1], grid.table(), formula)
