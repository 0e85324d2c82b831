"""Table: estimates at their places, with errors, tests and intervals, and what must be known to read them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from bestline.data.design.inverse import Inverse
from bestline.inference.classical import check_level, t_two_sided
from bestline.inference.fitted import FittedLine
from bestline.inference.marginal.adjustment import SAID, adjusted, half_width
from bestline.inference.marginal.combinations import Combined
from bestline.wording import aligned, finite, fixed, intervals, p_value, plain, preformatted, significant

if TYPE_CHECKING:
    from pandas import DataFrame

NUMBERS = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")


def place_said(cells: Sequence[Any]) -> str:
    """Where an estimate is, in words; a number without commas, for 1947 may be a year."""
    return ", ".join(cell if isinstance(cell, str) else f"{cell:.10g}" for cell in cells)


@dataclass(frozen=True, slots=True)
class MarginalEstimate:
    """One estimate of one target; NaN where a number does not exist."""

    at: tuple[Any, ...]
    target: str
    estimate: float
    std_error: float
    statistic: float
    p_value: float
    conf_low: float
    conf_high: float


@dataclass(frozen=True, slots=True, eq=False)
class Marginal:
    """What a line says at chosen places: `print` it, or take `frame()`.

    Attributes
    ----------
    title : str
    columns : tuple of str
        What says where: names of the columns of each place's `at`.
    targets : tuple of str
    places : tuple of MarginalEstimate
        Target by target.
    level : float
        Of the intervals.
    cov : str
        What the standard errors are called; empty where there are none.
    df : int
        Degrees of freedom of Student's t.
    notes : tuple of str
    warnings : tuple of str
        Those that speak of numbers that are not there.
    at_means : tuple of (str, float)
        Columns of numbers that stand at their training mean, as the first of the notes says.
    turned_back : tuple of (str, str)
        Targets such as log(y) whose estimates are medians of a column, and of which.
    """

    title: str
    columns: tuple[str, ...]
    targets: tuple[str, ...]
    places: tuple[MarginalEstimate, ...]
    level: float
    cov: str
    df: int
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    at_means: tuple[tuple[str, float], ...] = ()
    turned_back: tuple[tuple[str, str], ...] = ()

    def frame(self) -> DataFrame:
        """A row an estimate: where it is, then estimate, std_error, statistic, p_value, conf_low, conf_high; of several targets `target` first.

        Its `attrs` say the covariance, the degrees of freedom, the level and the notes.
        """
        import pandas as pd

        found = pd.DataFrame([self._cells(place) for place in self.places], columns=self._head)
        found.attrs |= {"cov": self.cov, "df": self.df, "level": self.level, "notes": list(self.notes)}
        return found

    @property
    def _head(self) -> list[str]:
        targets = ["target"] if len(self.targets) > 1 else []
        taken = {*targets, *NUMBERS}
        # A column of the table may be called like one of ours; two columns of one name would be no frame to work with.
        return [*targets, *(f"{name} (column)" if name in taken else name for name in self.columns), *NUMBERS]

    def _cells(self, place: MarginalEstimate) -> list[Any]:
        targets = [place.target] if len(self.targets) > 1 else []
        return [*targets, *place.at, *(getattr(place, name) for name in NUMBERS)]

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready."""
        rows = [dict(zip(self._head, map(finite, self._cells(place)), strict=True)) for place in self.places]
        told = {"title": self.title, "estimates": rows, "level": self.level, "cov": self.cov or None, "df_residual": self.df}
        return told | {"notes": [*self.notes]}

    def __str__(self) -> str:
        where = self._head[: -len(NUMBERS)]
        between, ends = intervals([(place.conf_low, place.conf_high) for place in self.places], self.level)
        rows = [[*where, "estimate", "std error", "t", "p", between]]
        for place, both in zip(self.places, ends, strict=True):
            at = [plain(place_said([cell]), 60) for cell in self._cells(place)[: len(where)]]
            numbers = [significant(place.estimate), significant(place.std_error), fixed(place.statistic, 2)]
            rows.append([*at, *numbers, p_value(place.p_value), both])
        errors = f"Standard errors: {self.cov}; {self.df:,} degrees of freedom." if self.cov else ""
        below = [line for line in (errors, *self.notes) if line]
        return "\n".join([self.title, "", *aligned(rows, numbers=True), *([""] if below else []), *below])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return preformatted(str(self))


