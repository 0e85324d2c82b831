"""Marginal means, contrasts and slopes against what R's emmeans prints in its vignettes, and lsmeans in its paper (JSS 69(1), 2016)."""

from __future__ import annotations

import pandas as pd
import pytest

import bestline as bl

pytestmark = pytest.mark.usefixtures("quiet")

PIGS = {
    "source": ["fish"] * 10 + ["soy"] * 10 + ["skim"] * 9,
    "percent": [9, 9, 12, 12, 12, 15, 15, 18, 18, 18, 9, 9, 9, 12, 12, 12, 15, 15, 15, 18, 9, 9, 9, 12, 12, 12, 15, 15, 18],
    "conc": [
        *(27.8, 23.7, 31.5, 28.5, 32.8, 34.0, 28.3, 30.6, 32.7, 33.7, 39.3, 34.8, 29.8, 39.8, 40.0),
        *(39.1, 38.5, 39.2, 40.0, 42.9, 40.6, 31.0, 34.6, 42.9, 50.1, 37.4, 59.5, 41.4, 59.8),
    ],
}
FIBER = {
    "machine": ["A"] * 5 + ["B"] * 5 + ["C"] * 5,
    "diameter": [20, 25, 24, 25, 32, 22, 28, 22, 30, 28, 21, 23, 26, 21, 15],
    "strength": [36, 41, 39, 42, 49, 40, 48, 39, 45, 44, 35, 37, 42, 34, 32],
}


def printed(frame: pd.DataFrame, *columns: str) -> list[list[float]]:
    return frame[list(columns)].to_numpy().tolist()


def test_means_of_an_unbalanced_table_are_those_of_emmeans():
    model = bl.fit(PIGS, "log(conc) ~ source + C(percent)")

    by_source, by_percent = model.means("source", units="fitted"), model.means("percent", units="fitted")

    assert by_source["source"].tolist() == ["fish", "skim", "soy"]
    ends = ["estimate", "std_error", "conf_low", "conf_high"]
    expected = [[3.39, 0.0367, 3.32, 3.47], [3.80, 0.0394, 3.72, 3.88], [3.67, 0.0374, 3.59, 3.74]]
    for row, own in zip(printed(by_source, *ends), expected, strict=True):
        assert row == pytest.approx(own, abs=0.005)
    assert by_source["std_error"].tolist() == pytest.approx([0.0367, 0.0394, 0.0374], abs=5e-5)
    assert by_percent["estimate"].tolist() == pytest.approx([3.445, 3.625, 3.663, 3.745], abs=5e-4)
    assert by_percent["std_error"].tolist() == pytest.approx([0.0409, 0.0384, 0.0437, 0.0530], abs=5e-5)
    assert by_source.attrs["df"] == 23


def test_pairs_are_those_of_emmeans_by_tukey():
    model = bl.fit(PIGS, "log(conc) ~ source + C(percent)")

    found = model.contrasts("source", adjust="tukey").set_index("contrast")

    # emmeans prints fish - soy, fish - skim and soy - skim.
    assert found.loc["soy - fish", ["estimate", "std_error", "statistic"]].tolist() == pytest.approx(
        [0.273, 0.0529, 5.153], abs=5e-4
    )
    assert found.loc["skim - fish", ["estimate", "std_error", "statistic"]].tolist() == pytest.approx(
        [0.402, 0.0542, 7.428], abs=5e-4
    )
    assert found.loc["soy - skim", ["estimate", "std_error", "statistic"]].tolist() == pytest.approx(
        [-0.130, 0.0530, -2.442], abs=5e-4
    )
    assert found.loc["soy - skim", "p_value"] == pytest.approx(0.0570, abs=5e-5)
    assert found.loc["soy - fish", "p_value"] == pytest.approx(0.0001, abs=5e-5)


def test_means_adjusted_for_a_covariate_are_those_of_lsmeans():
    model = bl.fit(FIBER, "strength ~ machine + diameter")

    means, pairs = model.means("machine"), model.contrasts("machine", adjust="tukey")

    assert means["estimate"].tolist() == pytest.approx([40.38241, 41.41922, 38.79836], abs=5e-6)
    assert means["std_error"].tolist() == pytest.approx([0.7236252, 0.7444169, 0.7878785], abs=5e-6)
    assert means["conf_low"].tolist() == pytest.approx([38.78972, 39.78077, 37.06426], abs=5e-5)
    assert pairs["p_value"].tolist() == pytest.approx([0.5781, 0.3596, 0.1005], abs=5e-5)


def test_slopes_in_an_interaction_are_those_of_emtrends():
    found = bl.fit(FIBER, "strength ~ diameter * machine").slopes("diameter", by="machine")

    assert found["machine"].tolist() == ["A", "B", "C"]
    assert found["estimate"].tolist() == pytest.approx([1.104, 0.857, 0.864], abs=5e-4)
    assert found["std_error"].tolist() == pytest.approx([0.194, 0.224, 0.208], abs=5e-4)
    assert found["conf_low"].tolist() == pytest.approx([0.666, 0.351, 0.394], abs=5e-4)
    assert found["conf_high"].tolist() == pytest.approx([1.54, 1.36, 1.33], abs=5e-3)


def test_means_of_a_logarithm_turned_back_are_those_of_emmeans():
    model = bl.fit(PIGS, "log(conc) ~ source + C(percent)")

    found, fitted = model.means("source"), model.means("source", units="fitted")

    # summary(emmeans(pigs.lm, "source"), type = "response")
    assert found["estimate"].tolist() == pytest.approx([29.8, 44.6, 39.1], abs=0.05)
    assert found["std_error"].tolist() == pytest.approx([1.09, 1.75, 1.47], abs=0.006)
    assert found["conf_low"].tolist() == pytest.approx([27.6, 41.1, 36.2], abs=0.05)
    assert found["conf_high"].tolist() == pytest.approx([32.1, 48.3, 42.3], abs=0.05)
    assert found["p_value"].tolist() == fitted["p_value"].tolist()
    cell = {"source": "soy", "percent": 12}
    alone = model.means("source", at=cell)
    assert alone["estimate"].tolist() == pytest.approx(model.predict(cell).tolist(), rel=1e-12)
    interval = model.predict(cell, interval="confidence")
    assert alone["conf_low"].tolist() == pytest.approx(interval["conf_low"].tolist(), rel=1e-12)
    assert "medians of `conc`" in alone.attrs["notes"][-1]
