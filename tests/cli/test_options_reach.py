"""Each option of each command arrives as the argument of the like name, and what is not asked for keeps Python's default."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer.main
from typer.testing import CliRunner

import bestline as bl
from bestline.api.model import Model
from bestline.cli.app import app
from bestline.pictures.gallery import Gallery

pytestmark = pytest.mark.filterwarnings("ignore::bestline.errors.BestlineWarning")

# What is typed, and what Python is given. Each value is another one than the default.
COLUMNS: dict[str, list[tuple[list[str], dict[str, Any]]]] = {
    "target": [(["--target", "y"], {"target": "y"}), (["--target", 'y,"z, b"'], {"target": ["y", "z, b"]})],
    "features": [(["--features", "x2,x1"], {"features": ["x2", "x1"]})],
    "weights": [(["--weights", "w"], {"weights": "w"})],
    "missing": [(["--missing", "impute"], {"missing": "impute"}), (["--missing", "drop"], {"missing": "drop"})],
    "seed": [(["--seed", "9"], {"seed": 9})],
    "l2": [(["--l2", "0.25"], {"l2": 0.25})],
    "engine": [(["--engine", "tcp://far:8786"], {"engine": "tcp://far:8786"})],
}
START = [
    (["--start=2,-1"], {"start": [2.0, -1.0]}),
    (["--start", "x1=2,Intercept=-1"], {"start": {"x1": 2.0, "Intercept": -1.0}}),
]
FOLDS = [(["--folds", "7"], {"folds": 7}), (["--folds", "g"], {"folds": "g"})]
SOLVER = [(["--solver", "adam"], {"solver": "adam"})]
TRAINING = COLUMNS | {
    "solver": SOLVER,
    "lr": [(["--lr", "0.25"], {"lr": 0.25}), (["--lr", "auto"], {"lr": "auto"})],
    "rate": [(["--rate", "invscaling"], {"rate": "invscaling"})],
    "power": [(["--power", "0.5"], {"power": 0.5})],
    "average": [(["--average"], {"average": True}), (["--no-average"], {"average": False})],
    "steps": [(["--steps", "7"], {"steps": 7})],
    "batch_size": [(["--batch-size", "3"], {"batch_size": 3})],
    "patience": [(["--patience", "4"], {"patience": 4})],
    "tol": [(["--tol", "1e-5"], {"tol": 1e-5})],
    "aliased": [(["--aliased", "drop"], {"aliased": "drop"})],
    "start": START,
    "l1": [(["--l1", "0.5"], {"l1": 0.5})],
    "penalty_factors": [(["--penalty-factors", "x1=0,x2=3"], {"penalty_factors": {"x1": 0.0, "x2": 3.0}})],
    "bounds": [(["--bounds", "x1=:0", "--bounds", "x2=1:"], {"bounds": ["x1=:0", "x2=1:"]})],
    "constraints": [(["--constraints", "x1 + x2 = 1"], {"constraints": ["x1 + x2 = 1"]})],
    "cv": [(["--cv", "lasso"], {"cv": "lasso"})],
    "folds": FOLDS,
    "loss": [(["--loss", "huber:3"], {"loss": "huber:3"})],
    "forward": [(["--forward", "polynomial:2"], {"forward": "polynomial:2"})],
    "standardize": [(["--no-standardize"], {"standardize": False}), (["--standardize"], {"standardize": None})],
    "split": [(["--split", "0.5,0.25,0.25"], {"split": [0.5, 0.25, 0.25]})],
    "device": [(["--device", "cpu"], {"device": "cpu"})],
    "digits": [(["--digits", "5"], {"digits": 5})],
    "cov": [(["--cov", "hac:day,lags=3"], {"cov": "hac:day,lags=3"}), (["--cov", "hc1"], {"cov": "HC1"})],
}
LEVEL = [(["--level", "0.5"], {"level": 0.5})]
COV = [(["--cov", "HC3", "t.csv"], {"cov": "HC3", "data": "t.csv"})]
KIND = [(["--weights", "w", "--weight-kind", "frequency"], {"weights": "w", "weight_kind": "frequency"})]
UNSEEN = [(["--on-unseen", "average"], {"on_unseen": "average"})]
OWN = [(["--units", "fitted"], {"units": "fitted"})]
PICTURE = {
    "theme": [(["--theme", "dark"], {})],  # of the gallery, not of the picture
    "units": [(["--units", "trained"], {"units": "trained"})],
    "weights_shown": [(["--show", "path"], {"pair": "path"}), (["--show", "x1,x2"], {"pair": ["x1", "x2"]})],
    "step": [(["--step", "3"], {"step": 3})],
    "target": [(["--target", "y"], {"target": "y"})],
}
TERM = {"by", "at", "level"}  # of pictures of a term

# A command: what is called, the words before the options, what those words give, the options, and options of the command's own.
Row = tuple[Any, str, list[str], dict[str, Any], dict[str, list[tuple[list[str], dict[str, Any]]]], set[str]]
SAYING = {"json", "quiet", "progress", "force", "out"}
TABLE: dict[str, Row] = {
    "fit": (bl, "fit", ["t.csv"], {}, TRAINING | {"weight_kind": KIND}, {"level", "like", "trace", "report", "by"}),
    "watch": (
        *(
            bl,
            "fit",
            ["t.csv", "-o", "run.html", "--solver", "momentum"],
            {"solver": "momentum"},
            TRAINING | {"weight_kind": KIND},
        ),
        {"compare", "like", "weights_shown", "frames", "theme", "units", "live"},
    ),
    "fit --by": (
        *(bl, "fit_groups", ["t.csv", "--by", "g,h"], {"by": ["g", "h"]}),
        {k: v[:1] for k, v in TRAINING.items() if k in {*COLUMNS, "folds", "digits"}} | {"weight_kind": KIND},
        {*(set(TRAINING) - {*COLUMNS, "folds", "digits"}), "level", "like", "trace", "report", "by"},
    ),
    "preflight": (
        *(bl, "preflight", ["t.csv"], {}),
        COLUMNS | {"solver": SOLVER, "lr": TRAINING["lr"][:1], "start": START},
        {"optimizer"},
    ),
    "sweep": (
        *(bl, "sweep", ["t.csv"], {}),
        COLUMNS
        | {
            "lrs": [(["--lrs", "0.1:1:3"], {"lrs": "0.1:1:3"})],
            "optimizers": [(["--optimizers", "adam,sgd"], {"optimizers": ["adam", "sgd"]})],
            "steps": TRAINING["steps"],
            "start": [(["--start=2,-1", "--start", "x1=1"], {"starts": [[2.0, -1.0], {"x1": 1.0}]})],
            "standardize": [(["--no-standardize"], {"standardize": False}), (["--standardize"], {"standardize": True})],
        },
        set(),
    ),
    "moments collect": (
        *(bl.Moments, "collect", ["t.csv", "-o", "t.moments"], {"folds": 5}),
        {k: v for k, v in COLUMNS.items() if k != "l2"}
        | {
            "folds": FOLDS,
            "weight_kind": KIND,
            "by": [(["--by", "g"], {"by": "g", "folds": None})],
            "checkpoint": [(["--checkpoint", "kept"], {"checkpoint": Path("kept")})],
        },
        set(),
    ),
    "generate": (
        *(bl.synthetic, "line", ["-o", "new.csv"], {}),
        {
            "slope": [(["--slope", "2"], {"slope": 2.0}), (["--slope=2,-1"], {"slope": [2.0, -1.0]})],
            "intercept": [(["--intercept", "3"], {"intercept": 3.0})],
            "x": [(["--x", "uniform:0,2"], {"x": "uniform:0,2"})],
            "n": [(["--n", "12"], {"n": 12})],
            "noise": [(["--noise", "normal:0.5"], {"noise": "normal:0.5"})],
            "seed": [(["--seed", "9"], {"seed": 9})],
        },
        {"lesson"},
    ),
    "predict": (
        *(Model, "predictor", ["m.bestline", "t.csv"], {}),
        {
            "interval": [(["--interval", "prediction"], {"interval": "prediction"})],
            "level": [(["--level", "0.5", "--interval", "confidence"], {"level": 0.5, "interval": "confidence"})],
            "on_unseen": UNSEEN,
            "units": OWN,
            "point": [(["--point", "mean"], {"point": "mean"})],
        },
        {"raw_cells", "conformal", "method", "folds", "seed"},
    ),
    "predict of conformal intervals": (
        *(Model, "conformal_predictor", ["m.bestline", "u.csv", "--conformal", "t.csv"], {"data": "t.csv"}),
        {
            "level": [(["--level", "0.5"], {"level": 0.5})],
            "method": [(["--method", "cv+"], {"method": "cv+"})],
            "folds": [(["--folds", "4", "--method", "cv+"], {"folds": 4, "method": "cv+"})],
            "seed": [(["--seed", "9", "--method", "cv+"], {"seed": 9, "method": "cv+"})],
        },
        {"raw_cells", "conformal", "interval", "on_unseen", "units", "point"},
    ),
    "bootstrap": (
        *(Model, "bootstrap", ["m.bestline", "t.csv"], {"data": "t.csv"}),
        {
            "kind": [(["--kind", "wild"], {"kind": "wild"})],
            "samples": [(["--samples", "50"], {"samples": 50})],
            "seed": [(["--seed", "9"], {"seed": 9})],
            "level": LEVEL,
            "interval": [(["--interval", "bca"], {"interval": "bca"})],
            "cluster": [(["--cluster", "g"], {"cluster": "g"})],
            "multipliers": [(["--multipliers", "webb"], {"multipliers": "webb"})],
        },
        set(),
    ),
    "evaluate": (
        Model,
        "evaluate",
        ["m.bestline", "t.csv"],
        {"data": "t.csv"},
        {"on_unseen": UNSEEN, "units": OWN, "engine": COLUMNS["engine"]},
        set(),
    ),
    "table": (
        *(bl, "table", ["m.bestline"], {"labels": ["m"]}),
        {"labels": [(["--labels", '"a, b"'], {"labels": ["a, b"]})], "stars": [(["--stars"], {"stars": True})]},
        set(),
    ),
    "subsets": (
        *(Model, "subsets", ["m.bestline"], {}),
        {
            "by": [(["--by", "aic"], {"by": "aic"})],
            "most": [(["--most", "1"], {"most": 1})],
            "keep": [(["--keep", "x2,x1"], {"keep": ["x2", "x1"]})],
            "target": [(["--target", "y"], {"target": "y"})],
        },
        {"features", "folds", "seed", "weights", "weight_kind", "missing"},
    ),
    "subsets of data": (
        *(bl, "fit", ["t.csv"], {"solver": "exact"}),
        {k: v for k, v in COLUMNS.items() if k not in ("l2", "engine")} | {"folds": FOLDS, "weight_kind": KIND},
        {"by", "most", "keep"},
    ),
    "summary": (
        *(Model, "summary", ["m.bestline"], {}),
        {"level": LEVEL, "cov": COV, "digits": [(["--digits"], {"digits": True})]},
        set(),
    ),
    "diagnose": (
        *(Model, "diagnose", ["m.bestline", "t.csv"], {"data": "t.csv"}),
        {"target": [(["--target", "y"], {"target": "y"})]},
        {"theme"},
    ),
    "report": (Model, "report", ["m.bestline", "t.csv", "-o", "p.html"], {"path": Path("p.html"), "data": "t.csv"}, {}, set()),
    "agree": (Model, "agree", ["m.bestline", "t.csv"], {"data": "t.csv"}, {}, set()),
    "export --to sql": (
        *(Model, "to_sql", ["m.bestline", "--to", "sql"], {"table": ("data",)}),
        {
            "table": [
                (["--table", "a.b"], {"table": ("a", "b")}),
                (["--table", '"a.b"'], {"table": "a.b"}),
                (["--table", '"a""b"'], {"table": 'a"b'}),
            ],
            "dialect": [(["--dialect", "sqlite"], {"dialect": "sqlite"})],
        },
        {"to", "style"},
    ),
    "export --to script": (
        *(Model, "script", ["m.bestline", "t.csv", "--to", "script"], {"data": "t.csv"}),
        {"style": [(["--style", "numpy"], {"style": "numpy"})]},
        {"to", "table", "dialect"},
    ),
    "export --to onnx": (
        *(Model, "to_onnx", ["m.bestline", "--to", "onnx", "-o", "m.onnx"], {"path": Path("m.onnx")}, {}),
        {"to", "style", "table", "dialect"},
    ),
    "plot of data": (
        *(bl, "plot_data", ["t.csv", "-o", "p.png"], {}),
        {
            **{k: COLUMNS[k] for k in ("target", "features", "weights", "missing")},
            "theme": [(["--theme", "dark"], {"theme": "dark"})],
            "truth": [(["--truth=2,1"], {"truth": [2.0, 1.0]}), (["--truth", "t.json"], {"truth": "t.json"})],
        },
        {"picture", "units", "weights_shown", "step", "log", *TERM},
    ),
    "plot of a model": (
        *(Gallery, "overview", ["m.bestline", "-o", "p.png"], {}),
        PICTURE | {"log": [(["--log"], {"log": True}), (["--no-log"], {"log": False})]},
        {"picture", "truth", "features", "weights", "missing", *TERM},
    ),
    "plot of a contour": (
        *(Gallery, "contour", ["m.bestline", "-o", "p.png", "--picture", "contour"], {}, PICTURE),
        {"picture", "truth", "features", "weights", "missing", "log", *TERM},
    ),
    "plot of one weight": (
        *(Gallery, "weight", ["m.bestline", "-o", "p.png", "--picture", "weight"], {}),
        {k: PICTURE[k] for k in ("step", "target", "theme")} | {"weights_shown": [(["--show", "x2"], {"name": "x2"})]},
        {"picture", "truth", "features", "weights", "missing", "log", "units", *TERM},
    ),
    "plot of an added variable": (
        *(Gallery, "added", ["m.bestline", "t.csv", "-o", "p.png", "--picture", "added", "--show", "x1"]),
        {"column": "x1", "data": "t.csv"},
        {
            **{k: PICTURE[k] for k in ("target", "theme")},
            "weights_shown": [(["--show", "x2"], {"column": "x2"})],
        },
        {"picture", "truth", "features", "weights", "missing", "log", "units", "step", *TERM},
    ),
    "plot of coefficients": (
        *(Gallery, "coefficients", ["m.bestline", "-o", "p.png", "--picture", "coefficients"], {}),
        {**{k: PICTURE[k] for k in ("target", "theme")}, "level": LEVEL},
        {"picture", "truth", "features", "weights", "missing", "log", "units", "step", "weights_shown", "by", "at"},
    ),
    "plot of rows": (
        *(Gallery, "data", ["m.bestline", "t.csv", "-o", "p.png"], {"data": "t.csv"}),
        {
            "truth": [(["--truth=2,1"], {"truth": [2.0, 1.0]})],
            "target": PICTURE["target"],
            "theme": PICTURE["theme"],
            "by": [(["--by", "g"], {"by": "g"})],
        },
        {"picture", "features", "weights", "missing", "log", "units", "weights_shown", "step", "at", "level"},
    ),
    "plot of two parts": (
        *(Gallery, "train_test", ["m.bestline", "t.csv", "u.csv", "-o", "p.png", "--picture", "train-test"]),
        {"train": "t.csv", "test": "u.csv"},
        {"target": PICTURE["target"], "theme": PICTURE["theme"]},
        {"picture", "features", "weights", "missing", "log", "units", "weights_shown", "step", "truth", *TERM},
    ),
}
BOTH = ("fit", "watch")
CASES = [(name, option, i) for name, row in TABLE.items() for option, values in row[4].items() for i in range(len(values))]


class Reached(Exception):  # noqa: N818
    """Ends a command where Python is called."""


def called(name: str) -> str:
    """The command of a row."""
    return name.partition(" -")[0].partition(" of ")[0]


def options_of(name: str) -> dict[str, Any]:
    found: Any = typer.main.get_command(app)
    for word in called(name).split():
        found = found.commands[word]
    return {o.name: o for o in found.params if o.param_type_name == "option"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("options")
    draw = np.random.default_rng(2)
    frame = pd.DataFrame({"x1": draw.normal(size=20), "x2": draw.normal(size=20), "g": list("ab") * 10})
    frame["y"] = frame.x1 - frame.x2 + 0.1 * draw.normal(size=20)
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_csv(folder / "u.csv", index=False)
    bl.fit(frame, "y ~ x1 + x2", solver="sgd", lr=0.1, steps=4).save(folder / "m.bestline")
    return folder


@pytest.fixture
def reached(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, list[str]], dict[str, Any]]]:
    monkeypatch.chdir(folder)

    def ask(name: str, typed: list[str]) -> dict[str, Any]:
        """The arguments that the function of a row is called with, its defaults among them."""
        owner, function, words, *_ = TABLE[name]
        kept = getattr(owner, function)
        signature, got = inspect.signature(kept), {}

        @functools.wraps(kept)
        def stand_in(*given: Any, **named: Any) -> Any:
            bound = signature.bind(*given, **named)
            bound.apply_defaults()
            flat = {k: v for k, v in bound.arguments.items() if k not in ("self", "descent")}
            got.update(flat | bound.arguments.get("descent", {}))
            if isinstance(given[0] if given else None, Gallery):
                got["theme"] = given[0].theme
            raise Reached

        bound_to_class = not inspect.isclass(owner) or inspect.ismethod(kept)
        with monkeypatch.context() as patch:
            patch.setattr(owner, function, staticmethod(stand_in) if inspect.isclass(owner) and bound_to_class else stand_in)
            ended = CliRunner().invoke(app, [*called(name).split(), *words, *typed])
        assert isinstance(ended.exception, Reached), (ended.output, ended.exception)
        return got

    return ask


def without_rows(got: dict[str, Any]) -> dict[str, Any]:
    """But for what every call has of the command itself."""
    return {k: v for k, v in got.items() if k not in ("formula", "progress", "watch", "overwrite", "models")}


def expected(name: str) -> dict[str, Any]:
    """What the words of a row give beside Python's defaults."""
    owner, function, _, given, *_ = TABLE[name]
    signature = inspect.signature(getattr(owner, function)).parameters
    defaults = {k: p.default for k, p in signature.items() if k not in ("self", "descent")}
    if owner is bl and function not in ("plot_data", "table"):
        defaults["data"] = "t.csv"
    elif function == "plot_data":
        defaults["data"] = ["t.csv"]
    elif owner is bl.Moments:
        defaults["data"] = "t.csv"
    if owner is Gallery:
        defaults["theme"] = "light"
    return without_rows(defaults | given)


