"""Lags, leads and differences: what pandas' shift says, in every door that has the rows, and refused by name in those that have not."""

from __future__ import annotations

from fractions import Fraction
from math import ldexp
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.formula.api as smf
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import bestline as bl
from bestline.cli.app import app
from bestline.data.tables import Shift, open_source
from bestline.data.tables.derived.shifts import worked_out
from bestline.errors import (
    BestlineWarning,
    ColumnError,
    DataError,
    FormulaError,
    MissingValuesError,
    NotFiniteError,
    OptionError,
)

FORMULA = "y ~ x + lag(x, order=week, by=firm) + diff(z, 2, order=week, by=firm)"


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    """Three firms of 30 weeks each, their rows mixed."""
    draw = np.random.default_rng(11)
    made = pd.DataFrame({"firm": np.repeat(["a", "b", "c"], 30), "week": np.tile(np.arange(30), 3)})
    made = made.assign(x=draw.normal(size=90), z=draw.normal(size=90).cumsum(), w=draw.uniform(1, 2, 90))
    made["y"] = 1 + 2 * made.x + 0.5 * made.groupby("firm").x.shift(1).fillna(0) + draw.normal(size=90)
    return made.sample(frac=1, random_state=3).reset_index(drop=True)


@pytest.fixture(scope="module")
def shifted(panel: pd.DataFrame) -> pd.DataFrame:
    """The same rows with columns that pandas has shifted."""
    made = panel.sort_values(["firm", "week"])
    by = made.groupby("firm")
    return made.assign(lagged=by.x.shift(1), differenced=by.z.diff(2)).sort_index()


def fitted(data: Any, formula: str = FORMULA, **options: Any) -> bl.Model:
    with pytest.warns(BestlineWarning, match="6 rows were left out because a value was missing"):
        return bl.fit(data, formula, missing="drop", **options)


