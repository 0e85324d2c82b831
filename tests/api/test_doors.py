"""One word for one thing across all doors: what an argument of `fit` means, it means everywhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from inspect import Parameter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import typer.main
from typer.testing import CliRunner

import bestline as bl
from bestline.cli.app import app
from bestline.errors import BestlineDeprecationWarning, OptionError
from bestline.pictures.gallery import Gallery

DOORS: dict[str, Callable[..., Any]] = {
    "fit": bl.fit,
    "preflight": bl.preflight,
    "sweep": bl.sweep,
    "collect": bl.Moments.collect,
}
SHARED = ("target", "features", "weights", "weight_kind", "missing", "folds", "seed", "solver", "l1", "l2", "start", "progress")
# Several of a thing have its word in the plural; `by` names groups, each with moments of its own.
OTHER = {"checkpoint", "engine", "lr", "lrs", "optimizers", "starts", "steps", "standardize", "by"}
# Left out, fit's solver is what penalty and loss need; preflight is of descent, so its own is the plainest.
# Of collect, folds that nobody asked for leave room for `by`.
OWN_DEFAULTS = {("preflight", "solver"): "sgd", ("sweep", "standardize"): True, ("collect", "folds"): None}
COMMANDS = {"fit": "fit", "preflight": "preflight", "sweep": "sweep", "moments collect": "collect", "watch": "fit"}


def parameters(function: Callable[..., Any]) -> dict[str, Parameter]:
    return dict(inspect.signature(function).parameters)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    draw = np.random.default_rng(3)
    frame = pd.DataFrame({"x1": draw.normal(5, 2, 60), "x2": draw.normal(0, 1, 60), "g": list("aabbc") * 12})
    frame["y"] = 1 + 2 * frame.x1 - frame.x2 + draw.normal(0, 0.5, 60)
    frame["z"] = frame.x2 - frame.x1
    return frame


# -- names, kinds and defaults -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_all_but_data_and_formula_go_by_name(door: str) -> None:
    first, second, *others = parameters(DOORS[door]).values()
    assert [(p.name, p.kind) for p in (first, second)] == [(n, Parameter.POSITIONAL_OR_KEYWORD) for n in ("data", "formula")]
    assert all(p.kind in (Parameter.KEYWORD_ONLY, Parameter.VAR_KEYWORD) for p in others)


@pytest.mark.parametrize("door", [door for door in DOORS if door != "fit"])
def test_a_word_of_fit_has_its_default_and_there_are_no_other_words(door: str) -> None:
    ours, theirs = parameters(bl.fit), parameters(DOORS[door])
    for name in theirs.keys() & ours.keys() - {"data", "formula"}:
        assert theirs[name].default == OWN_DEFAULTS.get((door, name), ours[name].default), name
    assert set(theirs) - {"data", "formula"} <= {*SHARED, *OTHER}


@pytest.mark.parametrize("command", COMMANDS)
def test_options_of_commands_are_called_as_arguments(command: str) -> None:
    found: Any = typer.main.get_command(app)
    for name in command.split():
        found = found.commands[name]
    options = {o.name for o in found.params if o.param_type_name == "option" and not o.hidden}
    assert options & set(parameters(bl.fit)) - {"progress"} <= set(SHARED) | set(parameters(DOORS[COMMANDS[command]]))
    assert {"weights", "missing", "seed"} <= options
    assert not {"optimizer", "random_state", "groups"} & options


def methods() -> Iterator[tuple[str, Callable[..., Any]]]:
    for kind in (bl.Model, Gallery):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_"):
                yield f"{kind.__name__}.{name}", method


@pytest.mark.parametrize(("word", "default"), [("target", 0), ("cov", None), ("level", 0.95), ("overwrite", False)])
def test_methods_take_a_word_by_name_and_with_one_default(word: str, default: Any) -> None:
    # No `cov` is the one that the line was fitted with.
    # `covariance(cov)` and `tidy(level)` have nothing before it, so there it may stand alone.
    found = {name: parameters(method)[word] for name, method in methods() if word in parameters(method)}
    assert found
    for name, parameter in found.items():
        assert parameter.default == default, name
        first = list(parameters(dict(methods())[name]))[1] == word
        assert parameter.kind is Parameter.KEYWORD_ONLY or first, name


def test_estimators_have_the_parameters_of_scikit_learn_with_their_defaults() -> None:
    import sklearn.linear_model as theirs

    from bestline import estimators as ours

    for name in ours.__all__:
        known = getattr(theirs, name)().get_params()
        assert getattr(ours, name)().get_params() == {n: v for n, v in known.items() if v != "deprecated" and n != "n_alphas"}


# -- meanings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["sgd", "momentum", "nesterov"])
def test_a_solver_has_one_limit_behind_every_door(frame: pd.DataFrame, solver: str) -> None:
    formula = "y ~ x1 + x2"
    limit = bl.fit(frame, formula, solver=solver, lr=1e-3, steps=1).rate_limit
    assert bl.preflight(frame, formula, solver=solver).standardized.lr_limit == pytest.approx(limit, rel=1e-12)
    assert bl.sweep(frame, formula, optimizers=solver, lrs=1e-3, steps=1).limits[solver] == pytest.approx(limit, rel=1e-12)


def test_a_seed_is_the_same_start_and_the_same_folds(frame: pd.DataFrame) -> None:
    formula = "y ~ x1 + x2"
    for seed in (0, 5):
        fit = bl.fit(frame, formula, solver="sgd", lr=1e-3, steps=1, seed=seed)
        runs = bl.sweep(frame, formula, lrs=1e-3, steps=1, seed=seed)
        assert torch.allclose(runs.losses[:, 0], fit.trace.loss, rtol=1e-12, atol=0)
        assert [f.count for f in bl.Moments.collect(frame, formula, seed=seed).folds] == [f.count for f in fit.moments.folds]


@pytest.mark.parametrize("folds", [4, "g"])
def test_folds_are_a_number_or_a_column(frame: pd.DataFrame, folds: int | str) -> None:
    collected = bl.Moments.collect(frame, "y ~ x1", folds=folds)
    fit = bl.fit(frame, "y ~ x1", folds=folds)
    assert [f.count for f in collected.folds] == [f.count for f in fit.moments.folds]
    assert bl.fit(collected, folds=folds).held_out.rmse == pytest.approx(fit.held_out.rmse, rel=1e-14)
    if folds == "g":
        assert bl.Moments.collect(frame, "y ~ x1", by="g").values == collected.values == ("a", "b", "c")


def test_targets_go_by_name_or_number_in_methods_and_pictures(frame: pd.DataFrame) -> None:
    names = {"target": ["y", "z"], "features": ["x1", "x2"]}
    model = bl.fit(frame, **names, solver="sgd", lr=0.1, steps=3)
    exact = bl.fit(frame, **names)
    assert bl.Moments.collect(frame, **names).design.targets == model.targets
    for method in (exact.coefficients, lambda target: exact.wald("x1", target=target), exact.influence, exact.diagnose):
        assert str(method(target="z")) == str(method(target=1))
    for picture in ("contour", "steps", "data"):
        a, b = (getattr(model.plot, picture)(target=target) for target in ("z", 1))
        assert [ax.get_title() for ax in a.axes] == [ax.get_title() for ax in b.axes]
    assert bl.surface(model, target="z").floor == bl.surface(model, target=1).floor
    with pytest.raises(OptionError, match="no target `zz` in this line; did you mean `z`"):
        model.plot.data(target="zz")


def test_an_option_that_fit_does_not_know_is_refused_with_near_names(frame: pd.DataFrame) -> None:
    for wrong, near in (("stpes", "steps"), ("bach_size", "batch_size"), ("fetures", "features"), ("LR", "lr")):
        with pytest.raises(OptionError, match=f"fit has no option `{wrong}`; did you mean .*`{near}`"):
            bl.fit(frame, "y ~ x1", **{wrong: 3})


# -- old spellings, for one version --------------------------------------------------------------------------------------


def test_old_spellings_work_and_say_the_new_ones(frame: pd.DataFrame, tmp_path: Path) -> None:
    model, formula = bl.fit(frame, "y ~ x1 + x2"), "y ~ x1"

    def old(call: Callable[[], Any], new: str) -> Any:
        with pytest.warns(BestlineDeprecationWarning, match=new):
            return call()

    assert str(old(lambda: bl.preflight(frame, formula, optimizer="momentum"), "called `solver` now")) == str(
        bl.preflight(frame, formula, solver="momentum")
    )
    predicted = old(lambda: model.predict(frame, "confidence", 0.9), "interval=, level= by name")
    assert predicted.equals(model.predict(frame, interval="confidence", level=0.9))
    assert old(lambda: model.augment(frame, "confidence"), "interval= by name").equals(
        model.augment(frame, interval="confidence")
    )
    assert old(lambda: model.wald("x1 = x2", "HC3"), "cov= by name") == model.wald("x1 = x2", cov="HC3")
    assert old(lambda: model.coefficients(0.9, 0), "target= by name") == model.coefficients(0.9, target=0)
    assert old(model.to_json, "`to_dict` now") == model.to_dict()
    runs = bl.sweep(frame, formula, lrs=[0.1, 0.2], steps=3)
    assert len(old(lambda: runs.plot(theme="dark"), r"plot.rates\(\)").axes) == len(runs.plot.dark.rates().axes)
    frame.to_csv(tmp_path / "t.csv", index=False)
    command = ["preflight", str(tmp_path / "t.csv"), formula, "--json"]
    told = CliRunner().invoke(app, [*command, "--optimizer", "momentum"]).stdout
    assert '"optimizer": "momentum"' in told
    assert "called `solver` now" in told
    assert "called `solver` now" not in CliRunner().invoke(app, [*command, "--solver", "momentum"]).stdout
