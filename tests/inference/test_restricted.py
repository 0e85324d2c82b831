"""Errors under restrictions are those of the least-squares line of the directions that are left free."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

import bestline as bl
from bestline.errors import BestlineWarning, NumericalError, OptionError

pytestmark = pytest.mark.usefixtures("quiet")

CLOSE = 1e-9  # two ways of solving the same well-conditioned problem in float64


def table(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.normal(size=n) + 3, "b": rng.normal(size=n) * 10 + 100, "w": rng.uniform(0.5, 2, n)})
    frame["g"] = rng.choice(["u", "v", "z"], n)
    return frame.assign(y=2 + 0.6 * frame.a + 0.05 * frame.b + rng.normal(size=n))


def test_stata_cnsreg_prints_these_numbers():
    # statsmodels ships them: regression/tests/results/test_rls.do; infl on m1 and unemp with m1 + unemp = 1.
    # Stata's `insheet` reads numbers as float32.
    macro = sm.datasets.macrodata.load_pandas().data.astype("float32").astype(float)
    model = bl.fit(macro, "infl ~ m1 + unemp", constraints="m1 + unemp = 1")
    assert model.params.tolist() == pytest.approx([-0.0018477514060, 1.0018477514060, -0.7001083844336], rel=1e-9)
    # Its log likelihood, e(ll), tells the residual sum of squares; the errors that it prints there are robust ones.
    errors, n = model.covariance(), len(macro)
    assert errors.df == n - 2
    variance = float(errors.sigma[0]) ** 2 * errors.df / n
    assert -n / 2 * (math.log(2 * math.pi * variance) + 1) == pytest.approx(-534.4292052931121, rel=1e-14)
    X = np.column_stack([macro.m1 - macro.unemp, np.ones(n)])
    scores = X * (macro.infl - model.predict(macro)).to_numpy()[:, None]
    bread = np.linalg.inv(X.T @ X)
    robust = np.sqrt(np.diag(bread @ scores.T @ scores @ bread) * n / errors.df)
    assert robust.tolist() == pytest.approx([0.0005369357, 0.4699552366], rel=1e-6)
    assert model.bse.tolist() == pytest.approx(
        np.sqrt(np.diag(bread) * float(errors.sigma[0]) ** 2)[[0, 0, 1]].tolist(), rel=1e-9
    )


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("constraints", ["a + 2 * b = 1", ["a = 0.5", "Intercept = 2 * b"], "g[T.v] = g[T.z]; a = 3 * b"])
def test_statsmodels_fits_constrained_lines_alike(weights, constraints):
    frame = table()
    model = bl.fit(frame, "y ~ a + b + g", weights=weights, constraints=constraints)
    X = np.column_stack([frame.a, frame.b, frame.g == "v", frame.g == "z", np.ones(len(frame))]).astype(float)
    names = list(model.names)
    text = constraints if isinstance(constraints, str) else "; ".join(constraints)
    said = text.replace("Intercept", "one").replace("g[T.v]", "gv").replace("g[T.z]", "gz").replace(";", ",")
    exog = pd.DataFrame(X, columns=["a", "b", "gv", "gz", "one"])
    given_ = None if weights is None else frame.w / frame.w.mean()
    peer = sm.GLM(frame.y, exog, freq_weights=given_).fit_constrained(said)
    assert model.params.tolist() == pytest.approx(peer.params.tolist(), rel=1e-7)
    sizes = dict(zip(names, peer.bse.tolist(), strict=True))
    own = dict(zip(names, model.bse.tolist(), strict=True))
    assert own == pytest.approx(sizes, rel=1e-7, abs=1e-12)


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_the_errors_are_those_of_the_free_directions(seed: int):
    """Of y - X w0 on X U, with w0 + U v all weights that meet the restrictions: a line that nothing holds."""
    rng = np.random.default_rng(seed)
    n, d, m = 25, 4, int(rng.integers(1, 3))
    X, y = np.column_stack([rng.normal(size=(n, d - 1)) + rng.normal(size=d - 1) * 5, np.ones(n)]), rng.normal(size=n)
    A, c = rng.normal(size=(m, d)), rng.normal(size=m)
    names = [*(f"x{j}" for j in range(d - 1)), "Intercept"]
    texts = [" + ".join(f"({v!r}) * {name}" for v, name in zip(map(float, row), names, strict=True)) + f" = {float(value)!r}"
             for row, value in zip(A, c, strict=True)]  # fmt: skip
    model = bl.fit((X[:, :-1], y), constraints=texts)
    w0, U = np.linalg.lstsq(A, c, rcond=None)[0], np.linalg.svd(A)[2][m:].T
    free = sm.OLS(y - X @ w0, X @ U).fit()
    assert model.params.to_numpy() == pytest.approx(w0 + U @ free.params, rel=1e-7, abs=1e-8)
    covariance = U @ free.cov_params() @ U.T
    assert model.covariance().covariance[0].numpy() == pytest.approx(covariance, rel=1e-6, abs=1e-9)
    assert model.covariance().df == free.df_resid
    half = model.predict(X[:5, :-1], interval="confidence")
    width = free.get_prediction(X[:5] @ U).conf_int()
    assert (half.conf_high - half.conf_low).to_numpy() == pytest.approx(width[:, 1] - width[:, 0], rel=1e-6)
    observed = model.predict(X[:5, :-1], interval="prediction", level=0.9)
    width = free.get_prediction(X[:5] @ U).conf_int(obs=True, alpha=0.1)
    assert (observed.pred_high - observed.pred_low).to_numpy() == pytest.approx(width[:, 1] - width[:, 0], rel=1e-6)


def test_a_bound_that_holds_is_a_restriction_and_is_said_to_be_one():
    frame = table()
    with pytest.warns(BestlineWarning, match="Bounds hold `a`. Standard errors and intervals take that for known"):
        held = bl.fit(frame, "y ~ a + b", bounds={"a": (None, 0.2), "b": (0, None)})
    fixed = bl.fit(frame, "y ~ a + b", constraints="a = 0.2")
    assert held.params.a == 0.2
    assert held.params.tolist() == pytest.approx(fixed.params.tolist(), rel=CLOSE)
    assert held.bse.tolist() == pytest.approx(fixed.bse.tolist(), rel=CLOSE)
    tidy = held.tidy()
    assert tidy.at_bound.tolist() == ["upper", "", ""]
    assert tidy.std_error[0] == 0
    assert math.isnan(tidy.p_value[0])
    assert tidy.attrs["cov"] == "restricted least squares, given which bounds hold the line"
    assert "given which bounds hold the line" in " ".join(str(held.summary()).split())
    assert "given" not in fixed.tidy().attrs["cov"]


def test_bounds_that_do_not_hold_leave_the_line_and_its_errors_as_they_are():
    frame = table()
    free = bl.fit(frame, "y ~ a + b + g")
    wide = bl.fit(frame, "y ~ a + b + g", bounds={"a": (-50, 50), "Intercept": (-500, 500)})
    assert wide.params.tolist() == pytest.approx(free.params.tolist(), rel=CLOSE)
    assert wide.bse.tolist() == pytest.approx(free.bse.tolist(), rel=CLOSE)
    assert wide.conf_int().to_numpy() == pytest.approx(free.conf_int().to_numpy(), rel=1e-8)
    assert wide.held_out.rmse[0] == pytest.approx(free.held_out.rmse[0], rel=CLOSE)


def test_every_fold_solves_its_own_program():
    frame = table(40)
    model = bl.fit(frame.assign(fold=np.arange(40) % 4), "y ~ a + b", bounds=(0, 0.3), folds="fold")
    squares = []
    for fold in range(4):
        rest, own = frame[np.arange(40) % 4 != fold], frame[np.arange(40) % 4 == fold]
        line = bl.fit(rest, "y ~ a + b", bounds=(0, 0.3))
        squares += ((own.y - line.predict(own)) ** 2).tolist()
    assert model.held_out.mse[0] == pytest.approx(np.mean(squares), rel=CLOSE)


def test_aliased_columns_share_and_have_no_error_while_the_others_have_theirs():
    frame = table().assign(c=lambda t: 2 * t.a)
    model = bl.fit(frame, "y ~ a + c + b", bounds={"b": (None, 0.01)})
    once = bl.fit(frame, "y ~ a + b", bounds={"b": (None, 0.01)})
    assert np.isnan(model.bse[["a", "c"]]).all()
    assert model.bse[["b", "Intercept"]].tolist() == pytest.approx(once.bse[["b", "Intercept"]].tolist(), rel=CLOSE)
    assert model.predict(frame) == pytest.approx(once.predict(frame), rel=1e-8)
    # A constraint may tell them apart: then every weight has its error.
    told = bl.fit(frame, "y ~ a + c + b", constraints="a = c")
    assert np.isfinite(told.bse).all()
    assert 3 * told.params.a == pytest.approx(bl.fit(frame, "y ~ a + b").params.a, rel=1e-8)


def test_with_a_ridge_there_are_bounds_and_no_errors():
    model = bl.fit(table(), "y ~ a + b", bounds={"a": (None, 0.2)}, l2=0.1)
    assert model.params.a == 0.2
    assert np.isnan(model.bse).all()
    assert "No standard errors" in str(model.summary())


def test_several_targets_are_held_each_by_itself():
    frame = table().assign(z=lambda t: -t.y + 0.1 * t.b)
    both = bl.fit(frame, target=["y", "z"], features=["a", "b"], bounds={"a": (0, None)})
    for target in ("y", "z"):
        alone = bl.fit(frame, target=target, features=["a", "b"], bounds={"a": (0, None)})
        assert both.params[target].tolist() == pytest.approx(alone.params.tolist(), rel=CLOSE, abs=1e-12)
    assert both.params.loc["a", "z"] == 0


def test_what_is_of_free_lines_is_refused_by_name():
    model = bl.fit(table(), "y ~ a + b", bounds={"a": (0, None)}, constraints="b = 0.05")
    for ask in (model.diagnose, model.influence, model.anova, lambda: model.covariance("HC3"), lambda: model.tidy(cov="HC1")):
        with pytest.raises((NumericalError, OptionError), match="bounds and constraints hold the weights"):
            ask()
    with pytest.raises(NumericalError, match="bounds or constraints"):
        model.glance()
    for ask in (model.agree, model.script):
        with pytest.raises(OptionError, match="without bounds and constraints"):
            ask()


def test_a_file_keeps_the_bounds_and_everything_that_rests_on_them(tmp_path: Path):
    frame = table()
    model = bl.fit(frame, "y ~ a + b", bounds={"a": (None, 0.2), "b": (0, math.inf)}, constraints="Intercept >= 0")
    model.save(tmp_path / "m.bestline")
    again = bl.load(tmp_path / "m.bestline")
    assert str(again.summary()) == str(model.summary())
    assert again.tidy().equals(model.tidy())
    assert again.predict(frame, interval="prediction").equals(model.predict(frame, interval="prediction"))
    facts = again.summary().facts
    assert json.loads(json.dumps(facts, allow_nan=False))["bounds"] == {"a": [None, 0.2], "b": [0.0, None]}
    assert facts["constraints"] == ["Intercept >= 0"]
    assert facts["at_bound"] == {"a": "upper"}
    assert "WHERE" not in again.to_sql("t")
    assert again.to_torch()(__import__("torch").tensor([[1.0, 2.0]]).double()).item() == pytest.approx(
        model.predict({"a": 1, "b": 2})
    )


def test_few_rows_leave_bounds_but_no_errors():
    model = bl.fit({"x": [0.0, 1.0], "y": [0.0, 5.0]}, "y ~ x", bounds={"x": (None, 9)})
    assert model.params.x == pytest.approx(5)
    assert np.isnan(model.bse).all()
    with pytest.raises(NumericalError, match="degrees of freedom"):
        model.predict({"x": 1}, interval="confidence")
    held = bl.fit({"x": [0.0, 1.0], "y": [0.0, 5.0]}, "y ~ x", bounds={"x": (None, 1)})
    assert held.covariance().df == 1


def test_far_from_zero_digits_are_kept():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    near = bl.fit((x, y), constraints="x0 + x1 = 0.5")
    far = bl.fit((x + np.array([1e6, -1e6]), y), constraints="x0 + x1 = 0.5")
    assert far.coef.tolist() == pytest.approx(near.coef.tolist(), rel=1e-8)
    assert far.bse[:2].tolist() == pytest.approx(near.bse[:2].tolist(), rel=1e-8)


FIXED = [
    ("y ~ a + C(g)", "C(g)[T.y] = C(g)[T.z]", lambda m: m.contrasts("g").iloc[2:]),
    ("y ~ a * b", "a + a:b = 1", lambda m: m.slopes("a", at={"b": [1]})),
    ("y ~ a", "Intercept + 2*a = 5", lambda m: m.means("a", at={"a": [2]})),
    ("y ~ far", "Intercept + 1000002*far = 5", lambda m: m.means("far", at={"far": [1000002]})),
    ("y ~ a * large", "a + 3 * a:large = 1", lambda m: m.slopes("a", at={"large": [3]})),
    ("y ~ large * a", "a + 3e8 * large:a = 1", lambda m: m.slopes("a", at={"large": [3e8]})),
]


@pytest.mark.parametrize(("formula", "constraint", "asked"), FIXED, ids=[constraint for _, constraint, _ in FIXED])
def test_what_a_constraint_fixes_has_no_error_and_no_test(formula, constraint, asked):
    told = asked(bl.fit(_varied(), formula, constraints=constraint))
    assert len(told) == 1
    assert told.std_error.tolist() == [0.0]
    assert told[["statistic", "p_value"]].isna().all(axis=None)


@pytest.mark.parametrize("at", [2 + 1e-6, 1.0, -3.0])
def test_what_lies_near_what_a_constraint_fixes_has_its_error(at):
    frame = _varied()
    told = bl.fit(frame, "y ~ a", constraints="Intercept + 2*a = 5").means("a", at={"a": [at]})
    # About the fixed point the line is y - 5 = b (a - 2), through zero: its height's error is |a - 2| times that of b.
    slope = sm.OLS(frame.y - 5, frame[["a"]] - 2).fit()
    assert told.std_error[0] == pytest.approx(abs(at - 2) * slope.bse["a"], rel=1e-6)


def _varied() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    a, b, noise = rng.normal(size=(3, 90))
    frame = pd.DataFrame({"a": a, "b": b, "large": 1e8 * b, "far": a + 1e6, "g": ["x", "y", "z"] * 30})
    return frame.assign(y=1 + 2 * a - b + noise)


def test_degrees_of_freedom_that_bounds_give_back_are_counted_in_what_is_warned_of():
    frame = pd.DataFrame({"a": [0.0, 1, 3, 4], "b": [1.0, 0, 2, 5], "c": [2.0, 7, 1, 0], "y": [1.0, 4, 9, 13]})
    with pytest.warns(BestlineWarning) as heard:
        held = bl.fit(frame, "y ~ a + b + c", bounds={"a": (0, 0.1)})
    assert held.restricted.df == 1
    assert held.tidy().std_error.notna().all()
    assert not [w for w in heard if "no degrees of freedom" in str(w.message)]
    with pytest.warns(BestlineWarning, match="4 rows for 4 weights: no degrees of freedom are left"):
        free = bl.fit(frame, "y ~ a + b + c", bounds={"a": (-1e4, 1e4)})
    assert free.tidy().std_error.isna().all()


@pytest.mark.parametrize(
    ("told", "has"),
    [
        ({"l2": 0.1}, "a penalty"),
        ({"loss": "huber"}, "another loss"),
        ({"bounds": {"a": (0, None)}}, "bounds"),
        ({"constraints": "a = 1"}, "constraints"),
    ],
)
def test_glance_says_what_the_line_has(told, has):
    with pytest.raises(NumericalError, match=f"`glance` is for plain least squares, and this line has {has}; look at"):
        bl.fit(_varied(), "y ~ a + b", **told).glance()