class TestValues:
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["a", "b", None]),
                st.one_of(st.none(), st.integers(-5, 5)),
                st.one_of(st.none(), st.floats(-9, 9)),
            ),
            min_size=2,
            max_size=30,
            unique_by=lambda row: row[:2],
        ),
        st.sampled_from(["lag", "lead", "diff"]),
        st.integers(1, 4),
        st.integers(1, 7),
        st.booleans(),
    )
    def test_they_are_those_of_pandas(
        self, rows: list[tuple[str | None, int | None, float | None]], kind: str, k: int, size: int, by: bool
    ):
        table = pd.DataFrame(rows, columns=["g", "t", "x"]).astype({"t": float, "x": float})
        # What all rows and pandas' own missing keys say: a row without a place or a level follows no row.
        if not by:
            table = table.drop_duplicates("t")
        placed = table.dropna(subset=["t", "g"] if by else ["t"]).sort_values("t", kind="stable")
        x = placed.groupby("g").x if by else placed.x
        moved = {"lag": lambda: x.shift(k), "lead": lambda: x.shift(-k), "diff": lambda: x.diff(k)}[kind]()
        wanted = moved.reindex(table.index).to_numpy()
        name = f"{kind}(x{f', {k}' if k > 1 else ''}, order=t{', by=g' if by else ''})"
        source = open_source(table)
        if any(table[column].isna().all() for column in ("x", "t", "g")):  # of a column without values there is no shift
            return
        found = np.concatenate([batch.numbers([name])[:, 0].numpy() for batch in source.batches([name], size=size)])
        np.testing.assert_array_equal(found, wanted)

    def test_without_an_order_rows_follow_as_they_stand(self):
        table = pd.DataFrame({"x": [1.0, 4.0, 9.0, 16.0]})
        (batch,) = open_source(table).batches(["lag(x)", "lead(x, 2)", "diff(x)"])
        found = batch.numbers(["lag(x)", "lead(x, 2)", "diff(x)"]).numpy()
        np.testing.assert_array_equal(found, [[np.nan, 9, np.nan], [1, 16, 3], [4, np.nan, 5], [9, np.nan, 7]])

    def test_dates_put_rows_in_order(self, panel: pd.DataFrame):
        dated = panel.assign(week=pd.Timestamp("2024-01-01") + pd.to_timedelta(7 * panel.week, "D"))
        assert fitted(dated).coef.tolist() == fitted(panel).coef.tolist()

    @pytest.mark.parametrize(
        ("weeks", "said"), [([1, 2, 3, 4], ()), ([1, 2, 4, 5], ("1 gap,",)), ([2, 7, 12, 40], ("1 gap,",))]
    )
    def test_gaps_are_said(self, weeks: list[int], said: tuple[str, ...]):
        table = {"y": [1.0, 3, 2, 5], "x": [1.0, 2, 4, 3], "week": weeks}
        with pytest.warns(BestlineWarning) as told:
            bl.fit(table, "y ~ lag(x, order=week)", missing="drop")
        assert [word for w in told for word in ["1 gap,"] if word in str(w.message)] == list(said)

    @pytest.mark.parametrize("last", [60, 61])
    @pytest.mark.parametrize(("a", "b"), [([1, 2, 3, 4], [60, 61, 62, 63]), ([60, 61, 62, 63], [1, 2, 3, 4])])
    def test_from_one_level_to_the_next_there_is_no_gap(self, a: list[int], b: list[int], last: int):
        """Each firm has weeks without a gap, however far the one is from the other; `last` puts one within the second."""
        weeks = [*a, *b[:3], b[3] + last - 60]
        table = {"y": [1.0, 3, 2, 5, 4, 7, 6, 9], "x": [1.0, 2, 4, 3, 6, 5, 8, 9], "week": weeks, "firm": list("aaaabbbb")}
        with pytest.warns(BestlineWarning) as told:
            bl.fit(table, "y ~ lag(x, order=week, by=firm)", missing="drop")
        assert sum("has 1 gap, and" in str(w.message) for w in told) == last - 60
        assert sum("gap" in str(w.message) for w in told) == last - 60

    @given(st.lists(st.builds(ldexp, st.integers(-9, 9), st.sampled_from([-70, 0])), min_size=2, max_size=4), st.integers(1, 2))
    def test_a_difference_that_float64_rounds_is_known_as_such(self, x: list[float], k: int):
        (batch,) = open_source({"x": x, "y": x}).batches()
        exact = [Fraction(b) - Fraction(a) == Fraction(b - a) for a, b in zip(x, x[k:], strict=False)]
        assert worked_out(Shift("diff", "x", k), None, [batch]).rounded == (not all(exact))
        assert not worked_out(Shift("lag", "x", k), None, [batch]).rounded

    def test_weekends_are_no_gaps(self):
        draw, days = np.random.default_rng(5), pd.bdate_range("2024-01-01", periods=60)
        table = pd.DataFrame({"day": days, "x": draw.normal(size=60), "y": draw.normal(size=60)})
        for rows, gaps in ((table, 0), (table.drop(index=range(12, 17)), 1)):
            with pytest.warns(BestlineWarning) as told:
                bl.fit(rows, "y ~ lag(x, order=day)", missing="drop")
            assert sum("has 1 gap, and" in str(w.message) for w in told) == gaps
            assert sum("gap" in str(w.message) for w in told) == gaps


