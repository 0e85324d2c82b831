"""Summary, as a page of text for people: the coefficients, the errors, the warnings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from textwrap import wrap

from bestline.data.design import offset_terms
from bestline.data.design.weight_kinds import FREQUENCY, PROBABILITY
from bestline.inference.classical import Coefficient
from bestline.inference.covariance.sandwich import Covariance
from bestline.inference.fitted import FittedLine
from bestline.inference.hypotheses import statistic_of
from bestline.inference.turned_back import effects_on_own, own_scores, units_said
from bestline.inference.uncertainty import glances, notes_by, whole_test
from bestline.inference.why_not import why_no_errors
from bestline.training.solvers.base import Reach
from bestline.wording import aligned, apart, bulleted, count, fixed, intervals, on_columns, p_value, plain, significant, without

_WIDTH = 100
_LONGEST_NAME = 40
_LIMITS = 12  # bounds and constraints told below the table
_FACTORS = 6  # penalty factors in the heading
_ENOUGH = 12  # right digits that nobody has to be told of: what is printed has six


def summary_text(
    line: FittedLine, tables: list[list[Coefficient]], level: float, robust: Covariance | None, *, digits: bool = False
) -> str:
    """The page: formula, rows, why training stopped, the coefficients of every target, scores, warnings.

    With `digits` how many digits of each estimate are right is told in any case, otherwise where they are few.
    """
    lines = [on_columns(line.design.formula, line.design.p), _rows(line)]
    if line.design.absorbed is not None:
        lines += wrap(line.design.absorbed.said, _WIDTH)
    lines += wrap(f"{how_trained(line)} {line.fit.ending}", _WIDTH)
    lines += wrap(weights_said(line), _WIDTH)
    if line.design.offsets:
        known = " + ".join(offset_terms(line.design.offsets))
        lines += wrap(
            f"Known part of the target, with the weight 1: {known}. Errors and R2 are of what is left; predictions have it in.",
            _WIDTH,
        )
    # Of weights that the data do not determine there are none.
    told = bool(line.right_digits.isfinite().any()) and (digits or bool((line.right_digits < _ENOUGH).any()))
    for i, (target, table) in enumerate(zip(line.targets, tables, strict=True)):
        right = line.right_digits[:, i].tolist() if told else None
        sides = None if line.plan.limits is None else line.plan.limits.sides(line.weights, i)
        lines += ["", *([f"Target {plain(target)}"] if len(tables) > 1 else []), *_table(table, level, right, sides)]
    if told:
        lines.append("digits: so many leading digits of the estimate are right, as the exact solution has them.")
    if line.plan.limits is not None:
        lines += wrap(f"{_limits_told(line)}", _WIDTH)
    if robust is not None and not robust.lacks:
        lines += wrap(f"Standard errors: {robust.said} ({robust.kind.holds}).", _WIDTH)
        lines.append(f"Tests and intervals: Student's t on {robust.df:,} degrees of freedom.")
    lines += ["", *_scores(line, robust), *_in_own_units(line)]
    notes = [note for note in notes_by(line, robust) if note != line.advice]
    if notes:
        lines += ["", "Warnings"]
        lines += [said for note in notes for said in bulleted(note, _WIDTH - 2)]
    return "\n".join(lines)


def weights_said(line: FittedLine) -> str:
    """What weights mean that are no analytic ones; empty for those, which are expected."""
    name = plain(line.design.weights or "")
    if line.design.weight_kind == FREQUENCY:
        return f"Frequency weights ({name}): each row stands for so many equal rows; n is their sum."
    if line.design.weight_kind == PROBABILITY:
        return f"Probability weights ({name}): each row represents so many units of the population; n is the number of rows."
    return ""


def _in_own_units(line: FittedLine) -> list[str]:
    """Of a line of log(y): errors in units of y, what predictions are, and what a weight does to y."""
    lines = []
    for label, scores in own_scores(line):
        for i, back in enumerate(line.inverses):
            if back is not None and scores is not None:
                mae = "" if scores.mae is None else f", MAE {significant(scores.mae[i])}"
                sizes = f"RMSE {significant(scores.rmse[i])}{mae}, {scores.r2_said(i)}"
                lines.append(f"{label} in units of {plain(back.column)}   {sizes}   ({scores.of})")
    lines += [part for said in units_said(line) for part in wrap(said, _WIDTH)]
    for i in range(len(line.targets)):
        if effects := list(effects_on_own(line, i)):
            others = ", the others unchanged" if line.design.p > 1 else ""
            lines += wrap(f"In words{others}: {'; '.join(effects)}.", _WIDTH)
    return lines


def _limits_told(line: FittedLine) -> str:
    """What limits the weights, and what their errors take for known."""
    limits, errors = line.plan.limits, line.restricted
    assert limits is not None  # noqa: S101  the caller has looked
    told = limits.told
    more = f" and {len(told) - _LIMITS} more" if len(told) > _LIMITS else ""
    said = f"{line.plan.limited_by[0].upper()}{line.plan.limited_by[1:]}: {'; '.join(told[:_LIMITS]) or 'none'}{more}."
    if errors is None:
        return said
    return f"{said} Standard errors: {errors.title}; Student's t on {errors.df:,} degrees of freedom."


def _rows(line: FittedLine) -> str:
    used = sum(line.sizes.values())
    parts = "" if len(line.sizes) == 1 else f" ({', '.join(f'{n:,} {name}' for name, n in line.sizes.items())})"
    dropped = f", {line.collected.dropped:,} left out because a value was missing" if line.collected.dropped else ""
    penalty = "".join(f", {n}={v:.3g}" for n, v in (("l1", line.plan.l1), ("l2", line.plan.l2)) if v)
    if penalty and line.plan.factors is not None:
        own = [f"{name} x {f:g}" for name, f in zip(line.plan.features, line.plan.factors, strict=True) if f != 1]
        penalty += f" ({', '.join(own[:_FACTORS])}{', ...' if len(own) > _FACTORS else ''})" if own else ""
    return f"{count(used, 'row')}{parts}{dropped}{penalty}"


def how_trained(line: FittedLine) -> str:
    """What was estimated, by the field's name, and with which optimiser and rate; of a solution that took no way only the first."""
    solver, method = line.plan.solver, line.plan.title(weighted=line.design.weights is not None)
    method = method[0].upper() + method[1:]
    # A file keeps those with a rate alone, and a loaded model says what it said before.
    if solver.reach is Reach.SOLUTION or solver.kept_as is None:
        return f"{method}."
    loop = solver.loop
    rate = "" if line.rate is None or not solver.rated else f", learning rate {significant(line.rate, 4)}"
    batch = "" if loop is None or loop.batch_size is None else f", {count(loop.batch_size, 'row')} a step"
    where = " on standardised columns" if line.plan.standardize else " on the columns as they are"
    limit = "" if line.rate_limit is None else f" (the largest stable rate is {significant(line.rate_limit, 4)})"
    return f"{method}, trained by {solver.title}{rate}{batch},{where}{limit}."


