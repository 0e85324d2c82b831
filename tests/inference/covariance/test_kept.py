"""The covariance that a fit asks for stays with the line: whatever shows an error uses it, says its name, and so does the saved file."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import torch
from click.testing import Result
from matplotlib.text import Text
from typer.testing import CliRunner

import bestline as bl
from bestline.cli.app import app
from bestline.errors import ModelFileError, NumericalError, OptionError
from bestline.inference.covariance.named import COVARIANCES, parse_cov
from inference.examples import frame, reference

pytestmark = pytest.mark.usefixtures("quiet")

SAME = {"rel": 1e-9, "abs": 1e-11}
KINDS: list[Any] = [
    "HC0",
    "HC3",
    {"cluster": "firm"},
    {"cluster": ["firm", "g"]},
    {"cluster": "firm", "type": "CR2"},
    {"hac": None, "lags": 3},
    {"hac": "x2"},
    {"driscoll-kraay": "firm", "lags": 1},
]


def robustly(formula: str = "y ~ x1 + x2 + g", cov: Any = "HC3") -> Any:
    return reference(formula, frame()).get_robustcov_results(cov, use_t=True)


def bestline(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.mark.parametrize("cov", KINDS)
def test_every_number_is_by_the_kept_covariance(cov: Any):
    model, plain = bl.fit(frame(), "y ~ x1 + x2 + g", cov=cov), bl.fit(frame(), "y ~ x1 + x2 + g")
    asked = plain.tidy(cov=cov)
    title = model.robust.title
    pd.testing.assert_frame_equal(model.tidy(), asked)
    assert model.tidy().attrs["cov"] == title
    assert model.bse.tolist() == asked["std_error"].tolist()
    assert model.pvalues.tolist() == asked["p_value"].tolist()
    pd.testing.assert_frame_equal(model.conf_int(0.9), plain.conf_int(0.9, cov=cov))
    assert model.summary().facts["std_error"] == plain.summary(cov=cov).facts["std_error"]
    assert model.summary().facts["cov"] == title
    assert f"Standard errors: {model.robust.said}" in str(model.summary())
    assert str(model.wald("x1 = 1")) == str(plain.wald("x1 = 1", cov=cov))
    assert title in model.wald("x1 = 1").about
    assert torch.equal(model.covariance().covariance, plain.covariance(cov).covariance)
    assert np.array_equal(model.cov_params().to_numpy(), model.robust.covariance[0].numpy())
    assert model.glance()["cov"].tolist() == [title]
    assert "cov" not in plain.glance()
    for page in (model.report().html, model._repr_html_()):
        assert re.sub(r"[`]", "", f"Standard errors: {model.robust.said}") in re.sub(r"</?(code|bdi)[^>]*>|[`]", "", page)
    drawn = " ".join(text.get_text().replace("\n", " ") for text in model.plot.coefficients().findobj(Text))
    assert f"Standard errors: {title.replace('`', '')}" in drawn.replace("`", "")
    # Another one, when it is asked for.
    assert model.tidy(cov="classical")["std_error"].tolist() == plain.bse.tolist()
    assert model.tidy(cov="HC1")["std_error"].tolist() == plain.tidy(cov="HC1")["std_error"].tolist()


@pytest.mark.parametrize("formula", ["y ~ x1 + x2 + g", "y ~ x1 + x2 - 1", "y ~ 0 + g + x1"])
def test_intervals_of_predictions_are_those_of_statsmodels(formula: str):
    ref = smf.ols(formula, frame()).fit(cov_type="HC3", use_t=True)
    model, new = bl.fit(frame(), formula, cov="HC3"), frame().iloc[:9]
    theirs = ref.get_prediction(new).summary_frame(alpha=0.1)
    for interval, ours, names in (("confidence", "conf", "mean_ci"), ("prediction", "pred", "obs_ci")):
        found = model.predict(new, interval=interval, level=0.9)
        assert found[f"{ours}_low"].tolist() == pytest.approx(theirs[f"{names}_lower"].tolist(), **SAME)
        assert found[f"{ours}_high"].tolist() == pytest.approx(theirs[f"{names}_upper"].tolist(), **SAME)
        beside = model.augment(level=0.9).iloc[:9]
        assert beside[f"{ours}_low"].tolist() == pytest.approx(found[f"{ours}_low"].tolist(), **SAME)
        others = model.augment(frame().iloc[:9].drop(columns="y"), level=0.9)
        assert others[f"{ours}_high"].tolist() == pytest.approx(found[f"{ours}_high"].tolist(), **SAME)


def test_intervals_keep_their_digits_far_from_zero():
    """The line's height is a matter of distances from the mean: an offset of the columns takes no digits from its variance."""
    far = frame().assign(x1=frame()["x1"] + 1e7)
    near, moved = (
        bl.fit(data, "y ~ x1 + g", cov="HC3").predict(data.iloc[:5], interval="confidence") for data in (frame(), far)
    )
    widths = [(p["conf_high"] - p["conf_low"]).tolist() for p in (near, moved)]
    assert widths[1] == pytest.approx(widths[0], rel=1e-6)