class TestFits:
    @pytest.mark.parametrize("form", ["pandas", "polars", "file", "parquet", "stream"])
    def test_the_line_is_that_of_shifted_columns(self, panel: pd.DataFrame, shifted: pd.DataFrame, form: str, tmp_path: Path):
        panel.to_csv(tmp_path / "panel.csv", index=False)
        panel.to_parquet(tmp_path / "panel.parquet")
        data = {
            "pandas": panel,
            "polars": pl.from_pandas(panel),
            "file": str(tmp_path / "panel.csv"),
            "parquet": str(tmp_path / "panel.parquet"),
            "stream": bl.stream(lambda: iter([panel[:40], panel[40:]])),
        }[form]
        ours = fitted(data, cov="HC1")
        theirs = smf.ols("y ~ x + lagged + differenced", shifted).fit(cov_type="HC1")
        intercept_last = np.roll(theirs.params.to_numpy(), -1)
        np.testing.assert_allclose(ours.tidy()["estimate"], intercept_last, rtol=1e-12)
        np.testing.assert_allclose(ours.tidy()["std_error"], np.roll(theirs.bse.to_numpy(), -1), rtol=1e-12)

    def test_weights_folds_and_split_go_with_the_rows(self, panel: pd.DataFrame, shifted: pd.DataFrame):
        own = "y ~ x + lagged + differenced"
        for options in ({"weights": "w"}, {"split": (0.6, 0.2, 0.2)}, {"loss": "huber"}, {"l2": 0.5}):
            ours, theirs = fitted(panel, **options), fitted(shifted, own, **options)
            np.testing.assert_allclose(ours.coef.to_numpy(), theirs.coef.to_numpy(), rtol=1e-9)

    def test_predictions_need_the_row_before(self, panel: pd.DataFrame, shifted: pd.DataFrame, tmp_path: Path):
        model, theirs = fitted(panel), fitted(shifted, "y ~ x + lagged + differenced")
        model.save(tmp_path / "m.bestline")
        for own in (model, bl.load(tmp_path / "m.bestline")):
            with pytest.warns(BestlineWarning, match="6 rows have no prediction"):
                found = own.predict(panel)
            with pytest.warns(BestlineWarning, match="6 rows have no prediction"):
                np.testing.assert_allclose(found, theirs.predict(shifted), rtol=1e-12)

    def test_new_rows_are_augmented_and_written(self, panel: pd.DataFrame, shifted: pd.DataFrame, tmp_path: Path):
        model, theirs = fitted(panel), fitted(shifted, "y ~ x + lagged + differenced")
        model.save(tmp_path / "m.bestline")
        panel.to_csv(tmp_path / "new.csv", index=False)
        with pytest.warns(BestlineWarning, match="6 rows have no prediction"):
            wanted = theirs.predict(shifted)
        with pytest.warns(BestlineWarning, match="6 rows have no prediction"):
            found = model.augment(panel.drop(columns="y"))["fitted"]
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
        np.testing.assert_allclose(model.augment(panel)["fitted"], wanted[~np.isnan(wanted)], rtol=1e-12)
        for out in ("out.csv", "out.parquet"):
            done = CliRunner().invoke(
                app, ["predict", *map(str, (tmp_path / "m.bestline", tmp_path / "new.csv", "-o", tmp_path / out))]
            )
            assert done.exit_code == 0, done.output
            written = (pd.read_csv if out == "out.csv" else pd.read_parquet)(tmp_path / out)
            assert list(written) == [*panel, "prediction"]
            np.testing.assert_allclose(written["prediction"], wanted, rtol=1e-12)

    def test_one_row_can_bring_the_value_itself(self, panel: pd.DataFrame):
        model = fitted(panel)
        lag, difference = model.names[1:3]
        found = model.predict({"x": 1.0, lag: 0.5, difference: 0.25})
        assert found == pytest.approx(model.coef.to_numpy() @ [1.0, 0.5, 0.25] + model.intercept, rel=1e-12)

    def test_groups_are_those_of_their_own_rows(self, panel: pd.DataFrame, shifted: pd.DataFrame):
        formula = "y ~ lag(x, order=week, by=firm)"
        with pytest.warns(BestlineWarning, match="3 of 90 rows"):
            ours = bl.fit_groups(panel, formula, by="firm", missing="drop")
        for firm in "abc":
            theirs = smf.ols("y ~ lagged", shifted[shifted.firm == firm]).fit()
            with pytest.warns(BestlineWarning, match="1 row was left out"):
                np.testing.assert_allclose(ours.model(firm).coef.to_numpy(), theirs.params[1:], rtol=1e-12)

    def test_within_expressions_and_on_the_left(self, panel: pd.DataFrame):
        model = fitted(panel.sort_values("week"), "diff(y, order=week, by=firm) ~ I(lag(z, 2, order=week, by=firm)**2)")
        assert model.targets == ("diff(y, order=week, by=firm)",)
        assert fitted(panel, model.formula).coef.tolist() == pytest.approx(model.coef.tolist(), rel=1e-12)

    def test_one_shift_in_two_spellings_is_one_column(self, panel: pd.DataFrame):
        with pytest.warns(BestlineWarning, match="1 row "):
            model = bl.fit(panel, "y ~ lag(x) + z + lag(x, 1) + lead(x, -1)", missing="drop")
        assert list(model.coef.index) == ["lag(x)", "z"]  # where it was met first, as of columns written twice

    def test_columns_that_are_called_like_a_shift_are_none(self, panel: pd.DataFrame, tmp_path: Path):
        lagged = pd.concat([panel] * 20).assign(**{"lag(x)": panel.x.shift(1).fillna(0)})  # too many rows to stand in a script
        lagged.to_csv(tmp_path / "lagged.csv", index=False)
        model = bl.fit(str(tmp_path / "lagged.csv"), "y ~ z + `lag(x)`")
        theirs = np.linalg.lstsq(np.column_stack([lagged.z, lagged["lag(x)"], np.ones(1_800)]), lagged.y, rcond=None)[0]
        np.testing.assert_allclose(model.weights[:, 0].numpy(), theirs, rtol=1e-10)
        model.save(tmp_path / "m.bestline")
        assert '"lag(x)"' in model.to_sql("t") == bl.load(tmp_path / "m.bestline").to_sql("t")
        assert "read_csv" in model.script()
        lagged.loc[0, "lag(x)"] = np.nan
        with pytest.raises(MissingValuesError) as told:
            bl.fit(lagged, "y ~ z + `lag(x)`")
        assert "no row before" not in str(told.value)

    def test_columns_that_are_called_as_words_of_a_shift_are(self, panel: pd.DataFrame):
        named = panel.rename(columns={"x": "lag", "week": "order", "firm": "by"})
        model = fitted(named, "y ~ `lag` + lag(`lag`, 2, order=`order`, by=`by`)")
        same = fitted(panel, "y ~ x + lag(x, 2, order=week, by=firm)")
        assert model.coef.tolist() == same.coef.tolist()

    @pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
    def test_digits_of_rounded_differences_are_those_of_exact_ones(self):
        draw = np.random.default_rng(0)
        z = draw.normal(size=40) * 10.0 ** draw.integers(-3, 3, 40)
        table = pd.DataFrame({"x": z, "z": z + draw.normal(size=40) * 1e-9 * np.abs(z), "y": draw.normal(size=40)})
        before = table.shift(1)[["x", "z"]].add_prefix("l")
        # What expressions round is brought back, so that this is the line of the exact differences.
        exact = bl.fit(table.join(before)[1:], "y ~ I(x - lx) + I(z - lz)")
        model = bl.fit(table, "y ~ diff(x) + diff(z)", missing="drop")
        right = -np.log10(np.abs(model.coef.to_numpy() / exact.coef.to_numpy() - 1))
        assert exact.digits.min() == 15
        assert (model.digits.to_numpy()[:2] <= right).all()
        assert right.max() < 10

    def test_a_lag_of_a_category_of_numbers(self, panel: pd.DataFrame):
        with pytest.warns(BestlineWarning, match="3 rows"):
            model = bl.fit(panel.assign(k=panel.week % 3), "y ~ C(lag(k, order=week, by=firm))", missing="drop")
        assert len(model.coef) == 2


