"""Trainable: what a page needs to train by itself. For squared loss that is little, however many rows there were.

The moments of the columns make the bowl on any scaling; the scalings, with the exact bottom of each, the start and the settings
of the run say the rest. What cannot be trained on a page is said in a sentence instead.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from bestline.errors import DataError
from bestline.inference.fitted import FittedLine
from bestline.numerics import Bowl, Scaling, trained_moments
from bestline.pictures.axis_labels import called
from bestline.training import Fit, Part, Recipe
from bestline.training.solvers.exact import Exact
from bestline.training.task import parse_start

__all__ = ["trainable"]

_MOST_WEIGHTS = 50  # without the intercept: some 25 kB
_MOST_HELD = 12  # of which moments of held-out rows are sent as well
_MOST_SWEPT = 12  # beyond, the steps of many rates at once take too long
_MOST_STEPS = 10_000
_KNOWN = ("sgd", "momentum", "nesterov", "adam")
# What the page turns itself; all else of a call stays as it was.
_TURNED = ("solver", "optimizer", "lr", "steps", "start", "standardize", "patience", "tol", "batch_size", "schedule")


def trainable(line: FittedLine, fit: Fit, *, path: bool = False) -> dict[str, Any]:
    """What the page trains with, as plain JSON; `{"why": sentence}` where it cannot.

    `fit` is the run that is shown, `path` whether the surface lies over the main directions of its path, which are of that run alone.
    """
    why = _why_not(line, fit, path)
    if why:
        return {"why": why}
    moments, plan = line.training, line.plan
    plain = Scaling.of(moments, line.design.p, intercept=plan.intercept, standardize=False)
    mean, covariance = trained_moments(moments, plain)
    try:
        sides = {
            name: _side(replace(plan, standardize=standardize, solver=Exact()).task(Part(moments)))
            for name, standardize in (("standardized", True), ("plain", False))
        }
    except DataError as error:  # columns too large for float64 as they stand
        return {"why": f"The page cannot train this run: {error}"}
    q = len(mean)
    upper = covariance[tuple(torch.triu_indices(q, q))]
    if not bool(torch.cat([mean, upper]).isfinite().all()):
        return {"why": "The page cannot train this run: the columns are too large for float64 as they stand."}
    ridge = fit.objective.penalty.ridge
    short = called(fit.trace.names)
    return {
        "names": [short[name] for name in fit.trace.names],
        "intercept": plan.intercept,
        "unscaled": list(plan.unscaled),
        "rows": moments.count,
        "mean": mean.tolist(),
        "covariance": upper.tolist(),
        "held_out": _held_out(line, fit, plain),
        "ridge": None if ridge is None else ridge.tolist(),
        "sides": sides,
        "run": _run(line, fit),
        # The weights that a surface over some of them holds still.
        "point": fit.weights[:, 0].tolist(),
        "most": _MOST_STEPS,
        # Whether the page runs every rate at once.
        "sweeps": len(fit.trace.names) <= _MOST_SWEPT,
        "call": _call(line.recipe, line),
    }


def _why_not(line: FittedLine, fit: Fit, path: bool) -> str:
    """Why the page cannot train this run; empty where it can."""
    solver, plan, known = fit.solver, line.plan, "The page shows this run as it was recorded"
    reasons = [
        (not plan.squared_line, f"{known}: only the squared loss of a line is known from a few numbers."),
        (len(fit.trace.targets) > 1, f"{known}: it is of several targets at once; fit one of them to train on the page."),
        (
            solver.whole_gradient not in _KNOWN,
            f"{known}: the page itself trains by {', '.join(_KNOWN[:-1])} and {_KNOWN[-1]}, with the whole data in each step.",
        ),
        (bool(plan.l1), f"{known}: an l1 penalty has edges, which the page's bowl has not."),
        (path, f"{known}: the surface lies over the main directions of its path, which another path does not have."),
        (not fit.trace.names, f"{known}: there are no weights to train."),
        (line.design.p > _MOST_WEIGHTS, f"{known}: the page itself trains up to {_MOST_WEIGHTS} weights."),
        (int(fit.trace.step[-1]) > _MOST_STEPS, f"{known}: the page itself makes up to {_MOST_STEPS:,} steps."),
    ]
    return next((words for so, words in reasons if so), "")


def _held_out(line: FittedLine, fit: Fit, plain: Scaling) -> dict[str, Any] | None:
    """Moments of the rows whose losses stand beside those of training, so that other runs on the page have them, too."""
    part = None if line.parts is None else line.parts.held_out
    if fit.trace.held_out is None or part is None or line.design.p > _MOST_HELD:
        return None
    mean, covariance = trained_moments(part.moments, plain)
    upper = covariance[tuple(torch.triu_indices(len(mean), len(mean)))]
    return {"mean": mean.tolist(), "covariance": upper.tolist()} if bool(torch.cat([mean, upper]).isfinite().all()) else None


def _side(task: Any) -> dict[str, Any]:
    """A scaling, and the bottom of the bowl on it: weights and loss as trained."""
    bowl: Bowl = task.objective.smooth
    return {
        "center": task.scaling.center.tolist(),
        "scale": task.scaling.scale.tolist(),
        "bottom": bowl.bottom[:, 0].tolist(),
        "floor": float(bowl.floor[0]),
    }


def _run(line: FittedLine, fit: Fit) -> dict[str, Any]:
    """The settings of the run, and where it began: in the data's units, and to the last digit as trained."""
    asked = line.plan.start  # to the digit as it was given, and not as it comes back from the columns as trained
    name = fit.solver.whole_gradient
    return {
        "optimizer": name,
        "lr": fit.rate,
        "momentum": 0.9 if name in ("momentum", "nesterov") else 0.0,
        "steps": int(fit.trace.step[-1]),
        "standardize": bool((fit.scaling.scale != 1).any() or (fit.scaling.center != 0).any()),
        "start": (fit.trace.weights[0] if asked is None else parse_start(asked, fit.trace.names, fit.trace.targets))[
            :, 0
        ].tolist(),
    }


def _call(recipe: Recipe | None, line: FittedLine) -> dict[str, Any]:
    """The call that made this run, but for what the page turns: open at its end, in Python and on the command line."""
    known = recipe or Recipe((), line.design.formula, {}, ())
    formula = (
        known.formula if known.formula is not None or {"target", "features"} & set(known.arguments) else line.design.formula
    )
    kept = replace(
        known,
        formula=formula,
        arguments={name: value for name, value in known.arguments.items() if name not in _TURNED},
        unsaid=tuple(name for name in known.unsaid if name not in _TURNED),
    )
    return {"python": kept.python().removesuffix(")"), "command": kept.command()}
