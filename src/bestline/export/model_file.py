"""Model file: a fitted line as safetensors and JSON, a few kB, and nothing in it that executes."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import Any

import torch
from torch import Tensor

import bestline.data.stored_comoments as stored
import bestline.files as store
from bestline.data.design import Design
from bestline.data.design.inverse import Inverse, inverse_of
from bestline.data.moments import Moments
from bestline.errors import OptionError
from bestline.inference.covariance.named import parse_cov
from bestline.inference.covariance.sandwich import NO_ERRORS, UNTOLD, Covariance
from bestline.inference.fitted import FittedLine
from bestline.inference.own_units import OwnUnits, Spread
from bestline.inference.scores import Scores
from bestline.inference.summary import summarise
from bestline.numerics import Comoments, Refined
from bestline.training import Fit, Plan, Recipe, Solver, Stop, Trace
from bestline.training.limits import Limits
from bestline.training.losses import parse_loss
from bestline.training.solvers.active_set import ActiveSet
from bestline.training.solvers.choose import kept, restored

# 2: with a digest; 3: with robust errors; 4: with absorbed effects, limits or errors of
# other losses. A reader that does not know them would leave them out.
_FORMAT = 4
_ROBUSTLY = 3
_PLAINLY = 2  # written where there are none, so that older readers read it
_ROBUST = ("covariance", "std_error", "about_mean")
_FIGURES = re.compile(r" \(violation \S+, tolerance \S+\)")  # in the advice of files of before, which do not tell them apart
_TRACE_NUMBERS = 1_000  # of a saved trace: a model file stays a few kB
_CLOSE = 1e-5  # closeness below which an inverse in float64 leaves fewer than six digits of an interval
_TRACE = ("step", "weights", "loss", "held_out", "gradient_norm", "gap", "rate")
_PLAN: dict[str, Callable[[Any], Any]] = {"l1": float, "l2": float, "loss": str, "standardize": bool, "seed": int}
_FACTS = ("advice", "step", "rate", "rate_limit", "seconds", "solver", "notes", "sizes")


def save(model: FittedLine, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a .bestline file; see `Model.save`."""
    if not isinstance(model.plan.loss, str) or model.plan.forward is not None:
        raise OptionError(
            "A model with an own loss or forward function cannot be saved: code never goes into a model file. Use `to_torch()`."
        )
    # Code is never written, nor rows: what is here is numbers and names, and reading it runs nothing.
    trace = _thinned(model.trace)
    tensors = {"weights": model.weights, "low": model.collected.low, "high": model.collected.high}
    tensors |= stored.tensors(model.training, "training")
    tensors |= {f"trace.{n}": getattr(trace, n) for n in _TRACE if getattr(trace, n) is not None}
    if model.refined is not None:
        tensors |= {f"refined.{f.name}": getattr(model.refined, f.name).contiguous() for f in fields(Refined)}
    if model.robust is not None:
        tensors |= {f"robust.{n}": getattr(model.robust, n).contiguous() for n in _ROBUST}
        tensors |= {} if model.robust.blind is None else {"robust.blind": model.robust.blind.contiguous()}
    tensors |= {} if model.own_units is None else _spreads(model.own_units)
    facts = {
        "robust": _said_robust(model.robust),
        "own_units": None if model.own_units is None else _said_own(model.own_units),
        "design": model.design.to_dict(),
        "plan": {name: getattr(model.plan, name) for name in (*_PLAN, "unscaled", "factors")}
        | ({} if model.plan.limits is None else {"limits": model.plan.limits.to_dict()}),
        "training": stored.numbers(model.training),
        "scores": {"training": _plain(model.fitted_scores), "held_out": _plain(model.held_out)},
        "stop": model.stop.name,
        **kept(model.plan.solver),
        "recipe": None if model.recipe is None else model.recipe.to_dict(),
        **{name: getattr(model.collected, name) for name in ("dropped", "imputed", "unseen")},
        **{name: getattr(model, name) for name in _FACTS},
        "figures": model.fit.figures,
    }
    newest = model.design.absorbed is not None or model.plan.limits is not None or (model.edged and model.robust is not None)
    form = _FORMAT if newest else _PLAINLY if model.robust is None else _ROBUSTLY
    store.write(path, "model", form, tensors, facts, overwrite=overwrite)


