"""Lines with redundant columns: what these do not touch is what the line without them says, at every door."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import torch
from typer.testing import CliRunner

import bestline as bl
from bestline.api.model import Model
from bestline.cli.app import app
from bestline.data.tables import open_source
from bestline.errors import BestlineWarning, NumericalError, OptionError
from bestline.inference import sharpen
from bestline.numerics import Rows
from numerics.exact import right, truth

pytestmark = pytest.mark.usefixtures("quiet")

SAME = 1e-12  # two exact answers, or one and float64's own
REFERENCE = 1e-8  # statsmodels' own rounding, of a pseudoinverse


def table(n: int = 60) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    a, z = rng.normal(size=(2, n)).round(6)
    g, h = rng.integers(0, 3, n), rng.integers(0, 2, n)
    h[g == 2] = 0  # an empty cell
    four, dummies = np.round(4 * a), {f"g{level}": (g == level).astype(float) for level in range(3)}
    more = {"twice": 2 * a, "four": four, "moved": 3 * four + 5, "k": np.full(n, 0.1), "zero": np.zeros(n)}
    y = a + 2 * z + (g == 1) + rng.normal(size=n)
    firm, w = rng.integers(0, 12, n), rng.uniform(0.5, 2, n)
    return {"a": a, "z": z, "g": g, "h": h, **dummies, **more, "firm": firm, "w": w, "y": y, "y2": y + z}


# A formula, that of the line without its redundant columns, and the weights that no redundant column touches.
CASES = {
    "a constant": ("y ~ a + z + k", "y ~ a + z", ["a", "z", "Intercept"]),
    "zeros": ("y ~ a + z + zero - 1", "y ~ a + z - 1", ["a", "z"]),
    "a multiple": ("y ~ a + z + twice", "y ~ a + z", ["z", "Intercept"]),
    "another unit": ("y ~ four + z + moved", "y ~ four + z", ["z"]),
    "all levels": ("y ~ z + g0 + g1 + g2", "y ~ z + g0 + g1", ["z"]),
    "levels coded twice": ("y ~ z + C(g) + g1", "y ~ z + C(g)", ["z", "C(g)[T.2]", "Intercept"]),
    "several": ("y ~ a + twice + k + z + zero", "y ~ a + z", ["z", "Intercept"]),
}
FIGURES = ["nobs", "df_residual", "r_squared", "adj_r_squared", "sigma", "statistic", "p_value", "log_lik", "aic", "bic"]


def said_in_full(found: Model, alone: Model, names: Sequence[str], cov: str = "classical") -> None:
    """All that is said of some weights is what the line without redundant columns says, with all its digits."""
    ours, theirs = (m.tidy(cov=cov).set_index("term").loc[list(names)] for m in (found, alone))
    pd.testing.assert_frame_equal(ours, theirs, rtol=SAME, atol=0)
    assert not ours.isna().any(axis=None)
    assert found.digits[list(names)].tolist() == found.std_error_digits[list(names)].tolist() == [15.0] * len(names)


@pytest.mark.parametrize("cov", ["classical", "HC0", "HC1", "HC2", "HC3", "cluster:firm"])
@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("name", CASES)
def test_what_redundant_columns_do_not_touch_is_said_in_full(name: str, weights: str | None, cov: str):
    data, (formula, reduced, determined) = table(), CASES[name]
    found, alone = (bl.fit(data, f, weights=weights) for f in (formula, reduced))
    rest = [n for n in found.names if n not in determined]
    said_in_full(found, alone, determined, cov)
    assert found.summary().facts["undetermined"] == rest
    assert found.tidy(cov=cov).set_index("term").loc[rest].drop(columns="estimate").isna().all(axis=None)
    assert found.digits[rest].isna().all()
    pd.testing.assert_frame_equal(found.glance()[FIGURES], alone.glance()[FIGURES], rtol=SAME, atol=0)
    assert found.predict(data) == pytest.approx(alone.predict(data), rel=SAME)
    assert "std error" in str(found.summary(cov=cov))
    assert "digits" in str(found.summary(cov=cov, digits=True))


@pytest.mark.parametrize("name", CASES)
def test_left_out_as_by_r_the_others_are_those_of_the_line_without_them(name: str):
    data, (formula, reduced, _) = table(), CASES[name]
    found, alone = bl.fit(data, formula, aliased="drop"), bl.fit(data, reduced)
    dropped = [n for n in found.names if n not in alone.names]
    if name != "levels coded twice":  # there the column of the level comes before the category's own
        said_in_full(found, alone, alone.names)
    assert found.params[dropped].tolist() == [0.0] * len(dropped)
    assert found.summary().facts["undetermined"] == dropped
    assert found.solver == "Exact(aliased='drop')"
    assert all(
        "left out, and its weight is 0" in n or "constant" in n or "is 0 in all" in n
        for n in found.notes
        if "few rows" not in n
    )
    assert found.recipe is not None
    assert "aliased='drop'" in found.recipe.python()


@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")
@pytest.mark.parametrize("formula", ["y ~ z + C(g) * C(h)", "y ~ 0 + C(g) + C(h) + g1", "y ~ g0 + g1 + g2 + k + z"])
def test_rank_and_scores_are_those_of_statsmodels(formula: str):
    """Its pseudoinverse takes any columns; errors of what it cannot determine mean nothing there."""
    data = table()
    found = bl.fit(data, formula)
    X = found.design.features(next(open_source(data).batches(found.design.needs))).X.numpy()
    reference = sm.OLS(data["y"], np.column_stack([X, np.ones((len(X), int(found.design.intercept)))])).fit()
    row = found.glance().iloc[0]
    assert row["df_residual"] == reference.df_resid
    names = {"r_squared": "rsquared", "adj_r_squared": "rsquared_adj", "aic": "aic", "bic": "bic", "log_lik": "llf"}
    for ours, theirs in names.items():
        assert row[ours] == pytest.approx(getattr(reference, theirs), rel=REFERENCE)
    assert row["sigma"] == pytest.approx(math.sqrt(reference.scale), rel=REFERENCE)
    known = [n not in found.summary().facts["undetermined"] for n in found.names]
    assert any(known)
    assert found.params[known].to_numpy() == pytest.approx(reference.params[known], rel=1e-6, abs=1e-9)
    assert found.bse[known].to_numpy() == pytest.approx(reference.bse[known], rel=1e-6)


@pytest.mark.parametrize("redundant", ["", " + k", " + k + zero + a2"])
def test_nearly_collinear_columns_are_told_apart_beside_redundant_ones(redundant: str):
    rng = np.random.default_rng(0)
    a = 1000 + rng.normal(size=40)
    data = {"a": a, "b": a + 1e-7 * rng.normal(size=40), "k": np.ones(40), "zero": np.zeros(40), "y": a + rng.normal(size=40)}
    data["a2"] = data["b"]
    found = bl.fit(data, f"y ~ a + b{redundant}", aliased="drop")
    exact = truth(Rows(torch.tensor(np.column_stack([a, data["b"]])), torch.tensor(data["y"][:, None])), intercept=True)
    assert exact is not None
    for term, weight in zip(("a", "b", "Intercept"), exact.weights, strict=True):
        assert 15 <= found.digits[term] <= right(found.params[term], weight[0])
    assert abs(found.params["a"]) > 1e5


def test_several_targets_and_float32():
    data = table()
    both = bl.fit(data, "y + y2 ~ a + twice + z")
    for at, target in enumerate(("y", "y2")):
        one = bl.fit(data, f"{target} ~ a + twice + z")
        assert torch.equal(both.weights[:, at], one.weights[:, 0])
        assert torch.equal(both.right_digits[:, at].nan_to_num(-1), one.right_digits[:, 0].nan_to_num(-1))
    short = {name: values.astype(np.float32) for name, values in data.items() if name in ("a", "twice", "z", "y")}
    long = {name: values.astype(float) for name, values in short.items()}
    said_in_full(bl.fit(short, "y ~ a + twice + z"), bl.fit(long, "y ~ a + z"), ["z", "Intercept"])


def test_more_columns_than_rows():
    rng = np.random.default_rng(1)
    data = {**{f"x{j}": rng.normal(size=6) for j in range(8)}, "y": rng.normal(size=6)}
    found = bl.fit(data, "y ~ " + " + ".join(f"x{j}" for j in range(8)))
    assert found.inference is not None
    assert (found.inference.rank, found.inference.df_resid) == (6, 0)
    assert found.predict(data) == pytest.approx(data["y"], abs=1e-11)
    assert len(found.summary().facts["undetermined"]) == 9


def test_a_large_table_proves_it_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sharpen, "_SMALL", 0)
    data = table()
    said_in_full(bl.fit(data, "y ~ a + z + twice"), bl.fit(data, "y ~ a + z", digits=15), ["z", "Intercept"])
    said_in_full(
        bl.fit(data, "y ~ a + z + twice", aliased="drop"), bl.fit(data, "y ~ a + z", digits=15), ["a", "z", "Intercept"]
    )


def test_moments_alone_prove_only_what_does_not_vary():
    data = table()
    plain = bl.fit(bl.Moments.collect(data, "y ~ a + z"))
    beside = bl.fit(bl.Moments.collect(data, "y ~ a + z + k"))
    names = ["a", "z", "Intercept"]
    assert beside.digits[names].tolist() == plain.digits[names].tolist()
    assert beside.digits[names].min() >= 8
    repeated = bl.fit(bl.Moments.collect(data, "y ~ a + z + twice"))
    assert repeated.digits.tolist() == [0.0] * 4
    assert any("not proved, so no digits are claimed" in note for note in repeated.notes)
    # Errors, t and intervals of what is determined are there all the same.
    left = repeated.tidy().set_index("term").loc[["z", "Intercept"]]
    pd.testing.assert_frame_equal(left, plain.tidy().set_index("term").loc[["z", "Intercept"]], rtol=1e-9)
    dropped = bl.fit(bl.Moments.collect(data, "y ~ a + z + twice"), aliased="drop")
    assert dropped.params["twice"] == 0.0
    assert dropped.params[names].to_numpy() == pytest.approx(plain.params[names].to_numpy(), rel=1e-11)
    assert dropped.digits[names].min() >= 8


def test_what_only_rounding_tells_apart_is_redundant_and_nothing_is_claimed_unless_it_was_to_be_left_out():
    rng = np.random.default_rng(4)
    a, b, y = rng.normal(size=(3, 50))
    data = {"a": a, "b": b, "total": 0.3 * a + 0.7 * b, "y": y}
    found = bl.fit(data, "y ~ a + b + total")
    assert found.digits["Intercept"] == 0
    assert any("as far as the rounding of its numbers" in note for note in found.notes)
    dropped = bl.fit(data, "y ~ a + b + total", aliased="drop")
    said_in_full(dropped, bl.fit(data, "y ~ a + b"), ["a", "b", "Intercept"])


@pytest.mark.parametrize("aliased", ["smallest-norm", "drop"])
@pytest.mark.parametrize("of_moments", [False, True])
def test_intervals_exist_where_the_rows_say_what_training_said(aliased: str, of_moments: bool):
    data = table()
    formula, reduced = "y ~ a + z + twice", "y ~ a + z"
    given = bl.Moments.collect(data, formula) if of_moments else data
    found, alone = bl.fit(given, None if of_moments else formula, aliased=aliased), bl.fit(data, reduced)
    new = {"a": [0.5, 0.5], "z": [0.1, 0.1], "twice": [1.0, 1.5]}
    with pytest.warns(
        BestlineWarning, match="1 row has no interval, for `a` and `twice` say something else there than in training"
    ):
        ours = found.predict(new, interval="prediction")
    theirs = alone.predict(new, interval="prediction")
    assert ours.iloc[0].to_numpy() == pytest.approx(theirs.iloc[0].to_numpy(), rel=1e-9)
    assert ours.iloc[1].isna().tolist() == [False, True, True]


def test_every_row_has_the_leverage_and_influence_that_it_has_without_them():
    data = table()
    found, alone = (bl.fit(data, f).augment(data, interval="confidence") for f in ("y ~ a + z + twice", "y ~ a + z"))
    for name in ("fitted", "hat", "resid", "cooksd", "std_resid", "conf_low", "conf_high"):
        assert found[name].to_numpy() == pytest.approx(alone[name].to_numpy(), rel=1e-7, abs=1e-12)


def test_tests_and_comparisons_count_the_rank():
    data = table()
    small, large, copied = (bl.fit(data, f) for f in ("y ~ a", "y ~ a + z", "y ~ a + z + twice"))
    assert bl.compare(small, copied).test.statistic == pytest.approx(bl.compare(small, large).test.statistic, rel=SAME)
    assert copied.wald("z = 0").statistic == pytest.approx(large.wald("z = 0").statistic, rel=SAME)
    with pytest.raises(NumericalError, match="do not determine `a`"):
        copied.wald("a = 0")
    assert bl.fit(data, "y ~ a + z + twice", aliased="drop").wald("a = 0").statistic == pytest.approx(
        large.wald("a = 0").statistic, rel=SAME
    )
    found = copied.diagnose()
    assert math.isnan(found.collinearity.vif["twice"])
    assert found.collinearity.aliased == {"twice": ("a",)}
    assert found.collinearity.vif["z"] == pytest.approx(large.diagnose().collinearity.vif["z"], rel=SAME)


def test_a_penalty_determines_every_weight():
    data = table()
    ridge = bl.fit(data, "y ~ a + z + twice", l2=0.1)
    assert ridge.summary().facts["undetermined"] == []
    assert ridge.params["a"] != 0 != ridge.params["twice"]
    with pytest.raises(OptionError, match="a ridge determines every weight"):
        bl.fit(data, "y ~ a + z + twice", l2=0.1, aliased="drop")
    with pytest.raises(OptionError):
        bl.fit(data, "y ~ a + z + twice", l1=0.1, aliased="drop")


@pytest.mark.parametrize("aliased", ["smallest-norm", "drop"])
def test_files_keep_it(tmp_path: Path, aliased: str):
    model = bl.fit(table(), "y ~ a + z + twice + k", aliased=aliased)
    model.save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")
    assert str(loaded.summary()) == str(model.summary())
    assert loaded.summary().facts["undetermined"] == model.summary().facts["undetermined"]
    assert loaded.plan.solver == model.plan.solver


def test_the_estimator_does_the_same():
    data = table()
    X = np.column_stack([data[name] for name in ("a", "z", "twice", "k")])
    found = bl.LinearRegression().fit(X, data["y"])
    alone = bl.fit(data, "y ~ a + z")
    assert found.rank_ == 2
    assert found.coef_[[0, 2]] == pytest.approx(
        alone.params["a"] * np.array([1, 2]) / 5, rel=SAME
    )  # the shortest of a + 2 twice
    assert found.coef_[1] == alone.params["z"]
    assert found.coef_[3] == 0
    assert found.digits_.tolist()[1] == 15
    rows = found.coef_table_.set_index("term")
    assert rows.loc["x1", "std_error"] == pytest.approx(alone.bse["z"], rel=SAME)
    assert rows.loc[["x0", "x2", "x3"], "std_error"].isna().all()


def test_the_command_line_says_so(tmp_path: Path):
    pd.DataFrame(table()).to_csv(tmp_path / "t.csv", index=False)
    asked = ["fit", str(tmp_path / "t.csv"), "y ~ a + z + twice", "--json", "--quiet"]
    facts = json.loads(CliRunner().invoke(app, asked).stdout)
    assert facts["undetermined"] == ["a", "twice"]
    assert facts["digits"] == {"a": None, "z": 15, "twice": None, "Intercept": 15}
    assert facts["std_error"]["a"] is None
    facts = json.loads(CliRunner().invoke(app, [*asked, "--aliased", "drop"]).stdout)
    assert facts["undetermined"] == ["twice"]
    assert facts["coef"]["twice"] == 0
    assert facts["digits"]["a"] == 15


def test_a_script_does_not_pretend_to_leave_columns_out():
    data = table()
    assert "lstsq" in bl.fit(data, "y ~ a + z + twice").script("numpy")
    with pytest.raises(OptionError, match="leaves out the columns"):
        bl.fit(data, "y ~ a + z + twice", aliased="drop").script("numpy")


@pytest.mark.parametrize("case", ["as many columns as rows", "a target that a column says"])
def test_columns_that_rounding_alone_sets_apart_are_never_proved(case: str):
    rng = np.random.default_rng(11)
    X = rng.normal(size=(5 if case.startswith("as") else 30, 5))
    X[:, 3] = X[:, 2] - X[:, 0]  # rounded: no combination in fractions
    y = rng.normal(size=5) if len(X) == 5 else X[:, 0]
    line = bl.fit((X, y))
    redundant = [a for a in line.inference.aliased if a.column == 3]
    assert [a.proved for a in redundant] == [False]
    assert not (line.digits > 0).any()


def test_digits_of_columns_of_which_none_is_determined_are_told():
    # About 2^53 without an intercept: all columns but for one or two are one column, as far as rounding can tell.
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = 2.0**53 + 2 * rng.integers(0, 9, size=(6, 6))
        X[:, 3] = 2 * X[:, 1]
        X[:, 5] = X[:, 0]
        line = bl.fit({**{f"x{j}": X[:, j] for j in range(6)}, "y": rng.normal(size=6)}, "y ~ . + 0")
        assert all(a.proved for a in line.inference.aliased) or not (line.digits > 0).any()
        assert not any("is 0 in all training rows" in note for note in line.notes)


def test_a_large_constant_moves_no_intercept_of_a_line_from_moments():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        table = {name: rng.normal(size=5) for name in "abcy"} | {"k": np.full(5, 1e12)}
        line, own = bl.fit(bl.Moments.collect(table, "y ~ a + k + b + c")), bl.fit(table, "y ~ a + b + c")
        assert line.params["k"] == 0
        assert line.params["Intercept"] == pytest.approx(own.params["Intercept"], rel=1e-10)


@pytest.mark.parametrize("offset", [0, 1e6, 1e12])
@pytest.mark.parametrize("seed", range(4))
def test_more_columns_than_rows_far_from_zero_go_through_every_point(offset: float, seed: int) -> None:
    """Weights that share an effect keep what rounding leaves out of them, or an offset of 1e12 would cost four digits of y."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(8, 12)) + offset * rng.normal(size=12)
    y = rng.normal(size=8)
    with pytest.warns(BestlineWarning):
        model = bl.fit((X, y))
    assert model.predict(X) == pytest.approx(y, abs=1e-12)


