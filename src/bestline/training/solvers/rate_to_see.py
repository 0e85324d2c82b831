"""Rate to see: the largest rate at which plain descent makes steps that can be watched, and whether a run left any to watch."""

from __future__ import annotations

import torch
from torch import Tensor

from bestline.training.solvers.rate_limits import DROP, Modes, predicted_steps, stable

STEPS = 20  # that are seen
MOST_SEEN = 200  # of a long way
_STEEP = 0.6  # of the steps wanted, that the steepest direction takes by itself
_JUMP = 0.95  # the share of the reducible loss that leaves nothing to see when one step makes it


def leaps(loss: Tensor) -> bool:
    """Whether the first step took so much of the reducible loss (steps + 1,) that there is nothing to see of it."""
    return len(loss) < 2 or float(loss[0] - loss[1]) >= _JUMP * float(loss[0] - loss.min())


def rate_to_see(modes: Modes, wanted: int) -> tuple[float, float | None, int | None]:
    """The largest rate that takes at least so many steps until 0.1% of the reducible loss remains; the limit; and how many steps it
    takes, if not too many.
    """
    if not len(modes.curvature) or not modes.gap > 0:
        return 0.1, None, None
    limit = stable(float(modes.curvature[0]))
    # Half the limit is the largest rate at which nothing swings. The steep way alone is not to be gone in a leap, however long the
    # rest of a valley takes.
    rates = torch.logspace(-4, 0, 241, dtype=torch.float64) * limit / 2
    steep = Modes(modes.curvature[:1], torch.ones(1, dtype=torch.float64))
    every, alone = predicted_steps(modes, rates, DROP * modes.gap), predicted_steps(steep, rates, DROP)
    slow = (every >= wanted) & (alone >= _STEEP * wanted)
    at = int(slow.nonzero()[-1]) if bool(slow.any()) else 0
    many = float(every[at])
    return float(rates[at]), limit, int(many) if many <= MOST_SEEN else None
