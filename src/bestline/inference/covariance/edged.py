"""Lines under a loss with edges: what the weights of median, quantile and Huber lines are worth.

    minimum    sum of w psi(u) x = 0        u = y - fitted, psi the slope of the loss at u, w the row's weight
    covariance of the weights = B^-1 M B^-1        B = sum of w bend x x'        M = sum of (w psi)^2 x x'

`bend` is how fast the mean of psi falls as the line rises past a row. Huber's psi has that slope itself, 1 between the edges and 0
beyond (Huber 1967; 1981, 7.6); the edges are taken for known. The psi of a quantile jumps at 0, so it is the density of the row's
errors there, which a kernel estimates (Powell 1991), in a bandwidth that goes to 0 as rows grow in number. Where errors are alike in
all rows one number stands for all `bend`, and one for all psi^2, which leaves a multiple of (X'WX)^-1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from bestline.calls import no_such, one_of
from bestline.data.design.weight_kinds import ANALYTIC, FREQUENCY, PROBABILITY
from bestline.errors import NumericalError, listed
from bestline.inference.coordinates import Basis
from bestline.inference.covariance.base import CovarianceKind, Filling
from bestline.inference.covariance.density import BANDWIDTHS, USUAL, at_each, at_zero, kernel_width, reaches, too_few
from bestline.inference.covariance.sandwich import NO_ERRORS, Covariance, depends, of_weights, said_unknown
from bestline.numerics import eigenvectors
from bestline.wording import count, plain

_FLAT = 1e-10  # of the steepest bend: less in some direction is rounding
_NOT_ALIKE = "Under probability weights rows are not drawn alike, so 'iid' does not hold; take 'robust'."
_INSIDE, _OTHERS = 5, 10  # rows between the edges for each weight, and beside these, where nearly all others lie beyond


@dataclass(frozen=True, slots=True, eq=False)
class EdgedRows:
    """The rows of one target, as a loss with edges sees them.

    Attributes
    ----------
    u : Tensor (n,)
        In units of the target's scale.
    low, high : float
        The slopes of the loss far below and far above the line; under a bent loss also its edges.
    w : Tensor (n,)
        Weights with the mean 1.
    weights : str
        Of which kind they are.
    count, rank : int
        How many rows there are, copies counted, and how many weights of the line the data determine.
    rounding : float
        What float64 leaves of a residual of 0.
    alone : Tensor (n,)
        Whether a row determines a weight by itself (leverage 1).
    rise : Tensor (n,) or None
        How far the quantile line rises at each row from a bandwidth below the level to one above, for a kind that asks for it.
    """

    u: Tensor
    low: float
    high: float
    w: Tensor
    weights: str
    count: int
    rank: int
    rounding: float
    alone: Tensor
    rise: Tensor | None = None

    @property
    def again(self) -> Tensor:
        """What a row's square counts beside w, (n,): copies have a square each, any other row that of its weighted score."""
        return torch.ones_like(self.w) if self.weights == FREQUENCY else self.w

    @property
    def level(self) -> float:
        """Of a loss with a corner, the quantile that it estimates."""
        return self.high / (self.high - self.low)

    @property
    def squares(self) -> Tensor:
        """Of a loss with a corner, the square of each row's slope, (n,)."""
        own = torch.where(self.u > 0, torch.full_like(self.u, self.high**2), self.low**2)
        # Of rows on the line, as many as it has weights, rounding would decide the side: they count with what is expected of any row.
        return torch.where(self.u.abs() > self.rounding, own, -self.low * self.high)

    @property
    def between(self) -> Tensor:
        """Of a bent loss, whether a row lies between the edges: 1 or 0, (n,)."""
        return ((self.u >= self.low) & (self.u <= self.high)).to(torch.float64)

    @property
    def alike(self) -> tuple[Tensor, Tensor]:
        """EdgedRows of like spread (n,), and how many rows each stands for, (n,).

        Analytic weights say how precise a row is: w u has the same spread for all, as R's `rq` has it.
        """
        # The quantile loss of w u is w times that of u: so these are the weights under which the line is the best one.
        if self.weights == ANALYTIC:
            return self.w * self.u, torch.ones_like(self.w)
        return self.u, self.w

    @property
    def sharper(self) -> Tensor:
        """How many times as dense the errors of a row are as residuals brought to like spread, (n,)."""
        return self.w if self.weights == ANALYTIC else torch.ones_like(self.w)


@dataclass(frozen=True, slots=True, eq=False)
class Pulls:
    """What each row puts into M and into B, over its weight, (n,) both."""

    square: Tensor
    bend: Tensor


