"""The power of a Box-Cox target by maximum likelihood, against scipy and the profile likelihood written out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import bestline as bl
from bestline.errors import BestlineWarning, DataError, FormulaError, NumericalError

pytestmark = pytest.mark.filterwarnings("ignore:The lambda of boxcox")


def table(n: int = 150, power: float = 1 / 3) -> pd.DataFrame:
    r = np.random.default_rng(0)
    x = r.uniform(0, 3, n)
    y = (2 + 0.6 * x + r.normal(0, 0.3, n)) ** (1 / power) * 100
    return pd.DataFrame({"x": x, "y": y, "w": r.uniform(0.5, 2, n), "k": r.integers(0, 4, n), "g": r.choice(list("ab"), n)})


def lambda_of(model: bl.Model) -> float:
    (target,) = model.targets
    return float(target.split(",")[1].rstrip(")"))


def likeliest(data: pd.DataFrame, w=1.0, copies=1.0) -> float:
    y, X = data["y"].to_numpy(), np.c_[np.ones(len(data)), data["x"]]
    w, c = np.broadcast_to(w, len(y)), np.broadcast_to(copies, len(y))

    def minus(power: float) -> float:
        z, root = (y**power - 1) / power, np.sqrt(w * c)
        b = np.linalg.lstsq(X * root[:, None], z * root, rcond=None)[0]
        return c.sum() / 2 * np.log((w * c * (z - X @ b) ** 2).sum()) - (power - 1) * (c * np.log(y)).sum()

    return float(optimize.minimize_scalar(minus, bounds=(-1.9, 1.9), method="bounded", options={"xatol": 1e-9}).x)


def test_of_a_mean_alone_it_is_scipys() -> None:
    data = table()
    assert lambda_of(bl.fit(data, "boxcox(y) ~ 1")) == pytest.approx(stats.boxcox_normmax(data["y"], method="mle"), abs=6e-5)


@pytest.mark.parametrize("power", [1 / 3, -0.7, 1.5])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e9])
def test_of_a_line_it_is_the_top_of_the_profile(power: float, scale: float) -> None:
    data = table(power=power)
    want = likeliest(data)
    data["y"] *= scale
    assert lambda_of(bl.fit(data, "boxcox(y) ~ x")) == pytest.approx(want, abs=2e-4)


def test_weights_of_each_kind() -> None:
    data = table()
    assert lambda_of(bl.fit(data, "boxcox(y) ~ x", weights="w")) == pytest.approx(likeliest(data, w=data["w"]), abs=2e-4)
    assert lambda_of(bl.fit(data, "boxcox(y) ~ x", weights=data["w"].to_numpy())) == pytest.approx(
        likeliest(data, w=data["w"]), abs=2e-4
    )
    counted = bl.fit(data, "boxcox(y) ~ x", weights="k", weight_kind="frequency")
    repeated = bl.fit(data.loc[data.index.repeat(data["k"])], "boxcox(y) ~ x")
    assert lambda_of(counted) == lambda_of(repeated) == pytest.approx(likeliest(data, copies=data["k"]), abs=2e-4)


def test_a_split_learns_it_from_the_training_rows() -> None:
    data = table()
    model = bl.fit(data, "boxcox(y) ~ x", split=(0.6, 0.4), seed=1)
    part = np.concatenate([rows.X[:, 0].numpy() for rows in model.rows("training")])
    assert lambda_of(model) == pytest.approx(likeliest(data[data["x"].isin(part)]), abs=2e-4)
    assert lambda_of(model) != lambda_of(bl.fit(data, "boxcox(y) ~ x"))


def test_it_is_the_line_of_that_power_in_units_of_y() -> None:
    data = table()
    model = bl.fit(data, "boxcox(y) ~ x + g")
    named = bl.fit(data, f"boxcox(y, {lambda_of(model)!r}) ~ x + g")
    assert np.array_equal(model.predict(data), named.predict(data))
    assert data["y"].min() < model.predict(data).min() < data["y"].max()


def test_it_is_said_with_what_the_likelihood_leaves() -> None:
    with pytest.warns(BestlineWarning, match=r"The lambda of boxcox\(`y`\) is 0\.2\d+, by maximum likelihood .* 0\.1 to 0\.3"):
        bl.fit(table(), "boxcox(y) ~ x")
    r = np.random.default_rng(1)
    with pytest.warns(BestlineWarning, match="end of the lambdas tried"):
        bl.fit({"x": r.normal(size=80), "y": 50 + r.normal(size=80) - np.exp(r.normal(size=80))}, "boxcox(y) ~ x")


def test_a_column_of_any_name() -> None:
    data = table().rename(columns={"y": "my y"})
    assert lambda_of(bl.fit(data, "boxcox(`my y`) ~ x")) == lambda_of(bl.fit(table(), "boxcox(y) ~ x"))


@pytest.mark.parametrize(
    ("formula", "error"),
    [
        ("boxcox(y) ~ x | g", FormulaError),
        ("boxcox(y) + k ~ x", FormulaError),
        ("x ~ boxcox(y)", FormulaError),
        ("boxcox(k) ~ x", DataError),
    ],
)
def test_where_it_cannot_be_estimated_it_is_refused(formula: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        bl.fit(table(), formula)


def test_a_line_through_every_point_has_none() -> None:
    with pytest.raises(NumericalError, match="every point"):
        bl.fit({"x": [1.0, 2.0], "y": [1.0, 5.0]}, "boxcox(y) ~ x")
