"""Second pass: what moments cannot say of a fitted line. Robust errors, influence and diagnosis read the training rows again.

All of it speaks of least squares without a penalty, and of the rows the line was fitted to: anything else is refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bestline.errors import (
    OptionError,
)
from bestline.inference import diagnosis as diagnostics
from bestline.inference.collinearity import Collinearity, collinearity
from bestline.inference.coordinates import Totals
from bestline.inference.diagnosis import Diagnosis
from bestline.inference.fitted import FittedLine
from bestline.inference.influence import dfbetas
from bestline.inference.influence import influence as influence_of
from bestline.inference.residual_sums import Evidence, Lens

if TYPE_CHECKING:
    from pandas import DataFrame


from bestline.inference.training_rows import numbered
from bestline.inference.uncertainty import basis_of, check_same_rows, target_number
from bestline.inference.why_not import refuse

_MOST_CELLS = 50_000_000  # of a table with a line for every row
_NAN = float("nan")


# --- diagnosis -----------------------------------------------------------------------------------------------------------


def columns_of(line: FittedLine) -> Collinearity:
    """How far the columns can be told apart; from the moments."""
    inference = refuse(line, "There is no diagnosis")
    aliased = {alias.column: list(alias.on) for alias in inference.aliased}
    return collinearity(line.training, line.scaling, line.features, inference.kept, aliased)


def diagnosis(line: FittedLine, data: Any = None, *, target: int | str = 0) -> Diagnosis:
    """A second look at the training rows: see `Diagnosis`. One pass, or two where the columns are nearly collinear.

    Parameters
    ----------
    line : FittedLine
    data
        The training rows, for a model that has none.
    target : int or str
    """
    at = target_number(line, target)
    collinear = columns_of(line)
    lens = Lens.on(basis_of(line, data), at)
    evidence = Evidence.empty(lens)
    for part in numbered(line, data):
        evidence = evidence + Evidence.of(lens, part.rows, part.numbers)
    check_same_rows(lens.basis, evidence.totals)
    return diagnostics.diagnose(lens, evidence, collinear, formula=line.design.formula, target=line.targets[at])


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

    at = target_number(line, target)
    basis = basis_of(line, data)
    if basis.count * (7 + len(line.names)) > _MOST_CELLS:
        raise OptionError(f"A table of the influence of {basis.count:,} rows is too large; `diagnose` keeps its size.")
    frames, totals = [], Totals.none(basis)
    for part in numbered(line, data):
        seen = basis.see(part.rows)
        found = influence_of(basis, seen, at)
        columns = {
            n: getattr(found, n).numpy() for n in ("resid", "hat", "std_resid", "rstudent", "cooksd", "dffits", "cov_ratio")
        }
        columns |= {f"dfb_{name}": moved.numpy() for name, moved in zip(line.names, dfbetas(basis, seen, at).T, strict=True)}
        frames.append(pd.DataFrame(columns, index=part.numbers.numpy()))
        totals = totals + Totals.of(seen)
    check_same_rows(basis, totals)
    return pd.concat(frames)