def load(path: str | os.PathLike[str]) -> FittedLine:
    """Read a .bestline file that `Model.save` wrote.

    Raises ModelFileError when it is not one, is damaged, or was written by a newer bestline. Nothing in a file is executed.
    """
    _, tensors, facts = store.read(path, "model", _FORMAT)
    with store.restoring(path, "model"):
        return _restored(tensors, facts)


def _restored(tensors: dict[str, Tensor], facts: dict[str, Any]) -> FittedLine:
    design = Design.from_dict(facts["design"])
    plan = _plan(design, facts["plan"], restored(facts))
    d, k = len(plan.names), len(design.targets)
    # Every shape is checked before it is used: torch would broadcast a wrong one and go on.
    training = stored.comoments(tensors, "training", facts["training"], design.p + k, p=design.p)
    if tensors["weights"].shape != (d, k):
        raise ValueError("its tensors have the wrong shape")
    line = FittedLine(
        design=design,
        plan=plan,
        fit=_fit(tensors, facts, plan),
        collected=_collected(tensors, facts, design, training),
        training=training,
        solver=str(facts["solver"]),
        seconds=float(facts["seconds"]),
        notes=tuple(map(str, facts["notes"])),
        sizes={str(part): int(rows) for part, rows in facts["sizes"].items()},
        saved_scores={kind: _scores(scores) for kind, scores in facts["scores"].items()},
        recipe=None if facts.get("recipe") is None else Recipe.from_dict(facts["recipe"]),
        refined=_refined(tensors, d, k, design.p),
        robust=_robust(tensors, facts.get("robust"), (d, k), str(facts["plan"]["loss"])),
        saved_own=_own(tensors, facts.get("own_units"), design),
    )
    str(summarise(line))  # what can be said of it can be computed, or it is damaged
    return line


def _collected(tensors: dict[str, Tensor], facts: dict[str, Any], design: Design, training: Comoments) -> Moments:
    """What was found of the training rows: of all of them together."""
    low, high = stored.ranges(tensors, design.p, training.count)
    return Moments(
        design,
        (training,),
        low,
        high,
        dropped=stored.whole(facts["dropped"], "dropped"),
        imputed={str(name): stored.whole(count, "imputed") for name, count in facts["imputed"].items()},
        unseen=stored.whole(facts.get("unseen", 0), "unseen"),  # older files do not say
    )


def _fit(tensors: dict[str, Tensor], facts: dict[str, Any], plan: Plan) -> Fit:
    """The outcome of training, without what was trained."""
    advice = str(facts["advice"])
    rate, limit = (None if facts[name] is None else float(facts[name]) for name in ("rate", "rate_limit"))
    return Fit(
        weights=tensors["weights"],
        trace=_trace(tensors, plan.names, plan.targets),
        stop=Stop[facts["stop"]],
        advice=advice,
        step=int(facts["step"]),
        rate=rate,
        rate_limit=limit,
        solver=plan.solver,
        task=None,
        figures=str(facts.get("figures", "".join(_FIGURES.findall(advice)))),
    )


def _trace(tensors: dict[str, Tensor], names: tuple[str, ...], targets: tuple[str, ...]) -> Trace:
    """What training passed through; every row has all its numbers."""
    found = {n: tensors.get(f"trace.{n}") for n in _TRACE}
    t = len(tensors["trace.step"])
    shapes = dict.fromkeys(_TRACE, (t,)) | {"weights": (t, len(names), len(targets))}
    if t == 0 or any(found[n] is None for n in _TRACE if n not in ("held_out", "gap")):
        raise ValueError("a trace of nothing")
    if any(tensor is not None and tensor.shape != shapes[n] for n, tensor in found.items()):
        raise ValueError("its trace has the wrong shape")
    return Trace(names, targets, **found)  # type: ignore[arg-type]  # those that may be missing are


