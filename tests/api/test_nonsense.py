"""Nonsense in any public place is answered by us: what is needed and what to write, and no error of inner code."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import bestline as bl
from bestline.api.model import Model
from bestline.errors import BestlineError, BestlineWarning

NONSENSE: list[Any] = [None, 0, -1, float("nan"), "x", b"2", [], [None], ("x",), {"a": {"b": 1}}, object(), True]
SECOND: list[Any] = [None, 0, "x", object()]
RAW = (TypeError, AttributeError, LookupError, AssertionError, RecursionError)
# An Enum's own class answers for its members; scikit-learn's checks speak in its words, as its own estimators do.
OTHERS = {"Stop", "ElasticNet", "ElasticNetCV", "HuberRegressor", "Lasso", "LassoCV", "LinearRegression", "Ridge", "RidgeCV"}
OTHERS |= {"SGDRegressor", "Rows"}  # of Rows only how it is made is ours: see below
DRAWING = {"animate", "report", "watch"}


def table() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"x": rng.normal(size=20), "g": np.array(list("ab") * 10), "y": rng.normal(size=20)}


def calls(function: Callable[..., Any], given: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Nonsense by place, one and two, and in the place of every single argument, the others being what they should."""
    if function.__name__ in DRAWING:  # a page or film takes long, and nothing, 0 and "x" are right for it
        yield from (((value,), {}) for value in ([], b"2", object(), {"a": {"b": 1}}))
        return
    yield (), {}
    for value in NONSENSE:
        yield (value,), {}
        if function.__module__ != "bestline.pictures.gallery":  # of which every right call is a picture
            yield from (((value, other), {}) for other in SECOND)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            yield from (((), {**given, parameter.name: value}) for value in NONSENSE)


def raw_answers(function: Callable[..., Any], given: dict[str, Any] | None = None) -> list[str]:
    """The calls that an error of inner code answers."""
    found = []
    for args, named in calls(function, given or {}):
        try:
            function(*args, **named)
        except BestlineError as error:
            if not str(error).endswith((".", "?")):
                found.append(f"{args!r:.60} {named!r:.60}: no sentence: {error}")
        except RAW as error:
            found.append(f"{args!r:.60} {named!r:.60}: {type(error).__name__}: {error!s:.80}")
        except Exception:  # noqa: S110  of the system, of torch: told elsewhere
            pass
    return found


@pytest.fixture(autouse=True)
def somewhere_quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


PUBLIC = [name for name in bl.__all__ if callable(getattr(bl, name)) and name not in OTHERS]
MODULES = {"nn": ["MomentLoss"], "samples": bl.samples.__all__, "synthetic": bl.synthetic.__all__}


def test_all_that_is_public_is_walked() -> None:
    assert {"fit", "preflight", "sweep", "plot_data", "load", "compare", "surface", "Step", "Trace", "Fit"} <= set(PUBLIC)
    assert set(MODULES) == {name for name in bl.__all__ if inspect.ismodule(getattr(bl, name))} - {"errors"}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name(name: str) -> None:
    right = {"data": table(), "formula": "y ~ x"}
    given = {
        "fit_groups": {**right, "by": "g"},
        "fit_rolling": {**right, "window": 8},
        "fit": right,
        "Design": right,
        "preflight": right,
        "stream": {"make_reader": lambda: iter([table()])},
        "plot_data": right,
        "sweep": {**right, "steps": 3, "lrs": [0.1]},
    }
    assert raw_answers(getattr(bl, name), given.get(name)) == []


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in MODULES.items() for name in names])
def test_a_name_of_a_module(module: str, name: str) -> None:
    thing = getattr(getattr(bl, module), name)
    assert not callable(thing) or raw_answers(thing) == []


ENCODING = "bestline.data.design.design"  # what else a design does with batches of a Source is for those who write passes


def methods(thing: Any) -> list[str]:
    """Its public methods, those that are ours."""
    if type(thing).__mro__[1].__module__ == ENCODING:
        return ["learn", "to_json", "from_json"]
    ours = [kind for kind in type(thing).__mro__ if kind.__module__.startswith("bestline")]
    own = {name: value for kind in reversed(ours) for name, value in vars(kind).items()}
    return [n for n, v in own.items() if not n.startswith("_") and (inspect.isfunction(v) or isinstance(v, classmethod))]


def model() -> Model:
    return bl.fit(table(), "y ~ x + g", solver="sgd", steps=5)


THINGS: dict[str, Callable[[], Any]] = {
    "Model": model,
    "Moments": lambda: bl.Moments.collect(table(), "y ~ x + g"),
    "Design": lambda: bl.Design.learn(table(), "y ~ x + g"),
    "Gallery": lambda: model().plot,
    "Preflight": lambda: bl.preflight(table(), "y ~ x"),
    "Page": lambda: model().watch(),
    "Groups": lambda: bl.fit_groups(table(), "y ~ x", by="g"),
    "Windows": lambda: bl.fit_rolling(table(), "y ~ x", window=8),
    "SyntheticLine": bl.synthetic.line,
}


@pytest.mark.parametrize("kind", THINGS)
def test_every_method(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What a picture holds is made; drawing the hundreds that nonsense may stand beside is what takes the time.
    monkeypatch.setattr("bestline.pictures.gallery.draw", lambda picture, **_: picture)
    thing = THINGS[kind]()
    found = {name: answers for name in methods(thing) if (answers := raw_answers(getattr(thing, name)))}
    assert found == {}


@pytest.mark.parametrize("name", ["cov_params", "vcov", "score"])
def test_what_is_reached_for(name: str) -> None:
    assert raw_answers(getattr(bl.fit(table(), "y ~ x"), name)) == []


def test_rows_and_steps_made_by_hand() -> None:
    with pytest.raises(BestlineError, match="Rows needs `X` and `y`"):
        bl.Rows()  # type: ignore[call-arg]
    with pytest.raises(BestlineError, match=r"holds tensors.*`list`"):
        bl.Rows([[1.0]], torch.ones(1, 1))  # type: ignore[arg-type]
    with pytest.raises(BestlineError, match="same n"):
        bl.Rows(torch.tensor(1.0), torch.ones(1, 1))
    with pytest.raises(BestlineError, match="Step needs `index`"):
        bl.Step()  # type: ignore[call-arg]
    with pytest.raises(BestlineError, match=r"no reason to stop 'why'.*Stop.CONVERGED"):
        bl.Stop("why")


@pytest.mark.parametrize(
    ("door", "written"),
    [
        (lambda d: bl.fit(d, "y ~ `unit price (€)` | `store id`").means("store id"), "C(`store id`)"),
        (lambda d: bl.fit(d, "y ~ `unit price (€)` | `store id`").covariance("HC3"), "C(`store id`)"),
        (lambda d: bl.fit(d, "y ~ `unit price (€)`").contrasts("unit price (€)"), "C(`unit price (€)`)"),
        (lambda d: bl.fit(d, "y ~ log(`2nd visit?`)"), "C(`2nd visit?`)"),
    ],
)
def test_what_an_error_says_to_write_is_a_formula_for_odd_names_too(door: Any, written: str) -> None:
    data = {
        "unit price (€)": np.arange(12.0),
        "store id": [1, 2, 3] * 4,
        "2nd visit?": ["yes", "no"] * 6,
        "y": np.sin(np.arange(12.0)),
    }
    with pytest.raises(BestlineError) as told:
        door(data)
    assert written in str(told.value)
    with pytest.warns(BestlineWarning, match=r"write I\(`unit price \(€\)`\*\*2\)"):
        bl.fit(data, "y ~ `unit price (€)`**2")
