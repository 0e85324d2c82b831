"""Recorded: weights that somebody's own loop passed through, so that they are seen as any training is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from bestline.errors import OptionError
from bestline.numerics import Weights
from bestline.training.objective import Objective
from bestline.training.solvers.base import Rule, Solver, Step


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Recorded(Solver):
    """The states of a loop that is not ours, one after the other.

    Parameters
    ----------
    path : Tensor (t, d, k)
        The weights in the columns as they stand: at the start, and after every update.
    """

    name: ClassVar[str] = "recorded"
    again: ClassVar[bool] = False
    unwritten: ClassVar[str] = "The steps were made in a loop of your own, which is the script; nothing else is known of them."
    unruled: ClassVar[str] = "The steps were made in a loop of your own, whose rule is not known here."
    path: Weights

    def __repr__(self) -> str:
        return f"Recorded({len(self.path) - 1} steps)"

    @property
    def rule(self) -> Rule:
        """As many steps as were recorded."""
        return Rule(steps=len(self.path) - 1)

    @property
    def title(self) -> str:
        """Whose loop it was."""
        return "a loop of your own"

    def asked(self) -> tuple[Any, dict[str, Any]] | None:
        """No words say it."""
        return None

    def run(self, objective: Objective, start: Weights, *, seed: int = 0) -> Iterator[Step]:
        """The recorded weights, each with its loss and gradient."""
        recorded, needed = self.path.shape[1], len(start)
        if recorded != needed or start.shape[1] != 1:
            raise OptionError(
                f"Each state needs a weight for every column and one for the intercept, {needed} in all, of one target; {recorded} were recorded."
            )
        for index, weights in enumerate(self.path.to(start.device)):
            yield Step.at(objective, index, weights)