@dataclass(frozen=True, slots=True)
class OfEdges(CovarianceKind, ABC):
    """A covariance of a line under a loss with edges."""

    @abstractmethod
    def pulls(self, of: EdgedRows) -> Pulls:
        """What the rows put in; raises NumericalError where they do not tell."""

    def alone(self, of: EdgedRows) -> Tensor:
        """Rows that say nothing of their own error, (n,)."""
        return torch.zeros_like(of.alone)

    def beside(self, rows: int, level: float) -> tuple[float, float] | None:
        """The levels of two more quantile lines that it looks at, the lower first; None for most, which do with residuals."""
        del rows, level
        return None

    def said(self, of: EdgedRows) -> tuple[str, ...]:
        """What people should know of these rows."""
        del of
        return ()

    def refused_under(self, weights: str) -> str:
        """Why it does not hold under weights of a kind; empty where it does."""
        del weights
        return ""


@dataclass(frozen=True, slots=True)
class HuberRobust(OfEdges):
    """Each row puts in its own score: for errors of any spread. n / (n - rank) as HC1 has it, which it is where no row is beyond an edge."""

    name: ClassVar[str] = "robust"
    holds: ClassVar[str] = "of an M-estimator with delta known: independent errors of any spread, valid in large samples"

    @property
    def title(self) -> str:
        """As a table calls it."""
        return "robust sandwich"

    def pulls(self, of: EdgedRows) -> Pulls:
        """psi^2, and whether a row lies between the edges."""
        # The slope of the loss is the residual itself, cut off at the edges.
        psi = of.u.clamp(of.low, of.high)
        _refuse_few(of)
        return Pulls(of.again * psi**2 * (of.count / (of.count - of.rank)), of.between)

    def alone(self, of: EdgedRows) -> Tensor:
        """Rows that determine a weight by themselves: their residual is 0 whatever their error was."""
        return of.alone


_CHOICES: dict[str, Collection[str]] = {
    "bandwidth": BANDWIDTHS,
    "density": ("own", "common", "fits"),
    "form": ("H1", "H2", "H3"),
}


