"""Influence: leverages and what leaving a row out does."""

from __future__ import annotations

import numpy as np
import pytest

import bestline as bl
from bestline.errors import OptionError
from bestline.inference import uncertainty
from bestline.inference.diagnostics import second_pass
from bestline.inference.diagnostics.influence import dfbetas, influence
from inference.examples import EXACT, columns, frame, right_digits

pytestmark = pytest.mark.usefixtures("quiet")


# Right digits of every single entry. Seen: 13.3 and more, but for small residuals, which lose what their own size lacks.
REACHED = 12.5


@pytest.mark.parametrize("case", EXACT)
def test_influence_in_classic_data_against_exact_arithmetic(case: str):
    facts = EXACT[case]["exact"]
    model = bl.fit(columns(case), EXACT[case]["formula"], weights=EXACT[case]["weights"])
    table = second_pass.influence(model)
    assert right_digits(table["hat"].tolist(), facts["hat"]) > REACHED
    names = {"resid": "resid", "std_resid": "rstandard", "rstudent": "rstudent", "cooksd": "cooks", "dffits": "dffits"}
    known = {ours: facts[theirs] for ours, theirs in {**names, "cov_ratio": "cov_ratio"}.items() if theirs in facts}
    assert len(known) == (0 if case == "engel_wls" else 6)  # of which the leverages alone are known
    assert all(right_digits(table[ours].tolist(), exact) > REACHED for ours, exact in known.items())


@pytest.mark.parametrize("case", [case for case in EXACT if "dfbetas" in EXACT[case]["exact"]])
def test_changes_of_weights_and_sums_of_classic_data_against_exact_arithmetic(case: str):
    facts = EXACT[case]["exact"]
    model = bl.fit(columns(case), EXACT[case]["formula"], weights=EXACT[case]["weights"])
    table = second_pass.influence(model)
    truth = [float(v) for v in facts["dfbetas"]]
    found = table[[f"dfb_{n}" for n in EXACT[case]["terms"]]].to_numpy().flatten()
    assert np.abs(found - truth).max() < 10**-REACHED * np.abs(truth).max()
    diagnosis = second_pass.diagnosis(model)
    serial = next(t for t in diagnosis.tests if t.name == "Durbin-Watson")
    assert right_digits([serial.statistic], facts["durbin_watson"]) > REACHED
    press = ((table["resid"] / (1 - table["hat"])) ** 2).sum()
    assert right_digits([press], facts["press"]) > REACHED


def test_there_are_such_data():
    assert sum("dfbetas" in case["exact"] for case in EXACT.values()) == 5


@pytest.mark.parametrize("weights", [None, "w"])
def test_influence_is_what_refitting_without_the_row_gives(weights: str | None):
    data = frame().iloc[:40]
    model = bl.fit(data, "y ~ x1 + x2", weights=weights)
    table = second_pass.influence(model)
    w = np.ones(40) if weights is None else data["w"].to_numpy()
    X = np.column_stack([data["x1"], data["x2"], np.ones(40)])
    for i in (0, 7, 33):
        rest = bl.fit(data.drop(index=i), "y ~ x1 + x2", weights=weights)
        moved = (model.params - rest.params).to_numpy()
        sigma = float(rest.inference.sigma[0])
        unscaled = np.linalg.inv(X.T @ (X * w[:, None]))
        change = moved / (sigma * np.sqrt(np.diag(unscaled)))
        assert table.loc[i, [f"dfb_{n}" for n in model.names]].to_numpy(float) == pytest.approx(change, rel=1e-8)
        left = (data["y"].iloc[i] - X[i] @ rest.params.to_numpy()) * np.sqrt(w[i])
        hat = table.loc[i, "hat"]
        assert table.loc[i, "rstudent"] == pytest.approx(left * np.sqrt(1 - hat) / sigma, rel=1e-8)
        D = moved @ np.linalg.inv(unscaled) @ moved / (3 * float(model.inference.sigma[0]) ** 2)
        assert table.loc[i, "cooksd"] == pytest.approx(D, rel=1e-8)


def test_leverages_add_up_to_the_rank_and_do_not_depend_on_units_or_offsets():
    model = bl.fit(frame(), "y ~ x1 * g", weights="w")
    hat = second_pass.influence(model)["hat"]
    assert hat.sum() == pytest.approx(6, rel=1e-12)
    far = frame().assign(x1=1e8 + 1e-3 * frame()["x1"])
    assert second_pass.influence(bl.fit(far, "y ~ x1 * g", weights="w"))["hat"].to_numpy() == pytest.approx(hat, rel=1e-4)


def test_large_tables_of_influence_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(second_pass, "_MOST_CELLS", 1_000)
    with pytest.raises(OptionError, match="diagnose"):
        second_pass.influence(bl.fit(frame(), "y ~ x1"))


def test_influence_by_hand():
    """One feature: h = 1/n + (x - mean)^2 / S."""
    x, y = np.array([1.0, 2, 3, 4, 10]), np.array([1.0, 3, 2, 5, 9])
    model = bl.fit({"x": x, "y": y}, "y ~ x")
    basis = uncertainty.basis_of(model)
    seen = basis.see(next(iter(model.rows())))
    assert influence(basis, seen).hat.tolist() == pytest.approx((0.2 + (x - 4) ** 2 / 50).tolist())
    assert dfbetas(basis, seen).shape == (5, 2)
