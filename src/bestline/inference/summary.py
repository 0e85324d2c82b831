"""Summary: everything about a fitted line in one place, as facts for programs and as a page of text for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bestline.inference import classical as explain
from bestline.inference.covariance.base import Cov
from bestline.inference.covariance.sandwich import Covariance
from bestline.inference.fitted import FittedLine
from bestline.inference.scores import Scores
from bestline.inference.summary_text import summary_text
from bestline.inference.uncertainty import errors_of


@dataclass(frozen=True, slots=True)
class Summary:
    """What `line.summary()` gives: `print` it, or take its facts.

    Attributes
    ----------
    facts : dict
        JSON-ready, as `bestline fit --json` prints it.
    text : str
        The same for people.
    """

    facts: dict[str, Any]
    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def summarise(line: FittedLine, level: float = 0.95, cov: Cov = "classical", data: Any = None) -> Summary:
    """Facts and text about a line, with intervals of the given level and errors of the given kind."""
    errors = errors_of(line, cov, data)
    robust = errors if isinstance(errors, Covariance) else None
    tables = [
        explain.coefficients(line.names, line.weights, errors, level=level, settled=line.settled, target=i)
        for i in range(len(line.targets))
    ]
    return Summary(_facts(line, tables, level, robust), summary_text(line, tables, level, robust))


def _facts(
    line: FittedLine, tables: list[list[explain.Coefficient]], level: float, robust: Covariance | None
) -> dict[str, Any]:
    def each(value: Callable[[int], Any]) -> Any:
        """One target's value as it is; several by the target's name."""
        return value(0) if len(line.targets) == 1 else {name: value(i) for i, name in enumerate(line.targets)}

    def by_term(field: str, keep: Callable[[str], bool] = lambda _: True) -> Any:
        return each(lambda i: {c.term: _number(getattr(c, field)) for c in tables[i] if keep(c.term)})

    slopes = set(line.names[: line.slopes])
    has_intercept = line.slopes < len(line.names)
    held_out, training = line.held_out, line.fitted_scores
    trace, plan = line.trace, line.plan
    at = int((trace.step - line.step).abs().argmin())

    def by_name(digits: Tensor) -> Any:
        return each(lambda i: {n: _whole(v) for n, v in zip(line.names, digits[:, i].tolist(), strict=True)})

    return {
        "formula": line.design.formula,
        "targets": list(line.targets),
        "rows": sum(line.sizes.values()),
        "rows_dropped": line.collected.dropped,
        "parts": dict(line.sizes),
        "features": list(line.features),
        "coef": by_term("estimate", slopes.__contains__),
        "intercept": each(lambda i: tables[i][-1].estimate if has_intercept else 0.0),
        "std_error": by_term("std_error"),
        "p_value": by_term("p_value"),
        "conf_int": each(lambda i: {c.term: [_number(c.conf_low), _number(c.conf_high)] for c in tables[i]}),
        "level": level,
        "cov": "classical" if robust is None else robust.kind.title,
        "r2": each(lambda i: _number(training.r2[i])),
        "rmse": each(lambda i: _number(training.rmse[i])),
        "held_out": None if held_out is None else _held_out(held_out, each),
        "digits": by_name(line.right_digits),
        "std_error_digits": by_name(line.right_error_digits) if robust is None else None,
        "exact_arithmetic": line.refined is not None,
        "solver": line.solver,
        "loss_function": str(plan.loss) if isinstance(plan.loss, str) else getattr(plan.loss, "__name__", "own"),
        "l1": plan.l1,
        "l2": plan.l2,
        "penalty_factors": None if plan.factors is None else dict(zip(plan.features, plan.factors, strict=True)),
        "standardize": plan.standardize,
        "seed": plan.seed,
        "stop": line.advice,
        "stop_reason": line.stop.name.lower(),
        "steps": int(line.trace.step[-1]),
        "loss": _number(float(trace.loss[at])),
        "loss_start": _number(float(trace.loss[0])),
        "gap": None if trace.gap is None else _number(float(trace.gap[at])),
        "lr": None if line.rate is None else _number(line.rate),
        "lr_limit": None if line.rate_limit is None else _number(line.rate_limit),
        "seconds": line.seconds,
        "warnings": list(line.notes),
    }


def _held_out(scores: Scores, each: Callable[[Callable[[int], Any]], Any]) -> dict[str, Any]:
    mae = scores.mae
    return {
        "kind": scores.kind,
        "rows": scores.rows,
        "rmse": each(lambda i: _number(scores.rmse[i])),
        "r2": each(lambda i: _number(scores.r2[i])),
        "mse": each(lambda i: _number(scores.mse[i])),
        "mae": None if mae is None else each(lambda i: _number(mae[i])),
    }


def score_facts(scores: Scores, targets: Sequence[str]) -> dict[str, Any]:
    """Scores as JSON: numbers for one target, by name for several."""

    def each(value: Callable[[int], Any]) -> Any:
        return value(0) if len(targets) == 1 else {name: value(i) for i, name in enumerate(targets)}

    return {"of": scores.of, **_held_out(scores, each)}


def _number(value: float) -> float | None:
    """JSON has no NaN and no infinity."""
    return float(value) if math.isfinite(value) else None


def _whole(value: float) -> int | None:
    return int(value) if math.isfinite(value) else None
