"""Solvers, losses, schedules and penalties by the names that scikit-learn, torch and others have for them; near names for slips."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import bestline as bl
from bestline.errors import OptionError
from bestline.training.solvers.schedules import SCHEDULES

X = np.random.default_rng(11).normal(size=(60, 2))
y = X @ [1.0, -2.0] + 3 + np.random.default_rng(12).standard_t(3, size=60)
RUN = {"lr": 0.05, "steps": 12}
PLAIN = {**RUN, "standardize": False}  # one's own loss speaks in the data's units, and so does its rate


def weights(**options: Any) -> list[float]:
    return bl.fit(X, y, **options).params.tolist()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("SGD", "sgd"),
        ("Adam", "adam"),
        ("AdamW", "adamw"),
        ("RMSprop", "rmsprop"),
        ("Adagrad", "adagrad"),
        ("Momentum", "momentum"),
        ("Nesterov", "nesterov"),
        ("GD", "sgd"),
        ("gradient descent", "sgd"),
        (torch.optim.SGD, "sgd"),
        (torch.optim.Adam, "adam"),
        (torch.optim.RMSprop, "rmsprop"),
        (partial(torch.optim.SGD, momentum=0.9), "momentum"),
        (bl.Descent("Adam", **RUN), "adam"),
    ],
)
def test_an_optimiser_goes_by_any_spelling_and_by_its_class(theirs: Any, ours: str) -> None:
    options = {} if isinstance(theirs, bl.Descent) else RUN
    model = bl.fit(X, y, solver=theirs, **options)
    assert model.params.tolist() == weights(solver=ours, **RUN)
    if not isinstance(theirs, partial):
        assert model.plan.solver == bl.Descent(ours, **RUN)  # what is kept and told is our name


@pytest.mark.parametrize("name", ["Rprop", "adamax", "NADAM", "Asgd"])
def test_an_optimiser_of_torchs_that_has_no_name_here_is_told_by_its_class(name: str) -> None:
    with pytest.raises(OptionError, match=f"The optimiser '{name}' goes by its class") as caught:
        bl.fit(X, y, solver=name)
    told = str(caught.value).rpartition("torch.optim.")[2].rstrip(".")
    assert told.casefold() == name.casefold()
    assert issubclass(getattr(torch.optim, told), torch.optim.Optimizer)
    assert len(weights(solver=getattr(torch.optim, told), **RUN)) == 3


@pytest.mark.parametrize("name", ["Optimizer", "lr_scheduler", "swa_utils"])
def test_what_else_torch_keeps_beside_its_optimisers_is_none(name: str) -> None:
    assert hasattr(torch.optim, name)
    with pytest.raises(OptionError, match=f"There is no solver '{name}'"):
        bl.fit(X, y, solver=name)


@pytest.mark.parametrize("theirs", ["L-BFGS", "LBFGS", "l_bfgs", "BFGS"])
def test_lbfgs_goes_by_any_spelling(theirs: str) -> None:
    assert weights(solver=theirs, steps=5) == weights(solver="lbfgs", steps=5)


@pytest.mark.parametrize("theirs", ["Exact", "OLS", "lstsq", "normal equation", bl.Exact])
def test_the_exact_solver_goes_by_what_it_is_called(theirs: Any) -> None:
    assert weights(solver=theirs) == weights(solver="exact")


def test_preflight_and_sweep_take_the_same_names() -> None:
    assert str(bl.preflight(X, y, solver="Momentum")) == str(bl.preflight(X, y, solver="momentum"))
    assert str(bl.preflight(X, y, solver=torch.optim.SGD)) == str(bl.preflight(X, y))
    theirs = bl.sweep(X, y, optimizers=["SGD", torch.optim.Adam], lrs=[0.1], steps=3)
    assert theirs.losses.tolist() == bl.sweep(X, y, optimizers=["sgd", "adam"], lrs=[0.1], steps=3).losses.tolist()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("mse", "squared"),
        ("MSE", "squared"),
        ("l2", "squared"),
        ("squared_error", "squared"),
        ("mean squared error", "squared"),
        (nn.MSELoss(), "squared"),
        (nn.MSELoss, "squared"),
        (nn.MSELoss(reduction="none"), "squared"),
        (functional.mse_loss, "squared"),
        ("mae", "absolute"),
        ("L1", "absolute"),
        ("absolute_error", "absolute"),
        (nn.L1Loss(), "absolute"),
        ("Huber", "huber"),
        (nn.HuberLoss(delta=2.0), "huber:2"),
        (nn.HuberLoss(), "huber:1"),
        ("pinball:0.9", "quantile:0.9"),
    ],
)
def test_a_loss_goes_by_the_names_of_others(theirs: Any, ours: str) -> None:
    model, usual = bl.fit(X, y, loss=theirs), bl.fit(X, y, loss=ours)
    assert model.params.tolist() == usual.params.tolist()
    assert model.solver == usual.solver
    assert float(str(model.plan.loss).partition(":")[2] or 0) == float(ours.partition(":")[2] or 0)
    assert str(model.plan.loss).partition(":")[0] == ours.partition(":")[0]


def test_a_loss_that_is_another_one_stays_a_function_of_ones_own() -> None:
    summed = bl.fit(X, y, loss=nn.MSELoss(reduction="sum"), solver="sgd", lr=0.001, steps=3)
    assert summed.plan.cost.name == "own"
    assert summed.trace.loss[0] == pytest.approx(60 * float(bl.fit(X, y, solver="sgd", **RUN).trace.loss[0]))


@pytest.mark.filterwarnings("ignore:A .*was chosen")
@pytest.mark.parametrize("theirs", ["Ridge", "lasso", "ENET", "elasticnet", "elastic-net", "l2", "l1"])
def test_the_penalty_to_choose_goes_by_any_spelling(theirs: str) -> None:
    ours = {"elasticnet": "enet", "elastic-net": "enet", "l2": "ridge", "l1": "lasso"}.get(theirs, theirs.lower())
    assert weights(cv=theirs) == weights(cv=ours)


# -- schedules by name -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_by_name_is_torchs_own(name: str) -> None:
    """The same weights as a loop of torch with the same scheduler, to rounding."""
    steps, lr = 12, 0.05
    made = {
        "cosine": partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=steps),
        "linear": partial(torch.optim.lr_scheduler.LinearLR, start_factor=1.0, end_factor=0.0, total_iters=steps),
        "exponential": partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.001 ** (1 / steps)),
        "step": partial(torch.optim.lr_scheduler.StepLR, step_size=4, gamma=0.1),
        "plateau": torch.optim.lr_scheduler.ReduceLROnPlateau,
    }[name]
    w = torch.zeros(3, 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=lr)
    scheduler: Any = made(optimizer)
    A, b = torch.tensor(np.c_[X, np.ones(60)]), torch.tensor(y)[:, None]
    for _ in range(steps):
        optimizer.zero_grad()
        loss = ((A @ w - b) ** 2).mean()
        loss.backward()
        optimizer.step()
        scheduler.step(*([loss.item()] if name == "plateau" else []))
    model = bl.fit(X, y, solver="sgd", lr=lr, steps=steps, schedule=name, standardize=False, start=[0.0, 0.0, 0.0])
    assert model.params.tolist() == pytest.approx(w.detach()[:, 0].tolist(), rel=1e-9)


def test_a_schedule_by_name_is_kept_with_the_model(tmp_path: Any) -> None:
    model = bl.fit(X, y, solver="adam", schedule="cosine", **RUN)
    model.save(tmp_path / "m.bestline")
    assert bl.load(tmp_path / "m.bestline").plan.solver == model.plan.solver
    assert "schedule='cosine'" in model.recipe.python()
    assert "CosineAnnealingLR" in model.script("linear")


# -- slips -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"solver": "adm"}, "no solver 'adm'; did you mean `adam`"),
        ({"solver": "exakt"}, "did you mean `exact`"),
        ({"solver": "nadam"}, r"solver=torch\.optim\.NAdam"),
        ({"solver": "saga"}, "choose exact"),
        ({"solver": torch.optim.SGD([torch.zeros(1)], lr=0.1)}, r"takes the optimiser's class, torch\.optim\.SGD"),
        ({"solver": "adam", "rate": "constant"}, "'adam' takes no rate; its settings are lr"),
        ({"solver": 3}, "a name or a solver"),
        ({"loss": "hubber"}, "did you mean `huber`"),
        ({"loss": "tukey"}, "choose squared"),
        ({"loss": 3}, "no loss 3"),
        ({"missing": "dropp"}, "did you mean `drop`"),
        ({"missing": "Drop"}, "did you mean `drop`"),
        ({"cv": "riddge"}, "did you mean `ridge`"),
        ({"cv": 5}, "the number of folds is `folds`"),
        ({"steps": 9, "schedule": "cosin"}, "did you mean `cosine`"),
        ({"schedule": "cosine", "lr": 0.1}, "say how many, for example steps=200"),
        ({"schedule": 0.1}, "a name such as 'cosine'"),
        ({"steps": 9, "schedule": lambda step: 0.1 / (step + 1)}, "what was given failed"),
        ({"steps": 9, "schedule": lambda optimizer: None}, "made an object of the type NoneType"),
        ({"steps": 9, "schedule": torch.optim.lr_scheduler.StepLR}, "what was given failed"),
        ({"solver": "stochastic", "rate": "constnt"}, "did you mean `constant`"),
        ({"solver": lambda parameters, lr: None, "steps": 3}, "made an object of the type NoneType"),
        ({"solver": lambda: None, "steps": 3}, "it failed"),
        ({"watch": "yes"}, "`watch` is a function"),
    ],
)
def test_a_slip_inside_a_value_is_told_with_near_names(options: dict[str, Any], told: str) -> None:
    with pytest.raises(OptionError, match=told):
        bl.fit(X, y, **options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"weigths": "w"}, "did you mean `weights`"),
        ({"learning_rate": 0.1}, r"did you mean `lr`\?"),
        ({"learnig_rate": 0.1}, "did you mean `lr`"),
        ({"eta0": 0.1}, r"did you mean `lr`\?"),
        ({"epochs": 3}, r"did you mean `steps`\?"),
        ({"max_iter": 3}, r"did you mean `steps`\?"),
        ({"sample_weight": y}, r"did you mean `weights`\?"),
        ({"random_state": 0}, r"did you mean `seed`\?"),
        ({"optimizer": "adam"}, r"did you mean `solver`\?"),
        ({"alpha": 0.1}, r"did you mean `l2` or `l1` \(scikit-learn's Ridge has l2 = alpha / n"),
        ({"C": 0.1}, "did you mean `l2` .*C a weaker"),
        ({"weight_decay": 0.1}, "l2 = weight_decay / 2"),
        ({"penalty": "l2"}, "did you mean `l2`, `l1` or `cv`"),
        ({"normalize": True}, r"did you mean `standardize`\?"),
        ({"n_folds": 3}, r"did you mean `folds`\?"),
        ({"vcov": "HC3"}, "did you mean `cov`"),
        ({"cov_type": "HC3"}, "did you mean `cov`"),
        ({"fit_intercept": False}, "y ~ x - 1"),
        ({"add_constant": True}, "y ~ x - 1"),
        ({"positive": True}, r"did you mean `bounds` \(bounds=\(0, None\) keeps all slopes from being negative\)"),
        ({"n_jobs": -1}, "OMP_NUM_THREADS"),
        ({"degree": 2}, "polynomial:3"),
        ({"level": 0.9}, r"conf_int\(level"),
        ({"zzz": 1}, "its options are `target`"),
    ],
)
def test_an_option_by_another_name_is_told_with_ours(options: dict[str, Any], told: str) -> None:
    name = next(iter(options))
    with pytest.raises(OptionError, match=f"fit has no option `{name}`; .*{told}"):
        bl.fit(X, y, **options)


def test_other_doors_tell_their_own_options() -> None:
    model = bl.fit(X, y)
    calls: list[tuple[Any, str]] = [
        (lambda: bl.preflight(X, y, learning_rate=0.1), "preflight has no option `learning_rate`; did you mean `lr`"),
        (lambda: bl.sweep(X, y, solver="adam"), "sweep has no option `solver`; did you mean `optimizers`"),
        (lambda: bl.sweep(X, y, lr=0.1), "did you mean `lrs`"),
        (lambda: bl.Moments.collect(X, y, n_folds=3), "collect has no option `n_folds`; did you mean `folds`"),
        (lambda: bl.Descent(learning_rate=0.1), "Descent has no option `learning_rate`; did you mean `lr`"),
        (lambda: bl.Stochastic(epochs=3), "Stochastic has no option `epochs`; did you mean `steps`"),
        (lambda: bl.Exact(tol=1), "Exact has no option `tol`"),
        (lambda: model.conf_int(alpha=0.1), r"conf_int has no option `alpha`; did you mean `level` \(level = 1 - alpha\)"),
        (lambda: model.summary(cov_type="HC3"), "summary has no option `cov_type`; did you mean `cov`"),
        (lambda: model.predict(X, return_std=True), "did you mean `interval`"),
        (model.predict, "predict needs `data`"),
        (lambda: model.predict(X, "prediction", interval="prediction"), "only `data` by position"),
        (lambda: model.save("x.bestline", force=True), "did you mean `overwrite`"),
    ]
    for call, told in calls:
        with pytest.raises(OptionError, match=told):
            call()


# -- functions of one's own -------------------------------------------------------------------------------------------------


def test_a_loss_of_ones_own_is_given_columns_of_one_target() -> None:
    shapes = set()

    def loss(prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        shapes.add((prediction.ndim, target.ndim))
        return (prediction - target) ** 2

    usual = weights(solver="sgd", **PLAIN)
    assert weights(loss=loss, solver="sgd", **PLAIN) == pytest.approx(usual, rel=1e-9)
    assert shapes == {(1, 1)}
    shapes.clear()
    bl.fit(X, np.c_[y, -y], loss=loss, solver="sgd", **PLAIN)
    assert shapes == {(2, 2)}


own = torch.ones(60, dtype=torch.float64)


@pytest.mark.parametrize(
    "loss",
    [
        lambda f, t: (own * (f - t) ** 2).mean(),  # a vector of one's own beside the rows: right at once
        lambda f, t: ((f - t) ** 2)[:, None],
        lambda f, t: ((f - t) ** 2).mean().reshape(1),
        lambda f, t: functional.mse_loss(f.reshape(-1, 1), t.reshape(-1, 1)),
    ],
)
def test_right_shapes_train_to_the_line(loss: Any) -> None:
    assert weights(loss=loss, solver="sgd", **PLAIN) == pytest.approx(weights(solver="sgd", **PLAIN), rel=1e-9)


@pytest.mark.filterwarnings("ignore:Using a target size")  # torch's own word, where it has one
@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (lambda f, t: ((f[:, None] - t) ** 2).mean(), r"\(60,\) and \(60, 1\), which torch spreads"),
        (lambda f, t: (f - t[:, None]).abs().mean(), "which torch spreads"),
        (lambda f, t: (own[:, None] * (f - t) ** 2).mean(), "which torch spreads"),
        (lambda f, t: functional.mse_loss(f[:, None], t), "which torch spreads"),
        (lambda f, t: torch.where(own[:, None] > 0, f - t, t) ** 2, "spreads|gave the shape"),
        (lambda f, t: (f[:, None] - t[None, :]) ** 2, r"gave the shape \(60, 60\)"),
        (lambda f, t: ((f - t) ** 2)[:7], r"gave the shape \(7,\)"),
        (lambda f, t: ((f - t) ** 2).mean(1), r"`loss` failed for float64 tensors of shape \(60,\) and \(60,\)"),
        (lambda f, t: f @ torch.ones(3, dtype=torch.float64), "`loss` failed"),
        (lambda f, t: ((f - t) ** 2).mean().item(), "must return a tensor"),
        (lambda f, t: ((f - t) ** 2).detach(), "does not depend on the prediction"),
        (lambda f, t: t**2, "does not depend on the prediction"),
        (lambda f: f**2, "`loss` failed"),
        (lambda f, t: None, "must return a tensor"),
    ],
)
def test_a_slip_of_shapes_never_trains(loss: Any, told: str) -> None:
    for options in ({}, {"solver": "sgd", **RUN}, {"solver": "adam", "batch_size": 60, **RUN}):
        with pytest.raises((bl.errors.ShapeError, OptionError), match=told):
            bl.fit(X, y, loss=loss, **options)


@pytest.mark.parametrize(
    ("forward", "told"),
    [
        (nn.utils.skip_init(nn.Linear, 5, 1), r"`forward` failed for float64 tensors of shape \(60, 2\)"),
        (lambda X, w, b: X @ w[:1] + b, "`forward` failed"),
        (lambda X, w: X @ w, "`forward` failed"),
        (lambda X, w, b: (X @ w + b)[:, 0], r"shape \(60,\) for targets of shape \(60, 1\)"),
        (lambda X, w, b: 3.0, "must return a tensor"),
        (lambda X, w, b: None, "must return a tensor"),
    ],
)
def test_a_forward_function_that_does_not_fit_is_told_with_the_shapes(forward: Any, told: str) -> None:
    with pytest.raises((bl.errors.ShapeError, OptionError), match=told):
        bl.fit(X, y, forward=forward, **RUN)


def test_an_error_of_ones_own_watch_is_ones_own() -> None:
    def watch(step: Any) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        bl.fit(X, y, watch=watch)


def test_weights_reach_a_loss_by_row() -> None:
    w = np.r_[np.ones(30), np.full(30, 2.0)]
    a = bl.fit(X, y, weights=w, loss=lambda f, t: (f - t) ** 2, solver="sgd", **PLAIN).params
    assert a.tolist() == pytest.approx(weights(weights=w, solver="sgd", **PLAIN), rel=1e-9)
