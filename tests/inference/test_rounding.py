"""What rounding takes away is not claimed: computed columns, intervals of polynomials, tiny residuals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import torch
from scipy.special import stdtrit

import bestline as bl
from bestline import files as store
from bestline.api.model import Model
from bestline.errors import BestlineWarning, NumericalError
from bestline.inference import sharpen as climb
from bestline.inference.classical import Inference
from numerics.exact import NIST, close_columns, of_nist

pytestmark = pytest.mark.usefixtures("quiet")


# --- columns that float64 computes ----------------------------------------------------------------------------------------------

YEARS = np.arange(1990.0, 2021.0)


TREND = np.random.default_rng(1).normal(size=31) + 0.1 * (YEARS - 2000)


SPREAD = np.random.default_rng(2).uniform(0.2, 2.5, 31)


Column = Callable[[Any], Any]


COMPUTED: dict[str, tuple[str, np.ndarray, list[Column]]] = {
    "logarithm of years": ("x + log(x)", YEARS, [lambda x: x, mp.log]),
    "root of years": ("x + sqrt(x)", YEARS, [lambda x: x, mp.sqrt]),
    "quotient": ("I(x / 3)", YEARS, [lambda x: x / 3]),
    "what is left of two logarithms": ("I(log(x) - log(x + 1))", YEARS, [lambda x: mp.log(x) - mp.log(x + 1)]),
    "function of a function": ("exp(sin(3 * x))", SPREAD, [lambda x: mp.exp(mp.sin(3 * x))]),
    "logarithm near one": ("log(x * x - x)", 1.6 + SPREAD * 1e-3, [lambda x: mp.log(x * x - x)]),
    "powers": ("I(x**0.5) + I(x**-1) + I(x**3)", SPREAD, [mp.sqrt, lambda x: 1 / x, lambda x: x**3]),
    "number to the power of a column": ("I(1.1**x) + I(2**x)", SPREAD, [lambda x: mp.mpf(1.1) ** x, lambda x: 2**x]),
    "column to its own power": ("I(x**x)", SPREAD, [lambda x: x**x]),
    "rounded to the power of rounded": ("I((x / 3)**(1 / x))", SPREAD, [lambda x: (x / 3) ** (1 / x)]),
    "negative to a whole power": ("I((-x / 3)**67)", 3 + SPREAD / 99, [lambda x: (-x / 3) ** 67]),
    "root of zero": ("I(x**0.5)", np.append(SPREAD[1:], 0.0), [mp.sqrt]),
    "hyperbola": ("tanh(x) + expm1(x) + log1p(x)", SPREAD, [mp.tanh, mp.expm1, mp.log1p]),
    "steps": ("floor(3 * x) + abs(x - 1)", SPREAD, [lambda x: mp.floor(3 * x), lambda x: abs(x - 1)]),
    "product of both kinds": ("x:log(x)", YEARS, [lambda x: x * mp.log(x)]),
}


def mp_line(columns: list[list[Any]], y: list[Any]) -> tuple[Any, Any, Any, Any]:
    """Weights, inverse of X'X, residual variance and residuals with 120 digits, the intercept last."""
    n = len(y)
    X = mp.matrix([[c[i] for c in columns] + [mp.mpf(1)] for i in range(n)])
    V = (X.T * X) ** -1
    w = V * (X.T * mp.matrix(y))
    rest = mp.matrix(y) - X * w
    return w, V, (rest.T * rest)[0] / (n - len(columns) - 1), rest


def exactly(values: np.ndarray) -> list[Any]:
    return [mp.mpf(float(v)) for v in values]


def claims_hold(model: Model, columns: list[list[Any]], y: list[Any]) -> float:
    """The most digits claimed of any number; none is more than is right."""
    w, V, s2, _ = mp_line(columns, y)
    for found, claimed, true in (
        (model.params, model.digits, list(w)),
        (model.bse, model.std_error_digits, [mp.sqrt(s2 * V[j, j]) for j in range(len(w))]),
    ):
        for value, digits, exact in zip(found, claimed, true, strict=True):
            assert digits <= (16 if value == exact else -mp.log10(abs(value / exact - 1)))
    return float(min(model.digits.min(), model.std_error_digits.min()))


@pytest.mark.parametrize("of_moments", [False, True])
@pytest.mark.parametrize("name", COMPUTED)
def test_no_digit_is_claimed_that_float64_lost_of_a_column(name: str, of_moments: bool):
    formula, x, functions = COMPUTED[name]
    with mp.workdps(120):
        columns = [[f(v) for v in exactly(x)] for f in functions]
        model = bl.fit({"x": x, "y": TREND}, f"y ~ {formula}", digits=0)
        if of_moments:
            model = bl.fit(bl.Moments.collect({"x": x, "y": TREND}, f"y ~ {formula}"), digits=0)
        assert (model.refined is None) == of_moments
        least = claims_hold(model, columns, exactly(TREND))
        assert least >= 6 or of_moments  # a claim of nothing would be no use


