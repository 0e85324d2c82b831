"""Other questions: what the moments of one formula can be asked besides: any of their numbers as target, any columns as features.

Moments hold every column beside every other, and do not know which was meant to explain which. A target that is none any more may be a
feature; a column that is made of a target may not, for it would explain it by nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from bestline.data.design import Column, Design, Factor, expression, offset_terms, sources_of
from bestline.data.unnamed_columns import Which, asked_names
from bestline.errors import ColumnError, listed

PlacedNumber: TypeAlias = tuple[int, Factor]  # a number's place among the columns of the moments, and what it is


@dataclass(frozen=True, slots=True, eq=False)
class OtherQuestion:
    """Another design of the same moments.

    Attributes
    ----------
    design : Design
    features, targets : list of int
        The places of its columns, and of its targets, among the q columns of the moments.
    """

    design: Design
    features: list[int]
    targets: list[int]

    @classmethod
    def of(cls, design: Design, target: Which | None, features: Which | None) -> OtherQuestion:
        """Of a design; by default with its own targets, and all columns that they leave.

        Raises ColumnError for a name that the moments do not hold.
        """
        responses = {r.text: (design.p + i, r) for i, r in enumerate(design.responses)}
        targets = _targets(design, target, responses)
        # A target that is none now is a number like others: it becomes a factor of its own, behind those that there are.
        spare = {name: found for name, found in responses.items() if name not in targets and found[1].kind == "number"}
        read = {
            column for _, r in targets.values() for column in ([r.column] if r.kind == "number" else expression(r.text).columns)
        }
        columns = [(j, c) for j, c in enumerate(design.columns) if not read & sources_of(design.factors, c)]
        for at, (name, (j, _)) in enumerate(spare.items()):
            columns.append((j, Column(name, name, ((len(design.factors) + at, 0),))))
        if features is not None:
            columns = _named(columns, asked_names(features, ()) or [])
        chosen = replace(
            design,
            formula=_formula(design, targets, [c for _, c in columns]),
            responses=tuple(r for _, r in targets.values()),
            factors=(*design.factors, *(factor for _, factor in spare.values())),
            columns=tuple(c for _, c in columns),
        )
        return cls(chosen, [j for j, _ in columns], [j for j, _ in targets.values()])


def _targets(design: Design, target: Which | None, responses: Mapping[str, PlacedNumber]) -> dict[str, PlacedNumber]:
    """The targets by their names: responses, or columns that are one number."""
    numbers = {
        c.name: (j, design.factors[c.parts[0][0]])
        for j, c in enumerate(design.columns)
        if len(c.parts) == 1 and design.factors[c.parts[0][0]].kind == "number"
    }
    names = asked_names(target, ()) or list(responses)
    for name in names:
        if name not in responses and name not in numbers:
            raise ColumnError.missing(name, [*responses, *numbers], "the numbers of these moments")
    # What is known of a target was taken off it before its products were: no other number has lost it.
    if design.offsets and names != list(responses):
        raise ColumnError(f"These moments have an offset: their target is {listed(responses)} and no other.")
    return {name: responses.get(name) or numbers[name] for name in names}


def _named(columns: Sequence[tuple[int, Column]], wanted: Iterable[str]) -> list[tuple[int, Column]]:
    """The columns of these names or terms, in this order."""
    found = []
    for name in wanted:
        own = [(j, c) for j, c in columns if name in (c.name, c.term)]
        if not own:
            raise ColumnError.missing(name, [c.term for _, c in columns], "the features of these moments")
        found += own
    return found


def _formula(design: Design, targets: Iterable[str], columns: Iterable[Column]) -> str:
    right = [*dict.fromkeys(c.term for c in columns), *offset_terms(design.offsets)]
    return f"{' + '.join(targets)} ~ {' + '.join(right) or '1'}{'' if design.intercept else ' - 1'}"
