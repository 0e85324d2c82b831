"""Session: a training run as plain JSON, everything that a player needs to show it and nothing else.

One session serves every host: a saved page holds it, a notebook widget is handed it, a local server sends it. It has the rows
that are shown, the loss surface in closed form, and for each run the columns of its trace; a player never computes a number
of training itself. Long runs are thinned by steps, never interpolated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bestline.bowl import Bowl, minimum_norm
from bestline.fitting import Fit
from bestline.outlook import early_stopping_ridge
from bestline.pictures.figures import floor_of
from bestline.pictures.landscape import Pair, landscapes, loss_label
from bestline.pictures.sample import Sample, is_straight, said, shown
from bestline.planes import data_to_trained
from bestline.solvers.base import Stop
from bestline.solvers.descent import Descent
from bestline.surfaces import Plane, surface
from bestline.wording import count, equation

SCHEMA = 1

_NUMBERS = 9_000  # of all traces together: about 150 kB
_POINTS = 4_000  # numbers of all rows shown
_GRID = 41  # grid values an axis, where the surface has no closed form


def session(
    runs: Mapping[str, Fit],
    sample: Sample | None = None,
    held_out: Sample | None = None,
    *,
    title: str = "",
    notes: Sequence[str] = (),
    pair: Pair = None,
    target: int = 0,
    truth: tuple[float, float] | None = None,
    seconds: Sequence[float] = (),
) -> dict[str, Any]:
    """Runs on the same rows as one session.

    Parameters
    ----------
    runs : mapping of label to Fit
        At least one. All of the same design on the same rows.
    sample, held_out : Sample, optional
        Rows of the training part, and rows that training did not see.
    title : str
    notes : sequence of str
        What must be known to read it right.
    pair : sequence of str or "path", optional
        One or two weights for the surface, or the two main directions of the path; by default the first slope and the intercept.
    target : int
    truth : (slope, intercept), optional
        Of the line that the data were made from.
    seconds : sequence of float, optional
        How long each run took.

    Returns
    -------
    dict
        JSON without NaN or infinity.
    """
    fits = list(runs.values())
    first = fits[0]
    where, ground = _ground(fits, pair, target) if first.trace.names else (None, None)
    data = _data(first, sample, held_out, target, truth)
    told = [*notes, *([sample.note] if sample is not None and sample.note else [])]
    took = [*seconds, *[math.nan] * (len(fits) - len(seconds))]
    return _finite(
        {
            "schema": SCHEMA,
            "title": title,
            "subtitle": _subtitle(fits, sample),
            "notes": told,
            "target": shown(first.trace.targets[target]),
            "data": data,
            "ground": ground,
            "loss": _loss_facts(first),
            "runs": [
                _run(label, fit, where, target, _NUMBERS // len(fits), time)
                for (label, fit), time in zip(runs.items(), took, strict=True)
            ],
            "equation": equation(first.trace.targets[target], first.trace.names, first.weights[:, target].tolist()),
        }
    )


def run_label(fit: Fit) -> str:
    """A run by its solver: `adam, lr 0.1`."""
    solver = fit.solver
    if not isinstance(solver, Descent):
        return type(solver).__name__.lower()
    name = solver.optimizer if isinstance(solver.optimizer, str) else getattr(solver.optimizer, "__name__", "own optimiser")
    rate = "" if fit.rate is None else f", lr {said(fit.rate)}"
    batch = "" if solver.batch_size is None else f", {count(solver.batch_size, 'row')} a step"
    return f"{name}{rate}{batch}"


def _subtitle(fits: Sequence[Fit], sample: Sample | None) -> str:
    rows = "" if sample is None else f" on {count(sample.of, 'row')}"
    scaled = bool((fits[0].scaling.scale != 1).any())
    how = "columns standardised for training, weights in the data's units" if scaled else "columns trained as they are"
    runs = run_label(fits[0]) if len(fits) == 1 else count(len(fits), "run")
    return f"{runs}{rows}; {how}"


def _loss_facts(fit: Fit) -> dict[str, Any]:
    return {
        "label": loss_label(fit),
        "floor": floor_of(fit) if len(fit.trace.targets) == 1 else None,
        "floor_label": "loss of the exact solution",
        "held_out_label": "held-out loss",
    }


# -- the rows ----------------------------------------------------------------------------------------------------------


def _data(
    fit: Fit, sample: Sample | None, held_out: Sample | None, target: int, truth: tuple[float, float] | None
) -> dict[str, Any] | None:
    if sample is None:
        return None
    line = len(sample.features) == 1
    budget = _POINTS // (1 if line else max(len(sample.features), 1))
    parts = [_rows(part, target, budget, line=line) if part is not None else None for part in (sample, held_out)]
    assert parts[0] is not None  # noqa: S101  it is the sample's
    return {
        "kind": "line" if line else "diagonal",
        "xlabel": sample.features[0] if line else f"actual {sample.targets[target]}",
        "ylabel": sample.targets[target] if line else f"predicted {sample.targets[target]}",
        **parts[0],
        "held_out": parts[1],
        "truth": None if truth is None else {"slope": truth[0], "intercept": truth[1]},
        "of": sample.of,
        "loss": "squared" if isinstance(fit.objective.smooth, Bowl) else "own",
    }


def _rows(sample: Sample, target: int, most: int, *, line: bool) -> dict[str, Any]:
    keep = torch.linspace(0, len(sample.rows) - 1, min(len(sample.rows), most)).round().long()
    X, y, w = sample.rows.X[keep], sample.y(target)[keep], sample.rows.w
    return {
        "x": _short(X[:, 0]) if line else None,
        "y": _short(y),
        "X": None if line else [_short(row) for row in X],
        "w": None if w is None else _short(w[keep]),
    }


def _short(values: Tensor) -> list[float]:
    """Seven digits: more than a picture can show."""
    return [float(f"{v:.7g}") for v in values.tolist()]


# -- the loss surface --------------------------------------------------------------------------------------------------


def _ground(fits: Sequence[Fit], pair: Pair, target: int) -> tuple[Plane, dict[str, Any]]:
    """The plane of weights that is shown, and the loss over it."""
    first = fits[0]
    places = landscapes(fits, pair, target=target, resolution=2)
    where = places[0].surface.plane
    span = [[min(p.span[i][0] for p in places), max(p.span[i][1] for p in places)] for i in range(len(where.names))]
    bottom, floor = places[0].surface.bottom, places[0].surface.floor
    bowl, grid = _quadratic(first, where, target), None
    if bowl is None:
        seen = surface(first, where, span=[(low, high) for low, high in span], resolution=_GRID, target=target)
        loss, (x, *rest) = seen.loss.reshape(-1, _GRID), seen.axes
        grid = {"x": x.tolist(), "y": rest[0].tolist() if rest else [0.0], "z": loss.tolist()}
        row, column = divmod(int(loss.flatten().argmin()), _GRID)
        bottom = (float(x[column]), *(float(axis[row]) for axis in rest))
        floor = float(loss[row, column])
    ground = {
        "names": [shown(name) for name in where.names],
        "axes": list(places[0].axes),
        "kind": "path" if where.share else "slice",
        "bowl": bowl,
        "grid": grid,
        "span": span,
        "optimum": list(bottom),
        "floor": floor,
        "optimum_label": "least loss" if bowl else "least loss seen",
        "exact": all(place.exact for place in places),
        "note": places[0].note,
    }
    return where, ground


def _quadratic(fit: Fit, where: Plane, target: int) -> dict[str, Any] | None:
    """The loss over a plane of weights in the data's units: a bowl again.

    A step along the plane's basis B moves the weights as trained by D = B J', J being the scaling's slope; so H becomes D H D'.
    """
    smooth = fit.objective.smooth
    if not isinstance(smooth, Bowl):
        return None
    bowl, unit = smooth.cpu(), float(fit.scaling.target_scale[target]) ** 2
    along = where.basis @ data_to_trained(fit, target).T
    pull = along @ bowl.curvature
    M = pull @ along.T
    origin = fit.weights.clone()
    near = where.coordinates(fit.scaling.to_data(bowl.bottom)[:, target])
    origin[:, target] = where.weights(near)
    away = bowl.bottom - fit.scaling.to_trained(origin)
    center = near + minimum_norm(M, (pull @ away)[:, target, None])[:, 0]
    origin[:, target] = where.weights(center)
    floor = float(bowl.losses(fit.scaling.to_trained(origin))[target]) * unit
    return {"center": center.tolist(), "floor": floor, "curvature": (unit * M).tolist()}


# -- a run -------------------------------------------------------------------------------------------------------------


def _run(label: str, fit: Fit, where: Plane | None, target: int, budget: int, seconds: float) -> dict[str, Any]:
    trace, solver = fit.trace, fit.solver
    d = len(trace.names)
    keep = thinned(fit, max(20, budget // (d + 10)))
    weights = trace.weights[keep][:, :, target]
    straight = d <= 2 and fit.scaling.p == 1 and is_straight(fit, torch.tensor([[-1.0], [0.0], [2.0]], dtype=torch.float64))
    gradient = _gradient(fit, keep, target)
    optimizer = solver.optimizer if isinstance(solver, Descent) and isinstance(solver.optimizer, str) else "own"
    return {
        "label": shown(label, 60),
        "optimizer": optimizer if isinstance(solver, Descent) else type(solver).__name__.lower(),
        "rate": fit.rate,
        "limit": fit.rate_limit,
        "step": trace.step[keep].tolist(),
        "path": [] if where is None else where.coordinates(weights).T.tolist(),
        "names": [shown(name) for name in trace.names],
        "weights": weights.T.tolist(),
        "line": {
            "slope": weights[:, 0].tolist(),
            "intercept": weights[:, 1].tolist() if d == 2 else [0.0] * len(keep),
        }
        if straight
        else None,
        "loss": trace.loss[keep].tolist(),
        "held_out": None if trace.held_out is None else trace.held_out[keep].tolist(),
        "gap": None if trace.gap is None else trace.gap[keep].tolist(),
        "gradient": None if gradient is None or where is None else (gradient @ where.basis.T).T.tolist(),
        "stop": fit.stop.name.lower(),
        "advice": fit.advice,
        "kept": fit.step,
        "best": _best(fit),
        "seconds": seconds,
    }


def _gradient(fit: Fit, keep: Tensor, target: int) -> Tensor | None:
    """Gradient of the objective in the data's units at some rows of the trace, (t, d)."""
    if not isinstance(fit.objective.smooth, Bowl) or fit.objective.penalty.l1:
        return None
    bowl = fit.objective.bowl
    assert bowl is not None  # noqa: S101  the smooth part is one
    trained = fit.scaling.to_trained(fit.trace.weights[keep])
    return fit.scaling.gradient_to_data(2 * (bowl.curvature @ (trained - bowl.bottom)))[:, :, target]


