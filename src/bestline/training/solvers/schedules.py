"""Schedules: how the learning rate changes from update to update, by name or by somebody's own schedulers of torch.

cosine       half a cosine from the rate down to 0 (Loshchilov & Hutter 2017)       linear     a straight line to 0
exponential  by one factor an update, down to a thousandth                          step       to a tenth after each third
plateau      to a tenth where the loss has stopped falling, as ReduceLROnPlateau has it
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    ReduceLROnPlateau,
    StepLR,
)

from bestline.calls import no_such
from bestline.errors import OptionError

ScheduleMaker: TypeAlias = Callable[[Optimizer], Any]

# Name -> (number of updates) -> (optimiser) -> scheduler of torch.
SCHEDULES: dict[str, Callable[[int], ScheduleMaker]] = {
    "cosine": lambda steps: partial(CosineAnnealingLR, T_max=steps),
    "linear": lambda steps: partial(LinearLR, start_factor=1.0, end_factor=0.0, total_iters=steps),
    "exponential": lambda steps: partial(ExponentialLR, gamma=1e-3 ** (1 / steps)),
    "step": lambda steps: partial(StepLR, step_size=max(steps // 3, 1), gamma=0.1),
    "plateau": lambda steps: ReduceLROnPlateau,
}
_USUAL = "`schedule` is a name such as 'cosine', or makes a scheduler of an optimiser, such as partial(StepLR, step_size=100)"


# Torch's classes, whose names are taken for ours.
_CALLED = {"cosineannealing": "cosine", "reduceonplateau": "plateau", "multistep": "step"}


def usual_schedule(schedule: Any) -> Any:
    """The name in `SCHEDULES` of a schedule in any spelling, or by the name of torch's class; whatever else, as it is."""
    if not isinstance(schedule, str):
        return schedule
    folded = re.sub(r"[-_\s]|lr", "", schedule.casefold())
    found = _CALLED.get(folded, folded)
    return found if found in SCHEDULES else schedule


def check_schedule(schedule: object, steps: int | None) -> None:
    """Raise OptionError for what is no schedule, and for a name whose length nobody has said."""
    if isinstance(schedule, str):
        if schedule not in SCHEDULES:
            raise no_such("schedule", schedule, SCHEDULES)
        if steps is None and schedule != "plateau":
            raise OptionError(f"schedule={schedule!r} goes over all steps; say how many, for example steps=200.")
    elif schedule is not None and not callable(schedule):
        raise OptionError(f"{_USUAL}; got an object of the type {type(schedule).__name__}.")


def maker(schedule: str | ScheduleMaker | None, steps: int | None) -> ScheduleMaker | None:
    """(optimiser) -> scheduler, for what was asked."""
    return SCHEDULES[schedule](max(steps or 1, 1)) if isinstance(schedule, str) else schedule


def made(schedule: ScheduleMaker | None, optimizer: Optimizer) -> Any:
    """The scheduler of an optimiser, None for none; raises OptionError where what was given makes none."""
    if schedule is None:
        return None
    try:
        scheduler = schedule(optimizer)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise OptionError(
            f"{_USUAL}; what was given failed: {str(error).splitlines()[0] if str(error) else error!r}."
        ) from error
    if not isinstance(scheduler, LRScheduler | ReduceLROnPlateau):
        raise OptionError(
            f"{_USUAL}; what was given made an object of the type {type(scheduler).__name__}. A function of the step is "
            f"partial(LambdaLR, lr_lambda=...)."
        )
    return scheduler
