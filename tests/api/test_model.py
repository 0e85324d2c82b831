"""Models in use: what review has found to go wrong once, and must not again."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch

import bestline as bl
from bestline.errors import BestlineWarning, DataError, NumericalError, OptionError, ShapeError
from bestline.numerics.rows import Rows
from bestline.training.losses import squared
from bestline.training.objective import RowLoss, SquaredRows, line

X = np.random.default_rng(0).normal(size=(200, 3))
y = X @ [1, -2, 0.5] + 3 + 0.3 * np.random.default_rng(1).normal(size=200)


def test_gradients_of_slices_average_to_the_gradient_of_all_rows_under_weights() -> None:
    g = torch.Generator().manual_seed(0)
    w = torch.rand(60, generator=g, dtype=torch.float64) * torch.randint(0, 2, (60,), generator=g)
    rows = Rows(torch.from_numpy(X[:60]), torch.from_numpy(y[:60, None]), w)
    at = torch.randn(4, 1, generator=g, dtype=torch.float64)
    for whole in (SquaredRows(rows, True), RowLoss(rows, squared, lambda X, v: line(X, v, intercept=True))):
        for size in (1, 4, 60):
            parts = [whole.on(index).evaluate(at)[1] for index in torch.arange(60).split(size)]
            assert torch.allclose(torch.stack(parts).mean(0), whole.evaluate(at)[1], rtol=1e-10)


def test_one_row_at_a_time_heeds_weights(quiet: None) -> None:
    x, g = np.random.default_rng(0).normal(size=400), np.arange(400) % 2
    two = np.where(g == 0, x + 1, 3 * x - 1)
    w = np.where(g == 0, 100.0, 1.0)
    exact = bl.fit((x, two), weights=w).params
    slow = bl.fit((x, two), weights=w, solver="sgd", batch_size=1, steps=4_000, lr=0.002).params
    assert slow.to_numpy() == pytest.approx(exact.to_numpy(), abs=0.1)


@pytest.mark.parametrize("options", [{}, {"loss": "huber"}, {"solver": "sgd", "batch_size": 4, "steps": 50, "lr": 0.01}])
def test_rows_of_weight_zero_are_not_there(options: dict[str, object], quiet: None) -> None:
    w = np.ones(200)
    w[:120] = 0
    spoilt = X.copy(), y.copy()
    spoilt[0][:120] *= 1e6
    spoilt[1][:120] = -9e5
    with_zeros = bl.fit(spoilt, weights=w, **options)  # type: ignore[arg-type]
    without = bl.fit((X[120:], y[120:]), weights=w[120:], **options)  # type: ignore[arg-type]
    assert with_zeros.params.to_numpy() == pytest.approx(without.params.to_numpy(), rel=1e-9)
    assert with_zeros.moments.high.tolist() == without.moments.high.tolist()
    assert with_zeros.training.count == 80


def test_bare_arrays_are_read_in_the_order_of_the_training_table_or_refused(quiet: None) -> None:
    plain = bl.fit((X, y))
    backwards = bl.fit((X, y), "y ~ x2 + x1 + x0")
    assert backwards.predict(X) == pytest.approx(plain.predict(X), rel=1e-10)
    part = bl.fit((X, y), "y ~ x2")
    assert part.predict(X) == pytest.approx(part.predict(X[:, 2]), rel=1e-12)
    frame = pd.DataFrame(X, columns=list("abc")).assign(y=y)
    mixed = bl.fit(frame, "y ~ c + a")
    with pytest.raises(ShapeError, match="Which column is which"):
        mixed.predict(X[:, :2])
    assert mixed.predict(X) == pytest.approx(mixed.predict(frame), rel=1e-12)
    assert mixed.evaluate((X, y)).rmse == pytest.approx(mixed.evaluate(frame).rmse)


@pytest.mark.parametrize("number", [2, 2.0, np.float32(2), np.int64(2), np.array(2.0), torch.tensor(2.0)])
def test_a_number_gives_a_number(number: object, quiet: None) -> None:
    model = bl.fit((np.arange(5.0), 3 * np.arange(5.0) + 1), "y ~ x0")
    assert isinstance(model.predict(number), float)
    assert model.predict(number) == pytest.approx(7)
    assert model.predict([2, 3]) == pytest.approx([7, 10])


def test_early_stopping_never_looks_at_the_test_part(quiet: None) -> None:
    with pytest.raises(OptionError, match="three shares"):
        bl.fit((X, y), solver="sgd", patience=3, split=(0.8, 0.2))
    model = bl.fit((X, y), solver="sgd", lr=0.05, steps=500, patience=3, split=(0.8, 0.2, 0))
    assert model.held_out is not None
    assert model.held_out.kind == "validation"
    both = bl.fit((X, y), split=(0.8, 0.2))
    assert both.sizes == {"training": 160, "test": 40}
    assert both.summary().facts["rows"] == 200


def test_cross_validation_works_inside_a_split(quiet: None) -> None:
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(60, 30))
    target = wide[:, 0] + 2 * rng.normal(size=60)
    model = bl.fit((wide, target), cv="ridge", split=(0.8, 0.2))
    assert model.plan.l2 > 0
    scaled = bl.fit((wide * 1e3, target), cv="ridge", standardize=False)
    least_squares = bl.fit((wide * 1e3, target))
    assert scaled.held_out is not None
    assert least_squares.held_out is not None
    assert scaled.held_out.rmse[0] < 0.9 * least_squares.held_out.rmse[0]


def test_folds_with_outliers_do_not_spoil_the_others(quiet: None) -> None:
    from bestline.inference.scores import out_of_fold
    from bestline.numerics.comoments import Comoments, rests

    wild = torch.from_numpy(np.c_[X, y])
    wild[:20, :3] *= 1e8
    parts = [Comoments.of(wild[:20]), Comoments.of(wild[20:90]), Comoments.of(wild[90:])]
    rest = rests(parts)[0]
    assert torch.allclose(rest.scatter, Comoments.of(wild[20:]).scatter, rtol=1e-12)
    assert out_of_fold.__doc__


def test_moments_with_another_target_do_not_leak_it(quiet: None) -> None:
    frame = pd.DataFrame({"x": X[:, 0], "z": X[:, 1], "y": y})
    moments = bl.Moments.collect(frame, "y ~ x + I(x**2) + x:z + z")
    assert bl.fit(moments, target="x").features == ("z", "y")


def test_r2_has_one_convention_in_one_summary(quiet: None) -> None:
    model = bl.fit({"x": X[:, 0], "y": y + 50}, "y ~ x - 1")
    assert model.held_out is not None
    # About zero both, not about the mean: of a target far from zero hardly anything is left to explain.
    errors = (y + 50) - model.predict({"x": X[:, 0]})
    about_zero = 1 - (errors**2).sum() / ((y + 50) ** 2).sum()
    assert model.fitted_scores.r2[0] == pytest.approx(about_zero, rel=1e-9)
    assert model.evaluate({"x": X[:, 0], "y": y + 50}).r2 == pytest.approx(model.fitted_scores.r2)


def test_own_modules_that_have_moods_are_refused() -> None:
    with pytest.raises(OptionError, match="Dropout"):
        bl.fit((X, y), forward=torch.nn.Sequential(torch.nn.Dropout(), torch.nn.utils.skip_init(torch.nn.Linear, 3, 1)))
    plain = torch.nn.utils.skip_init(torch.nn.Linear, 3, 1)
    with pytest.raises(OptionError, match="weight_decay"):
        bl.fit((X, y), forward=plain, l2=1.0)
    with pytest.raises(OptionError, match="one target"):
        bl.fit((X, np.c_[y, y]), forward=plain)


def test_weights_may_be_absent_when_a_model_is_judged() -> None:
    model = bl.fit((X, y), weights=np.arange(200.0))
    scores = model.evaluate((X, y))
    assert "unweighted" in scores.of
    assert scores.mse[0] == pytest.approx(np.mean((model.predict(X) - y) ** 2))


def test_intervals_exist_wherever_the_data_determine_them(quiet: None) -> None:
    frame = pd.DataFrame(X, columns=list("abc")).assign(y=y, k=7.0)
    frame["d"] = frame.a + frame.b
    expected = bl.fit(frame, "y ~ a + b").predict(frame, interval="confidence")
    for formula in ("y ~ a + b + k", "y ~ a + b + d"):
        got = bl.fit(frame, formula).predict(frame, interval="confidence")
        assert got.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-9)
    off = bl.fit(frame, "y ~ a + b + d").predict(frame.assign(d=0.0), interval="confidence")
    assert off.conf_low.isna().all()


@pytest.mark.parametrize("options", [{}, {"l2": 0.1}, {"l1": 0.1}, {"solver": "adam", "steps": 50}, {"split": (0.7, 0.3)}])
def test_a_loaded_model_is_the_model(options: dict[str, object], tmp_path, quiet: None) -> None:
    model = bl.fit((X, y), **options)  # type: ignore[arg-type]
    model.save(tmp_path / "m.bestline")
    again = bl.load(tmp_path / "m.bestline")
    assert str(again.summary()) == str(model.summary())
    assert again.predict(X).tolist() == model.predict(X).tolist()
    a, b = (bl.surface(m, ("x0", "Intercept"), resolution=5) for m in (model, again))
    assert torch.allclose(a.loss, b.loss, rtol=1e-10)
    assert (tmp_path / "m.bestline").stat().st_size < 20_000


def test_a_surface_after_a_picture_and_a_moments_file_are_data(tmp_path, quiet: None) -> None:
    model = bl.fit((X, y))
    model.plot.contour(("x0", "x1"))
    least = bl.surface(model, ("x0", "x1"), kind="profile")
    assert least.floor == pytest.approx(model.fitted_scores.mse[0])
    assert least.bottom == pytest.approx(model.params[["x0", "x1"]].tolist())
    bl.Moments.collect((X, y)).save(tmp_path / "t.moments")
    assert bl.fit(str(tmp_path / "t.moments")).params.tolist() == pytest.approx(model.params.tolist(), rel=1e-12)


def test_unconverged_training_says_so() -> None:
    close = np.c_[X[:, 0], X[:, 0] + 1e-3 * X[:, 1]]
    with pytest.warns(BestlineWarning, match="did not converge"):
        bl.fit((close, close[:, 1] - close[:, 0] + 5 * X[:, 1]), solver="sgd", tol=1e-14)


def test_models_can_be_copied_and_interrupted_scores_are_none(quiet: None) -> None:
    model = bl.fit((X, y))
    assert copy.deepcopy(model).predict(X).tolist() == model.predict(X).tolist()
    assert pickle.loads(pickle.dumps(model)).params.tolist() == model.params.tolist()  # noqa: S301

    def stop(step: bl.Step) -> None:
        if step.index == 2:
            raise KeyboardInterrupt

    assert bl.fit((X, y), solver="sgd", lr=0.01, steps=1_000, watch=stop).held_out is None


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "dict", "numpy", "torch", "list"])
def test_any_table_fits_predicts_and_evaluates(kind: str) -> None:
    columns = {"a": X[:, 0], "b": X[:, 1], "y": y}
    frame = pd.DataFrame(columns)
    if kind in ("numpy", "torch", "list"):
        make = {"numpy": np.asarray, "torch": torch.as_tensor, "list": lambda v: np.asarray(v).tolist()}[kind]
        model = bl.fit((make(X[:, :2]), make(y)))
        assert model.predict(make(X[:, :2])) == pytest.approx(bl.fit(frame, "y ~ a + b").predict(frame), rel=1e-10)
        return
    import polars as pl
    import pyarrow as pa

    data = {"pandas": frame, "polars": pl.DataFrame(columns), "arrow": pa.table(columns), "dict": columns}[kind]
    model = bl.fit(data, "y ~ a + b")
    assert model.predict(data) == pytest.approx(bl.fit(frame, "y ~ a + b").predict(frame), rel=1e-12)
    assert model.evaluate(data).rmse == pytest.approx(model.fitted_scores.rmse)


def test_no_pictures_of_data_without_data(tmp_path) -> None:
    bl.fit((X, y)).save(tmp_path / "m.bestline")
    again = bl.load(tmp_path / "m.bestline")
    with pytest.raises(OptionError, match="no rows"):
        again.plot.data()
    assert again.plot.data((X, y)) is not None
    robust = bl.fit((X, y), loss="huber")
    robust.save(tmp_path / "h.bestline")
    with pytest.raises(NumericalError, match="needs the rows"):
        bl.load(tmp_path / "h.bestline").plot.contour()


def test_folds_made_later_are_the_folds_of_one_pass(tmp_path, quiet: None) -> None:
    frame = pd.DataFrame(X, columns=list("abc")).assign(y=y, g=np.arange(200) % 3)
    frame.loc[3, "a"] = np.nan
    frame.to_csv(tmp_path / "t.csv", index=False)
    for options in ({}, {"weights": "b"}, {"solver": "sgd", "steps": 20}):
        given = {"missing": "drop", **options}
        if "weights" in given:
            frame["b"] = frame["b"].abs()
            frame.to_csv(tmp_path / "t.csv", index=False)
        later, at_once = (bl.fit(data, "y ~ a + c + C(g)", **given) for data in (frame, tmp_path / "t.csv"))
        assert len(later.collected.folds) == 1
        assert len(later.moments.folds) == 5
        for mine, other in zip(later.moments.folds, at_once.moments.folds, strict=True):
            assert mine.count == other.count
            assert torch.allclose(mine.scatter, other.scatter, rtol=1e-9, atol=1e-9)
        assert later.held_out.rmse == pytest.approx(at_once.held_out.rmse, rel=1e-10)
        assert later.held_out.of == at_once.held_out.of


def test_a_model_goes_on_knowing_its_folds_when_it_is_pickled(quiet: None) -> None:
    model = bl.fit((X, y))
    assert pickle.loads(pickle.dumps(model)).held_out.rmse == model.held_out.rmse  # noqa: S301


def test_data_that_have_changed_give_no_error_out_of_fold() -> None:
    own = X.copy()
    model = bl.fit((own, y))
    own[7, 1] += 100
    notes = model.notes
    assert model.held_out is None  # the suite makes a warning an error: all warnings are given by `fit`
    assert model.held_out is None
    assert model.notes is notes
    assert model.unheld == "the data have changed since the line was fitted"
    with pytest.raises(DataError, match="fit again"):
        _ = model.moments
    assert "Held-out error   none: the data have changed since the line was fitted" in str(model.summary())
    holed = X.copy()
    model = bl.fit((holed, y))
    holed[3, 0] = np.nan  # which `fit` would refuse
    with pytest.raises(DataError, match="changed since the line was fitted"):
        _ = model.moments
    still = bl.fit((own, y))
    own[:] = own[::-1].copy()
    assert still.held_out is None  # the rows are there, but with other targets
    assert "changed" in still.unheld


@pytest.mark.parametrize("value", [0.1, 1e40, 3e59, 1e-51, 1e149])
def test_columns_that_hardly_vary_do_not_look_changed(value: float, quiet: None) -> None:
    for column in (np.full(1_000, value), value * (1 + 1e-12 * np.arange(1_000))):
        x = np.linspace(-1, 1, 1_000)
        assert bl.fit((np.stack([x, column], 1), 2 * x + np.cos(50 * x))).held_out is not None


@pytest.mark.parametrize("name", ["weights", "notes", "trained", "moments", "anything"])
def test_nothing_writes_into_a_model(name: str, quiet: None) -> None:
    model = bl.fit((X, y))
    with pytest.raises(AttributeError, match="cannot assign"):
        setattr(model, name, 1)
