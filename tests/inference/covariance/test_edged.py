"""Standard errors of median, quantile and Huber lines: those of statsmodels, Stata, R's formulas, and the laws that they obey."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.regression.quantile_regression import QuantReg
from statsmodels.regression.tests.results import results_quantile_regression as stata

import bestline as bl
from bestline.errors import BestlineWarning, NumericalError, OptionError
from bestline.inference.covariance.density import between_quartiles, bofinger, hall_sheather
from bestline.inference.covariance.named import parse_cov

pytestmark = pytest.mark.usefixtures("quiet")

LOSSES = ("huber", "absolute", "quantile:0.3")
LEVELS = (0.25, 0.5, 0.9)


@cache
def engel() -> pd.DataFrame:
    """Food expenditure and income of 235 households (Koenker & Bassett 1982), as R's quantreg and statsmodels have them."""
    return sm.datasets.engel.load_pandas().data


@cache
def uneven(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(3, 1, n), rng.normal(0, 2, n)
    y = 1 + 2 * x - z + rng.standard_t(3, n) * np.abs(x)
    return pd.DataFrame({"x": x, "z": z, "y": y, "w": rng.integers(1, 5, n)})


def columns(data: pd.DataFrame, formula: str) -> tuple[np.ndarray, np.ndarray]:
    """The target, and the columns in the order of a line's weights."""
    target, features = formula.split(" ~ ")
    return data[target].to_numpy(), np.column_stack([data[features.split(" + ")], np.ones(len(data))])


def errors(data: pd.DataFrame, formula: str, cov: Any = "robust", **options: Any) -> list[float]:
    return bl.fit(data, formula, **options).tidy(cov=cov)["std_error"].tolist()


def in_bandwidth(u: np.ndarray, level: float, b: float) -> float:
    """R's quantreg, summary.rq: the bandwidth of residuals from that of probabilities."""
    spread = min(u.std(ddof=1), np.subtract(*np.percentile(u, [75, 25])) / 1.34)
    return float(spread * (norm.ppf(level + b) - norm.ppf(level - b)))


# --- quantile lines ---------------------------------------------------------------------------------------------------------


# Of Bofinger's rule the median alone: statsmodels has phi(2 z) there for phi(z); R's bandwidth.rq has what Bofinger (1975) has.
@pytest.mark.parametrize(
    ("rule", "level"), [*((rule, level) for rule in ("hall-sheather", "chamberlain") for level in LEVELS), ("bofinger", 0.5)]
)
def test_errors_alike_are_those_of_statsmodels(rule: str, level: float):
    y, X = columns(engel(), "foodexp ~ income")
    with np.errstate(all="ignore"):
        theirs = QuantReg(y, X).fit(q=level, vcov="iid", kernel="epa", bandwidth=rule.replace("hall-sheather", "hsheather"))
    ours = errors(engel(), "foodexp ~ income", f"iid:bandwidth={rule}", loss=f"quantile:{level}")
    assert ours == pytest.approx(theirs.bse.tolist(), rel=1e-6)


@pytest.mark.parametrize("rule", ["hsheather", "bofinger", "chamberlain"])
def test_errors_alike_are_those_that_stata_prints(rule: str):
    printed = getattr(stata, f"epan2_{rule}")
    model = bl.fit(engel(), "foodexp ~ income", loss="absolute", cov={"iid": None, "bandwidth": rule.replace("hs", "hall-s")})
    assert model.df_resid == printed.df_r
    # Stata's own quartiles of residuals differ from R's and NumPy's in the fourth digit.
    assert model.bse.tolist() == pytest.approx(printed.table[:, 1].tolist(), rel=2e-4)
    assert model.conf_int().to_numpy().ravel().tolist() == pytest.approx(printed.table[:, 4:].ravel().tolist(), rel=2e-4)


@pytest.mark.parametrize("level", LEVELS)
def test_one_density_is_the_sandwich_of_statsmodels(level: float):
    data, formula = uneven(), "y ~ x + z"
    y, X = columns(data, formula)
    model = bl.fit(data, formula, loss=f"quantile:{level}")
    with np.errstate(all="ignore"):
        theirs = QuantReg(y, X).fit(q=level, vcov="robust", kernel="epa", max_iter=5_000, p_tol=1e-10)
    C = np.linalg.inv(X.T @ X)
    density = np.sqrt(level * (1 - level) * np.diag(C)) / model.tidy(cov="iid")["std_error"].to_numpy()

    def of(e: np.ndarray, on: float = 0.0) -> list[float]:
        d = np.where(abs(e) < on, level * (1 - level), np.where(e > 0, level**2, (1 - level) ** 2))
        return (np.sqrt(np.diag(C @ (X.T * d) @ X @ C)) / density).tolist()

    # Rows on the line are above or below theirs by rounding; by ours they count with what is expected of any row.
    assert theirs.bse.tolist() == pytest.approx(of(y - X @ theirs.params), rel=1e-5)
    found = model.tidy(cov="robust:density=common")["std_error"].tolist()
    assert found == pytest.approx(of(y - X @ model.params.to_numpy(), 1e-9), rel=1e-8)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("data", [engel, uneven])
def test_the_kernel_sandwich_is_that_of_quantreg(level: float, data: Any):
    """summary.rq(se = "ker") of R's quantreg, step by step."""
    formula = "foodexp ~ income" if data is engel else "y ~ x + z"
    y, X = columns(data(), formula)
    model = bl.fit(data(), formula, loss=f"quantile:{level}")
    u = y - X @ model.params.to_numpy()
    for rule, b in (("hall-sheather", hall_sheather), ("bofinger", bofinger)):
        h = in_bandwidth(u, level, b(len(y), level))
        f = norm.pdf(u / h) / h
        inverse = np.linalg.inv((X.T * f) @ X)
        theirs = level * (1 - level) * inverse @ (X.T @ X) @ inverse
        found = model.covariance(f"robust:bandwidth={rule}")
        assert found.covariance[0].numpy() == pytest.approx(theirs, rel=1e-7)
        assert found.std_error[0].tolist() == pytest.approx(np.sqrt(np.diag(theirs)).tolist(), rel=1e-8)


# --- Huber lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [engel, uneven])
@pytest.mark.parametrize("updated", [False, True])
@pytest.mark.parametrize("form", ["H1", "H2", "H3"])
def test_huber_errors_alike_are_those_of_rlm(data: Any, updated: bool, form: str):
    formula = "foodexp ~ income" if data is engel else "y ~ x + z"
    y, X = columns(data(), formula)
    theirs = sm.RLM(y, X, M=sm.robust.norms.HuberT(1.345)).fit(cov=form, update_scale=updated, tol=1e-13, maxiter=2_000)
    loss = f"huber:{1.345 * float(theirs.scale)!r}"
    model = bl.fit(data(), formula, loss=loss, cov=form)
    assert model.cov_params().equals(bl.fit(data(), formula, loss=loss, cov={"iid": None, "form": form}).cov_params())
    assert model.params.tolist() == pytest.approx(theirs.params.tolist(), rel=1e-8)
    assert model.bse.tolist() == pytest.approx(theirs.bse.tolist(), rel=1e-8)
    assert model.cov_params().to_numpy() == pytest.approx(theirs.bcov_scaled, rel=1e-7)


def test_the_usual_edge_is_that_of_rlm_with_its_first_scale():
    y, X = columns(engel(), "foodexp ~ income")
    theirs = sm.RLM(y, X, M=sm.robust.norms.HuberT()).fit(cov="H1", update_scale=False, tol=1e-13, maxiter=2_000)
    assert errors(engel(), "foodexp ~ income", "iid", loss="huber") == pytest.approx(theirs.bse.tolist(), rel=1e-6)


def test_the_huber_sandwich_is_that_of_its_scores():
    """B^-1 M B^-1 (Huber 1967), as R's sandwich(rlm(...)) has it, times n / (n - p)."""
    data, formula = uneven(), "y ~ x + z"
    y, X = columns(data, formula)
    model = bl.fit(data, formula, loss="huber:2.5")
    u = y - X @ model.params.to_numpy()
    B = np.linalg.inv((X.T * (np.abs(u) <= 2.5)) @ X)
    M = (X.T * np.clip(u, -2.5, 2.5) ** 2) @ X * len(y) / (len(y) - 3)
    assert model.cov_params().to_numpy() == pytest.approx(B @ M @ B, rel=1e-8)


def test_without_rows_beyond_the_edges_it_is_least_squares():
    data = uneven()
    assert errors(data, "y ~ x + z", loss="huber:1e3") == pytest.approx(errors(data, "y ~ x + z", "HC1"), rel=1e-8)
    assert errors(data, "y ~ x + z", "iid", loss="huber:1e3") == pytest.approx(errors(data, "y ~ x + z", "classical"), rel=1e-8)


# --- weights ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cov", ["robust", "iid"])
def test_frequency_weights_are_the_rows_repeated(loss: str, cov: str):
    data = uneven()
    repeated = data.loc[data.index.repeat(data["w"])]
    weighed = bl.fit(data, "y ~ x + z", loss=loss, weights="w", weight_kind="frequency", cov=cov)
    assert weighed.bse.tolist() == pytest.approx(errors(repeated, "y ~ x + z", cov, loss=loss), rel=1e-7)
    assert weighed.df_resid == len(repeated) - 3


@pytest.mark.parametrize("cov", ["robust", "iid"])
def test_analytic_weights_of_a_quantile_are_rows_multiplied(cov: str):
    """As R's rq(weights = w): the loss of w u is w times that of u, so rows times their weight have errors that are alike."""
    data = uneven()
    w = data["w"] / data["w"].mean()
    multiplied = pd.DataFrame({"y": w * data["y"], "x": w * data["x"], "z": w * data["z"], "w": w})
    ours = errors(data, "y ~ x + z", cov, loss="quantile:0.3", weights="w")
    assert ours == pytest.approx(errors(multiplied, "y ~ x + z + w - 1", cov, loss="quantile:0.3"), rel=1e-7)


# Analytic weights of a quantile are rows multiplied, see above.
@pytest.mark.parametrize(("loss", "kind"), [*((loss, "probability") for loss in LOSSES), ("huber", "analytic")])
def test_robust_errors_under_weights_are_those_of_weighted_scores(loss: str, kind: str):
    data = uneven()
    y, X = columns(data, "y ~ x + z")
    model = bl.fit(data, "y ~ x + z", loss=loss, weights="w", weight_kind=kind)
    u, w = y - X @ model.params.to_numpy(), data["w"].to_numpy()
    w = w / w.mean()
    if loss == "huber":
        edge = float(model.plan.cost.number(model.fit.task.objective.smooth.loss, model.trained_scaling.target_scale)[0])
        bend, square = (np.abs(u) <= edge) * 1.0, np.clip(u, -edge, edge) ** 2 * len(y) / (len(y) - 3)
    else:
        low, high = {"absolute": (-1.0, 1.0), "quantile:0.3": (-0.7, 0.3)}[loss]
        level = high / (high - low)
        mean = np.average(u, weights=w)
        spread = np.sqrt(np.sum(w * (u - mean) ** 2) / (len(y) - 1))
        between = between_quartiles(torch.from_numpy(u.copy()), torch.from_numpy(w.copy()))
        b = hall_sheather(len(y), level)
        h = min(spread, between / 1.34) * (norm.ppf(level + b) - norm.ppf(level - b))
        bend = norm.pdf(u / h) / h * (high - low)
        square = np.where(abs(u) < 1e-9, -low * high, np.where(u > 0, high, low) ** 2)
    B = np.linalg.inv((X.T * (w * bend)) @ X)
    expected = B @ (X.T * (w**2 * square)) @ X @ B
    assert model.bse.tolist() == pytest.approx(np.sqrt(np.diag(expected)).tolist(), rel=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_errors_alike_are_refused_under_weights_that_deny_it(loss: str):
    with pytest.raises(OptionError, match=r"rows are not drawn alike.*take 'robust'"):
        bl.fit(uneven(), "y ~ x", loss=loss, weights="w", weight_kind="probability", cov="iid")
    if loss == "huber":
        with pytest.raises(OptionError, match=r"scores are not alike; take 'robust'"):
            bl.fit(uneven(), "y ~ x", loss=loss, weights="w", cov="iid")


# --- laws -------------------------------------------------------------------------------------------------------------------


@given(
    st.sampled_from(LOSSES),
    st.sampled_from(["robust", "iid"]),
    st.sampled_from([1e-6, 0.1, 3.0, 1e5]),
    st.sampled_from([-1e-3, 0.5, 2e4]),
    st.sampled_from([0.0, -7.0, 1e4]),
)
def test_errors_move_with_the_units(loss: str, cov: str, of_y: float, of_x: float, shift: float):
    data = uneven(120, 1)
    there = errors(data, "y ~ x + z", cov, loss=loss)
    moved = data.assign(y=of_y * data["y"] + shift * of_y, x=of_x * data["x"])
    here = errors(moved, "y ~ x + z", cov, loss=loss)
    assert here == pytest.approx([there[0] * of_y / abs(of_x), there[1] * of_y, there[2] * of_y], rel=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_slopes_know_nothing_of_an_offset(loss: str):
    data = uneven()
    moved = data.assign(x=data["x"] + 1e6)
    assert errors(moved, "y ~ x + z", loss=loss)[:2] == pytest.approx(errors(data, "y ~ x + z", loss=loss)[:2], rel=1e-6)


@pytest.mark.parametrize(("loss", "mirrored"), [("absolute", "absolute"), ("quantile:0.9", "quantile:0.1")])
@pytest.mark.parametrize(
    ("cov", "given"),
    [
        ("robust", {}),
        ("iid", {}),
        ("robust:density=common", {}),
        ("robust", {"weights": "w", "weight_kind": "probability"}),
        ("robust:density=common", {"weights": "w", "weight_kind": "probability"}),
        ("robust:density=common", {"weights": "w"}),
    ],
)
def test_the_quantile_of_minus_y_has_the_same_errors(loss: str, mirrored: str, cov: str, given: dict[str, str]):
    data = uneven()
    ours = errors(data, "y ~ x + z", cov, loss=loss, **given)
    theirs = errors(data.assign(y=-data["y"]), "y ~ x + z", cov, loss=mirrored, **given)
    assert ours == pytest.approx(theirs, rel=1e-7)


@pytest.mark.parametrize("cov", ["robust", "iid"])
def test_a_huber_line_with_few_rows_between_its_edges_has_no_errors(cov: str):
    """The line goes through as many rows as it has weights, however small delta is: they say nothing of its errors."""
    data = uneven()
    model = bl.fit(data, "y ~ x + z", loss="huber:0.01")
    assert bool(model.bse.isna().all())
    told = r"No standard errors: just \d+ of 300 rows lie within delta of the line.*use loss='absolute'"
    assert re.search(told, " ".join(str(model.summary()).split()))
    with pytest.raises(NumericalError, match="use loss='absolute'"):
        model.tidy(cov=cov)
    with pytest.warns(BestlineWarning, match="use loss='absolute'"):
        bl.fit(data, "y ~ x + z", loss="huber:0.01", cov=cov)


@pytest.mark.parametrize("cov", ["robust", "iid"])
@pytest.mark.parametrize("delta", [0.03, 0.1, 0.3])
def test_huber_errors_are_those_of_the_median_where_delta_is_small(cov: str, delta: float):
    """Of normal errors of sd 1 a slope's error is sqrt(pi / 2 / n); what is shown is near it or nothing."""
    rng, n = np.random.default_rng(3), 200
    x = rng.normal(size=n)
    found = bl.fit({"x": x, "y": x + rng.normal(size=n)}, "y ~ x", loss=f"huber:{delta}", cov=cov).bse["x"]
    assert np.isnan(found) or found > 0.5 * np.sqrt(np.pi / 2 / n) / x.std()
    assert np.isnan(found) == (delta == 0.03)


@pytest.mark.parametrize("given", [{}, {"weights": "w", "weight_kind": "probability"}])
def test_a_level_with_one_row_has_no_huber_error_as_hc3_has_none(given: dict[str, str]):
    data = uneven().assign(g=["p", "q", "r"] * 100)
    data.loc[7, "g"] = "s"
    with pytest.warns(BestlineWarning, match=r"Rows determine .*T\.s.*leverage 1"):
        model = bl.fit(data, "y ~ x + g", loss="huber", **given)
    assert model.bse.index[model.bse.isna()].tolist() == ["g[T.s]"]
    alone = bl.fit(data.drop(index=7), "y ~ x + g", loss="huber:3").bse
    both = bl.fit(data, "y ~ x + g", loss="huber:3").bse
    assert both[alone.index].tolist() == pytest.approx(alone.tolist(), rel=0.01)


@pytest.mark.parametrize("cov", ["robust", "iid"])
def test_huber_errors_shrink_with_the_root_of_rows_repeated(cov: str):
    data, times = uneven(), 4
    n, p = len(data), 3
    once, often = (errors(pd.concat([data] * k), "y ~ x + z", cov, loss="huber:2") for k in (1, times))
    if cov == "robust":  # but for the correction n / (n - p)
        ratio = np.sqrt((times * n - p) / (n - p))
        assert [a / b for a, b in zip(once, often, strict=True)] == pytest.approx([ratio] * p, rel=1e-7)
    else:
        assert [a / b for a, b in zip(once, often, strict=True)] == pytest.approx([2.0] * p, rel=0.02)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cov", ["robust", "iid"])
def test_errors_say_how_far_weights_are_off(loss: str, cov: str):
    """Over many samples the standard deviation of a slope is what its standard error says."""
    rng = np.random.default_rng(5)
    slopes, said = [], []
    for _ in range(200):
        x = rng.uniform(1, 3, 500)
        y = 1 + 2 * x + rng.standard_t(4, 500) * (1 if cov == "iid" else x)
        model = bl.fit({"x": x, "y": y}, "y ~ x", loss=loss, cov=cov, folds=2)
        slopes.append(model.params["x"])
        said.append(model.bse["x"])
    # 200 samples tell a standard deviation to 5%. A kernel flattens the peak of a density, which makes errors too large.
    assert 0.85 < np.mean(said) / np.std(slopes) < (1.15 if loss == "huber" else 1.35)


# --- names ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["robust", "iid", "robust:bandwidth=bofinger", "robust:bandwidth=chamberlain,density=common"])
def test_the_text_of_a_kind_asks_for_it_again(text: str):
    kind = parse_cov(text, "quantile:0.9")
    assert kind.text == text
    assert parse_cov(kind.text, "quantile:0.9") == kind
    assert parse_cov(kind, "absolute") == kind


@pytest.mark.parametrize(
    ("cov", "loss", "told"),
    [
        ("HC3", "huber", "for Huber lines, .*write 'robust', 'iid', 'H2' or 'H3'; 'robust' is nearest"),
        ("H2", "absolute", "for median and quantile lines, .*write 'robust', 'iid' or 'nid'; 'iid' is nearest"),
        ("H2:form=H3", "huber", "'H2' says its form itself; leave form out, or write 'iid' with it"),
        ("nid:density=kernel", "absolute", "'nid' says its density itself"),
        ("iid:form=H4", "huber", "There is no form 'H4'"),
        ("iid:form=H2", "quantile:0.5", "has no option 'form'"),
        ("ker", "absolute", "'robust' is nearest to that"),
        ("ker", "quantile:0.9", "'robust' is nearest to that"),
        ("HC1", "huber", "'robust' is nearest to that"),
        ("HC3", "absolute", "'robust' is nearest to that"),
        ("robust", lambda p, y: (p - y).abs(), "a loss of one's own has no standard errors at all; leave `cov` out"),
        ("iid", lambda p, y: (p - y).abs(), "a loss of one's own has no standard errors at all; leave `cov` out"),
        ({"cluster": "w"}, "absolute", "standard errors are of independent rows"),
        ({"hac": None}, "huber", "standard errors are of independent rows"),
        ({"robust": "w"}, "huber", "takes no column"),
        ("robust:density=own", "huber", "has no option 'density'"),
        ("iid:bandwidth=silverman", "absolute", "There is no bandwidth 'silverman'"),
        ({"robust": None, "density": 3}, "absolute", "There is no density 3"),
        ("robust", "squared", "write 'HC3'"),
        ("iid", "squared", "write 'classical'"),
        ("classical", "huber", "none for Huber lines; write 'robust', or 'iid'"),
        ("Classical", "absolute", "none for median and quantile lines; write 'robust', or 'iid'"),
        (parse_cov("classical"), "quantile:0.9", "none for median and quantile lines; write 'robust', or 'iid'"),
        ("classical", lambda p, y: (p - y).abs(), "there is none of another loss; leave `cov` out"),
    ],
)
def test_what_is_no_kind_of_a_loss_is_refused_before_any_work(cov: Any, loss: str, told: str):
    with pytest.raises(OptionError, match=told):
        bl.fit("no such file.csv", "y ~ x", loss=loss, cov=cov)


@pytest.mark.parametrize("loss", ["huber", "absolute", "quantile:0.75"])
def test_where_nothing_is_typed_errors_are_the_robust_ones(loss: str):
    data = uneven(60)
    silent, asked = bl.fit(data, "y ~ x + z", loss=loss), bl.fit(data, "y ~ x + z", loss=loss, cov="robust")
    assert silent.bse.tolist() == asked.bse.tolist()
    assert "cov=" not in silent.recipe.python()


def test_kinds_of_other_losses_are_refused_as_values_too():
    with pytest.raises(OptionError, match="There is no `cov`"):
        parse_cov(parse_cov("HC3"), "huber")
    with pytest.raises(OptionError, match="There is no `cov`"):
        parse_cov(parse_cov("iid", "huber"), "squared")