def test_rows_that_nobody_knows_the_error_of_have_no_interval():
    data = frame().iloc[:30].copy()
    data.loc[5, "g"] = "only"
    model = bl.fit(data, "y ~ x1 + g", cov="HC3")
    found = model.predict(data.iloc[:8], interval="confidence")
    assert np.isnan(found["conf_low"]).tolist() == [i == 5 for i in range(8)]
    others = bl.fit(data.drop(index=5), "y ~ x1 + g", cov="HC3").predict(data.iloc[:5], interval="confidence")
    ours = (found["conf_high"] - found["conf_low"]).iloc[:5] / model.robust.df**0
    assert ours.tolist() == pytest.approx((others["conf_high"] - others["conf_low"]).tolist(), rel=1e-9)
    with pytest.warns(bl.errors.BestlineWarning, match="training rows that determine a weight by themselves"):
        model.predict(data.iloc[:8], interval="confidence")


def test_the_f_test_of_the_whole_line_is_robust():
    model, ref = bl.fit(frame(), "y ~ x1 + x2 + g", cov="HC3"), robustly()
    assert model.glance()["statistic"].iloc[0] == pytest.approx(float(ref.fvalue), rel=1e-9)
    assert model.fvalue == pytest.approx(float(ref.fvalue), rel=1e-9)


@pytest.mark.parametrize(
    ("small", "large"), [("y ~ x1", "y ~ x1 + x2 + g"), ("y ~ 1", "y ~ 0 + g"), ("y ~ x2", "y ~ x2 + x1 + twice")]
)
def test_nested_lines_are_compared_by_the_errors_of_the_large_one(small: str, large: str):
    data = frame().assign(twice=2 * frame()["x1"])
    if "twice" in large:
        with pytest.raises(NumericalError, match="fit it with aliased='drop'"):
            bl.compare(bl.fit(data, small), bl.fit(data, large, cov="cluster:firm"))
    found = bl.compare(bl.fit(data, small), bl.fit(data, large, solver="exact", aliased="drop", cov="cluster:firm"))
    ref = smf.ols(large.replace("+ twice", "").replace("y ~ 0 + g", "y ~ g"), data).fit(
        cov_type="cluster", cov_kwds={"groups": data["firm"]}, use_t=True
    )
    extra = [name for name in ref.params.index if name != "Intercept" and name not in small]
    theirs = ref.wald_test(np.eye(len(ref.params))[[list(ref.params.index).index(n) for n in extra]], use_f=True, scalar=True)
    assert found.test.statistic == pytest.approx(float(theirs.statistic), rel=1e-8)
    assert found.test.p_value == pytest.approx(float(theirs.pvalue), rel=1e-8)
    assert found.facts["cov"] == "clustered by `firm`"
    assert "Standard errors: clustered by `firm`" in str(found)
    assert "Standard errors" not in str(bl.compare(bl.fit(data, small), bl.fit(data, large)))


