"""Loss curves: the loss after every update, of one run or of several, with what there is to compare it with.

Beside the curve: the loss of rows that training never saw, the least loss there is, which weights were kept, and where stopping
early would have stopped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from bestline.errors import OptionError
from bestline.numerics import Bowl
from bestline.pictures.axis_labels import loss_label, updates
from bestline.pictures.marks import Horizontal, Line, Mark, Panel, Picture, Vertical, held_out_role, numbers, run_role
from bestline.training import Fit, Trace
from bestline.training.early_stopping import AGREED, best_step, held_out_minimum, ridge_of
from bestline.wording import said, shown

_DECADES = 2  # of losses that an axis of sums still shows


def loss(fits: Fit | Mapping[str, Fit], *, log: bool | None = None, held_out: bool | None = None) -> Picture:
    """Loss after every number of updates, of one run or of several.

    Parameters
    ----------
    fits : Fit, or mapping of label to Fit
    log : bool, optional
        Whether the loss grows by factors along the axis. By default where it spans more than two decades.
    held_out : bool, optional
        Whether to show the loss of the held-out rows too, where there are some. By default only of a run that stands alone, for
        beside other runs a second curve for each may hide what is compared.
    """
    runs = as_runs(fits)
    # One curve a run is compared at a glance, two are not.
    held_out = len(runs) == 1 if held_out is None else held_out
    log = by_factors(runs.values(), held_out=held_out) if log is None else log
    marks: list[Mark] = []
    for i, (label, fit) in enumerate(runs.items()):
        marks += _curves(fit, shown(label), None if len(runs) == 1 else i, held_out=held_out)
    # On an axis of factors a floor far below the curves would press them flat against the top.
    least = min((y for mark in marks if isinstance(mark, Line) for y in mark.y if y > 0), default=0.0)
    drawn, hidden = floors(runs, 1e-9 * least if log else -math.inf)
    label = axis_label(next(iter(runs.values())), log=log)
    if len(runs) > 1 and not held_out and any(fit.trace.held_out is not None for fit in runs.values()):
        label = f"{label}, of the training rows"
    title = "Loss after each update" if len(runs) == 1 else "Loss after each update, run by run"
    never = any(isinstance(mark, Line) and min(mark.y) <= 0 for mark in marks)
    zero = "A loss of 0 cannot be shown on this axis." if log and (hidden or never) else ""
    early = [_early_note(fit) for fit in runs.values()] if len(runs) == 1 and held_out else []
    panel = Panel("", "updates made", label, (*marks, *drawn), log_y=log and least > 0)
    advice = [f"{shown(name)}: {fit.ending}" if name else fit.ending for name, fit in list(runs.items())[:4]]
    note = "\n".join(filter(None, [*advice, *early, zero]))
    return Picture((panel,), title, note, " ".join(_alt(*run) for run in runs.items()))


def as_runs(fits: Fit | Mapping[str, Fit]) -> dict[str, Fit]:
    """One run or several, by label; raises OptionError when there are none."""
    runs = {"": fits} if isinstance(fits, Fit) else dict(fits)
    if not runs:
        raise OptionError("There are no runs to draw; give at least one.")
    return runs


def by_factors(fits: Iterable[Fit], *, held_out: bool) -> bool:
    """Whether the losses, with those of `held_out` rows, span more than two decades: on an axis of sums all steps but the first
    few would then lie on its floor.
    """
    curves = [
        curve for fit in fits for curve in (fit.trace.loss, fit.trace.held_out if held_out else None) if curve is not None
    ]
    positive = [v for curve in curves for v in curve.tolist() if 0 < v < math.inf]
    return bool(positive) and max(positive) > 10**_DECADES * min(positive)


def axis_label(fit: Fit, *, log: bool) -> str:
    """What stands at the axis of the losses: which loss, of which targets, and whether it grows by factors."""
    return f"{loss_label(fit)}{of_targets(fit)}{', log scale' if log else ''}"


def of_targets(fit: Fit) -> str:
    """Whose loss a trace holds, where that must be said: a surface is that of one target, and their sum is another number."""
    return " of all targets together" if len(fit.trace.targets) > 1 else ""


def _curves(fit: Fit, label: str, run: int | None, *, held_out: bool) -> list[Mark]:
    trace = fit.trace
    steps = numbers(trace.step.tolist())
    role = "path" if run is None else run_role(run)
    plain = label or ("training loss" if trace.held_out is not None and held_out else "loss")
    marks: list[Mark] = [Line(steps, numbers(trace.loss.tolist()), role, plain)]
    if trace.held_out is not None and held_out:
        said_so = f"{label}: held-out" if label else "held-out loss"
        marks.append(Line(steps, numbers(trace.held_out.tolist()), "held_out" if run is None else held_out_role(run), said_so))
    return [*marks, *stops(fit, label, early=held_out and run is None)]


def stops(fit: Fit, label: str = "", *, early: bool = True) -> list[Vertical]:
    """Which weights were kept, if not the last, and with `early` where stopping early would have stopped."""
    prefix = f"{label}: " if label else ""
    best, minimum = (best_step(fit), held_out_minimum(fit)) if early else (None, None)
    ridge = _as_ridge(fit, minimum)
    was_kept = fit.step != int(fit.trace.step[-1])
    marks: list[Vertical] = []
    if was_kept:
        where = f", where the held-out loss is least{ridge}" if best == fit.step else ""
        marks.append(Vertical(float(fit.step), "kept", f"{prefix}weights kept: {updates(fit.step)}{where}"))
    if minimum is not None and not (was_kept and minimum == fit.step):
        marks.append(Vertical(float(minimum), "reference", f"{prefix}held-out loss least after {updates(minimum)}{ridge}"))
    return marks


def _as_ridge(fit: Fit, step: int | None) -> str:
    l2 = ridge_of(fit, step) if step else None
    return "" if l2 is None else f"; as ridge with l2 = {l2:.2g}"


def _early_note(fit: Fit) -> str:
    step = held_out_minimum(fit)
    if step is None or ridge_of(fit, step) is None:
        return ""
    return (
        f"Stopping there shrinks the weights as that ridge penalty on the columns as trained does, each direction to within "
        f"{AGREED:.0%} of its way (Ali, Kolter & Tibshirani 2019)."
    )


def near(trace: Trace) -> int | None:
    """The step from which on at most 1% of the loss that could be lost is left; None where that was not reached."""
    if trace.gap is None or not float(trace.gap[0]) > 0:
        return None
    # From the last step that is still too far: a loss that comes back up has not arrived.
    far = (trace.gap > 0.01 * trace.gap[0]).nonzero()
    row = int(far[-1]) + 1
    return int(trace.step[row]) if row < len(trace) else None


def floor_of(fit: Fit) -> float | None:
    """Loss of the exact solution, summed over the targets; None where there is no closed form."""
    # With a ridge penalty the objective's lowest place is not the loss's: the loss is told at the weights that training aims for.
    if fit.trace.gap is None:
        return None
    smooth, best = fit.objective.smooth, fit.objective.whole_bowl
    if not isinstance(smooth, Bowl) or best is None:
        return None
    return float((smooth.cpu().losses(best.bottom) * fit.scaling.target_scale**2).sum())


def floors(runs: Mapping[str, Fit], above: float) -> tuple[list[Horizontal], bool]:
    """One level line for each different floor, of those that lie above `above`; and whether any does not."""
    levels: list[float] = []
    for fit in runs.values():
        floor = floor_of(fit)
        # Runs on the same rows have the same floor but for rounding: one line for them.
        if floor is not None and not any(math.isclose(floor, other, rel_tol=1e-9) for other in levels):
            levels.append(floor)
    drawn = [Horizontal(v, "floor", f"loss of the exact solution: {said(v)}") for v in levels if v > above]
    return drawn, len(drawn) < len(levels)


def _alt(name: str, fit: Fit) -> str:
    start, end = float(fit.trace.loss[0]), float(fit.trace.loss[-1])
    who = (f"{shown(name)}: loss" if name else "Loss") + of_targets(fit)
    floor, best = floor_of(fit), held_out_minimum(fit)
    least = "" if floor is None else f"; the exact solution has {said(floor)}"
    early = "" if best is None else f" The held-out loss is least after {updates(best)}."
    return f"{who} from {said(start)} at the start to {said(end)} after {updates(int(fit.trace.step[-1]))}{least}.{early}"
