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

from bestline.numerics import Bowl, eigenvectors, minimum_norm
from bestline.pictures.axis_labels import called, loss_label
from bestline.pictures.data_space import axis_names
from bestline.pictures.findings import of_runs
from bestline.pictures.landscape import UNITS, Pair, grid_values, is_scaled, landscapes
from bestline.pictures.landscape_marks import of_the_arrow, trained, ways_down
from bestline.pictures.loss_curves import axis_label, by_factors, floor_of, near
from bestline.pictures.player.arithmetic import arithmetic, numbers_a_step
from bestline.pictures.sample import Sample, is_straight
from bestline.training import Fit, Plane, RowLoss, Stop, planes
from bestline.training.early_stopping import best_step, ridge_of
from bestline.training.planes import data_to_trained
from bestline.wording import count, equation, said, shown

SCHEMA = 3  # read by player.js; a page holds its own player, so old pages need no new one

_NUMBERS = 2_750  # of all traces together, each in all its digits: about 55 kB
_POINTS = 2_400  # numbers of all rows shown
_MOVED = 500  # rows that are sent with all their digits, so that a page that trains can move them
_WIDE = 12  # weights beyond which predictions are sent in place of rows, and only the first weights
_GRADIENTS = 4_000_000  # rows times steps whose gradients are computed, where they are no closed form
_STEPS = 12  # of a run that the page itself makes again
_FEW = 40  # rows of which predictions are sent, shared among the runs
_BESIDE = "The updates of a run recorded beside others are not written out: watch it alone to follow them by hand."
_CURVE = 49  # points of a curve that is no straight line
_GRID = 39  # grid values an axis at the most, where the surface has no closed form


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
    live: Mapping[str, Any] | None = None,
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
    live : mapping, optional
        What the page needs to train the first run by itself, as `trainable` says it, or why it cannot.

    Returns
    -------
    dict
        JSON without NaN or infinity.
    """
    fits = list(runs.values())
    first = fits[0]
    sides = _sides(fits, pair, target) if first.trace.names else {}
    ground, of_arrow = {name: told for name, (_, told) in sides.items()}, of_the_arrow(runs)
    parts, straight, name = _shown(first, sample, held_out, len(fits)), is_straight(first), first.trace.targets[target]
    line = equation(name, first.trace.names, first.weights[:, target].tolist()) if straight else ""
    steps = sum(len(fit.trace) for fit in fits)
    trains, held = live is not None and "why" not in live, bool(live and live.get("held_out"))
    told = {
        "schema": SCHEMA,
        "title": title,
        "subtitle": _subtitle(fits, sample),
        "finding": of_runs(runs),
        # What the caller knows first, then what the choice of rows hides.
        "notes": [*notes, *([parts["data"].note] if parts and parts["data"].note else [])],
        "target": shown(name),
        "data": _data(first, parts, target, truth, trains=trains),
        "ground": ground.get("data"),
        # The same over the weights as trained, where these are others.
        "trained": ground.get("trained"),
        "arrow": of_arrow,
        "loss": {
            "label": axis_label(first, log=False),
            "log": by_factors(fits, held_out=True),
            "floor": floor_of(first) if len(first.trace.targets) == 1 else None,
            "floor_label": "loss of the exact solution",
            "held_out_label": "held-out loss",
        },
        "runs": [
            _run(
                label,
                fit,
                {side: where for side, (where, _) in sides.items()},
                target,
                _NUMBERS * len(fit.trace) // steps,
                parts,
                again=trains and fit is first and (fit.trace.held_out is None or held),
                alone=len(fits) == 1,
            )
            for label, fit in runs.items()
        ],
        "straight": straight,
        "equation": line,
        "live": live,
    }
    return _finite(told)


def run_label(fit: Fit) -> str:
    """A run by its solver: `adam, lr 0.1`."""
    solver, loop = fit.solver, fit.solver.loop
    rate = f", lr {said(fit.rate)}" if solver.rated and fit.rate is not None else ""
    batch = "" if loop is None or loop.batch_size is None else f", {count(loop.batch_size, 'row')} a step"
    return f"{solver.title}{rate}{batch}"


def _subtitle(fits: Sequence[Fit], sample: Sample | None) -> str:
    rows = "" if sample is None else f" on {count(sample.of, 'row')}"
    scaled = {bool((fit.scaling.scale != 1).any()) for fit in fits}
    how = "columns standardised for training, weights in the data's units" if True in scaled else "columns trained as they are"
    if len(scaled) > 1:
        how = "columns standardised for some of the runs, weights in the data's units"
    runs = run_label(fits[0]) if len(fits) == 1 else count(len(fits), "run")
    return f"{runs}{rows}; {how}"


# -- the rows ----------------------------------------------------------------------------------------------------------


def _shown(fit: Fit, sample: Sample | None, held_out: Sample | None, runs: int) -> dict[str, Sample]:
    """The rows that are sent, by their part: as many as fit, evenly chosen."""
    if sample is None:
        return {}
    known = {"data": sample} if held_out is None else {"data": sample, "held_out": held_out}
    # So many numbers are sent in all: rows times columns, or predictions of each run at every step.
    most = max(8, _FEW // runs if _sent(fit, sample) else _POINTS // (len(sample.features) + 1)) // len(known)
    return {name: part.few(max(most, 4)) for name, part in known.items()}


def _sent(fit: Fit, sample: Sample) -> bool:
    """Whether predictions are sent in place of rows: where there are many weights, and where only own code can predict."""
    return len(sample.features) != 1 and (len(fit.trace.names) > _WIDE or not is_straight(fit))


def _places(parts: Mapping[str, Sample]) -> Tensor:
    """Values of the one feature at which a curve is sent, (m, 1)."""
    x = torch.cat([part.rows.X[:, 0] for part in parts.values()])
    return torch.linspace(float(x.min()), float(x.max()), _CURVE, dtype=torch.float64)[:, None]


def _data(
    fit: Fit, parts: Mapping[str, Sample], target: int, truth: tuple[float, float] | None, *, trains: bool
) -> dict[str, Any] | None:
    if not parts:
        return None
    sample = parts["data"]
    line = len(sample.features) == 1
    xlabel, ylabel = axis_names(sample, target)
    kind = "line" if line else "wide" if _sent(fit, sample) else "diagonal"
    # All rows there are, as they are: what is not seen is needed where they are moved, and for a script to give the same weights.
    whole = trains and kind != "wide" and len(sample.rows) == sample.of <= _MOVED
    rows = {name: _rows(part, target, kind, exact=whole, trains=trains) for name, part in parts.items()}
    return {
        "kind": "line" if line else "diagonal",
        "xlabel": xlabel,
        "ylabel": ylabel,
        **rows["data"],
        "held_out": rows.get("held_out"),
        "truth": None if truth is None else {"slope": truth[0], "intercept": truth[1]},
        "loss": "own" if loss_label(fit) == "loss" else "squared",
        "whole": whole,
    }


def _rows(sample: Sample, target: int, kind: str, *, exact: bool, trains: bool) -> dict[str, Any]:
    X, w = sample.rows.X, sample.rows.w
    told = Tensor.tolist if exact else _short
    return {
        "x": told(X[:, 0]) if kind == "line" else None,
        "y": told(sample.y(target)),
        "X": (X.tolist() if exact else _by_row(X)) if kind == "diagonal" else None,
        # Where weights are too many to be shown, what a page that trains predicts from.
        "features": _by_row(X, 4) if kind == "wide" and trains else None,
        "w": None if w is None else told(w),
        # How many rows there are, of which these are a choice.
        "of": sample.of,
    }


def _by_row(X: Tensor, digits: int = 7) -> list[list[float]]:
    """Rows of X (n, p), each column with the digits that it needs."""
    columns = [_short(column, digits) for column in X.T]
    return [[column[i] for column in columns] for i in range(len(X))]


def _short(values: Tensor, digits: int = 7) -> list[float]:
    """Numbers with as few digits as a picture needs: so many each, and more where they differ only beyond these."""
    finite = values[values.isfinite()]
    wide = float(finite.max() - finite.min()) if len(finite) else 0.0
    # So much of what is seen is less than a pixel; far from zero it lies beyond the first seven digits.
    last = math.floor(math.log10(wide)) - digits + 1 if wide > 0 else -400

    def needed(v: float) -> int:
        own = math.floor(math.log10(abs(v))) - last + 1 if v and last > -400 else digits
        return min(max(own, digits), 17)

    return [float(f"{v:.{needed(v)}g}") if math.isfinite(v) else v for v in values.tolist()]


# -- the loss surface --------------------------------------------------------------------------------------------------


def _sides(fits: Sequence[Fit], pair: Pair, target: int) -> dict[str, tuple[Plane, dict[str, Any]]]:
    """The plane of weights that is shown, and the loss over it: in the data's units, and as trained where these are others."""
    # Main directions of a path are always those of the columns as trained.
    two = pair != planes.PATH and any(map(is_scaled, fits))
    return {units: _ground(fits, pair, target, units) for units in (UNITS if two else UNITS[:1])}


