"""Augmented rows against statsmodels."""

from __future__ import annotations

from pathlib import Path

import pytest

import bestline as bl
from bestline.errors import OptionError
from bestline.inference import sharpen
from bestline.inference.augment import augment
from inference.examples import frame, reference

pytestmark = pytest.mark.usefixtures("quiet")


NEW = ["fitted", "resid", "hat", "cooksd", "std_resid", "conf_low", "conf_high", "pred_low", "pred_high"]


@pytest.mark.parametrize("weights", [None, "w"])
def test_augmented_rows_against_statsmodels(weights: str | None):
    model, ref = bl.fit(frame(), "y ~ x1 + g", weights=weights), reference("y ~ x1 + g", frame(), weights)
    table = augment(model, level=0.9)
    assert list(table.columns) == [*frame().columns, *NEW]
    assert table[frame().columns].equals(frame())
    theirs = ref.get_prediction().summary_frame(alpha=0.1)
    pairs = {"fitted": "mean", "conf_low": "mean_ci_lower", "conf_high": "mean_ci_upper", "pred_low": "obs_ci_lower"}
    for ours, name in {**pairs, "pred_high": "obs_ci_upper"}.items():
        assert table[ours].to_numpy() == pytest.approx(theirs[name].to_numpy(), rel=1e-9), ours
    assert (table["fitted"] + table["resid"]).to_numpy() == pytest.approx(frame()["y"].to_numpy(), rel=1e-14)
    assert table["fitted"].to_numpy() == pytest.approx(model.predict(frame()), rel=1e-15)
    assert [c for c in augment(model, interval="confidence") if c.startswith(("conf", "pred"))] == ["conf_low", "conf_high"]
    assert [c for c in augment(model, interval="prediction") if c.startswith(("conf", "pred"))] == ["pred_low", "pred_high"]


@pytest.mark.parametrize("small", [True, False])
def test_intervals_of_new_rows_are_those_of_predict(small: bool, monkeypatch: pytest.MonkeyPatch):
    """Small tables are solved exactly; of larger ones the intervals come from another basis."""
    if not small:
        monkeypatch.setattr(sharpen, "_SMALL", 0)
    model, new = bl.fit(frame(), "y ~ x1 + g", weights="w"), frame(30, seed=4).drop(columns=["y", "w"])
    table, mean, one = augment(model, new), *(model.predict(new, interval=i) for i in ("confidence", "prediction"))
    ends = {name: values for name, values in {**mean, **one}.items() if name != "prediction"}
    assert len(ends) == 4
    for name, values in ends.items():
        assert table[name].to_numpy() == pytest.approx(values.to_numpy(), rel=1e-9)
    assert table[["cooksd", "std_resid", "resid"]].isna().all(axis=None)
    low, high = frame()["x1"].min(), frame()["x1"].max()
    assert table["outside"].tolist() == [not low <= v <= high for v in new["x1"]]
    scored = augment(model, new.assign(y=1.0))
    assert scored["resid"].to_numpy() == pytest.approx(1 - table["fitted"].to_numpy())
    assert scored["cooksd"].isna().all()


def test_the_training_rows_are_recognised(tmp_path: Path):
    model = bl.fit(frame(), "y ~ x1 + g")
    model.save(tmp_path / "m.bestline")
    assert augment(bl.load(tmp_path / "m.bestline"), frame()).equals(augment(model))
    frame().to_csv(tmp_path / "a.csv", index=False)
    again = augment(model, tmp_path / "a.csv")
    assert again[NEW].to_numpy() == pytest.approx(augment(model)[NEW].to_numpy())
    assert again["g"].tolist() == frame()["g"].tolist()
    assert again["firm"].tolist() == frame()["firm"].tolist()


def test_names_that_the_data_has_already_are_left_to_it():
    data = frame().assign(fitted="mine", hat=1.0, hat_=2.0)
    table = augment(bl.fit(data, "y ~ x1"))
    assert set(table["fitted"]) == {"mine"}
    assert (table["hat"] == 1).all()
    assert table["hat__"].sum() == pytest.approx(2)
    assert table["fitted_"].to_numpy() == pytest.approx((table["y"] - table["resid"]).to_numpy())


def test_augmented_rows_of_several_targets():
    table = augment(bl.fit(frame(), "y + y2 ~ x1"))
    alone = augment(bl.fit(frame(), "y2 ~ x1"))
    for name in NEW:
        assert table[name if name == "hat" else f"{name}:y2"].to_numpy() == pytest.approx(alone[name].to_numpy(), rel=1e-9)


def test_rows_that_are_left_out_are_left_out_of_the_table():
    data = frame().assign(y=frame()["y"].where(frame().index != 3))
    table = augment(bl.fit(data, "y ~ x1", missing="drop"))
    assert len(table) == 239
    assert 3 not in table.index
    with pytest.raises(OptionError, match="interval"):
        augment(bl.fit(frame(), "y ~ x1"), interval="both")
    with pytest.raises(OptionError, match="level"):
        augment(bl.fit(frame(), "y ~ x1"), level=95)


def test_aliased_columns_and_no_degrees_of_freedom_leave_gaps():
    data = frame().assign(twice=2 * frame()["x1"])
    model = bl.fit(data, "y ~ x1 + twice")
    assert augment(model)["conf_low"].notna().all()
    odd = augment(model, data.assign(twice=0.0))
    assert odd["conf_low"].isna().all()
    exact = augment(bl.fit({"x": [1.0, 2.0], "y": [3.0, 4.0]}, "y ~ x"))
    assert exact[["conf_low", "pred_high", "std_resid", "cooksd"]].isna().all(axis=None)
    assert exact["fitted"].tolist() == pytest.approx([3, 4])