def _refined(tensors: dict[str, Tensor], d: int, k: int, p: int) -> Refined | None:
    """The exact solution, where the file has one."""
    if "refined.weights" not in tensors:
        return None
    found = {f.name: tensors.get(f"refined.{f.name}") for f in fields(Refined)}
    if found["factor"] is None:  # older files have the inverse alone, which does not say the width of every interval
        factor, failed = torch.linalg.cholesky_ex(tensors["refined.inverse"])
        lost = bool(failed) or bool((tensors["refined.closeness"] < _CLOSE).any())
        found["factor"] = torch.full_like(factor, math.nan) if lost else factor
        found |= {"factor_below": torch.zeros_like(factor), "weights_below": torch.zeros_like(tensors["refined.weights"])}
    if found["alias"] is None:  # older ones have an exact solution only where no column is redundant
        nothing = torch.zeros(d, 0, dtype=torch.float64)
        found |= {"kept": nothing.sum(1) == 0, "alias": nothing, "alias_below": nothing, "proved": nothing[0] > 0}
    if found["alias_below"] is None:  # what the weights hold already; nothing is shared out again
        found["alias_below"] = torch.zeros_like(tensors["refined.alias"])
    refined = Refined(**found)  # type: ignore[arg-type]  # what is missing has no shape
    shapes = {"weights": (d, k), "digits": (d, k), "inverse": (d, d), "closeness": (p,), "size": (p,), "distinct": ()}
    shapes |= {"weights_below": (d, k), "factor": (d, d), "factor_below": (d, d)}
    m = d - refined.rank
    shapes |= {"kept": (d,), "alias": (d, m), "alias_below": (d, m), "proved": (m,)}
    shapes |= {"std_error": (k, d), "std_error_digits": (k, d), "sigma": (k,), "rss": (k,), "tss": (k,)}
    if any(tuple(getattr(refined, name).shape) != shape for name, shape in shapes.items()):
        raise ValueError("its exact solution has the wrong shape")
    return refined


def _said_robust(robust: Covariance | None) -> dict[str, Any] | None:
    """What numbers do not say of robust errors, as JSON."""
    if robust is None:
        return None
    told = {name: getattr(robust, name) for name in ("df", "title", "groups", "notes", "lacks")}
    return {"cov": robust.kind.text, **told}


def _robust(tensors: dict[str, Tensor], facts: dict[str, Any] | None, shape: tuple[int, int], loss: str) -> Covariance | None:
    """The robust errors, where the file has some; of a kind that is no covariance it raises OptionError."""
    if facts is None:
        return None
    d, k = shape
    shapes = {"covariance": (k, d, d), "std_error": (k, d), "about_mean": (k, d, d)}
    blind = tensors.get("robust.blind")
    found = {name: tensors[f"robust.{name}"] for name in _ROBUST}
    if any(tuple(found[name].shape) != shape for name, shape in shapes.items()) or (
        blind is not None and blind.shape != (d, d)
    ):
        raise ValueError("its covariance has the wrong shape")
    kind = parse_cov(str(facts["cov"]), loss)
    if kind.by_moments:
        raise ValueError("its robust errors are of a kind that is not")
    none, notes = not bool(found["std_error"].isfinite().any()), tuple(map(str, facts["notes"]))
    # Files of before tell in the notes alone why there are no errors.
    told = [note.removeprefix(NO_ERRORS).rstrip(".") for note in notes if note.startswith(NO_ERRORS)]
    return Covariance(
        kind,
        df=int(facts["df"]),
        title=str(facts["title"]),
        blind=blind,
        groups=tuple(int(n) for n in facts["groups"]),
        notes=notes,
        lacks=str(facts.get("lacks") or "; ".join(told) or UNTOLD) if none else "",
        **found,
    )