def _ground(fits: Sequence[Fit], pair: Pair, target: int, units: str) -> tuple[Plane, dict[str, Any]]:
    """The plane of weights in some units, and the loss over it."""
    first = fits[0]
    # A bowl is sent in closed form, so its grid would be thrown away.
    resolution = 2 if isinstance(first.objective.smooth, Bowl) else min(_GRID, grid_values(first))
    places = landscapes(fits, pair, target=target, resolution=resolution, units=units)
    seen = places[0].surface
    where = seen.plane
    span = [[min(p.span[i][0] for p in places), max(p.span[i][1] for p in places)] for i in range(len(where.names))]
    bowl, grid = _quadratic(first, where, target), None
    if bowl is None:
        x, y = seen.axes if len(seen.axes) > 1 else (seen.axes[0], torch.zeros(1))
        grid = {
            "x": x.tolist(),
            "y": y.tolist(),
            "z": [_short(row, 5) for row in seen.loss.reshape(-1, len(x))],
        }
    ground = {
        "names": [called(first.trace.names).get(name, name) for name in where.names],
        "axes": list(places[0].axes),
        "kind": "path" if where.share else "slice",
        # Whether a unit is as long on one axis as on the other.
        "even": where.trained,
        "bowl": bowl,
        "grid": grid,
        "span": span,
        "optimum": list(seen.bottom),
        "floor": seen.floor,
        "optimum_label": "least loss" if bowl else "least loss seen",
        "exact": all(place.exact for place in places),
        "note": places[0].note,
    }
    return where, ground


