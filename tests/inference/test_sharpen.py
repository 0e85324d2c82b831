"""Digits of models: certified problems, and the exact solution where float64 moments lack digits."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.data import exact_sums
from bestline.data.design.lost_digits import rows_doubled
from bestline.data.tables import open_source
from bestline.errors import BestlineWarning
from bestline.inference import sharpen as climb
from bestline.numerics.rows import Rows
from numerics.exact import NIST, close_columns, of_nist, right, right_root, truth

pytestmark = pytest.mark.usefixtures("quiet")


# Rounding once leaves 15.95 digits; a last place or two are lost where a test itself divides in float64.
EXACT = 15.0


CERTIFIED = 13.0  # NIST prints 15 digits, and x as float64 holds it is not x as printed


@pytest.mark.parametrize("name", NIST)
def test_nist_problems_reach_what_their_numbers_hold(name: str):
    facts, model = NIST[name], of_nist(name)
    names = [model.names[-1], *model.names[:-1]] if facts["intercept"] else list(model.names)
    for found, exact, certified in (
        (model.params, "exact", "certified"),
        (model.bse, "exact_se", "certified_se"),
    ):
        values = found[names].tolist()
        # 25 digits of the solution for the numbers as float64 holds them, powers unrounded.
        assert min(right(v, Fraction(t)) for v, t in zip(values, facts[exact], strict=True)) >= EXACT
        assert min(right(v, Fraction(t)) for v, t in zip(values, facts[certified], strict=True)) >= CERTIFIED
    assert model.digits.tolist() == model.std_error_digits.tolist() == [15.0] * len(names)
    row = model.glance().iloc[0]
    assert right(row["sigma"], Fraction(facts["residual_sd"])) >= CERTIFIED
    assert row["r_squared"] == pytest.approx(float(facts["r2"]), rel=1e-14)


def test_filip_by_raw_polynomials():
    facts = NIST["Filip"]
    x, y = np.array(facts["x"], dtype=float)[:, 0], np.array(facts["y"], dtype=float)
    model = bl.fit({"x": x, "y": y}, "y ~ poly(x, 10, raw=True)")
    assert model.params.tolist() == of_nist("Filip").params.tolist()
    assert model.settled
    assert any("last digits" in note for note in model.notes)


@pytest.mark.parametrize("offset", [1.0, 1e6, 1e12])
def test_analysis_of_variance_with_an_offset(offset: float):
    """NIST's SmLs sets are made so: nine treatments, 21 replicates, values of 1, 7 and 13 constant leading digits."""
    level = np.repeat(np.arange(9), 21)
    y = offset + 0.1 * (level % 3) + np.tile([0.4, *[0.3, 0.5] * 10], 9)
    model = bl.fit({"treatment": [f"t{v}" for v in level], "y": y}, "y ~ treatment")
    values = [Fraction(v) for v in y.tolist()]
    groups = [values[21 * g : 21 * g + 21] for g in range(9)]
    means, mean = [sum(g) / 21 for g in groups], sum(values) / len(values)
    within = sum((v - m) ** 2 for g, m in zip(groups, means, strict=True) for v in g)
    between = 21 * sum((m - mean) ** 2 for m in means)
    row = model.glance().iloc[0]
    assert right(row["statistic"], (between / 8) / (within / 180)) >= 13.5
    assert right_root(row["sigma"], within / 180) >= EXACT
    assert right(row["r_squared"], between / (between + within)) >= 14
    assert min(right(v, m - means[0]) for v, m in zip(model.coef.tolist(), means[1:], strict=True)) >= EXACT


@pytest.mark.parametrize("large", [1e6, 1e9, 1e100])
def test_a_column_of_large_numbers_hides_no_other(large: float):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(100, 2)) * [large, 1]
    y = X @ [3 / large, 3] + rng.normal(size=100)
    model = bl.fit((X, y), solver="exact")
    exact = truth(Rows(torch.tensor(X), torch.tensor(y[:, None])), intercept=True)
    assert exact is not None
    assert min(right(v, t[0]) for v, t in zip(model.params.tolist(), exact.weights, strict=True)) >= EXACT
    assert model.pvalues[["x0", "x1"]].max() < 1e-10