@dataclass(frozen=True, slots=True)
class Chosen(OfEdges):
    """One with options, each a choice among words."""

    @classmethod
    def asked(cls, columns: Sequence[str], options: Mapping[str, Any]) -> Self:
        """With these options."""
        del columns
        for name, value in options.items():
            if not one_of(value, _CHOICES[name]):
                raise no_such(name, value, _CHOICES[name])
        return cls(**options)

    @property
    def said_options(self) -> dict[str, Any]:
        """Those that are not what they usually are."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


@dataclass(frozen=True, slots=True)
class HuberIid(Chosen):
    """Errors are alike in all rows: Huber's proposals (1981, 7.6.4 to 7.6.6), statsmodels' H1, H2 and H3; H1 is that of R's `rlm`.

        H1  K^2 s^2 / m^2 (X'WX)^-1        H2  K s^2 / m B^-1        H3  s^2 / K B^-1 X'WX B^-1

    s^2 = sum of psi^2 / (n - rank), m the mean of psi', K = 1 + rank / n (1 - m) / m, and B = sum of w psi' x x': of rows that are
    alike B is m X'WX, and the three are one but for K.

    Attributes
    ----------
    form : {"H1", "H2", "H3"}
    """

    name: ClassVar[str] = "iid"
    options: ClassVar[tuple[str, ...]] = ("form",)
    form: str = "H1"
    holds: ClassVar[str] = "of an M-estimator with delta known: independent errors, alike in all rows"

    @property
    def title(self) -> str:
        """As a table calls it."""
        return f"iid, Huber's {self.form}"

    def pulls(self, of: EdgedRows) -> Pulls:
        """Their means, the same for all rows, or with each row's own slope."""
        psi = of.u.clamp(of.low, of.high)
        _refuse_few(of)
        m = float((of.w * of.between).sum()) / of.count
        K = 1 + of.rank / of.count * (1 - m) / m
        # The line has taken up some of the errors, as in least squares.
        square = float((of.w * psi**2).sum()) / (of.count - of.rank)
        own = of.between
        if self.form == "H1":
            return Pulls(torch.full_like(own, square), torch.full_like(own, m / K))
        return Pulls(own * (K * square / m) if self.form == "H2" else torch.full_like(own, square / K), own)

    def refused_under(self, weights: str) -> str:
        """Under weights that say that errors are not alike."""
        if weights == ANALYTIC:  # w u has one distribution, but not the part of it beyond delta
            return "Under analytic weights errors differ in spread and delta is one number, so scores are not alike; take 'robust'."
        return _NOT_ALIKE if weights == PROBABILITY else ""


def _refuse_few(of: EdgedRows) -> None:
    """Raise NumericalError where too few rows lie between the edges to tell how fast the slopes' mean falls."""
    inside = float((of.w * of.between).sum() if of.weights == FREQUENCY else of.between.sum())
    # The narrower the edges, the more it is the line that goes through rows, as many as it has weights, as a median line does: they
    # lie inside however few others do. Huber's K, 1 + rank / n (1 - m) / m, is the share by which that makes errors too small, to the
    # first order; more than a fifth is no small correction any more, and fewer than ten others are a count that is chance.
    if inside < max(_INSIDE * of.rank, of.rank + _OTHERS) * (1 - inside / of.count):
        raise NumericalError(
            f"just {inside:,.0f} of {of.count:,} rows lie within delta of the line, too few to tell its errors; a line with so small a "
            f"delta is nearly a median line: use loss='absolute', or a larger delta."
        )


@dataclass(frozen=True, slots=True)
class OfQuantile(Chosen):
    """Of a quantile, from the density of errors there.

    Attributes
    ----------
    bandwidth : {"hall-sheather", "bofinger", "chamberlain"}
        How near to the quantile residuals tell of it.
    """

    options: ClassVar[tuple[str, ...]] = ("bandwidth",)
    bandwidth: str = USUAL

    @property
    def by_rule(self) -> str:
        """The bandwidth, as a title adds it."""
        return "" if self.bandwidth == USUAL else f", {self.bandwidth.capitalize()}'s bandwidth"

    def width(self, of: EdgedRows) -> float:
        """The bandwidth in units of the residuals."""
        return kernel_width(*of.alike, of.level, BANDWIDTHS[self.bandwidth](of.count, of.level), rounding=of.rounding)


# By where their densities come from, as tables call them.
_SANDWICHES = {
    "own": "Powell's kernel sandwich",
    "fits": "Hendricks and Koenker's sandwich",
    "common": "robust sandwich, one density for all rows",
}


@dataclass(frozen=True, slots=True)
class QuantileRobust(OfQuantile):
    """For errors of any spread: the density of each row's errors by a normal kernel at its own residual, as R's quantreg has se = "ker".

    Attributes
    ----------
    density : {"own", "fits", "common"}
        "fits": that of each row by the rise of the line from a bandwidth b below the level to one above, 2 b / rise (Hendricks &
        Koenker 1992), as R's quantreg has se = "nid"; rows where these lines cross tell none. "common": one density for all rows, and each row's own score; that is right for errors of one spread about a curve that is no
        line. As statsmodels' vcov="robust", which has rows on the line above or below by rounding.
    """

    name: ClassVar[str] = "robust"
    options: ClassVar[tuple[str, ...]] = ("bandwidth", "density")
    holds: ClassVar[str] = "independent errors, valid in large samples"
    density: str = "own"

    @property
    def title(self) -> str:
        """As a table calls it."""
        return _SANDWICHES[self.density] + self.by_rule

    def beside(self, rows: int, level: float) -> tuple[float, float] | None:
        """A bandwidth below and above, where these are looked at and exist."""
        b = BANDWIDTHS[self.bandwidth](rows, level)
        return (level - b, level + b) if self.density == "fits" and reaches(b, level) else None

    def said(self, of: EdgedRows) -> tuple[str, ...]:
        """At how many rows the lines beside cross."""
        crossed = 0 if of.rise is None else int((of.rise <= of.rounding).sum())
        if not crossed:
            return ()
        return (
            f"At {count(crossed, 'row')} the quantile lines a bandwidth apart cross or touch, which tells no density of errors there.",
        )

    def pulls(self, of: EdgedRows) -> Pulls:
        """Expected squares of the scores, and densities."""
        span = of.high - of.low
        common = self.density == "common"
        sampled = of.weights == PROBABILITY  # by what may have to do with the errors: then each row's own square counts
        square = of.squares if sampled or common else torch.full_like(of.u, -of.low * of.high)
        return Pulls(of.again * square, span * (self._between(of) if self.density == "fits" else of.sharper * self._near(of)))

    def _near(self, of: EdgedRows) -> Tensor:
        """Densities by residuals near the line, of rows brought to like spread."""
        h = self.width(of)
        # One density for all is estimated from all rows; of each row only its own residual tells.
        return at_each(of.alike[0], h) if self.density == "own" else torch.full_like(of.u, at_zero(*of.alike, h))

    def _between(self, of: EdgedRows) -> Tensor:
        """Densities of the rows as they are, by the rise of the line; 0 where the lines cross."""
        if of.rise is None:
            raise too_few(of.count, of.level)
        b = BANDWIDTHS[self.bandwidth](of.count, of.level)
        return torch.where(of.rise > of.rounding, 2 * b / of.rise.clamp(min=1e-300), 0.0)


@dataclass(frozen=True, slots=True)
class QuantileIid(OfQuantile):
    """Errors are alike in all rows: level (1 - level) / f(0)^2 (X'WX)^-1 (Koenker & Bassett 1978).

    f by an Epanechnikov kernel over all residuals, as Stata's qreg with kernel(epan2); and statsmodels' vcov="iid", but for its
    bandwidth, which it takes from the smaller of the standard deviation of the target and the interquartile range of residuals.
    """

    name: ClassVar[str] = "iid"
    holds: ClassVar[str] = "independent errors, alike in all rows; valid in large samples"

    @property
    def title(self) -> str:
        """As a table calls it."""
        return f"iid, kernel density{self.by_rule}"

    def pulls(self, of: EdgedRows) -> Pulls:
        """One square and one density for all rows."""
        # What psi jumps by at 0 is the span of its slopes; so fast does its mean fall, times the density there.
        f = at_zero(*of.alike, self.width(of))
        return Pulls(of.again * -of.low * of.high, of.sharper * f * (of.high - of.low))

    def refused_under(self, weights: str) -> str:
        """Under weights of a sample that was drawn unevenly."""
        return _NOT_ALIKE if weights == PROBABILITY else ""


_QUANTILE: tuple[type[OfEdges], ...] = (QuantileRobust, QuantileIid)
# Of each loss by its name, the usual one first.
KINDS: dict[str, tuple[type[OfEdges], ...]] = {
    "huber": (HuberRobust, HuberIid),
    "absolute": _QUANTILE,
    "quantile": _QUANTILE,
}


def edged(
    basis: Basis,
    q: Tensor,
    residuals: Sequence[EdgedRows],
    kind: OfEdges,
    determined: Tensor,
    names: tuple[str, ...],
    targets: tuple[str, ...],
) -> Covariance:
    """The covariance of the weights of every target.

    Parameters
    ----------
    basis
    q : Tensor (n, r)
        All training rows in its coordinates.
    residuals
        Of each target, (k,).
    kind
    determined : Tensor (d,)
        Which weights the data determine; the others get NaN.
    names, targets : tuple of str
        Of the weights (d,) and of the targets (k,).
    """
    T, middles, known, notes, lacking = basis.weights(), [], [], list[str](), list[str]()
    blind = torch.zeros(basis.rank, basis.rank, dtype=torch.float64)
    for of, target, rss in zip(residuals, targets, basis.rss.tolist(), strict=True):
        of_which = f" of {plain(target)}" if len(targets) > 1 else ""
        middle = flat = torch.zeros_like(blind)
        try:
            if rss > 0:  # a line through every point has no errors
                middle, flat = _middle(q, kind.pulls(of))
        except NumericalError as error:
            lacking.append(f"{error}" if len(targets) == 1 else f"{plain(target)}: {error}")
            notes.append(f"{NO_ERRORS}{lacking[-1]}")
            middle = torch.full_like(blind, math.nan)
        # Rows of leverage 1 are orthogonal to all others, so their projections add.
        own = q[kind.alone(of)]
        own = own / own.norm(dim=1, keepdim=True)
        alone, unknown = depends(T, own.T @ own) & determined & (rss > 0), depends(T, flat) & determined
        lost = [name for name, is_lost in zip(names, unknown.tolist(), strict=True) if is_lost]
        if lost:
            notes.append(
                f"No row near the line says where {listed(lost)} should be{of_which}, so there is no such standard error."
            )
        notes += [*said_unknown(kind, alone, names), *(kind.said(of) if rss > 0 else ())]
        middles.append(middle)
        known.append(determined & ~unknown & ~alone)
        blind = blind + flat + own.T @ own
    middle = torch.stack(middles)
    filling = Filling(
        middle,
        basis.df,
        kind.title,
        blind=blind if bool(blind.any()) else None,
        notes=tuple(dict.fromkeys(notes)),
        lacks="; ".join(reason.rstrip(".") for reason in lacking),
    )
    return of_weights(basis, kind, filling, middle, torch.stack(known))


def _middle(q: Tensor, pulls: Pulls) -> tuple[Tensor, Tensor]:
    """B^-1 M B^-1, and the projection onto the directions that no row bends in, (r, r) both."""
    B, M = q.T @ (q * pulls.bend[:, None]), q.T @ (q * pulls.square[:, None])
    values, vectors = eigenvectors(B)
    # Where no row bends, the line is pulled by signs alone, and nothing tells how far it is off.
    firm = values > _FLAT * values[-1].clamp(min=1e-300)
    V = vectors[:, firm]
    inverse = V / values[firm] @ V.T
    flat = vectors[:, ~firm]
    return inverse @ M @ inverse, flat @ flat.T