def _quadratic(fit: Fit, where: Plane, target: int) -> dict[str, Any] | None:
    """The loss over a plane of weights in the data's units: a bowl again.

    A step along the plane's basis B moves the weights as trained by D = B J', J being the scaling's slope; so H becomes D H D'.
    It is sent as a factor F, loss = floor + |F (u - center)|^2: the entries of D H D' would cancel where columns are far from zero.
    """
    smooth = fit.objective.smooth
    if not isinstance(smooth, Bowl):
        return None
    bowl, unit = smooth.cpu(), float(fit.scaling.target_scale[target]) ** 2
    along = where.basis @ data_to_trained(fit, target).T
    # H = V diag(l) V' = R'R with R = diag(sqrt l) V'; a rounded-off negative l is none.
    values, vectors = eigenvectors(bowl.curvature)
    root = values.clamp(min=0).sqrt()[:, None] * vectors.T
    factor = root @ along.T
    point = fit.weights.clone()
    center = where.coordinates(fit.scaling.to_data(bowl.bottom)[:, target])
    point[:, target] = where.weights(center)
    # On the plane w = point + B'u the loss is |R (bottom - point) - F u|^2 + floor: least squares for u, by its normal equations.
    if len(center) < len(point):  # the bottom lies off the plane: go to the lowest place on it
        away = root @ (bowl.bottom - fit.scaling.to_trained(point))[:, target]
        center = center + minimum_norm(factor.T @ factor, (factor.T @ away)[:, None])[:, 0]
        point[:, target] = where.weights(center)
    # At the lowest place of the plane itself, so what the page adds is never negative.
    floor = float(bowl.losses(fit.scaling.to_trained(point))[target]) * unit
    # |F u| = |R u| for F = Q R: of many rows of F only as many are sent as the plane has weights.
    factor = unit**0.5 * (torch.linalg.qr(factor, mode="r").R if len(factor) > len(center) else factor)
    # A row counts with either sign, which processors choose differently: of each the largest number is positive.
    lead = factor.gather(1, factor.abs().argmax(1, keepdim=True)) if factor.numel() else factor[:, :1]
    factor = torch.where(lead < 0, -factor, factor) + 0.0  # no -0.0
    curvature = (factor.T @ factor).tolist()
    return {"center": center.tolist(), "floor": floor, "curvature": curvature, "factor": factor.tolist()}


