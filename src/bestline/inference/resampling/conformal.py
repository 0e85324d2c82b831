"""Conformal prediction: intervals for new rows from the errors at rows that a line has not seen; no normal errors are assumed.

    low  = the floor(a (n + 1))-th smallest of m_i(x) - R_i        m_i  the line without row i (jackknife+), or without its fold (CV+)
    high = the ceil((1 - a) (n + 1))-th smallest of m_i(x) + R_i    R_i  how far that line is off at row i

Where rows are exchangeable the jackknife+ holds a new observation with a probability of at least 1 - 2a, CV+ of a little less where
rows are few, and both of about 1 - a but for contrived data (Barber, Candes, Ramdas & Tibshirani 2021, Annals of Statistics 49:486-507). Lines without a row follow from the leverages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bestline.calls import checked, is_whole, no_such, one_of
from bestline.data.design.weight_kinds import FREQUENCY
from bestline.data.folds import check_seed
from bestline.data.tables import Batch
from bestline.errors import NumericalError, OptionError, warn
from bestline.inference import classical
from bestline.inference.coordinates import Basis, Totals
from bestline.inference.fitted import FittedLine
from bestline.inference.prediction import Predictor
from bestline.inference.resampling.replicates import UnitSums
from bestline.inference.training_rows import numbered, opened
from bestline.inference.uncertainty import basis_of, check_same_rows
from bestline.inference.why_not import refuse, refuse_absorbed
from bestline.numerics import Rows

if TYPE_CHECKING:
    from pandas import DataFrame

METHODS = ("jackknife+", "cv+")
COLUMNS = ("prediction", "pred_low", "pred_high")
_CHUNK = 2**23  # numbers of new rows times training rows at a time


@checked
def conformal(
    line: FittedLine,
    new: Any,
    *,
    level: float = 0.95,
    method: str = "jackknife+",
    folds: int = 10,
    seed: int = 0,
    data: Any = None,
) -> DataFrame:
    """Prediction intervals for new rows: a frame with the columns `prediction`, `pred_low` and `pred_high`.

    Parameters
    ----------
    line : FittedLine
        Of least squares with one target, of rows that weigh alike.
    new
        The rows to predict, as `predict` takes them.
    level : float
        1 - a.
    method : {"jackknife+", "cv+"}
        Lines that lack one row each; or one fold each, of those that the line was fitted with where a column tells them, or else of
        `folds` folds that `seed` draws.
    data
        The training rows, for a model that has none.

    Raises
    ------
    OptionError
        For a level that so few rows cannot give, weights but those of frequency, several targets, and absorbed effects.
    NumericalError
        For penalties, bounds, other losses, and where a line without a row or fold is not determined.
    """
    ask = conformal_predictor(line, data, level=level, method=method, folds=folds, seed=seed)
    batches = [ask(batch) for batch in opened(line, new)[0].batches(line.design.needs)]
    ask.tell()
    import pandas as pd

    empty = torch.empty(0, dtype=torch.float64)
    return pd.DataFrame({name: torch.cat([empty, *(batch[name] for batch in batches)]).numpy() for name in COLUMNS})


@checked
def conformal_predictor(
    line: FittedLine, data: Any = None, *, level: float = 0.95, method: str = "jackknife+", folds: int = 10, seed: int = 0
) -> ConformalPredictor:
    """What predicts batch after batch with conformal intervals; arguments and errors as those of `conformal`."""
    if not one_of(method, METHODS):
        raise no_such("method", method, METHODS)
    classical.check_level(level)
    refuse_absorbed(line, "Conformal intervals need the leverage of every row, which is not computed")
    inference = refuse(line, "There are no conformal intervals")
    # Rows must be exchangeable, which those of unlike weights are not.
    weighed = line.design.weight_kind != FREQUENCY and not line.training.evenly_weighted
    if len(line.targets) != 1 or weighed or any(back is not None for back in line.inverses):
        raise OptionError(
            "Conformal intervals are for one target as it stands and rows of one weight; use predict(interval='prediction')."
        )
    n = line.training.count
    if not is_whole(folds) or folds < 2:
        raise OptionError(f"`folds` is a whole number of at least 2; got {folds!r:.60}.")
    if math.ceil(level * (n + 1) - 1e-9) > n:
        raise OptionError(
            f"A level of {level:g} needs {math.ceil(level / (1 - level) - 1e-9):,} rows or more; there are {n:,}."
        )
    basis = basis_of(line, data)
    apart, by = (min(folds, n), line.collected.by) if method == "cv+" else (n, None)
    without, R = _unseen(line, basis, apart, by, check_seed(seed), data)
    return ConformalPredictor(line, basis, inference, without, R, level)


@dataclass(slots=True, eq=False)
class ConformalPredictor:
    """Predicts batch after batch of a table with conformal intervals, and tells once, behind the last, what people should know of all rows."""

    line: FittedLine
    basis: Basis
    inference: classical.Inference
    without: Tensor
    off: Tensor
    level: float
    aside: int = 0
    ask: Predictor = field(init=False)

    def __post_init__(self) -> None:
        self.ask = Predictor(self.line)

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """By column: `prediction`, `pred_low` and `pred_high`; NaN in rows that cannot be predicted."""
        line, prediction = self.line, self.ask(batch)["prediction"]
        X = line.design.features(batch, on_unseen="nan").X.cpu()
        # Where columns are collinear the training rows fix the line at some rows only; elsewhere every line without a row is arbitrary.
        known = self.inference.estimable(X - line.training.center[: line.design.p] if line.design.intercept else X)
        self.aside += int((~(known | X.isnan().any(1))).sum())
        found = _ends(self.basis, X, prediction, self.without, self.off, self.level)
        ends = [torch.where(known & ~prediction.isnan(), end, torch.nan) for end in found]
        return dict(zip(COLUMNS, (prediction, *ends), strict=True))

    def tell(self) -> None:
        """Warn of what was met in the rows."""
        self.ask.tell()
        if self.aside:
            warn(
                f"{self.aside:,} row{'s have' if self.aside > 1 else ' has'} no interval: the line is one choice among many there."
            )


def _unseen(line: FittedLine, basis: Basis, apart: int, by: str | None, seed: int, data: Any) -> tuple[Tensor, Tensor]:
    """Changes (n, r) of the line that has not seen each training row, and how far off it is there (n,), in units of `basis.unit`.

    Rows are left out by the values of the column `by`, or in so many parts of one size.
    """
    parts, totals = [], Totals.none(basis)
    places, codes = dict[str, int](), list[Tensor]()
    for batch in numbered(line, data, also=() if by is None else (by,), once=False):
        seen = basis.see(batch.rows.to("cpu"))
        parts.append((seen.q, seen.e))
        totals += Totals.of(seen)
        if by is not None:
            own, names = batch.groups(by)
            codes.append(torch.tensor([places.setdefault(name, len(places)) for name in names] or [0])[own])
    check_same_rows(basis, totals)
    q, e = (torch.cat(part) for part in zip(*parts, strict=True))
    n = len(q)
    # Folds as even as can be, in an order drawn by the seed; of single rows the order is of no consequence.
    fold = torch.cat(codes) if codes else torch.arange(n) % apart
    if apart < n and not codes:
        fold = fold[torch.randperm(n, generator=torch.Generator().manual_seed(seed))]
    changes = UnitSums.of(q, e, None if apart == n and not codes else fold).left_out()[:, :, 0]
    if bool(changes.isnan().any()):
        raise NumericalError(
            "Without some row or fold the line is not determined, so there is no error there; use predict(interval='prediction')."
        )
    # By each row's own fold: the line that has not seen it.
    own = changes[fold]
    return own, (e[:, 0] - (q * own).sum(1)).abs()


def _ends(basis: Basis, X: Tensor, prediction: Tensor, without: Tensor, R: Tensor, level: float) -> tuple[Tensor, Tensor]:
    """Lower and upper ends (m,) at rows X (m, p)."""
    n = len(R)
    # The ranks of a finite sample: one more than the rows there are, for the new row is one of them.
    up = math.ceil(level * (n + 1) - 1e-9)
    unit, found = float(basis.unit[0]), []
    for rows, height in zip(X.split(max(1, _CHUNK // n)), prediction.split(max(1, _CHUNK // n)), strict=True):
        q = basis.see(Rows(rows, torch.zeros(len(rows), 1, dtype=torch.float64))).q
        # Heights of all lines without a row at each new row, less that of the line itself.
        moved = q @ without.T  # (m, n)
        # Barber, Candes, Ramdas & Tibshirani (2021): the ends are order statistics of each line's height less and plus how far off it was.
        low = (moved - R).kthvalue(n + 1 - up, 1).values
        found.append((height + unit * low, height + unit * (moved + R).kthvalue(up, 1).values))
    low, high = (torch.cat(ends) for ends in zip(*found, strict=True)) if found else (prediction, prediction)
    return low, high