def _best(fit: Fit) -> dict[str, Any] | None:
    """Where the held-out loss is least, and the ridge penalty that stopping there amounts to."""
    held_out = fit.trace.held_out
    if held_out is None or not bool(held_out.isfinite().any()):
        return None
    at = int(held_out.nan_to_num(math.inf).argmin())
    step = int(fit.trace.step[at])
    solver = fit.solver
    named = isinstance(solver, Descent) and isinstance(solver.optimizer, str) and solver.batch_size is None
    rate = fit.rate
    l2 = early_stopping_ridge(str(solver.optimizer), rate, step) if named and rate and step else None  # type: ignore[attr-defined]
    return {"step": step, "l2": l2}


def thinned(fit: Fit, most: int) -> Tensor:
    """Rows of the trace to keep, ascending: the first, the last, the kept and the best one, and of the rest those that move most.

    Half of the measure is the way walked, half the logarithm of the step: so neither a fast start nor a long crawl is lost.
    """
    trace = fit.trace
    t = len(trace)
    upto = t
    if fit.stop is Stop.DIVERGED:  # what grew beyond all measure cannot be drawn, and would leave nothing else to see
        finite = trace.loss <= 1e4 * max(float(trace.loss[0]), 1e-300)
        upto = max(2, int((~finite).long().argmax()) + 1) if not bool(finite.all()) else t
    if upto <= most:
        return torch.arange(min(upto, t))
    moved = fit.scaling.to_trained(trace.weights[:upto]).diff(dim=0).flatten(1).norm(dim=1)
    way = torch.cat([torch.zeros(1, dtype=torch.float64), moved.cumsum(0)])
    late = torch.log1p(torch.arange(upto, dtype=torch.float64))
    measure = way / way[-1].clamp(min=1e-300) + late / late[-1]
    wanted = torch.linspace(0, float(measure[-1]), most - 2, dtype=torch.float64)
    chosen = torch.searchsorted(measure, wanted).clamp(max=upto - 1)
    extra = [0, upto - 1]
    at = (trace.step == fit.step).nonzero()
    extra += [int(at[0])] if len(at) and int(at[0]) < upto else []
    best = _best(fit)
    if best is not None:
        extra.append(min(int((trace.step == best["step"]).nonzero()[0]), upto - 1))
    return torch.cat([chosen, torch.tensor(extra)]).unique()


def _finite(value: Any) -> Any:
    """The same without NaN and infinity, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_finite(item) for item in value]
    return value


__all__ = ["SCHEMA", "run_label", "session", "thinned"]