def test_where_nothing_is_proved_the_reason_is_told(monkeypatch: pytest.MonkeyPatch):
    # Digits of 0 stand for a claim that nobody made; which, the warnings say.
    rng = np.random.default_rng(5)
    X = rng.normal(size=(400, 4))
    X[:, 3] = X[:, 0]
    y = X @ [1.0, 2.0, 3.0, 4.0] + rng.normal(size=400)
    many = np.column_stack([y] * 101)
    wide = np.column_stack([rng.normal(size=(400, 201)), X])
    for reason, model in (
        ("Without the rows that", bl.fit(bl.Moments.collect((X, y)))),
        ("Beyond 200 weights nothing is solved exactly; that", bl.fit((wide, y), solver="exact")),
        ("Of more than 100 targets redundant columns are not solved exactly; that", bl.fit((X, many))),
    ):
        assert not model.digits.to_numpy().any()
        assert f"{reason} is not proved, so no digits are claimed." in " ".join(model.notes)
        assert reason.split(" ")[0] in str(model.summary())


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("door", ["rows", "moments"])
@pytest.mark.parametrize("formula", ["y ~ a + k", "y ~ k + a", "y ~ a + k + c"])
def test_no_digits_are_claimed_of_a_weight_that_the_data_do_not_determine(door: str, formula: str) -> None:
    """A constant beside the intercept has the weight 0, which is nobody's finding: not 15 right digits, and not 0 either."""
    rng = np.random.default_rng(0)
    data = {"a": rng.normal(size=40), "k": np.full(40, 3.0), "c": rng.normal(size=40), "y": rng.normal(size=40)}
    facts = (bl.fit(data, formula) if door == "rows" else bl.fit(bl.Moments.collect(data, formula))).summary().facts
    for kind in ("digits", "std_error_digits"):
        assert facts[kind].pop("k") is None
        assert min(facts[kind].values()) >= 8
