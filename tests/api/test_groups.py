"""One line for each group: the numbers of a loop of fits, of statsmodels and of closed forms, at a fraction of the time."""

import json
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

import bestline as bl
from bestline.errors import BestlineError, BestlineWarning, MissingValuesError, NumericalError, OptionError

FORMULA = "y ~ a + b + C(k)"


def alone(frame: pd.DataFrame, formula: str, **options: Any) -> bl.Model:
    """A line of its own; what it says of few rows or close columns is not what is looked at here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        return bl.fit(frame, formula, **options)


def table(rows: int = 600, groups: int = 7, seed: int = 0) -> pd.DataFrame:
    """Groups of different sizes, offsets, weights, and a category."""
    draw = np.random.default_rng(seed)
    g = draw.choice(groups, rows, p=np.arange(1, groups + 1) / np.arange(1, groups + 1).sum())
    frame = pd.DataFrame(
        {
            "g": g,
            "year": draw.choice([2007, 2008], rows),
            "a": 1e4 + draw.normal(size=rows),
            "b": draw.normal(size=rows) * 1e-3,
            "k": draw.choice(["u", "v"], rows),
            "w": draw.uniform(0.1, 2, rows),
        }
    )
    frame["y"] = g + 2 * (frame.a - 1e4) - 500 * frame.b + (frame.k == "v") + draw.normal(size=rows)
    return frame


@pytest.mark.parametrize("weights", [None, "w"])
def test_every_line_is_that_of_its_rows_alone(weights: str | None) -> None:
    frame = table()
    groups = bl.fit_groups(frame, FORMULA, by="g", weights=weights)
    tidy, glance = groups.tidy(0.9), groups.glance()
    assert tidy.g.unique().tolist() == glance.g.tolist() == list(range(7))
    for g, own in frame.groupby("g"):
        options = {} if weights is None else {"weights": own.w}
        peer = (smf.ols if weights is None else smf.wls)("y ~ a + b + C(k)", own, **options).fit()
        found = tidy[tidy.g == g].set_index("term")
        names = ["a", "b", "C(k)[T.v]", "Intercept"]
        assert found.index.tolist() == names
        for mine, theirs, within in (
            ("estimate", peer.params, 1e-9),
            ("std_error", peer.bse, 1e-9),
            ("statistic", peer.tvalues, 1e-8),
            ("p_value", peer.pvalues, 1e-7),
            ("conf_low", peer.conf_int(0.1)[0], 1e-8),
            ("conf_high", peer.conf_int(0.1)[1], 1e-8),
        ):
            np.testing.assert_allclose(found[mine], theirs[names], rtol=within, err_msg=f"{g} {mine}")
        row = glance[glance.g == g].iloc[0]
        assert row.n == len(own)
        np.testing.assert_allclose([row.r2, row.sigma**2], [peer.rsquared, peer.mse_resid], rtol=1e-9)
        line = alone(own.drop(columns=["g", "year"]), FORMULA, weights=weights)
        np.testing.assert_allclose(row.held_out_rmse, line.held_out.rmse[0], rtol=1e-9)
        np.testing.assert_allclose(found.estimate, line.params[names], rtol=1e-10)
        assert row.digits >= 8
        assert row.note == ""


def test_any_batches_any_order_and_any_source_say_the_same(tmp_path: Path) -> None:
    frame = table(3_000, 40)
    whole = bl.fit_groups(frame, "y ~ a", by="g")
    frame.sample(frac=1, random_state=1).to_csv(tmp_path / "shuffled.csv", index=False)
    frame.iloc[:1_234].to_parquet(tmp_path / "1.parquet", row_group_size=97)
    frame.iloc[1_234:].to_parquet(tmp_path / "2.parquet", row_group_size=331)
    for other in (tmp_path / "shuffled.csv", str(tmp_path / "*.parquet")):
        again = bl.fit_groups(other, "y ~ a", by="g")
        pd.testing.assert_frame_equal(again.tidy(), whole.tidy(), rtol=1e-10)
        pd.testing.assert_frame_equal(again.glance(), whole.glance(), rtol=1e-9)


def test_several_columns_tell_the_groups_and_come_back_as_they_were() -> None:
    frame = table()
    groups = bl.fit_groups("y ~ a", frame, by=["k", "year"])
    glance = groups.glance()
    counts = frame.groupby(["k", "year"]).size()
    assert list(zip(glance.k, glance.year, strict=True)) == list(counts.index)
    assert glance.n.tolist() == counts.tolist()
    assert glance.year.dtype.kind == "i"
    np.testing.assert_allclose(
        groups.model("v", 2008).coef["a"],
        np.polyfit(*frame[(frame.k == "v") & (frame.year == 2008)][["a", "y"]].T.values, 1)[0],
    )
    with pytest.raises(OptionError, match="There is no group"):
        groups.model("v", 2009)
    with pytest.raises(OptionError, match="named by its value in `k` and `year`"):
        groups.model("v")


def test_the_groups_column_is_no_feature_unless_it_is_named() -> None:
    frame = table().drop(columns=["k", "w"])
    assert bl.fit_groups(frame, target="y", by=["g", "year"]).lines.terms == ("a", "b", "Intercept")
    with pytest.warns(BestlineWarning, match="2 groups of 2 do not determine all weights"):
        assert bl.fit_groups(frame, "y ~ a + year", by="year").glance().note.tolist() == ["`year` does not vary"] * 2


def test_dates_truth_and_fractions_tell_groups_and_name_them() -> None:
    frame = table()
    frame["day"] = pd.to_datetime("2024-01-01") + pd.to_timedelta(frame.g, "D")
    frame["open"], frame["share"] = frame.k == "u", frame.g / 4
    by_day = bl.fit_groups(frame, "y ~ a", by="day")
    assert by_day.glance().day.tolist() == sorted(frame.day.unique())
    for name in ("2024-01-03", pd.Timestamp("2024-01-03"), np.datetime64("2024-01-03")):
        np.testing.assert_allclose(by_day.model(name).params, by_day.tidy().estimate[4:6], rtol=1e-9)
    assert bl.fit_groups(frame, "y ~ a", by="open").glance().open.tolist() == [False, True]
    shares = bl.fit_groups(frame, "y ~ a", by="share")
    assert shares.glance().share.tolist() == [g / 4 for g in range(7)]
    assert shares.model(0.75).moments.rows == shares.model("0.75").moments.rows == int((frame.g == 3).sum())
    with pytest.raises(OptionError, match="no group `tomorrow`"):
        by_day.model("tomorrow")


def test_names_that_look_like_numbers_stay_names() -> None:
    frame = table()
    frame["g"] = frame.g.map(lambda g: f"0{g}")
    assert bl.fit_groups(frame, "y ~ a", by="g").glance().g.tolist() == [f"0{g}" for g in range(7)]


def test_what_a_group_does_not_determine_is_nan_and_said(recwarn: pytest.WarningsRecorder) -> None:
    frame = pd.DataFrame(
        {
            "g": ["few"] * 2 + ["flat"] * 6 + ["twice"] * 6 + ["good"] * 6 + ["tight"] * 3,
            "a": [1.0, 2, *[3] * 6, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 7, 1, 2, 3],
            "b": [1.0, 5, 1, 2, 3, 4, 5, 7, 2, 4, 6, 8, 10, 12, 3, 1, 4, 1, 5, 9, 2, 7, 1],
        }
    )
    frame["y"] = 1 + frame.a - 2 * frame.b + np.tile([0.1, -0.2, 0.3, -0.1, 0.2], 5)[: len(frame)]
    groups = bl.fit_groups(frame, "y ~ a + b", by="g")
    assert "3 groups of 5 do not determine all weights" in str(recwarn.list[0].message)
    glance = groups.glance().set_index("g")
    assert glance.note["few"] == "2 rows for 3 weights"
    assert glance.note["flat"] == "`a` does not vary"
    assert glance.note["twice"] == "`a` and `b`: not determined, the columns are collinear"
    assert glance.note["tight"] == "3 rows for 3 weights: no error can be told"
    assert glance.note["good"] == ""
    tidy = groups.tidy().set_index(["g", "term"])
    assert tidy.loc["few"].estimate.isna().all()
    # What the others say of the flat column's group is the line without it.
    flat = frame[frame.g == "flat"]
    peer = sm.OLS(flat.y, sm.add_constant(flat.b)).fit()
    assert np.isnan(tidy.estimate["flat", "a"])
    np.testing.assert_allclose(tidy.estimate["flat", "b"], peer.params["b"])
    np.testing.assert_allclose(tidy.std_error["flat", "b"], peer.bse["b"])
    assert np.isnan(tidy.std_error["tight", "a"])
    assert np.isfinite(tidy.estimate["tight", "a"])
    # b = 2 a: neither is determined, while the intercept and the line's own error are.
    twice = frame[frame.g == "twice"]
    peer = sm.OLS(twice.y, sm.add_constant(twice.a)).fit()
    assert tidy.estimate["twice"][["a", "b"]].isna().all()
    np.testing.assert_allclose(tidy.estimate["twice", "Intercept"], peer.params["const"])
    np.testing.assert_allclose(glance.sigma["twice"] ** 2, peer.mse_resid)


def test_groups_that_lack_digits_are_solved_exactly_from_their_rows() -> None:
    draw = np.random.default_rng(5)
    near = np.arange(90) < 30
    a = np.where(near, 1e6, 0) + draw.normal(size=90)
    frame = pd.DataFrame({"g": np.repeat([1, 2, 3], 30), "a": a, "b": a + np.where(near, 1e-5, 1.0) * draw.normal(size=90)})
    frame["y"] = frame.a - frame.b + draw.normal(size=90)
    groups = bl.fit_groups(frame, "y ~ a + b", by="g")
    assert groups.lines.exact.tolist() == [True, False, False]
    for g in (1, 2, 3):
        line = alone(frame[frame.g == g], "y ~ a + b")  # always exact
        found = groups.tidy()[lambda t, g=g: t.g == g].set_index("term")
        digits = groups.glance().digits[g - 1]
        assert digits >= 8
        np.testing.assert_allclose(found.estimate, line.params[found.index], rtol=2 * 10.0**-digits)
        np.testing.assert_allclose(found.std_error, line.bse[found.index], rtol=1e-8)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6, 1e8])
def test_no_digit_is_claimed_that_is_not_right(offset: float) -> None:
    draw = np.random.default_rng(int(offset) % 97)
    frame = pd.DataFrame({"g": np.arange(400) % 20, "a": offset + draw.normal(size=400)})
    frame["b"] = frame.a + 10.0 ** -(frame.g / 4) * draw.normal(size=400)
    frame["y"] = frame.a + draw.normal(size=400)
    groups = bl.fit_groups(frame, "y ~ a + b", by="g", digits=0)
    assert not groups.lines.exact.any()
    for g in range(20):
        exact = alone(frame[frame.g == g], "y ~ a + b").weights[:, 0].numpy()  # to the last digit
        off = np.abs(groups.lines.weights[g, :, 0].numpy() / exact - 1)
        claimed = groups.lines.digits[g, :, 0].numpy()
        assert (off <= 10.0**-claimed).all(), (g, off, claimed)
    assert float(groups.lines.digits.max()) > (6 if offset <= 1e6 else 0)


def test_missing_values_are_refused_dropped_or_imputed() -> None:
    frame = table()
    frame.loc[3, "a"], frame.loc[5, "g"] = np.nan, np.nan
    with pytest.raises(MissingValuesError, match=r"`a` 1.*`g` 1"):
        bl.fit_groups(frame, "y ~ a", by="g")
    with pytest.warns(BestlineWarning, match="2 of 600 rows were left out"):
        dropped = bl.fit_groups(frame, "y ~ a", by="g", missing="drop")
    pd.testing.assert_frame_equal(dropped.glance(), bl.fit_groups(frame.dropna().astype({"g": int}), "y ~ a", by="g").glance())
    with pytest.warns(BestlineWarning):
        imputed = bl.fit_groups(frame, "y ~ a", by="g", missing="impute")
    assert imputed.glance().n.sum() == 599


def test_rows_of_weight_zero_are_absent_and_so_is_a_group_of_them() -> None:
    frame = table()
    frame.loc[frame.g == 2, "w"] = 0.0
    frame.loc[frame.g == 2, "a"] = np.inf
    pd.testing.assert_frame_equal(
        bl.fit_groups(frame, "y ~ a", by="g", weights="w").tidy(),
        bl.fit_groups(frame[frame.g != 2], "y ~ a", by="g", weights="w").tidy(),
        rtol=1e-12,
    )


def test_without_an_intercept_r2_is_about_zero_and_says_so() -> None:
    frame = table()
    frame["a"] -= 1e4
    groups = bl.fit_groups(frame, "y ~ 0 + a", by="g")
    own = frame[frame.g == 3]
    peer = sm.OLS(own.y, own.a).fit()
    row = groups.glance().iloc[3]
    np.testing.assert_allclose([row.r2_about_zero, groups.tidy().std_error[3]], [peer.rsquared, peer.bse["a"]])
    assert "R2 (about zero)" in str(groups)


def test_several_targets_stand_below_each_other() -> None:
    frame = table()
    frame["z"] = frame.a * 3 + frame.w
    groups = bl.fit_groups(frame, target=["y", "z"], features=["a", "b"], by="g")
    one = bl.fit_groups(frame, "z ~ a + b", by="g")
    tidy = groups.tidy()
    np.testing.assert_allclose(tidy[tidy.target == "z"].std_error, one.tidy().std_error, rtol=1e-9)
    # Folds are told by all numbers of a row, so those of two targets are others.
    np.testing.assert_allclose(groups.glance()[lambda t: t.target == "z"].held_out_rmse, one.glance().held_out_rmse, rtol=0.2)


def test_ridge_is_that_of_each_group_alone_and_claims_no_errors() -> None:
    frame = table()
    groups = bl.fit_groups(frame, "y ~ a + b", by="g", l2=0.3)
    tidy = groups.tidy().set_index(["g", "term"])
    for g in (0, 6):
        line = alone(frame[frame.g == g], "y ~ a + b", l2=0.3)
        np.testing.assert_allclose(tidy.estimate[g], line.params[tidy.estimate[g].index], rtol=1e-9)
        np.testing.assert_allclose(groups.glance().held_out_rmse[g], line.held_out.rmse[0], rtol=1e-9)
    assert tidy.std_error.isna().all()
    assert groups.glance().digits.isna().all()
    with pytest.raises(NumericalError, match="under a penalty"):
        groups.test()


def test_chows_test_is_the_f_test_of_all_interactions() -> None:
    frame = table()
    frame["a"] -= 1e4
    found = bl.fit_groups(frame, "y ~ a + b", by="g").test()
    small, large = smf.ols("y ~ a + b", frame).fit(), smf.ols("y ~ C(g) * (a + b)", frame).fit()
    F, p, more = large.compare_f_test(small)
    np.testing.assert_allclose(found.statistic, F, rtol=1e-9)
    np.testing.assert_allclose(found.p_value, p, rtol=1e-6)
    assert found.df == (more, large.df_resid)


def test_partial_pooling_is_swamys_and_beats_lines_of_their_own() -> None:
    draw = np.random.default_rng(8)
    G, n = 200, 12
    truth = np.array([2.0, -1.0]) + draw.normal(size=(G, 2)) * [0.3, 0.5]
    g, x = np.repeat(np.arange(G), n), draw.normal(size=G * n)
    frame = pd.DataFrame({"g": g, "x": x, "y": truth[g, 0] * x + truth[g, 1] + draw.normal(size=G * n)})
    groups = bl.fit_groups(frame, "y ~ x", by="g")
    own, shrunk = groups.tidy(), groups.tidy(pooling="partial")
    error = [np.sqrt(np.mean((t[t.term == "x"].estimate - truth[:, 0]) ** 2)) for t in (own, shrunk)]
    assert error[1] < 0.85 * error[0]
    inside = (shrunk.conf_low <= truth.flatten()) & (truth.flatten() <= shrunk.conf_high)
    assert 0.9 < inside.mean() < 0.99
    # Swamy (1970), written out once more with NumPy for every group.
    w = own.estimate.to_numpy().reshape(G, 2)
    V = np.empty((G, 2, 2))
    for k in range(G):
        X = np.column_stack([x[g == k], np.ones(n)])
        r = frame.y[g == k] - X @ w[k]
        V[k] = np.linalg.inv(X.T @ X) * (r @ r) / (n - 2)
    T = np.cov(w.T) - V.mean(0)
    assert np.linalg.eigvalsh(T).min() > 0  # else what is tested is something else
    precision = np.linalg.inv(T + V)
    mu = np.linalg.solve(precision.sum(0), (precision @ w[:, :, None]).sum(0))[:, 0]
    expected = mu + (T @ precision @ (w - mu)[:, :, None])[:, :, 0]
    np.testing.assert_allclose(shrunk.estimate, expected.flatten(), rtol=1e-7)
    with pytest.raises(NumericalError, match="of 2 weights needs 7 groups or more"):
        bl.fit_groups(frame[frame.g < 6], "y ~ x", by="g").tidy(pooling="partial")
    with pytest.raises(OptionError, match="partial"):
        groups.tidy(pooling="full")


def test_a_model_of_one_group_is_that_of_its_rows() -> None:
    frame = table()
    groups = bl.fit_groups(frame, FORMULA, by="g", weights="w")
    model = groups.model(4)
    line = alone(frame[frame.g == 4], FORMULA, weights="w")
    np.testing.assert_allclose(model.params, line.params, rtol=1e-13)
    np.testing.assert_allclose(model.held_out.rmse, line.held_out.rmse, rtol=1e-12)
    assert str(model.diagnose()) == str(line.diagnose())


@pytest.mark.parametrize("name", ["lines.csv", "lines.parquet"])
def test_lines_are_saved_whole_and_read_back(name: str, tmp_path: Path) -> None:
    groups = bl.fit_groups(table(), "y ~ a", by="g")
    groups.save(tmp_path / name)
    back = pd.read_csv(tmp_path / name) if name.endswith("csv") else pd.read_parquet(tmp_path / name)
    pd.testing.assert_frame_equal(back, groups.tidy(), check_dtype=False)
    with pytest.raises(BestlineError, match="exists"):
        groups.save(tmp_path / name)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": "h"}, "no column"),
        ({}, "names the columns"),
        ({"by": []}, "names the columns"),
        ({"by": 3}, "names the columns"),
        ({"by": ["g", "g"]}, "each once"),
        ({"by": "y"}, "is the target"),
        ({"by": "g", "l2": -1}, "not negative"),
        ({"by": "g", "folds": 0}, "from 1 to 100"),
        ({"by": "g", "lr": 0.1}, "lr"),
        ({"by": "g", "l2": float("nan")}, "not negative"),
        ({"by": "g", "l2": float("inf")}, "not negative"),
        ({"by": "g", "digits": "x"}, "`digits` must be"),
        ({"by": "g", "digits": 16}, "`digits` must be"),
        ({"by": "g", "seed": "x"}, "`seed` must be"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BestlineError, match=words):
        bl.fit_groups(table(), "y ~ a", **options)


def test_moments_are_told_that_rows_are_needed() -> None:
    moments = bl.Moments.collect(table(), "y ~ a")
    for door, option in ((bl.fit_groups, {"by": "g"}), (bl.fit_rolling, {"window": 5})):
        with pytest.raises(OptionError, match="need the rows"):
            door(moments, **option)


def test_one_group_one_row_and_no_rows() -> None:
    frame = table()
    whole = bl.fit_groups(frame.assign(g="all"), "y ~ a", by="g")
    np.testing.assert_allclose(whole.tidy().estimate, bl.fit(frame, "y ~ a").params, rtol=1e-8)
    with pytest.warns(BestlineWarning, match="does not determine"):
        assert bl.fit_groups(frame[:1], "y ~ a", by="g").glance().note.tolist() == [
            "`a` does not vary; 1 row for 1 weight: no error can be told"
        ]
    with pytest.raises(BestlineError, match="no rows"):
        bl.fit_groups(frame[:0], "y ~ a", by="g")


@pytest.mark.parametrize(
    ("formula", "slope", "level", "noise"),
    [("y ~ a", 2.0, 0.0, 1e-7), ("y ~ 0 + a", 2.0, 0.0, 1.0), ("y ~ 0 + k", 0.0, 1e8, 1.0), ("y ~ a", 1.0, 5.0, 0.0)],
)
def test_standard_errors_have_digits_though_residuals_are_small_beside_the_target(
    formula: str, slope: float, level: float, noise: float
) -> None:
    draw = np.random.default_rng(4)
    frame = pd.DataFrame(
        {"g": np.arange(60) % 3, "k": draw.choice(["u", "v"], 60), "a": 1e8 + np.floor(1e3 * draw.normal(size=60))}
    )
    frame["y"] = level + slope * (frame.a - (1e8 if formula == "y ~ a" else 0)) + noise * draw.normal(size=60)
    groups = bl.fit_groups(frame, formula, by="g")
    for g, own in frame.groupby("g"):
        # Residuals and the inverse in whole fractions: no number of it is rounded before the end.
        X = [[Fraction(float(v)) for v in row] for row in _columns(own, formula)]
        y = [Fraction(float(v)) for v in own.y]
        rss, inverse = _exact(X, y)
        expected = [float(rss / (len(y) - len(X[0])) * v) ** 0.5 for v in inverse]
        np.testing.assert_allclose(groups.lines.std_error[g, 0], expected, rtol=1e-8, atol=0)
        np.testing.assert_allclose(float(groups.lines.rss[g, 0]), float(rss), rtol=1e-8, atol=0)
    moments = bl.fit_groups(frame, formula, by="g", digits=0)
    assert (moments.lines.error_digits < 8).all()


def _columns(own: pd.DataFrame, formula: str) -> np.ndarray:
    if formula == "y ~ 0 + k":
        return np.column_stack([own.k == "u", own.k == "v"]).astype(float)
    return np.column_stack([own.a, *([np.ones(len(own))] if formula == "y ~ a" else [])])


def _exact(X: list[list[Fraction]], y: list[Fraction]) -> tuple[Fraction, list[Fraction]]:
    """Residual sum of squares, and the diagonal of (X'X)^-1, of one column or two."""
    S = [[sum(r[i] * r[j] for r in X) for j in range(len(X[0]))] for i in range(len(X[0]))]
    h = [sum(r[i] * v for r, v in zip(X, y, strict=True)) for i in range(len(S))]
    if len(S) == 1:
        w, inverse = [h[0] / S[0][0]], [1 / S[0][0]]
    else:
        det = S[0][0] * S[1][1] - S[0][1] ** 2
        w = [(S[1][1] * h[0] - S[0][1] * h[1]) / det, (S[0][0] * h[1] - S[0][1] * h[0]) / det]
        inverse = [S[1][1] / det, S[0][0] / det]
    return sum((v - sum(a * b for a, b in zip(r, w, strict=True))) ** 2 for r, v in zip(X, y, strict=True)), inverse


@pytest.mark.parametrize("offset", [0.0, 1e4, 1e8])
@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")  # of columns too close for moments
@pytest.mark.parametrize("formula", ["y ~ a + b", "y ~ 0 + a + b"])
def test_no_digit_of_a_standard_error_is_claimed_that_is_not_right(offset: float, formula: str) -> None:
    draw = np.random.default_rng(int(offset) % 97)
    frame = pd.DataFrame({"g": np.arange(400) % 20, "a": offset + draw.normal(size=400)})
    frame["b"] = frame.a + 10.0 ** -(frame.g / 4) * draw.normal(size=400)
    frame["y"] = frame.a + 10.0 ** -((19 - frame.g) / 2) * draw.normal(size=400)
    groups = bl.fit_groups(frame, formula, by="g", digits=0)
    for g in range(20):
        exact = alone(frame[frame.g == g], formula).bse.to_numpy()
        off = np.abs(groups.lines.std_error[g, 0].numpy() - exact)
        claimed = float(groups.lines.error_digits[g, 0])
        assert claimed == 0 or (off <= exact * 10.0**-claimed).all(), (g, off, claimed)


def test_residuals_that_are_rounding_are_said_to_be() -> None:
    frame = pd.DataFrame({"g": np.arange(40) // 20, "a": np.arange(40) + 1e8, "y": 3.0 * np.arange(40)})
    assert set(bl.fit_groups(frame, "y ~ a", by="g", digits=0).glance().note) == {
        "no right digit of the residual spread: the residuals are no larger than rounding"
    }
    exact = bl.fit_groups(frame, "y ~ a", by="g")
    assert set(exact.glance().note) == {""}
    assert exact.lines.rss.tolist() == [[0.0], [0.0]]


def test_dates_are_written_as_people_write_them_in_text_and_in_json() -> None:
    frame = table()
    frame["day"] = pd.to_datetime("2024-01-01") + pd.to_timedelta(frame.g % 2, "D")
    frame["time"] = frame.day + pd.to_timedelta(90, "m")
    for by, names in (("day", ["2024-01-01", "2024-01-02"]), ("time", ["2024-01-01 01:30:00", "2024-01-02 01:30:00"])):
        groups = bl.fit_groups(frame, "y ~ a", by=by)
        facts = json.loads(json.dumps(groups.summary().facts, allow_nan=False))
        assert [line[by] for line in facts["lines"]] == names
        assert f"{names[0]}  " in str(groups)
        with pytest.raises(OptionError, match=f"such as `{names[0]}` there are 2"):
            groups.model("2025-01-01")


def test_facts_of_several_targets_are_each_targets_own() -> None:
    frame = table()
    frame["z"] = frame.a * 3 + frame.w
    groups = bl.fit_groups(frame, target=["y", "z"], features=["a", "b"], by="g")
    for target in ("y", "z"):
        one = bl.fit_groups(frame, f"{target} ~ a + b", by="g").summary().facts["lines"]
        both = [line for line in groups.summary().facts["lines"] if line["target"] == target]
        for mine, theirs in zip(both, one, strict=True):
            assert mine["g"] == theirs["g"]
            assert mine["coef"] == pytest.approx(theirs["coef"], rel=1e-9)
            assert mine["conf_int"]["a"] == pytest.approx(theirs["conf_int"]["a"], rel=1e-9)
    assert groups.test(target="z") == groups.test(target=1)
    for target in ("q", 2, -1, None, 0.5):
        with pytest.raises(BestlineError, match="target"):
            groups.test(target=target)


def test_a_model_of_one_group_has_dates_and_durations() -> None:
    frame = table()
    frame["day"] = pd.to_datetime("2024-01-01") + pd.to_timedelta(frame.index % 50, "D")
    frame["wait"] = pd.to_timedelta(frame.b * 1e3, "h")
    model = bl.fit_groups(frame, "y ~ day + wait", by="g").model(5)
    np.testing.assert_allclose(model.params, alone(frame[frame.g == 5], "y ~ day + wait").params, rtol=1e-7)


@pytest.mark.parametrize("name", ["term", "n", "target", "estimate", "note", "coef"])
def test_a_column_of_groups_that_the_tables_would_lose_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match=f"a column `{name}` of their own"):
        bl.fit_groups(table().rename(columns={"g": name}), "y ~ a", by=name)


def test_truth_is_named_by_its_word_too() -> None:
    frame = table()
    frame["open"] = frame.k == "u"
    groups = bl.fit_groups(frame, "y ~ a", by="open")
    assert groups.model("True").moments.rows == groups.model(True).moments.rows == int(frame.open.sum())


def test_a_line_of_no_columns_explains_nothing_and_never_less() -> None:
    assert (bl.fit_groups(table(), "y ~ 1", by="g").glance().r2 == 0).all()


@pytest.mark.parametrize("formula", ["y ~ a + b", "y ~ 0 + a + b"])
def test_chows_test_under_weights_and_beside_a_target_far_from_zero(formula: str) -> None:
    frame = table()
    frame["a"] -= 1e4
    near = bl.fit_groups(frame, formula, by="g", weights="w").test()
    small = smf.wls(formula, frame, weights=frame.w).fit()
    large = smf.wls("y ~ 0 + C(g):(a + b)" + ("" if "0" in formula else " + C(g)"), frame, weights=frame.w).fit()
    F, p, more = large.compare_f_test(small)
    np.testing.assert_allclose([near.statistic, near.p_value], [F, p], rtol=1e-7)
    assert near.df == (more, large.df_resid)
    # One line goes through numbers about 2e8 with residuals about 1: the sums of squares of both sides have no digit in common float64.
    draw = np.random.default_rng(3)
    far = pd.DataFrame({"g": np.arange(90) % 4, "a": 1e8 + np.floor(1e3 * draw.normal(size=90))})
    far["y"] = 2 * far.a + draw.normal(size=90)
    a, y = [Fraction(v) for v in far.a], [Fraction(v) for v in far.y]
    sums = []
    for rows in (range(90), *(range(g, 90, 4) for g in range(4))):
        w = sum(a[i] * y[i] for i in rows) / sum(a[i] ** 2 for i in rows)
        sums.append(sum((y[i] - w * a[i]) ** 2 for i in rows))
    expected = float((sums[0] - sum(sums[1:])) / 3 / (sum(sums[1:]) / 86))
    assert bl.fit_groups(far, "y ~ 0 + a", by="g").test().statistic == pytest.approx(expected, rel=1e-4)


ROBUST: tuple[Any, ...] = ("HC0", "HC1", "HC2", "HC3", {"cluster": "c"})


def uneven(rows: int = 1_500) -> pd.DataFrame:
    """Groups with clusters within them, offsets, a column that does not vary in one and repeats another in one, and unequal errors."""
    draw = np.random.default_rng(3)
    frame = pd.DataFrame({"g": draw.choice([*"abcde"], rows), "c": draw.integers(0, 12, rows).astype(str)})
    frame["x"], frame["z"], frame["k"] = 1e4 + draw.normal(size=rows), draw.normal(size=rows), draw.choice(["u", "v"], rows)
    frame["w"] = draw.integers(0, 4, rows) * 1.0
    frame["y"] = frame.x + frame.z + draw.normal(size=rows) * (1 + frame.z.abs()) + frame.c.astype(int)
    frame.loc[frame.g == "d", "z"] = 2.0
    frame.loc[frame.g == "e", "z"] = 3 * frame.x[frame.g == "e"]
    return frame


@pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")  # of columns that a group does not determine
@pytest.mark.parametrize("cov", ROBUST, ids=str)
@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("formula", ["y ~ x + z", "y ~ 0 + x + z", "y ~ x * k"])
def test_robust_errors_of_each_group_are_those_of_its_rows_alone(formula: str, weights: str | None, cov: Any) -> None:
    frame = uneven()
    found = bl.fit_groups(frame, formula, by="g", cov=cov, weights=weights, folds=1).tidy(0.9).set_index(["g", "term"])
    for g, own in frame.groupby("g"):
        peer = alone(own.reset_index(drop=True), formula, weights=weights).tidy(0.9, cov=cov).set_index("term")
        mine = found.loc[g].loc[peer.index]
        for column in ("std_error", "statistic", "p_value", "conf_low", "conf_high"):
            np.testing.assert_allclose(mine[column], peer[column], rtol=2e-6, atol=1e-9, err_msg=f"{g} {column}")


@pytest.mark.parametrize("cov", ["HC0", "HC1", "HC2", "HC3"])
def test_robust_errors_of_each_group_are_those_of_statsmodels(cov: str) -> None:
    """To the digits that statsmodels has where a column lies ten thousand spreads from zero."""
    frame = uneven()[lambda f: f.g < "d"]
    found = bl.fit_groups(frame, "y ~ x + z", by="g", cov=cov).tidy().set_index(["g", "term"])
    for g, own in frame.groupby("g"):
        peer = smf.ols("y ~ x + z", own).fit(cov_type=cov)
        np.testing.assert_allclose(
            found.loc[g].std_error[["x", "z", "Intercept"]], peer.bse[["x", "z", "Intercept"]], rtol=1e-5
        )
        clustered = bl.fit_groups(frame, "y ~ x + z", by="g", cov={"cluster": "c"}).tidy().set_index(["g", "term"])
        peer = smf.ols("y ~ x + z", own).fit(cov_type="cluster", cov_kwds={"groups": own.c.astype(int)})
        np.testing.assert_allclose(
            clustered.loc[g].std_error[["x", "z", "Intercept"]], peer.bse[["x", "z", "Intercept"]], rtol=1e-5
        )


def test_clusters_with_columns_of_their_own_tell_no_errors_of_a_group():
    """As for one line: residuals add up to 0 in every cluster, and others print the rounding of that."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"x": rng.normal(size=120), "y": rng.normal(size=120), "c": list("abcd") * 30, "g": ["u"] * 60 + ["v"] * 60}
    )
    table.loc[100:, "c"] = "a"
    for formula in ("y ~ c", "y ~ x * c"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BestlineWarning)
            lines = bl.fit_groups(table, formula, by="g", cov={"cluster": "c"})
        assert lines.tidy()[["std_error", "statistic", "p_value", "conf_low"]].isna().all(axis=None)
        assert lines.glance()["note"].str.contains("residuals add up to 0 in every cluster").all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)
        shared = bl.fit_groups(table, "y ~ x", by="g", cov={"cluster": "c"})
    assert (shared.tidy()["std_error"] > 1e-3).all()
    assert not shared.glance()["note"].str.contains("add up to 0").any()


def test_robust_errors_are_the_same_in_any_batches_and_say_where_there_are_none(tmp_path: Path) -> None:
    frame = uneven()
    frame.loc[frame.g == "c", "c"] = "99"
    pieces = bl.stream(lambda: iter([frame[:7], frame[7:900], frame[900:]]))
    with pytest.warns(BestlineWarning, match="do not determine"):
        whole, parts = (bl.fit_groups(data, "y ~ x + z", by="g", cov="cluster:c", folds=1) for data in (frame, pieces))
    pd.testing.assert_frame_equal(whole.tidy(), parts.tidy(), rtol=1e-12)
    assert "fewer than two clusters" in whole.glance().set_index("g").note["c"]
    assert whole.tidy().set_index("g").std_error["c"].isna().all()
    assert "Standard errors: clustered by `c`." in str(whole)
    assert whole.summary().facts["cov"] == "clustered by `c`"
    own = whole.tidy().set_index(["g", "term"]).loc["a"].std_error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BestlineWarning)  # of few clusters
        alike = whole.model("a")
    np.testing.assert_allclose(alike.tidy().set_index("term").std_error[own.index], own, rtol=1e-9)


def test_a_row_that_determines_a_weight_by_itself_leaves_hc3_without_that_weight() -> None:
    frame = uneven()[["g", "x", "y"]][lambda f: f.g < "c"].reset_index(drop=True)
    frame["k"] = 0.0
    frame.loc[frame.index[frame.g == "a"][0], "k"] = 1.0
    frame.loc[frame.g == "b", "k"] = np.arange((frame.g == "b").sum())
    groups = bl.fit_groups(frame, "y ~ x + k", by="g", cov="HC3")
    found = groups.tidy().set_index(["g", "term"]).std_error
    assert np.isnan(found["a", "k"])
    rest = frame[frame.g == "a"].iloc[1:].reset_index(drop=True)  # without that row the line of the others is the same
    np.testing.assert_allclose(found["a", "x"], alone(rest, "y ~ x").tidy(cov="HC3").std_error[0], rtol=1e-5)
    assert np.isfinite(found["b"]).all()
    assert "one row determines a weight" in groups.glance().note[0]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cov": "HC3", "l2": 1.0}, OptionError, "Under a penalty"),
        ({"cov": "HC9"}, OptionError, "cov"),
        ({"cov": {"cluster": "nobody"}}, BestlineError, "nobody"),
        ({"cov": {"cluster": "gap"}}, MissingValuesError, "1 of the 100 rows"),
    ],
)
def test_robust_errors_of_groups_that_are_refused(options: Any, error: type[Exception], message: str) -> None:
    frame = uneven(100)
    frame["gap"] = [None, *frame.c[1:]]
    with pytest.raises(error, match=message):
        bl.fit_groups(frame, "y ~ x", by="g", **options)


def test_probability_weights_have_no_test_by_sums_of_squares():
    r = np.random.default_rng(0)
    f = pd.DataFrame({"x": r.normal(size=60), "g": list("abc") * 20, "w": r.uniform(1, 3, 60)})
    f["y"] = f.x + r.normal(size=60)
    with pytest.raises(NumericalError, match="under probability weights"):
        bl.fit_groups(f, "y ~ x", by="g", weights="w", weight_kind="probability", cov="HC1").test()
    assert bl.fit_groups(f, "y ~ x", by="g", weights="w").test().p_value > 0


@pytest.mark.parametrize("formula", ["y ~ x", "y ~ z + C(x)", "y ~ z * x", "y ~ z:C(x)"])
def test_a_category_that_tells_groups_apart_is_no_feature_of_their_lines(formula: str) -> None:
    # Two hundred groups with two hundred levels each took most of a minute, and said nothing.
    words = [f"shop {i}" for i in range(200)] * 2
    data = {"x": words, "z": [float(i * i % 7) for i in range(400)], "y": [float(i % 5) for i in range(400)]}
    with pytest.raises(OptionError, match="Column `x` tells the groups apart, so it is the same in all rows of one"):
        bl.fit_groups(data, formula, by="x")


def test_what_is_printed_of_many_lines_does_nothing_to_a_terminal() -> None:
    g, x = "g\x1b]0;t\x07", "x\x1b[31mred"
    data = {
        x: [float(i * i % 11) for i in range(60)],
        "y": [float(i * i % 7) for i in range(60)],
        g: ["a\x1b[1m", "b", "c"] * 20,
    }
    for said in (
        bl.fit_groups(data, f"y ~ `{x}`", by=g),
        bl.fit_groups(data, f"y ~ `{x}`", by=g, cov="HC3"),
        bl.fit_rolling(data, f"y ~ `{x}`", window=30, step=10),
        bl.fit(data, f"y ~ `{x}`", folds=g).summary(),
        bl.fit(data, f"y ~ `{x}`", folds=g),
    ):
        assert [letter for letter in str(said) if letter != "\n" and not letter.isprintable()] == []