# -- a run -------------------------------------------------------------------------------------------------------------


def _run(
    label: str,
    fit: Fit,
    sides: Mapping[str, Plane],
    target: int,
    budget: int,
    parts: Mapping[str, Sample],
    *,
    again: bool,
    alone: bool,
) -> dict[str, Any]:
    trace, solver = fit.trace, fit.solver
    d, short = len(trace.names), called(trace.names)
    # The first weights and the last one, which is the intercept where there is one.
    told = [*range(_WIDE - 1), d - 1] if d > _WIDE else list(range(d))
    sent = bool(parts) and _sent(fit, parts["data"])
    at = None if not parts or len(parts["data"].features) != 1 or parts["data"].straight(fit) else _places(parts)
    # What a step costs in numbers, short ones counted as a third: itself, losses, a place on each side, weights, and what is sent beside.
    losses = 1 + sum(column is not None for column in (trace.held_out, trace.gap))
    beside = len(sides) * (2 + 2 / 3) + (numbers_a_step(fit) if alone and not again else 0)
    predicted = sum(len(part.rows) for part in parts.values()) if sent else 0 if at is None else len(at)
    cost = 1 / 3 + losses + min(d, _WIDE) + beside + predicted / 3
    keep = thinned(fit, _STEPS if again else max(20, int(budget / cost)))
    weights = trace.weights[keep][:, :, target]
    best, at_rows = best_step(fit), _ways(fit, keep, sides, target)
    return {
        "label": shown(label, 60),
        "optimizer": solver.optimizer_name,
        "rate": fit.rate,
        "limit": fit.rate_limit,
        "step": trace.step[keep].tolist(),
        **(at_rows.get("data") or {"path": [], "down": None}),
        "trained": at_rows.get("trained"),
        "names": [short[trace.names[j]] for j in told],
        "weights": weights.T[told].tolist(),
        "more": d - len(told),
        "predicted": {name: _predicted(part, part.rows.X, fit, keep, target) for name, part in parts.items()} if sent else None,
        "curve": None if at is None else {"x": _short(at[:, 0]), "y": _predicted(parts["data"], at, fit, keep, target)},
        # Whether its weights are a slope and an intercept, the line over the one feature.
        "line": (is_straight(fit) and fit.scaling.p == 1) or None,
        "loss": trace.loss[keep].tolist(),
        "held_out": None if trace.held_out is None else trace.held_out[keep].tolist(),
        "gap": None if trace.gap is None else trace.gap[keep].tolist(),
        "stop": fit.stop.name.lower(),
        "advice": fit.ending,
        "kept": fit.step,
        # What each update did, in numbers; a page that trains finds them itself.
        "updates": None if again else arithmetic(fit, keep, target) if alone else {"why": _BESIDE},
        # Where the held-out loss is least, and the ridge penalty that stopping there amounts to.
        "best": None if best is None else {"step": best, "l2": ridge_of(fit, best)},
        "last": {
            "step": int(trace.step[-1]),
            "loss": float(trace.loss[-1]),
            "gap": None if trace.gap is None else float(trace.gap[-1]),
            "near": near(trace),
        },
    }


