"""Every picture that a model, a sweep or lines of groups hand out, mark by mark: weights, categories and the second of two targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache, partial
from typing import Any
from unittest.mock import patch

import bestline as bl
from bestline.pictures import gallery, groups
from bestline.pictures.marks import Picture
from characterisation.cases import attempt, case, line, table


def whole(value: Any) -> dict[str, Any]:
    """All that a mark or a panel says, with its kind."""
    return {"kind": type(value).__name__} | {f.name: getattr(value, f.name) for f in fields(value)}


def seen(picture: Picture) -> dict[str, Any]:
    said = {"title": picture.title, "note": picture.note, "alt": picture.alt}
    for i, panel in enumerate(picture.panels):
        said[f"panel {i}"] = whole(panel) | {"marks": None} | {f"mark {j}": whole(mark) for j, mark in enumerate(panel.marks)}
    return said


def asked(what: Callable[[], Any]) -> Any:
    """What a call would draw, before it is drawn."""
    drawn: list[Any] = []

    def keep(picture: Picture, **theme: Any) -> None:
        drawn.append([theme, seen(picture)])

    with patch.object(gallery, "draw", keep), patch.object(groups, "draw", keep):
        refused = attempt(what)
    return drawn[0] if drawn else refused


@cache
def model(name: str) -> bl.Model:
    return {
        "walked": lambda: bl.fit(
            table(), "y + z ~ x1 + g", solver="momentum", lr=0.05, steps=12, weights="w", split=(0.7, 0.0, 0.3), seed=1
        ),
        "watched": lambda: bl.fit(
            line(), "y ~ x", solver="sgd", lr=0.1, steps=30, start=[-2.0, 3.0], standardize=False, split=(0.7, 0.15, 0.15)
        ),
        "one weight": lambda: bl.fit(line(), "y ~ x - 1", solver="sgd", lr=0.05, steps=9, start=[4.0]),
        "diverging": lambda: bl.fit(line(), "y ~ x", solver="sgd", lr=0.4, steps=60, standardize=False),
        "solved": lambda: bl.fit(table(), "y ~ x1 + x2 + g", weights="w"),
        "two lines": lambda: bl.fit(table(), "y ~ x2 * h"),
        "chosen": lambda: bl.fit(table(), "y ~ x1 + x2 + x3 + g", cv="lasso", weights="w", seed=1),
        "huber": lambda: bl.fit(line(), "y ~ x", loss="huber", solver="adam", lr=0.2, steps=12),
        "quantile": lambda: bl.fit(line(), "y ~ x", loss="quantile:0.9"),
        "ridge": lambda: bl.fit(line(), "y ~ x", l2=0.5, solver="sgd", lr=0.1, steps=12),
    }[name]()


WAYS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "walked": [
        *((name, {"target": 1}) for name in ("data", "predicted", "residuals", "train_test", "overview", "steps", "surface")),
        ("before_after", {"target": "z"}),
        ("frame", {"step": 3, "target": 1, "units": "trained"}),
        ("contour", {"pair": ("x1", "Intercept"), "target": 1, "step": 4}),
        ("contour", {"pair": "path", "kind": "profile"}),
        ("main_directions", {"target": 1}),
        ("weight", {"name": "x1", "target": 1}),
        ("loss", {"log": True, "held_out": False}),
        ("coefficients", {"target": 1}),
        ("residuals", {"kind": "raw", "by": "g"}),
    ],
    "watched": [
        *((name, {}) for name in ("data", "overview", "steps", "surface", "contour", "loss", "train_test", "before_after")),
        ("frame", {"step": 2}),
        ("overview", {"step": 5, "units": "trained", "log": False}),
        ("steps", {"most": 5}),
        ("surface", {"kind": "profile", "units": "trained"}),
        ("contour", {"step": 1}),
        ("weight", {"name": "x"}),
    ],
    "one weight": [("weight", {}), ("weight", {"step": 2}), ("overview", {}), ("frame", {"step": 1}), ("contour", {})],
    "diverging": [(name, {}) for name in ("overview", "loss", "contour", "surface", "data", "steps")],
    "solved": [
        *(
            (name, {})
            for name in ("data", "predicted", "residuals", "diagnostics", "coefficients", "overview", "cv", "train_test")
        ),
        ("predicted", {"by": "g"}),
        ("residuals", {"kind": "standardised"}),
        ("residuals", {"kind": "studentised"}),
        ("residuals", {"kind": "other"}),
        ("coefficients", {"level": 0.8, "intercept": True, "standardized": True, "order": "formula"}),
    ],
    "two lines": [("data", {}), ("predicted", {}), ("data", {"by": "h"}), ("data", {"by": "g"})],
    "chosen": [("cv", {}), ("path", {}), ("coefficients", {})],
    "huber": [("overview", {}), ("loss", {}), ("surface", {}), ("residuals", {}), ("diagnostics", {})],
    "quantile": [("data", {}), ("residuals", {}), ("overview", {})],
    "ridge": [("overview", {}), ("contour", {}), ("coefficients", {})],
}


def pictures(name: str) -> list[Any]:
    return [asked(lambda way=way, how=how: getattr(model(name).plot, way)(**how)) for way, how in WAYS[name]]


for _name in WAYS:
    case(f"drawn: {_name}", partial(pictures, _name))


def compared() -> list[Any]:
    """Several lines in one picture."""
    first, other, third = model("watched"), bl.fit(line(), "y ~ x", solver="adam", lr=0.3, steps=20), model("quantile")
    shown = {"adam": other, "nine tenths": third}
    return [
        asked(lambda: first.plot.data(others=shown, truth={"slope": 1, "intercept": -1})),
        asked(lambda: first.plot.data(truth=(1, -1))),
        asked(lambda: first.plot.loss(others={"adam": other}, label="own")),
        asked(lambda: first.plot.overview(others={"sgd": other}, step=4)),
        asked(lambda: first.plot.data(others={"wide": model("solved")})),
        asked(lambda: first.plot.dark.data({"x": [1.0, 2.0, 3.0], "y": [0.5, 1.0, 1.5]})),
        asked(lambda: first.plot.train_test({"x": [0.0, 1.0], "y": [0.0, 1.0]}, {"x": [2.0, 3.0, 4.0], "y": [1.0, 1.5, 3.0]})),
        asked(lambda: first.plot.residuals({"x": [1.0, 2.0, 3.0], "y": [0.5, 1.0, 1.5]})),
    ]


case("drawn: several lines", compared)


def grouped() -> list[Any]:
    many = bl.fit_groups(table(), "y ~ x1", by="year", weights="w")
    rolled = bl.fit_rolling(table(), "y ~ x1 + x2", order="x3", window=20, step=5)
    return [
        asked(many.plot.slopes),
        asked(lambda: many.plot.slopes("Intercept", level=0.5)),
        asked(many.plot.dark.lines),
        asked(lambda: many.plot.slopes("x9")),
        asked(rolled.plot.weights),
        asked(lambda: rolled.plot.weights("x2", level=0.5)),
    ]


case("drawn: groups and windows", grouped)


def tried() -> list[Any]:
    runs = bl.sweep(table(), "y ~ x1 + x2", lrs="1e-3:2:6", optimizers=["sgd", "momentum"], steps=15, seed=2)
    return [asked(runs.plot.rates), asked(runs.plot.dark.rates)]


case("drawn: rates", tried)
