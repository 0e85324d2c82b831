"""Residual sums: what a second pass over the rows gathers, with the line in hand. It adds up, and it keeps its size.

Counts in cells for the pictures, a sketch of quantiles whose error is half a percent of the value (after Masson, Rim & Lee 2019,
DDSketch), the most extreme rows, and moments of a few more columns, from which tests follow. Up to 2,000 rows are kept as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from bestline.inference.classical import t_quantile
from bestline.inference.coordinates import Basis, Totals
from bestline.inference.diagnostics.influence import influence
from bestline.inference.numbered_rows import Numbered, OverRows
from bestline.numerics import Comoments

MOST = 2_000  # rows up to which all are kept, and shown one by one
TOP = 10  # most extreme rows kept, by each measure
REACH, FINE = 16, 8  # cells reach 16 standard deviations each way, 8 to one of them
ROOTS = 32  # cells to a unit of the root of a residual's size
DECADES, TENTH = (-4, 8), 20  # of leverage over its mean, and cells to a decade
COLUMNS = ("number", "fitted", "resid", "hat", "std_resid", "rstudent", "cooksd")
_NUMBER, _FITTED, _RESID, _HAT, _STD, _STUDENT, _COOK = range(7)
COVERAGE = 0.95  # level of the prediction intervals whose coverage is counted
CROSSED = 8  # columns up to which White's test and RESET take all squares and products
_SKETCH = 2_600  # cells of the sketch each way: values up to 1e8 standard deviations
_NAN = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """What the pass looks through: the line's basis, one target, and the size of its fitted values."""

    basis: Basis
    target: int
    width: float

    @classmethod
    def on(cls, basis: Basis, target: int = 0) -> Lens:
        """For one target."""
        spread = (basis.triangle @ basis.slopes[:, target]).norm() / basis.count**0.5
        return cls(basis, target, float(spread))

    @property
    def center(self) -> float:
        """Of the fitted values, in the data's units; 0 without an intercept."""
        at = len(self.basis.kept) + self.target
        return float(self.basis.high[at] + self.basis.low[at])

    @property
    def unit(self) -> float:
        """Of residuals, in the data's units."""
        return float(self.basis.unit[self.target])

    @property
    def sigma(self) -> float:
        """Residual standard deviation in that unit; NaN where there is none, for want of rows or of residuals."""
        value = float(self.basis.sigma[self.target])
        return value if value > 0 else _NAN


@dataclass(frozen=True, slots=True, eq=False)
class ResidualSums:
    """What the second pass gathers; `a + b` is that of the rows of a followed by those of b.

    Attributes
    ----------
    totals : Totals
        Whether these are the training rows.
    powers : Tensor (4,)
        Sums of the first four powers of the residuals over their standard deviation.
    inside_steps : float
        Sum of the squared differences of neighbouring residuals, within batches.
    ends : Tensor (b, 4)
        Of every batch, by number: its first row's number and residual, and its last row's.
    meat : Tensor (m, m)
        Second moments of a column of ones, the columns, their products and the powers, each row times its squared residual.
    linear, squares : Comoments
        Of the columns with their products, the powers of the fitted values and the residual, and of the columns with their products
        and the squared residual.
    by_fitted, by_size, by_leverage : Tensor
        Rows in cells: std_resid, its root, and std_resid again, against fitted values and leverage.
    profile : Tensor (c, 4)
        For each cell of fitted values: rows, and the sums of std_resid, of the root of its size, and of its square.
    sketch : Tensor
        Rows in cells of std_resid.
    covered : Tensor (2,)
        Rows within the prediction interval of the line without them, and all rows of which that can be said.
    outside : int
        Rows beyond the cells, or without std_resid.
    top, kept : Tensor (m, 7)
        The most extreme rows, and all of them while they are few; by number.
    """

    totals: Totals
    powers: Tensor
    inside_steps: float
    ends: Tensor
    meat: Tensor
    linear: Comoments
    squares: Comoments
    by_fitted: Tensor
    by_size: Tensor
    by_leverage: Tensor
    profile: Tensor
    sketch: Tensor
    covered: Tensor
    outside: int
    top: Tensor
    kept: Tensor

    @property
    def rows(self) -> int:
        """Rows of positive weight."""
        return self.totals.rows

    @property
    def steps(self) -> float:
        """Sum of the squared differences of neighbouring residuals, from the first row to the last."""
        # Batches come in any order, so where one meets the next is known only when all are there.
        return self.inside_steps + float((self.ends[1:, 1] - self.ends[:-1, 3]).square().sum())

    def __add__(self, other: ResidualSums) -> ResidualSums:
        if self.rows == 0 or other.rows == 0:
            return other if self.rows == 0 else self
        added = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self) if f.name not in _APART}
        # All rows as long as they are few, and none beyond that: which are kept does not depend on the order of the batches.
        few = added["totals"].rows <= MOST
        return ResidualSums(
            **added,
            top=_extreme(torch.cat([self.top, other.top])),
            ends=_by_number(torch.cat([self.ends, other.ends])),
            kept=_by_number(torch.cat([self.kept, other.kept])) if few else self.kept[:0],
        )