# --- files ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cov", KINDS)
def test_a_saved_line_keeps_it(cov: Any, tmp_path: Path):
    model = bl.fit(frame(), "y + y2 ~ x1 + g", cov=cov)
    model.save(tmp_path / "a.bestline")
    again = bl.load(tmp_path / "a.bestline")
    assert again.robust.kind == model.robust.kind
    assert str(again.summary()) == str(model.summary())
    assert again.summary().facts == model.summary().facts
    pd.testing.assert_frame_equal(again.tidy(cov=cov), model.tidy())  # the same one needs no rows
    one = bl.fit(frame(), "y ~ x1 + g", cov=cov)
    one.save(tmp_path / "b.bestline")
    pd.testing.assert_frame_equal(
        bl.load(tmp_path / "b.bestline").predict(frame().iloc[:5], interval="prediction"),
        one.predict(frame().iloc[:5], interval="prediction"),
    )


def test_files_without_it_are_as_they_were(tmp_path: Path):
    bl.fit(frame(), "y ~ x1").save(tmp_path / "plain.bestline")
    bl.fit(frame(), "y ~ x1", cov="HC3").save(tmp_path / "robust.bestline")
    versions = [
        b'"version":3' in (tmp_path / f"{name}.bestline").read_bytes().replace(b" ", b"").replace(b"\\", b"")
        for name in ("plain", "robust")
    ]
    assert versions == [False, True]


def test_a_file_with_a_covariance_of_another_shape_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = bl.fit(frame(), "y ~ x1", cov="HC3")
    wrong = bl.Model.of(model, robust=bl.fit(frame(), "y ~ x1 + x2", cov="HC3").robust)
    wrong.save(tmp_path / "wrong.bestline")
    with pytest.raises(ModelFileError):
        bl.load(tmp_path / "wrong.bestline")


# --- what is asked for ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cov", [*KINDS, "classical", {"cluster": ["a, b", "c=d"]}, {"hac": "lags=4", "lags": "stock-watson"}, {"cluster": ' "x" '}]
)
def test_as_one_text_it_is_the_same(cov: Any):
    assert parse_cov(parse_cov(cov).text) == parse_cov(cov)


def test_other_spellings():
    assert parse_cov("CR2:firm") == parse_cov({"CR2": "firm"}) == parse_cov({"cluster": "firm", "type": "cr2"})
    assert parse_cov("Newey-West:week") == parse_cov({"hac": "week"}) == parse_cov("HAC:week,lags=auto")
    assert set(COVARIANCES) == {"classical", "HC0", "HC1", "HC2", "HC3", "cluster", "hac", "driscoll-kraay"}


def test_columns_of_clusters_are_no_features_unless_named():
    model = bl.fit(frame()[["y", "x1", "firm"]], target="y", cov="cluster:firm")
    assert model.names == ("x1", "Intercept")
    assert bl.fit(frame()[["y", "x1", "firm"]], "y ~ x1 + firm", cov="cluster:firm").names == ("x1", "firm", "Intercept")


def test_no_penalty_is_put_in_where_errors_are_asked_for():
    rng = np.random.default_rng(0)
    wide = {f"x{i}": rng.normal(size=40) for i in range(20)} | {"y": rng.normal(size=40)}
    assert bl.fit(wide, target="y").plan.l2 > 0
    assert bl.fit(wide, target="y", cov="HC3").robust is not None


@pytest.mark.parametrize(
    "given",
    [{"l2": 0.1}, {"cv": "ridge"}, {"loss": torch.nn.SmoothL1Loss()}, {"forward": torch.nn.Linear(1, 1, dtype=torch.float64)}],
)
def test_what_has_no_covariance_is_refused_before_any_work(given: dict[str, Any]):
    with pytest.raises(OptionError, match="is a covariance of least squares"):
        bl.fit("no such file.csv", "y ~ x1", cov="HC3", **given)