def _spreads(own: OwnUnits) -> dict[str, Tensor]:
    """The residuals that means in own units take."""
    found: dict[str, Tensor] = {}
    for i, spread in enumerate(own.spreads):
        if spread is not None:
            found |= {f"own.{i}.points": spread.points, f"own.{i}.shares": spread.shares}
    return found


def _said_own(own: OwnUnits) -> dict[str, Any]:
    """What numbers do not say of errors in own units, as JSON."""
    return {
        "back": [back is not None for back in own.inverses],
        "factors": own.factors,
        "training": _plain(own.training),
        "held_out": _plain(own.held_out),
    }


def _own(tensors: dict[str, Tensor], facts: dict[str, Any] | None, design: Design) -> OwnUnits | None:
    """Errors in own units, where the file has some: whether a target is turned back it says, and how the design."""
    if facts is None:
        return None
    k, ways = len(design.responses), list[Inverse | None]()
    spreads: list[Spread | None] = []
    for i, (known, factor) in enumerate(zip(facts["back"], facts["factors"], strict=True)):
        back = inverse_of(design.responses[i], design.states) if known else None
        ways.append(back)
        points, shares = tensors.get(f"own.{i}.points"), tensors.get(f"own.{i}.shares")
        if back is None:
            spreads.append(None)
            continue
        if points is None or shares is None or points.ndim != 1 or points.shape != shares.shape or not len(points):
            raise ValueError("its residuals have the wrong shape")
        spreads.append(Spread(points, shares, None if factor is None or back.rate is None else float(factor)))
    training = _scores(facts["training"])
    if len(ways) != k or training is None:
        raise ValueError("errors in own units of other targets")
    return OwnUnits(tuple(ways), training, _scores(facts["held_out"]), tuple(spreads))


def _plan(design: Design, facts: dict[str, Any], solver: Solver) -> Plan:
    parse_loss(facts["loss"])
    # Indices and factors come from the file, so they are held against the design that came with it.
    unscaled = tuple(int(j) for j in facts["unscaled"])
    if any(not 0 <= j < design.p for j in unscaled):
        raise ValueError("columns that do not exist")
    factors = facts.get("factors")
    if factors is not None and (len(factors) != design.p or not all(0 <= float(f) < math.inf for f in factors)):
        raise ValueError("penalty factors that do not fit its columns")
    limits, names = facts.get("limits"), (*design.names, *(("Intercept",) if design.intercept else ()))
    return Plan(
        features=design.names,
        targets=design.targets,
        intercept=design.intercept,
        solver=solver if limits is None else ActiveSet(),
        **{name: kind(facts[name]) for name, kind in _PLAN.items()},
        unscaled=unscaled,
        factors=None if factors is None else tuple(map(float, factors)),
        limits=None if limits is None else Limits.from_dict(limits, names),
    )


def _plain(scores: Scores | None) -> dict[str, Any] | None:
    """Scores as JSON, which has no NaN."""
    if scores is None:
        return None
    facts = asdict(scores)
    return facts | {n: [None if math.isnan(x) else x for x in v] for n, v in facts.items() if isinstance(v, tuple)}


def _scores(facts: dict[str, Any] | None) -> Scores | None:
    if facts is None:
        return None
    return Scores(
        **facts | {n: tuple(math.nan if x is None else x for x in v) for n, v in facts.items() if isinstance(v, list)}
    )


def _thinned(trace: Trace) -> Trace:
    """The trace with so few steps that it stays small: the first, the last, and evenly spaced ones between."""
    # So many numbers a step: its weights, and five others.
    most = max(2, _TRACE_NUMBERS // (trace.weights[0].numel() + 5))
    if len(trace) <= most:
        return trace
    index = torch.linspace(0, len(trace) - 1, most, dtype=torch.float64).round().long()
    return replace(trace, **{n: getattr(trace, n)[index] for n in _TRACE if getattr(trace, n) is not None})