def same(got: Any, meant: Any) -> bool:
    """Alike, a list and a tuple of the same too; what one knows only as one name may be a list of it."""
    listed = [list(v) if isinstance(v, list | tuple) else v for v in (got, meant)]
    return bool(listed[0] == listed[1]) or got == [meant] or [got] == meant


@pytest.mark.parametrize("name", TABLE)
def test_every_option_is_tried_here_or_is_the_commands_own(name: str) -> None:
    *_, options, own = TABLE[name]
    assert set(options_of(name)) - SAYING == {*options, *own}


@pytest.mark.parametrize("name", TABLE)
def test_with_nothing_asked_python_is_called_with_its_defaults(
    name: str, reached: Callable[[str, list[str]], dict[str, Any]]
) -> None:
    got, meant = without_rows(reached(name, [])), expected(name)
    wrong = {k: (got.get(k), meant.get(k)) for k in got.keys() | meant.keys() if not same(got.get(k), meant.get(k))}
    assert wrong == {}


@pytest.mark.parametrize(("name", "option", "i"), CASES)
def test_an_option_arrives_and_moves_nothing_else(
    name: str, option: str, i: int, reached: Callable[[str, list[str]], dict[str, Any]]
) -> None:
    typed, given = TABLE[name][4][option][i]
    if option == "theme":
        given = {"theme": "dark"}
    got, meant = without_rows(reached(name, typed)), expected(name) | given
    wrong = {k: (got.get(k), meant.get(k)) for k in got.keys() | meant.keys() if not same(got.get(k), meant.get(k))}
    assert wrong == {}