def test_a_large_table_climbs_only_where_digits_are_lacking(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(climb, "_SMALL", 0)
    data, heard = close_columns(500), []
    easy = bl.fit(data, "y ~ a", progress=lambda what, _: heard.append(what))
    assert easy.refined is None
    assert not any("again" in what for what in heard)
    assert 8 <= easy.digits.min() < 15
    hard = bl.fit(data, "y ~ a + b", progress=lambda what, _: heard.append(what))
    assert hard.refined is not None
    assert any("again" in what for what in heard)
    assert any("last digits" in note for note in hard.notes)
    assert bl.fit(data, "y ~ a", digits=15).refined is not None
    assert bl.fit(data, "y ~ a + b", digits=0).refined is None
    monkeypatch.setattr(exact_sums, "_MOST", 0)
    assert bl.fit(data, "y ~ a + b").refined is None


def test_a_weight_that_is_near_zero_by_chance_is_no_reason_to_read_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(climb, "_SMALL", 0)
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 3_000))
    y = a + rng.normal(size=3_000)
    y += (1e-9 - bl.fit({"a": a, "b": b, "y": y}, "y ~ a + b", digits=15).coef["b"]) * b
    model, exact = (bl.fit({"a": a, "b": b, "y": y}, "y ~ a + b", digits=digits) for digits in (8, 15))
    assert abs(exact.coef["b"]) < 1e-6 * exact.bse["b"]
    assert model.refined is None
    assert not model.notes
    assert exact.refined is not None
    # The claim is what it is: of that weight's own digits.
    assert 1 <= model.digits["b"] < 8
    assert abs(model.coef["b"] / exact.coef["b"] - 1) < 10.0 ** -model.digits["b"]
    # Of data without noise every digit of a small weight can be told.
    told = bl.fit({"a": a, "b": b, "y": a + 1e-9 * b}, "y ~ a + b")
    assert told.refined is not None
    assert told.digits["b"] >= 8


def test_what_is_not_plain_least_squares_of_rows_stays_as_it_is():
    data = close_columns(50)
    assert bl.fit(data, "y ~ a + b", l2=0.1).refined is None
    assert bl.fit(data, "y ~ a + b", solver="adam", steps=3).refined is None
    assert bl.fit(bl.Moments.collect(data, "y ~ a + b")).refined is None


def test_everything_about_a_refined_model_is_of_one_piece(tmp_path: Path):
    model = bl.fit(close_columns(80), "y ~ a + b")
    assert model.settled
    assert model.trace.weights[-1].tolist() == model.trained.weights.tolist() == model.weights.tolist()
    assert model.inference.aliased == ()
    assert model.conf_int().notna().all(axis=None)
    assert model.fitted_scores.mse[0] == pytest.approx(model.inference.rss[0].item() / 80, rel=1e-15)
    assert model.evaluate(close_columns(80)).mse[0] == pytest.approx(model.fitted_scores.mse[0], rel=1e-7)
    facts = model.summary().facts
    assert facts["exact_arithmetic"]
    assert facts["digits"] == facts["std_error_digits"] == {"a": 15, "b": 15, "Intercept": 15}
    model.save(tmp_path / "line.bestline")
    loaded = bl.load(tmp_path / "line.bestline")
    assert loaded.summary().facts == facts
    assert loaded.predict({"a": [1.0], "b": [1.0]}, interval="confidence").equals(
        model.predict({"a": [1.0], "b": [1.0]}, interval="confidence")
    )


@pytest.mark.parametrize("weights", [None, "w"])
def test_only_the_training_rows_count(weights: str | None):
    rng = np.random.default_rng(7)
    data = {**close_columns(60), "w": rng.integers(0, 4, 60).astype(float)}
    data["y"][3] = np.nan
    model = bl.fit(data, "y ~ a + b", split=(0.7, 0.3), weights=weights, missing="drop")
    rows = [r for r in model.rows() if len(r)]
    joined = Rows(
        torch.cat([r.X for r in rows]), torch.cat([r.y for r in rows]), torch.cat([r.w for r in rows]) if weights else None
    )
    exact = truth(joined, intercept=True)
    assert exact is not None
    assert min(right(v, t[0]) for v, t in zip(model.params.tolist(), exact.weights, strict=True)) >= EXACT
    assert min(right_root(v, t) for v, t in zip(model.bse.tolist(), exact.variances[0], strict=True)) >= EXACT


@pytest.mark.parametrize("missing", ["drop", "impute"])
@pytest.mark.parametrize("size", [7, 1_000])
def test_products_and_powers_are_known_beyond_float64(missing: str, size: int):
    rng = np.random.default_rng(8)
    data = {"a": rng.normal(3, 1, 40), "b": 1e3 * rng.normal(size=40), "g": list("uvwx" * 10), "y": rng.normal(size=40)}
    data["a"][5] = np.nan
    formula = "y ~ a + b + a:b + poly(a, 3, raw=True) + I(2*a - 0.5*b**3) + I(-(a**2))*b + log(b**2) + I(a**2):b:g"
    model = bl.fit(data, formula, missing=missing, solver="exact")
    expected = {
        "a:b": lambda a, b: a * b,
        "poly(a, 3, raw=True)[3]": lambda a, b: a**3,
        "I(2 * a - 0.5 * b ** 3)": lambda a, b: 2 * a - b**3 / 2,
        "I(-a ** 2)": lambda a, b: -(a**2),
        "I(-a ** 2):b": lambda a, b: -(a**2) * b,
    }
    names = list(model.features)
    count = 0
    for batch in open_source(data).batches(model.design.reads(), size=size):
        encoded, beyond = rows_doubled(model.design, batch)
        X = encoded.rows.X
        assert beyond is not None
        below = beyond.below
        assert torch.equal(X, model.design.rows(batch).rows.X)
        assert bool((below.abs() <= 1e-15 * X.abs()).all())
        assert not below[:, [names.index("a"), names.index("b")]].any()
        count += len(X)
        for name, power in expected.items():
            j = names.index(name)
            for row, rest, error in zip(X.tolist(), below[:, j].tolist(), beyond.error[:, j].tolist(), strict=True):
                true = power(Fraction(row[names.index("a")]), Fraction(row[names.index("b")]))
                assert abs(Fraction(row[j]) + Fraction(rest) - true) <= min(Fraction(error), abs(true) / 2**95)
    assert count == (40 if missing == "impute" else 39)
    plain = bl.fit(data, "y ~ a + b + g", missing=missing)
    assert all(rows_doubled(plain.design, b)[1] is None for b in open_source(data).batches(plain.design.reads()))


