"""Cautions: what the user should know about a fit. Rows left out, collinear columns, leaks, too few rows, digits, a run cut short."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch

from bestline.data.design.lost_digits import rounded_away
from bestline.errors import listed, readable
from bestline.inference.classical import determined
from bestline.inference.fitted import FittedLine
from bestline.numerics import MANY_TARGETS, Alias
from bestline.numerics.exact_solve import MOST_COLUMNS
from bestline.training import Reach, Stop
from bestline.wording import count

_CROWDED = 10  # rows a column below which least squares is known to overfit (Harrell 2015, 4.4)


def findings(line: FittedLine, digits: int) -> list[str]:
    """What the user should know about a fit, a sentence each; `digits` are the right digits asked for."""
    of_columns = [] if line.own_module is not None else _of_columns(line, digits)
    return [*_of_rows(line), *of_columns, *_held(line), *_stopped(line)]


def _of_rows(line: FittedLine) -> Iterator[str]:
    if line.collected.dropped:
        rows = "1 row was" if line.collected.dropped == 1 else f"{line.collected.dropped:,} rows were"
        yield f"{rows} left out because a value was missing; {line.collected.rows:,} were used."
    if line.collected.imputed:
        counts = ", ".join(f"{readable(c)} {n:,}" for c, n in line.collected.imputed.items())
        yield f"Missing values were imputed: {counts}."


def _of_columns(line: FittedLine, digits: int) -> Iterator[str]:
    design, spread = line.design, line.training.spread.tolist()
    constant = [n for n, s in zip(design.names, spread, strict=False) if s == 0]
    lost = rounded_away(design, line.training.spread)
    flat = [name for name in constant if name not in lost]
    if flat and design.intercept:
        is_, says, its = ("is", "says", "its weight is") if len(flat) == 1 else ("are", "say", "their weights are")
        yield f"{listed(flat)} {is_} constant in the training rows and {says} nothing beside the intercept; {its} 0."
    if lost and design.intercept:
        is_, their, them = ("is", "its", "it") if len(lost) == 1 else ("are", "their", "them")
        yield (
            f"{listed(lost)} {is_} constant as float64 holds {them}, but {their} numbers had more digits when read: {their} weight is 0 "
            f"here, and no digit of the other weights is certain; subtract a whole number before, such as the least, or leave {them} out."
        )
    if design.intercept and 0 in spread[design.p :]:
        held = " as float64 holds it" if set(design.rounded) & set(design.target_columns) else ""
        yield f"The target is constant{held}; there is nothing to explain, and R2 is not defined."
    if line.plan.squared_line:
        aliased, df = _determined(line)
        yield from _collinear(line, aliased, constant)
        yield from _crowding(line, df)
        yield from _leaks(line)
        if not line.shares or all(alias.proved or not alias.on for alias in aliased):
            yield from _few_digits(line, digits)
        yield from _no_size(line)


def _determined(line: FittedLine) -> tuple[tuple[Alias, ...], int]:
    """Columns that others say already, and the degrees of freedom left; the whole covariance is not needed for that."""
    inference = line.inference
    if line.refined is None or inference is None:
        return determined(line.training, line.scaling, taken=line.design.levels_taken)
    return inference.aliased, inference.df_resid


def _collinear(line: FittedLine, aliased: Sequence[Alias], constant: list[str]) -> list[str]:
    names = line.design.names
    notes = []
    rough_ones = any(alias.on and not alias.proved for alias in aliased)
    rough = "as moments can tell" if line.refined is None else "as the rounding of its numbers lets it be told"
    for alias in aliased:
        far, also = ("", "") if alias.proved else (f", as far {rough}", f" and as far {rough}")
        name = names[alias.column]
        if name in constant and (line.design.intercept or line.design.absorbed is not None):
            continue
        # One column with the coefficient 1 is a copy, but for a constant; people see at once what to do about that.
        others = [names[j] for j in alias.on]
        if others and not line.shares:
            what = f"says what {listed(others)} say{'s' if len(others) == 1 else ''}{far}; it is left out, and its weight is 0."
        elif len(others) == 1 and abs(next(iter(alias.on.values())) - 1) < 1e-9:
            what = f"repeats {readable(others[0])}, up to a constant{also}; they share one effect."
        elif others:
            what = f"is a linear combination of {listed(others)}{far}; their effects cannot be told apart."
        else:
            what = "is 0 in all training rows; it has no effect."
        notes.append(f"{readable(name)} {what}")
    if notes and line.shares:
        which = line.plan.solver.equals.value
        notes[-1] += f" Of all equally good weights these {which}; leave columns out to have them determined."
        if rough_ones and line.plan.exact_least_squares:
            notes[-1] += f" {_why_rough(line)} is not proved, so no digits are claimed."
    if len(notes) <= 6:
        return notes
    return [*notes[:5], f"{len(notes) - 6} more columns are linear combinations of others.", notes[-1]]


def _why_rough(line: FittedLine) -> str:
    """Why nobody has proved that columns are redundant, as the subject of a sentence."""
    if line.refined is None and line.source is None:
        return "Without the rows that"
    if line.refined is None and len(line.names) > MOST_COLUMNS:
        return f"Beyond {MOST_COLUMNS} weights nothing is solved exactly; that"
    if line.refined is None and len(line.targets) > MANY_TARGETS:
        return f"Of more than {MANY_TARGETS} targets redundant columns are not solved exactly; that"
    return "That"


def _crowding(line: FittedLine, df: int) -> Iterator[str]:
    n, columns, absorbed = line.training.count, len(line.names) + line.design.levels_taken, line.design.absorbed is not None
    if line.restricted is not None:  # what holds the line gives degrees of freedom back
        df = line.restricted.df
    if df <= 0:
        left = "no degrees of freedom are left, so standard errors do not exist and the training error says nothing"
        also = ", absorbed effects among them" if absorbed else ""
        yield f"{count(n, 'row')} for {count(columns, 'weight')}{also}: {left}."
    elif not absorbed and (n < 2 * columns + 2 or (n < _CROWDED * line.design.p and n < 1_000)):
        few = f"There are few rows for the number of columns ({count(n, 'row')}, {count(columns, 'weight')})"
        yield f"{few}; the line may overfit. Trust the held-out error, not the training error."


def _leaks(line: FittedLine) -> Iterator[str]:
    """A feature that alone determines the target, among several, is most often the target in disguise."""
    statistic, p = line.training, line.design.p
    if p < 2 or statistic.count < 4:
        return
    # In units of the moments, so that products of small numbers stay in range.
    spread = statistic.spread / statistic.unit
    correlation = statistic.scatter[:p, p:] / (statistic.weight * torch.outer(spread[:p], spread[p:]))
    copies: dict[str, list[str]] = {}
    # Of a column that is constant but for rounding there is no correlation.
    varying = statistic.spread[:p] > 1e-12 * statistic.center[:p].abs()
    for i, j in ((correlation.abs() > 1 - 1e-12) & varying[:, None]).T.nonzero().tolist():
        copies.setdefault(line.targets[i], []).append(line.design.names[j])
    for target, names in copies.items():
        alone = f"{listed(names)} alone determines {readable(target)} exactly"
        yield f"{alone}: a leak of the target into the features? Leave it out if so."


def _few_digits(line: FittedLine, wanted: int) -> Iterator[str]:
    if line.plan.penalised or line.plan.limits is not None or line.plan.solver.reach is not Reach.SOLUTION:
        return
    short = line.lacking(wanted)
    if short:
        right = int(line.right_digits.nan_to_num(math.inf).amin())
        sure = f"at least {right}" if right else "perhaps not even the first"
        least = f"Fewer than {wanted} digits are certain of {listed(short)} ({sure})"
        rounded = line.design.rounded
        lost = f", or {listed(rounded)} had more digits than float64 holds when {'it was' if len(rounded) == 1 else 'they were'} read"
        yield f"{least}: the columns are nearly collinear, or far from zero for their spread{lost if rounded else ''}."


def _held(line: FittedLine) -> Iterator[str]:
    """Bounds that hold the line, and what that means for its errors."""
    limits = line.plan.limits
    if limits is None or not limits.holds_back(line.weights):
        return
    sides = [limits.sides(line.weights, i) for i in range(len(line.targets))]
    names = [name for j, name in enumerate(line.names) if any(side[j] in ("lower", "upper") for side in sides)]
    what = f"Bounds hold {listed(names)}" if names else "An inequality holds the line"
    yield (
        f"{what}. Standard errors and intervals take that for known, as if it had been fixed before: they are too narrow where another "
        f"sample could leave the bound."
        if line.restricted is not None
        else f"{what}."
    )


def _no_size(line: FittedLine) -> Iterator[str]:
    """Targets whose residuals are lost in the rounding of moments."""
    # Without a spread, without digits of the line, or without degrees of freedom there are other words for it.
    rows = zip(line.targets, line.fitted_scores.rmse, line.fitted_scores.r2, strict=True)
    small = [target for target, rmse, r2 in rows if math.isnan(rmse) and r2 > 0.5]
    if small and not line.diverged and not (line.inference is not None and line.inference.df_resid == 0):
        absorbed = line.design.absorbed is not None  # then the rows would tell no more
        yield (
            f"The line fits {listed(small)} so closely that rounding hides by how much it misses: its standard errors are not known."
            if absorbed
            else f"The line fits {listed(small)} so closely that moments cannot tell by how much it misses; fit the rows to know."
        )


def _stopped(line: FittedLine) -> Iterator[str]:
    solver = line.plan.solver
    unconverged = f"Training did not converge: {line.advice[0].lower()}{line.advice[1:]}"
    if line.stop.failed:
        yield line.advice
    elif line.stop is Stop.STEPS and solver.reach is Reach.MINIMUM:
        edges = "" if isinstance(line.plan.loss, str) else " A loss with edges is one for 'absolute', 'huber' or 'quantile'."
        yield f"{unconverged}{edges}"
    elif line.stop is Stop.STEPS and solver.on_its_own and line.trace.short:  # it was to stop when nothing was left to gain
        yield unconverged
