"""Likelihood, AIC and BIC of weighted lines are statsmodels', of any number of rows and batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import bestline as bl

pytestmark = pytest.mark.usefixtures("quiet")


def table(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(n)
    frame = pd.DataFrame({"x": rng.normal(size=n), "w": rng.uniform(0.1, 4, n)})
    return frame.assign(y=1 + 2 * frame.x + rng.normal(size=n) / np.sqrt(frame.w))


@pytest.mark.parametrize("n", [40, 150_000])  # of one chunk of rows, and of several
@pytest.mark.parametrize("weights", [None, "w"])
def test_of_any_number_of_rows(n: int, weights: str | None, tmp_path: Path) -> None:
    frame = table(n)
    frame.to_parquet(tmp_path / "t.parquet")
    theirs = sm.WLS(frame["y"], sm.add_constant(frame["x"]), weights=1.0 if weights is None else frame["w"]).fit()
    for data in (frame, str(tmp_path / "t.parquet")):
        row = bl.fit(data, "y ~ x", weights=weights).glance().iloc[0]
        assert row["log_lik"] == pytest.approx(theirs.llf, rel=1e-10)
        assert row["aic"] == pytest.approx(theirs.aic, rel=1e-10)
        assert row["bic"] == pytest.approx(theirs.bic, rel=1e-10)


def test_rows_of_no_weight_have_no_likelihood() -> None:
    frame = table(90)
    frame.loc[::4, "w"] = 0.0
    there = frame[frame["w"] > 0]
    theirs = sm.WLS(there["y"], sm.add_constant(there["x"]), weights=there["w"]).fit()
    row = bl.fit(frame, "y ~ x", weights="w").glance().iloc[0]
    assert (row["nobs"], row["df_residual"]) == (len(there), len(there) - 2)
    assert row["log_lik"] == pytest.approx(theirs.llf, rel=1e-10)
    assert row["bic"] == pytest.approx(theirs.bic, rel=1e-10)
