"""Why not: what covariance, influence and diagnosis are not defined for, and the refusal that says so."""

from __future__ import annotations

from bestline.data.design.weight_kinds import PROBABILITY
from bestline.errors import NumericalError, OptionError, as_written, listed
from bestline.inference import classical
from bestline.inference.fitted import FittedLine
from bestline.training import Stop

_DIVERGED = "training diverged, and its weights say nothing of the data (use a smaller rate, or solver='exact')"


def why_not(line: FittedLine) -> str | None:
    """Why this line has no covariance, influence or diagnosis; None where it has."""
    plan = line.plan
    if plan.forward is not None:
        return "an own forward function is no line of least squares"
    if plan.loss != "squared":
        return f"the loss {plan.loss if isinstance(plan.loss, str) else 'given'} is not the squared one"
    if plan.penalised:
        return "classical standard errors do not hold under a penalty, which shrinks the weights"
    if plan.limits is not None and line.design.weight_kind == PROBABILITY:
        return f"{plan.limited_by} hold the weights, and under probability weights their classical errors do not hold"
    if plan.limits is not None:
        return f"{plan.limited_by} hold the weights, and this is for lines that nothing holds; fit without them"
    if line.diverged:
        return _DIVERGED
    if line.inference is None or not line.settled:
        return "training stopped before the least-squares solution (solver='exact' reaches it)"
    return None


def refuse_absorbed(line: FittedLine, what: str) -> None:
    """Raise OptionError, `what` first, for a line with absorbed effects."""
    absorbed = line.design.absorbed
    if absorbed is not None:
        raise OptionError(
            f"{what}, and this line has absorbed effects ({listed(absorbed.names)}); of few levels write them as columns, + "
            f"C({as_written(absorbed.columns[0])}), in place of the bar."
        )


def why_not_edged(line: FittedLine) -> str | None:
    """Why no rows give a line under a loss with edges standard errors; None where they do."""
    if line.plan.penalised:
        return "they do not hold under a penalty, which shrinks the weights"
    if line.diverged:
        return _DIVERGED
    # On the way to the least loss weights are those of the optimiser, and no error of sampling.
    if line.stop is not Stop.CONVERGED:
        return "training stopped before the least loss (solver='interior-point' reaches it)"
    if line.geometry.df_resid <= 0:
        return "no residual degrees of freedom are left"
    return None


def why_no_heights(line: FittedLine) -> str | None:
    """Why the line's height has no standard error; None where it has one."""
    return why_no_errors(line) if line.edged else why_not(line)


def why_no_errors(line: FittedLine) -> str | None:
    """Why this line has no standard errors; None where it has some."""
    if line.restricted is not None:
        return None
    if not line.edged:
        return why_not(line)
    if line.robust is None:
        return why_not_edged(line) or "they were not computed; summary(cov='robust', data=rows) computes them, or says why not"
    return line.robust.lacks or None


def refuse(line: FittedLine, what: str) -> classical.Inference:
    """The line's covariance; raises NumericalError, `what` first, where it has none."""
    reason = why_not(line)
    if reason is not None:
        raise NumericalError(f"{what} here: {reason}.")
    assert line.inference is not None  # noqa: S101  `why_not` has looked
    return line.inference
