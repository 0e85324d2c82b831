"""What people reach for: by their own names where the numbers exist, else told what it is called; and everything shows itself."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.linear_model as theirs
import statsmodels.formula.api as smf

import bestline as bl
from bestline.inference.reached_for import ELSEWHERE, VALUES


def _frame() -> pd.DataFrame:
    draw = np.random.default_rng(17)
    table = pd.DataFrame(draw.normal(size=(40, 2)), columns=["a", "b"])
    return table.assign(y=table.a + 2 * table.b + 3 + draw.normal(size=40), w=draw.uniform(0.5, 2, 40))


frame = _frame()
X = frame[["a", "b"]].to_numpy()
y = frame.y.to_numpy()
STATSMODELS = [
    "rsquared",
    "rsquared_adj",
    "aic",
    "bic",
    "nobs",
    "llf",
    "fvalue",
    "f_pvalue",
    "df_resid",
    "df_model",
    "mse_resid",
    "ssr",
    "scale",
]
CLOSE = 1e-10  # two ways of the same sums in float64


@pytest.fixture(scope="module")
def model() -> bl.Model:
    return bl.fit(frame, "y ~ a + b")


@pytest.mark.parametrize("name", STATSMODELS)
@pytest.mark.parametrize("formula", ["y ~ a + b", "y ~ a - 1", "y ~ 1"])
def test_statsmodels_names_have_statsmodels_numbers(name: str, formula: str) -> None:
    ours, reference = bl.fit(frame, formula), smf.ols(formula, frame).fit()
    if formula == "y ~ 1" and name in ("fvalue", "f_pvalue"):
        assert np.isnan(getattr(ours, name))  # there is nothing to test
        return
    assert getattr(ours, name) == pytest.approx(getattr(reference, name), rel=CLOSE, abs=1e-12)


def test_weights_change_what_they_change_in_statsmodels() -> None:
    ours, reference = bl.fit(frame, "y ~ a + b", weights="w"), smf.wls("y ~ a + b", frame, weights=frame.w).fit()
    for name in STATSMODELS:
        assert getattr(ours, name) == pytest.approx(getattr(reference, name), rel=CLOSE), name
    order = ["Intercept", "a", "b"]
    assert ours.cov_params().loc[order, order].to_numpy() == pytest.approx(reference.cov_params().to_numpy(), rel=1e-8)


def test_scikit_learns_names_have_scikit_learns_shapes_and_numbers(model: bl.Model) -> None:
    reference = theirs.LinearRegression().fit(frame[["a", "b"]], y)
    assert model.coef_ == pytest.approx(reference.coef_, rel=CLOSE)
    assert model.intercept_ == pytest.approx(reference.intercept_, rel=CLOSE)
    assert model.score(frame[["a", "b"]], y) == pytest.approx(reference.score(frame[["a", "b"]], y), rel=CLOSE)
    assert model.score(frame) == model.score(X, y)
    assert model.n_features_in_ == reference.n_features_in_
    assert bl.fit(X, y).feature_names_in_.tolist() == ["x0", "x1"]
    two = theirs.LinearRegression().fit(X, np.c_[y, -y])
    ours = bl.fit(X, np.c_[y, -y])
    assert ours.coef_ == pytest.approx(two.coef_, rel=CLOSE)
    assert ours.intercept_ == pytest.approx(two.intercept_, rel=CLOSE)
    assert ours.score(X, np.c_[y, -y]) == pytest.approx(two.score(X, np.c_[y, -y]), rel=CLOSE)
    assert list(ours.rsquared.index) == ["y0", "y1"]
    plain = theirs.LinearRegression(fit_intercept=False).fit(X, y)
    assert bl.fit(frame, "y ~ a + b - 1").score(frame) == pytest.approx(plain.score(X, y), rel=CLOSE)


def test_what_dir_tells_is_there_and_the_rest_is_not(model: bl.Model) -> None:
    for line in (model, bl.fit(frame, "y ~ a", l2=0.1), bl.fit(frame, "y ~ a", loss="huber"), bl.fit(X, np.c_[y, -y])):
        told = [name for name in dir(line) if not name.startswith("_")]
        assert {"rmse", "coef_", "formula", "summary"} <= set(told)
        for name in set(VALUES) & set(told):
            getattr(line, name)
        for name in set(VALUES) - set(told):
            assert not hasattr(line, name), name
    assert "aic" in dir(model)
    assert "aic" not in dir(bl.fit(frame, "y ~ a", l2=0.1))


def test_no_name_is_answered_twice_and_no_method_is_hidden(model: bl.Model) -> None:
    words = [name for names in ELSEWHERE for name in names.split()]
    assert len(words) == len(set(words))
    assert not set(words) & set(VALUES)
    assert not {*words, *VALUES} & set(object.__dir__(model))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("resid", r"model\.augment\(\) has `resid`"),
        ("fittedvalues", r"model\.augment\(\) has `fitted`"),
        ("get_params", r"model\.plan"),
        ("history", r"model\.trace\.loss"),
        ("loss_curve_", r"model\.trace\.loss"),
        ("slope", r"model\.coef"),
        ("n_iter_", r"model\.trace\.step"),
        ("f_test", r"model\.wald"),
        ("get_influence", r"model\.influence"),
        ("HC3_se", r"model\.summary\(cov='HC3'\)"),
        ("predict_proba", r"model\.predict"),
        ("sumary", "did you mean `summary`"),
        ("rsquard", "did you mean `rsquared`"),
        ("zzz", "Model has no attribute `zzz`"),
    ],
)
def test_other_names_are_answered_by_ours(model: bl.Model, name: str, told: str) -> None:
    assert not hasattr(model, name)
    with pytest.raises(AttributeError, match=told):
        getattr(model, name)


def test_what_answers_point_to_is_there(model: bl.Model) -> None:
    """Every `model.name` that a sentence names."""
    import re

    for said in ELSEWHERE.values():
        for path in re.findall(r"model\.([a-z_]+)", said):
            assert hasattr(model, path), said


def test_a_penalised_line_says_why_it_has_no_such_number() -> None:
    with pytest.raises(AttributeError, match=r"There is no `aic` here: .*least squares without a penalty"):
        _ = bl.fit(frame, "y ~ a", l2=0.1).aic


@pytest.mark.parametrize(
    ("make", "name", "told"),
    [
        (lambda m: m.trace, "losses", r"trace\.loss"),
        (lambda m: m.trace, "los", "did you mean `loss`"),
        (lambda m: m.trace, "lr", r"trace\.rate"),
        (lambda m: bl.preflight(frame, "y ~ a"), "max_lr", "`lr_limit`"),
        (lambda m: bl.preflight(frame, "y ~ a"), "conditon", "did you mean `condition`"),
        (lambda m: bl.sweep(frame, "y ~ a", lrs=[0.1], steps=2), "best_lr", r"sweep\.best\(\)"),
        (lambda m: bl.sweep(frame, "y ~ a", lrs=[0.1], steps=2), "los", "did you mean `losses`|no attribute"),
        (lambda m: bl.Moments.collect(frame, "y ~ a"), "n", r"moments\.rows"),
        (lambda m: m.summary(), "tables", r"model\.tidy"),
        (lambda m: bl, "ols", r"bestline\.fit\(data, 'y ~ x'\)"),
        (lambda m: bl, "OLS", r"bestline\.fit\(X, y\)"),
        (lambda m: bl, "lm", r"bestline\.fit"),
        (lambda m: bl, "LinearRegresion", "did you mean `LinearRegression`"),
        (lambda m: bl, "fti", "did you mean `fit`"),
        (lambda m: bl, "read_csv", "reads files by itself"),
        (lambda m: bl, "zzz", "bestline has no attribute `zzz`"),
    ],
)
def test_other_things_answer_too(model: bl.Model, make: Any, name: str, told: str) -> None:
    with pytest.raises(AttributeError, match=told):
        getattr(make(model), name)


def test_python_still_asks_its_own_questions(model: bl.Model) -> None:
    for thing in (model, model.trace, bl.preflight(frame, "y ~ a"), bl.Moments.collect(frame, "y ~ a")):
        assert not hasattr(thing, "__array__")
        assert not hasattr(thing, "_ipython_display_")
        for twin in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):  # noqa: S301
            assert type(twin) is type(thing)
            assert repr(twin) == repr(thing)


# -- how things show themselves ----------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:There are few rows")
def test_print_is_a_short_table(model: bl.Model) -> None:
    lines = str(model).splitlines()
    assert lines[0] == "y ~ a + b   (40 rows)"
    assert [line.split()[0] for line in lines[3:6]] == ["a", "b", "Intercept"]
    assert float(lines[3].split()[1]) == pytest.approx(model.coef["a"], rel=1e-5)
    assert float(lines[3].split()[2]) == pytest.approx(model.bse["a"], rel=1e-5)
    assert lines[-1].startswith("Held-out error   RMSE")
    assert repr(model) == "<bestline.Model 'y ~ a + b', 40 rows, done>"
    draw = np.random.default_rng(18)
    wide = pd.DataFrame(draw.normal(size=(90, 40))).add_prefix("x").assign(y=1.0 + draw.normal(size=90))
    assert "and 21 more; model.params has them all" in str(bl.fit(wide, target="y", solver="exact"))
    assert str(bl.fit(X, np.c_[y, -y])).count("Intercept") == 2
    assert "std error" not in str(bl.fit(frame, "y ~ a", l2=0.1))


def test_all_show_themselves_in_notebooks_and_nothing_in_them_is_read_as_html() -> None:
    table = frame.rename(columns={"a": "<b>&"})
    walked = bl.fit(table, target="y", features=["<b>&"], solver="sgd", steps=3)
    shown = [
        walked,
        walked.trace,
        walked.summary(),
        bl.preflight(table, target="y", features=["<b>&"]),
        bl.sweep(table, target="y", features=["<b>&"], lrs=[0.1], steps=2),
        bl.Moments.collect(table, target="y", features=["<b>&"]),
    ]
    for thing in shown:
        page = thing._repr_html_()
        assert page.lstrip().startswith("<")
        assert "<b>&" not in page, type(thing)
        assert "&lt;b&gt;" in page, type(thing)


def test_numbers_of_a_trace_are_numbers() -> None:
    trace = bl.fit(frame, "y ~ a + b", solver="sgd", lr=0.1, steps=5, split=(0.7, 0.3)).trace
    for curve in (trace.loss, trace.held_out, trace.gap, trace.gradient_norm, trace.rate):
        assert isinstance(curve[-1], float)
        assert curve[-1] == curve.tolist()[-1] == list(curve)[-1] == curve[1:][-1]
        assert json.loads(json.dumps(curve[2])) == curve.tolist()[2]
        assert float(curve[-1]) == curve[-1].item()  # what was written for tensors goes on working
        assert type(curve.mean()).__name__ == type(curve * 2).__name__ == type(curve.log()).__name__ == "Tensor"
        assert repr(curve).startswith("tensor(")
    assert repr(trace).startswith("<bestline.Trace of 5 steps, loss ")


def test_plot_is_the_overview(model: bl.Model) -> None:
    walked = bl.fit(frame, "y ~ a + b", solver="sgd", lr=0.1, steps=5)
    titles = [ax.get_title() for ax in walked.plot.overview().axes]
    assert [ax.get_title() for ax in walked.plot().axes] == titles
    assert [ax.get_title() for ax in walked.plot(step=2).axes] == [ax.get_title() for ax in walked.plot.overview(step=2).axes]
    assert len(model.plot().axes) > 1


def test_a_film_plays_in_a_notebook(tmp_path: Path) -> None:
    from base64 import b64encode

    walked = bl.fit(frame, "y ~ a", solver="sgd", lr=0.1, steps=3)
    film = walked.animate(tmp_path / "a.gif", frames=3, seconds=1)
    assert film == tmp_path / "a.gif"
    assert isinstance(film, Path)
    assert b64encode(film.read_bytes()).decode() in film._repr_html_()
    assert film._repr_html_().startswith("<img ")
    alone = walked.animate(frames=3, seconds=1)
    assert alone.read_bytes()[:3] == b"GIF"
    alone.unlink()
    alone.parent.rmdir()


def test_the_case_of_a_name_does_not_matter(model: bl.Model) -> None:
    words = {name: told for names, told in ELSEWHERE.items() for name in names.split()}
    for name in [name for name in words if name.islower() and name.upper() not in words]:
        with pytest.raises(AttributeError) as told:
            getattr(model, name.upper())
        assert words[name].rstrip(".") in str(told.value)
