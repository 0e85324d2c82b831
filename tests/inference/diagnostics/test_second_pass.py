"""The second pass: which rows it reads, and what it refuses."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import bestline as bl
from bestline.api.model import Model
from bestline.data.tables import open_source
from bestline.errors import BestlineWarning, DataError, NumericalError, OptionError
from bestline.inference import comparison, uncertainty
from bestline.inference.augment import augment
from bestline.inference.covariance.base import Sandwich
from bestline.inference.covariance.named import parse_cov
from bestline.inference.covariance.sandwich import CollectMeat, Meat, sandwich
from bestline.inference.diagnostics import second_pass
from bestline.inference.numbered_rows import OverTraining
from inference.examples import EXACT, by_name, columns, frame, reference

pytestmark = pytest.mark.usefixtures("quiet")


# statsmodels and we differ by some units of rounding times the columns' condition, here below 1e3.
SAME = {"rel": 1e-10, "abs": 1e-10}


HC = ("HC0", "HC1", "HC2", "HC3")


# --- laws -------------------------------------------------------------------------------------------------------------------


@given(cuts=st.lists(st.integers(0, 240), max_size=4), cov=st.sampled_from([*HC, "cluster"]))
def test_fillings_add_up_however_the_rows_are_cut(cuts: list[int], cov: str):
    model = bl.fit(frame(), "y ~ x1 + g", weights="w")
    basis = uncertainty.basis_of(model)
    kind = parse_cov(f"{cov}:firm" if cov == "cluster" else cov)
    assert isinstance(kind, Sandwich)
    over = OverTraining(model.design, None, CollectMeat(basis, kind))

    def of(start: int, end: int) -> Meat:
        rows = frame().iloc[start:end]
        return over.of(next(iter(open_source(rows).batches()))) if len(rows) else over.empty()

    parts = [of(a, b) for a, b in pairwise([0, *sorted(cuts), 240])]
    known = torch.ones(len(model.names), dtype=torch.bool)
    whole = sandwich(basis, of(0, 240).found, kind, known)
    added = sandwich(basis, sum(parts, over.empty()).found, kind, known)
    backwards = sandwich(basis, sum(reversed(parts), over.empty()).found, kind, known)
    for one in (added, backwards):
        assert one.covariance.numpy() == pytest.approx(whole.covariance.numpy(), rel=1e-11, abs=1e-13)
    assert sum(parts, over.empty()).totals.same(basis)


# --- which rows -------------------------------------------------------------------------------------------------------------


def test_rows_left_out_keep_their_numbers_and_those_of_weight_zero_are_not_there():
    data = frame().copy()
    data.loc[[3, 50], "x1"] = np.nan
    data.loc[[4, 51], "w"] = 0.0
    model = bl.fit(data, "y ~ x1 + g", weights="w", missing="drop")
    used = data.drop(index=[3, 50, 4, 51])
    ref = reference("y ~ x1 + g", used, "w").get_robustcov_results("HC2", use_t=True)
    names = reference("y ~ x1 + g", used, "w").params.index
    assert uncertainty.covariance(model, "HC2").std_error[0].tolist() == pytest.approx(by_name(ref.bse, names, model), **SAME)
    clustered = reference("y ~ x1 + g", used, "w").get_robustcov_results("cluster", groups=used["firm"], use_t=True)
    found = uncertainty.covariance(model, {"cluster": "firm"})
    assert found.std_error[0].tolist() == pytest.approx(by_name(clustered.bse, names, model), **SAME)
    assert list(second_pass.influence(model).index) == list(used.index)  # as in R's lm.influence


def test_clusters_that_hold_only_rows_of_weight_zero_are_not_there():
    data = frame().assign(w=np.where(frame()["firm"] == 0, 0.0, frame()["w"]))
    assert uncertainty.covariance(bl.fit(data, "y ~ x1", weights="w"), {"cluster": "firm"}).clusters == 16


def test_a_split_uses_its_training_part():
    model = bl.fit(frame(), "y ~ x1", split=(0.7, 0.3))
    part = frame()[(model.labels == 0).numpy()]
    ref = reference("y ~ x1", part).get_robustcov_results("HC3", use_t=True)
    assert uncertainty.covariance(model, "HC3").std_error[0].tolist() == pytest.approx([ref.bse[1], ref.bse[0]], **SAME)
    assert list(second_pass.influence(model).index) == list(part.index)


def test_files_in_many_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("bestline.data.tables.source.MANY", 50)
    frame().to_csv(tmp_path / "a.csv", index=False)
    model = bl.fit(tmp_path / "a.csv", "y ~ x1 + g")
    whole = bl.fit(frame(), "y ~ x1 + g")
    for cov in ("HC3", "cluster:firm"):
        found, same = uncertainty.covariance(model, cov), uncertainty.covariance(whole, cov)
        assert found.covariance.numpy() == pytest.approx(same.covariance.numpy(), **SAME)


def test_a_loaded_model_needs_its_rows_and_no_others(tmp_path: Path):
    model = bl.fit(frame(), "y ~ x1 + g")
    model.save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")
    same = uncertainty.covariance(loaded, "HC3", frame())
    assert same.std_error.tolist() == uncertainty.covariance(model, "HC3").std_error.tolist()
    with pytest.raises(OptionError, match="give the training data"):
        uncertainty.covariance(loaded, "HC3")
    for other in (frame().iloc[1:], frame(240, seed=1), frame().assign(y=frame()["y"] + frame()["x1"])):
        for call in (uncertainty.covariance, second_pass.influence, second_pass.diagnosis):
            with pytest.raises(DataError, match="not the 240 rows"):
                call(loaded, data=other, **({"cov": "HC1"} if call is uncertainty.covariance else {}))


def test_other_rows_are_noticed_where_the_rows_make_the_triangle_too(tmp_path: Path):
    data = pd.DataFrame(columns("longley"))
    bl.fit(data, EXACT["longley"]["formula"]).save(tmp_path / "m.bestline")
    loaded = bl.load(tmp_path / "m.bestline")
    assert second_pass.influence(loaded, data)["hat"].sum() == pytest.approx(7)
    for other in (data.assign(GNP=data["GNP"] * 1.01), data.iloc[1:], data.assign(TOTEMP=data["TOTEMP"] + 1)):
        with pytest.raises(DataError, match="are not the 16 rows"):
            second_pass.influence(loaded, other)


# --- where it is not defined ------------------------------------------------------------------------------------------------


def test_columns_that_others_say_have_no_error_and_the_others_have_theirs():
    data = frame().assign(twice=2 * frame()["x1"])
    model = bl.fit(data, "y ~ x1 + twice + x2")
    ref = reference("y ~ x1 + x2", frame()).get_robustcov_results("HC3", use_t=True)
    error = dict(zip(model.names, uncertainty.covariance(model, "HC3").std_error[0].tolist(), strict=True))
    assert math.isnan(error["x1"])
    assert math.isnan(error["twice"])
    assert [error["x2"], error["Intercept"]] == pytest.approx([ref.bse[2], ref.bse[0]], **SAME)
    table, plain = second_pass.influence(model), second_pass.influence(bl.fit(frame(), "y ~ x1 + x2"))
    assert table["cooksd"].to_numpy() == pytest.approx(plain["cooksd"].to_numpy(), **SAME)
    with pytest.raises(NumericalError, match="do not determine `x1`"):
        comparison.wald(model, "x1 = 0")


def test_a_row_that_determines_a_weight_by_itself():
    data = frame().iloc[:30].copy()
    data.loc[5, "g"] = "only"
    model = bl.fit(data, "y ~ x1 + g")
    table = second_pass.influence(model)
    assert table.loc[5, "hat"] == pytest.approx(1)
    assert table.loc[5, ["std_resid", "rstudent", "cooksd", "dffits", "cov_ratio"]].isna().all()
    assert np.isfinite(table.drop(index=5).to_numpy()).all()
    ref = reference("y ~ x1 + g", data)
    robust = ref.get_robustcov_results("HC1", use_t=True)
    found = uncertainty.covariance(model, "HC1").std_error[0].tolist()
    assert found == pytest.approx(by_name(robust.bse, ref.params.index, model), **SAME)
    # The row has no residual, and no part in the other weights: they are those of the rows without it.
    ref = reference("y ~ x1 + g", data.drop(index=5))
    for cov in ("HC2", "HC3"):
        with pytest.warns(BestlineWarning, match=r"Rows determine `g\[T\.only\]` by themselves \(leverage 1\)"):
            found = dict(zip(model.names, uncertainty.covariance(model, cov).std_error[0].tolist(), strict=True))
        robust = ref.get_robustcov_results(cov, use_t=True)
        assert math.isnan(found.pop("g[T.only]"))
        assert found == pytest.approx(dict(zip(ref.params.index, robust.bse, strict=True)), **SAME)
    alone = data.assign(
        g=np.where(data.index == 5, "a", "b")
    )  # the level of reference: only the slope has nothing to do with it
    with pytest.warns(BestlineWarning, match="leverage 1"):
        found = uncertainty.covariance(bl.fit(alone, "y ~ x1 + g"), "HC3").std_error[0]
    robust = reference("y ~ x1", alone.drop(index=5)).get_robustcov_results("HC3", use_t=True)
    assert found[0] == pytest.approx(robust.bse[1], **SAME)
    assert found[1:].isnan().all()
    with pytest.raises(NumericalError, match=r"divides by 1 - leverage.*on which every weight depends; use HC1"):
        uncertainty.covariance(bl.fit(alone, "y ~ g"), "HC3")


def test_as_many_weights_as_rows():
    model = bl.fit({"x": [1.0, 2.0], "y": [3.0, 4.0]}, "y ~ x")
    table = second_pass.influence(model)
    assert table["hat"].tolist() == pytest.approx([1, 1])
    assert table[["std_resid", "rstudent", "cooksd", "dffits", "cov_ratio", "dfb_x"]].isna().all(axis=None)
    with pytest.raises(NumericalError, match="degrees of freedom"):
        uncertainty.covariance(model, "HC0")
    assert second_pass.influence(bl.fit({"x": [2.0], "y": [3.0]}, "y ~ x - 1"))["hat"].tolist() == pytest.approx([1])


def test_a_line_through_every_point_has_no_errors():
    exact = bl.fit({"x": [1.0, 2, 3, 4], "y": [2.1, 4.1, 6.1, 8.1]}, "y ~ x")
    for cov in HC:
        assert uncertainty.covariance(exact, cov).std_error.tolist() == [[0, 0]]
    [table] = uncertainty.tables(exact, cov="HC1")
    assert [(c.conf_low, c.conf_high) for c in table] == [(c.estimate, c.estimate) for c in table]


def refused() -> dict[str, tuple[Model, str]]:
    data, net = frame()[["x1", "x2", "y"]], nn.utils.skip_init(nn.Linear, 2, 1, dtype=torch.float64)
    nn.init.zeros_(net.weight)
    nn.init.zeros_(net.bias)
    return {
        "ridge": (bl.fit(data, "y ~ x1", l2=0.1), "penalty"),
        "lasso": (bl.fit(data, "y ~ x1", l1=0.1), "penalty"),
        "huber": (bl.fit(data, "y ~ x1", loss="huber", l2=0.1), "loss huber|under a penalty"),
        "own loss": (bl.fit(data, "y ~ x1", loss=lambda f, y: (f - y).abs() ** 1.5, steps=3), "loss given"),
        "module": (bl.fit(data, "y ~ x1 + x2", forward=net, steps=3), "own forward"),
        "unfinished": (bl.fit(data, "y ~ x1", solver="sgd", steps=1, lr=0.001), "before the least-squares solution"),
    }


def test_what_is_no_least_squares_is_refused_by_name():
    for name, (model, reason) in refused().items():
        calls = (
            lambda m, kind="robust" if name == "huber" else "HC3": uncertainty.covariance(m, kind),
            second_pass.influence,
            second_pass.diagnosis,
            lambda m: comparison.wald(m, "x1 = 0"),
            lambda m: comparison.compare(m, m),
        )
        for call in calls:
            with pytest.raises(NumericalError, match=reason):
                call(model)
        table = augment(model)
        assert list(table.columns) == ["x1", "x2", "y", "fitted", "resid"], name
        assert table["fitted"].to_numpy() == pytest.approx(model.predict(frame()))