_APART = {"ends", "top", "kept"}


def _by_number(table: Tensor) -> Tensor:
    """Lines (m, c) in the order of their first column, the number of a row."""
    return table[table[:, 0].argsort()]


@dataclass(frozen=True, eq=False)
class SumResiduals(OverRows[ResidualSums]):
    """The pass that gathers it."""

    lens: Lens

    def empty(self) -> ResidualSums:
        """Of no rows."""
        s = len(self.lens.basis.kept)
        across, along = 2 * REACH * FINE, (DECADES[1] - DECADES[0]) * TENTH
        return ResidualSums(
            totals=Totals.none(self.lens.basis),
            powers=torch.zeros(4, dtype=torch.float64),
            inside_steps=0.0,
            ends=torch.zeros(0, 4, dtype=torch.float64),
            meat=torch.zeros(s + _pairs(s) + 3, s + _pairs(s) + 3, dtype=torch.float64),
            linear=Comoments.empty(s + _pairs(s) + 3),
            squares=Comoments.empty(s + (_pairs(s) or 2) + 1),
            by_fitted=torch.zeros(across, across, dtype=torch.int64),
            by_size=torch.zeros(across, int(REACH**0.5) * ROOTS, dtype=torch.int64),
            by_leverage=torch.zeros(along, across, dtype=torch.int64),
            profile=torch.zeros(across + 2, 4, dtype=torch.float64),
            sketch=torch.zeros(2 * _SKETCH + 1, dtype=torch.int64),
            covered=torch.zeros(2, dtype=torch.int64),
            outside=0,
            top=torch.zeros(0, len(COLUMNS), dtype=torch.float64),
            kept=torch.zeros(0, len(COLUMNS), dtype=torch.float64),
        )

    def of(self, batch: Numbered) -> ResidualSums:
        """Of some rows; those of weight 0 are not there."""
        rows, numbers = batch.rows, batch.numbers
        if rows.w is not None and bool((rows.w == 0).any()):
            # Numbers of the rows stay with them, so what is shown later has the row's number in the table.
            there = torch.nonzero(rows.w.cpu())[:, 0]
            rows, numbers = rows[there.to(rows.X.device)], numbers[there]
        start = self.empty()
        if len(rows) == 0:
            return start
        lens, basis, target = self.lens, self.lens.basis, self.lens.target
        seen = basis.see(rows)
        found = influence(basis, seen, target)
        e, h, r = seen.e[:, target], found.hat, found.std_resid
        z, g = e / lens.sigma, seen.line[:, target] / (lens.width or 1.0)
        # Coordinates of mean square 1 in place of the columns: the auxiliary regressions have the same fit, and lose no digits.
        own = seen.q[:, int(basis.intercept) :] * (basis.count**0.5 / seen.root)[:, None]
        crossed = _crossed(own)
        # RESET asks whether g^2 and g^3, or the products, explain the residuals beside the columns; g is a combination of the columns.
        linear = torch.cat([own, crossed, torch.stack([g**2, g**3, z / seen.root], 1)], 1).nan_to_num(0.0)
        # Each row's pull on the weights of all of these, for a test that allows for unequal spread.
        pulled = torch.cat([torch.ones_like(z)[:, None], linear[:, :-1]], 1) * (z * seen.root).nan_to_num(0.0)[:, None]
        # Breusch-Pagan and White regress the squared residuals on the columns, and on their squares and products. Those of many columns
        # are too many; fitted values and their square stand for them, as in Wooldridge (2019, 8.3).
        powers = crossed if crossed.shape[1] else torch.stack([g, g**2], 1)
        squares = torch.cat([own, powers, (z**2).nan_to_num(0.0)[:, None]], 1)
        fitted = lens.center + seen.line[:, target] * lens.unit
        table = torch.stack([numbers.to(torch.float64), fitted, found.resid, h, r, found.rstudent, found.cooksd], 1)
        size = r.abs().sqrt()
        inside = (g.abs() < REACH) & (r.abs() < REACH)
        # Leverage is told against its mean, rank / n, so that pictures of any number of rows look alike.
        log = torch.log10(h.clamp(min=1e-300) * (basis.count / max(basis.rank, 1)))
        # Cells of fitted values, with one more on either side for all that lies beyond.
        place = ((g.clamp(-REACH, REACH) + REACH) * FINE).floor().long() + 1
        place = torch.where(g >= REACH, 2 * REACH * FINE + 1, torch.where(g < -REACH, 0, place))
        known = r.isfinite()
        each = torch.stack([torch.ones_like(r), r, size, r * r], 1)[known]
        # asinh is a logarithm far from zero and straight near it: cells of constant relative width, and none for nothing.
        sketched = (torch.asinh(1e3 * r[known]) * 100).round().clamp(-_SKETCH, _SKETCH).long() + _SKETCH
        return replace(
            start,
            totals=Totals.of(seen),
            powers=torch.stack([(z**power).sum() for power in (1, 2, 3, 4)]),
            # Durbin-Watson needs neighbours; those across two batches are known when both are there (`steps`).
            inside_steps=float((e[1:] - e[:-1]).square().sum()),
            ends=torch.stack([table[[0, -1], _NUMBER], e[[0, -1]]], 1).reshape(1, 4),
            meat=pulled.T @ pulled,
            linear=Comoments.of(linear, seen.root**2),
            squares=Comoments.of(squares),
            by_fitted=_counted(start.by_fitted, g, r, (REACH, FINE), (REACH, FINE)),
            by_size=_counted(start.by_size, g, size, (REACH, FINE), (0, ROOTS)),
            by_leverage=_counted(start.by_leverage, log, r, (-DECADES[0], TENTH), (REACH, FINE)),
            profile=start.profile.index_add(0, place[known], each),
            sketch=torch.bincount(sketched, minlength=2 * _SKETCH + 1),
            covered=_covered(found.rstudent, basis.df - 1),
            outside=int((~inside).sum()),
            top=_extreme(table),
            kept=table if len(table) <= MOST else table[:0],
        )


