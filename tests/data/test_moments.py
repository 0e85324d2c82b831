"""Tables of moments survive a file, add up and refuse strangers."""

from __future__ import annotations

import math

import numpy as np
import pytest

import bestline as bl
from bestline.errors import DataError, ModelFileError
from numerics.moments import assert_same


def test_the_table_of_moments_survives_a_file_and_answers_other_questions(tmp_path, quiet) -> None:
    frame = bl.samples.penguins()
    path = tmp_path / "penguins.moments"
    collected = bl.Moments.collect(frame, "body_mass_g ~ flipper_length_mm + bill_length_mm + species", missing="drop")
    collected.save(path)
    again = bl.Moments.load(path)
    assert path.stat().st_size < 20_000
    direct = bl.fit(frame, "body_mass_g ~ flipper_length_mm + bill_length_mm + species", missing="drop")
    assert bl.fit(again).params.to_numpy() == pytest.approx(direct.params.to_numpy(), rel=1e-12)
    other = bl.fit(again, target="bill_length_mm", features=["body_mass_g", "species"])
    expected = bl.fit(frame, "bill_length_mm ~ body_mass_g + species", missing="drop")
    assert other.params[list(expected.params.index)].to_numpy() == pytest.approx(expected.params.to_numpy(), rel=1e-10)
    assert other.held_out is not None
    with pytest.raises(DataError, match="did you mean"):
        bl.fit(again, target="flipper_length")


def test_tables_of_moments_add_up_and_refuse_strangers(tmp_path, quiet) -> None:
    frame = bl.samples.penguins()
    formula = "body_mass_g ~ flipper_length_mm + bill_length_mm"
    first, second = frame.slice(0, 100), frame.slice(100)
    a, b = (bl.Moments.collect(part, formula, missing="drop") for part in (first, second))
    whole = bl.Moments.collect(frame, formula, missing="drop")
    assert_same((a + b).total, whole.total)
    assert_same(((a + b) - b).total, a.total, 1e-9, of=whole.total)
    assert (a + b).low.tolist() == whole.low.tolist()
    with pytest.raises(DataError, match="different columns"):
        a + bl.Moments.collect(first, "body_mass_g ~ flipper_length_mm", missing="drop")
    (tmp_path / "x.moments").write_bytes(b"\x80\x04 not ours")
    with pytest.raises(ModelFileError, match="pickle"):
        bl.Moments.load(tmp_path / "x.moments")


def test_rows_left_out_and_filled_are_counted_over_all_parts(quiet) -> None:
    parts = [{"x": [1.0, None, 3.0, 4.0], "y": [1.0, 2.0, 2.5, None]}, {"x": [2.0, 5.0, None, 7.0], "y": [1.0, 2.0, 2.5, 4.0]}]
    a, b = (bl.Moments.collect(part, "y ~ x", missing="drop") for part in parts)
    assert (a.dropped, b.dropped, (a + b).dropped, (b + a).dropped, ((a + b) - b).dropped) == (2, 1, 3, 3, 2)
    assert (a + b).rows == 5


def test_a_column_that_is_named_twice_is_there_once() -> None:
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=50), rng.normal(size=50)
    data = {"x": x, "z": z, "y": x + rng.normal(size=50)}
    (slope, level), *_ = np.linalg.lstsq(np.column_stack([x, np.ones(50)]), data["y"], rcond=None)
    moments = bl.Moments.collect(data, "y ~ x + z")
    for table in (data, moments):
        for target, features in ((["y", "y"], ["x"]), ("y", ["x", "x"])):
            model = bl.fit(table, target=target, features=features)
            assert (model.targets, model.names) == (("y",), ("x", "Intercept"))
            assert model.params.tolist() == pytest.approx([slope, level], rel=1e-9)


def test_a_target_that_becomes_a_feature_may_have_been_anything():
    """No range of it was kept, so no value is outside what was seen; features keep theirs."""
    data = {"x": np.arange(20.0), "z": np.arange(20.0) % 3, "y": np.arange(20.0) % 7}
    turned = bl.Moments.collect(data, "y ~ x + z").select("x", ["y", "z"])
    assert turned.low.tolist() == [-math.inf, 0.0]
    assert turned.high.tolist() == [math.inf, 2.0]
