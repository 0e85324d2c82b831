"""Chosen penalty: the plan with the penalty that predicts unseen rows best; asked for by `cv`, or tried where rows are few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from bestline.data.design import Design
from bestline.numerics import Comoments
from bestline.training.cross_validation import Selection, select
from bestline.training.plan import Plan
from bestline.training.solvers.proximal import Proximal

_PENALISED = 30  # rows a column below which a penalty is tried when the user has asked for nothing in particular


def crowded(statistic: Comoments, design: Design) -> bool:
    """Whether there are so few rows for the columns that a penalty is tried unasked."""
    return 0 < statistic.count < _PENALISED * design.p


def with_penalty(
    plan: Plan, folds: Sequence[Comoments], statistic: Comoments, design: Design, kind: str | None
) -> tuple[Plan, Selection | None, list[str]]:
    """The plan with the penalty that cross-validation prefers, and all penalties that were tried.

    Unasked, without a kind, that is ridge: only where there are few rows for the columns, and only if the gain is more than its
    own standard error.
    """
    # Chosen for the user, categories are penalised as they stand, 0 or 1: scaling a rare level up would shield it from shrinking.
    unscaled = () if kind else design.indicators
    choice = select(
        kind or "ridge",
        folds,
        design.p,
        intercept=design.intercept,
        standardize=plan.standardize,
        unscaled=unscaled,
        factors=None if plan.factors is None else torch.tensor(plan.factors, dtype=torch.float64),
        names=design.names,
        targets=design.targets,
    )
    if choice is None:
        return plan, None, ["Cross-validation needs rows in two folds at least; there is no penalty."] if kind else []
    best, plain = choice.best, float(choice.error[-1])
    l1, l2 = float(choice.l1[best]), float(choice.l2[best])
    if kind and not l1 and not l2:
        words = [f"{len(folds)}-fold cross-validation prefers no penalty: this is least squares."]
        return replace(plan, l2=0.0), choice, words
    if not kind and choice.gain * plain <= max(float(choice.difference[best]), 0.005 * plain):
        return plan, None, []
    named = {"ridge": f"ridge penalty l2={l2:.3g}", "lasso": f"lasso penalty l1={l1:.3g}"}
    what = named.get(choice.kind, f"penalty l1={l1:.3g}, l2={l2:.3g}")
    kept = f" and keeps {int(choice.nonzero[best])} of {design.p} columns" if l1 else ""
    remark = f"A {what} was chosen by {len(folds)}-fold cross-validation: it lowers the out-of-fold error by {choice.gain:.0%}{kept}."
    if not kind:
        remark += (
            f" {statistic.count:,} rows are few for {design.p} columns, and least squares overfits; ask for solver='exact' "
            f"(--solver exact) or give a formula to have least squares all the same."
        )
    solver = Proximal() if l1 else plan.solver
    return replace(plan, l1=l1, l2=l2, unscaled=unscaled, solver=solver), choice, [remark]
