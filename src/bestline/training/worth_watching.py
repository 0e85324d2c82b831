"""Worth watching: a descent whose steps can be seen, where nobody said at which rate, or where a line was solved at once.

The rate of fewest steps is the best one for an answer, and the worst one to look at: on standardised columns it arrives in a step.
To be seen, descent begins away from the optimum, and takes the largest rate that makes some twenty steps of the way.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from bestline.numerics import Comoments, Weights
from bestline.training.outcome import Fit
from bestline.training.plan import Plan
from bestline.training.solvers.base import Reach
from bestline.training.solvers.descent import Descent
from bestline.training.solvers.exact import Exact
from bestline.training.solvers.rate_limits import Modes
from bestline.training.solvers.rate_to_see import MOST_SEEN, STEPS, leaps, rate_to_see
from bestline.training.task import Part
from bestline.wording import percent, said

_STILL = 3  # updates that are no movement
_AWAY = 1.5  # standard deviations of the target for one of the column: how far from the best slope descent begins


def stands_still(plan: Plan, fit: Fit) -> bool:
    """Whether there is nothing to watch, and nobody asked for it to be so: solved at once, or in a few steps at a rate chosen here."""
    solver = plan.solver
    if not plan.squared_line or plan.limits is not None or not len(fit.trace.names):
        return False
    chosen = solver.whole_gradient is not None and solver.on_its_own and getattr(solver, "lr", None) == "auto"
    return (int(fit.trace.step[-1]) <= _STILL or leaps(fit.trace.loss)) and (chosen or solver.reach is not Reach.NEARER)


def to_watch(plan: Plan, training: Comoments, steps: int | None = None) -> tuple[Plan, str]:
    """The same question answered by plain descent that can be watched, and what was chosen, in words.

    Parameters
    ----------
    plan : Plan
        Of a line with squared loss. A start that was asked for is kept.
    training : Comoments
        Of the training rows.
    steps : int, optional
        Updates to make; by default as many as come within 0.1% of the way, 200 at the most.
    """
    seen = replace(plan, solver=Exact())
    if seen.start is None:
        seen = replace(seen, start=_away(seen, training))
    task = seen.task(Part(training))
    bowl = task.objective.bowl
    assert bowl is not None  # noqa: S101  the loss is squared
    modes = Modes.of(bowl, seen.first(task), task.units)
    rate, limit, needed = rate_to_see(modes, min(STEPS, steps or STEPS))
    many = steps or min(needed or MOST_SEEN, MOST_SEEN)
    first = ", ".join(
        f"{name} {said(float(w))}"
        for name, w in list(zip(seen.names, task.scaling.to_data(seen.first(task))[:, 0], strict=True))[
            :: max(len(seen.names) - 1, 1)
        ]
    )
    share = f", {percent(rate / limit)} of the largest stable one" if limit else ""
    way = (
        f"it comes within 0.1% of the way in {needed:,} updates"
        if needed and many >= needed
        else f"{many:,} updates of a longer way"
    )
    start = "" if plan.start is not None else f" It starts away from the optimum ({first})."
    words = f"To be watched, plain gradient descent (sgd) takes the rate {said(rate)}{share}, at which its steps are seen: {way}.{start}"
    return replace(seen, solver=Descent("sgd", lr=rate, steps=many)), words


def _away(plan: Plan, training: Comoments) -> Weights:
    """A start (d, k) in the data's units: the first slope off its best value, the line off the middle of the rows, else nothing yet."""
    p = len(plan.features)
    best: Weights = plan.run(Part(training)).weights if not plan.l1 else replace(plan, l1=0.0).run(Part(training)).weights
    center, spread = training.center, training.spread
    if not plan.intercept:  # then nothing is centred: the size of a column is about zero
        spread = torch.hypot(spread, center)
    size = torch.where(spread > 0, spread, torch.where(center != 0, center.abs(), 1.0))
    height = size[p:]
    start = torch.zeros_like(best)
    if p:
        off = _AWAY * height / size[0]
        start[0] = torch.where(best[0] > 0, best[0] - off, best[0] + off) if float(spread[0]) > 0 else best[0]
    if plan.intercept:  # at the middle of the rows the line lies a standard deviation below them
        start[p] = center[p:] - height - start[:p].T @ center[:p]
    return start


__all__ = ["STEPS", "stands_still", "to_watch"]
