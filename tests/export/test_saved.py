"""Files of an earlier version: they load, and say and predict what they did when they were written.

`saved/` holds models and moments as version 0.1.0 wrote them, `told.json` what that version made of them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import bestline as bl

SAVED = Path(__file__).parent / "saved"
TOLD = json.loads((SAVED / "told.json").read_text(encoding="utf-8"))
# Weights are read as they were written; what is computed from them anew may differ by rounding on another processor.
SAME = 1e-9

pytestmark = pytest.mark.usefixtures("quiet")


def rows(name: str) -> dict[str, list]:
    which = "penguins" if "penguins" in name else "line" if name.startswith("line") else "others"
    return {
        column: values if isinstance(values[0], str) else np.array(values) for column, values in TOLD["rows"][which].items()
    }


def named(params) -> dict[str, float]:
    """Weights by name; those of several targets by target and name."""
    if params.ndim == 1:
        return params.to_dict()
    return {f"{target} {name}": params.loc[name, target] for target in params for name in params.index}


def same(values) -> object:
    return pytest.approx([float("nan") if value is None else value for value in values], rel=SAME, nan_ok=True)


def test_every_file_has_its_record():
    assert {path.name for path in SAVED.iterdir()} == {*TOLD["models"], *TOLD["moments"], "told.json"}


@pytest.mark.parametrize("name", TOLD["models"])
def test_a_model_is_what_it_was(name):
    model, told = bl.load(SAVED / name), TOLD["models"][name]
    assert named(model.params) == pytest.approx(told["params"], rel=SAME)
    assert np.ravel(model.predict(rows(name))).tolist() == same(told["predict"])
    assert str(model.summary()).splitlines() == told["summary"]
    assert len(model.trace) == told["steps"]
    assert float(np.sum(np.asarray(model.trace.loss[-1]))) == pytest.approx(told["loss"], rel=SAME)


@pytest.mark.parametrize("name", TOLD["models"])
def test_its_intervals_are_what_they_were_or_refused_as_they_were(name):
    model, told = bl.load(SAVED / name), TOLD["models"][name]["interval"]
    if isinstance(told, str):
        with pytest.raises(bl.errors.BestlineError) as refused:
            model.predict(rows(name), interval="prediction", level=0.9)
        assert str(refused.value) == told
    else:
        found = model.predict(rows(name), interval="prediction", level=0.9)
        assert list(found.columns) == list(told)
        for column, values in told.items():
            assert found[column].tolist() == same(values), column


@pytest.mark.parametrize("name", TOLD["moments"])
def test_moments_are_fitted_to_what_they_were(name):
    moments, told = bl.Moments.load(SAVED / name), TOLD["moments"][name]
    assert moments.rows == told["rows"]
    assert len(moments.folds) == told["folds"]
    model = bl.fit(moments)
    assert model.params.to_dict() == pytest.approx(told["params"], rel=SAME)
    assert str(model.summary()).splitlines() == told["summary"]


@pytest.mark.parametrize("name", [*TOLD["models"], *TOLD["moments"]])
def test_what_is_saved_again_is_the_same(name, tmp_path):
    """All that a file holds goes into the next one, written by this version."""
    load = bl.Moments.load if name.endswith(".moments") else bl.load
    load(SAVED / name).save(tmp_path / name)
    again = load(tmp_path / name)
    if name.endswith(".moments"):
        assert str(bl.fit(again).summary()).splitlines() == TOLD["moments"][name]["summary"]
    else:
        assert named(again.params) == named(bl.load(SAVED / name).params)
        assert str(again.summary()).splitlines() == TOLD["models"][name]["summary"]