class TestRefused:
    def test_rows_without_a_row_before_them_are_missing(self, panel: pd.DataFrame):
        with pytest.raises(MissingValuesError, match=r"`lag\(x\)` 1\); choose missing='drop'.*no row before them"):
            bl.fit(panel, "y ~ lag(x)")

    def test_two_rows_of_one_place(self, panel: pd.DataFrame):
        with pytest.raises(ColumnError, match=r"`week` holds the same value in rows \d+ and \d+.*by=firm"):
            bl.fit(panel, "y ~ lag(x, order=week)", missing="drop")

    @pytest.mark.parametrize(
        ("term", "said"),
        [
            ("lag(log(x))", r"log\(lag\(x\)\)"),
            ("diff(log(x))", r"as in I\(log\(x\) - log\(lag\(x\)\)\)"),
            ("lag(diff(x))", r"^lag\(diff\(x\)\) shifts what is shifted already; .* I\(lag\(x\) - lag\(x, 2\)\)"),
            ("diff(lag(x, order=week), by=firm)", "shifts what is shifted already"),
            ("lag(x, 0)", "whole number from 1 on"),
            ("lag(x, 1.5)", "whole number from 1 on"),
            ("diff(x, -1)", "from 1 on"),
            ("lag()", r"write lag\(x\), lag\(x, 2\)"),
            ("lag(x, 1, 2)", "is not understood"),
            ("lag(x, on=week)", "is not understood"),
            ("lag(x, 1:3)", "write each by itself"),
            ("shift(x)", r"written lag\(x\)"),
        ],
    )
    def test_what_is_no_shift(self, panel: pd.DataFrame, term: str, said: str):
        with pytest.raises(FormulaError, match=said):
            bl.fit(panel, f"y ~ {term}", missing="drop")

    @pytest.mark.filterwarnings("ignore:.*left out")
    @pytest.mark.parametrize(
        ("term", "column"),
        [
            ("I(log(w) - log(lag(w)))", lambda f: np.log(f.w).diff()),
            ("I(lag(x) - lag(x, 2))", lambda f: f.x.diff().shift(1)),
        ],
    )
    def test_what_is_advised_instead_is_what_was_meant(self, panel: pd.DataFrame, term: str, column: Any):
        ours = bl.fit(panel, f"y ~ {term}", missing="drop")
        theirs = smf.ols("y ~ c", panel.assign(c=column(panel))).fit()
        np.testing.assert_allclose([ours.intercept, *ours.coef], theirs.params, rtol=1e-10)

    @pytest.mark.parametrize(
        ("term", "said"),
        [
            ("lag(firm)", "holds text"),
            ("lag(nope)", "no column `nope`"),
            ("lag(x, order=firm)", "in order of numbers or dates"),
            ("lag(x, by=nope)", "no column `nope`"),
        ],
    )
    def test_columns_that_cannot_serve(self, panel: pd.DataFrame, term: str, said: str):
        with pytest.raises(ColumnError, match=said):
            bl.fit(panel, f"y ~ {term}", missing="drop")

    @pytest.mark.parametrize("x", [[1.0, 2, np.inf, 4, 5, 6], [1.0, 2, -1.7e308, 1.7e308, 5, 6]])
    def test_differences_that_are_infinite(self, x: list[float]):
        with pytest.raises(NotFiniteError, match=r"`diff\(x\)` is infinite at row"):
            bl.fit({"x": x, "y": [1.0, 2, 4, 3, 6, 5]}, "y ~ diff(x)", missing="drop")

    def test_where_a_row_stands_alone(self, panel: pd.DataFrame, tmp_path: Path):
        model = fitted(panel)
        both = r"`diff\(z, 2, order=week, by=firm\)` are what other rows hold, and SQL computes each row by itself; .* such columns"
        with pytest.raises(OptionError, match=both):
            model.to_sql("t")
        with pytest.warns(BestlineWarning, match="1 row was left out"):
            alone = bl.fit(panel, "y ~ lag(x)", missing="drop")
        with pytest.raises(OptionError, match=r"`lag\(x\)` is what another row holds, and SQL"):
            alone.to_sql("t")
        with pytest.raises(OptionError, match="ONNX computes each row by itself"):
            model.to_onnx(tmp_path / "m.onnx")

    def test_where_rows_are_in_parts(self, panel: pd.DataFrame, tmp_path: Path):
        with pytest.raises(ColumnError, match="no order of their own"):
            bl.fit(pl.from_pandas(panel).lazy(), FORMULA, missing="drop")
        design = bl.Design.learn(panel, FORMULA, missing="drop")
        with pytest.raises(ColumnError, match="in another part"):
            bl.Moments.of([panel[:40], panel[40:]], design)
        panel.to_csv(tmp_path / "panel.csv", index=False)
        with pytest.raises(ColumnError, match="leave the checkpoint out"):
            bl.Moments.collect(str(tmp_path / "panel.csv"), FORMULA, missing="drop", checkpoint=tmp_path / "c")

    def test_a_file_that_grows_after_the_fit(self, panel: pd.DataFrame, tmp_path: Path):
        path = tmp_path / "panel.csv"
        panel.to_csv(path, index=False)
        model = fitted(str(path))
        pd.concat([panel, panel]).to_csv(path, index=False)
        with pytest.raises(
            DataError, match=r"had 90 rows when `lag\(x, order=week, by=firm\)` was worked out, and now has more"
        ):
            model.diagnose()

    def test_a_group_does_not_end_in_another(self, panel: pd.DataFrame):
        with pytest.raises(OptionError, match=r"reaches across groups.*lag\(x, by=firm\)"):
            bl.fit_groups(panel, "y ~ lag(x)", by="firm", missing="drop")
