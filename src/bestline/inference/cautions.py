"""Findings: what the user should know about a fit. Rows left out, collinear columns, leaks, too few rows, digits, a run cut short."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from bestline.api.model import Model
from bestline.errors import listed, readable
from bestline.inference.classical import determined, infer_exactly
from bestline.numerics.scaling import Scaling
from bestline.numerics.semidefinite import Alias
from bestline.training.solvers.base import Stop
from bestline.training.solvers.descent import Descent
from bestline.training.solvers.exact import Exact
from bestline.training.solvers.interior import InteriorPoint
from bestline.training.solvers.proximal import Proximal
from bestline.training.solvers.stochastic import Stochastic

_CROWDED = 10  # rows a column below which least squares is known to overfit (Harrell 2015, 4.4)


def findings(model: Model, digits: int) -> list[str]:
    """What the user should know about a fit, a sentence each; `digits` are the right digits asked for."""
    design, statistic = model.design, model.training
    notes = []
    if model.collected.dropped:
        rows = "1 row was" if model.collected.dropped == 1 else f"{model.collected.dropped:,} rows were"
        notes.append(f"{rows} left out because a value was missing; {model.collected.rows:,} were used.")
    if model.collected.imputed:
        counts = ", ".join(f"{readable(c)} {n:,}" for c, n in model.collected.imputed.items())
        notes.append(f"Missing values were imputed: {counts}.")
    if isinstance(model.plan.forward, nn.Module):
        return notes + _stopped(model)
    constant = [n for n, s in zip(design.names, statistic.spread[: design.p].tolist(), strict=True) if s == 0]
    if constant and design.intercept:
        notes.append(
            f"{listed(constant)} {_is(constant)} constant in the training rows and {'says' if len(constant) == 1 else 'say'} nothing beside "
            f"the intercept; {'its weight is' if len(constant) == 1 else 'their weights are'} 0."
        )
    if design.intercept and any(s == 0 for s in statistic.spread[design.p :].tolist()):
        notes.append("The target is constant; there is nothing to explain, and R2 is not defined.")
    if model.plan.squared_line:
        aliased, df = _determined(model)
        notes += [*_collinear(model, aliased, constant), *_crowding(model, df), *_leaks(model)]
        notes += [] if aliased else _few_digits(model, digits)
    return notes + _stopped(model)


def _determined(model: Model) -> tuple[tuple[Alias, ...], int]:
    """Columns that others say already, and the degrees of freedom left; the whole covariance is not needed for that."""
    if model.refined is not None:
        inference = infer_exactly(model.refined, model.training.count)
        return inference.aliased, inference.df_resid
    design = model.design
    return determined(model.training, Scaling.of(model.training, design.p, intercept=design.intercept, standardize=True))


def _collinear(model: Model, aliased: Sequence[Alias], constant: list[str]) -> list[str]:
    names = model.design.names
    notes = []
    for alias in aliased:
        name = names[alias.column]
        if name in constant and model.design.intercept:
            continue
        others = [names[j] for j in alias.on]
        if len(others) == 1 and abs(next(iter(alias.on.values())) - 1) < 1e-9:
            what = f"repeats {readable(others[0])}, up to a constant and as far as moments can tell; they share one effect."
        else:
            what = f"is a combination of {listed(others)}, as far as moments can tell; their effects cannot be told apart."
        notes.append(f"{readable(name)} {what}")
    if notes:
        which = (
            "are the nearest to the start" if isinstance(model.plan.solver, Descent | Stochastic) else "have the smallest norm"
        )
        notes[-1] += f" Of all equally good weights these {which}; leave columns out to have them determined."
    return notes if len(notes) <= 6 else [*notes[:5], f"{len(notes) - 6} more columns are combinations of others.", notes[-1]]


def _crowding(model: Model, df: int) -> list[str]:
    n, columns = model.training.count, len(model.names)
    if df <= 0:
        return [
            f"{n} row{'s' if n > 1 else ''} for {columns} weight{'s' if columns > 1 else ''}: no degrees of freedom are left, so "
            f"standard errors do not exist and the training error says nothing."
        ]
    if n < 2 * columns + 2 or (n < _CROWDED * model.design.p and n < 1_000):
        return [
            f"There are few rows for the number of columns ({n:,} rows, {columns} weights); trust the held-out error, not the training error."
        ]
    return []


def _leaks(model: Model) -> list[str]:
    """A feature that alone determines the target, among several, is most often the target in disguise."""
    statistic, p = model.training, model.design.p
    if p < 2 or statistic.count < 4:
        return []
    spread = statistic.spread / statistic.unit
    notes = []
    for i, target in enumerate(model.targets):
        correlation = statistic.scatter[:p, p + i] / (statistic.weight * spread[:p] * spread[p + i])
        copies = [n for n, r in zip(model.design.names, correlation.tolist(), strict=True) if abs(r) > 1 - 1e-12]
        if copies:
            notes.append(
                f"{listed(copies)} alone determines {readable(target)} exactly: a leak of the target into the features? Leave it out if so."
            )
    return notes


def _few_digits(model: Model, wanted: int) -> list[str]:
    if model.plan.l1 or model.plan.l2 or not isinstance(model.plan.solver, Exact):
        return []
    values = model.digits.to_numpy().reshape(len(model.names), -1).min(1)
    short = [n for n, v in zip(model.names, values, strict=True) if v < wanted]
    if not short:
        return []
    least = int(min(values))
    return [
        f"Fewer than {wanted} digits are certain of {listed(short)} (at least {least}): the columns are nearly collinear, or far from zero for their spread."
    ]


def _stopped(model: Model) -> list[str]:
    if model.stop in (Stop.DIVERGED, Stop.INTERRUPTED):
        return [model.advice]
    solver, gap = model.plan.solver, model.trace.gap
    if model.stop is Stop.STEPS and isinstance(solver, Proximal | InteriorPoint):
        edges = "" if isinstance(model.plan.loss, str) else " A loss with edges is one for 'absolute', 'huber' or 'quantile'."
        return [f"Training did not converge: {model.advice[0].lower()}{model.advice[1:]}{edges}"]
    unfinished = model.stop is Stop.STEPS and isinstance(solver, Descent) and solver.steps is None
    if unfinished and gap is not None and float(gap[-1]) > 1e-6 * float(model.trace.loss[-1]):
        return [f"Training did not converge: {model.advice[0].lower()}{model.advice[1:]}"]
    return []


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