def _ways(fit: Fit, keep: Tensor, sides: Mapping[str, Plane], target: int) -> dict[str, dict[str, Any]]:
    """For every side the path, a column an axis, and which way a step of plain descent goes from each of its points."""
    weights, few = fit.trace.weights[keep], len(keep) * _rows_read(fit) <= _GRADIENTS
    told: dict[str, dict[str, Any]] = {}
    for side, where in sides.items():
        down = None
        if few:
            ways = ways_down(fit, where, torch.stack([trained(fit, k) for k in fit.trace.step[keep].tolist()]), target)
            # A billionth of the first is no direction any more, but rounding.
            gone = ways.norm(dim=1) <= 1e-9 * ways[0].norm()
            ways[gone] = math.nan
            down = [_short(column) for column in ways.T]
        told[side] = {"path": where.coordinates(weights[:, :, target]).T.tolist(), "down": down}
    return told


def _rows_read(fit: Fit) -> int:
    """How many rows a gradient reads: none where the loss is known in closed form."""
    smooth = fit.objective.smooth
    return len(smooth.rows) if isinstance(smooth, RowLoss) else 0 if isinstance(smooth, Bowl) else _GRADIENTS


def _predicted(sample: Sample, X: Tensor, fit: Fit, keep: Tensor, target: int) -> list[list[float]]:
    """Predictions for X (m, p) at some rows of the trace, (t, m)."""
    return [_short(sample.predictions(fit, X, weights)[:, target], 5) for weights in fit.trace.weights[keep]]


def thinned(fit: Fit, most: int) -> Tensor:
    """Rows of the trace to keep, ascending: the first, the last, the kept and the best one, and of the rest those that move most.

    Half of the measure is the way walked, half the logarithm of the step: so neither a fast start nor a long crawl is lost.
    """
    trace = fit.trace
    upto = len(trace)
    if fit.stop is Stop.DIVERGED:  # what grew beyond all measure cannot be drawn, and would leave nothing else to see
        finite = trace.loss <= 1e4 * max(float(trace.loss[0]), 1e-300)
        upto = upto if bool(finite.all()) else min(upto, max(2, int((~finite).long().argmax()) + 1))
    if upto <= most:
        return torch.arange(upto)
    # Way in the columns as trained, where one unit is as far in each.
    moved = fit.scaling.to_trained(trace.weights[:upto]).diff(dim=0).flatten(1).norm(dim=1)
    way = torch.cat([torch.zeros(1, dtype=torch.float64), moved.cumsum(0)])
    late = torch.log1p(torch.arange(upto, dtype=torch.float64))
    chosen = _spread(way / way[-1].clamp(min=1e-300) + late / late[-1], most - 2)
    # Rows that something on the page points at must be there: start, end, weights kept, least held-out loss.
    best = best_step(fit)
    pointed = torch.isin(trace.step, torch.tensor([fit.step] if best is None else [fit.step, best]))
    extra = [0, upto - 1, *pointed.nonzero()[:, 0].clamp(max=upto - 1).tolist()]
    return torch.cat([chosen, torch.tensor(extra)]).unique()


def _spread(measure: Tensor, most: int) -> Tensor:
    """About `most` places, at most that many, at even distances in an ascending measure; where it jumps each place counts once."""
    few, many = most, 64 * len(measure)
    while few < many - 1:  # the finest even division that does not come to too many places
        tried = (few + many) // 2
        few, many = (tried, many) if len(_divided(measure, tried)) <= most else (few, tried)
    return _divided(measure, few)


def _divided(measure: Tensor, parts: int) -> Tensor:
    wanted = torch.linspace(0, float(measure[-1]), parts, dtype=torch.float64)
    return torch.searchsorted(measure, wanted).clamp(max=len(measure) - 1).unique()


def _finite(value: Any) -> Any:
    """The same without NaN and infinity, which JSON does not have."""
    # NaN would make the whole page's JSON unreadable; null is a gap that the player knows.
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_finite(item) for item in value]
    return value


__all__ = ["SCHEMA", "run_label", "session", "thinned"]
