"""Changes: what one more unit of a column is a change of, in words that a person can act on: of a number, or from level to level.

A column that cannot change alone, as x beside x^2 or one of an interaction, has no change to be told by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from bestline.data.design.design import Design


@dataclass(frozen=True, slots=True)
class Change:
    """One more unit of a `variable`; or of a category its `level` rather than the `reference`, which is empty where there is none.

    True rather than false is a change from level to level. Without an intercept all levels have a column of their own, and none is the reference.
    """

    variable: str
    level: str = ""
    reference: str = ""
    is_category: bool = False


def change_of(design: Design, j: int) -> Change | None:
    """What column j is a change of; None where its variable is in other terms, too."""
    mine = design.columns[j]
    at, component = mine.parts[0]
    factor = design.factors[at]
    if len(mine.parts) != 1 or factor.kind == "expression" or factor.is_coded or _elsewhere(design, j):
        return None
    if factor.truth:
        return Change(factor.column, "true", "false", is_category=True)
    if factor.kind != "category":
        return Change(factor.column)
    full = sum(other.term == mine.term for other in design.columns) == len(factor.levels)
    return Change(factor.column, factor.levels[component], "" if full else factor.levels[0], is_category=True)


def _elsewhere(design: Design, j: int) -> bool:
    """Whether the variable of column j is in another term; other levels of the same category are in the same one."""
    mine = design.columns[j]
    variable = design.factors[mine.parts[0][0]].column
    others = [design.factors[at] for other in design.columns if other.term != mine.term for at, _ in other.parts]
    return any(factor.column == variable or (factor.kind == "expression" and variable in factor.text) for factor in others)