def tabled(
    line: FittedLine,
    found: Combined,
    at: Sequence[tuple[Any, ...]],
    *,
    level: float,
    adjust: str = "none",
    families: Sequence[Sequence[int]] = (),
    means: int = 0,
) -> tuple[list[MarginalEstimate], list[str]]:
    """The places of estimates `at` so many, and sentences on those without a number.

    `families` are the rows (of one target) that are adjusted together, each of comparisons of so many `means`.
    """
    check_level(level)
    places: list[MarginalEstimate] = []
    for k, target in enumerate(line.targets):
        estimate, error = found.estimate[:, k].tolist(), found.std_error[:, k].tolist()
        # Without errors, or where they are zero, there is nothing to divide by: no test, and no p-value of 0.
        t = [e / s if found.df > 0 and s > 0 else math.nan for e, s in zip(estimate, error, strict=True)]
        p = [t_two_sided(value, found.df) if math.isfinite(value) else math.nan for value in t]
        half = [math.nan] * len(t)
        for family in families or [range(len(t))]:
            # What is not known is not compared, so nothing needs to be allowed for it.
            own = [i for i in family if not math.isnan(error[i])]
            if not own or found.df <= 0:
                continue
            # For as many comparisons as have an error; intervals and p-values allow for the same number.
            width = half_width(level, adjust, len(own), means, found.df)
            new = adjusted([p[i] for i in own], [t[i] for i in own], adjust, means, found.df)
            for i, value in zip(own, new, strict=True):
                p[i], half[i] = value, width * error[i]
        places += [
            MarginalEstimate(at[i], target, estimate[i], error[i], t[i], p[i], estimate[i] - half[i], estimate[i] + half[i])
            for i in range(len(t))
        ]
    return places, _unsaid(found, at)


def in_own_units(places: Sequence[MarginalEstimate], inverses: Mapping[str, Inverse | None]) -> list[MarginalEstimate]:
    """Estimates of targets such as log(y) in units of y: ends of intervals turn back exactly, errors by the delta method."""
    return [place if (back := inverses[place.target]) is None else _turned_back(place, back) for place in places]


def _turned_back(place: MarginalEstimate, back: Inverse) -> MarginalEstimate:
    with torch.enable_grad():
        fitted = torch.tensor([place.estimate], dtype=torch.float64, requires_grad=True)
        own = back(fitted)
        (slope,) = torch.autograd.grad(own.sum(), fitted)
    # An interval that turns back exactly is not symmetrical, and holds the truth as often as before; an error has no such way.
    low, high = back.ends(*(torch.tensor([end], dtype=torch.float64) for end in (place.conf_low, place.conf_high)))
    error = abs(float(slope)) * place.std_error
    return replace(place, estimate=float(own.detach()), std_error=error, conf_low=float(low), conf_high=float(high))


def said_of(adjust: str, families: Sequence[Sequence[int]]) -> list[str]:
    """Sentences on how the p-values of families were adjusted."""
    many = max((len(family) for family in families), default=0)
    if many < 2:
        return []
    of = f"{many:,} comparisons{' in each group' if len(families) > 1 else ''}"
    if adjust == "none":
        return [f"Neither p-values nor intervals are adjusted for {of}."]
    by = "Bonferroni" if adjust == "holm" else SAID[adjust]
    ends = "intervals too" if by == SAID[adjust] else f"intervals by {by}"
    return [f"P-values adjusted for {of} by {SAID[adjust]}, {ends}."]


def _unsaid(found: Combined, at: Sequence[tuple[Any, ...]]) -> list[str]:
    """Sentences on estimates and errors that are not there, one a reason."""
    by_reason: dict[str, list[str]] = {}
    for cells, why in zip(at, found.why, strict=True):
        if why:
            by_reason.setdefault(why, []).append(plain(place_said(cells), 60) or "the whole")
    told = []
    for why, places in by_reason.items():
        some = "; ".join(places[:5]) + (f"; and {len(places) - 5:,} more" if len(places) > 5 else "")
        told.append(f"Not known: {some} ({why}).")
    return told + ([f"There are no standard errors: {found.without}."] if found.without else [])
