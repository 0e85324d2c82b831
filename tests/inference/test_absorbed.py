"""A line with absorbed effects is the line with a column for each level: in its weights, errors, figures and predictions."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bestline as bl
from bestline.errors import BestlineWarning, OptionError, UnseenLevelError

# Both are least squares in float64; the indicators' own sums cost the last digits.
WEIGHT, ERROR, HEIGHT = 1e-9, 1e-8, 1e-8

# pyfixest 0.60.0, feols: weights, errors, R2, within R2 and degrees of freedom of t, on Palmer penguins.
PENGUINS = "body_mass_g ~ flipper_length_mm + bill_length_mm | "
PYFIXEST: list[tuple[str, Any, str | None, list[float], list[float], float, float, int]] = [
    (
        "species + island",
        "classical",
        None,
        [27.762553409433472, 61.463401938069445],
        [3.1996018952357086, 7.154700434873931],
        0.8227977450682156,
        0.46345560596984214,
        335,
    ),
    (
        "species + island",
        "HC1",
        None,
        [27.762553409433472, 61.463401938069445],
        [3.02739576456969, 6.46381762866894],
        0.8227977450682156,
        0.46345560596984214,
        335,
    ),
    (
        "species + island",
        "cluster:island",
        None,
        [27.762553409433472, 61.463401938069445],
        [2.8008946250201032, 8.073814379390392],
        0.8227977450682156,
        0.46345560596984214,
        2,
    ),
    (
        "species^sex + year",
        "cluster:species",
        "bill_depth_mm",
        [21.178825732640924, 24.034058120240537],
        [3.2591084409773674, 1.206777871902925],
        0.8757345285598579,
        0.19064635863009427,
        2,
    ),
    (
        "year",
        {"cluster": ["species", "year"], "factor": "fewest"},
        None,
        [49.94612115101843, 3.674483912056038],
        [7.12626804222385, 18.886483686461254],
        0.7717208378533714,
        0.77052918819252,
        2,
    ),
]


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
@pytest.mark.parametrize(("behind", "cov", "weights", "params", "bse", "r2", "within", "df"), PYFIXEST)
def test_penguins_as_pyfixest_has_them(
    behind: str, cov: Any, weights: str | None, params: list[float], bse: list[float], r2: float, within: float, df: int
) -> None:
    model = bl.fit(bl.samples.penguins(), PENGUINS + behind, cov=cov, weights=weights, missing="drop")
    np.testing.assert_allclose(model.params, params, rtol=1e-10)
    np.testing.assert_allclose(model.bse, bse, rtol=1e-7)  # what its own demeaning leaves of HC1
    assert model.fitted_scores.r2[0] == pytest.approx(r2, rel=1e-10)
    assert model.fitted_scores.r2_within[0] == pytest.approx(within, rel=1e-10)
    assert (model.robust or model.inference).df == df


def test_grunfeld_as_plm_prints_it() -> None:
    """R's plm, `within` of one way and two (Croissant & Millo 2008, J. Stat. Softw. 27:2), and Stata's xtreg, fe."""
    import statsmodels.api as sm

    data = sm.datasets.grunfeld.load_pandas().data
    data = data[data.firm != "American Steel"]  # the ten firms of the textbooks
    one = bl.fit(data, "invest ~ value + capital | firm")
    two = bl.fit(data, "invest ~ value + capital | firm + year")
    assert [round(v, 6) for v in (*one.params, *one.bse)] == [0.110124, 0.310065, 0.011857, 0.017355]
    assert [round(v, 6) for v in (*two.params, *two.bse)] == [0.117716, 0.357916, 0.013751, 0.022719]
    assert one.fitted_scores.r2_within[0] == pytest.approx(0.76676, abs=5e-6)


@st.composite
def panels(draw: st.DrawFn) -> tuple[pd.DataFrame, str | None]:
    """An unbalanced table, and whether it is weighted."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, firms, years = draw(st.integers(30, 150)), draw(st.integers(2, 9)), draw(st.integers(2, 5))
    frame = pd.DataFrame({"firm": rng.integers(0, firms, n) ** 2 // firms, "year": rng.integers(0, years, n)})
    frame["state"] = frame.firm % 3
    frame["x"], frame["z"] = rng.normal(size=n) + frame.firm, rng.normal(size=n) * 10.0 ** draw(st.integers(-4, 4))
    frame["w"] = rng.uniform(0.2, 4, n)
    frame["y"] = frame.x - frame.z + 3 * frame.firm + frame.year + rng.normal(size=n)
    # Singletons are left out by one and kept by the other.
    for _ in range(5):
        frame = frame[frame.groupby("firm").y.transform("size").gt(1) & frame.groupby("year").y.transform("size").gt(1)]
    return frame.reset_index(drop=True), "w" if draw(st.booleans()) else None


@settings(max_examples=40, deadline=None)
@given(panels(), st.sampled_from([("firm", "C(firm)"), ("firm + year", "C(firm) + C(year)"), ("firm^year", "C(firm):C(year)")]))
def test_it_is_the_line_with_a_column_for_each_level(table: tuple[pd.DataFrame, str | None], how: tuple[str, str]) -> None:
    frame, weights = table
    behind, columns = how
    if "^" in behind:
        frame = frame[frame.groupby(["firm", "year"]).y.transform("size") > 1]
    if len(frame) < 20 or frame.firm.nunique() < 2 or frame.year.nunique() < 2:
        return
    if "^" in behind:  # empty cells are columns of nothing
        frame = frame.assign(cell=frame.firm.astype(str) + "/" + frame.year.astype(str))
        columns = "C(cell)"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        mine = bl.fit(frame, f"y ~ x + z | {behind}", weights=weights)
        whole = bl.fit(frame, f"y ~ x + z + {columns}", weights=weights)
        if mine.inference.df_resid < 2 or not bool(whole.inference.determined[:2].all()):
            return
        assert mine.inference.df_resid == whole.inference.df_resid
        # Where cells hardly overlap projections come near slowly, and stop some hundred times their last change away.
        np.testing.assert_allclose(mine.params, whole.params[["x", "z"]], rtol=5e-7)
        np.testing.assert_allclose(mine.bse, whole.bse[["x", "z"]], rtol=5e-7)
        np.testing.assert_allclose(mine.bse[:1], mine.tidy(cov="classical").std_error[:1])
        for cov in ("HC0", "HC1"):
            np.testing.assert_allclose(mine.tidy(cov=cov).std_error, whole.tidy(cov=cov).std_error[:2], rtol=1e-6)
        size = float(frame.y.abs().max())
        np.testing.assert_allclose(mine.predict(frame), whole.predict(frame), rtol=0, atol=HEIGHT * size)
        np.testing.assert_allclose(mine.augment().resid, whole.augment().resid, rtol=0, atol=HEIGHT * size)
        mine_g, whole_g = mine.glance(), whole.glance()
        same = ["nobs", "df_residual", "r_squared", "adj_r_squared", "sigma", "log_lik", "aic", "bic"]
        np.testing.assert_allclose(mine_g[same], whole_g[same], rtol=1e-6)


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    n = 600
    frame = pd.DataFrame({"firm": rng.integers(0, 30, n), "year": rng.integers(2000, 2006, n), "x": rng.normal(size=n)})
    frame["state"] = frame.firm % 7
    frame["y"] = 2 * frame.x + frame.firm + rng.normal(size=n)
    return frame


@pytest.mark.parametrize(
    ("formula", "cov", "counted"),
    [
        ("y ~ x | firm", "cluster:firm", 1 + 1),  # only the constant is left of levels that lie within clusters
        ("y ~ x | firm", "cluster:state", 1 + 1),
        ("y ~ x | firm + year", "cluster:state", 1 + 6),
        ("y ~ x | firm + year", "cluster:year", 1 + 30),
        ("y ~ x | firm^year", "cluster:firm", 1 + 1),
        ("y ~ x | year", "cluster:state", 1 + 6),
    ],
)
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")
def test_levels_within_clusters_cost_no_degrees_of_freedom(
    table: pd.DataFrame, formula: str, cov: str, counted: int, apart: bool
) -> None:
    """fixest's factor G / (G - 1) (n - 1) / (n - K), K as `ssc(K.fixef = "nonnested")` counts it.

    With half of the firms in half of the years alone, one constant more cannot be told; levels beside clusters count in full.
    """
    if apart:
        table = table[(table.firm % 2 == 0) == (table.year < 2004)].reset_index(drop=True)
    if "^" in formula:  # without singletons
        table = table[table.groupby(["firm", "year"]).y.transform("size") > 1].reset_index(drop=True)
    model = bl.fit(table, formula)
    n, n_clusters = model.training.count, table[cov.split(":")[1]].nunique()
    # The same without any factor, from the rests.
    rests = pd.DataFrame({"cluster": table[cov.split(":")[1]]})
    rows = next(iter(model.rows()))
    x, y = rows.X[:, 0].numpy(), rows.y[:, 0].numpy()
    rests["score"] = x * (y - x * float(model.params["x"]))
    plain = (rests.groupby("cluster").score.sum() ** 2).sum() ** 0.5 / (x @ x)
    factor = n_clusters / (n_clusters - 1) * (n - 1) / (n - counted)
    assert float(model.tidy(cov=cov).std_error[0]) == pytest.approx(plain * factor**0.5, rel=1e-9)


def test_levels_known_and_not(table: pd.DataFrame, tmp_path: Path) -> None:
    model = bl.fit(table, "y ~ x | firm + year")
    model.save(tmp_path / "m.bestline")
    whole = bl.fit(table, "y ~ x + C(firm) + C(year)")
    new = pd.DataFrame({"x": [0.5, 0.5, 0.5], "firm": [3, 77, 5], "year": [2001, 2002, 2050]})
    for line in (model, bl.load(tmp_path / "m.bestline")):
        with pytest.warns(BestlineWarning, match=r"level `77` of `firm` \(1 row\) and the level `2050` of `year`"):
            found = line.predict(new)
        assert found[0] == pytest.approx(float(whole.predict(new[:1])[0]), rel=1e-9)
        assert np.isnan(found[1:]).all()
        with pytest.raises(UnseenLevelError, match="`77`"):
            line.predict(new, on_unseen="raise")
        with pytest.warns(BestlineWarning, match="counts as every level"):
            average = line.predict(new[1:2], on_unseen="average")
        assert average[0] == pytest.approx(
            np.mean([float(line.predict(pd.DataFrame({"x": [0.5], "firm": [f], "year": [2002]}))[0]) for f in table.firm]),
            rel=1e-9,
        )


def test_a_file_names_singletons_in_one_order(table: pd.DataFrame) -> None:
    """Sets of words have another order in every process; files of the same line are to be the same."""
    lone = pd.DataFrame({"firm": [f"only {letter}" for letter in "kzbqmaxc"], "year": 2001, "x": 0.5, "y": 1.0, "state": 1})
    whole = pd.concat([table.assign(firm=table.firm.map("firm {}".format)), lone])
    with pytest.warns(BestlineWarning, match="singleton"):
        model = bl.fit(whole, "y ~ x | firm")
    (named,) = model.design.absorbed.to_dict()["single"]
    assert named == sorted(named)
    assert len(named) == 8


def test_singletons_are_left_out_and_said(table: pd.DataFrame) -> None:
    lone = pd.concat([table, pd.DataFrame({"firm": [500], "year": [2001], "x": [50.0], "y": [-9.0], "state": [1]})])
    with pytest.warns(BestlineWarning, match=r"1 row was left out: .*singleton"):
        model = bl.fit(lone, "y ~ x | firm")
    expected = bl.fit(table, "y ~ x | firm")
    np.testing.assert_allclose(model.params, expected.params, rtol=1e-12)
    assert model.training.count == len(table)
    with pytest.warns(BestlineWarning, match="`500`"):
        assert np.isnan(model.predict(lone.tail(1))).all()


def test_a_column_that_the_levels_say_is_named(table: pd.DataFrame) -> None:
    with pytest.warns(BestlineWarning, match="`size` does not vary within the levels of `firm`"):
        model = bl.fit(table.assign(size=table.firm * 1e6 + 0.1), "y ~ x + size | firm")
    assert model.params["size"] == 0
    assert np.isnan(model.bse["size"])
    np.testing.assert_allclose(model.bse["x"], bl.fit(table, "y ~ x | firm").bse["x"], rtol=1e-10)


@pytest.mark.parametrize(
    "asked",
    [
        lambda m, d: m.predict(d, interval="confidence"),
        lambda m, d: m.augment(interval="prediction"),
        lambda m, d: m.tidy(cov="HC3"),
        lambda m, d: m.tidy(cov="cluster:firm,type=CR2"),
        lambda m, d: m.diagnose(),
        lambda m, d: m.means("x"),
        lambda m, d: m.influence(),
        lambda m, d: m.moments,
        lambda m, d: m.script(),
        lambda m, d: m.to_torch(),
        lambda m, d: m.to_sql("t"),
        lambda m, d: m.to_dict(),
        lambda m, d: bl.compare(m, m, held_out=True),
        lambda m, d: bl.compare(m, bl.fit(d, "y ~ x + state | year")),
        lambda m, d: bl.fit(d, "y ~ x | firm", solver="sgd"),
        lambda m, d: bl.fit(d, "y ~ x | firm", loss="huber"),
        lambda m, d: bl.fit(d, "y ~ x | firm", cv="ridge"),
        lambda m, d: bl.fit(d, "y ~ x | firm", folds="year"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(table: pd.DataFrame, asked: Any) -> None:
    with pytest.raises(OptionError, match=r"ffects|leverage"):
        asked(bl.fit(table, "y ~ x | firm"), table)


def test_ridge_leaves_the_effects_free(table: pd.DataFrame) -> None:
    """A penalty on the weights alone: the effects' columns have the factor 0."""
    model = bl.fit(table, "y ~ x | firm", l2=0.3, standardize=False)
    whole = bl.fit(table, "y ~ x + C(firm)", l2=0.3, penalty_factors={"C(firm)": 0}, standardize=False)
    assert float(model.params["x"]) == pytest.approx(float(whole.params["x"]), rel=1e-9)
    np.testing.assert_allclose(model.predict(table), whole.predict(table), rtol=1e-8)


def test_the_summary_says_what_was_absorbed(table: pd.DataFrame) -> None:
    summary = bl.fit(table, "y ~ x | firm + year").summary()
    assert "Effects absorbed: `firm` (30 levels), `year` (6 levels); 35 degrees of freedom." in summary.text
    assert summary.facts["absorbed"] == {"firm": 30, "year": 6}
    assert summary.facts["r2_within"] < summary.facts["r2"]
    assert "give `split`" in summary.text


def test_rows_held_out_by_a_split_have_the_effects_of_training(table: pd.DataFrame) -> None:
    model = bl.fit(table, "y ~ x | firm", split=(0.7, 0.3))
    test = table[model.labels.numpy() == 2]
    expected = table[model.labels.numpy() == 0]
    rests = expected.groupby("firm")[["x", "y"]].mean()
    within = expected[["x", "y"]] - rests.loc[expected.firm].to_numpy()
    slope = (within.x @ within.y) / (within.x @ within.x)
    predicted = rests.y.loc[test.firm].to_numpy() + slope * (test.x.to_numpy() - rests.x.loc[test.firm].to_numpy())
    assert model.held_out.rmse[0] == pytest.approx(float(np.sqrt(np.mean((test.y - predicted) ** 2))), rel=1e-10)
    assert model.held_out.r2[0] == pytest.approx(1 - np.mean((test.y - predicted) ** 2) / test.y.var(ddof=0), rel=1e-10)


@pytest.mark.parametrize("size", [1e-200, 1e-160, 1e150])
def test_units_whose_squares_leave_float64_are_no_matter(table: pd.DataFrame, size: float) -> None:
    model = bl.fit(table.assign(x=table.x * size), "y ~ x | firm + year")
    assert float(model.params["x"]) * size == pytest.approx(float(bl.fit(table, "y ~ x | firm + year").params["x"]), rel=1e-10)


def test_effects_count_where_no_degrees_of_freedom_are_left() -> None:
    two = pd.DataFrame({"y": [1.0, 2.0], "x": [1.0, 3.0], "firm": ["a", "a"]})
    with pytest.warns(BestlineWarning, match="2 rows for 2 weights, absorbed effects among them"):
        bl.fit(two, "y ~ x | firm")


def test_the_table_names_what_was_absorbed(table: pd.DataFrame) -> None:
    plain, absorbed = bl.fit(table, "y ~ x"), bl.fit(table, "y ~ x | firm + year")
    frame = bl.table([plain, absorbed]).frame()
    assert "firm, year" in frame.to_string()
    assert "within R2" in frame.to_string()
    assert "differ" not in str(bl.table([plain, absorbed]))  # the rows are the same, though the moments are of rests


def test_a_lazy_frame_is_read_batch_by_batch(table: pd.DataFrame) -> None:
    pl = pytest.importorskip("polars")
    with pytest.warns(BestlineWarning, match="absorbed effects are taken out of each row"):
        found = bl.fit(pl.DataFrame(table).lazy(), "y ~ x | firm + year")
    np.testing.assert_allclose(found.params, bl.fit(table, "y ~ x | firm + year").params, rtol=1e-12)


def test_frequency_weights_are_rows_repeated(table: pd.DataFrame) -> None:
    counted = table.assign(n=[1 + i % 3 for i in range(len(table))])
    counted = pd.concat([counted, pd.DataFrame({"firm": [90], "year": [2001], "x": [1.0], "y": [3.0], "state": [0], "n": [2]})])
    many = (
        counted.loc[counted.index.repeat(counted.n)]
        if counted.index.is_unique
        else counted.iloc[np.repeat(np.arange(len(counted)), counted.n)]
    )
    mine = bl.fit(counted, "y ~ x | firm + year", weights="n", weight_kind="frequency", cov="cluster:firm")
    whole = bl.fit(many.reset_index(drop=True), "y ~ x | firm + year", cov="cluster:firm")
    np.testing.assert_allclose(mine.params, whole.params, rtol=1e-12)
    np.testing.assert_allclose(mine.bse, whole.bse, rtol=1e-10)
    assert mine.inference.df_resid == whole.inference.df_resid


def test_a_known_part_of_the_target_stays_known(table: pd.DataFrame) -> None:
    shifted = table.assign(known=np.arange(len(table)) / 7.0)
    shifted["y"] += shifted.known
    mine, plain = bl.fit(shifted, "y ~ x + offset(known) | firm"), bl.fit(table, "y ~ x | firm")
    np.testing.assert_allclose(mine.params, plain.params, rtol=1e-10)
    np.testing.assert_allclose(mine.predict(shifted), plain.predict(table) + shifted.known, rtol=1e-10)
    np.testing.assert_allclose(mine.augment().resid, plain.augment().resid, atol=1e-9)


def test_a_transformed_target_is_predicted_in_its_own_units(table: pd.DataFrame) -> None:
    positive = table.assign(y=np.exp(table.y / 20))
    mine, whole = bl.fit(positive, "log(y) ~ x | firm"), bl.fit(positive, "log(y) ~ x + C(firm)")
    np.testing.assert_allclose(mine.predict(positive), whole.predict(positive), rtol=1e-8)


def test_a_fit_to_within_rounding_has_no_likelihood():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.normal(size=60), "firm": np.arange(60) % 5})
    with pytest.warns(BestlineWarning, match="rounding hides by how much it misses"):
        line = bl.fit(frame.assign(y=2 * frame.a + frame.firm), "y ~ a | firm")
    told = line.glance().iloc[0]
    assert told[["sigma", "log_lik", "aic", "bic"]].isna().all()
    assert told.r_squared_within == pytest.approx(1, abs=1e-12)


def test_a_summary_says_why_there_is_no_error_out_of_fold_and_what_a_split_leaves_out() -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=90), "firm": np.arange(90) // 3})
    data["y"] = data.x + np.sin(data.firm) + rng.normal(size=90)
    summary = bl.fit(data, "y ~ x | firm").summary()
    assert "none: absorbed effects learn from every fold; give `split`" in str(summary)
    assert summary.facts["held_out"] is None
    assert summary.facts["held_out_reason"].startswith("absorbed effects learn from every fold")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = bl.fit(data, "y ~ x | firm", split=(0.6, 0.4))
        effects = model.effects().set_index("level").estimate
        predicted = model.predict(data)
    # By hand: the effects of training rows alone, and the rows apart that have one of these levels.
    known = data.assign(firm=data.firm.astype(str), p=predicted).dropna()
    assert known.p.to_numpy() == pytest.approx(
        (effects[known.firm].to_numpy() + model.coef["x"] * known.x).to_numpy(), rel=1e-10
    )
    assert any("is left out of the held-out error" in note for note in model.notes)
    assert model.held_out.rows < 36
