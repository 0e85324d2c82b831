"""Arithmetic: the updates of a recorded run in the numbers of their rule, as a page writes them out.

A page that trains makes these numbers itself. Of a run on rows, whose gradient is that of a batch or of another loss, they are found
by making the run again. What cannot be followed by hand is said in a sentence instead.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bestline.errors import OptionError
from bestline.pictures.axis_labels import called
from bestline.pictures.landscape import is_scaled
from bestline.training import Fit
from bestline.training.solvers.update import REMEMBERED

MOST = 6  # weights whose arithmetic is written out
_LIKE = 1e-6  # relative: a run made again that is further off is not the same run


def numbers_a_step(fit: Fit) -> int:
    """About how many numbers are sent for an update: the weights before it, at times those after it, the gradient, what is remembered."""
    remembered = REMEMBERED.get(fit.solver.optimizer_name, max(REMEMBERED.values()))  # somebody's own may be any of them
    return 1 + (2 + remembered) * min(len(fit.trace.names), MOST) if fit.solver.rated else 0


def arithmetic(fit: Fit, keep: Tensor, target: int) -> dict[str, Any]:
    """The updates that follow the kept rows of the trace, and the one that leads to the last; `{"why": sentence}` where there are none.

    Parameters
    ----------
    fit : Fit
    keep : Tensor (t,)
        Rows of the trace that are shown, ascending.
    target : int

    Returns
    -------
    dict
        Columns by the step that an update leaves: its rate, and for each weight as trained the gradient and what the optimiser
        remembered. `weights` are those at `places`, the steps left and the steps come to, so that none is sent twice.
    """
    trace, names = fit.trace, fit.trace.names
    if len(keep) < 2 or not names:
        return {"why": "No update was made."}
    shown = trace.step[keep].tolist()
    at = sorted({*shown[:-1], shown[-1] - 1})
    start = fit.scaling.to_trained(trace.weights[0])
    try:
        again = fit.solver.retraced(
            fit.objective, start.to(fit.objective.size.device), at, seed=fit.task.seed if fit.task else 0
        )
    except OptionError as reason:
        return {"why": str(reason)}
    before = {one.index: one.before for one in again.updates}
    told = torch.stack([before[k].cpu() for k in shown[:-1]])
    seen = fit.scaling.to_trained(trace.weights[keep[:-1]])
    if not torch.allclose(told, seen, rtol=_LIKE, atol=_LIKE * float(seen.abs().max())):
        return {"why": "Made again, this run takes other steps, so its updates are not written out."}
    few = range(min(len(names), MOST))

    def columns(what: list[Tensor]) -> list[list[float]]:
        return [[float(values[j, target]) for values in what] for j in few]

    updates = again.updates
    weights = {one.index + 1: one.after for one in updates} | {one.index: one.before for one in updates}
    places = sorted(weights)
    return {
        "rule": again.rule,
        "rows": again.rows,
        "standardized": is_scaled(fit),
        "names": [called(names)[names[j]] for j in few],
        "more": len(names) - len(few),
        "step": at,
        "rate": [one.rate for one in updates],
        "places": places,
        "weights": columns([weights[k] for k in places]),
        "gradient": columns([one.gradient for one in updates]),
        "memory": [columns([one.memory[i] for one in updates]) for i in range(len(updates[0].memory))],
    }