@pytest.mark.parametrize("option", [o for o in TRAINING if o != "solver"])
def test_fit_and_watch_take_the_options_of_training_alike(
    option: str, reached: Callable[[str, list[str]], dict[str, Any]]
) -> None:
    a, b = (options_of(name)[option] for name in BOTH)
    for part in ("opts", "secondary_opts", "default", "help", "metavar", "multiple", "is_flag"):
        assert str(getattr(a, part)) == str(getattr(b, part)), part
    for typed, _ in TRAINING[option]:
        one, other = (reached(name, [*typed, "--solver", "momentum"]) for name in BOTH)
        assert without_rows(one) == without_rows(other)


@pytest.mark.parametrize("name", [name for name in TABLE if " -" not in name and " of " not in name])
def test_the_default_that_help_names_is_the_one_python_has(name: str) -> None:
    owner, function, *_ = TABLE[name]
    meant = {k: p.default for k, p in inspect.signature(getattr(owner, function)).parameters.items()}
    meant |= {"folds": 5} if "folds" in meant else {}
    told = {o: re.search(r"\[default: ([\w.]+)\]", found.help or "") for o, found in options_of(name).items()}
    numbers = {o: said[1] for o, said in told.items() if said and isinstance(meant.get(o), int | float)}
    assert {o: float(said) for o, said in numbers.items()} == {o: meant[o] for o in numbers}


def test_a_dash_names_what_is_written_with_out(folder: Path) -> None:
    # Every command that writes a file takes it by the same two spellings; the tour writes a folder.
    for name in TABLE:
        out = options_of(name).get("out")
        assert out is None or out.opts == ["--out", "-o"], name
    for word in ("add", "subtract"):
        assert options_of(f"moments {word}")["out"].opts == ["--out", "-o"]
