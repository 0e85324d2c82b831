"""TODO docstring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bestline.errors import (
    NumericalError,
)
from bestline.inference import classical as explain

if TYPE_CHECKING:
    from bestline.api.model import Model


def why_not(model: Model) -> str | None:
    """Why this line has no covariance, influence or diagnosis; None where it has."""
    plan = model.plan
    if plan.forward is not None:
        return "an own forward function is no line of least squares"
    if plan.loss != "squared":
        return f"the loss {plan.loss if isinstance(plan.loss, str) else 'given'} is not the squared one"
    if plan.l1 or plan.l2:
        return "a penalty shrinks the weights, and no standard error or p-value is honest about that"
    if model.inference is None or not model.settled:
        return "training stopped before the least-squares solution (solver='exact' reaches it)"
    return None


def refuse(model: Model, what: str) -> explain.Inference:
    reason = why_not(model)
    if reason is not None:
        raise NumericalError(f"{what} here: {reason}.")
    inference: explain.Inference | None = model.inference
    assert inference is not None  # noqa: S101  `why_not` has looked
    return inference
