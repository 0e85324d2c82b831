"""The first hour: what people type who come from scikit-learn, R, statsmodels or torch is done, or answered in bestline's own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import bestline as bl
from bestline.errors import BestlineError, BestlineWarning, DataError, FormulaError, OptionError

N = np.arange(60.0)
X = np.column_stack([N % 17, N**2 % 7])
FRAME = pd.DataFrame({"x": X[:, 0], "z": X[:, 1], "g": list("abc") * 20, "y": 1 + 2 * X[:, 0] - X[:, 1] + N % 2})


@pytest.fixture(scope="module")
def model() -> bl.Model:
    return bl.fit(FRAME, "y ~ x + z")


@pytest.mark.parametrize(
    "call", [lambda: bl.fit(None), lambda: bl.fit("y ~ x", data=None), lambda: bl.preflight(None, "y ~ x")]
)
def test_data_that_are_none_are_missing(call):
    with pytest.raises(DataError, match="The data are missing"):
        call()


@pytest.mark.parametrize("watch", [lambda: 1, lambda a, b: 1, "yes", 1])
@pytest.mark.parametrize("solver", ["adam", None])
def test_a_watch_that_cannot_hear_a_step_is_refused_before_training(watch, solver):
    with pytest.raises(OptionError, match=r"`watch` is a function of \(step\)"):
        bl.fit(FRAME, "y ~ x", solver=solver, watch=watch)


@pytest.mark.parametrize("progress", [True, lambda: 1, lambda what: 1])
@pytest.mark.parametrize("door", [bl.fit, bl.preflight, bl.sweep, bl.Moments.collect])
def test_a_progress_that_cannot_hear_is_refused(progress, door):
    with pytest.raises(OptionError, match=r"`progress` is a function of \(what, share\)"):
        door(FRAME, "y ~ x", progress=progress)


def test_functions_that_hear_are_heard():
    heard: list[Any] = []
    bl.fit(FRAME, "y ~ x", solver="adam", steps=2, watch=lambda step, more=None: heard.append(step.index))
    bl.fit(FRAME, "y ~ x", progress=lambda *all_of_it: heard.append(all_of_it[0]))
    assert heard[:3] == [0, 1, 2]
    assert len(heard) > 3


@pytest.mark.parametrize("steps", [None, 3])
def test_an_optimiser_that_fails_is_told_by_its_name(steps):
    with pytest.raises(OptionError, match="SparseAdam cannot train these weights"):
        bl.fit(FRAME, "y ~ x", solver=torch.optim.SparseAdam, steps=steps)


def test_a_loss_computed_in_single_precision_trains():
    ours = bl.fit(FRAME, "y ~ x", solver="lbfgs", loss=lambda p, y: ((p - y) ** 2).float())
    assert ours.params.to_numpy() == pytest.approx(bl.fit(FRAME, "y ~ x").params.to_numpy(), rel=1e-4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"standardize": "no"}, "`standardize` is True or False"),
        ({"l2": "0.1"}, "`l2` is a number"),
        ({"l1": None}, "`l1` is a number"),
        ({"tol": "1e-3", "solver": "sgd"}, "`tol` must be a number"),
        ({"forward": torch.nn.Linear}, "made already"),
        ({"forward": torch.nn.Sequential()}, "no parameters"),
    ],
)
def test_values_of_the_wrong_kind_are_refused(options, said):
    with pytest.raises(OptionError, match=said):
        bl.fit(FRAME, "y ~ x", **options)


def test_whole_numbers_of_numpy_are_whole_numbers():
    ours = bl.fit(FRAME, "y ~ x", seed=np.int64(3), folds=np.int32(4), digits=np.uint8(8))
    assert ours.held_out.mse == bl.fit(FRAME, "y ~ x", seed=3, folds=4).held_out.mse
    assert bl.sweep(FRAME, "y ~ x", lrs=0.1, steps=np.int64(5)).losses.shape == (6, 1)
    assert str(bl.preflight(FRAME, "y ~ x", lr=np.float32(0.25))) == str(bl.preflight(FRAME, "y ~ x", lr=0.25))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"solver": "qr"}, {"solver": "exact"}),
        ({"solver": "svd"}, {"solver": "exact"}),
        ({"solver": "coordinate descent", "l1": 0.1}, {"solver": "proximal", "l1": 0.1}),
        ({"solver": "sgd", "steps": 9, "schedule": "CosineAnnealingLR"}, {"solver": "sgd", "steps": 9, "schedule": "cosine"}),
        (
            {"solver": "sgd", "steps": 9, "schedule": "Reduce_LR_on_Plateau"},
            {"solver": "sgd", "steps": 9, "schedule": "plateau"},
        ),
        ({"loss": "L1Loss"}, {"loss": "absolute"}),
        ({"loss": "neg_mean_squared_error"}, {"loss": "squared"}),
    ],
)
def test_names_of_others_mean_ours(theirs, ours):
    assert bl.fit(FRAME, "y ~ x", **theirs).params.equals(bl.fit(FRAME, "y ~ x", **ours).params)


def test_rows_by_name_are_a_table(model):
    rows = FRAME.to_dict("records")
    assert bl.fit(rows, "y ~ x + z").params.equals(model.params)
    assert model.predict(rows).tolist() == model.predict(FRAME).tolist()
    with pytest.warns(BestlineWarning, match="1 row was left out"):
        gap = bl.fit([*rows, {"x": 1.0, "y": 50.0}], "y ~ x + z", missing="drop")
    assert gap.training.count == len(rows)


@pytest.mark.parametrize("data", [torch.utils.data.TensorDataset(torch.zeros(3, 2), torch.zeros(3)), FRAME.groupby("g")])
def test_what_is_no_table_is_called_so(data):
    with pytest.raises(DataError, match="is not a table"):
        bl.fit(data, "y ~ x")


@pytest.mark.parametrize(
    ("formula", "ours"),
    [
        ("y ~ factor(g) + x", "y ~ C(g) + x"),
        ("y ~ x*as.factor(g)", "y ~ x*C(g)"),
        ('y ~ factor(g, Treatment("b"))', 'y ~ C(g, Treatment("b"))'),
    ],
)
def test_a_factor_is_a_category(formula, ours):
    assert bl.fit(FRAME, formula).params.equals(bl.fit(FRAME, ours).params)


def test_a_factor_of_numbers_in_a_file_is_read_as_written(tmp_path: Path):
    path = tmp_path / "codes.csv"
    path.write_text("y,k\n" + "".join(f"{i % 5},0{i % 3}\n" for i in range(60)))
    assert bl.fit(path, "y ~ factor(k)").names == ("C(k)[T.01]", "C(k)[T.02]", "Intercept")


def test_a_column_called_factor_is_a_column():
    named = FRAME.rename(columns={"x": "factor", "z": "factor(g)"})
    assert bl.fit(named, "y ~ factor + `factor(g)`").names == ("factor", "factor(g)", "Intercept")


@pytest.mark.parametrize(
    ("formula", "left"), [("y ~ z - x", "y ~ z"), ("y ~ z - x - 1", "y ~ z - 1"), ("y ~ x + z - x:z", "y ~ x + z")]
)
def test_taking_out_what_is_not_in_changes_nothing_and_is_said(formula, left):
    with pytest.warns(BestlineWarning, match="nothing is left out by that"):
        assert bl.fit(FRAME, formula).design.formula == left


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("y ~ -x", r"write \+ x"),
        ("y ~ 1 - x", r"write \+ x"),
        ("y ~ x + 5", r"I\(x \+ 5\)"),
        ("y, z ~ x", r"y \+ z ~ x"),
        ("cbind(y, z) ~ x", r"joined by \+"),
    ],
)
def test_slips_in_formulas_are_told(formula, said):
    with pytest.raises(FormulaError, match=said):
        bl.fit(FRAME, formula)


MOMENTS = bl.Moments.collect(FRAME, "y ~ x + z")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m: bl.compare(small=m), "compare has no option `small`"),
        (lambda m: bl.compare(m, FRAME), "two models"),
        (lambda m: bl.synthetic.line(slop=2), "`slope`"),
        (lambda m: bl.synthetic.line(n_samples=2), "`n`"),
        (lambda m: bl.synthetic.line(2, 1, 0.1), "by position"),
        (lambda m: bl.synthetic.lesson(), "needs `name`"),
        (lambda m: bl.synthetic.lesson("crash"), "crash-course"),
        (lambda m: bl.synthetic.line()["q"], "`x` and `y`"),
        (lambda m: bl.samples.penguins(1), "nothing by position"),
        (lambda m: bl.samples.path("penguin"), "did you mean `penguins`"),
        (lambda m: bl.nn.MomentLoss(FRAME), "made from moments"),
        (lambda m: bl.fit(FRAME, "y ~ x", by="g"), "fit_groups"),
        (lambda m: bl.nn.MomentLoss(MOMENTS)(torch.nn.Identity()), "linear.weight"),
        (lambda m: bl.surface(FRAME), "a model that was fitted"),
        (lambda m: bl.load(5), "A path is needed"),
        (lambda m: bl.Moments.load(FRAME), "A path is needed"),
        (lambda m: bl.Moments.load(), "needs `path`"),
        (lambda m: MOMENTS.save(), "needs `path`"),
        (lambda m: m.save(5), r"\AA path is needed"),
        (lambda m: m.plot.loss(lag=True), "`log`"),
        (lambda m: m.plot.frame(), "needs `step`"),
        (lambda m: m.plot.data(others=[m]), "by their labels"),
        (lambda m: m.watch(5), "by their labels"),
        (lambda m: m.animate(fps=5), "has no option `fps`"),
        (lambda m: m.summary("95%"), "between 0 and 1"),
        (lambda m: m.tidy("HC3"), "between 0 and 1"),
        (lambda m: m.summary(cov="HC9"), "did you mean `HC3`"),
        (lambda m: m.summary(cov="nonrobust"), "classical"),
        (lambda m: m.script("nunpy"), "did you mean `numpy`"),
        (lambda m: m.predict(newdata=FRAME), "`data`"),
        (lambda m: m.score(), "needs `X`"),
        (lambda m: bl.LinearRegression(fit_intercep=True), "`fit_intercept`"),
        (lambda m: bl.Ridge(l2=1), "`alpha`"),
        (lambda m: bl.SGDRegressor(lr=1), "`learning_rate` or `eta0`"),
        (lambda m: bl.LinearRegression().fit(X, X[:, 0], weights=1), "`sample_weight`"),
        (lambda m: bl.LinearRegression().fit(X), "needs `y`"),
    ],
)
def test_a_call_that_does_not_fit_is_told_what_does(call, said, model):
    with pytest.raises(BestlineError, match=said):
        call(model)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m: m.plot.los, "did you mean `loss`"),
        (lambda m: m.plot.resid, r"plot\.residuals\(\)"),
        (lambda m: m.plot.qq, r"plot\.diagnostics\(\)"),
        (lambda m: bl.samples.penguin, "did you mean `penguins`"),
        (lambda m: bl.samples.iris, "the samples are"),
        (lambda m: bl.synthetic.make_regression, r"synthetic\.line"),
        (lambda m: bl.nn.Linear, r"torch\.nn"),
        (lambda m: bl.synthetic.line().to_frame, r"as_dict\(\)"),
        (lambda m: m.std_errors, r"model\.bse"),
        (lambda m: bl.LinearRegression().fit(X, X[:, 0]).summary, r"\.model_\.summary\(\)"),
        (lambda m: bl.LinearRegression().coef_, "fit"),
    ],
)
def test_names_that_are_not_there_are_answered(call, said, model):
    with pytest.raises(AttributeError, match=said):
        call(model)
    assert not hasattr(bl.samples, "iris")


def test_score_takes_both_by_name(model):
    assert model.score(X=FRAME[["x", "z"]], y=FRAME["y"]) == pytest.approx(model.rsquared)


@pytest.mark.parametrize("pair", [5, 0.5, [1, 2], [("x",)], {"x": 1}])
def test_weights_of_a_surface_are_named(pair: object) -> None:
    x = [float(i) for i in range(30)]
    model = bl.fit({"x": x, "y": [2 * v + v % 3 for v in x]}, "y ~ x")
    for draw in (model.plot.contour, model.plot.surface):
        with pytest.raises(bl.errors.BestlineError, match="by their names, such as `x`"):
            draw(pair)


def test_no_ratio_is_none_to_choose_from() -> None:
    with pytest.raises(bl.errors.OptionError, match="one number or several"):
        bl.ElasticNetCV(l1_ratio=[]).fit([[1.0], [2], [4], [5], [7]], [1.0, 2, 3, 5, 6])