def _covered(rstudent: Tensor, df: int) -> Tensor:
    """How many rows lie within the prediction interval of the line without them, and how many have one.

    What the row is off from that line's prediction, over the standard error of that prediction, is its externally studentised residual
    (Belsley, Kuh & Welsch 1980): so no line is fitted again.
    """
    known = rstudent.isfinite()
    within = known & (rstudent.abs() <= (t_quantile(0.5 + COVERAGE / 2, df) if df > 0 else _NAN))
    return torch.stack([within.sum(), known.sum()])


def _pairs(s: int) -> int:
    """Squares and products of s columns; none of many."""
    return s * (s + 1) // 2 if s <= CROSSED else 0


def _crossed(own: Tensor) -> Tensor:
    """The squares and products of the columns (n, s), (n, _pairs(s))."""
    s = own.shape[1]
    # Each product once; squares are on the diagonal.
    i, j = torch.triu_indices(s, s) if _pairs(s) else torch.zeros(2, 0, dtype=torch.int64)
    return own[:, i] * own[:, j]


def _counted(like: Tensor, x: Tensor, y: Tensor, on_x: tuple[int, int], on_y: tuple[int, int]) -> Tensor:
    """Rows in cells; a side is (how far below zero it begins, cells to a unit). What lies beyond is not counted."""
    i = ((x.nan_to_num(math.inf) + on_x[0]) * on_x[1]).clamp(-1, like.shape[0]).floor().long()
    j = ((y.nan_to_num(math.inf) + on_y[0]) * on_y[1]).clamp(-1, like.shape[1]).floor().long()
    inside = (i >= 0) & (i < like.shape[0]) & (j >= 0) & (j < like.shape[1])
    return torch.bincount((i * like.shape[1] + j)[inside], minlength=like.numel()).reshape(like.shape)


def _extreme(table: Tensor) -> Tensor:
    """The rows of the largest Cook's distance, leverage, and standardised residual of either sign; by number, each once."""
    if len(table) == 0:
        return table
    # The TOP of a union are among the TOPs of its parts, so extremes add in any order.
    keys = (table[:, _COOK], table[:, _STUDENT].abs(), table[:, _HAT], table[:, _STD], -table[:, _STD])
    chosen = [key.nan_to_num(-math.inf, math.inf).argsort(descending=True, stable=True)[:TOP] for key in keys]
    index = torch.cat(chosen).unique()
    return _by_number(table[index])


def quantile_of(sketch: Tensor, probability: Tensor) -> Tensor:
    """Quantiles of the standardised residuals, from their sketch: off by half a percent, or by a hundred-thousandth near zero."""
    # The cell in which the share of rows below reaches the probability; sinh undoes asinh.
    upto = sketch.cumsum(0).to(torch.float64)
    cell = torch.searchsorted(upto, probability * upto[-1]).clamp(max=len(sketch) - 1)
    return torch.sinh((cell - _SKETCH).to(torch.float64) / 100) / 1e3


def at_or_above(sketch: Tensor, value: float) -> tuple[float, int]:
    """The least edge of a cell of the sketch that is no less than a value, and how many residuals are no less than it, exactly."""
    cell = min(max(math.ceil(math.asinh(1e3 * value) * 100 + 0.5 - 1e-6) + _SKETCH, 0), len(sketch))
    return math.sinh((cell - _SKETCH - 0.5) / 100) / 1e3, int(sketch[cell:].sum())