def test_exact_powers_keep_all_digits():
    with mp.workdps(120):
        columns = [[v**d for v in exactly(YEARS)] for d in range(1, 6)]
        model = bl.fit({"x": YEARS, "y": TREND}, "y ~ x + I(x**2) + I(x**3) + I(x**4) + I(x**5)")
        assert claims_hold(model, columns, exactly(TREND)) == 15


@pytest.mark.parametrize(
    ("target", "f"),
    [("log(y)", mp.log), ("I(1.001**y)", lambda y: mp.mpf(1.001) ** y), ("I(y**(y / 2e3))", lambda y: y ** (y / 2000))],
)
def test_computed_targets_claim_less(target: str, f: Column):
    with mp.workdps(120):
        model = bl.fit({"x": SPREAD, "y": YEARS}, f"{target} ~ x")
        assert 8 <= claims_hold(model, [exactly(SPREAD)], [f(v) for v in exactly(YEARS)]) < 15


def test_learnt_columns_claim_less():
    with mp.workdps(120):
        x = exactly(SPREAD)
        mean = sum(x) / len(x)
        deviation = mp.sqrt(sum((v - mean) ** 2 for v in x) / (len(x) - 1))
        data = {"x": SPREAD, "y": YEARS, "z": TREND}
        assert 8 <= claims_hold(bl.fit(data, "z ~ scale(x)"), [[(v - mean) / deviation for v in x]], exactly(TREND)) < 15
        assert 8 <= claims_hold(bl.fit(data, "z ~ center(x)"), [[v - mean for v in x]], exactly(TREND)) < 15
        Q, R = mp.qr(mp.matrix([[v**d for d in range(4)] for v in x]), mode="skinny")
        columns = [[Q[i, k] * mp.sign(R[k, k]) for i in range(len(x))] for k in (1, 2, 3)]
        assert 8 <= claims_hold(bl.fit(data, "z ~ poly(x, 3)"), columns, exactly(TREND)) < 15


# --- intervals and residuals of nearly collinear columns --------------------------------------------------------------------------


@pytest.mark.parametrize("degree", [1, 3, 4, 5])
def test_intervals_and_residuals_of_polynomials_in_years(degree: int, tmp_path: Path):
    formula = "y ~ x" + "".join(f" + I(x**{d})" for d in range(2, degree + 1))
    model = bl.fit({"x": YEARS, "y": TREND}, formula)
    new, df = np.array([2015.0, 2021.0, 2003.37]), 30 - degree
    with mp.workdps(120):
        w, V, s2, rest = mp_line([[v**d for v in exactly(YEARS)] for d in range(1, degree + 1)], exactly(TREND))
        rows = [mp.matrix([v**d for d in range(1, degree + 1)] + [mp.mpf(1)]) for v in exactly(new)]
        line = [float((r.T * w)[0]) for r in rows]
        across = [(r.T * V * r)[0] for r in rows]
        half = {
            "conf": [float(mp.sqrt(s2 * a)) * stdtrit(df, 0.975) for a in across],
            "pred": [float(mp.sqrt(s2 * (1 + a))) * stdtrit(df, 0.975) for a in across],
        }
        resid = [float(v) for v in rest]
    model.save(tmp_path / "line.bestline")
    for own in (model, bl.load(tmp_path / "line.bestline")):
        for kind, short in (("confidence", "conf"), ("prediction", "pred")):
            found = own.predict({"x": new}, interval=kind)
            assert found["prediction"].to_numpy() == pytest.approx(line, rel=1e-12)
            assert ((found[f"{short}_high"] - found[f"{short}_low"]) / 2).to_numpy() == pytest.approx(half[short], rel=1e-12)
        other = own.augment({"x": new})
        assert ((other["pred_high"] - other["pred_low"]) / 2).to_numpy() == pytest.approx(half["pred"], rel=1e-12)
    table = model.augment()
    assert table["resid"].to_numpy() == pytest.approx(resid, rel=1e-12)
    assert table["fitted"].to_numpy() == pytest.approx(TREND - resid, rel=1e-12)
    assert table["hat"].sum() == pytest.approx(degree + 1, rel=1e-12)
    assert table.notna().all(axis=None)