def test_rows_that_early_stopping_holds_out_are_no_training_rows():
    with pytest.raises(OptionError, match="early stopping holds out some"):
        bl.fit(frame(), "y ~ x1", solver="adam", patience=5, cov="HC3")
    model = bl.fit(frame(), "y ~ x1", solver="exact", split=(0.5, 0.25, 0.25), cov="HC3")
    training = pd.DataFrame(torch.cat([torch.cat([r.X, r.y], 1) for r in model.rows()]).numpy(), columns=["x1", "y"])
    ref = smf.ols("y ~ x1", training).fit(cov_type="HC3", use_t=True)
    assert model.bse.tolist() == pytest.approx(ref.bse[::-1].tolist(), rel=1e-9)


def test_of_training_that_stops_on_its_way_there_are_no_errors():
    model = bl.fit(frame(), "y ~ x1", solver="sgd", lr=0.01, steps=3, cov="HC3")
    assert model.robust is None
    assert model.bse.isna().all()
    with pytest.raises(NumericalError, match="training stopped before"):
        model.covariance()
    assert bl.fit(frame(), "y ~ x1", solver="sgd", lr=0.01, steps=3_000, cov="HC3").pvalues.notna().all()


def test_moments_have_no_rows():
    moments = bl.Moments.collect(frame(), "y ~ x1", by="firm")
    assert bl.fit(moments, cov="cluster:firm").bse.tolist() == pytest.approx(
        bl.fit(frame(), "y ~ x1", cov="cluster:firm").bse.tolist(), rel=1e-10
    )
    for cov in ("HC3", "cluster:g", "hac:x1"):
        with pytest.raises(OptionError, match="Moments have no rows"):
            bl.fit(moments, cov=cov)


def test_few_rows_and_one():
    with pytest.raises(NumericalError, match="more rows than weights"):
        bl.fit({"x": [1.0, 2.0], "y": [1.0, 3.0]}, "y ~ x", cov="HC3")
    exact = bl.fit({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]}, "y ~ x", cov="HC0")
    assert exact.bse.tolist() == [0, 0]


def test_redundant_columns_have_no_error_and_the_others_theirs():
    data = frame().assign(twice=2 * frame()["x1"])
    for aliased in ("smallest-norm", "drop"):
        model = bl.fit(data, "y ~ x2 + x1 + twice", solver="exact", aliased=aliased, cov="HC3")
        ref = robustly("y ~ x2 + x1")
        assert model.bse["x2"] == pytest.approx(ref.bse[1], rel=1e-9)
        assert np.isnan(model.bse["twice"])
        found = model.predict(data.iloc[:3], interval="confidence")
        plain = bl.fit(data, "y ~ x2 + x1", cov="HC3").predict(data.iloc[:3], interval="confidence")
        assert found["conf_low"].tolist() == pytest.approx(plain["conf_low"].tolist(), rel=1e-8)


# --- the command line -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cov", ["HC3", "cluster:firm,g", "cluster:firm,type=CR3", "hac:x2,lags=3", "driscoll-kraay:firm"])
def test_the_command_line_says_the_same(cov: str, tmp_path: Path):
    data, file = tmp_path / "d.csv", tmp_path / "m.bestline"
    frame().to_csv(data, index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = bestline("fit", str(data), "y ~ x1 + g", "--cov", cov, "-o", str(file), "--json")
        model = bl.fit(data, "y ~ x1 + g", cov=cov)
    assert told.exit_code == 0, told.output
    facts = json.loads(told.stdout)
    assert (facts["cov"], facts["std_error"]) == (model.robust.title, model.summary().facts["std_error"])
    again = json.loads(bestline("summary", str(file), "--json").stdout)
    assert again["std_error"] == facts["std_error"]
    same = json.loads(bestline("summary", str(file), "--cov", cov, "--json").stdout)
    assert same["std_error"] == facts["std_error"]
    plain = json.loads(bestline("summary", str(file), "--cov", "classical", "--json").stdout)
    assert plain["cov"] == "classical"
    assert f"--cov={cov}" in bl.load(file).recipe.command().replace("'", "")
    refused = bestline("summary", str(file), "--cov", "HC1")
    assert refused.exit_code == 2
    assert "needs the training rows" in refused.output
    assert f"cov={cov!r}" in bl.load(file).recipe.python()