def _table(
    table: Sequence[Coefficient], level: float, digits: list[float] | None, sides: Sequence[str] | None = None
) -> list[str]:
    """The coefficient table in the data's units; columns that nobody can fill are left out."""
    # Columns appear only where there is something in them: without errors a table of dashes would tell nothing.
    columns: list[tuple[str, list[str]]] = [
        ("", apart([c.term for c in table], _LONGEST_NAME)),
        ("estimate", [significant(c.estimate) for c in table]),
    ]
    if any(math.isfinite(c.std_error) for c in table):
        columns.append(("std error", [significant(c.std_error) for c in table]))
    if any(math.isfinite(c.conf_low) for c in table):
        columns += [("t", [fixed(c.statistic, 2) for c in table]), ("p", [p_value(c.p_value) for c in table])]
        columns.append(intervals([(c.conf_low, c.conf_high) for c in table], level))
    if sides is not None and any(sides):
        columns.append(("at bound", list(sides)))
    if digits is not None:
        columns.append(("digits", [fixed(d, 0) for d in digits]))
    left_out = without([c.term for c in table], _LONGEST_NAME)
    lines = aligned([[name for name, _ in columns], *zip(*(cells for _, cells in columns), strict=True)], numbers=True)
    return [left_out, *lines] if left_out else lines


def _scores(line: FittedLine, robust: Covariance | None) -> list[str]:
    lines = []
    whole_fit = glances(line)
    for label, scores in (("Training error", line.fitted_scores), ("Held-out error", line.held_out)):
        if scores is None:
            lines.append(f"{label}   none: {line.unheld}")
            continue
        for i, target in enumerate(line.targets):
            which = f" of {plain(target)}" if len(line.targets) > 1 else ""
            mae = f", MAE {significant(scores.mae[i])}" if scores.mae is not None else ""
            r2 = "" if line.diverged else f", {scores.r2_said(i)}"
            if whole_fit is not None and scores is line.fitted_scores and math.isfinite(whole_fit[i].adj_r_squared):
                about = "" if scores.r2_about_mean is None else " (about zero)"
                r2 += f", adjusted R2{about} {fixed(whole_fit[i].adj_r_squared, 4)}"
            sizes = f"RMSE {significant(scores.rmse[i])}{mae}{r2}"
            lines.append(f"{label}{which}   {sizes}   ({scores.of})")
    if whole_fit is not None and whole_fit[0].df_residual > 0:
        for i, g in enumerate(whole_fit):
            # The F of robust errors is a Wald test; that of classical ones compares sums of squares, which is the same in other words.
            whole = whole_test(line, robust, g, i)
            if math.isfinite(g.statistic):
                test = (
                    ""
                    if whole is None
                    else f"{statistic_of(whole.df)} {fixed(whole.statistic, 2)}, p {p_value(whole.p_value)};  "
                )
                residual = f"Residual sd      {significant(g.sigma)} on {g.df_residual:,} degrees of freedom"
                criteria = "" if math.isnan(g.aic) else f"AIC {fixed(g.aic, 1)}, BIC {fixed(g.bic, 1)}"
                lines.append(f"{residual};  {test}{criteria}".rstrip("; "))
    elif why_no_errors(line) is not None and (
        line.plan.penalised or line.plan.limits is not None or line.edged or line.inference
    ):
        lines.append(f"No standard errors: {why_no_errors(line)}.")
    elif line.restricted is not None and line.restricted.df > 0:
        for sigma, held in zip(line.restricted.sigma.tolist(), line.restricted.held, strict=True):
            lines.append(f"Residual sd      {significant(sigma)} on {held.df:,} degrees of freedom")
    return lines