def test_a_polynomial_of_degree_ten_can_be_augmented():
    model = of_nist("Filip")
    facts = NIST["Filip"]
    with mp.workdps(150):
        x, y = (exactly(np.array(facts[n], dtype=float).ravel()) for n in ("x", "y"))
        rest = mp_line([[v**d for v in x] for d in range(1, 11)], y)[3]
        resid = [float(v) for v in rest]
    table = model.augment()
    assert table["resid"].to_numpy() == pytest.approx(resid, rel=1e-11)
    assert table["hat"].sum() == pytest.approx(11, rel=1e-10)
    assert table["conf_low"].notna().all()


@pytest.mark.parametrize("small", [True, False])
def test_residuals_far_from_zero_keep_their_digits(small: bool, monkeypatch: pytest.MonkeyPatch):
    if not small:
        monkeypatch.setattr(climb, "_SMALL", 0)
    rng = np.random.default_rng(3)
    x = rng.normal(size=40) + 1e6
    y = 3 * x + rng.normal(size=40)
    model = bl.fit({"x": x, "y": y}, "y ~ x", digits=0)
    assert (model.refined is None) != small
    with mp.workdps(120):
        resid = [float(v) for v in mp_line([exactly(x)], exactly(y))[3]]
    table = model.augment()
    assert table["resid"].to_numpy() == pytest.approx(resid, rel=1e-12 if small else 1e-8, abs=0 if small else 1e-11)
    assert table["fitted"].to_numpy() == pytest.approx(y - resid, rel=1e-15)


def test_nearly_collinear_columns_can_be_augmented():
    data = close_columns(60)
    table = bl.fit(data, "y ~ a + b").augment()
    columns = [exactly(data["a"]), exactly(data["b"])]
    with mp.workdps(120):
        _, V, s2, rest = mp_line(columns, exactly(data["y"]))
        rows = [mp.matrix([a, b, mp.mpf(1)]) for a, b in zip(*columns, strict=True)]
        h = [(r.T * V * r)[0] for r in rows]
        std = [float(e / mp.sqrt(s2 * (1 - a))) for e, a in zip(rest, h, strict=True)]
    assert table["hat"].to_numpy() == pytest.approx([float(v) for v in h], rel=1e-12)
    assert table["resid"].to_numpy() == pytest.approx([float(v) for v in rest], rel=1e-11)
    assert table["std_resid"].to_numpy() == pytest.approx(std, rel=1e-8)
    model = bl.fit(data, "y ~ a + b")
    assert model.augment(data).equals(table)
    other = model.augment({name: values[:7] for name, values in data.items()})
    assert other[["hat", "resid", "pred_low"]].equals(table.loc[:6, ["hat", "resid", "pred_low"]])
    assert other["cooksd"].isna().all()


def test_an_interval_that_is_all_rounding_is_not_given(tmp_path: Path):
    """As from a file that has the inverse alone."""
    model = bl.fit({"x": YEARS, "y": TREND}, "y ~ x + I(x**2) + I(x**3)")
    assert model.refined is not None
    model.save(tmp_path / "line.bestline")
    _, tensors, facts = store.read(tmp_path / "line.bestline", "model", 2)
    old = {n: t for n, t in tensors.items() if n not in ("refined.factor", "refined.factor_below", "refined.weights_below")}
    store.write(tmp_path / "old.bestline", "model", 1, old, facts, overwrite=False)
    loaded = bl.load(tmp_path / "old.bestline")
    assert loaded.digits.tolist() == model.digits.tolist()
    with pytest.warns(BestlineWarning, match="1 row has no interval"):
        found = loaded.predict({"x": [2015.0]}, interval="prediction")
    assert found["prediction"].notna().all()
    assert found["pred_low"].isna().all()


def test_a_variance_below_rounding_is_no_number():
    close = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64) * 1e20
    one = torch.ones(1, dtype=torch.float64)
    inference = Inference(close[None], one[None], 9, 2, one, one, one, (), (0, 1), close, one.expand(2), one.expand(2) > 0)
    found = inference.variance_of_mean(torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0]], dtype=torch.float64))
    assert found.isnan().tolist() == [True, False, False]
    assert found[1:].tolist() == [1e20, 0.0]


@pytest.mark.parametrize("of_moments", [False, True])
def test_numbers_too_small_for_a_weight_are_refused(of_moments: bool):
    data = {"small": 1e-310 * SPREAD, "x": SPREAD[::-1].copy(), "y": TREND}
    with pytest.raises(NumericalError, match=r"weight of `small` is beyond the range of float64.*other units"):
        bl.fit(bl.Moments.collect(data, "y ~ small + x") if of_moments else data, None if of_moments else "y ~ small + x")
