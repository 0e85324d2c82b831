"""Findings: what the user should know about a fit. Rows left out, collinear columns, leaks, too few rows, digits, a run cut short."""

from __future__ import annotations

from collections.abc import Sequence

from bestline.errors import listed, readable
from bestline.inference.classical import determined, infer_exactly
from bestline.inference.fitted import FittedLine
from bestline.numerics import Alias
from bestline.training import Reach, Stop

_CROWDED = 10  # rows a column below which least squares is known to overfit (Harrell 2015, 4.4)


def findings(line: FittedLine, digits: int) -> list[str]:
    """What the user should know about a fit, a sentence each; `digits` are the right digits asked for."""
    design, statistic = line.design, line.training
    notes = []
    if line.collected.dropped:
        rows = "1 row was" if line.collected.dropped == 1 else f"{line.collected.dropped:,} rows were"
        notes.append(f"{rows} left out because a value was missing; {line.collected.rows:,} were used.")
    if line.collected.imputed:
        counts = ", ".join(f"{readable(c)} {n:,}" for c, n in line.collected.imputed.items())
        notes.append(f"Missing values were imputed: {counts}.")
    if line.own_module is not None:
        return notes + _stopped(line)
    constant = [n for n, s in zip(design.names, statistic.spread[: design.p].tolist(), strict=True) if s == 0]
    if constant and design.intercept:
        notes.append(
            f"{listed(constant)} {_is(constant)} constant in the training rows and {'says' if len(constant) == 1 else 'say'} nothing beside "
            f"the intercept; {'its weight is' if len(constant) == 1 else 'their weights are'} 0."
        )
    if design.intercept and any(s == 0 for s in statistic.spread[design.p :].tolist()):
        notes.append("The target is constant; there is nothing to explain, and R2 is not defined.")
    if line.plan.squared_line:
        aliased, df = _determined(line)
        notes += [*_collinear(line, aliased, constant), *_crowding(line, df), *_leaks(line)]
        notes += [] if aliased else _few_digits(line, digits)
    return notes + _stopped(line)


def _determined(line: FittedLine) -> tuple[tuple[Alias, ...], int]:
    """Columns that others say already, and the degrees of freedom left; the whole covariance is not needed for that."""
    if line.refined is not None:
        exact = infer_exactly(line.refined, line.training.count)
        return exact.aliased, exact.df_resid
    return determined(line.training, line.scaling)


def _collinear(line: FittedLine, aliased: Sequence[Alias], constant: list[str]) -> list[str]:
    names = line.design.names
    notes = []
    for alias in aliased:
        name = names[alias.column]
        if name in constant and line.design.intercept:
            continue
        others = [names[j] for j in alias.on]
        if len(others) == 1 and abs(next(iter(alias.on.values())) - 1) < 1e-9:
            what = f"repeats {readable(others[0])}, up to a constant and as far as moments can tell; they share one effect."
        else:
            what = f"is a combination of {listed(others)}, as far as moments can tell; their effects cannot be told apart."
        notes.append(f"{readable(name)} {what}")
    if notes:
        which = line.plan.solver.equals.value
        notes[-1] += f" Of all equally good weights these {which}; leave columns out to have them determined."
    return notes if len(notes) <= 6 else [*notes[:5], f"{len(notes) - 6} more columns are combinations of others.", notes[-1]]


def _crowding(line: FittedLine, df: int) -> list[str]:
    n, columns = line.training.count, len(line.names)
    if df <= 0:
        return [
            f"{n} row{'s' if n > 1 else ''} for {columns} weight{'s' if columns > 1 else ''}: no degrees of freedom are left, so "
            f"standard errors do not exist and the training error says nothing."
        ]
    if n < 2 * columns + 2 or (n < _CROWDED * line.design.p and n < 1_000):
        return [
            f"There are few rows for the number of columns ({n:,} rows, {columns} weights); trust the held-out error, not the training error."
        ]
    return []


def _leaks(line: FittedLine) -> list[str]:
    """A feature that alone determines the target, among several, is most often the target in disguise."""
    statistic, p = line.training, line.design.p
    if p < 2 or statistic.count < 4:
        return []
    spread = statistic.spread / statistic.unit
    notes = []
    for i, target in enumerate(line.targets):
        correlation = statistic.scatter[:p, p + i] / (statistic.weight * spread[:p] * spread[p + i])
        copies = [n for n, r in zip(line.design.names, correlation.tolist(), strict=True) if abs(r) > 1 - 1e-12]
        if copies:
            notes.append(
                f"{listed(copies)} alone determines {readable(target)} exactly: a leak of the target into the features? Leave it out if so."
            )
    return notes


def _few_digits(line: FittedLine, wanted: int) -> list[str]:
    if line.plan.penalised or line.plan.solver.reach is not Reach.SOLUTION:
        return []
    values = line.right_digits.amin(1).tolist()
    short = [n for n, v in zip(line.names, values, strict=True) if v < wanted]
    if not short:
        return []
    least = int(min(values))
    return [
        f"Fewer than {wanted} digits are certain of {listed(short)} (at least {least}): the columns are nearly collinear, or far from zero for their spread."
    ]


def _stopped(line: FittedLine) -> list[str]:
    if line.stop in (Stop.DIVERGED, Stop.INTERRUPTED):
        return [line.advice]
    solver, gap = line.plan.solver, line.trace.gap
    if line.stop is Stop.STEPS and solver.reach is Reach.MINIMUM:
        edges = "" if isinstance(line.plan.loss, str) else " A loss with edges is one for 'absolute', 'huber' or 'quantile'."
        return [f"Training did not converge: {line.advice[0].lower()}{line.advice[1:]}{edges}"]
    unfinished = line.stop is Stop.STEPS and solver.on_its_own
    if unfinished and gap is not None and float(gap[-1]) > 1e-6 * float(line.trace.loss[-1]):
        return [f"Training did not converge: {line.advice[0].lower()}{line.advice[1:]}"]
    return []


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
