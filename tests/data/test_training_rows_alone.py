"""With a split, whatever is learnt from the table is learnt from its training rows: held-out rows must not be known beforehand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bestline as bl

pytestmark = pytest.mark.usefixtures("quiet")

SPLIT = {"split": (0.6, 0.2, 0.2), "seed": 4}


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 90
    frame = pd.DataFrame({"x": rng.normal(5, 2, n), "z": rng.uniform(1, 9, n), "w": rng.uniform(0.2, 3, n)})
    frame["y"] = frame.x - frame.z + rng.normal(size=n)
    frame.loc[rng.choice(n, 20, replace=False), "x"] = np.nan
    return frame


def training(frame: pd.DataFrame, **options: object) -> pd.DataFrame:
    model = bl.fit(frame, "y ~ z", **SPLIT, **options)
    own = (model.labels == 0).numpy()
    assert 50 <= own.sum() <= 58
    return frame[own]


@pytest.mark.parametrize("weights", [None, "w"])
def test_gaps_are_filled_with_the_mean_of_the_training_rows(weights: str | None) -> None:
    frame = table()
    part = training(frame).dropna()
    model = bl.fit(frame, "y ~ x + z", missing="impute", weights=weights, **SPLIT)
    expected = np.average(part["x"], weights=None if weights is None else part["w"])
    assert abs(expected - frame["x"].mean()) > 0.01
    assert model.design.means["x"] == pytest.approx(expected, rel=1e-12)
    filled = training(frame).fillna({"x": expected})
    alone = bl.fit(filled, "y ~ x + z", weights=weights)
    np.testing.assert_allclose(model.params, alone.params, rtol=1e-9)


@pytest.mark.parametrize(
    ("term", "learnt"),
    [
        ("center(z)", lambda z: {"mean": z.mean()}),
        ("scale(z)", lambda z: {"mean": z.mean(), "deviation": z.std(ddof=1)}),
        ("poly(z, 2)", lambda z: {"middle": (z.min() + z.max()) / 2, "half": (z.max() - z.min()) / 2}),
    ],
)
def test_states_of_terms_are_those_of_the_training_rows(term: str, learnt) -> None:
    frame = table()
    part = training(frame)["z"]
    state = bl.fit(frame, f"y ~ {term}", **SPLIT).design.states[term]
    everywhere = learnt(frame["z"])
    for name, value in learnt(part).items():
        assert abs(value - everywhere[name]) > 1e-6
        assert state[name] == pytest.approx(value, rel=1e-12), name


def test_polynomials_are_orthonormal_over_the_training_rows() -> None:
    frame = table()
    model = bl.fit(frame, "y ~ poly(z, 3)", **SPLIT)
    X = next(iter(model.rows())).X.numpy()
    np.testing.assert_allclose(X.T @ X, np.eye(3), atol=1e-10)
    np.testing.assert_allclose(X.sum(0), 0, atol=1e-10)


def test_rows_of_no_weight_teach_nothing() -> None:
    frame = table()
    frame.loc[::3, "w"] = 0.0
    frame.loc[::3, "z"] += 100
    there = frame[frame["w"] > 0]
    states = bl.fit(frame, "y ~ scale(z)", weights="w").design.states["scale(z)"]
    assert states["mean"] == pytest.approx(there["z"].mean(), rel=1e-12)
    assert states["deviation"] == pytest.approx(there["z"].std(ddof=1), rel=1e-12)
    model = bl.fit(frame, "y ~ x + z", weights="w", missing="impute")
    known = there.dropna()
    assert model.design.means["x"] == pytest.approx(np.average(known["x"], weights=known["w"]), rel=1e-12)


def test_means_of_batches_are_weighed_by_their_rows(tmp_path) -> None:
    """A file of many batches, the last of them short and far off."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=140_000), "y": rng.normal(size=140_000)})
    frame.loc[131_500:, "x"] += 50
    frame.loc[rng.choice(140_000, 500, replace=False), "x"] = np.nan
    frame.to_parquet(tmp_path / "t.parquet")
    model = bl.fit(str(tmp_path / "t.parquet"), "y ~ x", missing="impute")
    assert model.design.means["x"] == pytest.approx(frame["x"].mean(), rel=1e-12)


@pytest.mark.parametrize("n", [7, 20, 21, 99, 100, 101])
@pytest.mark.parametrize("shares", [(0.8, 0.2), (0.7, 0.15, 0.15), (0.5, 0.25, 0.25)])
def test_parts_are_as_large_as_scikit_learn_makes_them(n: int, shares: tuple[float, ...]) -> None:
    """Its `train_test_split` rounds the test part up."""
    from sklearn.model_selection import train_test_split

    model = bl.fit({"x": np.arange(n) * 1.0, "y": np.arange(n) ** 2.0}, "y ~ x", split=shares)
    for name, share in zip(("validation", "test")[-len(shares) + 1 :], shares[1:], strict=True):
        assert model.sizes[name] == len(train_test_split(np.arange(n), test_size=share)[1])
    assert sum(model.sizes.values()) == n


def test_rows_left_out_for_a_gap_do_not_shift_the_parts_of_those_after_them() -> None:
    """The part of a row is drawn by its number in the table, gaps or not."""
    frame = table()
    model = bl.fit(frame, "y ~ x + z", missing="drop", **SPLIT)
    part = frame[(model.labels == 0).numpy()].dropna()
    np.testing.assert_allclose(model.params, bl.fit(part, "y ~ x + z").params, rtol=1e-10)
    assert model.sizes["training"] == len(part)
    assert model.influence().index.tolist() == part.index.tolist()
    np.testing.assert_allclose(model.influence()["hat"], bl.fit(part, "y ~ x + z").influence()["hat"], rtol=1e-8)
    held = frame[(model.labels == 2).numpy()].dropna()
    expected = ((held["y"] - model.predict(held)) ** 2).mean() ** 0.5
    assert model.evaluate(held).rmse[0] == pytest.approx(expected, rel=1e-9)
