"""Standard errors of median, quantile and Huber lines in every door: used, named and kept, or refused by name."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import Result
from matplotlib.text import Text
from typer.testing import CliRunner

import bestline as bl
from bestline.cli.app import app
from bestline.errors import BestlineWarning, DataError, NumericalError, OptionError
from bestline.inference.marginal import effects
from inference.examples import frame

pytestmark = pytest.mark.usefixtures("quiet")

FORMULA = "y ~ x1 + x2 + g"
CASES = [
    ("huber", "robust", "robust sandwich"),
    ("huber", "iid", "iid, Huber's H1"),
    ("absolute", "robust", "Powell's kernel sandwich"),
    (
        "quantile:0.8",
        "robust:bandwidth=bofinger,density=common",
        "robust sandwich, one density for all rows, Bofinger's bandwidth",
    ),
    ("quantile:0.8", "iid", "iid, kernel density"),
    ("absolute", "nid", "Hendricks and Koenker's sandwich"),
]


def bestline(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def refused(*words: str) -> str:
    found = bestline(*words)
    assert found.exit_code != 0
    return found.output + str(found.exception)


def text_of(page: str) -> str:
    return re.sub(r"<[^>]*>", "", page).replace("&#39;", "'").replace("&#x27;", "'")


@pytest.mark.parametrize(("loss", "cov", "title"), CASES)
def test_every_door_shows_the_same_errors_and_their_name(loss: str, cov: str, title: str):
    model = bl.fit(frame(), FORMULA, loss=loss, cov=cov)
    plain = bl.fit(frame(), FORMULA, loss=loss)
    table = model.tidy()
    assert table.attrs["cov"] == title
    assert bool((table["std_error"] > 0).all())
    pd.testing.assert_frame_equal(table, plain.tidy(cov=cov))
    assert model.bse.tolist() == table["std_error"].tolist()
    assert model.pvalues.tolist() == table["p_value"].tolist()
    assert model.conf_int(0.9).to_numpy() == pytest.approx(plain.conf_int(0.9, cov=cov).to_numpy())
    assert np.array_equal(model.cov_params().to_numpy(), model.covariance().covariance[0].numpy())
    assert model.df_resid == len(frame()) - 5
    summary = model.summary()
    assert summary.facts["std_error"] == dict(zip(model.names, model.bse.tolist(), strict=True))
    assert summary.facts["cov"] == title
    assert f"Standard errors: {title} (" in " ".join(str(summary).split())
    assert "Student's t on 235 degrees of freedom" in str(summary)
    assert str(plain.summary(cov=cov)) == str(summary)
    for page in (model.report().html, model._repr_html_()):
        assert f"Standard errors: {title}" in text_of(page)
    drawn = " ".join(text.get_text().replace("\n", " ") for text in model.plot.coefficients().findobj(Text))
    assert f"Standard errors: {title}" in drawn
    assert title.split(",", maxsplit=1)[0] in " ".join(str(bl.table([model])).replace("std errors", "").split())


@pytest.mark.parametrize(("loss", "cov", "title"), CASES)
def test_tests_means_and_intervals_are_by_them(loss: str, cov: str, title: str):
    model = bl.fit(frame(), FORMULA, loss=loss, cov=cov)
    V, w = model.cov_params().to_numpy(), model.params.to_numpy()
    A = np.zeros((2, 5))
    A[0, 0], A[1, 1], A[1, 2] = 1, 1, -1
    apart = A @ w - [1, 0]
    found = model.wald("x1 = 1, x2 = g[T.b]")
    assert found.statistic == pytest.approx(float(apart @ np.linalg.solve(A @ V @ A.T, apart)) / 2, rel=1e-9)
    assert tuple(found.df) == (2, 235)
    assert title in found.about
    # The line's height at some rows, from the covariance by hand.
    new = frame().iloc[:6]
    X = np.column_stack([new["x1"], new["x2"], new["g"] == "b", new["g"] == "c", np.ones(6)])
    half = (bl.fit(frame(), FORMULA, loss=loss, cov=cov).conf_int().iloc[0] @ [-0.5, 0.5]) / model.bse.iloc[0]
    told = model.predict(new, interval="confidence")
    assert (told["conf_high"] - told["prediction"]).tolist() == pytest.approx(
        (half * np.sqrt(np.einsum("ij,jk,ik->i", X, V, X))).tolist(), rel=1e-8
    )
    slope = model.slopes("x1")
    assert slope["std_error"].tolist() == pytest.approx([model.bse["x1"]], rel=1e-9)
    contrast = model.contrasts("g").set_index("contrast")["std_error"]
    assert contrast["b - a"] == pytest.approx(model.bse["g[T.b]"], rel=1e-9)
    assert contrast["c - b"] == pytest.approx(float(np.sqrt(V[2, 2] + V[3, 3] - 2 * V[2, 3])), rel=1e-9)
    assert bool((model.means("g")["std_error"] > 0).all())


def test_intervals_keep_their_digits_far_from_zero():
    far = frame().assign(x1=frame()["x1"] + 1e7)
    near, moved = (
        bl.fit(data, "y ~ x1 + g", loss="huber:1.5").predict(data.iloc[:5], interval="confidence") for data in (frame(), far)
    )
    widths = [(p["conf_high"] - p["conf_low"]).tolist() for p in (near, moved)]
    assert widths[1] == pytest.approx(widths[0], rel=1e-5)


@pytest.mark.parametrize("loss", ["huber", "quantile:0.3"])
def test_what_speaks_of_least_squares_alone_is_refused_by_name(loss: str):
    model, small = bl.fit(frame(), "y ~ x1 + x2", loss=loss), bl.fit(frame(), "y ~ x1", loss=loss)
    with pytest.raises(NumericalError, match="There is no prediction interval of a line by the"):
        model.predict(frame(), interval="prediction")
    with pytest.raises(NumericalError, match=r"predict\(data, interval='confidence'\) has those of this line"):
        model.augment(interval="confidence")
    for ask in (model.anova, model.diagnose, model.influence, lambda: bl.compare(small, model), model.bootstrap):
        with pytest.raises(NumericalError, match="is not the squared one"):
            ask()
    with pytest.raises(NumericalError, match="least squares"):
        model.glance()
    with pytest.raises(OptionError, match="is of least squares"):
        model.tidy(cov="classical")
    own = "write 'robust', 'iid', 'H2' or 'H3'" if loss == "huber" else "write 'robust', 'iid' or 'nid'"
    with pytest.raises(OptionError, match=own):
        model.wald("x1 = 0", cov="HC3")
    with pytest.raises(AttributeError, match="least squares"):
        _ = model.aic
    assert "cov_params" in dir(model)
    assert "aic" not in dir(model)


@pytest.mark.parametrize("loss", ["huber", "quantile:0.31"])
def test_two_targets_have_their_own(loss: str):
    both = bl.fit(frame(), "y + y2 ~ x1 + g", loss=loss)
    for target in ("y", "y2"):
        alone = bl.fit(frame(), f"{target} ~ x1 + g", loss=loss)
        assert both.bse[target].tolist() == pytest.approx(alone.bse.tolist(), rel=1e-6)
    with pytest.raises(NumericalError, match="one target"):
        both.predict(frame(), interval="confidence")


@pytest.mark.parametrize("loss", ["huber", "quantile:0.3"])
def test_columns_that_repeat_each_other_have_none(loss: str):
    data = frame().assign(twice=2 * frame()["x1"])
    model = bl.fit(data, "y ~ x1 + twice + x2", loss=loss)
    assert model.bse.isna().to_dict() == {"x1": True, "twice": True, "x2": False, "Intercept": False}
    alone = bl.fit(data, "y ~ x1 + x2", loss=loss)
    assert model.bse[["x2", "Intercept"]].tolist() == pytest.approx(alone.bse[["x2", "Intercept"]].tolist(), rel=1e-6)
    told = model.predict(data.iloc[:3].assign(twice=[*(2 * data["x1"].iloc[:2]), 0]), interval="confidence")
    theirs = alone.predict(data.iloc[:3], interval="confidence")
    assert told["conf_low"].iloc[:2].tolist() == pytest.approx(theirs["conf_low"].iloc[:2].tolist(), rel=1e-6)
    assert np.isnan(told["conf_low"].iloc[2])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"loss": "huber", "l2": 0.5}, "under a penalty"),
        ({"loss": "quantile:0.3", "l1": 0.01}, "under a penalty"),
        ({"loss": "quantile:0.3", "solver": "adam", "steps": 3}, "training stopped before the least loss"),
    ],
)
def test_what_has_none_says_why(given: dict[str, Any], told: str):
    model = bl.fit(frame(), "y ~ x1", **given)
    assert bool(model.bse.isna().all())
    assert re.search(f"No standard errors: .*{told}", " ".join(str(model.summary()).split()))
    for ask in (
        lambda: model.tidy(cov="robust"),
        model.covariance,
        lambda: model.wald("x1 = 0"),
        lambda: model.predict(frame(), interval="confidence"),
    ):
        with pytest.raises(NumericalError, match=f"{told}|without a penalty"):
            ask()
    if "l1" in given or "l2" in given:
        with pytest.raises(OptionError, match="none under a penalty"):
            bl.fit(frame(), "y ~ x1", cov="robust", **given)


@pytest.mark.parametrize(
    ("loss", "given", "near"),
    [
        ("huber", {"solver": "sgd", "tol": 0.5, "steps": 500}, False),
        ("huber", {"solver": "sgd"}, True),
        ("huber", {"solver": "adam"}, True),
        ("huber", {"solver": "adam", "tol": 0.1}, False),
        ("quantile:0.3", {"solver": "sgd", "tol": 0.9, "steps": 500}, False),
    ],
)
def test_weights_have_errors_where_they_are_within_a_hundredth_of_them(
    loss: str, given: dict[str, Any], near: bool, tmp_path: Path
):
    model, best = bl.fit(frame(), FORMULA, loss=loss, **given), bl.fit(frame(), FORMULA, loss=loss)
    assert model.stop.name == "CONVERGED"
    assert bool(((model.params - best.params).abs() <= 0.01 * best.bse).all()) == near
    if near:
        assert model.bse.tolist() == pytest.approx(best.bse.tolist(), rel=0.02)
        return
    model.save(tmp_path / "a.bestline")
    for line in (model, bl.load(tmp_path / "a.bestline")):
        assert bool(line.tidy()[["std_error", "p_value"]].isna().all(axis=None))
        assert "No standard errors: the weights are further than a hundredth" in " ".join(str(line.summary()).split())
        with pytest.raises(NumericalError, match="solver='interior-point' reaches it"):
            line.covariance()
    with pytest.raises(NumericalError, match="further than a hundredth"):
        model.tidy(cov="iid")


@pytest.mark.parametrize("loss", ["huber", "quantile:0.3"])
@pytest.mark.parametrize(("share", "near"), [(0.008, True), (0.015, False)])
def test_that_hundredth_is_of_each_weights_own_error(loss: str, share: float, near: bool):
    """Training that is content with its start ends where it began: so far from the least loss and no farther."""
    best = bl.fit(frame(), FORMULA, loss=loss)
    start = best.params.to_dict()
    start["x1"] += share * best.bse["x1"]
    model = bl.fit(frame(), FORMULA, loss=loss, solver="sgd", start=start, tol=0.9, steps=5)
    assert model.params.tolist() == pytest.approx(list(start.values()), rel=1e-9)
    assert model.bse.notna().tolist() == [near] * 5


@pytest.mark.parametrize(
    ("loss", "said", "means"),
    [
        ("quantile:0.9", "Quantile regression at 0.9.", "Marginal 0.9 quantiles"),
        ("absolute", "Least absolute deviations (median regression).", "Marginal medians"),
        ("huber:2", "Huber regression (an M-estimator), delta 2.", "Marginal means"),
    ],
)
def test_the_level_and_delta_are_said_and_what_marginal_averages_are_of(loss: str, said: str, means: str, tmp_path: Path):
    model = bl.fit(frame(), FORMULA, loss=loss)
    model.save(tmp_path / "a.bestline")
    for line in (model, bl.load(tmp_path / "a.bestline")):
        assert said in " ".join(str(line.summary()).split())
        assert means in str(effects.means(line, "g"))


def test_any_median_between_two_rows_has_errors():
    """Several lines are as good there, and one of them is no worse for being another."""
    y = [*range(50), *range(60, 110)]
    start = {"Intercept": 51.0}
    model = bl.fit({"y": y}, "y ~ 1", loss="absolute", solver="gd", start=start, standardize=False)
    assert model.params.tolist() == [51.0]
    assert model.bse.tolist() == pytest.approx(bl.fit({"y": y}, "y ~ 1", loss="absolute").bse.tolist(), rel=0.05)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (frame().iloc[:9], "9 rows are too few to tell the density of errors at the 0.2 quantile"),
        (frame().assign(y=np.where(np.arange(240) < 200, frame()["x1"], frame()["y"])), "half of the residuals are the same"),
    ],
)
def test_rows_that_tell_no_density_are_not_warned_of_unless_asked(data: pd.DataFrame, told: str, tmp_path: Path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", BestlineWarning)
        model = bl.fit(data, "y ~ x1", loss="quantile:0.2")
    with pytest.warns(BestlineWarning, match=told):
        bl.fit(data, "y ~ x1", loss="quantile:0.2", cov="robust")
    model.save(tmp_path / "few.bestline")
    for line in (model, bl.load(tmp_path / "few.bestline")):
        assert f"No standard errors: {told}" in " ".join(str(line.summary()).split())
        assert "Standard errors:" not in str(line.summary())
        assert f"No standard errors: {told}" in text_of(line.report().html)
        assert "none" in str(bl.table([line]))
        for ask in (
            line.covariance,
            lambda line=line: line.wald("x1 = 0"),
            lambda line=line: line.predict(data, interval="confidence"),
        ):
            with pytest.raises(NumericalError, match=told):
                ask()


def test_no_row_near_the_line_says_where_it_should_be():
    """Beyond the edges a Huber line is pulled by signs alone, as a median is: a level with such rows only has no error."""
    data = frame().iloc[:60].copy()
    data.loc[0:1, "g"] = "far"
    data.loc[0:1, "y"] = [-1e3, 1e3]
    with pytest.warns(BestlineWarning, match=r"No row near the line says where .*far"):
        model = bl.fit(data, "y ~ x1 + C(g, Treatment('a'))", loss="huber:1.5")
    lost = [name for name in model.names if "far" in name]
    assert model.bse[lost].isna().tolist() == [True] * len(lost)
    assert model.bse["x1"] > 0


@pytest.mark.parametrize("copies", [1, 2])
def test_copies_of_a_row_share_its_leverage_as_rows_written_out_do(copies: int):
    """A single row that determines a weight tells nothing of its error; two that are alike have half of the leverage each."""
    data = frame().iloc[:60].copy()
    data["w"] = 1 + data.index % 3
    data.loc[0, "g"], data.loc[0, "w"] = "once", copies
    counted = bl.fit(data, FORMULA, loss="huber", weights="w", weight_kind="frequency")
    written = bl.fit(data.loc[data.index.repeat(data["w"])], FORMULA, loss="huber")
    assert counted.bse.tolist() == pytest.approx(written.bse.tolist(), rel=1e-9, nan_ok=True)
    assert np.isnan(counted.bse["g[T.once]"]) == (copies == 1)


@pytest.mark.parametrize("loss", ["huber", "absolute"])
def test_a_line_through_every_row_has_errors_of_zero_as_least_squares_has(loss: str):
    data = {"x": [1.0, 2, 3, 4, 5, 6], "y": [3.0, 5, 7, 9, 11, 13]}
    assert bl.fit(data, "y ~ x", loss=loss).bse.tolist() == bl.fit(data, "y ~ x").bse.tolist() == [0.0, 0.0]


# --- files ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("loss", "cov", "title"), CASES)
def test_a_saved_line_keeps_them(loss: str, cov: str, title: str, tmp_path: Path):
    model = bl.fit(frame(), FORMULA, loss=loss, cov=cov)
    model.save(tmp_path / "a.bestline")
    again = bl.load(tmp_path / "a.bestline")
    assert again.robust.kind == model.robust.kind
    assert torch.equal(again.robust.covariance, model.robust.covariance)
    assert str(again.summary()) == str(model.summary())
    pd.testing.assert_frame_equal(again.tidy(), model.tidy())
    assert again.tidy().attrs["cov"] == title
    new = frame().iloc[:4]
    pd.testing.assert_frame_equal(again.predict(new, interval="confidence"), model.predict(new, interval="confidence"))
    assert str(again.wald("x1 = 0")) == str(model.wald("x1 = 0"))
    other = "iid" if cov.startswith("robust") else "robust"
    with pytest.raises(OptionError, match="has no rows"):
        again.tidy(cov=other)
    assert again.tidy(cov=other, data=frame())["std_error"].tolist() == pytest.approx(
        model.tidy(cov=other)["std_error"].tolist(), rel=1e-9
    )
    with pytest.raises(DataError, match="are not the 240 rows"):
        again.tidy(cov=other, data=frame().iloc[:100])


def test_a_file_of_before_says_how_to_get_them():
    old = bl.load(Path(__file__).parents[1] / "export" / "saved" / "huber.bestline")
    assert old.robust is None
    assert "No standard errors: they were not computed; summary(cov='robust', data=rows)" in " ".join(
        str(old.summary()).split()
    )


# --- the command line -------------------------------------------------------------------------------------------------------


def test_the_command_line_shows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    frame().to_csv("rows.csv", index=False)
    fitted = bestline(
        "fit", "rows.csv", "y ~ x1 + x2", "--loss", "quantile:0.8", "--cov", "iid:bandwidth=bofinger", "-o", "q.bestline"
    )
    assert fitted.exit_code == 0, fitted.output
    assert "Standard errors: iid, kernel density, Bofinger's bandwidth" in fitted.output
    assert "iid, kernel density" in bestline("summary", "q.bestline").output
    assert "iid, kernel density" in bestline("summary", "q.bestline", "--cov", "iid:bandwidth=bofinger").output
    assert json.loads(bestline("summary", "q.bestline", "--json").output)["cov"].startswith("iid, kernel density")
    assert "needs the training rows" in refused("summary", "q.bestline", "--cov", "robust")
    assert "Powell's kernel sandwich" in bestline("summary", "q.bestline", "--cov", "robust", "rows.csv").output
    assert "write 'robust', 'iid' or 'nid'" in refused("summary", "q.bestline", "--cov", "HC3", "rows.csv")
    assert "iid, kernel density" in bestline("table", "q.bestline").output
    found = bestline("predict", "q.bestline", "rows.csv", "--interval", "confidence")
    assert found.output.splitlines()[0].replace('"', "").endswith("prediction,conf_low,conf_high")
    said = refused("predict", "q.bestline", "rows.csv", "--interval", "prediction")
    assert "There is no prediction interval of a line by the quantile loss" in said
    for cov in ("HC3", "cluster:firm"):
        assert "write 'robust', 'iid', 'H2' or 'H3'" in refused("fit", "nowhere.csv", "y ~ x1", "--loss", "huber", "--cov", cov)
