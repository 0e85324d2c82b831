"""Summary: everything about a fitted line in one place, as facts for programs and as a page of text for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bestline.calls import answering
from bestline.data.design.weight_kinds import ANALYTIC
from bestline.inference.classical import Coefficient
from bestline.inference.covariance.base import Cov
from bestline.inference.covariance.sandwich import Covariance
from bestline.inference.fitted import FittedLine
from bestline.inference.scores import Scores
from bestline.inference.summary_text import summary_text
from bestline.inference.turned_back import units_facts
from bestline.inference.uncertainty import errors_name, errors_of, glances, notes_by, tables_by
from bestline.inference.uncertainty import tables as tables_of
from bestline.training.limits import Limits
from bestline.wording import aligned, apart, finite, on_columns, plain, preformatted, printed, significant, without


@answering(
    {
        "tables as_html as_latex as_csv as_text to_html to_latex": "its text is summary.text, its numbers summary.facts; model.tidy() is a frame",
        "coefficients coef params": "its numbers are in summary.facts; model.tidy() is the table as a frame",
        "to_dict to_json json dict": "it is summary.facts",
    }
)
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
        return printed(self.text)  # names of columns may hold what a terminal obeys

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return preformatted(self.text)


def summarise(
    line: FittedLine, level: float = 0.95, cov: Cov | None = None, data: Any = None, *, digits: bool = False
) -> Summary:
    """Facts and text about a line, with confidence intervals of the given level and standard errors of the given kind.

    AIC and BIC count the coefficients and not sigma, as statsmodels does; R counts sigma, too: its AIC is 2 higher, its BIC log(n).
    With `digits` the text has the right digits of every estimate, otherwise where they are few.
    """
    errors = errors_of(line, cov, data)
    robust = errors if isinstance(errors, Covariance) else None
    tables = tables_by(line, errors, level)
    cov_name = errors_name(errors)
    return Summary(_facts(line, tables, level, robust, cov_name), summary_text(line, tables, level, robust, digits=digits))


def _facts(
    line: FittedLine, tables: list[list[Coefficient]], level: float, robust: Covariance | None, cov: str
) -> dict[str, Any]:
    # One target is the rule, and its numbers stand by themselves; only of several each stands behind its name.
    def each(value: Callable[[int], Any]) -> Any:
        return by_target(line.targets, value)

    def by_term(field: str) -> Any:
        return each(lambda i: {c.term: finite(getattr(c, field)) for c in tables[i]})

    def by_name(digits: Tensor) -> Any:
        whole = [[int(v) if math.isfinite(v) else None for v in of_target] for of_target in digits.T.tolist()]
        return each(lambda i: dict(zip(line.names, whole[i], strict=True)))

    slopes = line.slope_count
    has_intercept = slopes < len(line.names)
    held_out, training = line.held_out, line.fitted_scores
    trace, plan, within = line.trace, line.plan, training.r2_within or ()
    whole = glances(line)
    # A saved trace is thinned: the step nearest to that of the weights.
    at = int((trace.step - line.step).abs().argmin())
    return {
        "formula": line.design.formula,
        "targets": list(line.targets),
        "rows": sum(line.sizes.values()),
        "rows_dropped": line.collected.dropped,
        **_absorbed(line),
        "parts": dict(line.sizes),
        "features": list(line.features),
        "coef": each(lambda i: {c.term: finite(c.estimate) for c in tables[i][:slopes]}),
        "intercept": each(lambda i: tables[i][-1].estimate if has_intercept else 0.0),
        "std_error": by_term("std_error"),
        "p_value": by_term("p_value"),
        "conf_int": each(lambda i: {c.term: [finite(c.conf_low), finite(c.conf_high)] for c in tables[i]}),
        "level": level,
        "cov": cov,
        "aic": each(lambda i: None if whole is None else finite(whole[i].aic)),
        "bic": each(lambda i: None if whole is None else finite(whole[i].bic)),
        "aic_bic_count_sigma": None if whole is None else False,
        "r2": each(lambda i: finite(training.r2[i])),
        "r2_about": "mean" if training.r2_about_mean is None else "zero",
        "r2_about_mean": each(lambda i: finite((training.r2_about_mean or training.r2)[i])),
        **({"r2_within": each(lambda i: finite(within[i]))} if within else {}),
        "r2_adjusted": each(lambda i: None if whole is None else finite(whole[i].adj_r_squared)),
        "rmse": each(lambda i: finite(training.rmse[i])),
        "held_out": None if held_out is None else _held_out(held_out, line.targets),
        **({"held_out_reason": line.unheld} if held_out is None else {}),
        **({} if line.design.weight_kind == ANALYTIC else {"weight_kind": line.design.weight_kind}),
        **({"own_units": each(lambda i: units_facts(line, i))} if any(line.inverses) else {}),
        "digits": by_name(line.right_digits),
        "undetermined": _undetermined(line),
        "std_error_digits": by_name(line.right_error_digits)
        if robust is None and (line.settled or line.inference is None)
        else None,
        "exact_arithmetic": line.refined is not None,
        "solver": line.solver,
        "loss_function": plan.loss_name,
        "l1": plan.l1,
        "l2": plan.l2,
        **({} if plan.limits is None else _limited(plan.limits, each(lambda i: _at_bound(line, i)))),
        "penalty_factors": None if plan.factors is None else dict(zip(plan.features, plan.factors, strict=True)),
        "standardize": plan.standardize,
        "seed": plan.seed,
        "stop": line.advice,
        "stop_reason": line.stop.name.lower(),
        "steps": int(trace.step[-1]),
        "loss": finite(float(trace.loss[at])),
        "loss_start": finite(float(trace.loss[0])),
        "gap": None if trace.gap is None else finite(float(trace.gap[at])),
        "lr": None if line.rate is None else finite(float(line.rate)),
        "lr_limit": None if line.rate_limit is None else finite(float(line.rate_limit)),
        "seconds": line.seconds,
        "warnings": list(notes_by(line, robust)),
    }


def _absorbed(line: FittedLine) -> dict[str, Any]:
    """What effects were absorbed; of a line without any nothing."""
    absorbed = line.design.absorbed
    if absorbed is None:
        return {}
    levels = dict(zip(absorbed.names, map(len, absorbed.levels), strict=True))
    return {"absorbed": levels, "absorbed_weights": absorbed.weights, "singletons_dropped": absorbed.rows}


def _limited(limits: Limits, at_bound: Any) -> dict[str, Any]:
    """What limits the weights, where anything does."""
    return {"bounds": limits.ends, "constraints": limits.relations, "at_bound": at_bound}


def _at_bound(line: FittedLine, target: int) -> dict[str, str]:
    """The weights that are at a bound, and at which."""
    limits = line.plan.limits
    assert limits is not None  # noqa: S101  the caller has looked
    return {name: side for name, side in zip(line.names, limits.sides(line.weights, target), strict=True) if side}


def _undetermined(line: FittedLine) -> list[str]:
    """Weights that are one choice among many as good, since columns say what others say; of least squares."""
    inference = line.inference
    return (
        []
        if inference is None
        else [n for n, known in zip(line.names, inference.determined.tolist(), strict=True) if not known]
    )


def _held_out(scores: Scores, targets: Sequence[str]) -> dict[str, Any]:
    def each(values: Sequence[float] | None) -> Any:
        return None if values is None else by_target(targets, lambda i: finite(values[i]))

    measures = {name: each(getattr(scores, name)) for name in ("rmse", "r2", "mse", "mae")}
    if scores.r2_about_mean is not None:
        measures |= {"r2_about": "zero", "r2_about_mean": each(scores.r2_about_mean)}
    return {"kind": scores.kind, "rows": scores.rows, **measures}


def score_facts(scores: Scores, targets: Sequence[str]) -> dict[str, Any]:
    """Scores as JSON: numbers for one target, by name for several."""
    return {"of": scores.of, **_held_out(scores, targets)}


_FEW = 20  # weights in the short table


def short_text(line: FittedLine) -> str:
    """A line as `print` shows it: the formula, each weight with its error where it has one, and how far off it is."""
    lines = [f"{on_columns(line.design.formula, line.design.p)}   ({line.training.count:,} rows)", ""]
    for i, (target, table) in enumerate(zip(line.targets, tables_of(line), strict=True)):
        known = any(math.isfinite(c.std_error) for c in table)
        head = ["" if len(line.targets) == 1 else plain(target), "estimate", *(["std error"] if known else [])]
        names = apart([c.term for c in table])
        rows = [
            [name, significant(c.estimate), *([significant(c.std_error)] if known else [])]
            for name, c in zip(names, table[:_FEW], strict=False)
        ]
        lines += [*filter(None, [without([c.term for c in table])]), *aligned([head, *rows], numbers=True)]
        if len(table) > _FEW:
            lines.append(f"... and {len(table) - _FEW:,} more; model.params has them all")
        lines += ["", _error(line, i)] + ([""] if i + 1 < len(line.targets) else [])
    return printed("\n".join(lines))


def _error(line: FittedLine, target: int) -> str:
    label, scores = ("Training error", line.fitted_scores) if line.held_out is None else ("Held-out error", line.held_out)
    return f"{label}   RMSE {significant(scores.rmse[target])}, {scores.r2_said(target)}   ({scores.of})"


def by_target(targets: Sequence[str], value: Callable[[int], Any]) -> Any:
    """One target's value as it is; those of several by the target's name."""
    return value(0) if len(targets) == 1 else {name: value(i) for i, name in enumerate(targets)}
