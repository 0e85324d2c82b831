"""Active set: squared loss under bounds and linear restrictions, from the moments, in one step (`numerics.quadratic`).

    minimise  w' (H + l2 F) w - 2 h' w        where  C w = b  and  D w >= e

The step's violation is the certificate: how far the weights are from the conditions of the optimum, in which every restriction
that holds them pushes, and none pulls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from bestline.calls import with_hints
from bestline.errors import OptionError
from bestline.numerics import Weights
from bestline.numerics.quadratic import quadratic_program
from bestline.training.objective import Objective
from bestline.training.solvers.base import Converging, Reach, Step

_LEAST = 1e-15  # violations below are rounding, which is not told: it differs from one processor to the next


@with_hints
@dataclass(frozen=True, slots=True)
class ActiveSet(Converging):
    """Minimise squared loss, with or without an l2 penalty, where weights are limited. Limits choose it, and nobody by its name.

    Attributes
    ----------
    tol : float
        What the conditions of the optimum may be missed by, free of units.
    steps : int
        One is all there is.
    """

    name: ClassVar[str] = "active-set"
    reach: ClassVar[Reach] = Reach.SOLUTION
    tol: float = 1e-10
    steps: int = 1

    def run(self, objective: Objective, start: Weights, *, seed: int = 0) -> Iterator[Step]:
        """The start, and the solution; nothing here is random."""
        bowl = objective.bowl
        if bowl is None or objective.regions is None or not objective.penalty.quadratic:
            raise OptionError(
                "`ActiveSet` minimises squared loss under bounds or constraints, with an l2 penalty or none; give some."
            )
        first = Step.at(objective, 0, start)
        # So step 0 never counts as the end, however small the gradient is there.
        yield replace(first, violation=max(first.violation, 1.0))  # which may not even be allowed
        # H bottom as the moments say it: where columns are nearly collinear the product has fewer digits.
        linear = bowl.linear
        solved = [
            quadratic_program(bowl.curvature, linear[:, i], region.C, region.b, region.equalities)
            for i, region in enumerate(objective.regions)
        ]
        if any(one.conflict for one in solved):
            raise OptionError(
                "No weights meet all of these bounds and constraints at once, as far as float64 tells; loosen one."
            )
        # Targets have nothing in common but the columns: each has a program, and the worst of them speaks for all.
        weights = torch.stack([one.x for one in solved], 1)
        yield replace(Step.at(objective, 1, weights), violation=max(_LEAST, *(one.violation for one in solved)))