def of_many_targets(close: float, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Two columns so far apart, and targets among whose weights some are near zero."""
    rng = np.random.default_rng(8)
    X = rng.normal(size=(400, 2))
    X[:, 1] = X[:, 0] + close * X[:, 1]
    weights = rng.normal(size=(2, k)) * 10.0 ** -rng.integers(0, 12, k)
    return X, X @ weights + rng.normal(size=(400, k))


@pytest.mark.parametrize(("close", "k", "exact"), [(1.0, 10, True), (1.0, 40, False), (1e-7, 40, True)])
def test_of_many_targets_only_columns_that_lack_digits_are_worth_an_exact_solution(close: float, k: int, exact: bool):
    X, Y = of_many_targets(close, k)
    model = bl.fit((X, Y), solver="exact")
    assert (model.refined is not None) == exact
    # Whichever it is, no digit is claimed that is not there.
    true = truth(Rows(torch.tensor(X), torch.tensor(Y)), intercept=True)
    assert true is not None
    for j, row in enumerate(true.weights):
        for i, value in enumerate(row):
            assert model.right_digits[j, i] <= right(float(model.weights[j, i]), value)
    assert float(model.right_digits.amax()) >= 10
    assert not any("digits are certain" in note for note in model.notes)


@pytest.mark.parametrize(("close", "k", "exact"), [(1.0, 10, True), (1.0, 40, False), (1e-7, 40, True)])
def test_the_estimator_goes_by_the_same_rule(close: float, k: int, exact: bool):
    X, Y = of_many_targets(close, k)
    found = bl.LinearRegression().fit(X, Y)
    assert (found._refined is not None) == exact
    assert pytest.approx(bl.fit((X, Y), solver="exact").weights[:2].numpy(), rel=1e-6) == found.coef_.T


@pytest.mark.parametrize("name", [n for n in NIST if n != "Filip"])  # whose powers need more bits than an array of them holds
def test_the_estimator_promises_all_digits_and_has_them(name: str):
    facts = NIST[name]
    x, y = np.array(facts["x"], dtype=float), np.array(facts["y"], dtype=float)
    X = x if facts["kind"] == "multiple" else np.column_stack([x[:, 0] ** d for d in range(1, facts["degree"] + 1)])
    found = bl.LinearRegression(fit_intercept=facts["intercept"]).fit(X, y)
    exact = truth(Rows(torch.tensor(X), torch.tensor(y[:, None])), intercept=facts["intercept"])
    assert exact is not None
    weights = [*found.coef_, *([found.intercept_] if facts["intercept"] else [])]
    errors = found.coef_table_.std_error.tolist()
    for weight, error, value, square in zip(weights, errors, exact.weights, exact.variances[0], strict=True):
        assert right(float(weight), value[0]) >= EXACT
        assert right_root(error, square) >= EXACT
    assert set(found.digits_.tolist()) == {15.0}


def test_many_targets_of_redundant_columns_are_left_to_moments() -> None:
    """Each would take some 30 ms; no digit is claimed then, and the fitted values are those of NumPy."""
    draw = np.random.default_rng(5)
    X = draw.normal(size=(300, 3))
    X = np.column_stack([X, X[:, 0]])
    Y = X @ draw.normal(size=(4, 101)) + draw.normal(size=(300, 101))
    with pytest.warns(BestlineWarning):
        model = bl.fit((X, Y))
    expected = X @ np.linalg.lstsq(np.column_stack([X, np.ones(300)]), Y, rcond=None)[0][:4]
    found = model.predict(X)
    assert model.refined is None
    assert found - found.mean(0) == pytest.approx(expected - expected.mean(0), abs=1e-9)
    estimator = bl.LinearRegression().fit(X, Y)
    assert estimator.predict(X) == pytest.approx(found, abs=1e-9)
    assert estimator.rank_ == 3


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("small", [True, False])
def test_the_last_loss_of_a_solved_line_is_its_weighted_mean_square(small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not small:
        monkeypatch.setattr(climb, "_SMALL", 0)
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=50), rng.uniform(0.5, 4, 50)
    y = 2 * x + rng.normal(size=50)
    model = bl.fit({"x": x, "y": y, "w": w}, "y ~ x", weights="w")
    loss = np.average((y - model.predict({"x": x})) ** 2, weights=w)
    assert float(model.trace.loss[-1]) == pytest.approx(loss, rel=1e-12)
    assert model.summary().facts["loss"] == pytest.approx(loss, rel=1e-12)
