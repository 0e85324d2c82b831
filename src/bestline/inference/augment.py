"""Augment: the data's own columns, and beside them what the line says of every row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bestline.calls import one_of
from bestline.data.design.lost_digits import columns_doubled
from bestline.data.design.weight_kinds import FREQUENCY, PROBABILITY
from bestline.data.tables import Batch, Source
from bestline.errors import DataError, MissingValuesError, NumericalError, OptionError, UnseenLevelError, warn
from bestline.inference import classical
from bestline.inference.coordinates import AddUp, Basis
from bestline.inference.diagnostics.influence import influence
from bestline.inference.fitted import FittedLine
from bestline.inference.own_units import turned_back
from bestline.inference.prediction import check_units, check_unseen
from bestline.inference.remarks import Remarks
from bestline.inference.training_rows import look, numbered, rows_of
from bestline.inference.uncertainty import basis_of, rough_basis
from bestline.inference.why_not import refuse_absorbed, why_not
from bestline.numerics import Rows

if TYPE_CHECKING:
    from pandas import DataFrame

    from bestline.numerics.exact_solve import Refined

ENDS = {"confidence": ("conf_low", "conf_high"), "prediction": ("pred_low", "pred_high")}


def augment(
    line: FittedLine,
    data: Any = None,
    interval: str | None = None,
    level: float = 0.95,
    on_unseen: str = "nan",
    units: str = "own",
) -> DataFrame:
    """The data's own columns, and new ones by broom's names; one line a row.

    Of least squares these are `fitted`, `resid`, `hat` (leverage), `cooksd` (Cook's distance), `std_resid` (residual over its own
    standard deviation), `conf_low` and `conf_high` (interval of the line's height), `pred_low` and `pred_high` (of an observation
    of the row's weight: its variance is sigma^2 / w, and w is 1 where the data has no weights). Other lines have `fitted` and `resid`
    alone: nothing else is defined for them. A name that the data has already gets an underscore behind it; of several targets every
    name but `hat` gets `:target`.

    Parameters
    ----------
    line : FittedLine
    data : optional
        By default the training rows; rows left out of training are left out, and the index is the row's number in the table,
        counted from 0. Other data need not have the target. Its rows have no `cooksd` and no `std_resid`, for they moved nothing,
        and `outside` says which lie beyond the range that training saw.
    interval : {"confidence", "prediction"}, optional
        By default the ends of both.
    level : float
        Share of intervals that hold the truth.
    on_unseen : {"nan", "raise", "average"}
        What to do with a level that training never saw, as in `Model.predict`.
    units : {"own", "fitted"}
        Of a line of `log(y)`, whether `fitted`, `resid` and the ends are in units of y or of log(y), as in `Model.predict`. `hat`,
        `cooksd` and `std_resid` have none: they are of the line as it was fitted.

    Raises
    ------
    OptionError
        For a model without its rows, when `data` is not given.
    """
    import pandas as pd

    classical.check_level(level)
    if interval is not None and not one_of(interval, ENDS):
        raise OptionError(f"`interval` is None, 'confidence' or 'prediction'; got {interval!r}.")
    check_unseen(on_unseen)
    check_units(units)
    if interval is not None and line.edged:
        raise NumericalError(
            "`augment` has intervals of least squares alone; predict(data, interval='confidence') has those of this line."
        )
    if interval is not None:
        refuse_absorbed(line, "Intervals need the errors of effects, which are not computed")
    source, _ = rows_of(line, data, target=data is None)
    basis, trained = _basis(line, data, source)
    inference = None if why_not(line) or line.design.absorbed is not None else line.inference
    page = _Page(line, basis, inference, tuple(ENDS) if interval is None else (interval,), level, units == "own")
    pieces = page.trained(data, source) if trained else page.others(source, on_unseen)
    frames = [
        pd.concat([pd.DataFrame(own, index=at), pd.DataFrame(_apart(new, source.names), index=at)], axis=1)
        for own, new, at in pieces
    ]
    return pd.concat(frames) if frames else pd.DataFrame()


def _basis(line: FittedLine, data: Any, source: Source) -> tuple[Basis | None, bool]:
    """The rows' coordinates, where there are any, and whether the rows are those of training."""
    if why_not(line) or line.design.absorbed is not None:  # the effects' part in the leverage is not known
        return None, data is None
    if data is None:
        return _sharpest(line, data), True
    # Whose rows these are decides what can be said of them: only rows of training have moved the line. Moments tell it in one pass.
    rough = _rough(line)
    if rough is not None:
        trained = _are_training(line, data, source, rough)
        return (_sharpest(line, data) if trained else rough), trained
    if not set(source.stored(line.design.reads())) <= set(source.names):
        return None, False
    try:  # moments cannot tell whose rows these are; the rows themselves can
        basis = _sharpest(line, data)
    except DataError:
        return None, False
    return basis, basis is None or _are_training(line, data, source, basis)


def _rough(line: FittedLine) -> Basis | None:
    """The basis from moments, where they have digits enough."""
    if line.refined is not None and line.refined.steep:
        return None
    try:
        return rough_basis(line)
    except NumericalError:
        return None


def _sharpest(line: FittedLine, data: Any) -> Basis | None:
    """The basis from the training rows; None, and a warning, where float64 cannot give it.

    Raises DataError for other rows, as far as it has to read them.
    """
    try:
        return basis_of(line, data)
    except NumericalError:
        warn("There is no Cook's distance here and no standardised residual: the columns are too nearly collinear for float64.")
        return None


def _are_training(line: FittedLine, data: Any, source: Source, basis: Basis) -> bool:
    if not set(source.stored(line.design.reads())) <= set(source.names):
        return False
    try:
        return look(line, AddUp(basis), data).same(basis)
    except (MissingValuesError, UnseenLevelError):
        return False


_Piece = tuple[dict[str, Any], dict[str, Any], np.ndarray[Any, Any]]  # own columns, new columns, row numbers


@dataclass(frozen=True, slots=True, eq=False)
class _Page:
    """What is to be said of every row."""

    line: FittedLine
    basis: Basis | None
    inference: classical.Inference | None
    intervals: tuple[str, ...]
    level: float
    own: bool

    def trained(self, data: Any, source: Source) -> Iterator[_Piece]:
        for part in numbered(self.line, data, also=source.names):
            said = self._said(part.batch, part.at, part.rows, trained=True)
            yield _own(part.batch, source, part.at), said, part.numbers.numpy()

    def others(self, source: Source, on_unseen: str) -> Iterator[_Piece]:
        line, design = self.line, self.line.design
        # Without a target there are no residuals, but fitted values and intervals all the same.
        known = set(source.stored(design.target_columns)) <= set(source.names)
        remarks = Remarks()
        for batch in source.batches([*source.names, *design.needs, *(design.target_columns if known else ())]):
            asked = design.features(batch, on_unseen=on_unseen)
            X, remarks = asked.X.cpu(), remarks + Remarks.of(asked)
            nothing = torch.full((len(X), len(line.targets)), float("nan"), dtype=torch.float64)
            y = design.target_values(batch).cpu() if known else nothing
            y = y if asked.height is None else y - asked.height
            # Of rows that stand for many each copy has the weight 1.
            counted = design.weights is None or design.weights not in source.names or design.weight_kind == FREQUENCY
            w = None if counted else batch.numbers([str(design.weights)])[:, 0].cpu()
            outside = classical.outside(X, line.collected.low, line.collected.high).numpy()
            new = self._said(batch, torch.arange(batch.rows), Rows(X, y, w), trained=False) | {"outside": outside}
            if asked.lacking is not None:  # a line without columns would have a number there
                lacking = asked.lacking.cpu().numpy()
                new = {n: v if n == "outside" else np.where(lacking, np.nan, v) for n, v in new.items()}
            yield _own(batch, source, torch.arange(batch.rows)), new, np.arange(batch.start, batch.start + batch.rows)
        remarks.tell(on_unseen)

    def _said(self, batch: Batch, at: Tensor, rows: Rows, *, trained: bool) -> dict[str, Any]:
        fitted, resid = self._line(batch, at, rows)
        known = self.line.design.known(batch)
        known = torch.zeros(len(at), 1, dtype=torch.float64) if known is None else known.cpu()[at, None]
        fitted = fitted + known
        columns: dict[str, Tensor] = {}
        hat: dict[str, Any] = {}
        if self.inference is not None:
            across = self._leverage(batch, at, rows)
            w = torch.ones(len(rows), dtype=torch.float64) if rows.w is None else rows.w.to(torch.float64)
            hat = {"hat": (across * w).numpy()}
            if trained and self.basis is not None:
                columns = self._influence(self.basis, rows, resid)
                exact = columns.pop("resid")
                if self.line.refined is None:  # of the line about the means, where a large offset takes no digits
                    resid = torch.where(exact.isnan(), resid, exact)
                    fitted = rows.y + known - resid
            else:
                columns = dict.fromkeys(("cooksd", "std_resid"), fitted * float("nan"))
            columns |= self._ends(self.inference, rows, fitted, across, w)
        line, targets = {"fitted": fitted, "resid": resid}, self.line.targets
        if self.own and any(self.line.inverses):
            line, columns = self._in_own_units(line, columns)
        if len(targets) == 1:
            first, others = ({name: v[:, 0].numpy() for name, v in some.items()} for some in (line, columns))
            return first | hat | others
        return hat | {f"{name}:{t}": v[:, i].numpy() for name, v in (line | columns).items() for i, t in enumerate(targets)}

    def _in_own_units(self, line: dict[str, Tensor], columns: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The same with what has the units of the targets turned back."""
        inverses = self.line.inverses
        fitted = turned_back(inverses, line["fitted"])
        resid = turned_back(inverses, line["fitted"] + line["resid"]) - fitted
        # A line that is not turned back keeps the digits of its own residuals.
        kept = torch.tensor([back is None for back in inverses])
        for low, high in ENDS.values():
            if low in columns:
                a, b = (turned_back(inverses, columns[end]) for end in (low, high))
                columns = columns | {low: torch.minimum(a, b), high: torch.maximum(a, b)}
        return {"fitted": fitted, "resid": torch.where(kept, line["resid"], resid)}, columns

    @property
    def _refined(self) -> Refined | None:
        """The line in doubled arithmetic, where it is the model's own."""
        refined = self.line.refined
        return refined if refined is not None and torch.equal(self.line.weights, refined.weights) else None

    def _line(self, batch: Batch, at: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
        """Fitted values, and what they leave of y, (n, k)."""
        line, refined = self.line, self._refined
        if refined is not None:
            below = self._below(batch, at, rows)
            return refined.height(rows.X, below), refined.residual(rows.y, rows.X, below)
        with torch.no_grad():
            fitted = line.plan.predictor(line.weights)(rows.X)
        resid, absorbed, p = rows.y - fitted, line.design.absorbed, line.design.p
        if absorbed is not None:  # y is the rest of the target
            fitted = fitted + absorbed.placed(batch).height(torch.arange(p, p + len(line.targets)), at)
        return fitted, resid

    def _leverage(self, batch: Batch, at: Tensor, rows: Rows) -> Tensor:
        """X' (X'WX)^-1 x of every row, (n,): its leverage, were its weight 1."""
        refined, basis = self.line.refined, self.basis
        if refined is not None:
            return refined.leverage(rows.X, self._below(batch, at, rows))
        if basis is None:
            return torch.full((len(rows),), float("nan"), dtype=torch.float64)
        return basis.see(Rows(rows.X, rows.y.nan_to_num(0.0))).leverage * (basis.count / basis.weight)

    def _below(self, batch: Batch, at: Tensor, rows: Rows) -> Tensor:
        return columns_doubled(self.line.design, batch, rows.X, at).low

    def _influence(self, basis: Basis, rows: Rows, resid: Tensor) -> dict[str, Tensor]:
        seen = basis.see(rows)
        if self._refined is not None:  # its residuals have more digits than these coordinates give
            seen = replace(seen, e=resid / basis.unit * seen.root[:, None])
        found = [influence(basis, seen, i) for i in range(len(self.line.targets))]
        return {name: torch.stack([getattr(f, name) for f in found], 1) for name in ("resid", "cooksd", "std_resid")}

    def _beside(self, w: Tensor) -> Tensor:
        """Variance of an observation about the line, over sigma^2, (n,); with probability weights it is the same for all."""
        line = self.line
        if line.design.weight_kind != PROBABILITY:
            return 1 / w
        return torch.full_like(w, line.training.count / line.training.weight)

    def _ends(self, inference: classical.Inference, rows: Rows, fitted: Tensor, across: Tensor, w: Tensor) -> dict[str, Tensor]:
        """Ends of the intervals; NaN without degrees of freedom, and where aliased columns do not say what they said in training."""
        line = self.line
        # About the means, where the numbers are small: an offset of the columns takes no digits from the variance.
        away = rows.X - (line.training.center[: line.design.p] if line.design.intercept else 0.0)
        odd = ~inference.estimable(away)
        df = (line.robust or inference).df
        t = classical.t_quantile(0.5 + self.level / 2, df) if df > 0 else float("nan")
        # The sigma that belongs to the leverage: exact ones together, or both of the basis, whose mean weight is 1.
        basis = None if line.refined is not None else self.basis
        sigma = inference.sigma if basis is None else basis.sigma * basis.unit * (basis.weight / basis.count) ** 0.5
        out: dict[str, Tensor] = {}
        for kind in self.intervals:
            # The variance of an observation of weight w is sigma^2 / w, and that of the line itself comes on top.
            beside = self._beside(w) if kind == "prediction" else torch.zeros_like(w)
            if line.robust is None:
                spread = (across + beside).sqrt()[:, None] * sigma
            else:
                leverage = across * (line.training.weight / line.training.count)
                height = line.robust.variance_of_height(away, leverage)
                spread = torch.where(across.isnan()[:, None], float("nan"), height + beside[:, None] * sigma**2).sqrt()
            half = t * torch.where(odd[:, None], float("nan"), spread)
            low, high = ENDS[kind]
            out |= {low: fitted - half, high: fitted + half}
        return out


def _own(batch: Batch, source: Source, at: Tensor) -> dict[str, Any]:
    """The table's own columns of some of a batch's rows: as they are stored, those of text files as what they mean."""
    columns: dict[str, Any] = {}
    for field in source.fields:
        cells = batch.cells(field.name)
        if isinstance(cells, Tensor):
            columns[field.name] = cells.cpu()[at].numpy()
        elif not batch.words(field.name):
            columns[field.name] = cells.to_pandas().iloc[at.numpy()].to_numpy()
        elif field.kind.name in ("NUMBER", "EMPTY"):
            columns[field.name] = batch.numbers([field.name])[:, 0][at].numpy()
        else:
            codes, levels = batch.text(field.name)
            columns[field.name] = np.array([*levels, None], dtype=object)[codes[at].numpy()]
    return columns


def _apart(new: dict[str, Any], taken: tuple[str, ...]) -> dict[str, Any]:
    """New columns under names that the data does not have."""
    out: dict[str, Any] = {}
    for name, value in new.items():
        # A column of the data is never written over, whatever it is called.
        free = name
        while free in taken or free in out:
            free += "_"
        out[free] = value
    return out
