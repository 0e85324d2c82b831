"""Second pass: what moments cannot say of a fitted line. Robust errors, influence and diagnosis read the training rows again.

All of it speaks of least squares without a penalty, and of the rows the line was fitted to: anything else is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bestline.data.passes import Named
from bestline.errors import OptionError
from bestline.inference.coordinates import Basis, Totals
from bestline.inference.covariance.base import Classical
from bestline.inference.diagnostics import diagnosis as diagnostics
from bestline.inference.diagnostics.collinearity import Collinearity, collinearity
from bestline.inference.diagnostics.diagnosis import Diagnosis
from bestline.inference.diagnostics.influence import dfbetas
from bestline.inference.diagnostics.influence import influence as influence_of
from bestline.inference.diagnostics.remedies import Remedies
from bestline.inference.diagnostics.residual_sums import Lens, ResidualSums, SumResiduals
from bestline.inference.fitted import FittedLine
from bestline.inference.numbered_rows import Numbered, OverRows
from bestline.inference.training_rows import look
from bestline.inference.uncertainty import basis_of, check_same_rows, target_number
from bestline.inference.why_not import refuse, refuse_absorbed

if TYPE_CHECKING:
    from pandas import DataFrame

_INFLUENCES = ("resid", "hat", "std_resid", "rstudent", "cooksd", "dffits", "cov_ratio")
_MOST_CELLS = 50_000_000  # of a table with a line for every row


# --- diagnosis -----------------------------------------------------------------------------------------------------------


def columns_of(line: FittedLine) -> Collinearity:
    """How far the columns can be told apart; from the moments."""
    refuse_absorbed(line, "A diagnosis needs the leverage of every row, which is not computed")
    inference = refuse(line, "There is no diagnosis")
    aliased = {alias.column: list(alias.on) for alias in inference.aliased}
    exact = None if line.refined is None else line.refined.inverse.diagonal()
    return collinearity(line.training, line.scaling, line.features, inference.kept, aliased, exact=exact)


def diagnosis(line: FittedLine, data: Any = None, *, target: int | str = 0) -> Diagnosis:
    """A second look at the training rows: see `Diagnosis`. One pass, or two where the columns are nearly collinear.

    Parameters
    ----------
    line : FittedLine
    data
        The training rows, for a model that has none.
    target : int or str
    """
    return diagnoses(line, data, targets=[target])[0]


def diagnoses(line: FittedLine, data: Any = None, *, targets: Sequence[int | str]) -> list[Diagnosis]:
    """The same of several targets: the rows are read once for all of them."""
    numbers = [target_number(line, target) for target in targets]
    # From moments, before any row is read: what refuses does so at once.
    collinear = columns_of(line)
    basis = basis_of(line, data)
    lenses = [Lens.on(basis, at) for at in numbers]
    found = look(line, _SumOfEach(lenses), data)
    for i in range(len(lenses)):
        check_same_rows(basis, found[i].totals)
    said = partial(
        diagnostics.diagnose,
        formula=line.design.formula,
        columns=line.design.p,
        kept=Classical() if line.robust is None else line.robust.kind,
    )
    return [
        said(lens, found[i], collinear, target=line.targets[lens.target], remedies=Remedies.of(line.design, lens.target))
        for i, lens in enumerate(lenses)
    ]


@dataclass(frozen=True, eq=False)
class _SumOfEach(OverRows[Named[int, ResidualSums]]):
    """The pass that gathers the sums of several targets, by their place in the list."""

    lenses: Sequence[Lens]

    def empty(self) -> Named[int, ResidualSums]:
        """Of no rows."""
        return Named({i: SumResiduals(lens).empty() for i, lens in enumerate(self.lenses)})

    def of(self, batch: Numbered) -> Named[int, ResidualSums]:
        """Of some rows."""
        return Named({i: SumResiduals(lens).of(batch) for i, lens in enumerate(self.lenses)})


def influence(line: FittedLine, data: Any = None, *, target: int | str = 0) -> DataFrame:
    """Every training row's influence on the line; one line a row, the index its number counted from 0.

    Columns: resid, hat, std_resid, rstudent, cooksd, dffits, cov_ratio, and for every weight the change in standard errors when
    the row is left out, `dfb_` before its name.

    Raises
    ------
    OptionError
        When the table would have more than 50 million numbers; `diagnose` keeps its size.
    """
    import pandas as pd

    refuse_absorbed(line, "Influence needs the leverage of every row, which is not computed")
    at = target_number(line, target)
    basis = basis_of(line, data)
    if basis.count * (7 + len(line.names)) > _MOST_CELLS:
        raise OptionError(f"A table of the influence of {basis.count:,} rows is too large; `diagnose` keeps its size.")
    found = look(line, _LineARow(basis, at), data)
    check_same_rows(basis, found.totals)
    names = [*_INFLUENCES, *(f"dfb_{name}" for name in line.names)]
    # Parts come in any order; the numbers of their rows put them back.
    ordered = sorted(found.pieces, key=lambda piece: int(piece[0][0]))
    numbers, table = (torch.cat(list(parts)).numpy() for parts in zip(*ordered, strict=True))
    return pd.DataFrame(table, index=numbers, columns=names)


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """A line for every row: pieces of row numbers (n,) and numbers (n, c), in any order, for numbers say where each belongs."""

    totals: Totals
    pieces: tuple[tuple[Tensor, Tensor], ...] = ()

    def __add__(self, other: _Table) -> _Table:
        return _Table(self.totals + other.totals, self.pieces + other.pieces)


@dataclass(frozen=True, eq=False)
class _LineARow(OverRows[_Table]):
    """The pass that says of every row how it moves the line."""

    basis: Basis
    target: int

    def empty(self) -> _Table:
        """No line."""
        return _Table(Totals.none(self.basis))

    def of(self, batch: Numbered) -> _Table:
        """A line for each of some rows."""
        seen = self.basis.see(batch.rows)
        found = influence_of(self.basis, seen, self.target)
        own = torch.stack([getattr(found, name) for name in _INFLUENCES], 1)
        table = torch.cat([own, dfbetas(self.basis, seen, self.target)], 1)
        return _Table(Totals.of(seen), ((batch.numbers, table),))
