"""Summary: everything about a fitted line in one place, as facts for programs and as a page of text for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from bestline import explain, second_pass
from bestline.evaluate import Scores
from bestline.robust import Cov, Covariance

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from bestline.model import Model

_WIDTH = 100
_LONGEST_NAME = 40
_FACTORS = 6  # penalty factors in the heading


@dataclass(frozen=True, slots=True)
class Summary:
    """What `model.summary()` gives: `print` it, or take its facts.

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


def summarise(model: Model, level: float = 0.95, cov: Cov = "classical", data: Any = None) -> Summary:
    """Facts and text about a model, with intervals of the given level and errors of the given kind."""
    errors = second_pass.errors_of(model, cov, data)
    robust = errors if isinstance(errors, Covariance) else None
    tables = [
        explain.coefficients(model.names, model.weights, errors, level=level, settled=model.settled, target=i)
        for i in range(len(model.targets))
    ]
    return Summary(_facts(model, tables, level, robust), _text(model, tables, level, robust))


def _facts(model: Model, tables: list[list[explain.Coefficient]], level: float, robust: Covariance | None) -> dict[str, Any]:
    def each(value: Callable[[int], Any]) -> Any:
        """One target's value as it is; several by the target's name."""
        return value(0) if len(model.targets) == 1 else {name: value(i) for i, name in enumerate(model.targets)}

    def by_term(field: str, keep: Callable[[str], bool] = lambda _: True) -> Any:
        return each(lambda i: {c.term: _number(getattr(c, field)) for c in tables[i] if keep(c.term)})

    slopes = set(model.coef.index)
    has_intercept = len(slopes) < len(model.names)
    held_out, training = model.held_out, model.fitted_scores
    trace, plan = model.trace, model.plan
    at = int((trace.step - model.step).abs().argmin())

    def by_name(digits: Series | DataFrame) -> Any:
        table = digits.to_numpy().reshape(len(model.names), -1)
        return each(lambda i: {n: _whole(v) for n, v in zip(model.names, table[:, i], strict=True)})

    return {
        "formula": model.design.formula,
        "targets": list(model.targets),
        "rows": sum(model.sizes.values()),
        "rows_dropped": model.collected.dropped,
        "parts": dict(model.sizes),
        "features": list(model.features),
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
        "digits": by_name(model.digits),
        "std_error_digits": by_name(model.std_error_digits) if robust is None else None,
        "exact_arithmetic": model.refined is not None,
        "solver": model.solver,
        "loss_function": str(plan.loss) if isinstance(plan.loss, str) else getattr(plan.loss, "__name__", "own"),
        "l1": plan.l1,
        "l2": plan.l2,
        "penalty_factors": None if plan.factors is None else dict(zip(plan.features, plan.factors, strict=True)),
        "standardize": plan.standardize,
        "seed": plan.seed,
        "stop": model.advice,
        "stop_reason": model.stop.name.lower(),
        "steps": int(model.trace.step[-1]),
        "loss": _number(float(trace.loss[at])),
        "loss_start": _number(float(trace.loss[0])),
        "gap": None if trace.gap is None else _number(float(trace.gap[at])),
        "lr": None if model.rate is None else _number(model.rate),
        "lr_limit": None if model.rate_limit is None else _number(model.rate_limit),
        "seconds": model.seconds,
        "warnings": list(model.notes),
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


def _text(model: Model, tables: list[list[explain.Coefficient]], level: float, robust: Covariance | None) -> str:
    lines = [model.design.formula if len(model.design.formula) <= 3 * _WIDTH else f"{model.design.formula[: 3 * _WIDTH]} ..."]
    lines.append(_rows(model))
    lines += wrap(model.advice, _WIDTH)
    for target, table in zip(model.targets, tables, strict=True):
        lines += ["", *([f"Target {target}"] if len(tables) > 1 else []), *_table(model, table, level)]
    if robust is not None:
        clusters = "" if robust.clusters is None else f", {robust.clusters:,} clusters"
        lines.append(f"Standard errors: {robust.kind.title}{clusters}; Student's t on {robust.df:,} degrees of freedom.")
    if model.inference is not None and not model.settled:
        lines.append("Standard errors are those of the exact solution; training stopped before it, so there are no intervals.")
    lines += ["", *_scores(model, robust)]
    notes = [note for note in model.notes if note != model.advice]
    if notes:
        lines += ["", "Warnings"]
        for note in notes:
            first, *rest = wrap(note, _WIDTH - 2) or [""]
            lines += [f"- {first}", *(f"  {line}" for line in rest)]
    return "\n".join(lines)


def _rows(model: Model) -> str:
    used = sum(model.sizes.values())
    parts = "" if len(model.sizes) == 1 else f" ({', '.join(f'{n:,} {name}' for name, n in model.sizes.items())})"
    dropped = f", {model.collected.dropped:,} left out because a value was missing" if model.collected.dropped else ""
    penalty = "".join(f", {n}={v:.3g}" for n, v in (("l1", model.plan.l1), ("l2", model.plan.l2)) if v)
    if penalty and model.plan.factors is not None:
        own = [f"{name} x {f:g}" for name, f in zip(model.plan.features, model.plan.factors, strict=True) if f != 1]
        penalty += f" ({', '.join(own[:_FACTORS])}{', ...' if len(own) > _FACTORS else ''})" if own else ""
    return f"{used:,} rows{parts}{dropped}{penalty}"


def _table(model: Model, table: Sequence[explain.Coefficient], level: float) -> list[str]:
    """The coefficient table in the data's units; columns that nobody can fill are left out."""
    digits = model.digits.to_numpy().reshape(len(model.names), -1)[:, 0]
    columns: list[tuple[str, list[str]]] = [
        ("", [_short(c.term) for c in table]),
        ("estimate", [_show(c.estimate) for c in table]),
    ]
    if any(math.isfinite(c.std_error) for c in table):
        columns.append(("std error", [_show(c.std_error) for c in table]))
    if any(math.isfinite(c.conf_low) for c in table):
        columns += [("t", [_fixed(c.statistic, 2) for c in table]), ("p", [_p(c.p_value) for c in table])]
        lows, highs = [_show(c.conf_low) for c in table], [_show(c.conf_high) for c in table]
        a, b = max(map(len, lows)), max(map(len, highs))
        columns.append((f"{level:.0%} interval", [f"{low:>{a}} {high:>{b}}" for low, high in zip(lows, highs, strict=True)]))
    if all(map(math.isfinite, digits)):
        columns.append(("digits", [f"{d:.0f}" for d in digits]))
    head = [name for name, _ in columns]
    body = [list(row) for row in zip(*(cells for _, cells in columns), strict=True)]
    widths = [max(len(row[j]) for row in [head, *body]) for j in range(len(head))]
    return [
        "  ".join(
            cell.ljust(w) if j == 0 else cell.rjust(w) for j, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [head, *body]
    ]


def _short(name: str) -> str:
    from bestline.errors import readable

    return readable(name, _LONGEST_NAME).strip("`")


def _show(value: float) -> str:
    """Six significant digits."""
    return f"{value:.6g}" if math.isfinite(value) else "-"


def _fixed(value: float, places: int) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.{places}f}" if abs(value) < 1e9 else f"{value:.4g}"


def _p(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.4f}" if value >= 1e-4 else "<0.0001"


def _scores(model: Model, robust: Covariance | None) -> list[str]:
    lines = []
    for label, scores in (("Training error", model.fitted_scores), ("Held-out error", model.held_out)):
        if scores is None:
            lines.append(f"{label}   none: {model.unheld}")
            continue
        for i, target in enumerate(model.targets):
            which = f" of {target}" if len(model.targets) > 1 else ""
            mae = f", MAE {_show(scores.mae[i])}" if scores.mae is not None else ""
            lines.append(f"{label}{which}   RMSE {_show(scores.rmse[i])}{mae}, R2 {_fixed(scores.r2[i], 4)}   ({scores.of})")
    if model.inference is not None and model.settled and model.inference.df_resid > 0:
        for i in range(len(model.targets)):
            g = explain.glance(model.training, model.inference, intercept=model.design.intercept, target=i)
            whole = second_pass.overall(model, robust, target=i) if robust is not None else g
            if math.isfinite(g.statistic):
                test = "" if whole is None else f"F {_fixed(whole.statistic, 2)}, p {_p(whole.p_value)};  "
                lines.append(
                    f"Residual sd      {_show(g.sigma)} on {g.df_residual:,} degrees of freedom;  {test}"
                    f"AIC {_fixed(g.aic, 1)}, BIC {_fixed(g.bic, 1)}"
                )
    elif model.plan.l1 or model.plan.l2:
        lines.append("No standard errors: a penalty shrinks the weights, and no interval or p-value is honest about that.")
    return lines
